/* SPDX-License-Identifier: MIT */
/*
 * A correct bus filter: as upper filter of the test bus it attaches a device object to each child that the bus reports. That stays when the child is
 * removed but present, and goes in FastIoDetachDevice when the bus driver deletes the child's PDO. Says what happens, as pnpbus.c does.
 */
#include <ntddk.h>

typedef struct _EXTENSION {
    PDEVICE_OBJECT Lower;
    BOOLEAN OnChild;
} EXTENSION, *PEXTENSION;

static PDRIVER_OBJECT Driver;

static NTSTATUS NTAPI PassDown(PDEVICE_OBJECT Device, PIRP Irp)
{
    IoSkipCurrentIrpStackLocation(Irp);
    return IoCallDriver(((PEXTENSION)Device->DeviceExtension)->Lower, Irp);
}

static NTSTATUS AttachTo(PDEVICE_OBJECT Physical, BOOLEAN OnChild)
{
    PDEVICE_OBJECT device;
    PEXTENSION extension;
    NTSTATUS status = IoCreateDevice(Driver, sizeof(EXTENSION), NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    extension = device->DeviceExtension;
    extension->OnChild = OnChild;
    extension->Lower = IoAttachDeviceToDeviceStack(device, Physical);
    device->DeviceType = extension->Lower->DeviceType;
    device->Flags |= extension->Lower->Flags & (DO_POWER_PAGABLE | DO_BUFFERED_IO | DO_DIRECT_IO);
    device->Flags &= ~DO_DEVICE_INITIALIZING;
    return STATUS_SUCCESS;
}

/* The children that the bus driver has reported: those that no device object is attached to are new. */
static NTSTATUS BusRelationsBack(PDEVICE_OBJECT Lower, PIRP Irp)
{
    NTSTATUS status = IoForwardIrpSynchronously(Lower, Irp) ? Irp->IoStatus.Status : STATUS_UNSUCCESSFUL;
    PDEVICE_RELATIONS relations = (PDEVICE_RELATIONS)Irp->IoStatus.Information;
    for (ULONG i = 0; NT_SUCCESS(status) && relations && i < relations->Count; i++) {
        if (!relations->Objects[i]->AttachedDevice && NT_SUCCESS(AttachTo(relations->Objects[i], TRUE))) {
            DbgPrint("SEQ busfilter attach\n");
        }
    }
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return status;
}

static NTSTATUS NTAPI Pnp(PDEVICE_OBJECT Device, PIRP Irp)
{
    PEXTENSION extension = Device->DeviceExtension;
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    PDEVICE_OBJECT lower = extension->Lower;
    NTSTATUS status;
    if (extension->OnChild) {
        return PassDown(Device, Irp);
    }
    if (stack->MinorFunction == IRP_MN_QUERY_DEVICE_RELATIONS &&
        stack->Parameters.QueryDeviceRelations.Type == BusRelations) {
        return BusRelationsBack(lower, Irp);
    }
    if (stack->MinorFunction != IRP_MN_REMOVE_DEVICE) {
        return PassDown(Device, Irp);
    }
    status = PassDown(Device, Irp);
    IoDetachDevice(lower);
    IoDeleteDevice(Device);
    return status;
}

static VOID NTAPI Detach(PDEVICE_OBJECT Device, PDEVICE_OBJECT Physical)
{
    DbgPrint("SEQ busfilter detach\n");
    IoDetachDevice(Physical);
    IoDeleteDevice(Device);
}

static NTSTATUS NTAPI AddDevice(PDRIVER_OBJECT DriverObject, PDEVICE_OBJECT Physical)
{
    return AttachTo(Physical, FALSE);
}

static VOID NTAPI Unload(PDRIVER_OBJECT DriverObject)
{
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    static FAST_IO_DISPATCH fast = {.SizeOfFastIoDispatch = sizeof(fast), .FastIoDetachDevice = Detach};
    Driver = DriverObject;
    for (ULONG i = 0; i <= IRP_MJ_MAXIMUM_FUNCTION; i++) {
        DriverObject->MajorFunction[i] = PassDown;
    }
    DriverObject->MajorFunction[IRP_MJ_PNP] = Pnp;
    DriverObject->FastIoDispatch = &fast;
    DriverObject->DriverExtension->AddDevice = AddDevice;
    DriverObject->DriverUnload = Unload;
    return STATUS_SUCCESS;
}
