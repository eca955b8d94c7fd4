/* SPDX-License-Identifier: MIT */
/*
 * Properties as drivers see them: what the system knows of a device under Windows' own keys, and what drivers store under theirs; container IDs.
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iosetdevicepropertydata
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iogetdevicepropertydata
 */
#include <initguid.h>
#include "pnp/property.h"
#include "rtl/format.h"
#include <devpkey.h>

/* The keys of the system's properties that IoGetDeviceProperty knows too. */
static const struct {
    const DEVPROPKEY *Key;
    DEVICE_REGISTRY_PROPERTY Property;
    DEVPROPTYPE Type;
} Known[] = {
    {&DEVPKEY_Device_DeviceDesc, DevicePropertyDeviceDescription, DEVPROP_TYPE_STRING},
    {&DEVPKEY_Device_HardwareIds, DevicePropertyHardwareID, DEVPROP_TYPE_STRING_LIST},
    {&DEVPKEY_Device_CompatibleIds, DevicePropertyCompatibleIDs, DEVPROP_TYPE_STRING_LIST},
    {&DEVPKEY_Device_Class, DevicePropertyClassName, DEVPROP_TYPE_STRING},
    {&DEVPKEY_Device_Driver, DevicePropertyDriverKeyName, DEVPROP_TYPE_STRING},
    {&DEVPKEY_Device_Manufacturer, DevicePropertyManufacturer, DEVPROP_TYPE_STRING},
    {&DEVPKEY_Device_LocationInfo, DevicePropertyLocationInformation, DEVPROP_TYPE_STRING},
    {&DEVPKEY_Device_PDOName, DevicePropertyPhysicalDeviceObjectName, DEVPROP_TYPE_STRING},
    {&DEVPKEY_Device_EnumeratorName, DevicePropertyEnumeratorName, DEVPROP_TYPE_STRING},
    {&DEVPKEY_Device_BusTypeGuid, DevicePropertyBusTypeGuid, DEVPROP_TYPE_GUID},
    {&DEVPKEY_Device_BusNumber, DevicePropertyBusNumber, DEVPROP_TYPE_UINT32},
    {&DEVPKEY_Device_Address, DevicePropertyAddress, DEVPROP_TYPE_UINT32},
    {&DEVPKEY_Device_UINumber, DevicePropertyUINumber, DEVPROP_TYPE_UINT32},
    {&DEVPKEY_Device_RemovalPolicy, DevicePropertyRemovalPolicy, DEVPROP_TYPE_UINT32},
    {&DEVPKEY_Device_InstallState, DevicePropertyInstallState, DEVPROP_TYPE_UINT32},
};

static BOOLEAN Same(const DEVPROPKEY *A, const DEVPROPKEY *B)
{
    return A->pid == B->pid && IsEqualGUID(&A->fmtid, &B->fmtid);
}

static NTSTATUS Give(const VOID *Value, ULONG Length, DEVPROPTYPE Is, ULONG Size, PVOID Data, PULONG Required,
                     PDEVPROPTYPE Type)
{
    *Required = Length;
    *Type = Is;
    if (Size < Length) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    RtlCopyMemory(Data, Value, Length);
    return STATUS_SUCCESS;
}

/* A property that the system itself keeps. STATUS_NOT_FOUND: this key is none. */
static NTSTATUS GetOwn(PDEVICE_NODE Node, const DEVPROPKEY *Key, ULONG Size, PVOID Data, PULONG Required,
                       PDEVPROPTYPE Type)
{
    NTSTATUS Status;
    ULONG I;
    for (I = 0; I < COUNT_OF(Known); I++) {
        if (Same(Key, Known[I].Key)) {
            Status =
                IoGetDeviceProperty(Node->PhysicalDeviceObject, Known[I].Property, Data ? Size : 0, Data, Required);
            *Type = NT_SUCCESS(Status) || Status == STATUS_BUFFER_TOO_SMALL ? Known[I].Type : DEVPROP_TYPE_EMPTY;
            return Status;
        }
    }
    if (Same(Key, &DEVPKEY_Device_InstanceId)) {
        return Give(Node->InstancePath.Buffer, Node->InstancePath.Length + sizeof(WCHAR), DEVPROP_TYPE_STRING, Size,
                    Data, Required, Type);
    }
    if (Same(Key, &DEVPKEY_Device_Service) && Node->ServiceName.Length) {
        return Give(Node->ServiceName.Buffer, Node->ServiceName.Length + sizeof(WCHAR), DEVPROP_TYPE_STRING, Size, Data,
                    Required, Type);
    }
    if (Same(Key, &DEVPKEY_Device_Parent) && Node->Parent) {
        return Give(Node->Parent->InstancePath.Buffer, Node->Parent->InstancePath.Length + sizeof(WCHAR),
                    DEVPROP_TYPE_STRING, Size, Data, Required, Type);
    }
    if (Same(Key, &DEVPKEY_Device_ProblemCode)) {
        return Give(&Node->Problem, sizeof(ULONG), DEVPROP_TYPE_UINT32, Size, Data, Required, Type);
    }
    return STATUS_NOT_FOUND;
}

NTSTATUS NTAPI IoGetDevicePropertyData(PDEVICE_OBJECT Pdo, CONST DEVPROPKEY *PropertyKey, LCID Lcid, ULONG Flags,
                                       ULONG Size, PVOID Data, PULONG RequiredSize, PDEVPROPTYPE Type)
{
    PDEVICE_NODE Node = Pdo->Type == IO_TYPE_DEVICE ? PnpDevnodeOfPdo(Pdo) : NULL;
    NTSTATUS Status;
    if (!Node) {
        return STATUS_INVALID_DEVICE_REQUEST;
    }
    if (Flags) {
        return STATUS_INVALID_PARAMETER; /* "must be zero" */
    }
    *RequiredSize = 0;
    *Type = DEVPROP_TYPE_EMPTY;
    Status = GetOwn(Node, PropertyKey, Size, Data, RequiredSize, Type);
    return Status == STATUS_NOT_FOUND ? PnpGetProperty(&Node->InstancePath, (PNP_PROPERTY_KEY){PropertyKey, Lcid}, Size,
                                                       Data, RequiredSize, Type)
                                      : Status;
}

NTSTATUS NTAPI IoSetDevicePropertyData(PDEVICE_OBJECT Pdo, CONST DEVPROPKEY *PropertyKey, LCID Lcid, ULONG Flags,
                                       DEVPROPTYPE Type, ULONG Size, PVOID Data)
{
    PDEVICE_NODE Node = Pdo->Type == IO_TYPE_DEVICE ? PnpDevnodeOfPdo(Pdo) : NULL;
    ULONG Required;
    DEVPROPTYPE Have;
    if (!Node) {
        return STATUS_INVALID_DEVICE_REQUEST;
    }
    if (Flags & ~PLUGPLAY_PROPERTY_PERSISTENT) {
        return STATUS_INVALID_PARAMETER;
    }
    if (GetOwn(Node, PropertyKey, 0, NULL, &Required, &Have) != STATUS_NOT_FOUND ||
        Same(PropertyKey, &DEVPKEY_Device_ContainerId)) {
        return STATUS_ACCESS_DENIED; /* the system's own */
    }
    return PnpSetProperty(&Node->InstancePath, (PNP_PROPERTY_KEY){PropertyKey, Lcid}, Flags, Type, Size, Data);
}

NTSTATUS NTAPI IoSetDeviceInterfacePropertyData(PUNICODE_STRING SymbolicLinkName, CONST DEVPROPKEY *PropertyKey,
                                                LCID Lcid, ULONG Flags, DEVPROPTYPE Type, ULONG Size, PVOID Data)
{
    GUID Class;
    BOOLEAN Enabled;
    if (!IopFindInterface(SymbolicLinkName, &Class, &Enabled)) {
        return STATUS_OBJECT_NAME_NOT_FOUND;
    }
    if (Flags & ~PLUGPLAY_PROPERTY_PERSISTENT) {
        return STATUS_INVALID_PARAMETER;
    }
    if (Same(PropertyKey, &DEVPKEY_DeviceInterface_Enabled) || Same(PropertyKey, &DEVPKEY_DeviceInterface_ClassGuid)) {
        return STATUS_ACCESS_DENIED;
    }
    return PnpSetProperty(SymbolicLinkName, (PNP_PROPERTY_KEY){PropertyKey, Lcid}, Flags, Type, Size, Data);
}

NTSTATUS NTAPI IoGetDeviceInterfacePropertyData(PUNICODE_STRING SymbolicLinkName, CONST DEVPROPKEY *PropertyKey,
                                                LCID Lcid, ULONG Flags, ULONG Size, PVOID Data, PULONG RequiredSize,
                                                PDEVPROPTYPE Type)
{
    GUID Class;
    BOOLEAN Enabled;
    DEVPROP_BOOLEAN Truth;
    if (!IopFindInterface(SymbolicLinkName, &Class, &Enabled)) {
        return STATUS_OBJECT_NAME_NOT_FOUND;
    }
    if (Flags) {
        return STATUS_INVALID_PARAMETER;
    }
    if (Same(PropertyKey, &DEVPKEY_DeviceInterface_Enabled)) {
        Truth = Enabled ? DEVPROP_TRUE : DEVPROP_FALSE;
        return Give(&Truth, sizeof(Truth), DEVPROP_TYPE_BOOLEAN, Size, Data, RequiredSize, Type);
    }
    if (Same(PropertyKey, &DEVPKEY_DeviceInterface_ClassGuid)) {
        return Give(&Class, sizeof(Class), DEVPROP_TYPE_GUID, Size, Data, RequiredSize, Type);
    }
    return PnpGetProperty(SymbolicLinkName, (PNP_PROPERTY_KEY){PropertyKey, Lcid}, Size, Data, RequiredSize, Type);
}

static const PNP_PROPERTY_KEY Container = {&DEVPKEY_Device_ContainerId, 0};

BOOLEAN PnpGetContainer(PDEVICE_NODE Node, GUID *Id)
{
    ULONG Required;
    DEVPROPTYPE Type;
    return NT_SUCCESS(PnpGetProperty(&Node->InstancePath, Container, sizeof(*Id), Id, &Required, &Type));
}

/*
 * The bus's answer to BusQueryContainerID; without one a removable device begins a container of its own, and any other is part of its parent's. What is part of
 * the computer has {00000000-0000-0000-ffff-ffffffffffff}.
 * https://learn.microsoft.com/windows-hardware/drivers/install/how-container-ids-are-generated
 */
VOID PnpSetContainer(PDEVICE_NODE Node, PCWSTR Reported)
{
    GUID Id = {0, 0, 0, {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}};
    UNICODE_STRING Text;
    if (Reported) {
        RtlInitUnicodeString(&Text, Reported);
    }
    if (!Reported || !NT_SUCCESS(RtlGUIDFromString(&Text, &Id))) {
        if (Node->Capabilities.Removable) {
            ULONG I;
            ULONG64 Hash[2] = {14695981039346656037ULL, 1099511628211ULL};
            for (I = 0; I < Node->InstancePath.Length / sizeof(WCHAR); I++) {
                Hash[I & 1] = (Hash[I & 1] ^ Node->InstancePath.Buffer[I]) * 1099511628211ULL;
            }
            RtlCopyMemory(&Id, Hash, sizeof(Id));
            Id.Data3 = (Id.Data3 & 0x0FFF) | 0x5000; /* RFC 4122: made from a name */
            Id.Data4[0] = (Id.Data4[0] & 0x3F) | 0x80;
        } else if (Node->Parent) {
            PnpGetContainer(Node->Parent, &Id);
        }
    }
    PnpSetProperty(&Node->InstancePath, Container, 0, DEVPROP_TYPE_GUID, sizeof(Id), &Id);
}

VOID PnpForgetProperties(PDEVICE_NODE Node)
{
    GUID Id;
    BOOLEAN Had = PnpGetContainer(Node, &Id);
    PnpDropProperties(&Node->InstancePath, TRUE);
    if (Had) {
        PnpSetProperty(&Node->InstancePath, Container, 0, DEVPROP_TYPE_GUID, sizeof(Id), &Id);
    }
}
