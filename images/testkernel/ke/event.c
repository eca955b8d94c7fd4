/* SPDX-License-Identifier: MIT */
/* Events, semaphores, gates. IRQL <= DISPATCH_LEVEL (with Wait = TRUE: <= APC_LEVEL; the optimization itself is not needed here). */
#include "ke/dispatch.h"
#include "ke/bugcheck.h"
#include "ke/rules.h"
#include "ke/processor.h"

static VOID CheckType(DISPATCHER_HEADER *Object, BOOLEAN Good, PCSTR Function, PVOID Caller)
{
    if (!Good || !KiIsLinked(&Object->WaitListHead)) {
        KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_UNINITIALIZED, (ULONG_PTR)Object, Object->Type, 0,
                         Caller, "%s on %p, which is not initialized as what it needs (type %u)", Function, Object,
                         Object->Type);
    }
}

/* "If Wait is set to FALSE, the caller can be running at IRQL <= DISPATCH_LEVEL. Otherwise …" (the pages of KeSetEvent and the others) */
#define CHECK_WAIT(wait, function)                                                                                     \
    do {                                                                                                               \
        if (wait) {                                                                                                    \
            KeAssertIrql(APC_LEVEL, function);                                                                         \
        }                                                                                                              \
    } while (0)

#define CHECK_EVENT(event, function)                                                                                   \
    CheckType(&(event)->Header, (event)->Header.Type <= ObjectEventSynchronization, function,                          \
              __builtin_return_address(0))

VOID NTAPI KeInitializeEvent(PRKEVENT Event, EVENT_TYPE Type, BOOLEAN State)
{
    RtlZeroMemory(Event, sizeof(*Event));
    Event->Header.Type = (UCHAR)Type;
    Event->Header.Size = sizeof(KEVENT) / sizeof(LONG);
    Event->Header.SignalState = State;
    InitializeListHead(&Event->Header.WaitListHead);
}

LONG NTAPI KeSetEvent(PRKEVENT Event, KPRIORITY Increment, BOOLEAN Wait)
{
    CHECK_EVENT(Event, "KeSetEvent");
    CHECK_WAIT(Wait, "KeSetEvent");
    KIRQL irql = KiLockDispatcher();
    LONG old = Event->Header.SignalState;
    Event->Header.SignalState = 1;
    if (!old) {
        KiSignalWaiters(&Event->Header);
    }
    KiUnlockDispatcher(irql);
    return old;
}

LONG NTAPI KeResetEvent(PRKEVENT Event)
{
    CHECK_EVENT(Event, "KeResetEvent");
    KIRQL irql = KiLockDispatcher();
    LONG old = Event->Header.SignalState;
    Event->Header.SignalState = 0;
    KiUnlockDispatcher(irql);
    return old;
}

VOID NTAPI KeClearEvent(PRKEVENT Event)
{
    CHECK_EVENT(Event, "KeClearEvent");
    KIRQL irql = KiLockDispatcher();
    Event->Header.SignalState = 0;
    KiUnlockDispatcher(irql);
}

LONG NTAPI KePulseEvent(PRKEVENT Event, KPRIORITY Increment, BOOLEAN Wait)
{
    CHECK_EVENT(Event, "KePulseEvent");
    CHECK_WAIT(Wait, "KePulseEvent");
    KIRQL irql = KiLockDispatcher();
    LONG old = Event->Header.SignalState;
    if (!old) {
        Event->Header.SignalState = 1;
        KiSignalWaiters(&Event->Header);
    }
    Event->Header.SignalState = 0;
    KiUnlockDispatcher(irql);
    return old;
}

LONG NTAPI KeReadStateEvent(PRKEVENT Event)
{
    return Event->Header.SignalState;
}

VOID NTAPI KeInitializeSemaphore(PRKSEMAPHORE Semaphore, LONG Count, LONG Limit)
{
    RtlZeroMemory(Semaphore, sizeof(*Semaphore));
    Semaphore->Header.Type = ObjectSemaphore;
    Semaphore->Header.Size = sizeof(KSEMAPHORE) / sizeof(LONG);
    Semaphore->Header.SignalState = Count;
    Semaphore->Limit = Limit;
    InitializeListHead(&Semaphore->Header.WaitListHead);
}

LONG NTAPI KeReleaseSemaphore(PRKSEMAPHORE Semaphore, KPRIORITY Increment, LONG Adjustment, BOOLEAN Wait)
{
    CheckType(&Semaphore->Header, Semaphore->Header.Type == ObjectSemaphore, "KeReleaseSemaphore",
              __builtin_return_address(0));
    CHECK_WAIT(Wait, "KeReleaseSemaphore");
    KIRQL irql = KiLockDispatcher();
    LONG old = Semaphore->Header.SignalState;
    if (Adjustment <= 0 || old + Adjustment > Semaphore->Limit || old + Adjustment < old) {
        KeBugCheckReason(
            KMODE_EXCEPTION_NOT_HANDLED, (ULONG)STATUS_SEMAPHORE_LIMIT_EXCEEDED, (ULONG_PTR)Semaphore,
            (ULONG)Adjustment, (ULONG)old, __builtin_return_address(0),
            "semaphore %p: releasing %d at count %d exceeds its limit %d (STATUS_SEMAPHORE_LIMIT_EXCEEDED raised)",
            Semaphore, Adjustment, old, Semaphore->Limit);
    }
    Semaphore->Header.SignalState = old + Adjustment;
    if (!old) {
        KiSignalWaiters(&Semaphore->Header);
    }
    KiUnlockDispatcher(irql);
    return old;
}

LONG NTAPI KeReadStateSemaphore(PRKSEMAPHORE Semaphore)
{
    return Semaphore->Header.SignalState;
}
