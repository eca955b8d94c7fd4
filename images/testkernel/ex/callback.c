/* SPDX-License-Identifier: MIT */
/*
 * Callback objects: a named list of routines that any driver may register with and any driver may notify.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/callback-objects
 */
#include "ex/callback.h"
#include "io/verify.h"
#include "ob/attribute.h"

struct _CALLBACK_OBJECT {
    KSPIN_LOCK Lock;
    LIST_ENTRY Registrations;
    BOOLEAN AllowMultiple;
    LIST_ENTRY AllLink;
};

typedef struct _REGISTRATION {
    LIST_ENTRY Link;
    PCALLBACK_OBJECT Object;
    PCALLBACK_FUNCTION Function;
    PVOID Context;
    LONG Busy; /* notifications that are running the function */
    BOOLEAN Unregistering;
    KEVENT Idle;
} REGISTRATION, *PREGISTRATION;

static LIST_ENTRY AllCallbacks;
static KSPIN_LOCK AllLock;
static PCALLBACK_OBJECT SetSystemTime, PowerState;

static VOID DeleteCallback(PVOID Object)
{
    PCALLBACK_OBJECT Callback = Object;
    KIRQL Irql;
    KeAcquireSpinLock(&AllLock, &Irql);
    RemoveEntryList(&Callback->AllLink);
    KeReleaseSpinLock(&AllLock, Irql);
}

static struct _OBJECT_TYPE CallbackType = {OB_TYPE_LIST(CallbackType), .Name = "Callback", .Delete = DeleteCallback};

NTSTATUS NTAPI ExCreateCallback(PCALLBACK_OBJECT *CallbackObject, POBJECT_ATTRIBUTES ObjectAttributes, BOOLEAN Create,
                                BOOLEAN AllowMultipleCallbacks)
{
    PVOID Object;
    WCHAR Buffer[256];
    PCALLBACK_OBJECT Callback;
    KIRQL Irql;
    NTSTATUS Status;
    if (ObjectAttributes->ObjectName) {
        Status = ObpLookup(ObjectAttributes->ObjectName, &CallbackType, &Object, NULL, Buffer);
        if (NT_SUCCESS(Status)) {
            ObpTook(Object, _ReturnAddress());
            *CallbackObject = Object;
            return STATUS_SUCCESS;
        }
        if (!Create || Status != STATUS_OBJECT_NAME_NOT_FOUND) {
            return Status;
        }
    } else if (!Create) {
        return STATUS_UNSUCCESSFUL;
    }
    Status = ObpCreateObject(&CallbackType, sizeof(*Callback), &Object);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Callback = Object;
    KeInitializeSpinLock(&Callback->Lock);
    InitializeListHead(&Callback->Registrations);
    Callback->AllowMultiple = AllowMultipleCallbacks;
    KeAcquireSpinLock(&AllLock, &Irql);
    InsertTailList(&AllCallbacks, &Callback->AllLink);
    KeReleaseSpinLock(&AllLock, Irql);
    if (ObjectAttributes->ObjectName) {
        Status = ObpInsertName(Object, ObjectAttributes->ObjectName);
        if (!NT_SUCCESS(Status)) {
            ObfDereferenceObject(Object);
            return Status;
        }
        if (ObjectAttributes->Attributes & OBJ_PERMANENT) {
            ObfReferenceObject(Object);
        }
    }
    ObpTook(Callback, _ReturnAddress());
    *CallbackObject = Callback;
    return STATUS_SUCCESS;
}

PVOID NTAPI ExRegisterCallback(PCALLBACK_OBJECT CallbackObject, PCALLBACK_FUNCTION CallbackFunction,
                               PVOID CallbackContext)
{
    PREGISTRATION Entry;
    KIRQL Irql;
    Entry = ExAllocatePoolWithTag(NonPagedPool, sizeof(*Entry), OB_TAG);
    if (!Entry) {
        return NULL;
    }
    RtlZeroMemory(Entry, sizeof(*Entry));
    Entry->Object = CallbackObject;
    Entry->Function = CallbackFunction;
    Entry->Context = CallbackContext;
    KeInitializeEvent(&Entry->Idle, NotificationEvent, FALSE);
    ObfReferenceObject(CallbackObject);
    KeAcquireSpinLock(&CallbackObject->Lock, &Irql);
    if (!CallbackObject->AllowMultiple && !IsListEmpty(&CallbackObject->Registrations)) {
        KeReleaseSpinLock(&CallbackObject->Lock, Irql);
        ObfDereferenceObject(CallbackObject);
        ExFreePoolWithTag(Entry, OB_TAG);
        return NULL;
    }
    InsertTailList(&CallbackObject->Registrations, &Entry->Link); /* called in order of registration */
    KeReleaseSpinLock(&CallbackObject->Lock, Irql);
    return Entry;
}

/* Returns when the routine does not run any more, so its driver may unload. */
VOID NTAPI ExUnregisterCallback(PVOID CallbackRegistration)
{
    PREGISTRATION Entry = CallbackRegistration;
    PCALLBACK_OBJECT Callback = Entry->Object;
    KIRQL Irql;
    BOOLEAN Wait;
    KeAcquireSpinLock(&Callback->Lock, &Irql);
    Entry->Unregistering = TRUE;
    Wait = Entry->Busy != 0;
    if (!Wait) {
        RemoveEntryList(&Entry->Link);
    }
    KeReleaseSpinLock(&Callback->Lock, Irql);
    if (Wait) {
        KeWaitForSingleObject(&Entry->Idle, Executive, KernelMode, FALSE, NULL);
        KeAcquireSpinLock(&Callback->Lock, &Irql);
        RemoveEntryList(&Entry->Link);
        KeReleaseSpinLock(&Callback->Lock, Irql);
    }
    ExFreePoolWithTag(Entry, OB_TAG);
    ObfDereferenceObject(Callback);
}

/* Calls the routines at the caller's IRQL (<= DISPATCH_LEVEL), without a lock held. */
VOID NTAPI ExNotifyCallback(PCALLBACK_OBJECT CallbackObject, PVOID Argument1, PVOID Argument2)
{
    KIRQL Irql;
    PLIST_ENTRY Link;
    KeAcquireSpinLock(&CallbackObject->Lock, &Irql);
    for (Link = CallbackObject->Registrations.Flink; Link != &CallbackObject->Registrations;) {
        PREGISTRATION Entry = CONTAINING_RECORD(Link, REGISTRATION, Link);
        if (!Entry->Unregistering) {
            Entry->Busy++; /* keeps it in the list while the lock is not held */
            KeReleaseSpinLock(&CallbackObject->Lock, Irql);
            Entry->Function(Entry->Context, Argument1, Argument2);
            KeAcquireSpinLock(&CallbackObject->Lock, &Irql);
            Link = Entry->Link.Flink;
            if (--Entry->Busy == 0 && Entry->Unregistering) {
                KeSetEvent(&Entry->Idle, IO_NO_INCREMENT, FALSE);
            }
            continue;
        }
        Link = Link->Flink;
    }
    KeReleaseSpinLock(&CallbackObject->Lock, Irql);
}

BOOLEAN ExFindCallbackOfImage(PVOID Base, SIZE_T Size, PWCHAR Name, ULONG Characters)
{
    PLIST_ENTRY Object, Link;
    PCALLBACK_OBJECT Found = NULL;
    KIRQL Irql;
    KeAcquireSpinLock(&AllLock, &Irql);
    for (Object = AllCallbacks.Flink; Object != &AllCallbacks && !Found; Object = Object->Flink) {
        PCALLBACK_OBJECT Callback = CONTAINING_RECORD(Object, struct _CALLBACK_OBJECT, AllLink);
        KeAcquireSpinLockAtDpcLevel(&Callback->Lock);
        for (Link = Callback->Registrations.Flink; Link != &Callback->Registrations; Link = Link->Flink) {
            PREGISTRATION Entry = CONTAINING_RECORD(Link, REGISTRATION, Link);
            if ((ULONG_PTR)Entry->Function - (ULONG_PTR)Base < Size) {
                Found = Callback;
            }
        }
        KeReleaseSpinLockFromDpcLevel(&Callback->Lock);
    }
    KeReleaseSpinLock(&AllLock, Irql);
    if (Found) {
        ObpPathOf(Found, Name, Characters);
    }
    return Found != NULL;
}

VOID ExInitCallbacks(VOID)
{
    UNICODE_STRING Name;
    OBJECT_ATTRIBUTES Attributes;
    InitializeListHead(&AllCallbacks);
    KeInitializeSpinLock(&AllLock);
    RtlInitUnicodeString(&Name, L"\\Callback\\SetSystemTime");
    InitializeObjectAttributes(&Attributes, &Name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    ExCreateCallback(&SetSystemTime, &Attributes, TRUE, TRUE);
    RtlInitUnicodeString(&Name, L"\\Callback\\PowerState");
    InitializeObjectAttributes(&Attributes, &Name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    ExCreateCallback(&PowerState, &Attributes, TRUE, TRUE);
}

VOID ExNotifyPowerState(ULONG_PTR Argument1, ULONG_PTR Argument2)
{
    ExNotifyCallback(PowerState, (PVOID)Argument1, (PVOID)Argument2);
}
