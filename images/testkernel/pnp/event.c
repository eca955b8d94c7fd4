/* SPDX-License-Identifier: MIT */
/*
 * The PnP manager's two threads. "Device actions" enumerate and start; "device events" remove and notify, so that a notification callback
 * never waits for a start, and a start may wait for a notification. Both take the tree lock for each operation, except for interface notifications.
 */
#include "pnp/internal.h"
#include "io/driver.h"
#include "kd/log.h"
#include "ke/bugcheck.h"
#include "ke/thread.h"

/*
 * Windows does this in worker threads of priority 12, beside which drivers' threads go on running on the other processors. With one
 * processor the same windows only open when PnP threads share it with drivers' threads.
 */
#define PNP_PRIORITY 8

typedef struct _QUEUE {
    PCSTR Name;
    LIST_ENTRY Events;
    KEVENT Wake;
    PKTHREAD Thread;
    ULONG Busy; /* events queued or in progress */
} QUEUE;

static KSPIN_LOCK Lock;
static KEVENT Idle; /* set while both queues are empty */
static QUEUE Actions = {.Name = "PnP device actions"}, Events = {.Name = "PnP device events"};

PPNP_EVENT PnpNewEvent(PNP_EVENT_KIND Kind, PDEVICE_OBJECT Pdo)
{
    PPNP_EVENT Event = ExAllocatePoolWithTag(NonPagedPool, sizeof(*Event), PNP_TAG);
    if (Event) {
        RtlZeroMemory(Event, sizeof(*Event));
        Event->Kind = Kind;
        Event->Pdo = Pdo;
        if (Pdo) {
            ObfReferenceObject(Pdo);
        }
    }
    return Event;
}

BOOLEAN PnpSetEventName(PPNP_EVENT Event, PCUNICODE_STRING Name)
{
    Event->Name = ExAllocatePoolWithTag(NonPagedPool, Name->Length + sizeof(WCHAR), PNP_TAG);
    if (Event->Name) {
        RtlCopyMemory(Event->Name, Name->Buffer, Name->Length);
        Event->Name[Name->Length / sizeof(WCHAR)] = 0;
    }
    return Event->Name != NULL;
}

VOID PnpFreeEvent(PPNP_EVENT Event)
{
    if (Event->Pdo) {
        ObfDereferenceObject(Event->Pdo);
    }
    if (Event->Custom) {
        ExFreePool(Event->Custom);
    }
    if (Event->Name) {
        ExFreePoolWithTag(Event->Name, PNP_TAG);
    }
    ExFreePoolWithTag(Event, PNP_TAG);
}

VOID PnpQueueEvent(PPNP_EVENT Event)
{
    BOOLEAN Action = Event->Kind == PnpEventEnumerate || Event->Kind == PnpEventEnable ||
                     Event->Kind == PnpEventStart || Event->Kind == PnpEventStateChanged;
    QUEUE *Queue = Action ? &Actions : &Events;
    KIRQL Irql;
    KeAcquireSpinLock(&Lock, &Irql);
    InsertTailList(&Queue->Events, &Event->Link);
    Queue->Busy++;
    KeClearEvent(&Idle);
    KeReleaseSpinLock(&Lock, Irql);
    KeSetEvent(&Queue->Wake, IO_NO_INCREMENT, FALSE);
}

BOOLEAN PnpOnPnpThread(VOID)
{
    PKTHREAD Thread = (PKTHREAD)PsGetCurrentThread();
    return Thread == Actions.Thread || Thread == Events.Thread;
}

NTSTATUS PnpRunEvent(PPNP_EVENT Event)
{
    KEVENT Done;
    if (PnpOnPnpThread() || PnpCurrentNotification()) {
        PVOID Caller = KeDriverCaller();
        IoStop(DRIVER_VERIFIER_DETECTED_VIOLATION, 0x1001, 0, (ULONG_PTR)PsGetCurrentThread(), 0, Caller,
               "deadlock: a PnP dispatch routine or notification callback, which the PnP manager waits for, waits in "
               "turn for the PnP manager (request %u): use the asynchronous form or a work item",
               Event->Kind);
    }
    KeInitializeEvent(&Done, NotificationEvent, FALSE);
    Event->Done = &Done;
    PnpQueueEvent(Event);
    KeWaitForSingleObject(&Done, Executive, KernelMode, FALSE, NULL);
    return Event->Status;
}

void PnpWaitIdle(void)
{
    KeWaitForSingleObject(&Idle, Executive, KernelMode, FALSE, NULL);
}

VOID PnpQueueUnloadRecheck(PCUNICODE_STRING ServiceName)
{
    PPNP_EVENT Event = PnpNewEvent(PnpEventUnload, NULL);
    if (Event && PnpSetEventName(Event, ServiceName)) {
        PnpQueueEvent(Event);
    } else if (Event) {
        PnpFreeEvent(Event);
    }
}

static BOOLEAN NeedsRelations(PDEVICE_NODE Node, PVOID Context)
{
    if (PnpIsStarted(Node)) {
        Node->Flags |= DNF_NEEDS_RELATIONS;
    }
    return TRUE;
}

static VOID Process(PPNP_EVENT Event)
{
    PDEVICE_NODE Node;
    UNICODE_STRING Link;
    if (Event->Kind == PnpEventInterface) {
        RtlInitUnicodeString(&Link, Event->Name);
        PnpNotifyInterface(&Event->InterfaceEvent, &Event->Guid, &Link);
        return;
    }
    PnpLockTree();
    if (Event->Kind == PnpEventUnload) {
        RtlInitUnicodeString(&Link, Event->Name);
        IopUnloadRecheck(&Link);
        PnpUnlockTree();
        return;
    }
    if (Event->Pdo) {
        ObpTypeOf(Event->Pdo); /* stops with 0x18 if our own reference was dropped by somebody */
    }
    Node = Event->Pdo ? PnpDevnodeOfPdo(Event->Pdo) : NULL;
    Event->Status = STATUS_SUCCESS;
    if (Event->Kind == PnpEventPendingCloses) {
        PnpFinishPendingCloses();
    } else if (Event->Kind == PnpEventUpdate) {
        Event->Status = PnpRemoveForUpdate(Event->Update, &Event->Veto);
    } else if (!Node) {
        Event->Status = STATUS_NO_SUCH_DEVICE; /* it went away while the request was queued */
    } else {
        switch (Event->Kind) {
        case PnpEventEnumerate:
            if (PnpIsStarted(Node)) {
                /* At the root it means all buses, as CM_Reenumerate_DevNode does for "scan for hardware changes". */
                if (Node->Parent) {
                    Node->Flags |= DNF_NEEDS_RELATIONS;
                } else {
                    PnpWalkParentsFirst(Node, NeedsRelations, NULL);
                }
                PnpProcess(Node);
            }
            break;
        case PnpEventEnable:
            PnpSetDisabled(Node, FALSE);
            if (Node->State == DeviceNodeRemovePendingCloses || Node->State == DeviceNodeDeletePendingCloses) {
                Event->Status =
                    STATUS_DEVICE_BUSY; /* it works again when the last handle of before is closed, and not earlier */
                break;
            }
            /* fall through */
        case PnpEventStart:
            PnpClearProblem(Node);
            PnpProcess(Node);
            break;
        case PnpEventStateChanged:
            PnpStateInvalidated(Node);
            break;
        case PnpEventSurprise:
            if ((Node->Flags & DNF_MISSING) && Node->State != DeviceNodeDeletePendingCloses) {
                PnpSurpriseRemoveSubtree(Node);
            }
            break;
        case PnpEventRemove:
            Event->Status = PnpRemoveGracefully(&Node, 1, Event->Remove, &Event->Veto);
            break;
        case PnpEventRebalance:
            Event->Status = PnpStopAndRestart(Node, &Event->Veto);
            break;
        case PnpEventCustom:
            PnpNotifyTargetCustom(Node, Event->Custom);
            break;
        default:
            break;
        }
    }
    PnpUnlockTree();
}

static VOID NTAPI Worker(PVOID Context)
{
    QUEUE *Queue = Context;
    for (;;) {
        KIRQL Irql;
        KeWaitForSingleObject(&Queue->Wake, Executive, KernelMode, FALSE, NULL);
        for (;;) {
            PPNP_EVENT Event = NULL;
            PKEVENT Done;
            KeAcquireSpinLock(&Lock, &Irql);
            if (!IsListEmpty(&Queue->Events)) {
                Event = CONTAINING_RECORD(RemoveHeadList(&Queue->Events), PNP_EVENT, Link);
            }
            KeReleaseSpinLock(&Lock, Irql);
            if (!Event) {
                break;
            }
            Process(Event);
            Done = Event->Done;
            if (Event->EjectDone) {
                Event->EjectDone(Event->Pdo, Event->Status, &Event->Veto, Event->Context);
            }
            if (Event->CustomDone) {
                Event->CustomDone(Event->Context);
            }
            if (!Done) {
                PnpFreeEvent(Event);
            }
            KeAcquireSpinLock(&Lock, &Irql);
            Queue->Busy--;
            if (Actions.Busy == 0 && Events.Busy == 0) {
                KeSetEvent(&Idle, IO_NO_INCREMENT, FALSE);
            }
            KeReleaseSpinLock(&Lock, Irql);
            if (Done) {
                KeSetEvent(Done, IO_NO_INCREMENT, FALSE); /* last: the waiter frees the event */
            }
        }
    }
}

VOID PnpStartThreads(VOID)
{
    QUEUE *Queues[] = {&Actions, &Events};
    ULONG I;
    KeInitializeSpinLock(&Lock);
    KeInitializeEvent(&Idle, NotificationEvent, TRUE);
    for (I = 0; I < COUNT_OF(Queues); I++) {
        InitializeListHead(&Queues[I]->Events);
        KeInitializeEvent(&Queues[I]->Wake, SynchronizationEvent, FALSE);
        KiCreateThread(Queues[I]->Name, PNP_PRIORITY, Worker, Queues[I], &Queues[I]->Thread);
    }
}
