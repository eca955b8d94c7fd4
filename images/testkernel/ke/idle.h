/* SPDX-License-Identifier: MIT */
/*
 * Boot option idle=poll: the idle processor runs a loop instead of halting. Under -icount virtual time then only passes by instructions, and so
 * the same in every run. When a processor halts, QEMU's main loop moves virtual time to the next timer, and (7.2, icount_start_warp_timer) may
 * do so between the halt and the accounting of the last instructions before it: the timer then comes some nanoseconds late, at times.
 */
#ifndef KE_IDLE_H
#define KE_IDLE_H
#include "kernel.h"

extern BOOLEAN KiIdlePolls;

/* Boot. */
VOID KiInitializeIdle(VOID);
/* Idle thread, interrupts off; returns with interrupts on, once another thread has run. */
VOID KiPollIdle(VOID);

#endif
