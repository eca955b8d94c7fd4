/* SPDX-License-Identifier: MIT */
/*
 * The I/O verifier: what Driver Verifier's I/O verification checks of every IRP, always on. Here: dispatch routines, and which of them run.
 * sendcheck.c: IoCallDriver. completecheck.c: IoCompleteRequest.
 * https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc9--driver-verifier-iomanager-violation
 * https://learn.microsoft.com/windows-hardware/drivers/devtest/enhanced-i-o-verification
 */
#include "io/io.h"
#include "io/irp.h"
#include "kd/log.h"

static KSPIN_LOCK CallLock;
static LIST_ENTRY Calls; /* dispatch routines that are running, innermost first */

VOID IopInitChecks(VOID)
{
    KeInitializeSpinLock(&CallLock);
    InitializeListHead(&Calls);
}

/* Called just before the location goes down by one: the present one's driver passes the IRP on. */
VOID IopMarkForwarded(PIRP Irp)
{
    if ((Irp->AllocationFlags & IRP_ALLOCATED_BY_KERNEL) && Irp->CurrentLocation >= 1 && Irp->CurrentLocation <= 64) {
        IopTracker(Irp)->Forwarded |= 1ULL << (Irp->CurrentLocation - 1);
        /* The location that comes next starts afresh. */
        if (Irp->CurrentLocation >= 2) {
            IopTracker(Irp)->Forwarded &= ~(1ULL << (Irp->CurrentLocation - 2));
        }
    }
}

VOID IopEnterDispatch(PIRP_CALL Call, PDEVICE_OBJECT DeviceObject, PIRP Irp, PDRIVER_DISPATCH Dispatch)
{
    KIRQL Irql;
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    Call->Irp = Irp;
    Call->DeviceObject = DeviceObject;
    Call->Dispatch = Dispatch;
    Call->Thread = PsGetCurrentThread();
    Call->Location = Irp->CurrentLocation;
    Call->Irql = KeGetCurrentIrql();
    Call->ApcDisable = IopApcDisableCount();
    Call->Major = Stack->MajorFunction;
    Call->Minor = Stack->MinorFunction;
    Call->Completed = FALSE;
    Call->WasPending = FALSE;
    Call->Status = 0;
    if (Irp->AllocationFlags & IRP_ALLOCATED_BY_KERNEL) {
        PIRP_TRACKER Tracker = IopTracker(Irp);
        Tracker->Holder = DeviceObject;
        Tracker->Major = Stack->MajorFunction;
        Tracker->Minor = Stack->MinorFunction;
        Tracker->Status = Irp->IoStatus.Status;
        Tracker->Information = Irp->IoStatus.Information;
        IopNoteTargetQuery(Irp, DeviceObject);
    }
    KeAcquireSpinLock(&CallLock, &Irql);
    InsertHeadList(&Calls, &Call->Link);
    KeReleaseSpinLock(&CallLock, Irql);
}

VOID IopLocationCompleted(PIRP Irp, CCHAR Location, UCHAR Control)
{
    PLIST_ENTRY Entry;
    KIRQL Irql;
    PDRIVER_DISPATCH Forgot = NULL;
    KeAcquireSpinLock(&CallLock, &Irql);
    for (Entry = Calls.Flink; Entry != &Calls; Entry = Entry->Flink) {
        PIRP_CALL Call = CONTAINING_RECORD(Entry, IRP_CALL, Link);
        if (Call->Irp == Irp && Call->Location == Location && !Call->Completed) {
            Call->Completed = TRUE;
            Call->Status = Irp->IoStatus.Status;
            Call->WasPending = (Control & SL_PENDING_RETURNED) != 0;
        }
    }
    if ((Irp->AllocationFlags & IRP_ALLOCATED_BY_KERNEL) && Location >= 1 && Location <= 64) {
        ULONG64 Bit = 1ULL << (Location - 1);
        if ((IopTracker(Irp)->PendingReturned & Bit) && !(Control & SL_PENDING_RETURNED)) {
            PIO_STACK_LOCATION Stack = (PIO_STACK_LOCATION)(Irp + 1) + (Location - 1);
            Forgot = Stack->DeviceObject->DriverObject->MajorFunction[Stack->MajorFunction];
        }
        IopTracker(Irp)->PendingReturned &= ~Bit;
    }
    KeReleaseSpinLock(&CallLock, Irql);
    if (Forgot) {
        IoStopRule(0x24C, Forgot, Irp, NULL,
                   "the dispatch routine returned STATUS_PENDING, but the IRP was not marked by IoMarkIrpPending (in a "
                   "completion routine: "
                   "if (Irp->PendingReturned) IoMarkIrpPending(Irp))");
    }
}

VOID IopLeaveDispatch(PIRP_CALL Call, NTSTATUS Status)
{
    KIRQL Irql;
    BOOLEAN InterruptsOff = !(__readeflags() & 0x200);
    BOOLEAN Completed, WasPending;
    NTSTATUS CompletedWith;
    PDEVICE_OBJECT Holder = NULL;
    PVOID Foreign = NULL;
    KeAcquireSpinLock(&CallLock, &Irql);
    RemoveEntryList(&Call->Link);
    Completed = Call->Completed;
    WasPending = Call->WasPending;
    CompletedWith = Call->Status;
    if (Status == STATUS_PENDING && !Completed && (Call->Irp->AllocationFlags & IRP_ALLOCATED_BY_KERNEL) &&
        Call->Location <= 64) {
        /* Not completed and the lock is held: the IRP is still there. */
        IopTracker(Call->Irp)->PendingReturned |= 1ULL << (Call->Location - 1);
        Holder = IopTracker(Call->Irp)->Holder;
        Foreign = Holder != Call->DeviceObject ? IopForeignCancelRoutine(Call->Irp, Holder, Call->DeviceObject) : NULL;
    }
    KeReleaseSpinLock(&CallLock, Irql);
    if (InterruptsOff) {
        IoStop(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_RETURN_INTERRUPTS_OFF, (ULONG_PTR)Call->Dispatch, 0, 0,
               (PVOID)Call->Dispatch,
               "the dispatch routine for major function 0x%02x returned with interrupts disabled", Call->Major);
    }
    if (KeGetCurrentIrql() != Call->Irql) {
        IoStop(DRIVER_VERIFIER_IOMANAGER_VIOLATION_CODE, 0x05, (ULONG_PTR)Call->DeviceObject, Call->Irql,
               KeGetCurrentIrql(), (PVOID)Call->Dispatch,
               "the dispatch routine for major function 0x%02x was called at IRQL %u and returned at IRQL %u",
               Call->Major, Call->Irql, KeGetCurrentIrql());
    }
    IopCheckApcDisable(0xC5, (PVOID)(ULONG_PTR)Call->Dispatch, "dispatch routine", Call->ApcDisable);
    if (Status == (NTSTATUS)0xFFFFFFFF) {
        IoStopRule(0x225, Call->Dispatch, Call->Irp, Call->DeviceObject,
                   "the dispatch routine returned 0xFFFFFFFF (an uninitialised variable?)");
    }
    if (IopIsSuspicious(Status)) {
        IoStopRule(0x300, Call->Dispatch, Call->Irp, Call->DeviceObject,
                   "the dispatch routine returned 0x%08x, which is no status: an uninitialised variable?", Status);
    }
    if (Foreign) {
        IopStopForeignCancelRoutine(Call->Irp, Holder, Foreign);
    }
    if (Status == STATUS_PENDING) {
        if (Completed && !WasPending) {
            IoStopRule(0x23D, Call->Dispatch, Call->Irp, Call->DeviceObject,
                       "the dispatch routine for major 0x%02x minor 0x%02x returned STATUS_PENDING, but the IRP was "
                       "completed without IoMarkIrpPending",
                       Call->Major, Call->Minor);
        }
        return;
    }
    if (!Completed) {
        IoStopRule(0x226, Call->Dispatch, Call->Irp, Call->DeviceObject,
                   "the dispatch routine for major 0x%02x minor 0x%02x returned 0x%08x without completing the IRP or "
                   "passing it down, or forgot to return STATUS_PENDING",
                   Call->Major, Call->Minor, Status);
    }
    if (WasPending) {
        IoStopRule(0x23E, Call->Dispatch, Call->Irp, Call->DeviceObject,
                   "the IRP (major 0x%02x minor 0x%02x) was marked pending, but the dispatch routine returned 0x%08x "
                   "instead of STATUS_PENDING",
                   Call->Major, Call->Minor, Status);
    }
    if (CompletedWith != Status) {
        IoStopRule(
            0x224, Call->Dispatch, Call->Irp, Call->DeviceObject,
            "the dispatch routine for major 0x%02x minor 0x%02x returned 0x%08x, but the IRP was completed with 0x%08x",
            Call->Major, Call->Minor, Status, CompletedWith);
    }
}

BOOLEAN IopIsHeldBelow(PIRP Irp)
{
    PLIST_ENTRY Entry;
    KIRQL Irql;
    BOOLEAN Held = FALSE;
    if (!(Irp->AllocationFlags & IRP_ALLOCATED_BY_KERNEL) || Irp->CurrentLocation < 1 || Irp->CurrentLocation > 64 ||
        KeGetCurrentIrql() >= DISPATCH_LEVEL) {
        return FALSE; /* a DPC, maybe of the driver below, runs in any thread's context */
    }
    KeAcquireSpinLock(&CallLock, &Irql);
    for (Entry = Calls.Flink; Entry != &Calls; Entry = Entry->Flink) {
        PIRP_CALL Call = CONTAINING_RECORD(Entry, IRP_CALL, Link);
        if (Call->Thread == PsGetCurrentThread()) {
            /* The innermost routine of this thread: its own location is marked as pending only by one below that shares it. */
            Held = Call->Irp == Irp && !Call->Completed && Call->Location >= Irp->CurrentLocation &&
                   (IopTracker(Irp)->PendingReturned & 1ULL << (Irp->CurrentLocation - 1));
            break;
        }
    }
    KeReleaseSpinLock(&CallLock, Irql);
    return Held;
}

BOOLEAN IopIsInSurpriseRemoval(PDEVICE_OBJECT Device)
{
    PLIST_ENTRY Entry;
    KIRQL Irql;
    BOOLEAN Found = FALSE;
    KeAcquireSpinLock(&CallLock, &Irql);
    for (Entry = Calls.Flink; Entry && Entry != &Calls; Entry = Entry->Flink) {
        PIRP_CALL Call = CONTAINING_RECORD(Entry, IRP_CALL, Link);
        Found |= Call->Thread == PsGetCurrentThread() && Call->DeviceObject == Device && Call->Major == IRP_MJ_PNP &&
                 Call->Minor == IRP_MN_SURPRISE_REMOVAL;
    }
    KeReleaseSpinLock(&CallLock, Irql);
    return Found;
}

BOOLEAN IopIrpIsBeingDispatched(PIRP Irp)
{
    PLIST_ENTRY Entry;
    KIRQL Irql;
    BOOLEAN Found = FALSE;
    KeAcquireSpinLock(&CallLock, &Irql);
    for (Entry = Calls.Flink; Entry != &Calls; Entry = Entry->Flink) {
        PIRP_CALL Call = CONTAINING_RECORD(Entry, IRP_CALL, Link);
        Found |= Call->Irp == Irp && !Call->Completed;
    }
    KeReleaseSpinLock(&CallLock, Irql);
    return Found;
}

VOID IopDumpCalls(VOID)
{
    /* At bugcheck: no lock. */
    PLIST_ENTRY Entry;
    ULONG Count = 0;
    if (!Calls.Flink) {
        return;
    }
    for (Entry = Calls.Flink; Entry != &Calls && Count++ < 16; Entry = Entry->Flink) {
        PIRP_CALL Call = CONTAINING_RECORD(Entry, IRP_CALL, Link);
        KdLog(LOG_ERROR, "  IRP %p major %02x minor %02x in %wZ, thread %p%s", Call->Irp, Call->Major, Call->Minor,
              &Call->DeviceObject->DriverObject->DriverName, Call->Thread, Call->Completed ? " (completed)" : "");
    }
}
