/* SPDX-License-Identifier: MIT */
/* The scheduler: 32 priorities, round robin within one, preemptive. */
#include "ke/dispatch.h"
#include "ke/processor.h"
#include "ke/clock.h"
#include "ke/idle.h"
#include "ke/perturb.h"
#include "ke/threads.h"
#include "ke/xstate.h"
#include "hal/apic.h"
#include "hal/hal.h"

#define QUANTUM_TICKS 2 /* 31 ms, as on a Windows client */

VOID KiSwapContext(PVOID *SavedStackPointer, PVOID NewStackPointer);

static KSPIN_LOCK KiDispatcherLock;
static LIST_ENTRY KiReady[32];
static ULONG KiReadySummary; /* a bit a nonempty queue */

KIRQL KiLockDispatcher(VOID)
{
    KIRQL irql;
    KeAcquireSpinLock(&KiDispatcherLock, &irql);
    return irql;
}

VOID KiUnlockDispatcher(KIRQL OldIrql)
{
    KeReleaseSpinLockFromDpcLevel(&KiDispatcherLock);
    if (KiProcessor.SwitchWanted) {
        if (OldIrql < DISPATCH_LEVEL) {
            KiSwitchIfWanted();
        } else {
            HalApicSelfInterrupt(VECTOR_DISPATCH);
        }
    }
    KeLowerIrql(OldIrql);
}

BOOLEAN KiAnyThreadReady(VOID)
{
    return KiReadySummary != 0;
}

VOID KiReadyThread(PKTHREAD Thread, BOOLEAN Preempted)
{
    PLIST_ENTRY queue = &KiReady[(ULONG)Thread->Priority];
    if (!queue->Flink) {
        InitializeListHead(queue);
    }
    Thread->State = ThreadReady;
    if (Preempted) {
        InsertHeadList(queue, &Thread->ReadyLink);
    } else {
        InsertTailList(queue, &Thread->ReadyLink);
    }
    KiReadySummary |= 1u << Thread->Priority;
    PKTHREAD current = KiProcessor.CurrentThread;
    if (Thread->Priority > current->Priority || KiPerturbPreempt(Thread, current)) {
        KiProcessor.SwitchWanted = TRUE;
    }
}

static VOID Unready(PKTHREAD Thread)
{
    PLIST_ENTRY queue = &KiReady[(ULONG)Thread->Priority];
    RemoveEntryList(&Thread->ReadyLink);
    if (IsListEmpty(queue)) {
        KiReadySummary &= ~(1u << Thread->Priority);
    }
}

VOID KiSetPriority(PKTHREAD Thread, SCHAR Priority)
{
    if (Thread->State == ThreadReady) {
        Unready(Thread);
        Thread->Priority = Priority;
        KiReadyThread(Thread, FALSE);
    } else {
        Thread->Priority = Priority;
        if (Thread == KiProcessor.CurrentThread && (KiReadySummary >> Priority) > 1) {
            KiProcessor.SwitchWanted = TRUE;
        }
    }
}

/* Lock held. Takes the best ready thread out of its queue; the idle thread if there is none. */
static PKTHREAD SelectThread(VOID)
{
    if (!KiReadySummary) {
        return KiProcessor.IdleThread;
    }
    ULONG priority = 31 - (ULONG)__builtin_clz(KiReadySummary);
    PKTHREAD thread = CONTAINER(KiPerturbSelect(&KiReady[priority]), KTHREAD, ReadyLink);
    Unready(thread);
    return thread;
}

/* Lock held; released here, before the switch. */
static VOID SwitchTo(PKTHREAD Next)
{
    PKTHREAD current = KiProcessor.CurrentThread;
    KiProcessor.SwitchWanted = FALSE;
    Next->State = ThreadRunning;
    if (Next == current) {
        KeReleaseSpinLockFromDpcLevel(&KiDispatcherLock);
        return;
    }
    /* A preempted thread goes on with what is left, else one that is preempted often would never yield to its equals. */
    if (Next->Quantum <= 0) {
        Next->Quantum = QUANTUM_TICKS + (LONG)KiPerturb(3);
    }
    KiProcessor.ContextSwitches++;
    KeReleaseSpinLockFromDpcLevel(&KiDispatcherLock);
    KiProcessor.CurrentThread = Next;
    if (current == KiProcessor.IdleThread) {
        KiUpdateTime();
        KiArmClock(FALSE); /* ticks again */
    }
    if (current->ExtendedState) {
        KiKeepExtendedState(current->ExtendedState);
    }
    KiSwapContext(&current->StackPointer, Next->StackPointer);
    /* This thread again, maybe much later. */
    if (current->ExtendedState) {
        KiTakeExtendedState(current->ExtendedState);
    }
    if (KiProcessor.CurrentThread->ApcPending) {
        HalApicSelfInterrupt(VECTOR_APC);
    }
}

VOID KiBlockCurrentThread(VOID)
{
    SwitchTo(SelectThread());
}

VOID KiSwitchIfWanted(VOID)
{
    KeAcquireSpinLockAtDpcLevel(&KiDispatcherLock);
    PKTHREAD current = KiProcessor.CurrentThread;
    if (!KiProcessor.SwitchWanted) {
        KeReleaseSpinLockFromDpcLevel(&KiDispatcherLock);
        return;
    }
    if (current != KiProcessor.IdleThread) {
        /* A used-up quantum puts the thread behind its equals, preemption before them. A boost decays by one each quantum. */
        BOOLEAN expired = current->Quantum <= 0;
        if (expired) {
            current->Quantum = QUANTUM_TICKS;
            if (current->Priority > current->BasePriority) {
                current->Priority--;
            }
        }
        KiReadyThread(current, !expired && !KiPerturbRotate());
    } else {
        current->State = ThreadReady;
    }
    SwitchTo(SelectThread());
}

VOID KiCountQuantum(VOID)
{
    PKTHREAD current = KiProcessor.CurrentThread;
    if (current != KiProcessor.IdleThread && --current->Quantum <= 0) {
        KiProcessor.SwitchWanted = TRUE;
        HalApicSelfInterrupt(VECTOR_DISPATCH);
    }
}

/*
 * PASSIVE_LEVEL, the idle thread. No ticks: the clock is armed for the next timer only, so that an idle guest costs the host nothing.
 */
VOID KiIdleLoop(VOID)
{
    for (;;) {
        while (KiReapThreads()) {
        }
        _disable();
        if (!KiReadySummary && !KiProcessor.SwitchWanted && IsListEmpty(&KiProcessor.DpcQueue)) {
            KiArmClock(TRUE);
            if (KiIdlePolls) {
                KiPollIdle();
            } else {
                __asm__ volatile("sti; hlt"
                                 :
                                 :
                                 : "memory"); /* an interrupt between the two instructions cannot be lost */
            }
        } else {
            _enable();
            KIRQL irql = KeRaiseIrqlToDpcLevel();
            KiProcessor.SwitchWanted = KiReadySummary != 0;
            KiSwitchIfWanted();
            KeLowerIrql(irql);
        }
    }
}
