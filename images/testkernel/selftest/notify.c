/* SPDX-License-Identifier: MIT */
/*
 * PnP notification as a driver sees it: interface arrival and removal (in a thread of the PnP manager, after the call returned), existing
 * interfaces (in the caller's thread, before it returns), custom target events, registrations that end. Before and after IRP_MN_START_DEVICE of a root device.
 */
#include "function.h"
#include <initguid.h>
#include <wdmguid.h>

DEFINE_GUID(GUID_ONE, 0x6f4b0d31, 0x5a5c, 0x4e0b, 0x9e, 0x6b, 0xb0, 0xdd, 0, 0, 0, 0x21);
DEFINE_GUID(GUID_OTHER, 0x6f4b0d31, 0x5a5c, 0x4e0b, 0x9e, 0x6b, 0xb0, 0xdd, 0, 0, 0, 0x22);
DEFINE_GUID(GUID_CUSTOM, 0x6f4b0d31, 0x5a5c, 0x4e0b, 0x9e, 0x6b, 0xb0, 0xdd, 0, 0, 0, 0x23);

static PVOID Entry;
static UNICODE_STRING Link;
static LONG Arrivals, Removals, Customs, Done;
static BOOLEAN UnregisterInside;
static PETHREAD Caller;
static KEVENT Called;

static NTSTATUS NTAPI InterfaceChange(PVOID Structure, PVOID Context)
{
    PDEVICE_INTERFACE_CHANGE_NOTIFICATION change = Structure;
    CHECK(KeGetCurrentIrql() == PASSIVE_LEVEL && Context == &Entry);
    CHECK(change->Version == 1 && change->Size == sizeof(*change));
    CHECK(IsEqualGUID(&change->InterfaceClassGuid, &GUID_ONE));
    CHECK(RtlEqualUnicodeString(change->SymbolicLinkName, &Link, TRUE));
    Caller = PsGetCurrentThread();
    if (IsEqualGUID(&change->Event, &GUID_DEVICE_INTERFACE_ARRIVAL)) {
        Arrivals++;
    } else {
        CHECK(IsEqualGUID(&change->Event, &GUID_DEVICE_INTERFACE_REMOVAL));
        Removals++;
    }
    if (UnregisterInside) {
        CHECK(NT_SUCCESS(IoUnregisterPlugPlayNotificationEx(Entry)));
    }
    KeSetEvent(&Called, 0, FALSE);
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI TargetChange(PVOID Structure, PVOID Context)
{
    PTARGET_DEVICE_CUSTOM_NOTIFICATION custom = Structure;
    CHECK(IsEqualGUID(&custom->Event, &GUID_CUSTOM) && custom->FileObject == Context);
    CHECK(*(PULONG)custom->CustomDataBuffer == 0xC0FFEE);
    Customs++;
    return STATUS_SUCCESS;
}

static VOID NTAPI ChangeDone(PVOID Context)
{
    Done++;
    KeSetEvent(Context, 0, FALSE);
}

static void WaitCalled(void)
{
    LARGE_INTEGER due = Milliseconds(5000);
    CHECK(KeWaitForSingleObject(&Called, Executive, KernelMode, FALSE, &due) == STATUS_SUCCESS);
    KeClearEvent(&Called);
}

static void Register(ULONG Flags)
{
    CHECK(NT_SUCCESS(IoRegisterPlugPlayNotification(EventCategoryDeviceInterfaceChange, Flags, (PVOID)&GUID_ONE,
                                                    Self->DriverObject, InterfaceChange, &Entry, &Entry)));
}

/* Before IRP_MN_START_DEVICE completes, an enabled interface is not told, not found, and cannot be opened. */
static void WhileItStarts(void)
{
    PWSTR list;
    PFILE_OBJECT file;
    PDEVICE_OBJECT device;

    CHECK(IoRegisterDeviceInterface(Physical, &GUID_ONE, NULL, &Link) == STATUS_SUCCESS);
    CHECK(NT_SUCCESS(IoSetDeviceInterfaceState(&Link, TRUE)));
    CHECK(IoSetDeviceInterfaceState(&Link, TRUE) == STATUS_OBJECT_NAME_EXISTS);
    Register(PNPNOTIFY_DEVICE_INTERFACE_INCLUDE_EXISTING_INTERFACES);
    CHECK(Arrivals == 0);
    CHECK(NT_SUCCESS(IoGetDeviceInterfaces(&GUID_ONE, NULL, 0, &list)) && list[0] == 0 && list[1] == 0);
    ExFreePool(list);
    CHECK(NT_SUCCESS(IoGetDeviceInterfaces(&GUID_ONE, Physical, DEVICE_INTERFACE_INCLUDE_NONACTIVE, &list)));
    CHECK(!wcscmp(list, Link.Buffer));
    ExFreePool(list);
    CHECK(!NT_SUCCESS(IoGetDeviceObjectPointer(&Link, FILE_READ_DATA, &file, &device)));
    CHECK(NT_SUCCESS(IoSetDeviceInterfaceState(&Link, FALSE))); /* never there: nobody is told of that either */
    CHECK(NT_SUCCESS(IoSetDeviceInterfaceState(&Link, TRUE)));
}

static void OddInterfaces(void)
{
    static const GUID class = {0x6f4b0d31, 0x5a5c, 0x4e0b, {0x9e, 0x6b, 0xb0, 0xdd, 0, 0, 0, 0x77}};
    UNICODE_STRING bad = RTL_CONSTANT_STRING(L"a\\b"), slash = RTL_CONSTANT_STRING(L"a/b"), links[40], alias;
    WCHAR text[120];
    UNICODE_STRING name = {sizeof(text), sizeof(text), text};
    HANDLE key;
    PWSTR list;
    ULONG found = 0;

    CHECK(IoRegisterDeviceInterface(Physical, &class, &bad, &alias) == STATUS_INVALID_DEVICE_REQUEST);
    CHECK(IoRegisterDeviceInterface(Physical, &class, &slash, &alias) == STATUS_INVALID_DEVICE_REQUEST);
    /* Forty, each with a reference string of 120 characters: "there is no length limit". */
    for (ULONG i = 0; i < 40; i++) {
        for (ULONG j = 0; j < 120; j++) {
            text[j] = (WCHAR)(j == 119 ? L'0' + i : L'A' + j % 26); /* names compare without case */
        }
        CHECK(IoRegisterDeviceInterface(Physical, &class, &name, &links[i]) == STATUS_SUCCESS);
        CHECK(i % 2 || NT_SUCCESS(IoSetDeviceInterfaceState(&links[i], TRUE)));
    }
    CHECK(NT_SUCCESS(IoGetDeviceInterfaces(&class, Physical, 0, &list)));
    for (PWSTR at = list; *at; at += wcslen(at) + 1) {
        found++;
    }
    CHECK(found == 20);
    ExFreePool(list);
    CHECK(NT_SUCCESS(IoGetDeviceInterfaces(&class, NULL, DEVICE_INTERFACE_INCLUDE_NONACTIVE, &list)));
    for (PWSTR at = list; *at; at += wcslen(at) + 1) {
        CHECK(!wcscmp(at, links[found - 20].Buffer)); /* in the order of registration */
        found++;
    }
    CHECK(found == 60);
    ExFreePool(list);
    CHECK(IoGetDeviceInterfaceAlias(&links[3], &GUID_ONE, &alias) == STATUS_OBJECT_NAME_NOT_FOUND);
    CHECK(NT_SUCCESS(IoOpenDeviceInterfaceRegistryKey(&links[3], KEY_ALL_ACCESS, &key))); /* disabled, but registered */
    ZwClose(key);
    CHECK(IoOpenDeviceInterfaceRegistryKey(&bad, KEY_ALL_ACCESS, &key) == STATUS_OBJECT_NAME_NOT_FOUND);
    for (ULONG i = 0; i < 40; i++) {
        CHECK(i % 2 || NT_SUCCESS(IoSetDeviceInterfaceState(&links[i], FALSE)));
        RtlFreeUnicodeString(&links[i]);
    }
}

static void Interfaces(void)
{
    PWSTR list;
    UNICODE_STRING again, other;

    WaitCalled(); /* what was enabled while it started */
    CHECK(Arrivals == 1 && Removals == 0 && Caller != PsGetCurrentThread());
    KeClearEvent(&Called);
    CHECK(NT_SUCCESS(IoSetDeviceInterfaceState(&Link, FALSE)));
    WaitCalled(); /* or the next registration might be told of it */
    CHECK(Removals == 1);
    CHECK(NT_SUCCESS(IoUnregisterPlugPlayNotificationEx(Entry)));
    Arrivals = Removals = 0;
    CHECK(IoRegisterDeviceInterface(Physical, &GUID_ONE, NULL, &again) == STATUS_OBJECT_NAME_EXISTS);
    CHECK(RtlEqualUnicodeString(&Link, &again, FALSE));
    RtlFreeUnicodeString(&again);
    CHECK(NT_SUCCESS(IoRegisterDeviceInterface(Physical, &GUID_OTHER, NULL, &other)));
    CHECK(IoRegisterDeviceInterface(Self, &GUID_ONE, NULL, &again) == STATUS_INVALID_DEVICE_REQUEST); /* no PDO */

    Register(PNPNOTIFY_DEVICE_INTERFACE_INCLUDE_EXISTING_INTERFACES);
    CHECK(Arrivals == 0);
    CHECK(NT_SUCCESS(IoSetDeviceInterfaceState(&other, TRUE))); /* another class: not told */
    CHECK(NT_SUCCESS(IoSetDeviceInterfaceState(&Link, TRUE)));
    CHECK(IoSetDeviceInterfaceState(&Link, TRUE) == STATUS_OBJECT_NAME_EXISTS);
    WaitCalled();
    CHECK(Arrivals == 1 && Removals == 0 && Caller != PsGetCurrentThread());
    CHECK(NT_SUCCESS(IoGetDeviceInterfaces(&GUID_ONE, NULL, 0, &list)));
    CHECK(!wcscmp(list, Link.Buffer) && list[Link.Length / sizeof(WCHAR) + 1] == 0);
    ExFreePool(list);
    CHECK(NT_SUCCESS(IoUnregisterPlugPlayNotificationEx(Entry)));

    Register(PNPNOTIFY_DEVICE_INTERFACE_INCLUDE_EXISTING_INTERFACES);
    CHECK(Arrivals == 2 && Caller == PsGetCurrentThread()); /* the existing one, before the call returned */
    KeClearEvent(&Called);
    CHECK(NT_SUCCESS(IoSetDeviceInterfaceState(&Link, FALSE)));
    WaitCalled();
    CHECK(Removals == 1);
    CHECK(NT_SUCCESS(IoGetDeviceInterfaces(&GUID_ONE, NULL, 0, &list)) && list[0] == 0);
    ExFreePool(list);
    CHECK(IoSetDeviceInterfaceState(&Link, FALSE) == STATUS_OBJECT_NAME_NOT_FOUND);
    UnregisterInside = TRUE;
    CHECK(NT_SUCCESS(IoSetDeviceInterfaceState(&Link, TRUE)));
    WaitCalled();
    CHECK(Arrivals == 3);
    CHECK(NT_SUCCESS(IoSetDeviceInterfaceState(&Link, FALSE))); /* nobody is told any more */
    CHECK(NT_SUCCESS(IoSetDeviceInterfaceState(&other, FALSE)));
    RtlFreeUnicodeString(&other);
}

static void Targets(void)
{
    PFILE_OBJECT file;
    PDEVICE_OBJECT device;
    PVOID entry;
    UCHAR buffer[sizeof(TARGET_DEVICE_CUSTOM_NOTIFICATION) + 8] = {0};
    PTARGET_DEVICE_CUSTOM_NOTIFICATION custom = (PVOID)buffer;

    CHECK(NT_SUCCESS(IoSetDeviceInterfaceState(&Link, TRUE)));
    CHECK(NT_SUCCESS(IoGetDeviceObjectPointer(&Link, FILE_READ_DATA, &file, &device)));
    CHECK(device == Self);
    CHECK(NT_SUCCESS(IoRegisterPlugPlayNotification(EventCategoryTargetDeviceChange, 0, file, Self->DriverObject,
                                                    TargetChange, file, &entry)));
    custom->Version = 1;
    custom->Size = sizeof(buffer);
    custom->Event = GUID_CUSTOM;
    custom->NameBufferOffset = -1;
    *(PULONG)custom->CustomDataBuffer = 0xC0FFEE;
    CHECK(IoReportTargetDeviceChangeAsynchronous(Physical, custom, ChangeDone, &Called) == STATUS_PENDING);
    custom->Event = GUID_TARGET_DEVICE_QUERY_REMOVE;
    CHECK(IoReportTargetDeviceChangeAsynchronous(Physical, custom, NULL, NULL) == STATUS_INVALID_DEVICE_REQUEST);
    CHECK(Done == 0 || Customs == 1);
    Entry = entry;
    ObDereferenceObject(file); /* closing does not end the registration */
}

static KEVENT Working;

/* In a thread of its own, when the start is through. */
static VOID NTAPI Test(PVOID Context)
{
    CHECK(KeWaitForSingleObject(&Working, Executive, KernelMode, FALSE, NULL) == STATUS_SUCCESS);
    Interfaces();
    OddInterfaces();
    Targets();
    WaitCalled();
    CHECK(Customs == 1 && Done == 1);
    CHECK(NT_SUCCESS(IoUnregisterPlugPlayNotificationEx(Entry)));
    Summary("notify");
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static NTSTATUS NTAPI Pnp(PDEVICE_OBJECT Device, PIRP Irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    HANDLE thread;
    NTSTATUS status;
    if (stack->MinorFunction == IRP_MN_START_DEVICE) {
        IoForwardIrpSynchronously(Lower, Irp);
        KeInitializeEvent(&Called, NotificationEvent, FALSE);
        KeInitializeEvent(&Working, NotificationEvent, FALSE);
        WhileItStarts();
        CHECK(NT_SUCCESS(PsCreateSystemThread(&thread, THREAD_ALL_ACCESS, NULL, NULL, NULL, Test, NULL)));
        ZwClose(thread);
        status = Irp->IoStatus.Status;
        IoCompleteRequest(Irp, IO_NO_INCREMENT);
        return status;
    }
    if (stack->MinorFunction == IRP_MN_QUERY_PNP_DEVICE_STATE) { /* the first thing after START */
        KeSetEvent(&Working, 0, FALSE);
    }
    IoSkipCurrentIrpStackLocation(Irp);
    return IoCallDriver(Lower, Irp);
}

/* WMI: passed on, as by every driver that provides none. */
static NTSTATUS NTAPI DispatchSystemControl(PDEVICE_OBJECT Device, PIRP Irp)
{
    IoSkipCurrentIrpStackLocation(Irp);
    return IoCallDriver(Lower, Irp);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    DriverObject->DriverExtension->AddDevice = AttachDevice;
    DriverObject->MajorFunction[IRP_MJ_CREATE] = Succeed;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = Succeed;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = Succeed;
    DriverObject->MajorFunction[IRP_MJ_PNP] = Pnp;
    DriverObject->MajorFunction[IRP_MJ_POWER] = DispatchSystemControl; /* passed on too */
    DriverObject->MajorFunction[IRP_MJ_SYSTEM_CONTROL] = DispatchSystemControl;
    return STATUS_SUCCESS;
}
