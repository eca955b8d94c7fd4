/* SPDX-License-Identifier: MIT */
/*
 * Finding the owner in either start order. Source: seed article "Buddy Drivers", Method 1.
 *
 * The notification callback only notes the link's name and queues a work item: opening the device inside it can deadlock. The name is COPIED: the
 * article's Figure 6 keeps the pointer to the notification's own string, which is gone when the work item runs.
 */
#include "borrower.h"
#include <wdmguid.h>

typedef struct _LINK {
    LIST_ENTRY Entry;
    UNICODE_STRING Name; /* its characters follow the structure */
} LINK, *PLINK;

static PLINK CopyLink(PCUNICODE_STRING Name)
{
    PLINK link = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(LINK) + Name->Length, POOL_TAG);

    if (link != NULL && MUTANT(BORROWER_KEEPS_LINK_POINTER)) { /* the article's Figure 6 */
        link->Name = *Name;
    } else if (link != NULL) {
        link->Name.Length = Name->Length;
        link->Name.MaximumLength = Name->Length;
        link->Name.Buffer = (PWCH)(link + 1);
        RtlCopyMemory(link->Name.Buffer, Name->Buffer, Name->Length);
    }
    return link;
}

/* Unlinks and returns the n-th link's copy, or NULL: the list may change between two calls. */
static PLINK CopyNthLink(PFINDER Finder, ULONG Index)
{
    PLIST_ENTRY entry;
    PLINK copy = NULL;
    KIRQL irql;

    KeAcquireSpinLock(&Finder->Lock, &irql);
    for (entry = Finder->Links.Flink; entry != &Finder->Links; entry = entry->Flink) {
        if (Index-- == 0) {
            copy = CopyLink(&CONTAINING_RECORD(entry, LINK, Entry)->Name);
            break;
        }
    }
    KeReleaseSpinLock(&Finder->Lock, irql);
    return copy;
}

/*
 * Links are compared byte by byte: the PnP manager gives arrival and removal of an interface the same string, and case-insensitive comparison would
 * need PASSIVE_LEVEL. Finder->Lock held.
 */
static PLINK FindLink(PFINDER Finder, PCUNICODE_STRING Name)
{
    PLIST_ENTRY entry;

    for (entry = Finder->Links.Flink; entry != &Finder->Links; entry = entry->Flink) {
        PLINK link = CONTAINING_RECORD(entry, LINK, Entry);

        if (link->Name.Length == Name->Length &&
            RtlCompareMemory(link->Name.Buffer, Name->Buffer, Name->Length) == Name->Length) {
            return link;
        }
    }
    return NULL;
}

static VOID AddLink(PFINDER Finder, PCUNICODE_STRING Name)
{
    PLINK link = CopyLink(Name);
    BOOLEAN known = FALSE;
    KIRQL irql;

    if (link == NULL) {
        return; /* nothing can be done in a notification; the next arrival finds us again */
    }
    KeAcquireSpinLock(&Finder->Lock, &irql);
    known = FindLink(Finder, Name) != NULL;
    if (!known) {
        InsertTailList(&Finder->Links, &link->Entry);
    }
    KeReleaseSpinLock(&Finder->Lock, irql);
    if (known) {
        ExFreePoolWithTag(link, POOL_TAG);
    }
}

static VOID RemoveLink(PFINDER Finder, PCUNICODE_STRING Name)
{
    PLINK link;
    KIRQL irql;

    KeAcquireSpinLock(&Finder->Lock, &irql);
    link = FindLink(Finder, Name);
    if (link != NULL) {
        RemoveEntryList(&link->Entry);
    }
    KeReleaseSpinLock(&Finder->Lock, irql);
    if (link != NULL) {
        ExFreePoolWithTag(link, POOL_TAG);
    }
}

/* PASSIVE_LEVEL, in the PnP manager's thread. */
static NTSTATUS NTAPI InterfaceChanged(PVOID NotificationStructure, PVOID Context)
{
    PDEVICE_INTERFACE_CHANGE_NOTIFICATION notification = (PDEVICE_INTERFACE_CHANGE_NOTIFICATION)NotificationStructure;
    PBORROWER borrower = (PBORROWER)Context;

    if (IsEqualGUID(&notification->Event, &GUID_DEVICE_INTERFACE_ARRIVAL)) {
        Trace("interface-arrival link=%S device=%u", notification->SymbolicLinkName, borrower->Function.Number);
        AddLink(&borrower->Finder, notification->SymbolicLinkName);
        if (MUTANT(BORROWER_OPENS_IN_NOTIFICATION)) { /* the article's Figure 5 */
            ConnectionOpen(borrower, notification->SymbolicLinkName, &borrower->Finder.Connection);
        } else {
            FinderQueueWork(borrower);
        }
    } else if (IsEqualGUID(&notification->Event, &GUID_DEVICE_INTERFACE_REMOVAL)) {
        Trace("interface-removal link=%S device=%u", notification->SymbolicLinkName, borrower->Function.Number);
        RemoveLink(&borrower->Finder, notification->SymbolicLinkName);
    }
    return STATUS_SUCCESS;
}

/* Tries the known owners in the order of their arrival until one lends. WorkLock held. */
static VOID Connect(PBORROWER Borrower)
{
    PFINDER finder = &Borrower->Finder;
    ULONG index;
    PLINK link;

    for (index = 0; finder->Connection == NULL && (link = CopyNthLink(finder, index)) != NULL; index++) {
        ConnectionOpen(Borrower, &link->Name, &finder->Connection);
        ExFreePoolWithTag(link, POOL_TAG);
    }
}

/* Brings the connection in line with the state of things, whatever event it was queued for. PASSIVE_LEVEL. */
static VOID NTAPI Work(PDEVICE_OBJECT DeviceObject, PVOID Context)
{
    PBORROWER borrower = (PBORROWER)Context;
    PFINDER finder = &borrower->Finder;

    UNREFERENCED_PARAMETER(DeviceObject);
    if (MUTANT(BORROWER_KEEPS_LINK_POINTER)) {
        LARGE_INTEGER later = {.QuadPart = -100000}; /* 10 ms: a worker that has much to do comes late */

        KeDelayExecutionThread(KernelMode, FALSE, &later);
    }
    InterlockedExchange(&finder->Queued, 0); /* what happens from here on queues again */
    KeWaitForSingleObject(&finder->WorkLock, Executive, KernelMode, FALSE, NULL);
    if (finder->Connection != NULL && (finder->Connection->Finished || finder->Reconnect)) {
        ConnectionFree(finder->Connection);
        finder->Connection = NULL;
    }
    if (finder->Reconnect) {
        finder->Reconnect = FALSE;
        TalkStop(borrower); /* nobody is inside the gate, so nobody talks */
        TalkStart(borrower);
    }
    if (!finder->Stopping) {
        Connect(borrower);
    }
    KeReleaseMutex(&finder->WorkLock, FALSE);
    if (!MUTANT(BORROWER_LEAKS_REMOVE_LOCK)) {
        IoReleaseRemoveLock(&borrower->Function.RemoveLock, &finder->WorkItem);
    }
}

VOID FinderWakeOwner(PEXERCISER Exerciser, PVOID User)
{
    PFINDER finder = &CONTAINING_RECORD((PPAGE_USER)User, BORROWER, Hardware.User)->Finder;

    UNREFERENCED_PARAMETER(Exerciser);
    KeWaitForSingleObject(&finder->WorkLock, Executive, KernelMode, FALSE, NULL);
    if (finder->Connection != NULL) {
        ConnectionWake(finder->Connection);
    }
    KeReleaseMutex(&finder->WorkLock, FALSE);
}

VOID FinderQueueWork(PBORROWER Borrower)
{
    PFINDER finder = &Borrower->Finder;

    if (InterlockedExchange(&finder->Queued, 1) != 0) {
        return;
    }
    /* The lock keeps the device object and the driver until the routine is through. */
    if (!NT_SUCCESS(IoAcquireRemoveLock(&Borrower->Function.RemoveLock, &finder->WorkItem))) {
        return;
    }
    IoQueueWorkItem(finder->WorkItem, Work, DelayedWorkQueue, Borrower);
}

NTSTATUS FinderInitialize(PBORROWER Borrower)
{
    PFINDER finder = &Borrower->Finder;

    KeInitializeSpinLock(&finder->Lock);
    InitializeListHead(&finder->Links);
    KeInitializeMutex(&finder->WorkLock, 0);
    finder->WorkItem = IoAllocateWorkItem(Borrower->Function.Self);
    return finder->WorkItem != NULL ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

NTSTATUS FinderStart(PBORROWER Borrower)
{
    Borrower->Finder.Stopping = FALSE;
    return IoRegisterPlugPlayNotification(EventCategoryDeviceInterfaceChange,
                                          PNPNOTIFY_DEVICE_INTERFACE_INCLUDE_EXISTING_INTERFACES,
                                          (PVOID)&GUID_DEVINTERFACE_BUDDY_OWNER, Borrower->Function.Self->DriverObject,
                                          InterfaceChanged, Borrower, &Borrower->Finder.Notification);
}

VOID FinderStop(PBORROWER Borrower)
{
    PFINDER finder = &Borrower->Finder;

    if (finder->Notification != NULL) {
        /* The Ex form returns only when no callback is running any more. */
        if (!MUTANT(BORROWER_LEAKS_INTERFACE_NOTIFICATION)) {
            IoUnregisterPlugPlayNotificationEx(finder->Notification);
        }
        finder->Notification = NULL;
    }
    KeWaitForSingleObject(&finder->WorkLock, Executive, KernelMode, FALSE, NULL);
    finder->Stopping = TRUE;
    if (finder->Connection != NULL) {
        ConnectionFree(finder->Connection);
        finder->Connection = NULL;
    }
    KeReleaseMutex(&finder->WorkLock, FALSE);
}

VOID FinderUninitialize(PBORROWER Borrower)
{
    PFINDER finder = &Borrower->Finder;

    while (!MUTANT(BORROWER_LEAKS_LINKS) && !IsListEmpty(&finder->Links)) {
        ExFreePoolWithTag(CONTAINING_RECORD(RemoveHeadList(&finder->Links), LINK, Entry), POOL_TAG);
    }
    IoFreeWorkItem(finder->WorkItem);
}
