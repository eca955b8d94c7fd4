/* SPDX-License-Identifier: MIT */
/*
 * Mutexes that keep APCs out, the regions behind them, and the APCs.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/disabling-apcs
 */
#include "check.h"
#include "undeclared.h"

#undef KeAcquireGuardedMutex
#undef KeReleaseGuardedMutex

static KGUARDED_MUTEX Guarded;
static FAST_MUTEX Fast;
static KMUTANT Mutant;
static KEVENT Reached;
static CHAR Order[8];
static ULONG OrderAt;

static void Note(CHAR What)
{
    Order[OrderAt++ % sizeof(Order)] = What;
}

static VOID NTAPI KernelPart(PRKAPC Apc, APC_NORMAL *NormalRoutine, PVOID *Context, PVOID *Argument1, PVOID *Argument2)
{
    CHECK(KeGetCurrentIrql() == APC_LEVEL);
    CHECK(*Context == (PVOID)1 && *Argument1 == (PVOID)2 && *Argument2 == (PVOID)3);
    Note(*NormalRoutine ? 'k' : 's');
}

static VOID NTAPI NormalPart(PVOID Context, PVOID Argument1, PVOID Argument2)
{
    CHECK(KeGetCurrentIrql() == PASSIVE_LEVEL);
    CHECK(Context == (PVOID)1 && Argument1 == (PVOID)2 && Argument2 == (PVOID)3);
    Note('n');
}

static void QueueApcs(PKAPC Normal, PKAPC Special)
{
    OrderAt = 0;
    KeInitializeApc(Normal, KeGetCurrentThread(), 0, KernelPart, NULL, NormalPart, KernelMode, (PVOID)1);
    KeInitializeApc(Special, KeGetCurrentThread(), 0, KernelPart, NULL, NULL, KernelMode, (PVOID)1);
    CHECK(KeInsertQueueApc(Normal, (PVOID)2, (PVOID)3, 0));
    CHECK(KeInsertQueueApc(Special, (PVOID)2, (PVOID)3, 0));
}

static void NTAPI Apcs(PVOID Context)
{
    static KAPC normal, special;
    KIRQL irql;
    CHECK(!KeAreApcsDisabled() && !KeAreAllApcsDisabled());
    KeEnterCriticalRegion(); /* keeps normal kernel APCs out, special ones run */
    CHECK(KeAreApcsDisabled() && !KeAreAllApcsDisabled());
    QueueApcs(&normal, &special);
    CHECK(OrderAt == 1 && Order[0] == 's');
    CHECK(!KeInsertQueueApc(&normal, NULL, NULL, 0)); /* queued once only */
    KeLeaveCriticalRegion();
    CHECK(OrderAt == 3 && Order[1] == 'k' && Order[2] == 'n');

    KeEnterGuardedRegion(); /* keeps all out */
    CHECK(KeAreApcsDisabled() && KeAreAllApcsDisabled());
    QueueApcs(&normal, &special);
    CHECK(OrderAt == 0);
    KeEnterGuardedRegion();
    KeLeaveGuardedRegion();
    CHECK(OrderAt == 0); /* nested */
    KeLeaveGuardedRegion();
    CHECK(OrderAt == 3);

    KeRaiseIrql(APC_LEVEL, &irql);
    CHECK(KeAreAllApcsDisabled());
    QueueApcs(&normal, &special);
    CHECK(OrderAt == 0);
    KeLowerIrql(irql);
    CHECK(OrderAt == 3);
}

static void NTAPI Contender(PVOID Context)
{
    CHECK(!KeTryToAcquireGuardedMutex(&Guarded));
    CHECK(!KeAreAllApcsDisabled()); /* a failed try leaves no region behind */
    KeSetEvent(&Reached, 0, FALSE);
    KeAcquireGuardedMutex(&Guarded);
    Note('c');
    KeReleaseGuardedMutex(&Guarded);
}

static void NTAPI GuardedMutexes(PVOID Context)
{
    KeInitializeGuardedMutex(&Guarded);
    KeInitializeEvent(&Reached, NotificationEvent, FALSE);
    OrderAt = 0;
    KeAcquireGuardedMutex(&Guarded);
    CHECK(KeAreAllApcsDisabled() && KeGetCurrentIrql() == PASSIVE_LEVEL);
    PKTHREAD thread = Start(Contender, NULL);
    CHECK(Wait(&Reached, 5000) == STATUS_SUCCESS);
    CHECK(Wait(thread, 10) == STATUS_TIMEOUT);
    Note('o');
    KeReleaseGuardedMutex(&Guarded);
    CHECK(!KeAreAllApcsDisabled());
    Join(thread);
    CHECK(OrderAt == 2 && Order[0] == 'o' && Order[1] == 'c');
    CHECK(KeTryToAcquireGuardedMutex(&Guarded));
    CHECK(KeAreAllApcsDisabled());
    KeReleaseGuardedMutex(&Guarded);
    KeEnterGuardedRegion();
    KeAcquireGuardedMutexUnsafe(&Guarded); /* the caller's region */
    KeReleaseGuardedMutexUnsafe(&Guarded);
    CHECK(KeAreAllApcsDisabled());
    KeLeaveGuardedRegion();
}

static void NTAPI TakesFastMutex(PVOID Context)
{
    CHECK(!ExTryToAcquireFastMutex(&Fast));
}

static void NTAPI FastMutexPair(PVOID Context)
{
    ExInitializeFastMutex(&Fast);
    ExEnterCriticalRegionAndAcquireFastMutexUnsafe(&Fast);
    CHECK(KeAreApcsDisabled() && KeGetCurrentIrql() == PASSIVE_LEVEL);
    RunInThread(TakesFastMutex, NULL);
    ExReleaseFastMutexUnsafeAndLeaveCriticalRegion(&Fast);
    CHECK(!KeAreApcsDisabled());
    CHECK(ExTryToAcquireFastMutex(&Fast));
    ExReleaseFastMutex(&Fast);
}

static void NTAPI TriesMutant(PVOID Context)
{
    CHECK(Wait(&Mutant, 0) == (NTSTATUS)(ULONG_PTR)Context);
    if (!Context) {
        KeReleaseMutant(&Mutant, 0, FALSE, FALSE);
    }
}

/* A mutant does not keep APCs out, and may be born owned. */
static void NTAPI Mutants(PVOID Context)
{
    KeInitializeMutant(&Mutant, TRUE);
    CHECK(KeReadStateMutex(&Mutant) == 0 && !KeAreApcsDisabled());
    RunInThread(TriesMutant, (PVOID)STATUS_TIMEOUT);
    CHECK(Wait(&Mutant, 0) == STATUS_SUCCESS); /* recursive */
    CHECK(KeReleaseMutant(&Mutant, 0, FALSE, FALSE) == -1);
    CHECK(KeReleaseMutant(&Mutant, 0, FALSE, FALSE) == 0); /* the state from before: 0 is owned once */
    CHECK(KeReadStateMutex(&Mutant) == 1);
    RunInThread(TriesMutant, NULL);
    KeInitializeMutant(&Mutant, FALSE);
    CHECK(KeReadStateMutex(&Mutant) == 1);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    RunInThread(Apcs, NULL);
    RunInThread(GuardedMutexes, NULL);
    RunInThread(FastMutexPair, NULL);
    RunInThread(Mutants, NULL);
    return Summary("regions");
}
