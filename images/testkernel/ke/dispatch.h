/* SPDX-License-Identifier: MIT */
/*
 * The dispatcher: which thread runs. Dispatcher objects, wait lists, ready queues and timers are all under one lock, taken at
 * DISPATCH_LEVEL (nothing of this is touched from device ISRs).
 */
#ifndef KE_DISPATCH_H
#define KE_DISPATCH_H
#include "ke/thread.h"

/* Dispatcher object types (DISPATCHER_HEADER.Type), as Windows numbers them. */
enum {
    ObjectEventNotification = 0,
    ObjectEventSynchronization = 1,
    ObjectMutant = 2,
    ObjectProcess = 3,
    ObjectQueue = 4,
    ObjectSemaphore = 5,
    ObjectThread = 6,
    ObjectGate = 7,
    ObjectTimerNotification = 8,
    ObjectTimerSynchronization = 9
};

/* IRQL <= DISPATCH_LEVEL. Raises to DISPATCH_LEVEL and takes the lock; returns the old IRQL. */
KIRQL KiLockDispatcher(VOID);
/* Releases the lock, switches threads if a better one became ready and OldIrql allows it, lowers to OldIrql. */
VOID KiUnlockDispatcher(KIRQL OldIrql);

/*
 * TRUE if Link is in a list, or is an initialized head. With interrupts off, because the neighbour may leave between the two looks (a waiter that
 * somebody wakes) and is no neighbour any more then. Any IRQL; the lock is not needed.
 */
static inline BOOLEAN KiIsLinked(const LIST_ENTRY *Link)
{
    ULONG64 flags = __readeflags();
    _disable();
    BOOLEAN linked = Link->Flink && Link->Flink->Blink == Link;
    if (flags & 0x200) {
        _enable();
    }
    return linked;
}

/* Lock held. Makes a thread ready; Preempted puts it at the head of its queue. */
VOID KiReadyThread(PKTHREAD Thread, BOOLEAN Preempted);
/* Lock held, DISPATCH_LEVEL, current thread marked Waiting or Terminated: runs the next one; returns when this thread runs again. The lock is
 * free on return. */
VOID KiBlockCurrentThread(VOID);
/* DISPATCH_LEVEL, lock free. Lets a thread of higher (after its quantum: equal) priority run now. */
VOID KiSwitchIfWanted(VOID);
/* Clock interrupt: counts the quantum. */
VOID KiCountQuantum(VOID);
/* Lock held. */
VOID KiSetPriority(PKTHREAD Thread, SCHAR Priority);

/* Lock held. Object's state became signalled: satisfies waiters as long as it stays so. */
VOID KiSignalWaiters(DISPATCHER_HEADER *Object);
/* Lock held. Ends Thread's wait with Status and makes it ready with a priority boost. */
VOID KiEndWait(PKTHREAD Thread, NTSTATUS Status, KPRIORITY Increment);

/* Lock held. Timers: ke/timer.c. */
VOID KiInsertTimer(PKTIMER Timer, ULONG64 Due, BOOLEAN Absolute); /* Absolute: of the system time */
BOOLEAN KiRemoveTimer(PKTIMER Timer);
/* DISPATCH_LEVEL, lock free. */
VOID KiExpireTimers(VOID);
/* Any IRQL. Due time (100 ns) of the next timer, ~0 if none. */
ULONG64 KiNextTimerDue(VOID);
/* Expiry of a thread's wait timer: lock held. */
VOID KiWaitTimedOut(PKTHREAD Thread);

DECLSPEC_NORETURN VOID KiIdleLoop(VOID);
BOOLEAN KiAnyThreadReady(VOID);

#endif
