/* SPDX-License-Identifier: MIT */
/*
 * PnP notification of drivers: device interfaces that come and go, and the device behind a file object.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/using-pnp-notification
 */
#include "pnp/internal.h"
#include "ob/attribute.h"
#include "kd/log.h"
#include "ke/thread.h"
#include "mm/pool.h"
#include <wdmguid.h>

/* Bug check 0xCA PNP_DETECTED_FATAL_ERROR, parameter 1. */
#define PNP_BAD_CALLBACK 0xA

typedef struct _NOTIFY_ENTRY {
    LIST_ENTRY Link; /* in Interfaces, Profiles, or the devnode's TargetNotifications */
    LIST_ENTRY AllLink;
    ULONG64 Serial;
    IO_NOTIFICATION_EVENT_CATEGORY Category;
    GUID Class;
    PDEVICE_NODE Node; /* NULL once the device is gone */
    PFILE_OBJECT FileObject;
    PDRIVER_OBJECT DriverObject;
    PDRIVER_NOTIFICATION_CALLBACK_ROUTINE Callback;
    PVOID Context;
    LONG References; /* the registration's, and one for each walk that stands at it; under Lock */
    BOOLEAN Unregistered;
    LONG Active;  /* calls of the callback in progress */
    KEVENT Quiet; /* set while there are none */
} NOTIFY_ENTRY, *PNOTIFY_ENTRY;

static KSPIN_LOCK Lock;
static LIST_ENTRY Interfaces, Profiles, All, InProgress;
static ULONG64 NextSerial; /* under Lock */

VOID PnpInitNotify(VOID)
{
    KeInitializeSpinLock(&Lock);
    InitializeListHead(&Interfaces);
    InitializeListHead(&Profiles);
    InitializeListHead(&All);
    InitializeListHead(&InProgress);
}

PNOTIFY_IN_PROGRESS PnpCurrentNotification(VOID)
{
    PLIST_ENTRY Link;
    PNOTIFY_IN_PROGRESS Found = NULL;
    KIRQL Irql;
    KeAcquireSpinLock(&Lock, &Irql);
    for (Link = InProgress.Flink; Link && Link != &InProgress; Link = Link->Flink) {
        PNOTIFY_IN_PROGRESS Each = CONTAINING_RECORD(Link, NOTIFY_IN_PROGRESS, Link);
        /* Opening the target again is what a driver must do when its removal is cancelled, so only interface callbacks count. */
        if (Each->Thread == PsGetCurrentThread() && Each->Interface) {
            Found = Each;
        }
    }
    KeReleaseSpinLock(&Lock, Irql);
    return Found;
}

/* An entry is linked as long as it has references. */
static VOID Dereference(PNOTIFY_ENTRY Entry)
{
    LONG Left;
    KIRQL Irql;
    KeAcquireSpinLock(&Lock, &Irql);
    Left = --Entry->References;
    if (Left == 0) {
        RemoveEntryList(&Entry->Link);
    }
    KeReleaseSpinLock(&Lock, Irql);
    if (Left == 0) {
        ObfDereferenceObject(Entry->DriverObject);
        ExFreePoolWithTag(Entry, PNP_TAG);
    }
}

static NTSTATUS Call(PNOTIFY_ENTRY Entry, PVOID Structure, PCSTR Event, PUNICODE_STRING Name)
{
    NOTIFY_IN_PROGRESS Progress;
    NTSTATUS Status;
    KIRQL Irql;
    PKTHREAD Thread = (PKTHREAD)PsGetCurrentThread();
    LONG Kernel = Thread->KernelApcDisable, Special = Thread->SpecialApcDisable;
    ULONG I;
    Progress.Thread = PsGetCurrentThread();
    Progress.Entry = Entry;
    Progress.Interface = Entry->Category == EventCategoryDeviceInterfaceChange;
    Progress.Callback = (PVOID)Entry->Callback;
    Progress.Event = Event;
    for (I = 0; Name && I < Name->Length / sizeof(WCHAR) && I + 1 < COUNT_OF(Progress.Name); I++) {
        Progress.Name[I] = Name->Buffer[I];
    }
    Progress.Name[I] = 0;
    KeAcquireSpinLock(&Lock, &Irql);
    Entry->Active++;
    KeClearEvent(&Entry->Quiet);
    InsertHeadList(&InProgress, &Progress.Link);
    KeReleaseSpinLock(&Lock, Irql);
    Status = Entry->Callback(Structure, Entry->Context);
    if (KeGetCurrentIrql() != PASSIVE_LEVEL || Thread->KernelApcDisable != Kernel ||
        Thread->SpecialApcDisable != Special) {
        IoStop(PNP_DETECTED_FATAL_ERROR, PNP_BAD_CALLBACK, (ULONG_PTR)Entry->DriverObject, KeGetCurrentIrql(),
               (ULONG)(Thread->SpecialApcDisable << 16 | (Thread->KernelApcDisable & 0xFFFF)), (PVOID)Entry->Callback,
               "a PnP notification callback returned %s",
               KeGetCurrentIrql() != PASSIVE_LEVEL ? "at a raised IRQL"
                                                   : "in a critical or guarded region that it did not leave");
    }
    KeAcquireSpinLock(&Lock, &Irql);
    RemoveEntryList(&Progress.Link);
    if (--Entry->Active == 0) {
        KeSetEvent(&Entry->Quiet, IO_NO_INCREMENT, FALSE);
    }
    KeReleaseSpinLock(&Lock, Irql);
    return Status;
}

/* What is registered from now on (a callback may do so) is not part of the walk that begins. */
static ULONG64 Limit(VOID)
{
    ULONG64 Serial;
    KIRQL Irql;
    KeAcquireSpinLock(&Lock, &Irql);
    Serial = NextSerial;
    KeReleaseSpinLock(&Lock, Irql);
    return Serial;
}

/* The next entry of a list that was registered before Limit, referenced; Previous (or NULL) is released. */
static PNOTIFY_ENTRY Next(PLIST_ENTRY Head, PNOTIFY_ENTRY Previous, ULONG64 Limit)
{
    PNOTIFY_ENTRY Entry = NULL;
    PLIST_ENTRY Link;
    KIRQL Irql;
    KeAcquireSpinLock(&Lock, &Irql);
    for (Link = Previous ? Previous->Link.Flink : Head->Flink; Link != Head; Link = Link->Flink) {
        PNOTIFY_ENTRY Each = CONTAINING_RECORD(Link, NOTIFY_ENTRY, Link);
        if (!Each->Unregistered && Each->Serial < Limit) {
            Entry = Each;
            Entry->References++;
            break;
        }
    }
    KeReleaseSpinLock(&Lock, Irql);
    if (Previous) {
        Dereference(Previous);
    }
    return Entry;
}

/*
 * The name is in a buffer of its own that is freed right after the callback: "the notification structure is valid only during the callback", and a
 * driver that keeps the pointer is to be caught by the pool.
 */
static VOID CallInterface(PNOTIFY_ENTRY Entry, const GUID *Event, const GUID *Class, PUNICODE_STRING Link)
{
    DEVICE_INTERFACE_CHANGE_NOTIFICATION Notification;
    BOOLEAN Arrival = IsEqualGUID(Event, &GUID_DEVICE_INTERFACE_ARRIVAL);
    UNICODE_STRING *Name = MiAllocateGuarded(NonPagedPool, sizeof(*Name) + Link->Length + sizeof(WCHAR), PNP_TAG,
                                             (PVOID)PnpNotifyInterface);
    if (!Name) {
        return;
    }
    Name->Buffer = (PWCHAR)(Name + 1);
    Name->Length = Link->Length;
    Name->MaximumLength = Link->Length + sizeof(WCHAR);
    RtlCopyMemory(Name->Buffer, Link->Buffer, Link->Length);
    Name->Buffer[Link->Length / sizeof(WCHAR)] = 0;
    Notification.Version = 1;
    Notification.Size = sizeof(Notification);
    Notification.Event = *Event;
    Notification.InterfaceClassGuid = *Class;
    Notification.SymbolicLinkName = Name;
    Call(Entry, &Notification, Arrival ? "interface-arrival" : "interface-removal", Link);
    ExFreePoolWithTag(Name, PNP_TAG);
}

VOID PnpNotifyInterface(const GUID *Event, const GUID *Class, PUNICODE_STRING Link)
{
    ULONG64 Last = Limit();
    PNOTIFY_ENTRY Entry = NULL;
    while ((Entry = Next(&Interfaces, Entry, Last)) != NULL) {
        if (IsEqualGUID(&Entry->Class, Class)) {
            CallInterface(Entry, Event, Class, Link);
        }
    }
}

static NTSTATUS CallTarget(PNOTIFY_ENTRY Entry, const GUID *Event, PDEVICE_NODE Node)
{
    TARGET_DEVICE_REMOVAL_NOTIFICATION Notification;
    Notification.Version = 1;
    Notification.Size = sizeof(Notification);
    Notification.Event = *Event;
    Notification.FileObject = Entry->FileObject;
    return Call(Entry, &Notification, "target-device", &Node->InstancePath);
}

NTSTATUS PnpNotifyTargetQuery(PDEVICE_NODE Node, PPNP_VETO Veto)
{
    ULONG64 Last = Limit();
    PNOTIFY_ENTRY Entry = NULL, Agreed = NULL;
    while ((Entry = Next(&Node->TargetNotifications, Entry, Last)) != NULL) {
        NTSTATUS Status = CallTarget(Entry, &GUID_TARGET_DEVICE_QUERY_REMOVE, Node);
        KdTrace("target-query-remove instance=%wZ driver=%wZ status=0x%08x", &Node->InstancePath,
                &IoDriverData(Entry->DriverObject)->ServiceName, Status);
        if (!NT_SUCCESS(Status)) {
            PNOTIFY_ENTRY Refused = Entry;
            PnpFillVeto(Veto, PNP_VetoDriver, Status, &IoDriverData(Entry->DriverObject)->ServiceName);
            /* Those that had agreed learn that nothing happens. */
            while ((Agreed = Next(&Node->TargetNotifications, Agreed, Last)) != NULL) {
                if (Agreed == Refused) {
                    Dereference(Agreed);
                    break;
                }
                CallTarget(Agreed, &GUID_TARGET_DEVICE_REMOVE_CANCELLED, Node);
            }
            Dereference(Refused);
            return Status;
        }
    }
    return STATUS_SUCCESS;
}

VOID PnpNotifyTarget(PDEVICE_NODE Node, const GUID *Event)
{
    ULONG64 Last = Limit();
    PNOTIFY_ENTRY Entry = NULL;
    while ((Entry = Next(&Node->TargetNotifications, Entry, Last)) != NULL) {
        CallTarget(Entry, Event, Node);
    }
}

VOID PnpNotifyTargetCustom(PDEVICE_NODE Node, PTARGET_DEVICE_CUSTOM_NOTIFICATION Custom)
{
    ULONG64 Last = Limit();
    PNOTIFY_ENTRY Entry = NULL;
    while ((Entry = Next(&Node->TargetNotifications, Entry, Last)) != NULL) {
        Custom->FileObject = Entry->FileObject;
        Call(Entry, Custom, "target-device-custom", &Node->InstancePath);
    }
}

static NTSTATUS CallProfile(PNOTIFY_ENTRY Entry, const GUID *Event)
{
    HWPROFILE_CHANGE_NOTIFICATION Notification;
    Notification.Version = 1;
    Notification.Size = sizeof(Notification);
    Notification.Event = *Event;
    return Call(Entry, &Notification, "hardware-profile", NULL);
}

VOID PnpNotifyProfile(const GUID *Event)
{
    ULONG64 Last = Limit();
    PNOTIFY_ENTRY Entry = NULL;
    while ((Entry = Next(&Profiles, Entry, Last)) != NULL) {
        CallProfile(Entry, Event);
    }
}

NTSTATUS PnpNotifyProfileQuery(PPNP_VETO Veto)
{
    ULONG64 Last = Limit();
    PNOTIFY_ENTRY Entry = NULL, Agreed = NULL;
    NTSTATUS Status = STATUS_SUCCESS;
    while ((Entry = Next(&Profiles, Entry, Last)) != NULL) {
        Status = CallProfile(Entry, &GUID_HWPROFILE_QUERY_CHANGE);
        KdTrace("hwprofile-query driver=%wZ status=0x%08x", &IoDriverData(Entry->DriverObject)->ServiceName, Status);
        if (!NT_SUCCESS(Status)) {
            PnpFillVeto(Veto, PNP_VetoDriver, Status, &IoDriverData(Entry->DriverObject)->ServiceName);
            while ((Agreed = Next(&Profiles, Agreed, Last)) != NULL && Agreed != Entry) {
                CallProfile(Agreed, &GUID_HWPROFILE_CHANGE_CANCELLED);
            }
            if (Agreed) {
                Dereference(Agreed);
            }
            Dereference(Entry);
            break;
        }
    }
    return Status;
}

/* The device is gone: its registrations stay valid (their drivers unregister them), but are never called again. */
VOID PnpOrphanNotifications(PDEVICE_NODE Node)
{
    KIRQL Irql;
    KeAcquireSpinLock(&Lock, &Irql);
    while (!IsListEmpty(&Node->TargetNotifications)) {
        PNOTIFY_ENTRY Entry = CONTAINING_RECORD(RemoveHeadList(&Node->TargetNotifications), NOTIFY_ENTRY, Link);
        InitializeListHead(&Entry->Link);
        Entry->Node = NULL;
    }
    KeReleaseSpinLock(&Lock, Irql);
}

/*
 * The PDO, referenced, that a file object's device stack ends in, found as Windows does: by a TargetDeviceRelation query to the stack. End with
 * ObpDropGiven.
 */
static PDEVICE_OBJECT PdoOfFile(PFILE_OBJECT FileObject)
{
    PDEVICE_OBJECT Top = IoGetRelatedDeviceObject(FileObject);
    IO_STACK_LOCATION Stack;
    ULONG_PTR Information = 0;
    PDEVICE_RELATIONS Relations;
    PDEVICE_OBJECT Pdo = NULL;
    NTSTATUS Status;
    RtlZeroMemory(&Stack, sizeof(Stack));
    Stack.MinorFunction = IRP_MN_QUERY_DEVICE_RELATIONS;
    Stack.Parameters.QueryDeviceRelations.Type = TargetDeviceRelation;
    Stack.FileObject = FileObject;
    Status = PnpSendIrp(Top, &Stack, &Information);
    Relations = (PDEVICE_RELATIONS)Information;
    if (NT_SUCCESS(Status) && Relations) {
        if (Relations->Count == 1) {
            Pdo = Relations->Objects[0];
        } else if (Relations->Count) {
            ObpDropGiven(Relations->Objects[0]);
        }
        ExFreePool(Relations);
    } else {
        PDEVICE_OBJECT Bottom = IopBottomOfStack(Top);
        if (PnpDevnodeOfPdo(Bottom)) {
            IoStopRule(0x22A, (PVOID)Bottom->DriverObject->MajorFunction[IRP_MJ_PNP], NULL, Bottom,
                       "the PDO did not answer IRP_MN_QUERY_DEVICE_RELATIONS for TargetDeviceRelation (0x%08x), which "
                       "every bus driver must handle",
                       Status);
        }
    }
    return Pdo;
}

static VOID NotifyExisting(const GUID *Class, PUNICODE_STRING Link, PDEVICE_NODE Node, PVOID Context)
{
    CallInterface(Context, &GUID_DEVICE_INTERFACE_ARRIVAL, Class, Link);
}

NTSTATUS NTAPI IoRegisterPlugPlayNotification(IO_NOTIFICATION_EVENT_CATEGORY EventCategory, ULONG EventCategoryFlags,
                                              PVOID EventCategoryData, PDRIVER_OBJECT DriverObject,
                                              PDRIVER_NOTIFICATION_CALLBACK_ROUTINE CallbackRoutine, PVOID Context,
                                              PVOID *NotificationEntry)
{
    PNOTIFY_ENTRY Entry;
    KIRQL Irql;
    PLIST_ENTRY List = NULL;
    PDEVICE_OBJECT Pdo = NULL;
    NTSTATUS Status = STATUS_SUCCESS;
    *NotificationEntry = NULL;
    if (EventCategory == EventCategoryTargetDeviceChange) {
        Pdo = EventCategoryData ? PdoOfFile(EventCategoryData) : NULL;
        if (!Pdo) {
            return STATUS_NO_SUCH_DEVICE;
        }
    } else if (EventCategory == EventCategoryDeviceInterfaceChange) {
        List = &Interfaces;
    } else if (EventCategory == EventCategoryHardwareProfileChange) {
        if (EventCategoryData) {
            return STATUS_INVALID_PARAMETER; /* "EventCategoryData must be NULL" */
        }
        List = &Profiles;
    } else {
        return STATUS_INVALID_PARAMETER;
    }
    Entry = ExAllocatePoolWithTag(NonPagedPool, sizeof(*Entry), PNP_TAG);
    if (!Entry) {
        Status = STATUS_INSUFFICIENT_RESOURCES;
        goto Done;
    }
    RtlZeroMemory(Entry, sizeof(*Entry));
    Entry->Category = EventCategory;
    if (EventCategory == EventCategoryDeviceInterfaceChange) {
        Entry->Class = *(const GUID *)EventCategoryData;
    } else if (Pdo) {
        Entry->FileObject = EventCategoryData;
    }
    Entry->DriverObject = DriverObject;
    Entry->Callback = CallbackRoutine;
    Entry->Context = Context;
    Entry->References = 1;
    KeInitializeEvent(&Entry->Quiet, NotificationEvent, TRUE);
    InitializeListHead(&Entry->Link);
    KeAcquireSpinLock(&Lock, &Irql);
    if (Pdo) {
        Entry->Node = PnpDevnodeOfPdo(Pdo); /* NULL from when the devnode is taken apart (PnpDeleteDevnode) */
        List = Entry->Node ? &Entry->Node->TargetNotifications : NULL;
    }
    if (!List) {
        KeReleaseSpinLock(&Lock, Irql);
        ExFreePoolWithTag(Entry, PNP_TAG);
        Status = STATUS_NO_SUCH_DEVICE;
        goto Done;
    }
    ObfReferenceObject(DriverObject); /* the driver stays loaded while it is registered */
    InsertTailList(List, &Entry->Link);
    Entry->Serial = NextSerial++;
    InsertTailList(&All, &Entry->AllLink);
    KeReleaseSpinLock(&Lock, Irql);
    *NotificationEntry = Entry;
    if (EventCategory == EventCategoryDeviceInterfaceChange &&
        (EventCategoryFlags & PNPNOTIFY_DEVICE_INTERFACE_INCLUDE_EXISTING_INTERFACES)) {
        /* In the caller's thread, before it returns. An arrival that is being delivered right now may be reported twice, as on Windows. */
        IopVisitInterfaces(&Entry->Class, NULL, FALSE, NotifyExisting, Entry);
    }
Done:
    if (Pdo) {
        ObpDropGiven(Pdo);
    }
    return Status;
}

static NTSTATUS Unregister(PVOID NotificationEntry, BOOLEAN Wait, PVOID Caller)
{
    PNOTIFY_ENTRY Entry = NotificationEntry;
    BOOLEAN Twice, Own = FALSE;
    PLIST_ENTRY Link;
    KIRQL Irql;
    KeAcquireSpinLock(&Lock, &Irql);
    Twice = Entry->Unregistered;
    if (!Twice) {
        Entry->Unregistered = TRUE;
        RemoveEntryList(&Entry->AllLink);
    }
    for (Link = InProgress.Flink; Link != &InProgress; Link = Link->Flink) {
        PNOTIFY_IN_PROGRESS Each = CONTAINING_RECORD(Link, NOTIFY_IN_PROGRESS, Link);
        Own |= Each->Entry == Entry && Each->Thread == PsGetCurrentThread();
    }
    KeReleaseSpinLock(&Lock, Irql);
    if (Twice) {
        IoStop(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_NOTIFICATION_TWICE, (ULONG_PTR)Entry, 0, 0, Caller,
               "a PnP notification was unregistered twice");
    }
    if (Wait && !Own) {
        KeWaitForSingleObject(&Entry->Quiet, Executive, KernelMode, FALSE, NULL);
    }
    Dereference(Entry);
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI IoUnregisterPlugPlayNotificationEx(PVOID NotificationEntry)
{
    return Unregister(NotificationEntry, TRUE, _ReturnAddress());
}

/* Does not wait for a callback that runs in another thread. */
NTSTATUS NTAPI IoUnregisterPlugPlayNotification(PVOID NotificationEntry)
{
    return Unregister(NotificationEntry, FALSE, _ReturnAddress());
}

BOOLEAN PnpFindNotificationOfImage(PVOID Base, SIZE_T Size)
{
    PLIST_ENTRY Link;
    BOOLEAN Found = FALSE;
    KIRQL Irql;
    KeAcquireSpinLock(&Lock, &Irql);
    for (Link = All.Flink; Link != &All; Link = Link->Flink) {
        PNOTIFY_ENTRY Entry = CONTAINING_RECORD(Link, NOTIFY_ENTRY, AllLink);
        Found |= (ULONG_PTR)Entry->Callback - (ULONG_PTR)Base < Size;
    }
    KeReleaseSpinLock(&Lock, Irql);
    return Found;
}

static BOOLEAN IsReserved(const GUID *Event)
{
    return IsEqualGUID(Event, &GUID_TARGET_DEVICE_QUERY_REMOVE) ||
           IsEqualGUID(Event, &GUID_TARGET_DEVICE_REMOVE_CANCELLED) ||
           IsEqualGUID(Event, &GUID_TARGET_DEVICE_REMOVE_COMPLETE);
}

/* What a custom notification needs: PDO, a size with the whole header, and an event that is not the PnP manager's own. */
static NTSTATUS CheckCustom(PCSTR Function, PDEVICE_OBJECT Pdo, PTARGET_DEVICE_CUSTOM_NOTIFICATION Custom, PVOID Caller)
{
    PnpRequirePdo(Function, Pdo, Caller);
    if (Custom->Size < FIELD_OFFSET(TARGET_DEVICE_CUSTOM_NOTIFICATION, CustomDataBuffer)) {
        return STATUS_INVALID_PARAMETER;
    }
    return IsReserved(&Custom->Event) ? STATUS_INVALID_DEVICE_REQUEST : STATUS_SUCCESS;
}

static PPNP_EVENT CustomEvent(PDEVICE_OBJECT Pdo, PVOID NotificationStructure)
{
    PTARGET_DEVICE_CUSTOM_NOTIFICATION Custom = NotificationStructure;
    PPNP_EVENT Event = PnpNewEvent(PnpEventCustom, Pdo);
    if (Event) {
        Event->Custom = ExAllocatePoolWithTag(NonPagedPool, Custom->Size, PNP_TAG);
        if (!Event->Custom) {
            PnpFreeEvent(Event);
            return NULL;
        }
        RtlCopyMemory(Event->Custom, Custom, Custom->Size);
    }
    return Event;
}

NTSTATUS NTAPI IoReportTargetDeviceChange(PDEVICE_OBJECT PhysicalDeviceObject, PVOID NotificationStructure)
{
    PPNP_EVENT Event;
    NTSTATUS Status;
    Status = CheckCustom("IoReportTargetDeviceChange", PhysicalDeviceObject, NotificationStructure, _ReturnAddress());
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Event = CustomEvent(PhysicalDeviceObject, NotificationStructure);
    if (!Event) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Status = PnpRunEvent(Event);
    PnpFreeEvent(Event);
    return Status;
}

NTSTATUS NTAPI IoReportTargetDeviceChangeAsynchronous(PDEVICE_OBJECT PhysicalDeviceObject, PVOID NotificationStructure,
                                                      PDEVICE_CHANGE_COMPLETE_CALLBACK Callback, PVOID Context)
{
    PPNP_EVENT Event;
    NTSTATUS Status = CheckCustom("IoReportTargetDeviceChangeAsynchronous", PhysicalDeviceObject, NotificationStructure,
                                  _ReturnAddress());
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Event = CustomEvent(PhysicalDeviceObject, NotificationStructure);
    if (!Event) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Event->CustomDone = Callback;
    Event->Context = Context;
    PnpQueueEvent(Event);
    return STATUS_PENDING;
}
