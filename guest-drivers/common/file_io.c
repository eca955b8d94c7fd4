/* SPDX-License-Identifier: MIT */
/* IRP_MJ_CREATE, CLEANUP, CLOSE, DEVICE_CONTROL, INTERNAL_DEVICE_CONTROL and SYSTEM_CONTROL. */
#include "function_device.h"
#include "irp.h"
#include "buddy_ioctl.h"

/* May the device be opened in its present state? */
static NTSTATUS OpenStatus(PFUNCTION_DEVICE Device)
{
    switch (Device->State) {
    case PnpStarted:
    case PnpStopPending:
    case PnpStopped:
        return STATUS_SUCCESS;
    case PnpNotStarted:
        return STATUS_DEVICE_NOT_READY;
    default:
        return STATUS_DELETE_PENDING;
    }
}

/* Opens are refused once a removal is pending: they would make it fail. PASSIVE_LEVEL. */
NTSTATUS NTAPI DispatchCreate(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PFUNCTION_DEVICE device;
    NTSTATUS status;

    if (IsChild(DeviceObject)) {
        return CompleteIrp(Irp, STATUS_ACCESS_DENIED, 0); /* a PDO is opened through its function driver only */
    }
    device = FunctionDevice(DeviceObject);
    status = IoAcquireRemoveLock(&device->RemoveLock, Irp);
    if (!NT_SUCCESS(status)) {
        return CompleteIrp(Irp, status, 0);
    }
    status = OpenStatus(device);
    CompleteIrp(Irp, status, FILE_OPENED);
    if (MUTANT(OWNER_COMPLETES_TWICE)) {
        CompleteIrp(Irp, status, FILE_OPENED);
    }
    if (!MUTANT(OWNER_LEAKS_REMOVE_LOCK)) {
        IoReleaseRemoveLock(&device->RemoveLock, Irp);
    }
    return status;
}

/*
 * Requests that wait are cancelled: nobody is there to take their answer. That is all, for a handle's last close is not the end of the open:
 * IoGetDeviceObjectPointer closes its handle at once and goes on with the file object, so whatever belongs to an open is given up on CLOSE, not here.
 */
NTSTATUS NTAPI DispatchCleanup(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    if (!IsChild(DeviceObject)) {
        WaitersCancel(&FunctionDevice(DeviceObject)->Waiters, IoGetCurrentIrpStackLocation(Irp)->FileObject);
    }
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

/* Always succeeds, in every PnP state: a surprise-removed device is removed only after its last close. PASSIVE_LEVEL. */
NTSTATUS NTAPI DispatchClose(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    if (!IsChild(DeviceObject)) {
        PFUNCTION_DEVICE device = FunctionDevice(DeviceObject);

        if (FunctionOperations.Close != NULL && NT_SUCCESS(IoAcquireRemoveLock(&device->RemoveLock, Irp))) {
            FunctionOperations.Close(device, IoGetCurrentIrpStackLocation(Irp)->FileObject);
            IoReleaseRemoveLock(&device->RemoveLock, Irp);
        }
    }
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

/* The codes that every driver takes. */
static NTSTATUS CommonControl(PFUNCTION_DEVICE Device, ULONG Code)
{
    switch (Code) {
    case IOCTL_BUDDY_SETTINGS_CHANGED:
        FunctionReadSettings(Device);
        if (FunctionOperations.SettingsChanged != NULL) {
            FunctionOperations.SettingsChanged(Device);
        }
        if (FunctionOperations.WakeSetting != 0 && Device->Settings[FunctionOperations.WakeSetting] == 0) {
            WaitWakeDisarm(Device);
        }
        WaitWakeArm(Device);
        return STATUS_SUCCESS;
    case IOCTL_BUDDY_REBALANCE:
        Device->RequirementsChanged = TRUE;
        IoInvalidateDeviceState(Device->Pdo);
        return STATUS_SUCCESS;
    default:
        return STATUS_INVALID_DEVICE_REQUEST;
    }
}

NTSTATUS NTAPI DispatchDeviceControl(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    PFUNCTION_DEVICE device;
    ULONG_PTR information = 0;
    NTSTATUS status;

    if (IsChild(DeviceObject)) {
        return CompleteIrp(Irp, STATUS_INVALID_DEVICE_REQUEST, 0);
    }
    device = FunctionDevice(DeviceObject);
    status = IoAcquireRemoveLock(&device->RemoveLock, Irp);
    if (!NT_SUCCESS(status)) {
        return CompleteIrp(Irp, status, 0);
    }
    if (stack->Parameters.DeviceIoControl.IoControlCode == (ULONG)IOCTL_BUDDY_WAIT_POWER) {
        status = WaitersAdd(&device->Waiters, Irp);
        if (status != STATUS_PENDING) {
            CompleteIrp(Irp, status, 0);
            IoReleaseRemoveLock(&device->RemoveLock, Irp);
        }
        return status;
    }
    status = CommonControl(device, stack->Parameters.DeviceIoControl.IoControlCode);
    if (status == STATUS_INVALID_DEVICE_REQUEST && FunctionOperations.DeviceControl != NULL) {
        status = FunctionOperations.DeviceControl(device, stack->Parameters.DeviceIoControl.IoControlCode,
                                                  Irp->AssociatedIrp.SystemBuffer,
                                                  stack->Parameters.DeviceIoControl.InputBufferLength,
                                                  stack->Parameters.DeviceIoControl.OutputBufferLength, &information);
    }
    CompleteIrp(Irp, status, information);
    IoReleaseRemoveLock(&device->RemoveLock, Irp);
    return status;
}

/* IRQL <= DISPATCH_LEVEL as far as this driver's own code goes; senders keep what the protocol of their code says. */
NTSTATUS NTAPI DispatchInternalDeviceControl(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PFUNCTION_DEVICE device;
    NTSTATUS status;

    if (IsChild(DeviceObject)) {
        return CompleteIrp(Irp, STATUS_INVALID_DEVICE_REQUEST, 0);
    }
    device = FunctionDevice(DeviceObject);
    status = IoAcquireRemoveLock(&device->RemoveLock, Irp);
    if (!NT_SUCCESS(status)) {
        return CompleteIrp(Irp, status, 0);
    }
    status = FunctionOperations.InternalDeviceControl != NULL ? FunctionOperations.InternalDeviceControl(device, Irp)
                                                              : PassIrp(device->Lower, Irp);
    IoReleaseRemoveLock(&device->RemoveLock, Irp);
    return status;
}

/* WMI: none of these drivers is a provider, so it is the lower drivers' business; a PDO ignores it. PASSIVE_LEVEL. */
NTSTATUS NTAPI DispatchSystemControl(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PFUNCTION_DEVICE device;
    NTSTATUS status;

    if (IsChild(DeviceObject)) {
        return IgnoreIrp(Irp);
    }
    device = FunctionDevice(DeviceObject);
    status = IoAcquireRemoveLock(&device->RemoveLock, Irp);
    if (!NT_SUCCESS(status)) {
        return CompleteIrp(Irp, status, 0);
    }
    status = PassIrp(device->Lower, Irp);
    IoReleaseRemoveLock(&device->RemoveLock, Irp);
    return status;
}
