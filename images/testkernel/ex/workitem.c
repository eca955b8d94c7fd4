/* SPDX-License-Identifier: MIT */
/*
 * System worker threads. Each queue keeps at least one idle worker: a worker that takes an item and leaves none idle behind first starts
 * another, so that items which wait for other items do not block each other until MAX_WORKERS of them wait.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/system-worker-threads
 */
#include "ex/ex.h"
#include "kd/log.h"
#include "ke/bugcheck.h"
#include "ke/processor.h"
#include "ke/thread.h"
#include "mm/paged.h"
#include "rtl/format.h"

#define CALLER      __builtin_return_address(0)
#define MAX_WORKERS 16

typedef struct _WORKER {
    PKTHREAD Thread;
    PWORKER_THREAD_ROUTINE volatile Running; /* NULL: idle */
    PVOID Parameter;
    struct _WORK_QUEUE *Queue;
} WORKER, *PWORKER;

typedef struct _WORK_QUEUE {
    PCSTR Name;
    KPRIORITY Priority; /* Windows: critical 13, delayed 12, hypercritical 15 */
    LIST_ENTRY Items;
    KSEMAPHORE Count; /* one a queued item */
    ULONG Workers, Idle;
    WORKER Worker[MAX_WORKERS];
} WORK_QUEUE, *PWORK_QUEUE;

#define CustomPriorityWorkQueue 32 /* + priority: Windows 8.1 */

static KSPIN_LOCK Lock; /* all queues and workers */
static WORK_QUEUE Queues[MaximumWorkQueue] = {
    [CriticalWorkQueue] = {.Name = "critical", .Priority = 13},
    [DelayedWorkQueue] = {.Name = "delayed", .Priority = 12},
    [HyperCriticalWorkQueue] = {.Name = "hypercritical", .Priority = 15},
};

static NTSTATUS AddWorker(PWORK_QUEUE Queue);

/* What a routine must have put back when it returns; a worker thread serves the next driver. */
static VOID CheckReturn(PWORKER_THREAD_ROUTINE Routine, PVOID Parameter)
{
    PKTHREAD Thread = KiCurrentThread();
    HELD_LOCK Held = {.Kind = NULL};
    if (KeGetCurrentIrql() != PASSIVE_LEVEL) {
        ExFindHeldLock(Thread, NULL, 0, &Held);
        KeBugCheckReason(WORKER_THREAD_RETURNED_AT_BAD_IRQL, (ULONG_PTR)Routine, KeGetCurrentIrql(),
                         (ULONG_PTR)Parameter, 0, (PVOID)(ULONG_PTR)Routine,
                         "a worker routine returned at IRQL %u, expected PASSIVE_LEVEL%s%s", KeGetCurrentIrql(),
                         Held.Kind ? "; it still holds a " : "", Held.Kind ? Held.Kind : "");
    }
    if (Thread->KernelApcDisable || Thread->SpecialApcDisable) {
        KeBugCheckReason(
            APC_INDEX_MISMATCH, (ULONG_PTR)Routine, 0,
            (ULONG)(Thread->SpecialApcDisable << 16 | (Thread->KernelApcDisable & 0xFFFF)), 1,
            (PVOID)(ULONG_PTR)Routine,
            "a worker routine returned inside a critical region: KeEnterCriticalRegion (or a mutex) without its "
            "counterpart");
    }
    ExCheckLocksReleased("a worker routine returned", (PVOID)(ULONG_PTR)Routine);
}

static VOID NTAPI WorkerThread(PVOID Context)
{
    PWORKER Worker = Context;
    PWORK_QUEUE Queue = Worker->Queue;
    for (;;) {
        PWORK_QUEUE_ITEM Item;
        PWORKER_THREAD_ROUTINE Routine;
        PVOID Parameter;
        BOOLEAN Grow;
        KIRQL Irql;
        KeWaitForSingleObject(&Queue->Count, WrQueue, KernelMode, FALSE, NULL);
        KeAcquireSpinLock(&Lock, &Irql);
        Item = CONTAINING_RECORD(RemoveHeadList(&Queue->Items), WORK_QUEUE_ITEM, List);
        Routine = Item->WorkerRoutine;
        Parameter = Item->Parameter;
        Item->List.Flink = NULL; /* from here on the routine may free the item or queue it again */
        Worker->Parameter = Parameter;
        Worker->Running = Routine;
        Grow = --Queue->Idle == 0 && Queue->Workers < MAX_WORKERS;
        KeReleaseSpinLock(&Lock, Irql);
        if (Grow) {
            AddWorker(Queue);
        }
        Routine(Parameter);
        CheckReturn(Routine, Parameter);
        KeAcquireSpinLock(&Lock, &Irql);
        Worker->Running = NULL;
        Queue->Idle++;
        KeReleaseSpinLock(&Lock, Irql);
    }
}

static NTSTATUS AddWorker(PWORK_QUEUE Queue)
{
    PWORKER Worker;
    CHAR Name[32];
    KIRQL Irql;
    NTSTATUS Status;
    ULONG Number;
    KeAcquireSpinLock(&Lock, &Irql);
    if (Queue->Workers == MAX_WORKERS) { /* two workers grew the queue at once */
        KeReleaseSpinLock(&Lock, Irql);
        return STATUS_SUCCESS;
    }
    Number = Queue->Workers++;
    Queue->Idle++;
    KeReleaseSpinLock(&Lock, Irql);
    Worker = &Queue->Worker[Number];
    Worker->Queue = Queue;
    RtlFormat(Name, sizeof(Name), "worker %s %u", Queue->Name, Number);
    Status = KiCreateThread(Name, Queue->Priority, WorkerThread, Worker, &Worker->Thread);
    if (!NT_SUCCESS(Status)) {
        KeAcquireSpinLock(&Lock, &Irql);
        Queue->Idle--; /* the slot stays taken: another worker may have reserved the next one meanwhile */
        KeReleaseSpinLock(&Lock, Irql);
        KdLog(LOG_ERROR, "cannot start %s: %08x", Name, Status);
    }
    return Status;
}

VOID ExInitWorkers(VOID)
{
    KeInitializeSpinLock(&Lock);
    for (ULONG i = 0; i < MaximumWorkQueue; i++) {
        InitializeListHead(&Queues[i].Items);
        KeInitializeSemaphore(&Queues[i].Count, 0, MAXLONG);
    }
    for (ULONG i = 0; i < MaximumWorkQueue; i++) {
        if (!NT_SUCCESS(AddWorker(&Queues[i]))) {
            KeBugCheckReason(PHASE1_INITIALIZATION_FAILED, STATUS_INSUFFICIENT_RESOURCES, i, 0, 0, NULL,
                             "no memory for the first system worker threads; give the machine more RAM (-m)");
        }
    }
}

/* All workers wait for something: if that is an item in this queue, the system hangs, so say who waits. Lock held. */
static VOID ReportExhausted(PWORK_QUEUE Queue)
{
    KdLog(LOG_WARNING, "all %u %s worker threads are busy; the new item waits for one of them:", MAX_WORKERS,
          Queue->Name);
    for (ULONG i = 0; i < Queue->Workers; i++) {
        KdLog(LOG_WARNING, "  routine %p, parameter %p", (PVOID)(ULONG_PTR)Queue->Worker[i].Running,
              Queue->Worker[i].Parameter);
    }
}

#undef ExQueueWorkItem
/*
 * IRQL <= DISPATCH_LEVEL. The item must stay valid until its routine starts; then the routine may free or queue it again. The routine
 * runs at PASSIVE_LEVEL in a system thread.
 */
VOID NTAPI ExQueueWorkItem(PWORK_QUEUE_ITEM WorkItem, WORK_QUEUE_TYPE QueueType)
{
    PWORK_QUEUE Queue;
    BOOLEAN Exhausted;
    KIRQL Irql;
    if ((ULONG)QueueType >= CustomPriorityWorkQueue && (ULONG)QueueType < CustomPriorityWorkQueue + 32) {
        Queue = QueueType - CustomPriorityWorkQueue > 12 ? &Queues[CriticalWorkQueue] : &Queues[DelayedWorkQueue];
    } else if ((ULONG)QueueType < MaximumWorkQueue) {
        Queue = &Queues[QueueType];
    } else {
        KeBugCheckReason(WORKER_INVALID, 6, (ULONG_PTR)WorkItem, QueueType, 0, CALLER,
                         "work item %p was queued to queue type %u, which does not exist", WorkItem, (ULONG)QueueType);
    }
    if (MiIsPageable(WorkItem)) {
        KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_WORK_ITEM_PAGEABLE, (ULONG_PTR)WorkItem, 0, 0, CALLER,
                         "work item %p lies in pageable memory, but is touched at DISPATCH_LEVEL", WorkItem);
    }
    if (WorkItem->List.Flink) {
        KeBugCheckReason(
            WORKER_INVALID, 1, (ULONG_PTR)WorkItem, QueueType, 0, CALLER,
            "work item %p was queued while it is still queued, or was not initialized by ExInitializeWorkItem",
            WorkItem);
    }
    if ((LONG_PTR)WorkItem->WorkerRoutine >= 0) {
        KeBugCheckReason(WORKER_INVALID, 7, (ULONG_PTR)WorkItem, QueueType, 0, CALLER,
                         "work item %p has the routine %p, which is no kernel address", WorkItem,
                         (PVOID)(ULONG_PTR)WorkItem->WorkerRoutine);
    }
    KeAcquireSpinLock(&Lock, &Irql);
    InsertTailList(&Queue->Items, &WorkItem->List);
    Exhausted = Queue->Idle == 0 && Queue->Workers == MAX_WORKERS;
    if (Exhausted) {
        ReportExhausted(Queue);
    }
    KeReleaseSpinLock(&Lock, Irql);
    KeReleaseSemaphore(&Queue->Count, 0, 1, FALSE);
}

PWORK_QUEUE_ITEM ExFindWorkItem(const VOID *Base, SIZE_T Size)
{
    PWORK_QUEUE_ITEM Found = NULL;
    for (ULONG i = 0; i < MaximumWorkQueue; i++) {
        PLIST_ENTRY Head = &Queues[i].Items, Entry = Head->Flink;
        for (; Entry && Entry != Head && !Found; Entry = Entry->Flink) {
            PWORK_QUEUE_ITEM Item = CONTAINING_RECORD(Entry, WORK_QUEUE_ITEM, List);
            if ((ULONG_PTR)Item - (ULONG_PTR)Base < Size || (ULONG_PTR)Item->WorkerRoutine - (ULONG_PTR)Base < Size) {
                Found = Item;
            }
        }
    }
    return Found;
}

BOOLEAN ExIsWorkerRunning(const VOID *Base, SIZE_T Size)
{
    for (ULONG i = 0; i < MaximumWorkQueue; i++) {
        for (ULONG j = 0; j < Queues[i].Workers; j++) {
            if ((ULONG_PTR)Queues[i].Worker[j].Running - (ULONG_PTR)Base < Size) {
                return TRUE;
            }
        }
    }
    return FALSE;
}
