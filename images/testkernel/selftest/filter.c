/* SPDX-License-Identifier: MIT */
/*
 * A filter driver under several names, for tests/testkernel/test_pnp_filters.py: writes "SEQ <service> <event>" when it is added, and when START and
 * REMOVE pass it on their way down.
 */
#include <ntddk.h>

static WCHAR Name[32];

static void Say(PCSTR Event)
{
    DbgPrint("SEQ %ws %s\n", Name, Event);
}

static NTSTATUS NTAPI PassDown(PDEVICE_OBJECT Device, PIRP Irp)
{
    IoSkipCurrentIrpStackLocation(Irp);
    return IoCallDriver(*(PDEVICE_OBJECT *)Device->DeviceExtension, Irp);
}

static NTSTATUS NTAPI Pnp(PDEVICE_OBJECT Device, PIRP Irp)
{
    PDEVICE_OBJECT lower = *(PDEVICE_OBJECT *)Device->DeviceExtension;
    NTSTATUS status;
    switch (IoGetCurrentIrpStackLocation(Irp)->MinorFunction) {
    case IRP_MN_START_DEVICE:
        Say("start");
        break;
    case IRP_MN_QUERY_REMOVE_DEVICE:
    case IRP_MN_SURPRISE_REMOVAL:
    case IRP_MN_CANCEL_REMOVE_DEVICE:
    case IRP_MN_QUERY_STOP_DEVICE:
    case IRP_MN_STOP_DEVICE:
    case IRP_MN_CANCEL_STOP_DEVICE:
        Irp->IoStatus.Status = STATUS_SUCCESS;
        break;
    case IRP_MN_REMOVE_DEVICE:
        Say("remove");
        Irp->IoStatus.Status = STATUS_SUCCESS;
        status = PassDown(Device, Irp);
        IoDetachDevice(lower);
        IoDeleteDevice(Device);
        return status;
    }
    return PassDown(Device, Irp);
}

static NTSTATUS NTAPI Power(PDEVICE_OBJECT Device, PIRP Irp)
{
    PoStartNextPowerIrp(Irp);
    IoSkipCurrentIrpStackLocation(Irp);
    return PoCallDriver(*(PDEVICE_OBJECT *)Device->DeviceExtension, Irp);
}

static NTSTATUS NTAPI AddDevice(PDRIVER_OBJECT DriverObject, PDEVICE_OBJECT Physical)
{
    PDEVICE_OBJECT device, lower;
    NTSTATUS status =
        IoCreateDevice(DriverObject, sizeof(PDEVICE_OBJECT), NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    lower = IoAttachDeviceToDeviceStack(device, Physical);
    *(PDEVICE_OBJECT *)device->DeviceExtension = lower;
    device->DeviceType = lower->DeviceType;
    device->Flags |= lower->Flags & (DO_POWER_PAGABLE | DO_BUFFERED_IO | DO_DIRECT_IO);
    device->Flags &= ~DO_DEVICE_INITIALIZING;
    Say("add");
    return STATUS_SUCCESS;
}

static VOID NTAPI Unload(PDRIVER_OBJECT DriverObject)
{
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    ULONG length = RegistryPath->Length / sizeof(WCHAR), start = length;
    while (start && RegistryPath->Buffer[start - 1] != L'\\') {
        start--;
    }
    for (ULONG i = 0; start + i < length && i + 1 < sizeof(Name) / sizeof(Name[0]); i++) {
        Name[i] = RegistryPath->Buffer[start + i];
    }
    for (ULONG i = 0; i <= IRP_MJ_MAXIMUM_FUNCTION; i++) {
        DriverObject->MajorFunction[i] = PassDown;
    }
    DriverObject->MajorFunction[IRP_MJ_PNP] = Pnp;
    DriverObject->MajorFunction[IRP_MJ_POWER] = Power;
    DriverObject->DriverExtension->AddDevice = AddDevice;
    DriverObject->DriverUnload = Unload;
    return STATUS_SUCCESS;
}
