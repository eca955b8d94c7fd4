/* SPDX-License-Identifier: MIT */
/*
 * Fast mutexes: exclusive, not recursive; the owner runs at APC_LEVEL (Unsafe variants: in a critical region) until it releases.
 * Count is 1 when free and falls by one for the owner and for each waiter, as in the layout that drivers initialize inline. Waiters wait
 * for Event with reason WrFastMutex, by which the deadlock check finds the owner.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/fast-mutexes-and-guarded-mutexes
 */
#include "ex/ex.h"
#include "ke/processor.h"

#define CALLER __builtin_return_address(0)

static VOID RequireIrql(BOOLEAN Good, ULONG Rule, PFAST_MUTEX Mutex, PCSTR Function, PCSTR Expected, const VOID *Caller)
{
    if (!Good) {
        KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, Rule, KeGetCurrentIrql(),
                         (ULONG_PTR)KiCurrentThread()->KernelApcDisable, (ULONG_PTR)Mutex, Caller,
                         "%s of fast mutex %p at IRQL %u; it must be called %s", Function, Mutex, KeGetCurrentIrql(),
                         Expected);
    }
}

static BOOLEAN ApcsDisabled(VOID)
{
    PKTHREAD Thread = KiCurrentThread();
    return KeGetCurrentIrql() == APC_LEVEL || Thread->KernelApcDisable || Thread->SpecialApcDisable;
}

static VOID Acquire(PFAST_MUTEX Mutex, PCSTR Function, const VOID *Caller)
{
    PKTHREAD Thread = KiCurrentThread();
    if (!Mutex->Event.Header.WaitListHead.Flink) {
        KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_UNINITIALIZED, (ULONG_PTR)Mutex, (ULONG_PTR)Thread, 0,
                         Caller, "%s of fast mutex %p, which ExInitializeFastMutex has not initialized", Function,
                         Mutex);
    }
    if (Mutex->Owner == Thread) {
        KeBugCheckReason(
            DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_SELF_DEADLOCK, (ULONG_PTR)Mutex, (ULONG_PTR)Thread, 0, Caller,
            "%s of fast mutex %p by the thread that already owns it: fast mutexes are not recursive, this would "
            "wait forever",
            Function, Mutex);
    }
    if (InterlockedDecrement(&Mutex->Count) != 0) {
        InterlockedIncrement((volatile LONG *)&Mutex->Contention);
        KeWaitForSingleObject(&Mutex->Event, WrFastMutex, KernelMode, FALSE, NULL);
    }
    Mutex->Owner = Thread;
    ExpTrackAcquire(Mutex, "fast mutex", Thread, Caller);
    ExpNoteOrder(Mutex, Caller);
}

static VOID Release(PFAST_MUTEX Mutex, PCSTR Function, const VOID *Caller)
{
    PKTHREAD Thread = KiCurrentThread();
    if (Mutex->Owner != Thread) {
        KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION,
                         Mutex->Owner ? RULE_UNEXPECTED_THREAD : RULE_RELEASE_NOT_OWNED, (ULONG_PTR)Mutex,
                         (ULONG_PTR)Mutex->Owner, (ULONG_PTR)Thread, Caller,
                         Mutex->Owner ? "%s of fast mutex %p by thread %p, but thread %p owns it"
                                      : "%s of fast mutex %p by thread %p, but no thread owns it",
                         Function, Mutex, Thread, Mutex->Owner);
    }
    ExpTrackRelease(Mutex, Thread);
    Mutex->Owner = NULL;
    if (InterlockedIncrement(&Mutex->Count) != 1) {
        KeSetEvent(&Mutex->Event, IO_NO_INCREMENT, FALSE); /* hands over to one waiter */
    }
}

/* IRQL <= APC_LEVEL. Returns at APC_LEVEL. */
VOID FASTCALL ExAcquireFastMutex(PFAST_MUTEX FastMutex)
{
    KIRQL OldIrql;
    KeRaiseIrql(APC_LEVEL, &OldIrql);
    Acquire(FastMutex, "ExAcquireFastMutex", CALLER);
    FastMutex->OldIrql = OldIrql;
}

/* IRQL = APC_LEVEL. Returns at the IRQL of the acquisition. */
VOID FASTCALL ExReleaseFastMutex(PFAST_MUTEX FastMutex)
{
    KIRQL OldIrql = (KIRQL)FastMutex->OldIrql;
    Release(FastMutex, "ExReleaseFastMutex", CALLER);
    KeLowerIrql(OldIrql);
}

/* IRQL <= APC_LEVEL. Returns at APC_LEVEL with TRUE, or FALSE at once if the mutex is taken (also by this thread). */
BOOLEAN FASTCALL ExTryToAcquireFastMutex(PFAST_MUTEX FastMutex)
{
    KIRQL OldIrql;
    KeRaiseIrql(APC_LEVEL, &OldIrql);
    if (InterlockedCompareExchange(&FastMutex->Count, 0, 1) != 1) {
        KeLowerIrql(OldIrql);
        return FALSE;
    }
    FastMutex->Owner = KiCurrentThread();
    FastMutex->OldIrql = OldIrql;
    ExpTrackAcquire(FastMutex, "fast mutex", FastMutex->Owner, CALLER);
    return TRUE;
}

/* IRQL <= APC_LEVEL with kernel APCs off, or an APC could wait for the mutex that its own thread owns. The IRQL stays. */
VOID FASTCALL ExAcquireFastMutexUnsafe(PFAST_MUTEX FastMutex)
{
    RequireIrql(KeGetCurrentIrql() <= APC_LEVEL && ApcsDisabled(), RULE_UNSAFE_ACQUIRE_APCS, FastMutex,
                "ExAcquireFastMutexUnsafe", "at APC_LEVEL or in a critical region (KeEnterCriticalRegion)", CALLER);
    Acquire(FastMutex, "ExAcquireFastMutexUnsafe", CALLER);
}

VOID FASTCALL ExReleaseFastMutexUnsafe(PFAST_MUTEX FastMutex)
{
    RequireIrql(KeGetCurrentIrql() <= APC_LEVEL && ApcsDisabled(), RULE_UNSAFE_RELEASE_APCS, FastMutex,
                "ExReleaseFastMutexUnsafe", "at APC_LEVEL or in a critical region (KeEnterCriticalRegion)", CALLER);
    Release(FastMutex, "ExReleaseFastMutexUnsafe", CALLER);
}

VOID FASTCALL ExEnterCriticalRegionAndAcquireFastMutexUnsafe(PFAST_MUTEX FastMutex)
{
    RequireIrql(KeGetCurrentIrql() <= APC_LEVEL, RULE_UNSAFE_ACQUIRE_APCS, FastMutex,
                "ExEnterCriticalRegionAndAcquireFastMutexUnsafe", "at IRQL <= APC_LEVEL", CALLER);
    KeEnterCriticalRegion();
    Acquire(FastMutex, "ExEnterCriticalRegionAndAcquireFastMutexUnsafe", CALLER);
}

VOID FASTCALL ExReleaseFastMutexUnsafeAndLeaveCriticalRegion(PFAST_MUTEX FastMutex)
{
    RequireIrql(KeGetCurrentIrql() <= APC_LEVEL && ApcsDisabled(), RULE_UNSAFE_RELEASE_APCS, FastMutex,
                "ExReleaseFastMutexUnsafeAndLeaveCriticalRegion",
                "at APC_LEVEL or in a critical region (KeEnterCriticalRegion)", CALLER);
    Release(FastMutex, "ExReleaseFastMutexUnsafeAndLeaveCriticalRegion", CALLER);
    KeLeaveCriticalRegion();
}
