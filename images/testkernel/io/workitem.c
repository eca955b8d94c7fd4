/* SPDX-License-Identifier: MIT */
/*
 * I/O work items. The device (or driver) object is referenced while the routine is due or runs, so that its driver stays loaded.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/system-worker-threads
 */
#include "io/io.h"

struct _IO_WORKITEM {
    WORK_QUEUE_ITEM Item;
    PVOID IoObject; /* device or driver object */
    PIO_WORKITEM_ROUTINE Routine;
    PIO_WORKITEM_ROUTINE_EX RoutineEx;
    PVOID Context;
    volatile LONG Queued;
    PVOID Caller;
    LIST_ENTRY Link; /* all work items, for leak checks */
};

static KSPIN_LOCK ListLock;
static LIST_ENTRY Items;

static VOID Register(PIO_WORKITEM Item, PVOID Caller)
{
    KIRQL Irql;
    Item->Caller = Caller;
    KeAcquireSpinLock(&ListLock, &Irql);
    if (!Items.Flink) {
        InitializeListHead(&Items);
    }
    InsertTailList(&Items, &Item->Link);
    KeReleaseSpinLock(&ListLock, Irql);
}

ULONG NTAPI IoSizeofWorkItem(VOID)
{
    return sizeof(struct _IO_WORKITEM);
}

VOID NTAPI IoInitializeWorkItem(PVOID IoObject, PIO_WORKITEM IoWorkItem)
{
    RtlZeroMemory(IoWorkItem, sizeof(*IoWorkItem));
    IoWorkItem->IoObject = IoObject;
    Register(IoWorkItem, _ReturnAddress());
}

PIO_WORKITEM NTAPI IoAllocateWorkItem(PDEVICE_OBJECT DeviceObject)
{
    PIO_WORKITEM Item;
    Item = ExAllocatePoolWithTag(NonPagedPool, sizeof(*Item), IO_TAG);
    if (Item) {
        RtlZeroMemory(Item, sizeof(*Item));
        Item->IoObject = DeviceObject;
        Register(Item, _ReturnAddress());
    }
    return Item;
}

static VOID Unregister(PIO_WORKITEM Item, PCSTR Function, PVOID Caller)
{
    KIRQL Irql;
    if (Item->Queued) {
        IoStop(WORKER_INVALID, 0, (ULONG_PTR)Item, (ULONG_PTR)Item, (ULONG_PTR)(Item + 1), Caller,
               "%s of work item %p, which is still queued", Function, Item);
    }
    KeAcquireSpinLock(&ListLock, &Irql);
    RemoveEntryList(&Item->Link);
    KeReleaseSpinLock(&ListLock, Irql);
}

VOID NTAPI IoFreeWorkItem(PIO_WORKITEM IoWorkItem)
{
    Unregister(IoWorkItem, "IoFreeWorkItem", _ReturnAddress());
    ExFreePoolWithTag(IoWorkItem, IO_TAG);
}

VOID NTAPI IoUninitializeWorkItem(PIO_WORKITEM IoWorkItem)
{
    Unregister(IoWorkItem, "IoUninitializeWorkItem", _ReturnAddress());
}

static VOID NTAPI Run(PVOID Parameter)
{
    PIO_WORKITEM Item = Parameter;
    PVOID IoObject = Item->IoObject;
    PIO_WORKITEM_ROUTINE Routine = Item->Routine;
    PIO_WORKITEM_ROUTINE_EX RoutineEx = Item->RoutineEx;
    PVOID Context = Item->Context;
    InterlockedExchange(&Item->Queued, 0); /* from here on the routine may free or queue it again */
    if (RoutineEx) {
        RoutineEx(IoObject, Context, Item);
    } else {
        Routine(IoObject, Context);
    }
    if (KeGetCurrentIrql() != PASSIVE_LEVEL) {
        IoStop(WORKER_THREAD_RETURNED_AT_BAD_IRQL, RoutineEx ? (ULONG_PTR)RoutineEx : (ULONG_PTR)Routine,
               KeGetCurrentIrql(), (ULONG_PTR)Context, 0, RoutineEx ? (PVOID)RoutineEx : (PVOID)Routine,
               "a work item routine returned at IRQL %u", KeGetCurrentIrql());
    }
    ObfDereferenceObject(IoObject);
}

static VOID Queue(PIO_WORKITEM Item, WORK_QUEUE_TYPE Type, PVOID Caller)
{
    if (InterlockedExchange(&Item->Queued, 1)) {
        IoStop(WORKER_INVALID, 1, (ULONG_PTR)Item, 0, 0, Caller,
               "work item %p was queued again before its routine started", Item);
    }
    ObfReferenceObject(Item->IoObject);
    ExInitializeWorkItem(&Item->Item, Run, Item);
    ExQueueWorkItem(&Item->Item, Type);
}

VOID NTAPI IoQueueWorkItem(PIO_WORKITEM IoWorkItem, PIO_WORKITEM_ROUTINE WorkerRoutine, WORK_QUEUE_TYPE QueueType,
                           PVOID Context)
{
    IoWorkItem->Routine = WorkerRoutine;
    IoWorkItem->RoutineEx = NULL;
    IoWorkItem->Context = Context;
    Queue(IoWorkItem, QueueType, _ReturnAddress());
}

VOID NTAPI IoQueueWorkItemEx(PIO_WORKITEM IoWorkItem, PIO_WORKITEM_ROUTINE_EX WorkerRoutine, WORK_QUEUE_TYPE QueueType,
                             PVOID Context)
{
    IoWorkItem->Routine = NULL;
    IoWorkItem->RoutineEx = WorkerRoutine;
    IoWorkItem->Context = Context;
    Queue(IoWorkItem, QueueType, _ReturnAddress());
}

BOOLEAN IopWorkItemOfImage(PVOID Base, SIZE_T Size)
{
    PLIST_ENTRY Entry;
    KIRQL Irql;
    BOOLEAN Found = FALSE;
    KeAcquireSpinLock(&ListLock, &Irql);
    for (Entry = Items.Flink; Entry && Entry != &Items; Entry = Entry->Flink) {
        PIO_WORKITEM Item = CONTAINING_RECORD(Entry, struct _IO_WORKITEM, Link);
        Found |= (ULONG_PTR)Item->Caller - (ULONG_PTR)Base < Size;
    }
    KeReleaseSpinLock(&ListLock, Irql);
    return Found;
}
