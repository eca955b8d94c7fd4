/* SPDX-License-Identifier: MIT */
/* Spin locks: try, test, queued, for threaded DPCs, reader/writer. https://learn.microsoft.com/windows-hardware/drivers/kernel/introduction-to-spin-locks */
#include "check.h"
#include "undeclared.h"

static KSPIN_LOCK Lock;
static EX_SPIN_LOCK Shared;

static void Plain(void)
{
    KIRQL irql;
    KeInitializeSpinLock(&Lock);
    CHECK(KeTestSpinLock(&Lock)); /* TRUE: free */
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    CHECK(KeTryToAcquireSpinLockAtDpcLevel(&Lock));
    CHECK(!KeTestSpinLock(&Lock));
    CHECK(!KeTryToAcquireSpinLockAtDpcLevel(&Lock)); /* held: at once, without spinning */
    KeReleaseSpinLockFromDpcLevel(&Lock);
    CHECK(KeTestSpinLock(&Lock));
    KeLowerIrql(irql);
    irql = KeAcquireSpinLockForDpc(&Lock);
    CHECK(irql == PASSIVE_LEVEL && KeGetCurrentIrql() == DISPATCH_LEVEL);
    KeReleaseSpinLockForDpc(&Lock, irql);
    CHECK(KeGetCurrentIrql() == PASSIVE_LEVEL);
}

static void Queued(void)
{
    KLOCK_QUEUE_HANDLE outer, inner;
    static KSPIN_LOCK second;
    KIRQL irql;
    KeInitializeSpinLock(&second);
    KeAcquireInStackQueuedSpinLock(&Lock, &outer);
    CHECK(KeGetCurrentIrql() == DISPATCH_LEVEL && !KeTestSpinLock(&Lock));
    KeAcquireInStackQueuedSpinLockAtDpcLevel(&second, &inner);
    CHECK(!KeTestSpinLock(&second));
    KeReleaseInStackQueuedSpinLockFromDpcLevel(&inner);
    CHECK(KeGetCurrentIrql() == DISPATCH_LEVEL && KeTestSpinLock(&second));
    KeReleaseInStackQueuedSpinLock(&outer);
    CHECK(KeGetCurrentIrql() == PASSIVE_LEVEL && KeTestSpinLock(&Lock));
    KeRaiseIrql(APC_LEVEL, &irql);
    KeAcquireInStackQueuedSpinLock(&Lock, &outer);
    KeReleaseInStackQueuedSpinLock(&outer);
    CHECK(KeGetCurrentIrql() == APC_LEVEL); /* back to where it was */
    KeLowerIrql(irql);
}

static void ForDpc(void)
{
    KLOCK_QUEUE_HANDLE handle;
    KeAcquireInStackQueuedSpinLockForDpc(&Lock, &handle);
    CHECK(!KeTestSpinLock(&Lock) && KeGetCurrentIrql() == DISPATCH_LEVEL);
    KeReleaseInStackQueuedSpinLockForDpc(&handle);
    CHECK(KeTestSpinLock(&Lock) && KeGetCurrentIrql() == PASSIVE_LEVEL);
}

static void ReaderWriter(void)
{
    KIRQL first = ExAcquireSpinLockShared(&Shared), second;
    CHECK(first == PASSIVE_LEVEL && KeGetCurrentIrql() == DISPATCH_LEVEL);
    ExAcquireSpinLockSharedAtDpcLevel(&Shared); /* a second reader */
    CHECK(!ExTryConvertSharedSpinLockExclusive(&Shared));
    ExReleaseSpinLockSharedFromDpcLevel(&Shared);
    CHECK(ExTryConvertSharedSpinLockExclusive(&Shared)); /* the only reader becomes the writer */
    ExReleaseSpinLockExclusiveFromDpcLevel(&Shared);
    CHECK(Shared == 0 && KeGetCurrentIrql() == DISPATCH_LEVEL);
    ExAcquireSpinLockExclusiveAtDpcLevel(&Shared);
    CHECK(Shared != 0);
    ExReleaseSpinLockExclusiveFromDpcLevel(&Shared);
    KeLowerIrql(first);
    first = ExAcquireSpinLockExclusive(&Shared);
    CHECK(first == PASSIVE_LEVEL && KeGetCurrentIrql() == DISPATCH_LEVEL);
    ExReleaseSpinLockExclusive(&Shared, first);
    CHECK(KeGetCurrentIrql() == PASSIVE_LEVEL);
    first = ExAcquireSpinLockShared(&Shared);
    second = ExAcquireSpinLockShared(&Shared);
    CHECK(second == DISPATCH_LEVEL);
    ExReleaseSpinLockShared(&Shared, second);
    CHECK(KeGetCurrentIrql() == DISPATCH_LEVEL && Shared != 0);
    ExReleaseSpinLockShared(&Shared, first);
    CHECK(KeGetCurrentIrql() == PASSIVE_LEVEL && Shared == 0);
}

#undef KeRaiseIrql
#undef KeLowerIrql
#undef KeGetCurrentIrql
KIRQL FASTCALL KfRaiseIrql(KIRQL NewIrql);
KIRQL NTAPI KeRaiseIrqlToDpcLevel(VOID);
VOID NTAPI ImportedLowerIrql(KIRQL NewIrql) __asm__("__imp_KeLowerIrql");
KIRQL NTAPI ImportedCurrentIrql(VOID) __asm__("__imp_KeGetCurrentIrql");

/* The headers inline these three as CR8 accesses; drivers of other compilers import them. */
static void ImportedIrql(void)
{
    KIRQL(NTAPI * current)(VOID) = *(KIRQL(NTAPI **)(VOID))(PVOID)ImportedCurrentIrql;
    VOID(NTAPI * lower)(KIRQL) = *(VOID(NTAPI **)(KIRQL))(PVOID)ImportedLowerIrql;
    CHECK(current() == PASSIVE_LEVEL);
    CHECK(KfRaiseIrql(APC_LEVEL) == PASSIVE_LEVEL && current() == APC_LEVEL);
    CHECK(KeRaiseIrqlToDpcLevel() == APC_LEVEL && current() == DISPATCH_LEVEL);
    lower(APC_LEVEL);
    CHECK(current() == APC_LEVEL);
    lower(PASSIVE_LEVEL);
    CHECK(current() == PASSIVE_LEVEL);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    Plain();
    Queued();
    ForDpc();
    ReaderWriter();
    ImportedIrql();
    return Summary("spinlocks");
}
