/* SPDX-License-Identifier: MIT */
/*
 * For tests/testkernel/test_pnp_services.py, under two service names: "legacy" is a driver without PnP that has a named device object and can be unloaded; any other
 * name is a PnP driver that opens it (I/O control, ULONG 1), attaches a device object to it (2), lets go again (0).
 */
#include <initguid.h>
#include <ntddk.h>

DEFINE_GUID(GUID_OPENER, 0x6f4b0d31, 0x5a5c, 0x4e0b, 0x9e, 0x6b, 0xb0, 0xdd, 0, 0, 0, 0x0c);
#define NAME L"\\Device\\SelftestLegacy"

static PDEVICE_OBJECT Self, Lower, Attached, Below;
static UNICODE_STRING Link;
static PFILE_OBJECT File;

static NTSTATUS Complete(PIRP Irp, NTSTATUS Status)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = 0;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static NTSTATUS NTAPI OpenClose(PDEVICE_OBJECT Device, PIRP Irp)
{
    return Complete(Irp, STATUS_SUCCESS);
}

static NTSTATUS OpenLegacy(void)
{
    UNICODE_STRING name;
    PDEVICE_OBJECT device;
    RtlInitUnicodeString(&name, NAME);
    return IoGetDeviceObjectPointer(&name, FILE_READ_DATA, &File, &device);
}

static NTSTATUS AttachLegacy(void)
{
    UNICODE_STRING name;
    NTSTATUS status = IoCreateDevice(Self->DriverObject, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &Attached);
    if (NT_SUCCESS(status)) {
        RtlInitUnicodeString(&name, NAME);
        status = IoAttachDevice(Attached, &name, &Below);
        if (!NT_SUCCESS(status)) {
            IoDeleteDevice(Attached);
            Attached = NULL;
        } else {
            Attached->Flags &= ~DO_DEVICE_INITIALIZING;
        }
    }
    return status;
}

static NTSTATUS LetGo(void)
{
    if (File) {
        ObDereferenceObject(File);
        File = NULL;
    }
    if (Attached) {
        IoDetachDevice(Below);
        IoDeleteDevice(Attached);
        Attached = NULL;
    }
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI Control(PDEVICE_OBJECT Device, PIRP Irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    ULONG what =
        stack->Parameters.DeviceIoControl.InputBufferLength >= 4 ? *(PULONG)Irp->AssociatedIrp.SystemBuffer : 9;
    return Complete(Irp, what == 0   ? LetGo()
                         : what == 1 ? OpenLegacy()
                         : what == 2 ? AttachLegacy()
                                     : STATUS_INVALID_PARAMETER);
}

static NTSTATUS NTAPI PassDown(PDEVICE_OBJECT Device, PIRP Irp)
{
    IoSkipCurrentIrpStackLocation(Irp);
    return IoCallDriver(Lower, Irp);
}

static NTSTATUS NTAPI Pnp(PDEVICE_OBJECT Device, PIRP Irp)
{
    NTSTATUS status;
    if (IoGetCurrentIrpStackLocation(Irp)->MinorFunction == IRP_MN_START_DEVICE) {
        IoForwardIrpSynchronously(Lower, Irp);
        status = Irp->IoStatus.Status;
        IoSetDeviceInterfaceState(&Link, TRUE);
        IoCompleteRequest(Irp, IO_NO_INCREMENT);
        return status;
    }
    return PassDown(Device, Irp);
}

static NTSTATUS NTAPI AddDevice(PDRIVER_OBJECT DriverObject, PDEVICE_OBJECT Physical)
{
    NTSTATUS status = IoCreateDevice(DriverObject, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &Self);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    Lower = IoAttachDeviceToDeviceStack(Self, Physical);
    IoRegisterDeviceInterface(Physical, &GUID_OPENER, NULL, &Link);
    Self->Flags |= Lower->Flags & (DO_POWER_PAGABLE | DO_BUFFERED_IO);
    Self->Flags &= ~DO_DEVICE_INITIALIZING;
    return STATUS_SUCCESS;
}

static VOID NTAPI Unload(PDRIVER_OBJECT DriverObject)
{
    DbgPrint("SEQ legacy unload\n");
    IoDeleteDevice(DriverObject->DeviceObject);
}

static VOID NTAPI UnloadNothing(PDRIVER_OBJECT DriverObject)
{
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNICODE_STRING name;
    BOOLEAN legacy = wcsstr(RegistryPath->Buffer, L"\\legacy") != NULL;
    for (ULONG i = 0; i <= IRP_MJ_MAXIMUM_FUNCTION; i++) {
        DriverObject->MajorFunction[i] = legacy ? OpenClose : PassDown;
    }
    DriverObject->MajorFunction[IRP_MJ_CREATE] = OpenClose;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = OpenClose;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = OpenClose;
    if (!legacy) {
        DriverObject->MajorFunction[IRP_MJ_PNP] = Pnp;
        DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL] = Control;
        DriverObject->DriverExtension->AddDevice = AddDevice;
        DriverObject->DriverUnload = UnloadNothing;
        return STATUS_SUCCESS;
    }
    DriverObject->DriverUnload = Unload;
    DbgPrint("SEQ legacy load\n");
    RtlInitUnicodeString(&name, NAME);
    return IoCreateDevice(DriverObject, 0, &name, FILE_DEVICE_UNKNOWN, 0, FALSE, &Self);
}
