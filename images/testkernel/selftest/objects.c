/* SPDX-License-Identifier: MIT */
/* Objects by handle, by pointer and by name; events for user-mode style callers. https://learn.microsoft.com/windows-hardware/drivers/kernel/object-handles */
#include "check.h"
#include "undeclared.h"

#undef ObDereferenceObject
#undef ObReferenceObject
VOID NTAPI ObDereferenceObject(PVOID Object);
extern POBJECT_TYPE NTSYSAPI *IoDeviceObjectType, NTSYSAPI *IoDriverObjectType, NTSYSAPI *CmKeyObjectType;

static const UNICODE_STRING Name = RTL_CONSTANT_STRING(L"\\BaseNamedObjects\\SelfTestEvent");

static void Attributes(POBJECT_ATTRIBUTES Attributes, ULONG Flags)
{
    InitializeObjectAttributes(Attributes, (PUNICODE_STRING)(ULONG_PTR)&Name, OBJ_KERNEL_HANDLE | Flags, NULL, NULL);
}

static void EventsByHandle(void)
{
    HANDLE handle;
    LONG previous = 99;
    LARGE_INTEGER now = {.QuadPart = 0};
    PKEVENT event;
    CHECK(NT_SUCCESS(ZwCreateEvent(&handle, EVENT_ALL_ACCESS, NULL, SynchronizationEvent, FALSE)));
    CHECK(ZwWaitForSingleObject(handle, FALSE, &now) == STATUS_TIMEOUT);
    CHECK(NT_SUCCESS(ZwSetEvent(handle, &previous)) && previous == 0);
    CHECK(NT_SUCCESS(ZwSetEvent(handle, NULL)));
    CHECK(ZwWaitForSingleObject(handle, FALSE, &now) == STATUS_SUCCESS);
    CHECK(ZwWaitForSingleObject(handle, FALSE, &now) == STATUS_TIMEOUT); /* it reset itself */
    CHECK(NT_SUCCESS(ZwSetEvent(handle, NULL)) && NT_SUCCESS(ZwResetEvent(handle, &previous)) && previous == 1);
    CHECK(NT_SUCCESS(ZwSetEvent(handle, NULL)) && NT_SUCCESS(ZwClearEvent(handle)));
    CHECK(ZwWaitForSingleObject(handle, FALSE, &now) == STATUS_TIMEOUT);
    CHECK(NT_SUCCESS(
        ObReferenceObjectByHandle(handle, SYNCHRONIZE, *ExEventObjectType, KernelMode, (PVOID *)&event, NULL)));
    KeSetEvent(event, 0, FALSE); /* the handle and the pointer are one object */
    CHECK(ZwWaitForSingleObject(handle, FALSE, &now) == STATUS_SUCCESS);
    ObDereferenceObject(event);
    CHECK(NT_SUCCESS(NtClose(handle)));
    CHECK(ZwSetEvent((HANDLE)0x1234, NULL) == STATUS_INVALID_HANDLE);
    CHECK(ZwWaitForSingleObject((HANDLE)0x1234, FALSE, &now) == STATUS_INVALID_HANDLE);
}

static void EventsByName(void)
{
    OBJECT_ATTRIBUTES attributes;
    HANDLE first, second, third;
    LARGE_INTEGER now = {.QuadPart = 0};
    Attributes(&attributes, 0);
    CHECK(ZwOpenEvent(&first, EVENT_ALL_ACCESS, &attributes) == STATUS_OBJECT_NAME_NOT_FOUND);
    CHECK(ZwCreateEvent(&first, EVENT_ALL_ACCESS, &attributes, NotificationEvent, FALSE) == STATUS_SUCCESS);
    CHECK(ZwCreateEvent(&second, EVENT_ALL_ACCESS, &attributes, NotificationEvent, FALSE) ==
          STATUS_OBJECT_NAME_COLLISION);
    Attributes(&attributes, OBJ_OPENIF);
    CHECK(ZwCreateEvent(&second, EVENT_ALL_ACCESS, &attributes, NotificationEvent, TRUE) == STATUS_OBJECT_NAME_EXISTS);
    CHECK(ZwWaitForSingleObject(second, FALSE, &now) == STATUS_TIMEOUT); /* opened, not made anew */
    CHECK(ZwOpenEvent(&third, EVENT_ALL_ACCESS, &attributes) == STATUS_SUCCESS);
    CHECK(first != second && second != third);
    CHECK(NT_SUCCESS(ZwSetEvent(third, NULL)));
    CHECK(ZwWaitForSingleObject(first, FALSE, &now) == STATUS_SUCCESS);
    ZwClose(first);
    ZwClose(second);
    ZwClose(third);
    CHECK(ZwOpenEvent(&third, EVENT_ALL_ACCESS, &attributes) == STATUS_OBJECT_NAME_NOT_FOUND);
}

/* The name goes with the last handle, whatever references there are; of a permanent object it stays. */
static void Names(void)
{
    OBJECT_ATTRIBUTES attributes;
    HANDLE handle;
    PVOID event;
    Attributes(&attributes, 0);
    CHECK(NT_SUCCESS(ZwCreateEvent(&handle, EVENT_ALL_ACCESS, &attributes, NotificationEvent, FALSE)));
    CHECK(NT_SUCCESS(ObReferenceObjectByHandle(handle, 0, NULL, KernelMode, &event, NULL)));
    ZwClose(handle);
    CHECK(ZwOpenEvent(&handle, EVENT_ALL_ACCESS, &attributes) == STATUS_OBJECT_NAME_NOT_FOUND);
    ObDereferenceObject(event);

    Attributes(&attributes, OBJ_PERMANENT);
    CHECK(NT_SUCCESS(ZwCreateEvent(&handle, EVENT_ALL_ACCESS, &attributes, NotificationEvent, FALSE)));
    ZwClose(handle);
    CHECK(NT_SUCCESS(ZwOpenEvent(&handle, EVENT_ALL_ACCESS, &attributes)));
    CHECK(NT_SUCCESS(ZwMakeTemporaryObject(handle)));
    HANDLE again;
    CHECK(NT_SUCCESS(ZwOpenEvent(&again, EVENT_ALL_ACCESS, &attributes))); /* there while a handle is open */
    ZwClose(again);
    ZwClose(handle);
    CHECK(ZwOpenEvent(&handle, EVENT_ALL_ACCESS, &attributes) == STATUS_OBJECT_NAME_NOT_FOUND);
    CHECK(ZwMakeTemporaryObject((HANDLE)0x1234) == STATUS_INVALID_HANDLE);
}

static void SynchronizationEvents(void)
{
    HANDLE first, second;
    PKEVENT one = IoCreateSynchronizationEvent((PUNICODE_STRING)(ULONG_PTR)&Name, &first);
    PKEVENT two = IoCreateSynchronizationEvent((PUNICODE_STRING)(ULONG_PTR)&Name, &second);
    CHECK(one && one == two); /* created by the first call, opened by the second */
    CHECK(KeReadStateEvent(one) == 1);
    CHECK(Wait(one, 0) == STATUS_SUCCESS && Wait(two, 0) == STATUS_TIMEOUT);
    ZwClose(first);
    ZwClose(second);
}

static void References(PDRIVER_OBJECT DriverObject)
{
    PDEVICE_OBJECT device;
    HANDLE handle;
    PVOID object = NULL;
    OBJECT_HANDLE_INFORMATION information;
    KIRQL irql;
    CHECK(NT_SUCCESS(IoCreateDevice(DriverObject, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &device)));
    CHECK(NT_SUCCESS(ObReferenceObjectByPointer(device, 0, *IoDeviceObjectType, KernelMode)));
    CHECK(ObReferenceObjectByPointer(device, 0, *IoDriverObjectType, KernelMode) == STATUS_OBJECT_TYPE_MISMATCH);
    CHECK(NT_SUCCESS(ObReferenceObjectByPointer(DriverObject, 0, *IoDriverObjectType, KernelMode)));
    ObDereferenceObject(DriverObject);
    LONG_PTR before = ObfReferenceObjectWithTag(device, 'tseT');
    CHECK(ObfReferenceObjectWithTag(device, 'tseT') == before + 1);
    CHECK(ObfDereferenceObjectWithTag(device, 'tseT') == before);
    CHECK(ObfDereferenceObjectWithTag(device, 'tseT') == before - 1);
    ObReferenceObjectByPointer(device, 0, NULL, KernelMode);
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    ObDereferenceObjectDeferDelete(device); /* IRQL <= DISPATCH_LEVEL */
    KeLowerIrql(irql);
    ObDereferenceObject(device); /* of the first reference */

    CHECK(ObOpenObjectByPointer(device, OBJ_KERNEL_HANDLE, NULL, 0, *ExEventObjectType, KernelMode, &handle) ==
          STATUS_OBJECT_TYPE_MISMATCH);
    CHECK(NT_SUCCESS(ObOpenObjectByPointer(device, OBJ_KERNEL_HANDLE, NULL, GENERIC_READ, *IoDeviceObjectType,
                                           KernelMode, &handle)));
    CHECK((LONG_PTR)handle < 0); /* a kernel handle */
    CHECK(NT_SUCCESS(ObReferenceObjectByHandle(handle, 0, *IoDeviceObjectType, KernelMode, &object, &information)));
    CHECK(object == device && information.GrantedAccess != 0);
    ObDereferenceObject(object);
    ZwClose(handle);
    IoDeleteDevice(device);
}

static void Tagged(void)
{
    HANDLE handle;
    PVOID object = NULL;
    CHECK(NT_SUCCESS(ZwCreateEvent(&handle, EVENT_ALL_ACCESS, NULL, NotificationEvent, FALSE)));
    CHECK(ObReferenceObjectByHandleWithTag(handle, 0, *IoFileObjectType, KernelMode, 'tseT', &object, NULL) ==
          STATUS_OBJECT_TYPE_MISMATCH);
    CHECK(
        NT_SUCCESS(ObReferenceObjectByHandleWithTag(handle, 0, *ExEventObjectType, KernelMode, 'tseT', &object, NULL)));
    CHECK(NT_SUCCESS(ObReferenceObjectByPointerWithTag(object, 0, *ExEventObjectType, KernelMode, 'tseT')));
    CHECK(ObReferenceObjectByPointerWithTag(object, 0, *IoFileObjectType, KernelMode, 'tseT') ==
          STATUS_OBJECT_TYPE_MISMATCH);
    ZwClose(handle);
    KeSetEvent(object, 0, FALSE); /* the references keep it */
    ObDereferenceObjectDeferDeleteWithTag(object, 'tseT');
    ObfDereferenceObjectWithTag(object, 'tseT');
}

static void Directories(void)
{
    UNICODE_STRING path = RTL_CONSTANT_STRING(L"\\SelfTest"), inside = RTL_CONSTANT_STRING(L"\\SelfTest\\Event");
    UNICODE_STRING lost = RTL_CONSTANT_STRING(L"\\NoSuch\\Directory"), system = RTL_CONSTANT_STRING(L"\\KernelObjects");
    OBJECT_ATTRIBUTES attributes, entry;
    HANDLE directory, again, event;
    InitializeObjectAttributes(&attributes, &path, OBJ_KERNEL_HANDLE, NULL, NULL);
    InitializeObjectAttributes(&entry, &inside, OBJ_KERNEL_HANDLE, NULL, NULL);
    CHECK(NT_SUCCESS(ZwCreateDirectoryObject(&directory, DIRECTORY_ALL_ACCESS, &attributes)));
    CHECK(ZwCreateDirectoryObject(&again, DIRECTORY_ALL_ACCESS, &attributes) == STATUS_OBJECT_NAME_COLLISION);
    attributes.Attributes |= OBJ_OPENIF;
    CHECK(ZwCreateDirectoryObject(&again, DIRECTORY_ALL_ACCESS, &attributes) == STATUS_OBJECT_NAME_EXISTS);
    ZwClose(again);
    CHECK(NT_SUCCESS(ZwCreateEvent(&event, EVENT_ALL_ACCESS, &entry, NotificationEvent, FALSE)));
    CHECK(NT_SUCCESS(ZwOpenEvent(&again, EVENT_ALL_ACCESS, &entry)));
    ZwClose(again);
    ZwClose(event);
    CHECK(ZwOpenEvent(&again, EVENT_ALL_ACCESS, &entry) == STATUS_OBJECT_NAME_NOT_FOUND);
    ZwClose(directory); /* temporary: gone with its last handle */
    CHECK(ZwCreateEvent(&event, EVENT_ALL_ACCESS, &entry, NotificationEvent, FALSE) == STATUS_OBJECT_PATH_NOT_FOUND);
    attributes.ObjectName = &system; /* one of the system's stays */
    CHECK(ZwCreateDirectoryObject(&again, DIRECTORY_ALL_ACCESS, &attributes) == STATUS_OBJECT_NAME_EXISTS);
    ZwClose(again);
    CHECK(ZwCreateDirectoryObject(&again, DIRECTORY_ALL_ACCESS, &attributes) == STATUS_OBJECT_NAME_EXISTS);
    ZwClose(again);
    attributes.ObjectName = &lost;
    CHECK(ZwCreateDirectoryObject(&again, DIRECTORY_ALL_ACCESS, &attributes) == STATUS_OBJECT_PATH_NOT_FOUND);
}

static void Links(void)
{
    UNICODE_STRING link = RTL_CONSTANT_STRING(L"\\DosDevices\\SelfTestLink"),
                   device = RTL_CONSTANT_STRING(L"\\Device\\SelfTestTarget");
    WCHAR buffer[32];
    UNICODE_STRING target = {0, sizeof(buffer), buffer};
    OBJECT_ATTRIBUTES attributes;
    HANDLE handle;
    ULONG length = 0;
    InitializeObjectAttributes(&attributes, &link, OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE, NULL, NULL);
    CHECK(ZwOpenSymbolicLinkObject(&handle, SYMBOLIC_LINK_QUERY, &attributes) == STATUS_OBJECT_NAME_NOT_FOUND);
    CHECK(NT_SUCCESS(IoCreateSymbolicLink(&link, &device))); /* its target need not exist */
    CHECK(NT_SUCCESS(ZwOpenSymbolicLinkObject(&handle, SYMBOLIC_LINK_QUERY, &attributes)));
    CHECK(NT_SUCCESS(ZwQuerySymbolicLinkObject(handle, &target, &length)));
    CHECK(length == device.Length && RtlEqualUnicodeString(&target, &device, FALSE));
    target.MaximumLength = 4;
    length = 0;
    CHECK(ZwQuerySymbolicLinkObject(handle, &target, &length) == STATUS_BUFFER_TOO_SMALL && length == device.Length);
    ZwClose(handle);
    CHECK(NT_SUCCESS(ZwOpenSymbolicLinkObject(&handle, SYMBOLIC_LINK_QUERY, &attributes))); /* the link stays */
    ZwClose(handle);
    CHECK(NT_SUCCESS(IoDeleteSymbolicLink(&link)));
    CHECK(ZwQuerySymbolicLinkObject((HANDLE)0x1234, &target, NULL) == STATUS_INVALID_HANDLE);
}

static void Types(void)
{
    HANDLE key;
    UNICODE_STRING path = RTL_CONSTANT_STRING(L"\\Registry\\Machine\\System");
    OBJECT_ATTRIBUTES attributes;
    PVOID object;
    InitializeObjectAttributes(&attributes, &path, OBJ_KERNEL_HANDLE, NULL, NULL);
    CHECK(NT_SUCCESS(ZwOpenKey(&key, KEY_READ, &attributes)));
    CHECK(NT_SUCCESS(ObReferenceObjectByHandle(key, 0, *CmKeyObjectType, KernelMode, &object, NULL)));
    ObDereferenceObject(object);
    CHECK(ObReferenceObjectByHandle(key, 0, *ExSemaphoreObjectType, KernelMode, &object, NULL) ==
          STATUS_OBJECT_TYPE_MISMATCH);
    CHECK(object == NULL);
    ZwClose(key);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    EventsByHandle();
    EventsByName();
    Names();
    SynchronizationEvents();
    References(DriverObject);
    Tagged();
    Directories();
    Links();
    Types();
    return Summary("objects");
}
