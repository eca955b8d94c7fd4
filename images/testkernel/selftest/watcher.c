/* SPDX-License-Identifier: MIT */
/*
 * A driver that watches child 0 of pnpbus as Microsoft's pages on PnP notification say, for tests/testkernel/test_pnp_notification.py: it is told of the
 * interface, opens it in a work item, closes it when it is asked, and opens it again when the removal is cancelled. "SEQ watch <event>".
 * Input of its I/O control: ULONG, what it does wrong.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/handling-a-guid-target-device-query-remove-event
 */
#include <initguid.h>
#include "function.h"
#include <wdmguid.h>

#define RULE_VETO 1 /* refuses GUID_TARGET_DEVICE_QUERY_REMOVE */
#define RULE_KEEP 2 /* agrees, but stays open */

DEFINE_GUID(GUID_SELFTEST, 0x6f4b0d31, 0x5a5c, 0x4e0b, 0x9e, 0x6b, 0xb0, 0xdd, 0, 0, 0, 9);
DEFINE_GUID(GUID_WATCHER, 0x6f4b0d31, 0x5a5c, 0x4e0b, 0x9e, 0x6b, 0xb0, 0xdd, 0, 0, 0, 0x0b);

static UNICODE_STRING Link, Target;
static WCHAR TargetBuffer[128];
static PVOID InterfaceEntry, TargetEntry;
static PFILE_OBJECT File;
static ULONG Rule;
static PIO_WORKITEM Item;
static NTSTATUS NTAPI TargetChange(PVOID Structure, PVOID Context);

static VOID Say(PCSTR Event)
{
    DbgPrint("SEQ watch %s\n", Event);
}

static VOID Open(void)
{
    PDEVICE_OBJECT device;
    if (NT_SUCCESS(IoGetDeviceObjectPointer(&Target, FILE_READ_DATA, &File, &device))) {
        IoRegisterPlugPlayNotification(EventCategoryTargetDeviceChange, 0, File, Self->DriverObject, TargetChange, NULL,
                                       &TargetEntry);
        Say("open");
    } else {
        File = NULL;
        Say("open failed");
    }
}

static VOID Close(void)
{
    if (File) {
        ObDereferenceObject(File);
        File = NULL;
    }
}

static VOID Forget(void)
{
    if (TargetEntry) {
        IoUnregisterPlugPlayNotification(TargetEntry);
        TargetEntry = NULL;
    }
}

static NTSTATUS NTAPI TargetChange(PVOID Structure, PVOID Context)
{
    const TARGET_DEVICE_REMOVAL_NOTIFICATION *change = Structure;
    if (IsEqualGUID(&change->Event, &GUID_TARGET_DEVICE_QUERY_REMOVE)) {
        Say("query");
        if (Rule & RULE_VETO) {
            return STATUS_UNSUCCESSFUL;
        }
        if (!(Rule & RULE_KEEP)) {
            Close();
        }
    } else if (IsEqualGUID(&change->Event, &GUID_TARGET_DEVICE_REMOVE_CANCELLED)) {
        Say("cancelled");
        Forget();
        Close();
        Open();
    } else if (IsEqualGUID(&change->Event, &GUID_TARGET_DEVICE_REMOVE_COMPLETE)) {
        Say("complete");
        Forget();
        Close();
    } else {
        Say(IsEqualGUID(&change->Event, &GUID_SELFTEST) ? "custom" : "?");
    }
    return STATUS_SUCCESS;
}

static VOID NTAPI Work(PDEVICE_OBJECT Device, PVOID Context)
{
    Open();
}

static NTSTATUS NTAPI InterfaceChange(PVOID Structure, PVOID Context)
{
    const DEVICE_INTERFACE_CHANGE_NOTIFICATION *change = Structure;
    if (!wcsstr(change->SymbolicLinkName->Buffer, L"CHILD#0")) {
        return STATUS_SUCCESS;
    }
    if (IsEqualGUID(&change->Event, &GUID_DEVICE_INTERFACE_ARRIVAL)) {
        Say("arrival");
        RtlCopyUnicodeString(&Target, change->SymbolicLinkName);
        IoQueueWorkItem(Item, Work, DelayedWorkQueue, NULL);
    } else {
        Say("removal");
    }
    return STATUS_SUCCESS;
}

static VOID Begin(void)
{
    Target.Buffer = TargetBuffer;
    Target.MaximumLength = sizeof(TargetBuffer);
    Item = IoAllocateWorkItem(Self);
    IoSetDeviceInterfaceState(&Link, TRUE);
    IoRegisterPlugPlayNotification(EventCategoryDeviceInterfaceChange,
                                   PNPNOTIFY_DEVICE_INTERFACE_INCLUDE_EXISTING_INTERFACES, (PVOID)&GUID_SELFTEST,
                                   Self->DriverObject, InterfaceChange, NULL, &InterfaceEntry);
}

static NTSTATUS NTAPI Pnp(PDEVICE_OBJECT Device, PIRP Irp)
{
    NTSTATUS status;
    switch (IoGetCurrentIrpStackLocation(Irp)->MinorFunction) {
    case IRP_MN_START_DEVICE:
        IoForwardIrpSynchronously(Lower, Irp);
        status = Irp->IoStatus.Status;
        Begin();
        IoCompleteRequest(Irp, IO_NO_INCREMENT);
        return status;
    case IRP_MN_QUERY_REMOVE_DEVICE:
    case IRP_MN_CANCEL_REMOVE_DEVICE:
        Irp->IoStatus.Status = STATUS_SUCCESS;
        return PassDown(Device, Irp);
    case IRP_MN_REMOVE_DEVICE:
        IoUnregisterPlugPlayNotificationEx(InterfaceEntry);
        Forget();
        Close();
        IoFreeWorkItem(Item);
        IoSetDeviceInterfaceState(&Link, FALSE);
        RtlFreeUnicodeString(&Link);
        return RemoveDevice(Irp);
    }
    return PassDown(Device, Irp);
}

static NTSTATUS NTAPI Power(PDEVICE_OBJECT Device, PIRP Irp)
{
    PoStartNextPowerIrp(Irp);
    IoSkipCurrentIrpStackLocation(Irp);
    return PoCallDriver(Lower, Irp);
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

static NTSTATUS NTAPI AddDevice(PDRIVER_OBJECT DriverObject, PDEVICE_OBJECT Pdo)
{
    NTSTATUS status = AttachDevice(DriverObject, Pdo);
    if (NT_SUCCESS(status)) {
        IoRegisterDeviceInterface(Pdo, &GUID_WATCHER, NULL, &Link);
    }
    return status;
}

static VOID NTAPI Unload(PDRIVER_OBJECT DriverObject)
{
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
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
