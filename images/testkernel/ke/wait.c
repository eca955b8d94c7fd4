/* SPDX-License-Identifier: MIT */
/*
 * Waiting. A thread waits with one KWAIT_BLOCK an object, linked into the object's WaitListHead; whoever signals the object takes
 * the waiters off (KiSignalWaiters).
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kewaitformultipleobjects
 */
#include "ke/dispatch.h"
#include "ke/bugcheck.h"
#include "ke/rules.h"
#include "ke/clock.h"
#include "ke/deadlock.h"
#include "ke/processor.h"
#include "ke/timer.h"
#include "hal/hal.h"
#include "mm/paged.h"

/* Lock held. Would a wait of Thread on Object end at once? */
static BOOLEAN IsSignalled(DISPATCHER_HEADER *Object, PKTHREAD Thread)
{
    if (Object->Type == ObjectMutant) {
        return Object->SignalState > 0 || CONTAINER(Object, KMUTANT, Header)->OwnerThread == Thread;
    }
    return Object->SignalState > 0;
}

/* Lock held. What ending a wait does to the object. TRUE: an abandoned mutex. */
static BOOLEAN Acquire(DISPATCHER_HEADER *Object, PKTHREAD Thread)
{
    switch (Object->Type) {
    case ObjectEventSynchronization:
    case ObjectTimerSynchronization:
    case ObjectGate:
        Object->SignalState = 0;
        break;
    case ObjectSemaphore:
        Object->SignalState--;
        break;
    case ObjectMutant: {
        KMUTANT *mutant = CONTAINER(Object, KMUTANT, Header);
        if (--Object->SignalState == 0) {
            mutant->OwnerThread = Thread;
            Thread->KernelApcDisable -= mutant->ApcDisable;
            InsertTailList(&Thread->MutantList, &mutant->MutantListEntry);
            BOOLEAN abandoned = mutant->Abandoned;
            mutant->Abandoned = FALSE;
            return abandoned;
        }
        break;
    }
    default:
        break;
    }
    return FALSE;
}

static BOOLEAN AllSignalled(PKTHREAD Thread)
{
    for (ULONG i = 0; i < Thread->WaitCount; i++) {
        if (!IsSignalled(Thread->WaitBlocks[i].Object, Thread)) {
            return FALSE;
        }
    }
    return TRUE;
}

VOID KiEndWait(PKTHREAD Thread, NTSTATUS Status, KPRIORITY Increment)
{
    for (ULONG i = 0; i < Thread->WaitCount; i++) {
        RemoveEntryList(&Thread->WaitBlocks[i].WaitListEntry);
    }
    KiRemoveTimer(&Thread->WaitTimer);
    Thread->WaitStatus = Status;
    Thread->WaitBlocks = NULL;
    Thread->WaitCount = 0;
    if (Increment && Thread->BasePriority < LOW_REALTIME_PRIORITY) {
        LONG boosted = Thread->BasePriority + Increment;
        if (boosted > Thread->Priority) {
            Thread->Priority = (SCHAR)(boosted < LOW_REALTIME_PRIORITY ? boosted : LOW_REALTIME_PRIORITY - 1);
        }
    }
    KiReadyThread(Thread, FALSE);
}

VOID KiWaitTimedOut(PKTHREAD Thread)
{
    if (Thread->State == ThreadWaiting) {
        KiEndWait(Thread, STATUS_TIMEOUT, 0);
    }
}

VOID KiSignalWaiters(DISPATCHER_HEADER *Object)
{
    PLIST_ENTRY entry = Object->WaitListHead.Flink;
    while (Object->SignalState > 0 && entry != &Object->WaitListHead) {
        PKWAIT_BLOCK block = CONTAINER(entry, KWAIT_BLOCK, WaitListEntry);
        PKTHREAD thread = block->Thread;
        entry = entry->Flink;
        if (block->WaitType == WaitAny) {
            NTSTATUS status = block->WaitKey;
            if (Acquire(Object, thread)) {
                status += STATUS_ABANDONED_WAIT_0;
            }
            KiEndWait(thread, status, 1);
            entry = Object->WaitListHead.Flink; /* its other blocks on this object are gone too */
        } else if (AllSignalled(thread)) {
            NTSTATUS status = STATUS_WAIT_0;
            for (ULONG i = 0; i < thread->WaitCount; i++) {
                if (Acquire(thread->WaitBlocks[i].Object, thread)) {
                    status = STATUS_ABANDONED_WAIT_0;
                }
            }
            KiEndWait(thread, status, 1);
            entry = Object->WaitListHead.Flink; /* its other blocks on this object are gone too */
        }
    }
}

static VOID CheckWait(ULONG Count, PVOID Objects[], KPROCESSOR_MODE WaitMode, PLARGE_INTEGER Timeout, PVOID Caller)
{
    KIRQL irql = KeGetCurrentIrql();
    BOOLEAN blocks = !Timeout || Timeout->QuadPart != 0;
    if (irql > DISPATCH_LEVEL || (blocks && irql > APC_LEVEL)) {
        ULONG rule = irql > DISPATCH_LEVEL ? RULE_WAIT_ABOVE_DISPATCH
                     : !Timeout            ? RULE_WAIT_DISPATCH_FOREVER
                                           : RULE_WAIT_DISPATCH_TIMEOUT;
        KeBugCheckReason(
            DRIVER_VERIFIER_DETECTED_VIOLATION, rule, irql, (ULONG_PTR)Objects[0], (ULONG_PTR)Timeout, Caller,
            "waiting at IRQL %u; a wait that may block needs IRQL <= 1, one with time-out 0 needs <= 2", irql);
    }
    for (ULONG i = 0; i < Count; i++) {
        DISPATCHER_HEADER *object = Objects[i];
        UCHAR type;
        if ((LONG_PTR)object >= 0) {
            KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_USER_ADDRESS, (ULONG_PTR)object,
                             sizeof(DISPATCHER_HEADER), 0, Caller, "waiting on %p, which is no kernel address", object);
        }
        if (WaitMode == UserMode && (PUCHAR)object >= (PUCHAR)KiCurrentThread()->StackLimit &&
            (PUCHAR)object < (PUCHAR)KiCurrentThread()->StackBase) {
            KeBugCheckReason(
                DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_USER_WAIT_ON_STACK, irql, (ULONG_PTR)object, 0, Caller,
                "a UserMode wait on %p, which lies on the kernel stack: that may be paged out meanwhile", object);
        }
        type = object->Type;
        if (MiIsPageable(object)) {
            KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_PAGEABLE_OBJECT, (ULONG_PTR)object, 0, 0, Caller,
                             "waiting on %p, which lies in pageable memory: dispatcher objects are touched at "
                             "DISPATCH_LEVEL",
                             object);
        }
        if ((type > ObjectTimerSynchronization && type != TIMER_OF_WAIT) || !KiIsLinked(&object->WaitListHead)) {
            KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_UNINITIALIZED, (ULONG_PTR)object, type, 0, Caller,
                             "waiting on %p, which is no initialized dispatcher object (type %u)", object, type);
        }
    }
}

/* Lock held. Ends the wait before it began if it can; TRUE when done. */
static BOOLEAN TryWait(ULONG Count, PVOID Objects[], WAIT_TYPE Type, PKTHREAD Thread, NTSTATUS *Status)
{
    if (Type == WaitAny) {
        for (ULONG i = 0; i < Count; i++) {
            if (IsSignalled(Objects[i], Thread)) {
                *Status = (NTSTATUS)i + (Acquire(Objects[i], Thread) ? STATUS_ABANDONED_WAIT_0 : 0);
                return TRUE;
            }
        }
        return FALSE;
    }
    for (ULONG i = 0; i < Count; i++) {
        if (!IsSignalled(Objects[i], Thread)) {
            return FALSE;
        }
    }
    *Status = STATUS_WAIT_0;
    for (ULONG i = 0; i < Count; i++) {
        if (Acquire(Objects[i], Thread)) {
            *Status = STATUS_ABANDONED_WAIT_0;
        }
    }
    return TRUE;
}

/* Lock held, released here. Waits until somebody ends the wait. Due: ~0 without time-out. */
static NTSTATUS Block(ULONG Count, PVOID Objects[], WAIT_TYPE Type, PKWAIT_BLOCK Blocks, ULONG64 Due, BOOLEAN Absolute,
                      KIRQL Irql)
{
    PKTHREAD thread = KiCurrentThread();
    for (ULONG i = 0; i < Count; i++) {
        DISPATCHER_HEADER *object = Objects[i];
        Blocks[i].Thread = thread;
        Blocks[i].Object = object;
        Blocks[i].WaitKey = (USHORT)i;
        Blocks[i].WaitType = (UCHAR)Type;
        Blocks[i].NextWaitBlock = &Blocks[(i + 1) % Count];
        InsertTailList(&object->WaitListHead, &Blocks[i].WaitListEntry);
    }
    thread->WaitBlocks = Blocks;
    thread->WaitCount = Count;
    thread->WaitType = Type;
    thread->WaitIrql = Irql;
    thread->State = ThreadWaiting;
    if (Due != ~0ULL) {
        thread->WaitTimer.Header.Type = TIMER_OF_WAIT;
        KiInsertTimer(&thread->WaitTimer, Due, Absolute);
    } else {
        KiCheckDeadlock(thread);
    }
    KiBlockCurrentThread();
    KeLowerIrql(Irql); /* APCs are delivered here */
    return thread->WaitStatus;
}

static NTSTATUS WaitFor(ULONG Count, PVOID Objects[], WAIT_TYPE Type, KWAIT_REASON Reason, KPROCESSOR_MODE Mode,
                        BOOLEAN Alertable, PLARGE_INTEGER Timeout, PKWAIT_BLOCK Blocks, PVOID Caller)
{
    CheckWait(Count, Objects, Mode, Timeout, Caller);
    PKTHREAD thread = KiCurrentThread();
    ULONG64 due = Timeout ? KiAbsoluteDue(*Timeout) : ~0ULL, since = HalNanoseconds();
    BOOLEAN absolute = Timeout && Timeout->QuadPart > 0;
    for (;;) {
        KIRQL irql = KiLockDispatcher();
        NTSTATUS status;
        if (TryWait(Count, Objects, Type, thread, &status)) {
            KiUnlockDispatcher(irql);
            return status;
        }
        if (Timeout && Timeout->QuadPart == 0) {
            KiUnlockDispatcher(irql);
            return STATUS_TIMEOUT;
        }
        thread->WaitReason = Reason;
        thread->Alertable = Alertable;
        thread->WaitCaller = Caller;
        thread->WaitSince = since;
        status = Block(Count, Objects, Type, Blocks, due, absolute, irql);
        if (status != STATUS_KERNEL_APC) {
            return status;
        }
        due = absolute ? KiAbsoluteDue(*Timeout) : due; /* the system may have slept in between */
    }
}

NTSTATUS NTAPI KeWaitForSingleObject(PVOID Object, KWAIT_REASON WaitReason, KPROCESSOR_MODE WaitMode, BOOLEAN Alertable,
                                     PLARGE_INTEGER Timeout)
{
    return WaitFor(1, &Object, WaitAny, WaitReason, WaitMode, Alertable, Timeout, KiCurrentThread()->BuiltInBlocks,
                   __builtin_return_address(0));
}

NTSTATUS NTAPI KeWaitForMultipleObjects(ULONG Count, PVOID Object[], WAIT_TYPE WaitType, KWAIT_REASON WaitReason,
                                        KPROCESSOR_MODE WaitMode, BOOLEAN Alertable, PLARGE_INTEGER Timeout,
                                        PKWAIT_BLOCK WaitBlockArray)
{
    if (!Count || Count > (WaitBlockArray ? MAXIMUM_WAIT_OBJECTS : THREAD_WAIT_OBJECTS)) {
        KeBugCheckReason(MAXIMUM_WAIT_OBJECTS_EXCEEDED, Count, 0, 0, 0, __builtin_return_address(0),
                         "KeWaitForMultipleObjects with %u objects%s", Count,
                         WaitBlockArray ? "" : " and no wait block array (at most 3)");
    }
    return WaitFor(Count, Object, WaitType, WaitReason, WaitMode, Alertable, Timeout,
                   WaitBlockArray ? WaitBlockArray : KiCurrentThread()->BuiltInBlocks, __builtin_return_address(0));
}

/* IRQL <= APC_LEVEL. Interval as a time-out: 100 ns, negative = from now. */
NTSTATUS NTAPI KeDelayExecutionThread(KPROCESSOR_MODE WaitMode, BOOLEAN Alertable, PLARGE_INTEGER Interval)
{
    PKTHREAD thread = KiCurrentThread();
    ULONG64 due = KiAbsoluteDue(*Interval), since = HalNanoseconds();
    BOOLEAN first = TRUE, absolute = Interval->QuadPart > 0;
    do {
        KIRQL irql = KiLockDispatcher();
        due = absolute ? KiAbsoluteDue(*Interval) : due;
        if (due <= KiInterruptTime()) {
            if (first) { /* as ZwYieldExecution: equals may run */
                thread->Quantum = 0;
                KiProcessor.SwitchWanted = KiAnyThreadReady();
            }
            KiUnlockDispatcher(irql);
            return STATUS_SUCCESS;
        }
        first = FALSE;
        thread->WaitReason = DelayExecution;
        thread->WaitCaller = __builtin_return_address(0);
        thread->WaitSince = since;
        thread->Alertable = Alertable;
        (VOID) Block(0, NULL, WaitAny, NULL, due, absolute, irql);
    } while (thread->WaitStatus == STATUS_KERNEL_APC);
    return STATUS_SUCCESS;
}
