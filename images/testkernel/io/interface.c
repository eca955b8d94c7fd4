/* SPDX-License-Identifier: MIT */
/*
 * Device interfaces: a class GUID, a symbolic link to the PDO, enabled or not.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/introduction-to-device-interfaces
 */
#include "pnp/internal.h"
#include "cm/registry.h"
#include "kd/log.h"
#include <wdmguid.h>

typedef struct _DEVICE_INTERFACE {
    LIST_ENTRY Link;
    GUID Class;
    PDEVICE_OBJECT Pdo; /* NULL once the device is gone; the registration outlives it, as in Windows' registry */
    WCHAR Name[260];    /* \??\ROOT#BORROWER#0000#{guid}, with \reference if there is one */
    WCHAR Reference[64];
    BOOLEAN Enabled;
} DEVICE_INTERFACE, *PDEVICE_INTERFACE;

static LIST_ENTRY Interfaces;
static KMUTEX Mutex;

VOID IopInitInterfaces(VOID)
{
    InitializeListHead(&Interfaces);
    KeInitializeMutex(&Mutex, 0);
}

static VOID Lock(VOID)
{
    KeWaitForSingleObject(&Mutex, Executive, KernelMode, FALSE, NULL);
}

static VOID Unlocked(VOID)
{
    KeReleaseMutex(&Mutex, FALSE);
}

PWCHAR IopGuidText(const GUID *Guid, PWCHAR Text)
{
    static const WCHAR Digits[] = L"0123456789abcdef";
    const UCHAR *Bytes = (const UCHAR *)Guid;
    static const SCHAR Order[] = {3, 2, 1, 0, -1, 5, 4, -1, 7, 6, -1, 8, 9, -1, 10, 11, 12, 13, 14, 15};
    ULONG At = 0, I;
    Text[At++] = L'{';
    for (I = 0; I < COUNT_OF(Order); I++) {
        if (Order[I] < 0) {
            Text[At++] = L'-';
        } else {
            Text[At++] = Digits[Bytes[Order[I]] >> 4];
            Text[At++] = Digits[Bytes[Order[I]] & 15];
        }
    }
    Text[At++] = L'}';
    Text[At] = 0;
    return Text;
}

static VOID MakeName(PDEVICE_INTERFACE Interface, PCUNICODE_STRING InstancePath, PCUNICODE_STRING Reference)
{
    WCHAR Guid[39];
    ULONG At, I;
    RtlCopyMemory(Interface->Name, L"\\??\\", 4 * sizeof(WCHAR));
    At = 4;
    for (I = 0; I < InstancePath->Length / sizeof(WCHAR) && At < 150; I++) {
        Interface->Name[At++] = InstancePath->Buffer[I] == L'\\' ? L'#' : InstancePath->Buffer[I];
    }
    Interface->Name[At++] = L'#';
    IopGuidText(&Interface->Class, Guid);
    for (I = 0; Guid[I]; I++) {
        Interface->Name[At++] = Guid[I];
    }
    if (Reference && Reference->Length) {
        Interface->Name[At++] = L'\\';
        for (I = 0; I < Reference->Length / sizeof(WCHAR) && I + 1 < COUNT_OF(Interface->Reference); I++) {
            Interface->Name[At++] = Reference->Buffer[I];
            Interface->Reference[I] = Reference->Buffer[I];
        }
    }
    Interface->Name[At] = 0;
}

static PDEVICE_INTERFACE FindByName(PCUNICODE_STRING Name)
{
    PLIST_ENTRY Entry;
    for (Entry = Interfaces.Flink; Entry != &Interfaces; Entry = Entry->Flink) {
        PDEVICE_INTERFACE Interface = CONTAINING_RECORD(Entry, DEVICE_INTERFACE, Link);
        UNICODE_STRING Have;
        RtlInitUnicodeString(&Have, Interface->Name);
        if (ObpEqualNames(&Have, Name)) {
            return Interface;
        }
    }
    return NULL;
}

BOOLEAN IopFindInterface(PCUNICODE_STRING Link, GUID *Class, PBOOLEAN Enabled)
{
    PDEVICE_INTERFACE Interface;
    Lock();
    Interface = FindByName(Link);
    if (Interface) {
        *Class = Interface->Class;
        *Enabled = Interface->Enabled;
    }
    Unlocked();
    return Interface != NULL;
}

static NTSTATUS ReturnName(PDEVICE_INTERFACE Interface, PUNICODE_STRING SymbolicLinkName)
{
    PWSTR Copy = PnpCopyString(Interface->Name);
    if (!Copy) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    RtlInitUnicodeString(SymbolicLinkName, Copy);
    return STATUS_SUCCESS;
}

/* The caller frees SymbolicLinkName with RtlFreeUnicodeString. Registering again gives the same name. */
NTSTATUS NTAPI IoRegisterDeviceInterface(PDEVICE_OBJECT PhysicalDeviceObject, const GUID *InterfaceClassGuid,
                                         PUNICODE_STRING ReferenceString, PUNICODE_STRING SymbolicLinkName)
{
    PDEVICE_NODE Node;
    PDEVICE_INTERFACE Interface, Existing;
    UNICODE_STRING Name;
    NTSTATUS Status;
    IoRequireIrql("IoRegisterDeviceInterface", PASSIVE_LEVEL, _ReturnAddress());
    Node = PhysicalDeviceObject->Type == IO_TYPE_DEVICE ? PnpDevnodeOfPdo(PhysicalDeviceObject) : NULL;
    if (!Node) {
        return STATUS_INVALID_DEVICE_REQUEST; /* not a PDO: "the caller passed a non-PDO" */
    }
    Interface = ExAllocatePoolWithTag(PagedPool, sizeof(*Interface), IO_TAG);
    if (!Interface) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    RtlZeroMemory(Interface, sizeof(*Interface));
    Interface->Class = *InterfaceClassGuid;
    MakeName(Interface, &Node->InstancePath, ReferenceString);
    RtlInitUnicodeString(&Name, Interface->Name);
    Lock();
    Existing = FindByName(&Name);
    if (Existing) {
        ExFreePoolWithTag(Interface, IO_TAG);
        Interface = Existing;
    } else {
        InsertTailList(&Interfaces, &Interface->Link);
    }
    Interface->Pdo = PhysicalDeviceObject;
    Status = ReturnName(Interface, SymbolicLinkName);
    Unlocked();
    return Status;
}

/* Interfaces that differ only in their reference string share one symbolic link: is it there because of another one? */
static BOOLEAN LinkIsShared(PDEVICE_INTERFACE Interface)
{
    PLIST_ENTRY Entry;
    for (Entry = Interfaces.Flink; Entry != &Interfaces; Entry = Entry->Flink) {
        PDEVICE_INTERFACE Other = CONTAINING_RECORD(Entry, DEVICE_INTERFACE, Link);
        if (Other != Interface && Other->Enabled && Other->Pdo == Interface->Pdo &&
            IsEqualGUID(&Other->Class, &Interface->Class)) {
            return TRUE;
        }
    }
    return FALSE;
}

/* The symbolic link leads to the PDO's name and the reference string, so opening it opens the stack. */
static NTSTATUS MakeLink(PDEVICE_INTERFACE Interface)
{
    WCHAR Target[160];
    UNICODE_STRING Name, TargetName;
    PWCHAR Slash;
    if (LinkIsShared(Interface)) {
        return STATUS_SUCCESS;
    }
    ObpPathOf(Interface->Pdo, Target, 80);
    if (!Target[0]) {
        return STATUS_INVALID_DEVICE_REQUEST; /* the PDO has no name */
    }
    RtlInitUnicodeString(&Name, Interface->Name);
    if (Interface->Reference[0]) {
        /* \??\...#{guid}\reference: the link is the part in front, and what follows is passed on as the file's name. */
        Slash = wcschr(Interface->Name + 4, L'\\');
        Name.Length = (USHORT)((Slash - Interface->Name) * sizeof(WCHAR));
    }
    RtlInitUnicodeString(&TargetName, Target);
    return ObpCreateSymbolicLink(&Name, &TargetName);
}

static VOID RemoveLink(PDEVICE_INTERFACE Interface)
{
    UNICODE_STRING Name;
    PWCHAR Slash = wcschr(Interface->Name + 4, L'\\');
    if (LinkIsShared(Interface)) {
        return;
    }
    RtlInitUnicodeString(&Name, Interface->Name);
    if (Slash) {
        Name.Length = (USHORT)((Slash - Interface->Name) * sizeof(WCHAR));
    }
    ObpDeleteSymbolicLink(&Name);
}

static VOID QueueChange(PDEVICE_INTERFACE Interface, BOOLEAN Arrival)
{
    PPNP_EVENT Event = PnpNewEvent(PnpEventInterface, NULL);
    WCHAR Guid[39];
    KdTrace("interface-%s class=%ws link=%ws", Arrival ? "enabled" : "disabled", IopGuidText(&Interface->Class, Guid),
            Interface->Name);
    if (Event) {
        Event->InterfaceEvent = Arrival ? GUID_DEVICE_INTERFACE_ARRIVAL : GUID_DEVICE_INTERFACE_REMOVAL;
        Event->Guid = Interface->Class;
        RtlCopyMemory(Event->Name, Interface->Name, sizeof(Event->Name));
        PnpQueueEvent(Event);
    }
}

NTSTATUS NTAPI IoSetDeviceInterfaceState(PUNICODE_STRING SymbolicLinkName, BOOLEAN Enable)
{
    PDEVICE_INTERFACE Interface;
    NTSTATUS Status = STATUS_SUCCESS;
    IoRequireIrql("IoSetDeviceInterfaceState", PASSIVE_LEVEL, _ReturnAddress());
    Lock();
    Interface = FindByName(SymbolicLinkName);
    if (!Interface || (Enable && !Interface->Pdo)) {
        Status = STATUS_OBJECT_NAME_NOT_FOUND;
    } else if (Enable && Interface->Enabled) {
        Status = STATUS_OBJECT_NAME_EXISTS; /* a success code: it was enabled already */
    } else if (!Enable && !Interface->Enabled) {
        Status = STATUS_OBJECT_NAME_NOT_FOUND;
    } else if (Enable) {
        Status = MakeLink(Interface);
        if (NT_SUCCESS(Status)) {
            Interface->Enabled = TRUE;
            QueueChange(Interface, TRUE);
        }
    } else {
        RemoveLink(Interface);
        Interface->Enabled = FALSE;
        QueueChange(Interface, FALSE);
    }
    Unlocked();
    return Status;
}

ULONG IopDisableInterfaces(PDEVICE_NODE Node, PWCHAR Name, ULONG Characters)
{
    PLIST_ENTRY Entry;
    ULONG Count = 0;
    Lock();
    for (Entry = Interfaces.Flink; Entry != &Interfaces; Entry = Entry->Flink) {
        PDEVICE_INTERFACE Interface = CONTAINING_RECORD(Entry, DEVICE_INTERFACE, Link);
        if (Interface->Pdo != Node->PhysicalDeviceObject) {
            continue;
        }
        if (Interface->Enabled) {
            if (Count++ == 0) {
                ULONG I;
                for (I = 0; Interface->Name[I] && I + 1 < Characters; I++) {
                    Name[I] = Interface->Name[I];
                }
                Name[I] = 0;
            }
            RemoveLink(Interface);
            Interface->Enabled = FALSE;
            QueueChange(Interface, FALSE);
        }
        Interface->Pdo = NULL;
    }
    Unlocked();
    return Count;
}

VOID IopVisitInterfaces(const GUID *Class, PDEVICE_NODE Node, INTERFACE_VISITOR Visit, PVOID Context)
{
    ULONG Index = 0;
    for (;;) {
        PLIST_ENTRY Entry;
        ULONG I = 0;
        WCHAR Name[260];
        GUID Guid;
        PDEVICE_NODE Owner = NULL;
        UNICODE_STRING Link;
        BOOLEAN Found = FALSE;
        Lock();
        for (Entry = Interfaces.Flink; Entry != &Interfaces; Entry = Entry->Flink, I++) {
            PDEVICE_INTERFACE Interface = CONTAINING_RECORD(Entry, DEVICE_INTERFACE, Link);
            if (I < Index || !Interface->Enabled || (Class && !IsEqualGUID(Class, &Interface->Class)) ||
                (Node && Interface->Pdo != Node->PhysicalDeviceObject)) {
                continue;
            }
            RtlCopyMemory(Name, Interface->Name, sizeof(Name));
            Guid = Interface->Class;
            Owner = PnpDevnodeOfPdo(Interface->Pdo);
            Found = TRUE;
            Index = I + 1;
            break;
        }
        Unlocked();
        if (!Found) {
            return;
        }
        RtlInitUnicodeString(&Link, Name);
        Visit(&Guid, &Link, Owner, Context); /* without a lock: it may be a driver's callback */
    }
}

typedef struct _LIST {
    PWCHAR Text;
    ULONG Used, Size; /* characters */
} LIST;

static VOID AppendLink(const GUID *Class, PUNICODE_STRING Link, PDEVICE_NODE Node, PVOID Context)
{
    LIST *List = Context;
    ULONG Characters = Link->Length / sizeof(WCHAR) + 1;
    if (List->Used + Characters + 1 <= List->Size) {
        RtlCopyMemory(List->Text + List->Used, Link->Buffer, Characters * sizeof(WCHAR));
        List->Used += Characters;
        List->Text[List->Used] = 0;
    }
}

NTSTATUS NTAPI IoGetDeviceInterfaces(const GUID *InterfaceClassGuid, PDEVICE_OBJECT PhysicalDeviceObject, ULONG Flags,
                                     PWSTR *SymbolicLinkList)
{
    LIST List = {NULL, 0, 4096};
    PDEVICE_NODE Node = PhysicalDeviceObject ? PnpDevnodeOfPdo(PhysicalDeviceObject) : NULL;
    IoRequireIrql("IoGetDeviceInterfaces", PASSIVE_LEVEL, _ReturnAddress());
    *SymbolicLinkList = NULL;
    if (PhysicalDeviceObject && !Node) {
        return STATUS_INVALID_DEVICE_REQUEST;
    }
    List.Text = ExAllocatePoolWithTag(PagedPool, List.Size * sizeof(WCHAR), IO_TAG);
    if (!List.Text) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    List.Text[0] = List.Text[1] = 0;
    IopVisitInterfaces(InterfaceClassGuid, Node, AppendLink, &List);
    *SymbolicLinkList = List.Text;
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI IoGetDeviceInterfaceAlias(PUNICODE_STRING SymbolicLinkName, const GUID *AliasInterfaceClassGuid,
                                         PUNICODE_STRING AliasSymbolicLinkName)
{
    PDEVICE_INTERFACE Interface;
    PLIST_ENTRY Entry;
    NTSTATUS Status = STATUS_OBJECT_NAME_NOT_FOUND;
    Lock();
    Interface = FindByName(SymbolicLinkName);
    for (Entry = Interfaces.Flink; Interface && Entry != &Interfaces; Entry = Entry->Flink) {
        PDEVICE_INTERFACE Other = CONTAINING_RECORD(Entry, DEVICE_INTERFACE, Link);
        if (Other->Pdo == Interface->Pdo && IsEqualGUID(&Other->Class, AliasInterfaceClassGuid) &&
            !wcscmp(Other->Reference, Interface->Reference)) {
            Status = ReturnName(Other, AliasSymbolicLinkName);
            break;
        }
    }
    Unlocked();
    return Status;
}

NTSTATUS NTAPI IoOpenDeviceInterfaceRegistryKey(PUNICODE_STRING SymbolicLinkName, ACCESS_MASK DesiredAccess,
                                                PHANDLE DeviceInterfaceKey)
{
    PDEVICE_INTERFACE Interface;
    PCM_KEY Key;
    WCHAR Name[260];
    ULONG I;
    NTSTATUS Status;
    Lock();
    Interface = FindByName(SymbolicLinkName);
    if (Interface) {
        for (I = 0; Interface->Name[4 + I]; I++) {
            Name[I] = Interface->Name[4 + I] == L'\\' ? L'#' : Interface->Name[4 + I];
        }
        Name[I] = 0;
    }
    Unlocked();
    if (!Interface) {
        return STATUS_OBJECT_NAME_NOT_FOUND;
    }
    CmLock();
    Key = CmSubkey(CmSubkey(CmSubkey(NULL, CM_DEVCLASS, TRUE), Name, TRUE), L"Device Parameters", TRUE);
    Status = Key ? CmOpenHandle(Key, DesiredAccess, DeviceInterfaceKey) : STATUS_INSUFFICIENT_RESOURCES;
    CmUnlock();
    return Status;
}
