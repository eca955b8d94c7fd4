/* SPDX-License-Identifier: MIT */
/*
 * Sending an IRP to a driver.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/passing-irps-down-the-driver-stack
 */
#include "io/io.h"
#include "io/irp.h"
#include "io/irplog.h"

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
    IoRequireIrql("IoForwardIrpSynchronously", PASSIVE_LEVEL, _ReturnAddress());
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
