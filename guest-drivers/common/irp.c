/* SPDX-License-Identifier: MIT */
#include "irp.h"

NTSTATUS CompleteIrp(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

NTSTATUS IgnoreIrp(PIRP Irp)
{
    NTSTATUS status = Irp->IoStatus.Status;

    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return status;
}

NTSTATUS PassIrp(PDEVICE_OBJECT Lower, PIRP Irp)
{
    IoSkipCurrentIrpStackLocation(Irp);
    return IoCallDriver(Lower, Irp);
}

/* The IRP stays ours: only wake the waiter. IRQL <= DISPATCH_LEVEL. */
static NTSTATUS NTAPI WakeForwarder(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Event)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    UNREFERENCED_PARAMETER(Irp);
    KeSetEvent((PKEVENT)Event, IO_NO_INCREMENT, FALSE);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

NTSTATUS ForwardIrpAndWait(PDEVICE_OBJECT Lower, PIRP Irp)
{
    KEVENT done;
    NTSTATUS status;

    KeInitializeEvent(&done, NotificationEvent, FALSE);
    IoCopyCurrentIrpStackLocationToNext(Irp);
    IoSetCompletionRoutine(Irp, WakeForwarder, &done, TRUE, TRUE, TRUE);
    status = IoCallDriver(Lower, Irp);
    if (status == STATUS_PENDING) {
        KeWaitForSingleObject(&done, Executive, KernelMode, FALSE, NULL);
        status = Irp->IoStatus.Status;
    }
    return status;
}

/* Sends a synchronous IRP that the I/O manager built and will free, and waits for its completion. */
static NTSTATUS CallAndWait(PDEVICE_OBJECT Target, PIRP Irp, PKEVENT Done, PIO_STATUS_BLOCK Result)
{
    NTSTATUS status = IoCallDriver(Target, Irp);

    if (status == STATUS_PENDING) {
        KeWaitForSingleObject(Done, Executive, KernelMode, FALSE, NULL);
        status = Result->Status;
    }
    return status;
}

NTSTATUS QueryInterface(PDEVICE_OBJECT Target, const GUID *Guid, USHORT Size, USHORT Version, PINTERFACE Interface)
{
    KEVENT done;
    IO_STATUS_BLOCK result;
    PIRP irp;
    NTSTATUS status = STATUS_INSUFFICIENT_RESOURCES;

    KeInitializeEvent(&done, NotificationEvent, FALSE);
    irp = IoBuildSynchronousFsdRequest(IRP_MJ_PNP, Target, NULL, 0, NULL, &done, &result);
    if (irp != NULL) {
        PIO_STACK_LOCATION stack = IoGetNextIrpStackLocation(irp);

        /* A PnP IRP starts as not supported: nobody who knows it leaves it so. */
        irp->IoStatus.Status = STATUS_NOT_SUPPORTED;
        stack->MinorFunction = IRP_MN_QUERY_INTERFACE;
        stack->Parameters.QueryInterface.InterfaceType = Guid;
        stack->Parameters.QueryInterface.Size = Size;
        stack->Parameters.QueryInterface.Version = Version;
        stack->Parameters.QueryInterface.Interface = Interface;
        stack->Parameters.QueryInterface.InterfaceSpecificData = NULL;
        status = CallAndWait(Target, irp, &done, &result);
    }
    return status;
}

NTSTATUS AskCapabilities(PDEVICE_OBJECT Target, PDEVICE_CAPABILITIES Capabilities)
{
    KEVENT done;
    IO_STATUS_BLOCK result;
    PIRP irp;
    NTSTATUS status = STATUS_INSUFFICIENT_RESOURCES;

    /* Fields that no driver fills in say so by these values. */
    RtlZeroMemory(Capabilities, sizeof(*Capabilities));
    Capabilities->Size = sizeof(*Capabilities);
    Capabilities->Version = 1;
    Capabilities->Address = (ULONG)-1;
    Capabilities->UINumber = (ULONG)-1;
    KeInitializeEvent(&done, NotificationEvent, FALSE);
    irp = IoBuildSynchronousFsdRequest(IRP_MJ_PNP, Target, NULL, 0, NULL, &done, &result);
    if (irp != NULL) {
        irp->IoStatus.Status = STATUS_NOT_SUPPORTED;
        IoGetNextIrpStackLocation(irp)->MinorFunction = IRP_MN_QUERY_CAPABILITIES;
        IoGetNextIrpStackLocation(irp)->Parameters.DeviceCapabilities.Capabilities = Capabilities;
        status = CallAndWait(Target, irp, &done, &result);
    }
    return status;
}

NTSTATUS SendInternalIoctl(PDEVICE_OBJECT Target, PFILE_OBJECT FileObject, ULONG Code, PVOID Input, ULONG InputLength,
                           PVOID Output, ULONG OutputLength, ULONG_PTR *Returned)
{
    KEVENT done;
    IO_STATUS_BLOCK result = {{STATUS_SUCCESS}, 0};
    PIRP irp;
    NTSTATUS status;

    KeInitializeEvent(&done, NotificationEvent, FALSE);
    irp = IoBuildDeviceIoControlRequest(Code, Target, Input, InputLength, Output, OutputLength, TRUE, &done, &result);
    if (irp == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    IoGetNextIrpStackLocation(irp)->FileObject = FileObject;
    status = CallAndWait(Target, irp, &done, &result);
    if (Returned != NULL) {
        *Returned = result.Information;
    }
    return status;
}
