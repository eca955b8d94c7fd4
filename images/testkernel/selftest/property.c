/* SPDX-License-Identifier: MIT */
/*
 * Device and interface properties by key, as a function driver uses them: stored ones in several languages, those that the system keeps, sizes, types and
 * refusals. Runs in IRP_MN_START_DEVICE; the second start of the same device looks for what had to survive.
 */
#include <initguid.h>
#include "function.h"
#include <devpkey.h>

DEFINE_GUID(GUID_PROPERTY, 0x6f4b0d31, 0x5a5c, 0x4e0b, 0x9e, 0x6b, 0xb0, 0xdd, 0, 0, 0, 0x2b);
#define KEY(n)                                                                                                         \
    {                                                                                                                  \
        {0x6f4b0d31, 0x5a5c, 0x4e0b, {0x9e, 0x6b, 0xb0, 0xdd, 0, 0, 0, 0x2c}}, n                                       \
    }

/* Not in mingw's wdm.h. */
NTSTATUS NTAPI IoSetDeviceInterfacePropertyData(PUNICODE_STRING Link, const DEVPROPKEY *Key, LCID Lcid, ULONG Flags,
                                                DEVPROPTYPE Type, ULONG Size, PVOID Data);
NTSTATUS NTAPI IoGetDeviceInterfacePropertyData(PUNICODE_STRING Link, const DEVPROPKEY *Key, LCID Lcid, ULONG Flags,
                                                ULONG Size, PVOID Data, PULONG Required, PDEVPROPTYPE Type);

static const DEVPROPKEY One = KEY(2), Two = KEY(3);
static UNICODE_STRING Link;
static ULONG Size;
static DEVPROPTYPE Type;
static WCHAR Text[128];

static NTSTATUS Get(const DEVPROPKEY *Key, LCID Language, ULONG Room)
{
    Text[0] = 0;
    return IoGetDevicePropertyData(Physical, Key, Language, 0, Room, Text, &Size, &Type);
}

static NTSTATUS Set(const DEVPROPKEY *Key, LCID Language, ULONG Flags, PCWSTR Value)
{
    return IoSetDevicePropertyData(Physical, Key, Language, Flags, DEVPROP_TYPE_STRING,
                                   (ULONG)(wcslen(Value) + 1) * sizeof(WCHAR), (PVOID)Value);
}

static void Stored(void)
{
    CHECK(Get(&One, 0, sizeof(Text)) == STATUS_OBJECT_NAME_NOT_FOUND && Type == DEVPROP_TYPE_EMPTY);
    CHECK(NT_SUCCESS(Set(&One, 0, 0, L"neutral")));
    CHECK(NT_SUCCESS(Set(&One, 0x407, 0, L"deutsch")));
    CHECK(NT_SUCCESS(Get(&One, 0, sizeof(Text))) && !wcscmp(Text, L"neutral") && Type == DEVPROP_TYPE_STRING);
    CHECK(NT_SUCCESS(Get(&One, 0x407, sizeof(Text))) && !wcscmp(Text, L"deutsch"));
    CHECK(Get(&One, 0, 4) == STATUS_BUFFER_TOO_SMALL && Size == 16 && Text[0] == 0);
    CHECK(Get(&Two, 0, sizeof(Text)) == STATUS_OBJECT_NAME_NOT_FOUND);
    CHECK(NT_SUCCESS(Set(&One, 0, 0, L"again")));
    CHECK(NT_SUCCESS(Get(&One, 0, 12)) && !wcscmp(Text, L"again") && Size == 12);
    CHECK(NT_SUCCESS(IoSetDevicePropertyData(Physical, &One, 0x407, 0, DEVPROP_TYPE_EMPTY, 0, NULL)));
    CHECK(Get(&One, 0x407, sizeof(Text)) == STATUS_OBJECT_NAME_NOT_FOUND);
    CHECK(IoSetDevicePropertyData(Physical, &One, 0x407, 0, DEVPROP_TYPE_EMPTY, 0, NULL) ==
          STATUS_OBJECT_NAME_NOT_FOUND);
    CHECK(IoSetDevicePropertyData(Physical, &One, 0, 0x80, DEVPROP_TYPE_STRING, 2, L"") == STATUS_INVALID_PARAMETER);
    CHECK(NT_SUCCESS(Set(&Two, 0, PLUGPLAY_PROPERTY_PERSISTENT, L"kept")));
    CHECK(IoSetDevicePropertyData(Self, &One, 0, 0, DEVPROP_TYPE_STRING, 2, L"") == STATUS_INVALID_DEVICE_REQUEST);
    CHECK(IoGetDevicePropertyData(Self, &One, 0, 0, 0, NULL, &Size, &Type) == STATUS_INVALID_DEVICE_REQUEST);
}

static void System(void)
{
    ULONG number = 77;
    GUID container;
    CHECK(NT_SUCCESS(Get(&DEVPKEY_Device_InstanceId, 0, sizeof(Text))) && !wcscmp(Text, L"ROOT\\PROPERTY\\0000"));
    CHECK(NT_SUCCESS(Get(&DEVPKEY_Device_Service, 0, sizeof(Text))) && !wcscmp(Text, L"property"));
    CHECK(NT_SUCCESS(Get(&DEVPKEY_Device_HardwareIds, 0, sizeof(Text))) && !wcscmp(Text, L"ROOT\\PROPERTY"));
    CHECK(Type == DEVPROP_TYPE_STRING_LIST && Size == 30 && Text[14] == 0);
    CHECK(NT_SUCCESS(Get(&DEVPKEY_Device_Parent, 0, sizeof(Text))) && !wcscmp(Text, L"HTREE\\ROOT\\0"));
    CHECK(NT_SUCCESS(Get(&DEVPKEY_Device_EnumeratorName, 0, sizeof(Text))) && !wcscmp(Text, L"ROOT"));
    CHECK(Get(&DEVPKEY_Device_InstanceId, 0, 2) == STATUS_BUFFER_TOO_SMALL && Size == 38);
    CHECK(Get(&DEVPKEY_Device_HardwareIds, 0, 0) == STATUS_BUFFER_TOO_SMALL && Size == 30);
    CHECK(NT_SUCCESS(
        IoGetDevicePropertyData(Physical, &DEVPKEY_Device_ProblemCode, 0, 0, sizeof(number), &number, &Size, &Type)));
    CHECK(number == 0 && Type == DEVPROP_TYPE_UINT32 && Size == sizeof(number));
    CHECK(NT_SUCCESS(IoGetDevicePropertyData(Physical, &DEVPKEY_Device_ContainerId, 0, 0, sizeof(container), &container,
                                             &Size, &Type)));
    CHECK(container.Data1 == 0 && container.Data4[7] == 0xFF); /* part of the computer */
    CHECK(Set(&DEVPKEY_Device_InstanceId, 0, 0, L"x") == STATUS_ACCESS_DENIED);
    CHECK(Set(&DEVPKEY_Device_ContainerId, 0, 0, L"x") == STATUS_ACCESS_DENIED);
    CHECK(IoGetDevicePropertyData(Physical, &One, 0, 1, 0, NULL, &Size, &Type) == STATUS_INVALID_PARAMETER);
}

static void Interface(void)
{
    UNICODE_STRING none;
    DEVPROP_BOOLEAN enabled = 7;
    GUID class;
    CHECK(NT_SUCCESS(
        IoGetDeviceInterfacePropertyData(&Link, &DEVPKEY_DeviceInterface_Enabled, 0, 0, 1, &enabled, &Size, &Type)));
    CHECK(enabled == DEVPROP_FALSE && Type == DEVPROP_TYPE_BOOLEAN && Size == 1);
    CHECK(NT_SUCCESS(IoSetDeviceInterfaceState(&Link, TRUE)));
    CHECK(NT_SUCCESS(
        IoGetDeviceInterfacePropertyData(&Link, &DEVPKEY_DeviceInterface_Enabled, 0, 0, 1, &enabled, &Size, &Type)));
    CHECK(enabled == DEVPROP_TRUE);
    CHECK(NT_SUCCESS(IoGetDeviceInterfacePropertyData(&Link, &DEVPKEY_DeviceInterface_ClassGuid, 0, 0, sizeof(class),
                                                      &class, &Size, &Type)));
    CHECK(IsEqualGUID(&class, &GUID_PROPERTY) && Type == DEVPROP_TYPE_GUID);
    CHECK(IoSetDeviceInterfacePropertyData(&Link, &DEVPKEY_DeviceInterface_Enabled, 0, 0, DEVPROP_TYPE_BOOLEAN, 1,
                                           &enabled) == STATUS_ACCESS_DENIED);
    CHECK(NT_SUCCESS(IoSetDeviceInterfacePropertyData(&Link, &DEVPKEY_DeviceInterface_FriendlyName, 0, 0,
                                                      DEVPROP_TYPE_STRING, 10, L"name")));
    CHECK(NT_SUCCESS(IoGetDeviceInterfacePropertyData(&Link, &DEVPKEY_DeviceInterface_FriendlyName, 0, 0, sizeof(Text),
                                                      Text, &Size, &Type)));
    CHECK(!wcscmp(Text, L"name") && Size == 10);
    RtlInitUnicodeString(&none, L"\\??\\none");
    CHECK(IoGetDeviceInterfacePropertyData(&none, &DEVPKEY_DeviceInterface_Enabled, 0, 0, 1, &enabled, &Size, &Type) ==
          STATUS_OBJECT_NAME_NOT_FOUND);
    CHECK(IoSetDeviceInterfacePropertyData(&none, &One, 0, 0, DEVPROP_TYPE_STRING, 2, L"") ==
          STATUS_OBJECT_NAME_NOT_FOUND);
}

static void Begin(void)
{
    if (Get(&Two, 0, sizeof(Text)) == STATUS_OBJECT_NAME_NOT_FOUND) {
        Stored();
    } else {
        CHECK(!wcscmp(Text, L"kept"));
        CHECK(NT_SUCCESS(Get(&One, 0, sizeof(Text))) && !wcscmp(Text, L"again")); /* the devnode has not gone */
    }
    System();
    Interface();
    Summary("property");
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
        Irp->IoStatus.Status = STATUS_SUCCESS;
        return PassDown(Device, Irp);
    case IRP_MN_REMOVE_DEVICE:
        IoSetDeviceInterfaceState(&Link, FALSE);
        RtlFreeUnicodeString(&Link);
        return RemoveDevice(Irp);
    }
    return PassDown(Device, Irp);
}

static NTSTATUS NTAPI AddDevice(PDRIVER_OBJECT DriverObject, PDEVICE_OBJECT Pdo)
{
    NTSTATUS status = AttachDevice(DriverObject, Pdo);
    if (NT_SUCCESS(status)) {
        IoRegisterDeviceInterface(Pdo, &GUID_PROPERTY, NULL, &Link);
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
    for (ULONG i = 0; i <= IRP_MJ_MAXIMUM_FUNCTION; i++) {
        DriverObject->MajorFunction[i] = PassDown;
    }
    DriverObject->MajorFunction[IRP_MJ_PNP] = Pnp;
    return STATUS_SUCCESS;
}
