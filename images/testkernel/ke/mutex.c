/* SPDX-License-Identifier: MIT */
/* Kernel mutexes (mutants) and guarded mutexes, critical and guarded regions. */
#include "ke/dispatch.h"
#include "ke/bugcheck.h"
#include "ke/rules.h"
#include "ke/processor.h"
#include "hal/apic.h"

VOID NTAPI KeInitializeMutant(PRKMUTANT Mutant, BOOLEAN InitialOwner)
{
    RtlZeroMemory(Mutant, sizeof(*Mutant));
    Mutant->Header.Type = ObjectMutant;
    Mutant->Header.Size = sizeof(KMUTANT) / sizeof(LONG);
    InitializeListHead(&Mutant->Header.WaitListHead);
    Mutant->Header.SignalState = 1;
    if (InitialOwner) {
        Mutant->Header.SignalState = 0;
        Mutant->OwnerThread = KiCurrentThread();
        InsertTailList(&KiCurrentThread()->MutantList, &Mutant->MutantListEntry);
    }
}

VOID NTAPI KeInitializeMutex(PRKMUTEX Mutex, ULONG Level)
{
    KeInitializeMutant(Mutex, FALSE);
    Mutex->ApcDisable = 1;
}

static LONG ReleaseMutant(PRKMUTANT Mutant, BOOLEAN Abandoned, PVOID Caller)
{
    PKTHREAD thread = KiCurrentThread();
    if (Mutant->Header.Type != ObjectMutant) {
        KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_RELEASE_MISMATCHED, (ULONG_PTR)Mutant,
                         Mutant->Header.Type, 0, Caller, "KeReleaseMutex on %p, which is no mutex (type %u)", Mutant,
                         Mutant->Header.Type);
    }
    KIRQL irql = KiLockDispatcher();
    LONG old = Mutant->Header.SignalState;
    if (Mutant->OwnerThread != thread) {
        KeBugCheckReason(KMODE_EXCEPTION_NOT_HANDLED, (ULONG)STATUS_MUTANT_NOT_OWNED, (ULONG_PTR)Mutant,
                         (ULONG_PTR)Mutant->OwnerThread, (ULONG_PTR)thread, Caller,
                         "mutex %p is released by thread %p, its owner is %p (STATUS_MUTANT_NOT_OWNED raised)", Mutant,
                         thread, Mutant->OwnerThread);
    }
    Mutant->Abandoned = Abandoned;
    if (++Mutant->Header.SignalState == 1) {
        Mutant->OwnerThread = NULL;
        RemoveEntryList(&Mutant->MutantListEntry);
        thread->KernelApcDisable += Mutant->ApcDisable;
        KiSignalWaiters(&Mutant->Header);
    }
    KiUnlockDispatcher(irql);
    return old;
}

/* IRQL <= DISPATCH_LEVEL. Stops (Windows: raises STATUS_MUTANT_NOT_OWNED) if another thread owns it. */
LONG NTAPI KeReleaseMutex(PRKMUTEX Mutex, BOOLEAN Wait)
{
    return ReleaseMutant(Mutex, FALSE, __builtin_return_address(0));
}

LONG NTAPI KeReleaseMutant(PRKMUTANT Mutant, KPRIORITY Increment, BOOLEAN Abandoned, BOOLEAN Wait)
{
    return ReleaseMutant(Mutant, Abandoned, __builtin_return_address(0));
}

LONG NTAPI KeReadStateMutex(PRKMUTEX Mutex)
{
    return Mutex->Header.SignalState;
}

/* IRQL <= APC_LEVEL. */
VOID NTAPI KeEnterCriticalRegion(VOID)
{
    KiCurrentThread()->KernelApcDisable--;
}

VOID NTAPI KeLeaveCriticalRegion(VOID)
{
    PKTHREAD thread = KiCurrentThread();
    if (thread->KernelApcDisable >= 0) {
        KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_NOT_IN_CRITICAL_REGION, 0, 0, 0,
                         __builtin_return_address(0), "KeLeaveCriticalRegion without KeEnterCriticalRegion");
    }
    if (++thread->KernelApcDisable == 0 && thread->ApcPending) {
        HalApicSelfInterrupt(VECTOR_APC);
    }
}

VOID NTAPI KeEnterGuardedRegion(VOID)
{
    KiCurrentThread()->SpecialApcDisable--;
}

VOID NTAPI KeLeaveGuardedRegion(VOID)
{
    PKTHREAD thread = KiCurrentThread();
    if (thread->SpecialApcDisable >= 0) {
        KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_NOT_IN_GUARDED_REGION, 0, 0, 0,
                         __builtin_return_address(0), "KeLeaveGuardedRegion without KeEnterGuardedRegion");
    }
    if (++thread->SpecialApcDisable == 0 && thread->ApcPending) {
        HalApicSelfInterrupt(VECTOR_APC);
    }
}

BOOLEAN NTAPI KeAreApcsDisabled(VOID)
{
    PKTHREAD thread = KiCurrentThread();
    return thread->KernelApcDisable != 0 || thread->SpecialApcDisable != 0;
}

BOOLEAN NTAPI KeAreAllApcsDisabled(VOID)
{
    return KiCurrentThread()->SpecialApcDisable != 0 || KeGetCurrentIrql() >= APC_LEVEL;
}

/* Guarded mutex: Count 1 = free, 0 and below = owned (with waiters); the gate wakes one waiter. IRQL <= APC_LEVEL. */
VOID FASTCALL KeInitializeGuardedMutex(PKGUARDED_MUTEX GuardedMutex)
{
    RtlZeroMemory(GuardedMutex, sizeof(*GuardedMutex));
    GuardedMutex->Count = 1;
    GuardedMutex->Gate.Header.Type = ObjectGate;
    InitializeListHead(&GuardedMutex->Gate.Header.WaitListHead);
}

VOID FASTCALL KeAcquireGuardedMutexUnsafe(PKGUARDED_MUTEX GuardedMutex)
{
    PKTHREAD thread = KiCurrentThread();
    if (GuardedMutex->Owner == thread) {
        KeReportDeadlock(GuardedMutex, thread, __builtin_return_address(0),
                         "guarded mutex %p is acquired by the thread that owns it", GuardedMutex);
    }
    if (InterlockedDecrement(&GuardedMutex->Count) != 0) {
        GuardedMutex->Contention++;
        KeWaitForSingleObject(&GuardedMutex->Gate, WrGuardedMutex, KernelMode, FALSE, NULL);
    }
    GuardedMutex->Owner = thread;
}

VOID FASTCALL KeReleaseGuardedMutexUnsafe(PKGUARDED_MUTEX GuardedMutex)
{
    if (GuardedMutex->Owner != KiCurrentThread()) {
        KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION,
                         GuardedMutex->Owner ? RULE_UNEXPECTED_THREAD : RULE_RELEASE_NOT_OWNED, (ULONG_PTR)GuardedMutex,
                         (ULONG_PTR)GuardedMutex->Owner, (ULONG_PTR)KiCurrentThread(), __builtin_return_address(0),
                         "guarded mutex %p is released by a thread that does not own it", GuardedMutex);
    }
    GuardedMutex->Owner = NULL;
    if (InterlockedIncrement(&GuardedMutex->Count) != 1) {
        KIRQL irql = KiLockDispatcher();
        GuardedMutex->Gate.Header.SignalState = 1;
        KiSignalWaiters(&GuardedMutex->Gate.Header);
        KiUnlockDispatcher(irql);
    }
}

VOID FASTCALL KeAcquireGuardedMutex(PKGUARDED_MUTEX GuardedMutex)
{
    KeEnterGuardedRegion();
    KeAcquireGuardedMutexUnsafe(GuardedMutex);
}

VOID FASTCALL KeReleaseGuardedMutex(PKGUARDED_MUTEX GuardedMutex)
{
    KeReleaseGuardedMutexUnsafe(GuardedMutex);
    KeLeaveGuardedRegion();
}

BOOLEAN FASTCALL KeTryToAcquireGuardedMutex(PKGUARDED_MUTEX GuardedMutex)
{
    KeEnterGuardedRegion();
    if (InterlockedCompareExchange(&GuardedMutex->Count, 0, 1) == 1) {
        GuardedMutex->Owner = KiCurrentThread();
        return TRUE;
    }
    KeLeaveGuardedRegion();
    return FALSE;
}
