/* SPDX-License-Identifier: MIT */
/*
 * Completing an IRP: completion routines from the bottom of the stack up, then the I/O manager's own part.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/completing-irps
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/using-iocompletion-routines
 */
#include "io/io.h"
#include "io/irplog.h"
#include "io/irp.h"
#include "ob/attribute.h"
#include "ke/apc.h"
#include "ke/processor.h"

static BOOLEAN WantsCall(const IO_STACK_LOCATION *Stack, PIRP Irp)
{
    if (NT_SUCCESS(Irp->IoStatus.Status)) {
        if (Stack->Control & SL_INVOKE_ON_SUCCESS) {
            return TRUE;
        }
    } else if (Stack->Control & SL_INVOKE_ON_ERROR) {
        return TRUE;
    }
    return Irp->Cancel && (Stack->Control & SL_INVOKE_ON_CANCEL);
}

/* The driver's part of the location is over: what stood there must not be taken for the next call's. */
static VOID ClearLocation(PIO_STACK_LOCATION Stack)
{
    Stack->MinorFunction = 0;
    Stack->Flags = 0;
    Stack->Control &= SL_ERROR_RETURNED;
    Stack->Parameters.Others.Argument1 = NULL;
    Stack->Parameters.Others.Argument2 = NULL;
    Stack->Parameters.Others.Argument3 = NULL;
    Stack->FileObject = NULL;
}

static VOID CompleteAssociated(PIRP Irp, CCHAR Boost)
{
    PIRP Master = Irp->AssociatedIrp.MasterIrp;
    LONG Left = InterlockedDecrement((PLONG)&Master->AssociatedIrp.IrpCount);
    while (Irp->MdlAddress) {
        PMDL Mdl = Irp->MdlAddress;
        Irp->MdlAddress = Mdl->Next;
        IoFreeMdl(Mdl);
    }
    IoFreeIrp(Irp);
    if (Left == 0) {
        IofCompleteRequest(Master, Boost);
    }
}

static VOID NTAPI FreeIrpOfApc(PKAPC Apc, PKNORMAL_ROUTINE *Normal, PVOID *Context, PVOID *Argument1, PVOID *Argument2)
{
    IoFreeIrp((PIRP)(CONTAINING_RECORD(Apc, IRP_TRACKER, Apc) + 1));
}

static VOID NTAPI FreeApc(PKAPC Apc, PKNORMAL_ROUTINE *Normal, PVOID *Context, PVOID *Argument1, PVOID *Argument2)
{
    ExFreePoolWithTag(Apc, IO_TAG);
}

/* The requester's routine is a normal kernel APC, as its request came from kernel mode: it needs no alertable wait. */
static BOOLEAN QueueUserApc(PKAPC Apc, PKTHREAD Thread, PKKERNEL_ROUTINE Free, PIO_APC_ROUTINE Routine, PVOID Context,
                            PIO_STATUS_BLOCK Iosb)
{
    KeInitializeApc(Apc, Thread, 0, Free, NULL, (PKNORMAL_ROUTINE)(PVOID)Routine, KernelMode, Context);
    return KeInsertQueueApc(Apc, Iosb, NULL, 2);
}

VOID IopQueueUserApc(PIO_APC_ROUTINE Routine, PVOID Context, PIO_STATUS_BLOCK Iosb)
{
    PKAPC Apc = Routine ? ExAllocatePoolWithTag(NonPagedPool, sizeof(*Apc), IO_TAG) : NULL;
    if (Apc) {
        QueueUserApc(Apc, KiCurrentThread(), FreeApc, Routine, Context, Iosb);
    }
}

/* In the requesting thread: buffers, status block, event, in this order. */
static VOID FinishForRequester(PIRP Irp)
{
    NTSTATUS Status = Irp->IoStatus.Status;
    PKEVENT Event = Irp->UserEvent;
    PFILE_OBJECT FileObject = Irp->Tail.Overlay.OriginalFileObject;
    PIRP_TRACKER Tracker = IopTracker(Irp);
    PKEVENT EventObject = Tracker->EventObject;
    PIO_APC_ROUTINE Routine = Tracker->ApcRoutine;

    if (Irp->Flags & IRP_BUFFERED_IO) {
        /* A warning such as STATUS_BUFFER_OVERFLOW copies, an error does not. */
        if ((Irp->Flags & IRP_INPUT_OPERATION) && !NT_ERROR(Status) && Irp->UserBuffer) {
            RtlCopyMemory(Irp->UserBuffer, Irp->AssociatedIrp.SystemBuffer, Irp->IoStatus.Information);
        }
        if (Irp->Flags & IRP_DEALLOCATE_BUFFER) {
            ExFreePool(Irp->AssociatedIrp.SystemBuffer);
        }
    }
    while (Irp->MdlAddress) {
        PMDL Mdl = Irp->MdlAddress;
        Irp->MdlAddress = Mdl->Next;
        if (Mdl->MdlFlags & MDL_PAGES_LOCKED) {
            MmUnlockPages(Mdl);
        }
        IoFreeMdl(Mdl);
    }
    /* An error that was returned at once is the return value of IoCallDriver: status block and event stay as they were. */
    if (!NT_ERROR(Status) || Irp->PendingReturned || Tracker->KernelWaits) {
        if (Irp->UserIosb) {
            Irp->UserIosb->Information = Irp->IoStatus.Information;
            Irp->UserIosb->Status = Status;
        }
        if (!Event && FileObject && !(Irp->Flags & IRP_SYNCHRONOUS_API)) {
            FileObject->FinalStatus = Status;
            KeSetEvent(&FileObject->Event, IO_NO_INCREMENT, FALSE);
        }
    } else {
        Event = NULL;
        Routine = NULL;
    }
    BOOLEAN Ours = Tracker->ByHandle;
    IopDequeueThreadIrp(Irp);
    if (Event) {
        KeSetEvent(Event, IO_NO_INCREMENT, FALSE);
    }
    if (!Routine || !QueueUserApc(&Tracker->Apc, (PKTHREAD)Irp->Tail.Overlay.Thread, FreeIrpOfApc, Routine,
                                  Tracker->ApcContext, Irp->UserIosb)) {
        IoFreeIrp(Irp);
    }
    if (EventObject) {
        ObfDereferenceObject(EventObject);
    }
    if (FileObject && Ours) {
        ObfDereferenceObject(FileObject);
    } else if (FileObject) {
        ObpDropGiven(FileObject); /* the driver that made the IRP referenced it */
    }
}

static VOID NTAPI FinishInThread(PKAPC Apc, PKNORMAL_ROUTINE *Normal, PVOID *Context, PVOID *Argument1,
                                 PVOID *Argument2)
{
    PIRP Irp = *Argument1;
    if (IopTracker(Irp)->EventOwner.Object) {
        KeRetractWaitOwner(&IopTracker(Irp)->EventOwner);
    }
    FinishForRequester(Irp);
}

/*
 * The second stage of completion runs as a special kernel APC of the thread that made the IRP: not while it is at APC_LEVEL or in a guarded region.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/types-of-apcs
 * "The I/O manager … uses special kernel APCs to complete asynchronous I/O". The kernel's own synchronous requests need none.
 */
static VOID FinishOrQueue(PIRP Irp, CCHAR Boost)
{
    PIRP_TRACKER Tracker = IopTracker(Irp);
    PKTHREAD Thread = (PKTHREAD)Irp->Tail.Overlay.Thread;
    if (Tracker->KernelWaits || !Thread || (Thread == KiCurrentThread() && KiIsApcEnabled())) {
        FinishForRequester(Irp);
        return;
    }
    Tracker->EventOwner.Object = NULL;
    if (Irp->UserEvent) {
        KeDeclareWaitOwner(&Tracker->EventOwner, Irp->UserEvent, Thread,
                           "the I/O manager sets this event in a special kernel APC of the thread, which does not run "
                           "at APC_LEVEL or in a guarded region",
                           Tracker->Allocator);
    }
    KeInitializeApc(&Tracker->Apc, Thread, 0, FinishInThread, NULL, NULL, KernelMode, NULL);
    if (!KeInsertQueueApc(&Tracker->Apc, Irp, NULL, Boost)) {
        PVOID Self = Irp; /* the thread has ended */
        FinishInThread(&Tracker->Apc, NULL, NULL, &Self, NULL);
    }
}

static VOID Complete(PIRP Irp, CCHAR Boost, PVOID Caller)
{
    PIO_STACK_LOCATION Stack;
    IopCheckComplete(Irp, Caller);
    IopLogCompleted(Irp);
    for (Stack = Irp->Tail.Overlay.CurrentStackLocation, Irp->CurrentLocation++,
        Irp->Tail.Overlay.CurrentStackLocation++;
         Irp->CurrentLocation <= Irp->StackCount + 1;
         Stack++, Irp->CurrentLocation++, Irp->Tail.Overlay.CurrentStackLocation++) {
        UCHAR Control = Stack->Control;
        CCHAR Location = Irp->CurrentLocation - 1;
        Irp->PendingReturned = (Control & SL_PENDING_RETURNED) != 0;
        if (Irp->AllocationFlags & IRP_ALLOCATED_BY_KERNEL) {
            IopTracker(Irp)->Holder = Irp->CurrentLocation <= Irp->StackCount ? (Stack + 1)->DeviceObject : NULL;
        }
        if (!NT_SUCCESS(Irp->IoStatus.Status) && Location <= Irp->StackCount) {
            Stack->Control |= SL_ERROR_RETURNED;
        }
        IopLocationCompleted(Irp, Location, Control);
        if (WantsCall(Stack, Irp)) {
            PIO_COMPLETION_ROUTINE Routine = Stack->CompletionRoutine;
            PVOID Context = Stack->Context;
            PDEVICE_OBJECT DeviceObject =
                Irp->CurrentLocation == Irp->StackCount + 1 ? NULL : (Stack + 1)->DeviceObject;
            KIRQL Before = KeGetCurrentIrql();
            LONG ApcDisable = IopApcDisableCount();
            NTSTATUS Status;
            ClearLocation(Stack);
            Status = Routine(DeviceObject, Irp, Context);
            if (KeGetCurrentIrql() != Before) {
                IoStop(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_COMPLETION_IRQL, (ULONG_PTR)Routine, Before,
                       KeGetCurrentIrql(), (PVOID)Routine,
                       "a completion routine was called at IRQL %u and returned at IRQL %u", Before,
                       KeGetCurrentIrql());
            }
            IopCheckApcDisable(0xFB, (PVOID)(ULONG_PTR)Routine, "completion routine", ApcDisable);
            if (Status == STATUS_MORE_PROCESSING_REQUIRED) {
                return; /* the IRP belongs to that driver again; it may already be gone */
            }
            IopCheckMarkedPending(Irp, (PVOID)(ULONG_PTR)Routine);
        } else {
            if (Irp->PendingReturned && Irp->CurrentLocation <= Irp->StackCount) {
                IoMarkIrpPending(Irp);
            }
            ClearLocation(Stack);
        }
    }
    if (Irp->Flags & IRP_ASSOCIATED_IRP) {
        CompleteAssociated(Irp, Boost);
        return;
    }
    if (IsListEmpty(&Irp->ThreadListEntry)) {
        PVOID Allocator = (Irp->AllocationFlags & IRP_ALLOCATED_BY_KERNEL) ? IopTracker(Irp)->Allocator : Caller;
        IoStopRule(0x200, Allocator, Irp, NULL,
                   "IRP %p was allocated by the driver itself, but no completion routine took it back with "
                   "STATUS_MORE_PROCESSING_REQUIRED",
                   Irp);
    }
    IopCheckFinish(Irp, Caller);
    FinishOrQueue(Irp, Boost);
}

VOID FASTCALL IofCompleteRequest(PIRP Irp, CCHAR PriorityBoost)
{
    Complete(Irp, PriorityBoost, _ReturnAddress());
}

#undef IoCompleteRequest /* exported under both names */
VOID NTAPI IoCompleteRequest(PIRP Irp, CCHAR PriorityBoost);
VOID NTAPI IoCompleteRequest(PIRP Irp, CCHAR PriorityBoost)
{
    Complete(Irp, PriorityBoost, _ReturnAddress());
}

typedef struct _EX_COMPLETION {
    PIO_COMPLETION_ROUTINE Routine;
    PVOID Context;
    UCHAR Conditions; /* SL_INVOKE_ON_* */
} EX_COMPLETION, *PEX_COMPLETION;

static NTSTATUS NTAPI CallExCompletion(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
    EX_COMPLETION Ex = *(PEX_COMPLETION)Context;
    UCHAR Condition = NT_SUCCESS(Irp->IoStatus.Status) ? SL_INVOKE_ON_SUCCESS : SL_INVOKE_ON_ERROR;
    ExFreePoolWithTag(Context, IO_TAG);
    if ((Ex.Conditions & Condition) || (Irp->Cancel && (Ex.Conditions & SL_INVOKE_ON_CANCEL))) {
        NTSTATUS Status = Ex.Routine(DeviceObject, Irp, Ex.Context);
        if (Status != STATUS_MORE_PROCESSING_REQUIRED) {
            IopCheckMarkedPending(Irp, (PVOID)(ULONG_PTR)Ex.Routine);
        }
        return Status;
    }
    if (Irp->PendingReturned && Irp->CurrentLocation <= Irp->StackCount) {
        IoMarkIrpPending(Irp);
    }
    return STATUS_CONTINUE_COMPLETION;
}

/* On Windows it also keeps the driver loaded while the routine is due; here a driver whose IRPs are under way never unloads. */
NTSTATUS NTAPI IoSetCompletionRoutineEx(PDEVICE_OBJECT DeviceObject, PIRP Irp, PIO_COMPLETION_ROUTINE CompletionRoutine,
                                        PVOID Context, BOOLEAN InvokeOnSuccess, BOOLEAN InvokeOnError,
                                        BOOLEAN InvokeOnCancel)
{
    PEX_COMPLETION Ex = ExAllocatePoolWithTag(NonPagedPool, sizeof(*Ex), IO_TAG);
    if (!Ex) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Ex->Routine = CompletionRoutine;
    Ex->Context = Context;
    Ex->Conditions = (InvokeOnSuccess ? SL_INVOKE_ON_SUCCESS : 0) | (InvokeOnError ? SL_INVOKE_ON_ERROR : 0) |
                     (InvokeOnCancel ? SL_INVOKE_ON_CANCEL : 0);
    /* Ours is called in every case, to free the context. */
    IoSetCompletionRoutine(Irp, CallExCompletion, Ex, TRUE, TRUE, TRUE);
    return STATUS_SUCCESS;
}
