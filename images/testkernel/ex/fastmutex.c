/* SPDX-License-Identifier: MIT */
/*
 * Fast mutexes: exclusive, not recursive; the owner runs at APC_LEVEL (Unsafe variants: in a critical region) until it releases.
 * Count is 1 when free and falls by one for the owner and for each waiter, as in the layout that drivers initialize inline.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/fast-mutexes-and-guarded-mutexes
 */
#include "ex/ex.h"
#include "ke/bugcheck.h"
#include "ke/processor.h"
#include "ke/thread.h"

#define CALLER __builtin_return_address(0)

static VOID Acquire(PFAST_MUTEX Mutex, PCSTR Function, PVOID Caller)
{
    PKTHREAD Thread = KiCurrentThread();
    if (Mutex->Owner == Thread) {
        KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, 0x1000, (ULONG_PTR)Mutex, (ULONG_PTR)Thread, 0, Caller,
                         "%s of fast mutex %p by the thread that already owns it: fast mutexes are not recursive, this "
                         "would wait forever",
                         Function, Mutex);
    }
    if (InterlockedDecrement(&Mutex->Count) != 0) {
        InterlockedIncrement((volatile LONG *)&Mutex->Contention);
        KeWaitForSingleObject(&Mutex->Event, WrFastMutex, KernelMode, FALSE, NULL);
    }
    Mutex->Owner = Thread;
}

static VOID Release(PFAST_MUTEX Mutex, PCSTR Function, PVOID Caller)
{
    if (Mutex->Owner != KiCurrentThread()) {
        KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, 0x1003, (ULONG_PTR)Mutex, (ULONG_PTR)KiCurrentThread(),
                         (ULONG_PTR)Mutex->Owner, Caller,
                         "%s of fast mutex %p by a thread that does not own it (owner: %p)", Function, Mutex,
                         Mutex->Owner);
    }
    Mutex->Owner = NULL;
    if (InterlockedIncrement(&Mutex->Count) != 1) {
        KeSetEvent(&Mutex->Event, IO_NO_INCREMENT, FALSE); /* hands over to one waiter */
    }
}

/* IRQL <= APC_LEVEL. Returns at APC_LEVEL. */
VOID FASTCALL ExAcquireFastMutex(PFAST_MUTEX FastMutex)
{
    KIRQL OldIrql;
    KeAssertIrql(APC_LEVEL, "ExAcquireFastMutex");
    KeRaiseIrql(APC_LEVEL, &OldIrql);
    Acquire(FastMutex, "ExAcquireFastMutex", CALLER);
    FastMutex->OldIrql = OldIrql;
}

/* IRQL = APC_LEVEL. Returns at the IRQL of the acquisition. */
VOID FASTCALL ExReleaseFastMutex(PFAST_MUTEX FastMutex)
{
    KIRQL OldIrql = (KIRQL)FastMutex->OldIrql;
    if (KeGetCurrentIrql() != APC_LEVEL) {
        KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, 0x37, KeGetCurrentIrql(), (ULONG_PTR)KiCurrentThread(),
                         (ULONG_PTR)FastMutex, CALLER,
                         "ExReleaseFastMutex at IRQL %u: the owner of a fast mutex runs at APC_LEVEL",
                         KeGetCurrentIrql());
    }
    Release(FastMutex, "ExReleaseFastMutex", CALLER);
    KeLowerIrql(OldIrql);
}

/* IRQL <= APC_LEVEL. Returns at APC_LEVEL with TRUE, or FALSE at once if the mutex is taken (also by this thread). */
BOOLEAN FASTCALL ExTryToAcquireFastMutex(PFAST_MUTEX FastMutex)
{
    KIRQL OldIrql;
    KeAssertIrql(APC_LEVEL, "ExTryToAcquireFastMutex");
    KeRaiseIrql(APC_LEVEL, &OldIrql);
    if (InterlockedCompareExchange(&FastMutex->Count, 0, 1) != 1) {
        KeLowerIrql(OldIrql);
        return FALSE;
    }
    FastMutex->Owner = KiCurrentThread();
    FastMutex->OldIrql = OldIrql;
    return TRUE;
}

static VOID RequireApcsOff(PFAST_MUTEX Mutex, PCSTR Function, PVOID Caller)
{
    if (KeGetCurrentIrql() < APC_LEVEL && !KiCurrentThread()->KernelApcDisable &&
        !KiCurrentThread()->SpecialApcDisable) {
        KeBugCheckReason(
            DRIVER_VERIFIER_DETECTED_VIOLATION, 0x39, KeGetCurrentIrql(), 0, (ULONG_PTR)Mutex, Caller,
            "%s at IRQL %u outside of a critical region: an APC could then wait for the mutex that its own "
            "thread owns; call KeEnterCriticalRegion first or use ExAcquireFastMutex",
            Function, KeGetCurrentIrql());
    }
}

/* IRQL <= APC_LEVEL, in a critical region. The IRQL stays. */
VOID FASTCALL ExAcquireFastMutexUnsafe(PFAST_MUTEX FastMutex)
{
    KeAssertIrql(APC_LEVEL, "ExAcquireFastMutexUnsafe");
    RequireApcsOff(FastMutex, "ExAcquireFastMutexUnsafe", CALLER);
    Acquire(FastMutex, "ExAcquireFastMutexUnsafe", CALLER);
}

VOID FASTCALL ExReleaseFastMutexUnsafe(PFAST_MUTEX FastMutex)
{
    KeAssertIrql(APC_LEVEL, "ExReleaseFastMutexUnsafe");
    Release(FastMutex, "ExReleaseFastMutexUnsafe", CALLER);
}

VOID FASTCALL ExEnterCriticalRegionAndAcquireFastMutexUnsafe(PFAST_MUTEX FastMutex)
{
    KeAssertIrql(APC_LEVEL, "ExEnterCriticalRegionAndAcquireFastMutexUnsafe");
    KeEnterCriticalRegion();
    Acquire(FastMutex, "ExEnterCriticalRegionAndAcquireFastMutexUnsafe", CALLER);
}

VOID FASTCALL ExReleaseFastMutexUnsafeAndLeaveCriticalRegion(PFAST_MUTEX FastMutex)
{
    KeAssertIrql(APC_LEVEL, "ExReleaseFastMutexUnsafeAndLeaveCriticalRegion");
    Release(FastMutex, "ExReleaseFastMutexUnsafeAndLeaveCriticalRegion", CALLER);
    KeLeaveCriticalRegion();
}
