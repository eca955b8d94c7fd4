/* SPDX-License-Identifier: MIT */
/*
 * What the PnP manager asks a new PDO before any driver is loaded for it.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/device-identification-strings
 */
#include "pnp/internal.h"
#include "cm/registry.h"
#include "pnp/property.h"
#include "rtl/format.h"

/* Bug check 0xCA PNP_DETECTED_FATAL_ERROR, parameter 1. */
#define PNP_DUPLICATE_PDO 1
#define PNP_INVALID_ID    3

static BOOLEAN ValidId(PCWSTR Id)
{
    for (; *Id; Id++) {
        if (*Id <= 0x20 || *Id > 0x7F || *Id == L',') {
            return FALSE;
        }
    }
    return TRUE;
}

/*
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/irp-mn-query-id: "If a driver returns an ID with an illegal character, the system will bug
 * check"; IDs are shorter than MAX_DEVICE_ID_LEN. Kind: parameter 4 of the bug check.
 */
#define MAX_DEVICE_ID_LEN 200
typedef enum { DeviceIdKind = 1, InstanceIdKind, HardwareIdKind, CompatibleIdKind } ID_KIND;

static VOID CheckId(PDEVICE_NODE Node, PCWSTR Id, ID_KIND Kind)
{
    static const PCSTR Names[] = {"", "device ID", "instance ID", "hardware ID", "compatible ID"};
    BOOLEAN Multi = Kind >= HardwareIdKind;
    do {
        if (Id && (!ValidId(Id) || wcslen(Id) >= MAX_DEVICE_ID_LEN)) {
            IoStop(PNP_DETECTED_FATAL_ERROR, PNP_INVALID_ID, (ULONG_PTR)Node->PhysicalDeviceObject, (ULONG_PTR)Id, Kind,
                   (PVOID)Node->PhysicalDeviceObject->DriverObject->MajorFunction[IRP_MJ_PNP],
                   "the bus driver returned the %s \"%ws\": fewer than 200 characters of 0x21..0x7F without comma are "
                   "allowed",
                   Names[Kind], Id);
        }
        Id = Id && Multi ? Id + wcslen(Id) + 1 : NULL;
    } while (Id && *Id);
}

static ULONG Hash(PCUNICODE_STRING Text)
{
    ULONG Value = 2166136261u;
    USHORT I;
    for (I = 0; I < Text->Length / sizeof(WCHAR); I++) {
        Value = (Value ^ Text->Buffer[I]) * 16777619u;
    }
    return Value;
}

typedef struct _PATH_SEARCH {
    PDEVICE_NODE Self;
    PDEVICE_NODE Found;
} PATH_SEARCH;

static BOOLEAN SamePath(PDEVICE_NODE Node, PVOID Context)
{
    PATH_SEARCH *Search = Context;
    if (Node != Search->Self && ObpEqualNames(&Node->InstancePath, &Search->Self->InstancePath)) {
        Search->Found = Node;
        return FALSE;
    }
    return TRUE;
}

/*
 * The instance path is the device ID and the instance ID; an instance ID that is unique only on its bus is preceded by one of the parent
 * (https://learn.microsoft.com/windows-hardware/drivers/install/instance-ids).
 */
static NTSTATUS MakeInstancePath(PDEVICE_NODE Node, PCWSTR DeviceId, PCWSTR InstanceId)
{
    CHAR Text[220];
    WCHAR Wide[220];
    PATH_SEARCH Search = {Node, NULL};
    SIZE_T Length = wcslen(DeviceId) + (InstanceId ? wcslen(InstanceId) : 0);
    if (Length >= MAX_DEVICE_ID_LEN - (Node->Capabilities.UniqueID ? 1u : 28u)) {
        IoStop(PNP_DETECTED_FATAL_ERROR, PNP_INVALID_ID, (ULONG_PTR)Node->PhysicalDeviceObject, (ULONG_PTR)DeviceId,
               DeviceIdKind, (PVOID)Node->PhysicalDeviceObject->DriverObject->MajorFunction[IRP_MJ_PNP],
               "the device ID and the instance ID that the bus driver returned have %u characters together: fewer than "
               "%u are allowed",
               (ULONG)Length, MAX_DEVICE_ID_LEN - (Node->Capabilities.UniqueID ? 1u : 28u));
    }
    if (Node->Capabilities.UniqueID && InstanceId) {
        RtlFormat(Text, sizeof(Text), "%ws\\%ws", DeviceId, InstanceId);
    } else {
        RtlFormat(Text, sizeof(Text), "%ws\\%u&%x&0%s%ws", DeviceId, Node->Level + 1, Hash(&Node->Parent->InstancePath),
                  InstanceId ? "&" : "", InstanceId ? InstanceId : L"");
    }
    for (ULONG I = 0; I == 0 || Text[I - 1]; I++) {
        Wide[I] = (UCHAR)Text[I];
    }
    if (!NT_SUCCESS(PnpSetUnicode(&Node->InstancePath, Wide))) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    PnpWalkParentsFirst(PnpRootDevnode(), SamePath, &Search);
    if (Search.Found && (Search.Found->Parent != Node->Parent || (Search.Found->Flags & DNF_MISSING))) {
        /* The same device at a new place, or again at the old one, before its removal has been dealt with: it waits for that. */
        return STATUS_OBJECT_NAME_COLLISION;
    }
    if (Search.Found) {
        IoStop(PNP_DETECTED_FATAL_ERROR, PNP_DUPLICATE_PDO, (ULONG_PTR)Search.Found->PhysicalDeviceObject,
               (ULONG_PTR)Node->PhysicalDeviceObject, 0,
               (PVOID)Node->PhysicalDeviceObject->DriverObject->MajorFunction[IRP_MJ_PNP],
               "two devices have the instance path %wZ: the bus driver must report unique instance IDs on its bus",
               &Node->InstancePath);
    }
    return STATUS_SUCCESS;
}

static ULONG MultiSize(PCWSTR Text)
{
    ULONG Count = 0;
    while (Text[Count]) {
        Count += (ULONG)wcslen(Text + Count) + 1;
    }
    return (Count + 1) * sizeof(WCHAR);
}

/* The Enum key: what user mode sees of the device. */
VOID PnpWriteEnumKey(PDEVICE_NODE Node)
{
    PCM_KEY Key;
    UNICODE_STRING Name;
    CmLock();
    Key = CmKey(CmSubkey(NULL, CM_ENUM, TRUE), &Node->InstancePath, TRUE);
    if (Key) {
        if (Node->HardwareIds) {
            RtlInitUnicodeString(&Name, L"HardwareID");
            CmSetValue(Key, &Name, REG_MULTI_SZ, Node->HardwareIds, MultiSize(Node->HardwareIds));
        }
        if (Node->CompatibleIds) {
            RtlInitUnicodeString(&Name, L"CompatibleIDs");
            CmSetValue(Key, &Name, REG_MULTI_SZ, Node->CompatibleIds, MultiSize(Node->CompatibleIds));
        }
        RtlInitUnicodeString(&Name, L"DeviceDesc");
        if (Node->Description && !CmValue(Key, &Name)) {
            CmSetString(Key, L"DeviceDesc", Node->Description); /* an installed device has its INF's */
        }
    }
    CmUnlock();
}

NTSTATUS PnpIdentify(PDEVICE_NODE Node)
{
    PWSTR DeviceId = NULL, InstanceId = NULL, ContainerId = NULL;
    IO_STACK_LOCATION Stack;
    ULONG_PTR Information = 0;
    NTSTATUS Status = PnpQueryId(Node, BusQueryDeviceID, &DeviceId);
    if (!NT_SUCCESS(Status) || !DeviceId) {
        IoStop(PNP_DETECTED_FATAL_ERROR, PNP_INVALID_ID, (ULONG_PTR)Node->PhysicalDeviceObject, 0, 1,
               (PVOID)Node->PhysicalDeviceObject->DriverObject->MajorFunction[IRP_MJ_PNP],
               "the bus driver did not answer IRP_MN_QUERY_ID for BusQueryDeviceID of its PDO (0x%08x): that ID is "
               "required",
               Status);
    }
    CheckId(Node, DeviceId, DeviceIdKind);
    PnpQueryCapabilities(Node);
    PnpQueryId(Node, BusQueryInstanceID, &InstanceId);
    CheckId(Node, InstanceId, InstanceIdKind);
    Status = MakeInstancePath(Node, DeviceId, InstanceId);
    ExFreePool(DeviceId);
    if (InstanceId) {
        ExFreePool(InstanceId);
    }
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    PnpQueryId(Node, BusQueryHardwareIDs, &Node->HardwareIds);
    CheckId(Node, Node->HardwareIds, HardwareIdKind);
    PnpQueryId(Node, BusQueryCompatibleIDs, &Node->CompatibleIds);
    CheckId(Node, Node->CompatibleIds, CompatibleIdKind);
    PnpQueryText(Node, DeviceTextDescription, &Node->Description);
    PnpQueryText(Node, DeviceTextLocationInformation, &Node->LocationInformation);

    RtlZeroMemory(&Stack, sizeof(Stack));
    Stack.MinorFunction = IRP_MN_QUERY_BUS_INFORMATION;
    if (NT_SUCCESS(PnpSendIrp(Node->PhysicalDeviceObject, &Stack, &Information)) && Information) {
        Node->BusInformation = *(PPNP_BUS_INFORMATION)Information;
        Node->HasBusInformation = TRUE;
        ExFreePool((PVOID)Information);
    }
    Information = 0;
    RtlZeroMemory(&Stack, sizeof(Stack));
    Stack.MinorFunction = IRP_MN_QUERY_RESOURCES;
    if (NT_SUCCESS(PnpSendIrp(Node->PhysicalDeviceObject, &Stack, &Information))) {
        Node->BootResources = (PCM_RESOURCE_LIST)Information;
    }
    Information = 0;
    RtlZeroMemory(&Stack, sizeof(Stack));
    Stack.MinorFunction = IRP_MN_QUERY_RESOURCE_REQUIREMENTS;
    if (NT_SUCCESS(PnpSendIrp(Node->PhysicalDeviceObject, &Stack, &Information))) {
        Node->Requirements = (PIO_RESOURCE_REQUIREMENTS_LIST)Information;
    }
    PnpWriteEnumKey(Node);
    PnpQueryId(Node, BusQueryContainerID, &ContainerId);
    PnpSetContainer(Node, ContainerId);
    if (ContainerId) {
        ExFreePool(ContainerId);
    }
    /* "Fully enumerated": from here on the bus driver may set properties (page on IRP_MN_DEVICE_ENUMERATED). */
    PnpSendMinor(Node, IRP_MN_DEVICE_ENUMERATED);
    PnpSetState(Node, DeviceNodeInitialized);
    return STATUS_SUCCESS;
}
