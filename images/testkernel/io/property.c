/* SPDX-License-Identifier: MIT */
/*
 * Properties and registry keys of a device.
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iogetdeviceproperty
 */
#include "pnp/internal.h"
#include "cm/registry.h"

static ULONG MultiSize(PCWSTR Text)
{
    ULONG Count = 0;
    while (Text[Count]) {
        Count += (ULONG)wcslen(Text + Count) + 1;
    }
    return (Count + 1) * sizeof(WCHAR);
}

static NTSTATUS Return(const VOID *Data, ULONG Size, PVOID Buffer, ULONG Length, PULONG ResultLength)
{
    *ResultLength = Size;
    if (Length < Size) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    RtlCopyMemory(Buffer, Data, Size);
    return STATUS_SUCCESS;
}

static NTSTATUS ReturnText(PCWSTR Text, PVOID Buffer, ULONG Length, PULONG ResultLength)
{
    return Text ? Return(Text, (ULONG)(wcslen(Text) + 1) * sizeof(WCHAR), Buffer, Length, ResultLength)
                : STATUS_OBJECT_NAME_NOT_FOUND;
}

/* REG_MULTI_SZ. */
static NTSTATUS ReturnList(PCWSTR List, PVOID Buffer, ULONG Length, PULONG ResultLength)
{
    return List ? Return(List, MultiSize(List), Buffer, Length, ResultLength) : STATUS_OBJECT_NAME_NOT_FOUND;
}

static NTSTATUS ReturnEnumValue(PDEVICE_NODE Node, PCWSTR ValueName, PVOID Buffer, ULONG Length, PULONG ResultLength)
{
    NTSTATUS Status = STATUS_OBJECT_NAME_NOT_FOUND;
    UNICODE_STRING Name;
    PCM_KEY Key;
    PCM_VALUE Value;
    RtlInitUnicodeString(&Name, ValueName);
    CmLock();
    Key = CmKey(CmSubkey(NULL, CM_ENUM, TRUE), &Node->InstancePath, FALSE);
    Value = Key ? CmValue(Key, &Name) : NULL;
    if (Value) {
        Status = Return(Value->Data, Value->Size, Buffer, Length, ResultLength);
    }
    CmUnlock();
    return Status;
}

/* What the Enum key has under a name, by property; NULL for other properties. */
static PCWSTR EnumValue(DEVICE_REGISTRY_PROPERTY Property)
{
    switch (Property) {
    case DevicePropertyClassName:
        return L"Class";
    case DevicePropertyClassGuid:
        return L"ClassGUID";
    case DevicePropertyDriverKeyName:
        return L"Driver";
    case DevicePropertyManufacturer:
        return L"Mfg";
    case DevicePropertyFriendlyName:
        return L"FriendlyName";
    default:
        return NULL;
    }
}

/* Properties that are a number. FALSE: Property is none, or the bus did not say. *Known tells which. */
static BOOLEAN NumberOf(PDEVICE_NODE Node, DEVICE_REGISTRY_PROPERTY Property, PULONG Number, PBOOLEAN Known)
{
    *Known = TRUE;
    switch (Property) {
    case DevicePropertyLegacyBusType:
        *Number = (ULONG)Node->BusInformation.LegacyBusType;
        return Node->HasBusInformation;
    case DevicePropertyBusNumber:
        *Number = Node->BusInformation.BusNumber;
        return Node->HasBusInformation;
    case DevicePropertyAddress:
        *Number = Node->Capabilities.Address;
        return *Number != (ULONG)-1;
    case DevicePropertyUINumber:
        *Number = Node->Capabilities.UINumber;
        return *Number != (ULONG)-1;
    case DevicePropertyRemovalPolicy:
        *Number = Node->Capabilities.SurpriseRemovalOK ? RemovalPolicyExpectSurpriseRemoval
                  : Node->Capabilities.Removable       ? RemovalPolicyExpectOrderlyRemoval
                                                       : RemovalPolicyExpectNoRemoval;
        return TRUE;
    case DevicePropertyInstallState:
        *Number = Node->ServiceName.Length ? InstallStateInstalled : InstallStateNeedsReinstall;
        return TRUE;
    default:
        *Known = FALSE;
        return FALSE;
    }
}

/* The part of the instance path before the first backslash. */
static PCWSTR EnumeratorOf(PDEVICE_NODE Node, PWCHAR Text, ULONG Characters)
{
    ULONG I;
    for (I = 0;
         I + 1 < Characters && I < Node->InstancePath.Length / sizeof(WCHAR) && Node->InstancePath.Buffer[I] != L'\\';
         I++) {
        Text[I] = Node->InstancePath.Buffer[I];
    }
    Text[I] = 0;
    return Text;
}

NTSTATUS NTAPI IoGetDeviceProperty(PDEVICE_OBJECT DeviceObject, DEVICE_REGISTRY_PROPERTY DeviceProperty,
                                   ULONG BufferLength, PVOID PropertyBuffer, PULONG ResultLength)
{
    PDEVICE_NODE Node = DeviceObject->Type == IO_TYPE_DEVICE ? PnpDevnodeOfPdo(DeviceObject) : NULL;
    WCHAR Path[128];
    ULONG Number;
    BOOLEAN IsNumber;
    *ResultLength = 0;
    if (!Node) {
        /* Windows stops with 0xCA (parameter 1 = 2) when the device object is no PDO. */
        IoStop(PNP_DETECTED_FATAL_ERROR, 2, (ULONG_PTR)DeviceObject, 0, 0, _ReturnAddress(),
               "IoGetDeviceProperty was called with %p, which is not a PDO", DeviceObject);
    }
    if (NumberOf(Node, DeviceProperty, &Number, &IsNumber)) {
        return Return(&Number, sizeof(Number), PropertyBuffer, BufferLength, ResultLength);
    }
    if (IsNumber) {
        return STATUS_OBJECT_NAME_NOT_FOUND;
    }
    if (EnumValue(DeviceProperty)) {
        return ReturnEnumValue(Node, EnumValue(DeviceProperty), PropertyBuffer, BufferLength, ResultLength);
    }
    switch (DeviceProperty) {
    case DevicePropertyDeviceDescription:
        return ReturnText(Node->Description, PropertyBuffer, BufferLength, ResultLength);
    case DevicePropertyHardwareID:
        return ReturnList(Node->HardwareIds, PropertyBuffer, BufferLength, ResultLength);
    case DevicePropertyCompatibleIDs:
        return ReturnList(Node->CompatibleIds, PropertyBuffer, BufferLength, ResultLength);
    case DevicePropertyBootConfiguration:
        return Return(Node->BootResources, (ULONG)PnpResourceListSize(Node->BootResources), PropertyBuffer,
                      BufferLength, ResultLength);
    case DevicePropertyBootConfigurationTranslated:
        return Return(Node->TranslatedResources, (ULONG)PnpResourceListSize(Node->TranslatedResources), PropertyBuffer,
                      BufferLength, ResultLength);
    case DevicePropertyLocationInformation:
        return ReturnText(Node->LocationInformation, PropertyBuffer, BufferLength, ResultLength);
    case DevicePropertyPhysicalDeviceObjectName:
        return ReturnText(ObpPathOf(DeviceObject, Path, COUNT_OF(Path)), PropertyBuffer, BufferLength, ResultLength);
    case DevicePropertyBusTypeGuid:
        return Node->HasBusInformation
                   ? Return(&Node->BusInformation.BusTypeGuid, sizeof(GUID), PropertyBuffer, BufferLength, ResultLength)
                   : STATUS_OBJECT_NAME_NOT_FOUND;
    case DevicePropertyEnumeratorName:
        return ReturnText(EnumeratorOf(Node, Path, COUNT_OF(Path)), PropertyBuffer, BufferLength, ResultLength);
    default:
        return STATUS_INVALID_PARAMETER_2;
    }
}

NTSTATUS NTAPI IoOpenDeviceRegistryKey(PDEVICE_OBJECT DeviceObject, ULONG DevInstKeyType, ACCESS_MASK DesiredAccess,
                                       PHANDLE DevInstRegKey)
{
    PDEVICE_NODE Node = DeviceObject->Type == IO_TYPE_DEVICE ? PnpDevnodeOfPdo(DeviceObject) : NULL;
    PCM_KEY Key;
    UNICODE_STRING Name;
    NTSTATUS Status = STATUS_OBJECT_NAME_NOT_FOUND;
    if (!Node) {
        return STATUS_INVALID_DEVICE_REQUEST;
    }
    if ((DevInstKeyType & ~PLUGPLAY_REGKEY_CURRENT_HWPROFILE) != PLUGPLAY_REGKEY_DEVICE &&
        (DevInstKeyType & ~PLUGPLAY_REGKEY_CURRENT_HWPROFILE) != PLUGPLAY_REGKEY_DRIVER) {
        return STATUS_INVALID_PARAMETER; /* one of the two */
    }
    CmLock();
    Key = CmKey(CmSubkey(NULL, CM_ENUM, TRUE), &Node->InstancePath, TRUE);
    if (DevInstKeyType & PLUGPLAY_REGKEY_DRIVER) {
        PCM_VALUE Driver;
        RtlInitUnicodeString(&Name, L"Driver");
        Driver = Key ? CmValue(Key, &Name) : NULL;
        Key = Driver ? CmSubkey(CmSubkey(NULL, CM_CLASS, TRUE), (PCWSTR)Driver->Data, TRUE) : NULL;
    } else {
        Key = Key ? CmSubkey(Key, L"Device Parameters", TRUE) : NULL;
    }
    if (Key) {
        Status = CmOpenHandle(Key, DesiredAccess, DevInstRegKey);
    }
    CmUnlock();
    return Status;
}
