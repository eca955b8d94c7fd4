/* SPDX-License-Identifier: MIT */
/* A driver that takes handles, references, pages and registrations and gives all of them back: it may unload. Its DriverEntry fails, so it does. */
#include "check.h"
#include "undeclared.h"
#include <evntprov.h>

#define TAG 'tseT'

static NTSTATUS NTAPI Succeed(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    Irp->IoStatus.Status = STATUS_SUCCESS;
    Irp->IoStatus.Information = 0;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}

/* One event by two handles and three references, each dropped by another function. */
static void Events(void)
{
    HANDLE handle, other;
    PVOID event;
    PKEVENT named;
    CHECK(NT_SUCCESS(ZwCreateEvent(&handle, EVENT_ALL_ACCESS, NULL, NotificationEvent, FALSE)));
    CHECK(
        NT_SUCCESS(ObReferenceObjectByHandle(handle, EVENT_ALL_ACCESS, *ExEventObjectType, KernelMode, &event, NULL)));
    CHECK(NT_SUCCESS(ObOpenObjectByPointer(event, OBJ_KERNEL_HANDLE, NULL, EVENT_ALL_ACCESS, *ExEventObjectType,
                                           KernelMode, &other)));
    ZwClose(handle);
    ObReferenceObject(event);
    CHECK(NT_SUCCESS(ObReferenceObjectByPointer(event, EVENT_ALL_ACCESS, *ExEventObjectType, KernelMode)));
    ZwClose(other);
    ObDereferenceObject(event);
    ObDereferenceObjectDeferDelete(event);
    KeSetEvent(event, 0, FALSE); /* the last reference keeps it */
    ObDereferenceObject(event);
    UNICODE_STRING name;
    RtlInitUnicodeString(&name, L"\\BaseNamedObjects\\Tidy");
    named = IoCreateSynchronizationEvent(&name, &handle);
    CHECK(named != NULL);
    ZwClose(handle);
}

static void NTAPI Nothing(PVOID Context)
{
}

/* A device of its own, opened by name and by handle. */
static void Files(PDRIVER_OBJECT DriverObject)
{
    PDEVICE_OBJECT device, target, top;
    PFILE_OBJECT file;
    PVOID same;
    HANDLE handle;
    UNICODE_STRING name;
    OBJECT_ATTRIBUTES attributes;
    IO_STATUS_BLOCK status;
    RtlInitUnicodeString(&name, L"\\Device\\Tidy");
    DriverObject->MajorFunction[IRP_MJ_CREATE] = Succeed;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = Succeed;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = Succeed;
    CHECK(NT_SUCCESS(IoCreateDevice(DriverObject, 0, &name, FILE_DEVICE_UNKNOWN, 0, FALSE, &device)));
    device->Flags &= ~DO_DEVICE_INITIALIZING;
    top = IoGetAttachedDeviceReference(device);
    CHECK(top == device);
    ObDereferenceObject(top);
    CHECK(NT_SUCCESS(IoGetDeviceObjectPointer(&name, FILE_READ_DATA, &file, &target)));
    CHECK(target == device);
    ObDereferenceObject(file);
    InitializeObjectAttributes(&attributes, &name, OBJ_KERNEL_HANDLE, NULL, NULL);
    CHECK(NT_SUCCESS(ZwCreateFile(&handle, FILE_READ_DATA, &attributes, &status, NULL, 0, 0, FILE_OPEN, 0, NULL, 0)));
    CHECK(NT_SUCCESS(ObReferenceObjectByHandle(handle, FILE_READ_DATA, *IoFileObjectType, KernelMode, &same, NULL)));
    ZwClose(handle);
    ObDereferenceObject(same);
    IoDeleteDevice(device);
}

static void Pages(void)
{
    static UCHAR buffer[2 * PAGE_SIZE];
    PHYSICAL_ADDRESS low = {.QuadPart = 0}, high = {.QuadPart = -1};
    PMDL mdl = IoAllocateMdl(buffer, sizeof(buffer), FALSE, FALSE, NULL), part;
    PUCHAR mapped;
    MmProbeAndLockPages(mdl, KernelMode, IoModifyAccess);
    mapped = MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority);
    CHECK(mapped && MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority) == mapped); /* the one mapping */
    part = IoAllocateMdl(buffer, 16, FALSE, FALSE, NULL);
    IoBuildPartialMdl(mdl, part, buffer, 16);
    CHECK(MmGetSystemAddressForMdlSafe(part, NormalPagePriority) != NULL);
    IoFreeMdl(part);
    MmUnlockPages(mdl);
    MmProbeAndLockPages(mdl, KernelMode, IoReadAccess); /* once more, and never mapped */
    MmUnlockPages(mdl);
    IoFreeMdl(mdl);
    mdl = MmAllocatePagesForMdl(low, high, low, PAGE_SIZE);
    mapped = MmMapLockedPagesSpecifyCache(mdl, KernelMode, MmCached, NULL, FALSE, NormalPagePriority);
    MmUnmapLockedPages(mapped, mdl);
    MmFreePagesFromMdl(mdl);
    ExFreePool(mdl);
}

static void Registrations(void)
{
    static const GUID provider = {0x6f4b0d31, 0x5a5c, 0x4e0b, {0x9e, 0x6b, 0xb0, 0xdd, 0, 0, 0, 0x43}};
    REGHANDLE handle;
    PCALLBACK_OBJECT callback;
    UNICODE_STRING name;
    OBJECT_ATTRIBUTES attributes;
    CHECK(NT_SUCCESS(EtwRegister(&provider, NULL, NULL, &handle)));
    CHECK(NT_SUCCESS(EtwUnregister(handle)));
    RtlInitUnicodeString(&name, L"\\Callback\\PowerState");
    InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    CHECK(NT_SUCCESS(ExCreateCallback(&callback, &attributes, FALSE, TRUE)));
    ObDereferenceObject(callback);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    Events();
    Files(DriverObject);
    Pages();
    Registrations();
    RunInThread(Nothing, NULL);
    Summary("tidy");
    return STATUS_UNSUCCESSFUL;
}
