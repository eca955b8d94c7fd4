/* SPDX-License-Identifier: MIT */
/*
 * Reader/writer spin locks. Bit 31 of the word: held exclusively; the rest counts the readers. On one processor a lock that is held by someone
 * else can never become free while this code spins, so waiting for it is a deadlock and is reported at once.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/reader-writer-spin-locks
 */
#include "ex/ex.h"

#define CALLER __builtin_return_address(0)
typedef volatile LONG EX_SPIN_LOCK, *PEX_SPIN_LOCK; /* not in mingw's headers */
#define EXCLUSIVE 0x80000000UL

static VOID Deadlock(PEX_SPIN_LOCK Lock, PCSTR Function, const VOID *Caller)
{
    KeBugCheckReason(
        SPIN_LOCK_ALREADY_OWNED, (ULONG_PTR)Lock, (ULONG)*Lock, KeGetCurrentIrql(), 0, Caller,
        "%s of reader/writer spin lock %p, which is held %s (word 0x%x): recursion or an uninitialized lock", Function,
        Lock, (ULONG)*Lock & EXCLUSIVE ? "exclusively" : "shared", (ULONG)*Lock);
}

static VOID TakeExclusive(PEX_SPIN_LOCK Lock, PCSTR Function, const VOID *Caller)
{
    if (InterlockedCompareExchange(Lock, (LONG)EXCLUSIVE, 0) != 0) {
        Deadlock(Lock, Function, Caller);
    }
}

static VOID TakeShared(PEX_SPIN_LOCK Lock, PCSTR Function, const VOID *Caller)
{
    if ((ULONG)InterlockedIncrement(Lock) & EXCLUSIVE) {
        Deadlock(Lock, Function, Caller);
    }
}

static VOID Drop(PEX_SPIN_LOCK Lock, BOOLEAN Exclusive, PCSTR Function, const VOID *Caller)
{
    ULONG Word = (ULONG)*Lock;
    if (Exclusive ? Word != EXCLUSIVE : !Word || Word & EXCLUSIVE) {
        KeBugCheckReason(SPIN_LOCK_NOT_OWNED, (ULONG_PTR)Lock, Word, KeGetCurrentIrql(), 0, Caller,
                         "%s of reader/writer spin lock %p, which is not held that way (word 0x%x)", Function, Lock,
                         Word);
    }
    InterlockedExchangeAdd(Lock, Exclusive ? (LONG)EXCLUSIVE : -1);
}

/* IRQL <= DISPATCH_LEVEL. Raises to DISPATCH_LEVEL, returns the old IRQL. */
KIRQL NTAPI ExAcquireSpinLockExclusive(PEX_SPIN_LOCK SpinLock)
{
    KIRQL Old = KeRaiseIrqlToDpcLevel();
    TakeExclusive(SpinLock, "ExAcquireSpinLockExclusive", CALLER);
    return Old;
}

VOID NTAPI ExReleaseSpinLockExclusive(PEX_SPIN_LOCK SpinLock, KIRQL OldIrql)
{
    Drop(SpinLock, TRUE, "ExReleaseSpinLockExclusive", CALLER);
    KeLowerIrql(OldIrql);
}

KIRQL NTAPI ExAcquireSpinLockShared(PEX_SPIN_LOCK SpinLock)
{
    KIRQL Old = KeRaiseIrqlToDpcLevel();
    TakeShared(SpinLock, "ExAcquireSpinLockShared", CALLER);
    return Old;
}

VOID NTAPI ExReleaseSpinLockShared(PEX_SPIN_LOCK SpinLock, KIRQL OldIrql)
{
    Drop(SpinLock, FALSE, "ExReleaseSpinLockShared", CALLER);
    KeLowerIrql(OldIrql);
}

/* IRQL >= DISPATCH_LEVEL; it stays. */
VOID NTAPI ExAcquireSpinLockExclusiveAtDpcLevel(PEX_SPIN_LOCK SpinLock)
{
    TakeExclusive(SpinLock, "ExAcquireSpinLockExclusiveAtDpcLevel", CALLER);
}

VOID NTAPI ExReleaseSpinLockExclusiveFromDpcLevel(PEX_SPIN_LOCK SpinLock)
{
    Drop(SpinLock, TRUE, "ExReleaseSpinLockExclusiveFromDpcLevel", CALLER);
}

VOID NTAPI ExAcquireSpinLockSharedAtDpcLevel(PEX_SPIN_LOCK SpinLock)
{
    TakeShared(SpinLock, "ExAcquireSpinLockSharedAtDpcLevel", CALLER);
}

VOID NTAPI ExReleaseSpinLockSharedFromDpcLevel(PEX_SPIN_LOCK SpinLock)
{
    Drop(SpinLock, FALSE, "ExReleaseSpinLockSharedFromDpcLevel", CALLER);
}

/* The only reader becomes the writer; FALSE if there are others. */
LOGICAL NTAPI ExTryConvertSharedSpinLockExclusive(PEX_SPIN_LOCK SpinLock)
{
    return InterlockedCompareExchange(SpinLock, (LONG)EXCLUSIVE, 1) == 1;
}
