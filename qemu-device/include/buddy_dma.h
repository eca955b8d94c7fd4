/* SPDX-License-Identifier: GPL-2.0-or-later OR MIT */
/*
 * The descriptor of buddy's scatter-gather DMA engine, shared by the device and drivers. Little-endian, 32 bytes, naturally
 * aligned; DMA_BASE points to an array of DMA_SIZE of them.
 *
 * The driver fills source, destination, length and control, sets status and done to 0, and then moves DMA_HEAD. The
 * device fetches the descriptor, copies, writes done and then status, and then moves DMA_TAIL.
 */
#ifndef BUDDY_DMA_H
#define BUDDY_DMA_H

#include <stdint.h>

typedef struct BuddyDescriptor {
    uint64_t source;      /* guest-physical address, or offset in the shared RAM (BAR2) */
    uint64_t destination; /* the same */
    uint32_t length;      /* bytes, 1 to BUDDY_DMA_MAX_LENGTH */
    uint32_t control;     /* BUDDY_DMA_CONTROL_* */
    uint32_t done;        /* written by the device: bytes copied */
    uint32_t status;      /* written by the device, last: BUDDY_DMA_STATUS_*; 0 while it waits */
} BuddyDescriptor;

#define BUDDY_DMA_MAX_LENGTH 0x100000u

#define BUDDY_DMA_CONTROL_INTERRUPT       0x1u /* INT_STATUS.dma when this one is complete */
#define BUDDY_DMA_CONTROL_SOURCE_RAM      0x2u /* source is an offset in the shared RAM */
#define BUDDY_DMA_CONTROL_DESTINATION_RAM 0x4u /* destination is an offset in the shared RAM */

#define BUDDY_DMA_STATUS_DONE  0x1u
#define BUDDY_DMA_STATUS_ERROR 0x2u

#endif
