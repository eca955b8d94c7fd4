/* SPDX-License-Identifier: MIT */
/*
 * Deferred procedure calls. The queue is changed with interrupts off, because ISRs of any level insert.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/introduction-to-dpc-objects
 */
#include "ke/dpc.h"
#include "ke/bugcheck.h"
#include "ke/rules.h"
#include "ke/dispatch.h"
#include "ke/processor.h"
#include "ke/perturb.h"
#include "hal/apic.h"
#include "mm/paged.h"
#include "hal/hal.h"

#define DPC_OBJECT          19 /* KDPC.Type */
#define DPC_OBJECT_THREADED 24
#define DPC_TIME_LIMIT_NS                                                                                              \
    (20ULL * 1000000000) /* single DPC; DPC_WATCHDOG_VIOLATION. Wide, since TCG on a busy host is slow. */

static BOOLEAN Off(VOID)
{
    BOOLEAN on = (__readeflags() & 0x200) != 0;
    _disable();
    return on;
}

static VOID Restore(BOOLEAN On)
{
    if (On) {
        _enable();
    }
}

VOID NTAPI KeInitializeDpc(PRKDPC Dpc, PKDEFERRED_ROUTINE DeferredRoutine, PVOID DeferredContext)
{
    *Dpc = (KDPC){.Type = DPC_OBJECT,
                  .Importance = MediumImportance,
                  .DeferredRoutine = DeferredRoutine,
                  .DeferredContext = DeferredContext};
}

VOID NTAPI KeInitializeThreadedDpc(PRKDPC Dpc, PKDEFERRED_ROUTINE DeferredRoutine, PVOID DeferredContext)
{
    /* A driver must cope with a threaded DPC running at DISPATCH_LEVEL (the administrator may turn threaded DPCs off): so it always does here. */
    KeInitializeDpc(Dpc, DeferredRoutine, DeferredContext);
    Dpc->Type = DPC_OBJECT_THREADED;
}

VOID NTAPI KeSetImportanceDpc(PRKDPC Dpc, KDPC_IMPORTANCE Importance)
{
    Dpc->Importance = (UCHAR)Importance;
}

VOID NTAPI KeSetTargetProcessorDpc(PRKDPC Dpc, CCHAR Number)
{
    Dpc->Number = (USHORT)(MAXIMUM_PROC_PER_GROUP + Number);
}

/* Any IRQL. FALSE if it is queued already. */
BOOLEAN NTAPI KeInsertQueueDpc(PRKDPC Dpc, PVOID SystemArgument1, PVOID SystemArgument2)
{
    if (Dpc->Type != DPC_OBJECT && Dpc->Type != DPC_OBJECT_THREADED) {
        KeBugCheckReason(0xC7, 1, (ULONG_PTR)Dpc, 0, 0, __builtin_return_address(0),
                         "DPC %p is queued but was never initialized", Dpc);
    }
    BOOLEAN on = Off();
    BOOLEAN inserted = Dpc->DpcData == NULL;
    if (inserted) {
        Dpc->SystemArgument1 = SystemArgument1;
        Dpc->SystemArgument2 = SystemArgument2;
        Dpc->DpcData = &KiProcessor.DpcQueue;
        if (Dpc->Importance == HighImportance || KiPerturb(3) == 1) {
            InsertHeadList(&KiProcessor.DpcQueue, &Dpc->DpcListEntry);
        } else {
            InsertTailList(&KiProcessor.DpcQueue, &Dpc->DpcListEntry);
        }
        if (!KiProcessor.DpcActive) {
            HalApicSelfInterrupt(VECTOR_DISPATCH);
        }
    }
    Restore(on);
    return inserted;
}

/* Any IRQL. TRUE if it was queued and is not any more; FALSE also while it runs. */
BOOLEAN NTAPI KeRemoveQueueDpc(PRKDPC Dpc)
{
    BOOLEAN on = Off();
    BOOLEAN queued = Dpc->DpcData != NULL;
    if (queued) {
        RemoveEntryList(&Dpc->DpcListEntry);
        Dpc->DpcData = NULL;
    }
    Restore(on);
    return queued;
}

BOOLEAN KiIsDpcQueued(PKDPC Dpc)
{
    return Dpc->DpcData != NULL;
}

PKDPC KiFindDpc(PVOID Base, SIZE_T Size)
{
    BOOLEAN on = Off();
    PKDPC found = NULL;
    for (PLIST_ENTRY e = KiProcessor.DpcQueue.Flink; e != &KiProcessor.DpcQueue && !found; e = e->Flink) {
        PKDPC dpc = CONTAINER(e, KDPC, DpcListEntry);
        if ((ULONG64)dpc - (ULONG64)Base < Size || (ULONG64)dpc->DeferredRoutine - (ULONG64)Base < Size) {
            found = dpc;
        }
    }
    Restore(on);
    return found;
}

/* What a routine must not leave behind: a changed IRQL or a held spin lock. */
static VOID CheckAfterDpc(PKDEFERRED_ROUTINE Routine, ULONG LocksBefore)
{
    KIRQL irql = KeGetCurrentIrql();
    if (irql != DISPATCH_LEVEL) {
        KeBugCheckReason(0xC8, irql, DISPATCH_LEVEL, (ULONG_PTR)Routine, 0, (PVOID)Routine,
                         "a DPC routine returned at IRQL %u instead of 2", irql);
    }
    if (KiCurrentThread()->SpinLocksHeld != LocksBefore) {
        KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_SPIN_LOCK_HELD, (ULONG_PTR)Routine, 0, 0,
                         (PVOID)Routine, "a DPC routine returned with a spin lock held");
    }
}

static VOID DrainDpcs(VOID)
{
    for (;;) {
        _disable();
        if (IsListEmpty(&KiProcessor.DpcQueue)) {
            KiProcessor.DpcActive = FALSE;
            _enable();
            return;
        }
        KiProcessor.DpcActive = TRUE;
        PKDPC dpc = CONTAINER(RemoveHeadList(&KiProcessor.DpcQueue), KDPC, DpcListEntry);
        PKDEFERRED_ROUTINE routine = dpc->DeferredRoutine;
        PVOID context = dpc->DeferredContext, argument1 = dpc->SystemArgument1, argument2 = dpc->SystemArgument2;
        KiProcessor.CurrentDpc = dpc;
        KiProcessor.DpcRoutine = routine;
        KiProcessor.DpcSince = HalNanoseconds();
        KiProcessor.Dpcs++;
        dpc->DpcData = NULL; /* may be queued again, or freed, from now on */
        _enable();
        ULONG locks = KiCurrentThread()->SpinLocksHeld;
        MiTrimPageable();
        KiPerturbDelay();
        routine(dpc, context, argument1, argument2);
        CheckAfterDpc(routine, locks);
        KiProcessor.CurrentDpc = NULL;
        ULONG64 took = HalNanoseconds() - KiProcessor.DpcSince;
        if (took > DPC_TIME_LIMIT_NS) {
            KeBugCheckReason(0x133, 0, took / 15625000, DPC_TIME_LIMIT_NS / 15625000, 0, (PVOID)routine,
                             "a DPC ran for %I64u ms", took / 1000000);
        }
    }
}

VOID KiDispatchInterrupt(VOID)
{
    do {
        if (KiProcessor.TimersDue) {
            KiProcessor.TimersDue = FALSE;
            KiExpireTimers();
        }
        DrainDpcs();
    } while (KiProcessor.TimersDue);
    KiSwitchIfWanted();
}

/* PASSIVE_LEVEL. All DPCs that are queued now have run on return. One processor: they run before this thread does. */
VOID NTAPI KeFlushQueuedDpcs(VOID)
{
}
