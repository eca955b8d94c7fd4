/* SPDX-License-Identifier: MIT */
/*
 * Access to the registers that the generated headers describe. The base is a mapped address; type and register name give the offset, so no
 * magic number appears: RegisterRead(page, buddy_client_t, SCRATCH).
 */
#ifndef REGISTERS_H
#define REGISTERS_H

#include "ddk_compat.h"

#define ALL_ONES 0xFFFFFFFFu /* what reads of an absent, unpowered or gated device answer */

#define RegisterRead(base, type, reg) READ_REGISTER_ULONG((volatile ULONG *)((PUCHAR)(base) + FIELD_OFFSET(type, reg)))
#define RegisterWrite(base, type, reg, value)                                                                          \
    WRITE_REGISTER_ULONG((volatile ULONG *)((PUCHAR)(base) + FIELD_OFFSET(type, reg)), (value))

#endif
