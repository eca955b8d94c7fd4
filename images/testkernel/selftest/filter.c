/* SPDX-License-Identifier: MIT */
/*
 * A filter driver under several names, for tests/testkernel/test_pnp_filters.py: writes "SEQ <service> <event>" when it is added, and when a PnP request
 * passes it on its way down. Under the names failadd, failstart (after those below have started), vetoremove and vetostop it refuses that.
 */
#include <ntddk.h>

static WCHAR Name[32];

static BOOLEAN Am(PCWSTR Other)
{
    UNICODE_STRING mine, other;
    RtlInitUnicodeString(&mine, Name);
    RtlInitUnicodeString(&other, Other);
    return RtlEqualUnicodeString(&mine, &other, TRUE);
}

static NTSTATUS Complete(PIRP Irp, NTSTATUS Status)
{
    Irp->IoStatus.Status = Status;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

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
        if (Am(L"failstart")) {
            IoForwardIrpSynchronously(lower, Irp);
            return Complete(Irp, STATUS_DEVICE_CONFIGURATION_ERROR);
        }
        break;
    case IRP_MN_QUERY_REMOVE_DEVICE:
        Say("query-remove");
        if (Am(L"vetoremove")) {
            return Complete(Irp, STATUS_DEVICE_BUSY);
        }
        Irp->IoStatus.Status = STATUS_SUCCESS;
        break;
    case IRP_MN_QUERY_STOP_DEVICE:
        Say("query-stop");
        if (Am(L"vetostop")) {
            return Complete(Irp, STATUS_DEVICE_BUSY);
        }
        Irp->IoStatus.Status = STATUS_SUCCESS;
        break;
    case IRP_MN_CANCEL_REMOVE_DEVICE:
        Say("cancel-remove");
        Irp->IoStatus.Status = STATUS_SUCCESS;
        break;
    case IRP_MN_CANCEL_STOP_DEVICE:
        Say("cancel-stop");
        Irp->IoStatus.Status = STATUS_SUCCESS;
        break;
    case IRP_MN_SURPRISE_REMOVAL:
    case IRP_MN_STOP_DEVICE:
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
    NTSTATUS status = Am(L"failadd") ? STATUS_INSUFFICIENT_RESOURCES
                                     : IoCreateDevice(DriverObject, sizeof(PDEVICE_OBJECT), NULL, FILE_DEVICE_UNKNOWN,
                                                      0, FALSE, &device);
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
