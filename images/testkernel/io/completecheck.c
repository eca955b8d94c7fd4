/* SPDX-License-Identifier: MIT */
/*
 * The I/O verifier: what must hold when a driver calls IoCompleteRequest, and when the I/O manager finishes the IRP for its maker.
 * https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc9--driver-verifier-iomanager-violation
 */
#include "io/io.h"
#include "io/irp.h"
#include "ke/thread.h"

#define STOP(code, p2, p3, p4, ...)                                                                                    \
    IoStop(DRIVER_VERIFIER_IOMANAGER_VIOLATION_CODE, code, p2, p3, p4, Caller, __VA_ARGS__)

BOOLEAN IopIsForBusDriver(UCHAR Minor)
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

/* PnP IRPs that a bus driver must handle for its PDOs: https://learn.microsoft.com/windows-hardware/drivers/kernel/required-pnp-irps */
static BOOLEAN IsRequiredOfPdo(UCHAR Minor)
{
    switch (Minor) {
    case IRP_MN_START_DEVICE:
    case IRP_MN_STOP_DEVICE:
    case IRP_MN_QUERY_STOP_DEVICE:
    case IRP_MN_CANCEL_STOP_DEVICE:
    case IRP_MN_QUERY_REMOVE_DEVICE:
    case IRP_MN_CANCEL_REMOVE_DEVICE:
    case IRP_MN_REMOVE_DEVICE:
    case IRP_MN_SURPRISE_REMOVAL:
        return TRUE;
    default:
        return FALSE;
    }
}

/*
 * A WMI IRP is completed by the driver whose device object is its ProviderId; the bus driver completes what is not for it as it came.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/handling-wmi-requests
 */
static VOID CheckWmiProvider(PIRP Irp, PIO_STACK_LOCATION Stack, PVOID Caller)
{
    BOOLEAN Bottom = !IoExtra(Stack->DeviceObject)->AttachedTo;
    if (Stack->Parameters.WMI.ProviderId != (ULONG_PTR)Stack->DeviceObject &&
        (!Bottom || Irp->IoStatus.Status != IopTracker(Irp)->Status)) {
        IoStopRule(0x220, Caller, Irp, Stack->DeviceObject, "a WMI IRP (minor 0x%02x) for another provider was %s",
                   Stack->MinorFunction,
                   Bottom ? "completed with another status than it came with" : "completed instead of passed down");
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
    if (Stack->MajorFunction == IRP_MJ_SYSTEM_CONTROL &&
        !(IopTracker(Irp)->Forwarded & 1ULL << (Irp->CurrentLocation - 1))) {
        CheckWmiProvider(Irp, Stack, Caller);
    }
    if ((!Pnp && Stack->MajorFunction != IRP_MJ_POWER) ||
        (IopTracker(Irp)->Forwarded & 1ULL << (Irp->CurrentLocation - 1))) {
        return;
    }
    if (!IoExtra(Stack->DeviceObject)->AttachedTo) {
        if (Pnp && Status == STATUS_NOT_SUPPORTED && IsRequiredOfPdo(Stack->MinorFunction)) {
            IoStopRule(0x22A, Caller, Irp, Stack->DeviceObject,
                       "the bus driver did not handle a PnP IRP (minor 0x%02x) that is required of every PDO",
                       Stack->MinorFunction);
        }
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
    if (Pnp && (IopIsForBusDriver(Stack->MinorFunction) || Stack->MinorFunction > IRP_MN_DEVICE_ENUMERATED)) {
        IoStopRule(0x22D, Caller, Irp, Stack->DeviceObject,
                   "a function or filter driver failed a PnP IRP (minor 0x%02x) with 0x%08x that only the bus driver "
                   "answers: pass it down",
                   Stack->MinorFunction, Status);
    }
    if (!Pnp && Stack->MinorFunction > IRP_MN_QUERY_POWER) {
        IoStopRule(0x230, Caller, Irp, Stack->DeviceObject,
                   "a function or filter driver failed a power IRP (minor 0x%02x) with 0x%08x that no driver can know: "
                   "pass it down",
                   Stack->MinorFunction, Status);
    }
}

/* The final status. */
static VOID CheckStatus(PIRP Irp, PVOID Caller)
{
    NTSTATUS Status = Irp->IoStatus.Status;
    PIO_STACK_LOCATION Stack = Irp->CurrentLocation <= Irp->StackCount ? IoGetCurrentIrpStackLocation(Irp) : NULL;
    if (Status == STATUS_PENDING || Status == (NTSTATUS)0xFFFFFFFF) {
        STOP(0x06, (ULONG)Status, (ULONG_PTR)Irp, 0, "IoCompleteRequest with IoStatus.Status 0x%08x", Status);
    }
    if (IopIsSuspicious(Status)) {
        IoStopRule(0x21B, Caller, Irp, NULL,
                   "IoCompleteRequest with IoStatus.Status 0x%08x, which is no status: an uninitialised variable?",
                   Status);
    }
    if (Stack && Stack->MajorFunction == IRP_MJ_PNP && Stack->MinorFunction == IRP_MN_REMOVE_DEVICE &&
        !NT_SUCCESS(Status) && Status != STATUS_NOT_SUPPORTED) {
        IoStopRule(0x306, Caller, Irp, Stack->DeviceObject,
                   "IRP_MN_REMOVE_DEVICE was completed with 0x%08x: drivers must not fail it", Status);
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
        STOP(0x0E, KeGetCurrentIrql(), (ULONG_PTR)Irp, 0, "IoCompleteRequest at IRQL %u: queue a DPC instead",
             KeGetCurrentIrql());
    }
    if (IopIsHeldBelow(Irp)) {
        IoStopRule(0x209, Caller, Irp, NULL,
                   "IRP %p is completed while a driver below still has it (it returned STATUS_PENDING)", Irp);
    }
    CheckStatus(Irp, Caller);
    if (Irp->CancelRoutine && Irp->CurrentLocation <= Irp->StackCount) {
        PDEVICE_OBJECT Holder = IoGetCurrentIrpStackLocation(Irp)->DeviceObject;
        PVOID Foreign = IopForeignCancelRoutine(Irp, Holder, NULL);
        if (Foreign) {
            IopStopForeignCancelRoutine(Irp, Holder, Foreign);
        }
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
    IopCheckTargetRelation(Irp, Caller);
    CheckNotStolen(Irp, Caller);
    if ((Irp->AllocationFlags & IRP_ALLOCATED_BY_KERNEL) && IopTracker(Irp)->Completer &&
        Irp->CurrentLocation <= Irp->StackCount) {
        *IopTracker(Irp)->Completer = IoGetCurrentIrpStackLocation(Irp)->DeviceObject;
        IopTracker(Irp)->Completer = NULL;
    }
}

VOID IopCheckMarkedPending(PIRP Irp, PVOID Routine)
{
    if (Irp->PendingReturned && Irp->CurrentLocation <= Irp->StackCount &&
        !(IoGetCurrentIrpStackLocation(Irp)->Control & SL_PENDING_RETURNED)) {
        IoStopRule(0x228, Routine, Irp, IoGetCurrentIrpStackLocation(Irp)->DeviceObject,
                   "a completion routine did not mark the IRP pending although Irp->PendingReturned was set: if "
                   "(Irp->PendingReturned) IoMarkIrpPending(Irp)");
    }
}

/* Lies Address on the part of the IRP's thread's stack that it has returned from? */
static BOOLEAN IsUnwound(PIRP Irp, PVOID Address)
{
    PKTHREAD Thread = (PKTHREAD)Irp->Tail.Overlay.Thread;
    ULONG_PTR Top;
    if (!Address || !Thread || (PUCHAR)Address < Thread->StackLimit || (PUCHAR)Address >= Thread->StackBase) {
        return FALSE;
    }
    Top = Thread == (PKTHREAD)PsGetCurrentThread() ? (ULONG_PTR)__builtin_frame_address(0)
                                                   : (ULONG_PTR)Thread->StackPointer;
    return (ULONG_PTR)Address < Top;
}

VOID IopCheckFinish(PIRP Irp, PVOID Caller)
{
    PIRP_TRACKER Tracker = IopTracker(Irp);
    if ((Irp->Flags & (IRP_BUFFERED_IO | IRP_INPUT_OPERATION)) == (IRP_BUFFERED_IO | IRP_INPUT_OPERATION) &&
        !NT_ERROR(Irp->IoStatus.Status) && Irp->IoStatus.Information > Tracker->OutputLength) {
        IoStopRule(0x312, Caller, Irp, NULL,
                   "IoStatus.Information is %Iu, but the output buffer has only %u bytes: the I/O manager would copy "
                   "what lies behind the system buffer",
                   Irp->IoStatus.Information, Tracker->OutputLength);
    }
    if (IsUnwound(Irp, Irp->UserIosb) || IsUnwound(Irp, Irp->UserEvent)) {
        BOOLEAN Iosb = IsUnwound(Irp, Irp->UserIosb);
        IoStop(DRIVER_VERIFIER_IOMANAGER_VIOLATION_CODE, Iosb ? 0x0C : 0x0D,
               Iosb ? (ULONG_PTR)Irp->UserIosb : (ULONG_PTR)Irp->UserEvent, 0, 0, Tracker->Allocator,
               "the %s of IRP %p lies on the stack of a function that has returned before the IRP was completed: wait "
               "for it",
               Iosb ? "status block" : "event", Irp);
    }
}
