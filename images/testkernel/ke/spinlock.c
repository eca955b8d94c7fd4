/* SPDX-License-Identifier: MIT */
/*
 * Spin locks. The lock word holds the owner's thread address with bit 0 set, so that a recursive acquisition (a deadlock on any number
 * of processors) and a release by someone else are found at once.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/introduction-to-spin-locks
 */
#include "kernel.h"
#include "ke/bugcheck.h"
#include "ke/interrupt.h"
#include "ke/lockorder.h"
#include "ke/processor.h"
#include "boot/loader.h"
#include "mm/paged.h"

static KSPIN_LOCK OwnerWord(VOID)
{
    return (KSPIN_LOCK)KiCurrentThread() | 1;
}

static VOID Take(PKSPIN_LOCK Lock, PVOID Caller)
{
    KSPIN_LOCK mine = OwnerWord();
    KSPIN_LOCK holder;
    while ((holder = (KSPIN_LOCK)InterlockedCompareExchange64((volatile LONG64 *)Lock, (LONG64)mine, 0)) != 0) {
        /* One processor: whoever holds it cannot run while we spin. */
        KeBugCheckReason(SPIN_LOCK_ALREADY_OWNED, (ULONG_PTR)Lock, holder, KeGetCurrentIrql(), 0, Caller,
                         holder == mine
                             ? "spin lock %p is acquired by the thread that holds it"
                             : "spin lock %p is held by another thread or is not initialized (its word is 0x%I64x)",
                         Lock, holder);
    }
    KiCurrentThread()->SpinLocksHeld++;
    PLOADED_IMAGE image = LdrImageFromAddress(Caller);
    if (image && !image->Kernel) {
        KiNoteLockTaken(Lock, Caller);
        MiTrimPageable(); /* whoever holds it may not touch pageable memory */
    }
}

static VOID Drop(PKSPIN_LOCK Lock, PVOID Caller)
{
    if (!*Lock) {
        KeBugCheckReason(SPIN_LOCK_NOT_OWNED, (ULONG_PTR)Lock, 0, KeGetCurrentIrql(), 0, Caller,
                         "spin lock %p is released but not held", Lock);
    }
    if (*Lock != OwnerWord()) {
        KeBugCheckReason(SPIN_LOCK_NOT_OWNED, (ULONG_PTR)Lock, *Lock, KeGetCurrentIrql(), 0, Caller,
                         "spin lock %p is released by a thread that does not hold it", Lock);
    }
    KiCurrentThread()->SpinLocksHeld--;
    KiNoteLockDropped(Lock);
    InterlockedExchange64((volatile LONG64 *)Lock, 0);
}

VOID NTAPI KeInitializeSpinLock(PKSPIN_LOCK SpinLock);
VOID NTAPI KeInitializeSpinLock(PKSPIN_LOCK SpinLock)
{
    *SpinLock = 0;
}

KIRQL NTAPI KeAcquireSpinLockRaiseToDpc(PKSPIN_LOCK SpinLock)
{
    KIRQL old = KeRaiseIrqlToDpcLevel();
    Take(SpinLock, __builtin_return_address(0));
    return old;
}

VOID NTAPI KeReleaseSpinLock(PKSPIN_LOCK SpinLock, KIRQL NewIrql)
{
    if (NewIrql > DISPATCH_LEVEL) {
        KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, 0x31, KeGetCurrentIrql(), NewIrql, 0,
                         __builtin_return_address(0), "KeReleaseSpinLock would raise the IRQL from 2 to %u", NewIrql);
    }
    Drop(SpinLock, __builtin_return_address(0));
    KeLowerIrql(NewIrql);
}

VOID NTAPI KeAcquireSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock)
{
    Take(SpinLock, __builtin_return_address(0));
}

VOID NTAPI KeReleaseSpinLockFromDpcLevel(PKSPIN_LOCK SpinLock)
{
    Drop(SpinLock, __builtin_return_address(0));
}

BOOLEAN FASTCALL KeTryToAcquireSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock)
{
    if (*SpinLock) {
        return FALSE;
    }
    Take(SpinLock, __builtin_return_address(0));
    return TRUE;
}

BOOLEAN FASTCALL KeTestSpinLock(PKSPIN_LOCK SpinLock)
{
    return *SpinLock == 0;
}

/* Callable at any IRQL >= DISPATCH_LEVEL: raises nothing, lowers nothing. */
KIRQL NTAPI KeAcquireSpinLockForDpc(PKSPIN_LOCK SpinLock)
{
    return KeAcquireSpinLockRaiseToDpc(SpinLock);
}

VOID NTAPI KeReleaseSpinLockForDpc(PKSPIN_LOCK SpinLock, KIRQL OldIrql)
{
    KeReleaseSpinLock(SpinLock, OldIrql);
}

VOID FASTCALL KeAcquireInStackQueuedSpinLock(PKSPIN_LOCK SpinLock, PKLOCK_QUEUE_HANDLE LockHandle)
{
    LockHandle->LockQueue.Lock = SpinLock;
    LockHandle->LockQueue.Next = NULL;
    LockHandle->OldIrql = KeRaiseIrqlToDpcLevel();
    Take(SpinLock, __builtin_return_address(0));
}

VOID FASTCALL KeReleaseInStackQueuedSpinLock(PKLOCK_QUEUE_HANDLE LockHandle)
{
    Drop(LockHandle->LockQueue.Lock, __builtin_return_address(0));
    KeLowerIrql(LockHandle->OldIrql);
}

VOID FASTCALL KeAcquireInStackQueuedSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock, PKLOCK_QUEUE_HANDLE LockHandle)
{
    LockHandle->LockQueue.Lock = SpinLock;
    LockHandle->LockQueue.Next = NULL;
    Take(SpinLock, __builtin_return_address(0));
}

VOID FASTCALL KeReleaseInStackQueuedSpinLockFromDpcLevel(PKLOCK_QUEUE_HANDLE LockHandle)
{
    Drop(LockHandle->LockQueue.Lock, __builtin_return_address(0));
}

KIRQL NTAPI KeAcquireInterruptSpinLock(PKINTERRUPT Interrupt)
{
    KIRQL old = KeGetCurrentIrql();
    if (old > Interrupt->SynchronizeIrql) {
        KeBugCheckReason(IRQL_NOT_GREATER_OR_EQUAL, (ULONG_PTR)Interrupt, old, 0, Interrupt->SynchronizeIrql,
                         __builtin_return_address(0),
                         "interrupt spin lock acquired at IRQL %u, above the interrupt's %u", old,
                         Interrupt->SynchronizeIrql);
    }
    (VOID) KfRaiseIrql(Interrupt->SynchronizeIrql);
    Take(Interrupt->ActualLock, __builtin_return_address(0));
    return old;
}

VOID NTAPI KeReleaseInterruptSpinLock(PKINTERRUPT Interrupt, KIRQL OldIrql)
{
    Drop(Interrupt->ActualLock, __builtin_return_address(0));
    KeLowerIrql(OldIrql);
}
