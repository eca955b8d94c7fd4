/* SPDX-License-Identifier: MIT */
/*
 * Sending an IRP to a driver.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/passing-irps-down-the-driver-stack
 */
#include "io/driver.h"
#include "io/io.h"
#include "io/irp.h"
#include "io/irplog.h"

/*
 * A driver of a PnP stack that filled in no dispatch routine for an IRP that each driver of the stack must see.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/required-dispatch-routines
 */
static VOID CheckDispatch(PDEVICE_OBJECT DeviceObject, PIRP Irp, UCHAR Major)
{
    PDRIVER_OBJECT Driver = DeviceObject->DriverObject;
    if ((Major == IRP_MJ_PNP || Major == IRP_MJ_POWER || Major == IRP_MJ_SYSTEM_CONTROL) &&
        Driver->MajorFunction[Major] == IopInvalidDeviceRequest && PnpDevnodeOfDeviceObject(DeviceObject)) {
        IoStopRule(0x21F, (PVOID)Driver->DriverInit, Irp, DeviceObject,
                   "%wZ has no dispatch routine for IRP_MJ_%s, which every driver of a PnP device stack needs: set "
                   "MajorFunction[] in DriverEntry",
                   &Driver->DriverName,
                   Major == IRP_MJ_PNP     ? "PNP"
                   : Major == IRP_MJ_POWER ? "POWER"
                                           : "SYSTEM_CONTROL");
    }
}

static NTSTATUS Call(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Caller)
{
    PIO_STACK_LOCATION Stack;
    PDRIVER_DISPATCH Dispatch;
    IRP_CALL Record;
    NTSTATUS Status;
    BOOLEAN Signalled;
    IopCheckCall(DeviceObject, Irp, Caller);
    Signalled = (Irp->AllocationFlags & IRP_ALLOCATED_BY_KERNEL) && !IopTracker(Irp)->Holder &&
                !IsListEmpty(&Irp->ThreadListEntry) && Irp->UserEvent && KeReadStateEvent(Irp->UserEvent);
    IopMarkForwarded(Irp);
    Irp->CurrentLocation--;
    Stack = --Irp->Tail.Overlay.CurrentStackLocation;
    Stack->DeviceObject = DeviceObject;
    Dispatch = DeviceObject->DriverObject->MajorFunction[Stack->MajorFunction];
    CheckDispatch(DeviceObject, Irp, Stack->MajorFunction);
    IopLogSent(Irp, DeviceObject);
    IopEnterDispatch(&Record, DeviceObject, Irp, Dispatch);
    Status = Dispatch(DeviceObject, Irp);
    IopLeaveDispatch(&Record, Status);
    if (Signalled && Status == STATUS_PENDING) {
        IoStopRule(
            0x307, Caller, Irp, DeviceObject,
            "an IRP was sent with an event that is signalled already, and is pending now: who waits for the event "
            "does not wait for the IRP (KeClearEvent first)");
    }
    return Status;
}

NTSTATUS FASTCALL IofCallDriver(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    return Call(DeviceObject, Irp, _ReturnAddress());
}

#undef IoCallDriver /* exported under both names */
NTSTATUS NTAPI IoCallDriver(PDEVICE_OBJECT DeviceObject, PIRP Irp);
NTSTATUS NTAPI IoCallDriver(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    return Call(DeviceObject, Irp, _ReturnAddress());
}

static NTSTATUS NTAPI CatchIrp(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
    if (Irp->PendingReturned) {
        KeSetEvent(Context, IO_NO_INCREMENT, FALSE);
    }
    return STATUS_MORE_PROCESSING_REQUIRED;
}

/* Copies the stack location, sends the IRP down and waits; the caller then completes it. PASSIVE_LEVEL. */
BOOLEAN NTAPI IoForwardIrpSynchronously(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    KEVENT Event;
    if (Irp->CurrentLocation <= 1) {
        return FALSE;
    }
    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    IoCopyCurrentIrpStackLocationToNext(Irp);
    IoSetCompletionRoutine(Irp, CatchIrp, &Event, TRUE, TRUE, TRUE);
    if (Call(DeviceObject, Irp, _ReturnAddress()) == STATUS_PENDING) {
        KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, NULL);
    }
    return TRUE;
}

#undef IoForwardAndCatchIrp
BOOLEAN NTAPI IoForwardAndCatchIrp(PDEVICE_OBJECT DeviceObject, PIRP Irp);
BOOLEAN NTAPI IoForwardAndCatchIrp(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    return IoForwardIrpSynchronously(DeviceObject, Irp);
}

/* What a driver's MajorFunction table is filled with before DriverEntry. */
NTSTATUS NTAPI IopInvalidDeviceRequest(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UCHAR Major = IoGetCurrentIrpStackLocation(Irp)->MajorFunction;
    if (Major == IRP_MJ_POWER) {
        PoStartNextPowerIrp(Irp);
    }
    Irp->IoStatus.Status = STATUS_INVALID_DEVICE_REQUEST;
    IofCompleteRequest(Irp, IO_NO_INCREMENT);
    return STATUS_INVALID_DEVICE_REQUEST;
}
