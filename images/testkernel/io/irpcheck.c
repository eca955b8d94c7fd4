/* SPDX-License-Identifier: MIT */
/*
 * The I/O verifier: what Driver Verifier's I/O verification checks of every IRP, always on.
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

static BOOLEAN NeedsPassive(UCHAR Major)
{
    return Major == IRP_MJ_PNP || Major == IRP_MJ_CREATE || Major == IRP_MJ_CLEANUP || Major == IRP_MJ_CLOSE ||
           Major == IRP_MJ_SYSTEM_CONTROL;
}

VOID IopCheckCall(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Caller)
{
    PIO_STACK_LOCATION Next;
    KIRQL Irql = KeGetCurrentIrql();
    CHAR Name[120];
    if (!Irp || Irp->Type != IO_TYPE_IRP) {
        IoStopRule(0x03, Caller, Irp, DeviceObject,
                   "IoCallDriver with %p, which is no IRP (completed or freed before?)", Irp);
    }
    if (!DeviceObject) {
        IoStopRule(0x204, Caller, Irp, NULL, "IoCallDriver with a NULL device object");
    }
    if (DeviceObject->Type != IO_TYPE_DEVICE || (IoExtra(DeviceObject)->ExtensionFlags & DOE_DELETED)) {
        IoStopRule(0x04, Caller, Irp, DeviceObject, "IoCallDriver to %p, which is %s", DeviceObject,
                   DeviceObject->Type != IO_TYPE_DEVICE ? "no device object" : "a device object that was deleted");
    }
    if (Irql > DISPATCH_LEVEL) {
        IoStopRule(0x10, Caller, Irp, DeviceObject, "IoCallDriver at IRQL %u", Irql);
    }
    if (Irp->CurrentLocation <= 1) {
        IoStop(NO_MORE_IRP_STACK_LOCATIONS, (ULONG_PTR)Irp, 0, 0, 0, Caller,
               "IoCallDriver: IRP %p (%u stack locations) has none left for %s; allocate it with the StackSize of the "
               "topmost device object",
               Irp, Irp->StackCount, IopDescribeDevice(DeviceObject, Name, sizeof(Name)));
    }
    if (Irp->CancelRoutine) {
        IoStopRule(0x203, Caller, Irp, DeviceObject,
                   "IoCallDriver with a cancel routine still set: clear it with IoSetCancelRoutine(Irp, NULL)");
    }
    Next = IoGetNextIrpStackLocation(Irp);
    if (Irql > PASSIVE_LEVEL && NeedsPassive(Next->MajorFunction)) {
        IoStopRule(0x23A, Caller, Irp, DeviceObject,
                   "IRP with major function 0x%02x was sent at IRQL %u, but it must be PASSIVE_LEVEL",
                   Next->MajorFunction, Irql);
    }
    if (Next->MajorFunction == IRP_MJ_PNP || Next->MajorFunction == IRP_MJ_POWER) {
        NTSTATUS Status = Irp->IoStatus.Status;
        BOOLEAN Pnp = Next->MajorFunction == IRP_MJ_PNP;
        if (Irp->CurrentLocation == Irp->StackCount + 1) {
            if (Status != STATUS_NOT_SUPPORTED && IoIsDriverCode(Caller)) {
                IoStopRule(Pnp ? 0x20E : 0x20F, Caller, Irp, DeviceObject,
                           "a new %s IRP was sent with status 0x%08x: IoStatus.Status must be STATUS_NOT_SUPPORTED",
                           Pnp ? "PnP" : "power", Status);
            }
        } else if (!NT_SUCCESS(Status) && Status != STATUS_NOT_SUPPORTED) {
            IoStopRule(
                Pnp ? 0x215 : 0x219, Caller, Irp, DeviceObject,
                "a %s IRP (minor 0x%02x) with the failure status 0x%08x is passed down: a failed IRP must be completed",
                Pnp ? "PnP" : "power", Next->MinorFunction, Status);
        }
    }
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
        IoStopRule(0x23D, Forgot, Irp, NULL,
                   "the dispatch routine returned STATUS_PENDING, but the IRP was not marked by IoMarkIrpPending (in a "
                   "completion routine: "
                   "if (Irp->PendingReturned) IoMarkIrpPending(Irp))");
    }
}

VOID IopLeaveDispatch(PIRP_CALL Call, NTSTATUS Status)
{
    KIRQL Irql;
    BOOLEAN Completed, WasPending;
    NTSTATUS CompletedWith;
    KeAcquireSpinLock(&CallLock, &Irql);
    RemoveEntryList(&Call->Link);
    Completed = Call->Completed;
    WasPending = Call->WasPending;
    CompletedWith = Call->Status;
    if (Status == STATUS_PENDING && !Completed && (Call->Irp->AllocationFlags & IRP_ALLOCATED_BY_KERNEL) &&
        Call->Location <= 64) {
        /* Not completed and the lock is held: the IRP is still there. */
        IopTracker(Call->Irp)->PendingReturned |= 1ULL << (Call->Location - 1);
    }
    KeReleaseSpinLock(&CallLock, Irql);
    if (KeGetCurrentIrql() != Call->Irql) {
        IoStopRule(0x05, Call->Dispatch, Call->Irp, Call->DeviceObject,
                   "the dispatch routine for major function 0x%02x was called at IRQL %u and returned at IRQL %u",
                   Call->Major, Call->Irql, KeGetCurrentIrql());
    }
    IopCheckApcDisable(0xC5, (PVOID)(ULONG_PTR)Call->Dispatch, "dispatch routine", Call->ApcDisable);
    if (Status == (NTSTATUS)0xFFFFFFFF) {
        IoStopRule(0x225, Call->Dispatch, Call->Irp, Call->DeviceObject,
                   "the dispatch routine returned 0xFFFFFFFF (an uninitialised variable?)");
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

/* PnP IRPs that only the bus driver answers: the others pass them down with the status unchanged. */
static BOOLEAN IsForBusDriver(UCHAR Minor)
{
    switch (Minor) {
    case IRP_MN_QUERY_CAPABILITIES:
    case IRP_MN_QUERY_RESOURCES:
    case IRP_MN_QUERY_RESOURCE_REQUIREMENTS:
    case IRP_MN_QUERY_DEVICE_TEXT:
    case IRP_MN_READ_CONFIG:
    case IRP_MN_WRITE_CONFIG:
    case IRP_MN_EJECT:
    case IRP_MN_SET_LOCK:
    case IRP_MN_QUERY_ID:
    case IRP_MN_QUERY_BUS_INFORMATION:
        return TRUE;
    default:
        return FALSE;
    }
}

/*
 * "A function or filter driver must pass every PnP and power IRP that it does not fail on to the next driver":
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/passing-pnp-irps-down-the-device-stack
 * Checked when a driver that is not at the bottom completes an IRP that it never passed on.
 */
static VOID CheckNotStolen(PIRP Irp, PVOID Caller)
{
    PIO_STACK_LOCATION Stack;
    BOOLEAN Pnp;
    NTSTATUS Status = Irp->IoStatus.Status;
    if (!(Irp->AllocationFlags & IRP_ALLOCATED_BY_KERNEL) || Irp->CurrentLocation > min(Irp->StackCount, 64)) {
        return;
    }
    Stack = IoGetCurrentIrpStackLocation(Irp);
    Pnp = Stack->MajorFunction == IRP_MJ_PNP;
    if ((!Pnp && Stack->MajorFunction != IRP_MJ_POWER) || !IoExtra(Stack->DeviceObject)->AttachedTo ||
        (IopTracker(Irp)->Forwarded & 1ULL << (Irp->CurrentLocation - 1))) {
        return;
    }
    if (Status == STATUS_NOT_SUPPORTED) {
        IoStopRule(Pnp ? 0x22F : 0x232, Caller, Irp, Stack->DeviceObject,
                   "a function or filter driver completed a %s IRP (minor 0x%02x) with STATUS_NOT_SUPPORTED: pass down "
                   "what you do not handle",
                   Pnp ? "PnP" : "power", Stack->MinorFunction);
    }
    if (NT_SUCCESS(Status)) {
        IoStopRule(Pnp ? 0x22E : 0x231, Caller, Irp, Stack->DeviceObject,
                   "a function or filter driver completed a %s IRP (minor 0x%02x) with success instead of passing it "
                   "down: the drivers below never see it",
                   Pnp ? "PnP" : "power", Stack->MinorFunction);
    }
    if (Pnp && IsForBusDriver(Stack->MinorFunction)) {
        IoStopRule(0x22D, Caller, Irp, Stack->DeviceObject,
                   "a function or filter driver failed a PnP IRP (minor 0x%02x) with 0x%08x that only the bus driver "
                   "answers: pass it down",
                   Stack->MinorFunction, Status);
    }
}

VOID IopCheckComplete(PIRP Irp, PVOID Caller)
{
    if (!Irp || Irp->Type != IO_TYPE_IRP || Irp->CurrentLocation > Irp->StackCount + 1) {
        IoStop(MULTIPLE_IRP_COMPLETE_REQUESTS, (ULONG_PTR)Irp, __LINE__, 0, 0, Caller,
               "IoCompleteRequest for IRP %p, which was already completed: exactly one driver completes an IRP, "
               "exactly once",
               Irp);
    }
    if (KeGetCurrentIrql() > DISPATCH_LEVEL) {
        IoStopRule(0x0E, Caller, Irp, NULL, "IoCompleteRequest at IRQL %u: queue a DPC instead", KeGetCurrentIrql());
    }
    if (Irp->IoStatus.Status == STATUS_PENDING || Irp->IoStatus.Status == (NTSTATUS)0xFFFFFFFF) {
        IoStopRule(0x06, Caller, Irp, NULL, "IoCompleteRequest with IoStatus.Status 0x%08x", Irp->IoStatus.Status);
    }
    if (Irp->CancelRoutine) {
        IoStopRule(0x23C, Caller, Irp, NULL, "IoCompleteRequest while the cancel routine %p is still set",
                   Irp->CancelRoutine);
    }
    if (Irp->CurrentLocation > Irp->StackCount && IoIsDriverCode(Caller)) {
        IoStopRule(
            0x239, Caller, Irp, NULL,
            "IoCompleteRequest for an IRP that was never sent with IoCallDriver: free it with IoFreeIrp instead");
    }
    CheckNotStolen(Irp, Caller);
    if ((Irp->AllocationFlags & IRP_ALLOCATED_BY_KERNEL) && IopTracker(Irp)->Completer &&
        Irp->CurrentLocation <= Irp->StackCount) {
        *IopTracker(Irp)->Completer = IoGetCurrentIrpStackLocation(Irp)->DeviceObject;
        IopTracker(Irp)->Completer = NULL;
    }
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
