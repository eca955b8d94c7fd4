/* SPDX-License-Identifier: MIT */
/*
 * Kernel-mode APCs. Delivered by an interrupt at APC_LEVEL when the target runs below it and has them enabled. A thread that waits
 * below APC_LEVEL is woken for them and then waits on; alertable waits are not ended by them.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/types-of-apcs
 */
#include "ke/apc.h"
#include "ke/deadlock.h"
#include "ke/dispatch.h"
#include "ke/dpc.h"
#include "ke/processor.h"
#include "hal/apic.h"

#define APC_OBJECT 18

/* Dispatcher lock held. A special APC (without normal routine) runs in critical regions too. */
static BOOLEAN IsEnabled(PKTHREAD Thread, PKAPC Apc)
{
    return !Thread->SpecialApcDisable && (!Apc->NormalRoutine || !Thread->KernelApcDisable);
}

VOID NTAPI KeInitializeApc(PRKAPC Apc, PRKTHREAD Thread, UCHAR Environment, PKKERNEL_ROUTINE KernelRoutine,
                           PKRUNDOWN_ROUTINE RundownRoutine, PKNORMAL_ROUTINE NormalRoutine, KPROCESSOR_MODE Mode,
                           PVOID Context)
{
    *Apc = (KAPC){.Type = APC_OBJECT,
                  .Size = sizeof(KAPC),
                  .Thread = Thread,
                  .KernelRoutine = KernelRoutine,
                  .RundownRoutine = RundownRoutine,
                  .NormalRoutine = NormalRoutine,
                  .NormalContext = Context,
                  .ApcMode = KernelMode};
}

/* IRQL <= DISPATCH_LEVEL. FALSE: queued already, or the thread has ended. A thread that waits runs it at once and waits on. */
BOOLEAN NTAPI KeInsertQueueApc(PRKAPC Apc, PVOID SystemArgument1, PVOID SystemArgument2, KPRIORITY Increment)
{
    PKTHREAD thread = Apc->Thread;
    KIRQL irql = KiLockDispatcher();
    BOOLEAN inserted = !Apc->Inserted && thread->State != ThreadTerminated;
    if (inserted) {
        Apc->SystemArgument1 = SystemArgument1;
        Apc->SystemArgument2 = SystemArgument2;
        Apc->Inserted = TRUE;
        InsertTailList(&thread->ApcList, &Apc->ApcListEntry);
        thread->ApcPending = TRUE;
        if (thread == KiProcessor.CurrentThread) {
            HalApicSelfInterrupt(VECTOR_APC);
        } else if (thread->State == ThreadWaiting && thread->WaitIrql < APC_LEVEL && IsEnabled(thread, Apc)) {
            KiEndWait(thread, STATUS_KERNEL_APC, Increment);
        } else if (thread->State == ThreadWaiting && !thread->WaitTimer.Header.Inserted) {
            KiCheckDeadlock(thread); /* it may wait for what the APC would do */
        }
    }
    KiUnlockDispatcher(irql);
    return inserted;
}

BOOLEAN KiIsApcEnabled(VOID)
{
    return KeGetCurrentIrql() < APC_LEVEL && !KiCurrentThread()->SpecialApcDisable;
}

VOID KiDeliverApcs(VOID)
{
    PKTHREAD thread = KiCurrentThread();
    for (;;) {
        KIRQL irql = KiLockDispatcher();
        PKAPC apc = NULL;
        for (PLIST_ENTRY e = thread->ApcList.Flink; e != &thread->ApcList && !apc; e = e->Flink) {
            PKAPC candidate = CONTAINER(e, KAPC, ApcListEntry);
            if (IsEnabled(thread, candidate)) {
                apc = candidate;
            }
        }
        if (apc) {
            RemoveEntryList(&apc->ApcListEntry);
            apc->Inserted = FALSE;
        }
        thread->ApcPending = !IsListEmpty(&thread->ApcList);
        KiUnlockDispatcher(irql);
        if (!apc) {
            return;
        }
        PKNORMAL_ROUTINE normal = apc->NormalRoutine;
        PVOID context = apc->NormalContext, argument1 = apc->SystemArgument1, argument2 = apc->SystemArgument2;
        apc->KernelRoutine(apc, &normal, &context, &argument1, &argument2);
        if (normal) {
            thread->KernelApcDisable--;
            KeLowerIrql(PASSIVE_LEVEL);
            normal(context, argument1, argument2);
            (VOID) KfRaiseIrql(APC_LEVEL);
            thread->KernelApcDisable++;
        }
    }
}
