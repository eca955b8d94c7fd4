/* SPDX-License-Identifier: MIT */
/*
 * A function driver that comes in versions, for tests/testkernel/test_pnp_update.py: writes "SEQ <version> <event>". version2.c is the same driver again.
 * Input of its I/O control: ULONG 1: IRP_MN_QUERY_REMOVE_DEVICE is refused, 2: a reference to the device object is kept for a while after its deletion.
 */
#include <initguid.h>
#include <ntddk.h>

#ifndef VERSION
#define VERSION "v1"
#endif
/* {6F4B0D31-5A5C-4E0B-9E6B-B0DD0000000A} */
DEFINE_GUID(GUID_VERSIONED, 0x6f4b0d31, 0x5a5c, 0x4e0b, 0x9e, 0x6b, 0xb0, 0xdd, 0, 0, 0, 0x0a);
#define RULE_VETO      1
#define RULE_REFERENCE 2

typedef struct _EXTENSION {
    PDEVICE_OBJECT Lower;
    UNICODE_STRING Link;
} EXTENSION, *PEXTENSION;

static ULONG Rule;

static NTSTATUS NTAPI PassDown(PDEVICE_OBJECT Device, PIRP Irp)
{
    IoSkipCurrentIrpStackLocation(Irp);
    return IoCallDriver(((PEXTENSION)Device->DeviceExtension)->Lower, Irp);
}

static VOID Say(PCSTR Event)
{
    DbgPrint("SEQ " VERSION " %s\n", Event);
}

static VOID Delay(ULONG Milliseconds)
{
    LARGE_INTEGER due = {.QuadPart = -10000LL * Milliseconds};
    KeDelayExecutionThread(KernelMode, FALSE, &due);
}

/* Drops the reference a little later than the removal. */
static VOID NTAPI Later(PVOID Device)
{
    Delay(50);
    Say("dereference");
    ObDereferenceObject(Device);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static VOID Keep(PDEVICE_OBJECT Device)
{
    HANDLE thread;
    ObReferenceObject(Device);
    if (NT_SUCCESS(PsCreateSystemThread(&thread, THREAD_ALL_ACCESS, NULL, NULL, NULL, Later, Device))) {
        ZwClose(thread);
    }
}

static NTSTATUS NTAPI Pnp(PDEVICE_OBJECT Device, PIRP Irp)
{
    PEXTENSION extension = Device->DeviceExtension;
    NTSTATUS status;
    switch (IoGetCurrentIrpStackLocation(Irp)->MinorFunction) {
    case IRP_MN_START_DEVICE:
        IoForwardIrpSynchronously(extension->Lower, Irp);
        status = Irp->IoStatus.Status;
        Say("start");
        IoSetDeviceInterfaceState(&extension->Link, TRUE);
        IoCompleteRequest(Irp, IO_NO_INCREMENT);
        return status;
    case IRP_MN_QUERY_REMOVE_DEVICE:
        Say("query-remove");
        if (Rule & RULE_VETO) {
            Irp->IoStatus.Status = STATUS_DEVICE_BUSY;
            IoCompleteRequest(Irp, IO_NO_INCREMENT);
            return STATUS_DEVICE_BUSY;
        }
        break;
    case IRP_MN_CANCEL_REMOVE_DEVICE:
        Say("cancel-remove");
        break;
    case IRP_MN_REMOVE_DEVICE:
        Say("remove");
        if (Rule & RULE_REFERENCE) {
            Keep(Device);
        }
        IoSetDeviceInterfaceState(&extension->Link, FALSE);
        RtlFreeUnicodeString(&extension->Link);
        Irp->IoStatus.Status = STATUS_SUCCESS;
        status = PassDown(Device, Irp);
        IoDetachDevice(extension->Lower);
        IoDeleteDevice(Device);
        return status;
    default:
        return PassDown(Device, Irp);
    }
    Irp->IoStatus.Status = STATUS_SUCCESS;
    return PassDown(Device, Irp);
}

static NTSTATUS NTAPI Power(PDEVICE_OBJECT Device, PIRP Irp)
{
    PoStartNextPowerIrp(Irp);
    IoSkipCurrentIrpStackLocation(Irp);
    return PoCallDriver(((PEXTENSION)Device->DeviceExtension)->Lower, Irp);
}

static NTSTATUS NTAPI Mine(PDEVICE_OBJECT Device, PIRP Irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    if (stack->MajorFunction == IRP_MJ_DEVICE_CONTROL && stack->Parameters.DeviceIoControl.InputBufferLength >= 4) {
        Rule = *(PULONG)Irp->AssociatedIrp.SystemBuffer;
    }
    Irp->IoStatus.Information = 0;
    Irp->IoStatus.Status = STATUS_SUCCESS;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI AddDevice(PDRIVER_OBJECT DriverObject, PDEVICE_OBJECT Physical)
{
    PDEVICE_OBJECT device;
    PEXTENSION extension;
    NTSTATUS status = IoCreateDevice(DriverObject, sizeof(EXTENSION), NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    Say("add");
    extension = device->DeviceExtension;
    extension->Lower = IoAttachDeviceToDeviceStack(device, Physical);
    IoRegisterDeviceInterface(Physical, &GUID_VERSIONED, NULL, &extension->Link);
    device->Flags |= extension->Lower->Flags & (DO_POWER_PAGABLE | DO_BUFFERED_IO);
    device->Flags &= ~DO_DEVICE_INITIALIZING;
    return STATUS_SUCCESS;
}

static VOID NTAPI Unload(PDRIVER_OBJECT DriverObject)
{
    Say("unload");
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    Say("entry");
    if (wcsstr(RegistryPath->Buffer, L"\\failing")) {
        return STATUS_NO_SUCH_FILE; /* test_pnp_problems.py */
    }
    DriverObject->DriverExtension->AddDevice = AddDevice;
    DriverObject->DriverUnload = Unload;
    DriverObject->MajorFunction[IRP_MJ_CREATE] = Mine;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = Mine;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = Mine;
    DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL] = Mine;
    DriverObject->MajorFunction[IRP_MJ_PNP] = Pnp;
    DriverObject->MajorFunction[IRP_MJ_POWER] = Power;
    DriverObject->MajorFunction[IRP_MJ_SYSTEM_CONTROL] = PassDown;
    return STATUS_SUCCESS;
}
