/* SPDX-License-Identifier: MIT */
/*
 * The order in which drivers take spin locks, fast mutexes and exclusive ERESOURCEs. Taking B while holding A notes "A before B"; taking
 * them the other way round, ever, can deadlock when two threads do so at the same time and is a stop: 0xC4/0x1001, as Driver
 * Verifier's deadlock detection has it.
 * https://learn.microsoft.com/windows-hardware/drivers/devtest/deadlock-detection
 */
#ifndef KE_LOCKORDER_H
#define KE_LOCKORDER_H
#include "kernel.h"

/* IRQL >= DISPATCH_LEVEL. A driver holds the lock now, Caller is its code. */
VOID KiNoteLockTaken(PKSPIN_LOCK Lock, PVOID Caller);
VOID KiNoteLockDropped(PKSPIN_LOCK Lock);
/* The same for a lock that is released on behalf of Thread (ExReleaseResourceForThreadLite). */
VOID KiNoteLockDroppedBy(PKTHREAD Thread, PKSPIN_LOCK Lock);
/* Any IRQL. The memory is freed or unmapped: what was known of locks in it is not true any more. */
VOID KiForgetLocks(const VOID *Base, SIZE_T Size);

#endif
