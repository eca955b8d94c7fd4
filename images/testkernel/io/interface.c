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
    /* \??\ROOT#BORROWER#0000#{guid}, with \reference if there is one; allocated with the structure, ends with a null */
    UNICODE_STRING Name;
    BOOLEAN HasReference;
    BOOLEAN Enabled;
    BOOLEAN Held; /* enabled while its device starts: nobody is told, and nobody finds it, before the start is done */
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

/* Characters of the name of an interface: \??\, instance path, #, GUID, and \reference. */
#define NAME_LENGTH(InstancePath, Reference)                                                                           \
    (4 + (InstancePath)->Length / sizeof(WCHAR) + 1 + 38 +                                                             \
     ((Reference) && (Reference)->Length ? 1 + (Reference)->Length / sizeof(WCHAR) : 0))

static PDEVICE_INTERFACE NewInterface(PDEVICE_NODE Node, const GUID *Class, PCUNICODE_STRING Reference)
{
    ULONG Length = (ULONG)NAME_LENGTH(&Node->InstancePath, Reference), I;
    PDEVICE_INTERFACE Interface =
        ExAllocatePoolWithTag(PagedPool, sizeof(*Interface) + (Length + 1) * sizeof(WCHAR), IO_TAG);
    PWCHAR At;
    if (!Interface) {
        return NULL;
    }
    RtlZeroMemory(Interface, sizeof(*Interface) + (Length + 1) * sizeof(WCHAR));
    Interface->Class = *Class;
    Interface->Name.Buffer = At = (PWCHAR)(Interface + 1);
    Interface->Name.Length = (USHORT)(Length * sizeof(WCHAR));
    Interface->Name.MaximumLength = Interface->Name.Length + sizeof(WCHAR);
    RtlCopyMemory(At, L"\\??\\", 4 * sizeof(WCHAR));
    At += 4;
    for (I = 0; I < Node->InstancePath.Length / sizeof(WCHAR); I++) {
        *At++ = Node->InstancePath.Buffer[I] == L'\\' ? L'#' : Node->InstancePath.Buffer[I];
    }
    *At++ = L'#';
    IopGuidText(Class, At);
    At += 38;
    if (Reference && Reference->Length) {
        Interface->HasReference = TRUE;
        *At++ = L'\\';
        RtlCopyMemory(At, Reference->Buffer, Reference->Length);
    }
    return Interface;
}

/* The symbolic link's name: without \reference, which is passed on as the file's name. */
static UNICODE_STRING LinkName(PDEVICE_INTERFACE Interface)
{
    UNICODE_STRING Name = Interface->Name;
    if (Interface->HasReference) {
        Name.Length = (USHORT)((wcschr(Name.Buffer + 4, L'\\') - Name.Buffer) * sizeof(WCHAR));
    }
    return Name;
}

static PDEVICE_INTERFACE FindByName(PCUNICODE_STRING Name)
{
    PLIST_ENTRY Entry;
    for (Entry = Interfaces.Flink; Entry != &Interfaces; Entry = Entry->Flink) {
        PDEVICE_INTERFACE Interface = CONTAINING_RECORD(Entry, DEVICE_INTERFACE, Link);
        if (ObpEqualNames(&Interface->Name, Name)) {
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
    PWSTR Copy = PnpCopyString(Interface->Name.Buffer);
    if (!Copy) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    RtlInitUnicodeString(SymbolicLinkName, Copy);
    return STATUS_SUCCESS;
}

/* "The string must not contain any path separator characters." */
static BOOLEAN HasSeparator(PCUNICODE_STRING Reference)
{
    ULONG I;
    for (I = 0; Reference && I < Reference->Length / sizeof(WCHAR); I++) {
        if (Reference->Buffer[I] == L'\\' || Reference->Buffer[I] == L'/') {
            return TRUE;
        }
    }
    return FALSE;
}

/*
 * PASSIVE_LEVEL. The caller frees SymbolicLinkName with RtlFreeUnicodeString. Registering again gives the same name and STATUS_OBJECT_NAME_EXISTS, a success.
 * STATUS_INVALID_DEVICE_REQUEST: no PDO, or a bad reference string.
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioregisterdeviceinterface
 */
NTSTATUS NTAPI IoRegisterDeviceInterface(PDEVICE_OBJECT PhysicalDeviceObject, const GUID *InterfaceClassGuid,
                                         PUNICODE_STRING ReferenceString, PUNICODE_STRING SymbolicLinkName)
{
    PDEVICE_NODE Node;
    PDEVICE_INTERFACE Interface, Existing;
    NTSTATUS Status;
    Node = PhysicalDeviceObject->Type == IO_TYPE_DEVICE ? PnpDevnodeOfPdo(PhysicalDeviceObject) : NULL;
    if (!Node || HasSeparator(ReferenceString)) {
        return STATUS_INVALID_DEVICE_REQUEST;
    }
    Interface = NewInterface(Node, InterfaceClassGuid, ReferenceString);
    if (!Interface) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Lock();
    Existing = FindByName(&Interface->Name);
    if (Existing) {
        ExFreePoolWithTag(Interface, IO_TAG);
        Interface = Existing;
    } else {
        InsertTailList(&Interfaces, &Interface->Link);
    }
    Interface->Pdo = PhysicalDeviceObject;
    Status = ReturnName(Interface, SymbolicLinkName);
    Unlocked();
    return NT_SUCCESS(Status) && Existing ? STATUS_OBJECT_NAME_EXISTS : Status;
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
    UNICODE_STRING Name = LinkName(Interface), TargetName;
    if (LinkIsShared(Interface)) {
        return STATUS_SUCCESS;
    }
    ObpPathOf(Interface->Pdo, Target, 80);
    if (!Target[0]) {
        return STATUS_INVALID_DEVICE_REQUEST; /* the PDO has no name */
    }
    RtlInitUnicodeString(&TargetName, Target);
    return ObpCreateSymbolicLink(&Name, &TargetName);
}

static VOID RemoveLink(PDEVICE_INTERFACE Interface)
{
    UNICODE_STRING Name = LinkName(Interface);
    if (!LinkIsShared(Interface)) {
        ObpDeleteSymbolicLink(&Name);
    }
}

static VOID QueueChange(PDEVICE_INTERFACE Interface, BOOLEAN Arrival)
{
    PPNP_EVENT Event = PnpNewEvent(PnpEventInterface, NULL);
    WCHAR Guid[39];
    KdTrace("interface-%s class=%ws link=%ws", Arrival ? "enabled" : "disabled", IopGuidText(&Interface->Class, Guid),
            Interface->Name.Buffer);
    if (Event && PnpSetEventName(Event, &Interface->Name)) {
        Event->InterfaceEvent = Arrival ? GUID_DEVICE_INTERFACE_ARRIVAL : GUID_DEVICE_INTERFACE_REMOVAL;
        Event->Guid = Interface->Class;
        PnpQueueEvent(Event);
    } else if (Event) {
        PnpFreeEvent(Event);
    }
}

/* "The PnP manager does not send notification of interface instance arrivals until the IRP_MN_START_DEVICE IRP completes": page on IoSetDeviceInterfaceState. */
static VOID Expose(PDEVICE_INTERFACE Interface)
{
    Interface->Enabled = TRUE;
    Interface->Held = (IoExtra(Interface->Pdo)->ExtensionFlags & DOE_START_PENDING) != 0;
    if (!Interface->Held) {
        QueueChange(Interface, TRUE);
    }
}

static VOID Hide(PDEVICE_INTERFACE Interface)
{
    RemoveLink(Interface);
    Interface->Enabled = FALSE;
    if (!Interface->Held) {
        QueueChange(Interface, FALSE);
    }
    Interface->Held = FALSE;
}

VOID IopExposeHeldInterfaces(PDEVICE_NODE Node)
{
    PLIST_ENTRY Entry;
    Lock();
    for (Entry = Interfaces.Flink; Entry != &Interfaces; Entry = Entry->Flink) {
        PDEVICE_INTERFACE Interface = CONTAINING_RECORD(Entry, DEVICE_INTERFACE, Link);
        if (Interface->Held && Interface->Pdo == Node->PhysicalDeviceObject) {
            Interface->Held = FALSE;
            QueueChange(Interface, TRUE);
        }
    }
    Unlocked();
}

NTSTATUS NTAPI IoSetDeviceInterfaceState(PUNICODE_STRING SymbolicLinkName, BOOLEAN Enable)
{
    PDEVICE_INTERFACE Interface;
    NTSTATUS Status = STATUS_SUCCESS;
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
            Expose(Interface);
        }
    } else {
        Hide(Interface);
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
                for (I = 0; Interface->Name.Buffer[I] && I + 1 < Characters; I++) {
                    Name[I] = Interface->Name.Buffer[I];
                }
                Name[I] = 0;
            }
            Hide(Interface);
        }
        Interface->Pdo = NULL;
    }
    Unlocked();
    return Count;
}

VOID IopVisitInterfaces(const GUID *Class, PDEVICE_NODE Node, BOOLEAN Disabled, INTERFACE_VISITOR Visit, PVOID Context)
{
    ULONG Index = 0;
    for (;;) {
        PLIST_ENTRY Entry;
        ULONG I = 0;
        PWSTR Name = NULL;
        GUID Guid;
        PDEVICE_NODE Owner = NULL;
        UNICODE_STRING Link;
        Lock();
        for (Entry = Interfaces.Flink; Entry != &Interfaces && !Name; Entry = Entry->Flink, I++) {
            PDEVICE_INTERFACE Interface = CONTAINING_RECORD(Entry, DEVICE_INTERFACE, Link);
            if (I < Index || (!Disabled && (!Interface->Enabled || Interface->Held)) ||
                (Class && !IsEqualGUID(Class, &Interface->Class)) ||
                (Node && Interface->Pdo != Node->PhysicalDeviceObject)) {
                continue;
            }
            Name = PnpCopyString(Interface->Name.Buffer);
            Guid = Interface->Class;
            Owner = Interface->Pdo ? PnpDevnodeOfPdo(Interface->Pdo) : NULL;
            Index = I + 1;
        }
        Unlocked();
        if (!Name) {
            return;
        }
        RtlInitUnicodeString(&Link, Name);
        Visit(&Guid, &Link, Owner, Context); /* without a lock: it may be a driver's callback */
        ExFreePool(Name);
    }
}

typedef struct _LIST {
    PWCHAR Text;      /* NULL: only measured */
    ULONG Used, Size; /* characters */
} LIST;

static VOID AppendLink(const GUID *Class, PUNICODE_STRING Link, PDEVICE_NODE Node, PVOID Context)
{
    LIST *List = Context;
    ULONG Characters = Link->Length / sizeof(WCHAR) + 1;
    if (List->Text && List->Used + Characters + 1 <= List->Size) {
        RtlCopyMemory(List->Text + List->Used, Link->Buffer, Characters * sizeof(WCHAR));
        List->Text[List->Used + Characters] = 0;
    }
    List->Used += Characters;
}

/* PASSIVE_LEVEL. The caller frees the list with ExFreePool. https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iogetdeviceinterfaces */
NTSTATUS NTAPI IoGetDeviceInterfaces(const GUID *InterfaceClassGuid, PDEVICE_OBJECT PhysicalDeviceObject, ULONG Flags,
                                     PWSTR *SymbolicLinkList)
{
    LIST List = {NULL, 0, 0};
    PDEVICE_NODE Node = PhysicalDeviceObject ? PnpDevnodeOfPdo(PhysicalDeviceObject) : NULL;
    BOOLEAN Disabled = (Flags & DEVICE_INTERFACE_INCLUDE_NONACTIVE) != 0;
    *SymbolicLinkList = NULL;
    if (PhysicalDeviceObject && !Node) {
        return STATUS_INVALID_DEVICE_REQUEST;
    }
    do {
        if (List.Text) {
            ExFreePoolWithTag(List.Text, IO_TAG); /* an interface came while we looked */
            List.Text = NULL;
        }
        List.Used = 0;
        IopVisitInterfaces(InterfaceClassGuid, Node, Disabled, AppendLink, &List);
        List.Size = List.Used + 2;
        List.Text = ExAllocatePoolWithTag(PagedPool, List.Size * sizeof(WCHAR), IO_TAG);
        if (!List.Text) {
            return STATUS_INSUFFICIENT_RESOURCES;
        }
        List.Text[0] = List.Text[1] = 0;
        List.Used = 0;
        IopVisitInterfaces(InterfaceClassGuid, Node, Disabled, AppendLink, &List);
    } while (List.Used + 2 > List.Size);
    *SymbolicLinkList = List.Text;
    return STATUS_SUCCESS;
}

static PCWSTR Reference(PDEVICE_INTERFACE Interface)
{
    return Interface->HasReference ? wcschr(Interface->Name.Buffer + 4, L'\\') : L"";
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
            !wcscmp(Reference(Other), Reference(Interface))) {
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
    PWSTR Name = NULL;
    ULONG I;
    NTSTATUS Status;
    Lock();
    Interface = FindByName(SymbolicLinkName);
    if (Interface) {
        Name = PnpCopyString(Interface->Name.Buffer + 4);
        for (I = 0; Name && Name[I]; I++) {
            Name[I] = Name[I] == L'\\' ? L'#' : Name[I];
        }
    }
    Unlocked();
    if (!Name) {
        return Interface ? STATUS_INSUFFICIENT_RESOURCES : STATUS_OBJECT_NAME_NOT_FOUND;
    }
    CmLock();
    Key = CmSubkey(CmSubkey(CmSubkey(NULL, CM_DEVCLASS, TRUE), Name, TRUE), L"Device Parameters", TRUE);
    Status = Key ? CmOpenHandle(Key, DesiredAccess, DeviceInterfaceKey) : STATUS_INSUFFICIENT_RESOURCES;
    CmUnlock();
    ExFreePool(Name);
    return Status;
}
