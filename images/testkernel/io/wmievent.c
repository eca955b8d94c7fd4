/* SPDX-License-Identifier: MIT */
/*
 * WMI events: a provider writes them, a system thread gives them to those who asked for that event block.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/sending-an-event-with-iowmiwriteevent
 */
#include "io/wmiblock.h"
#include "io/verify.h"

#define MOST_EVENT_SIZE 0x10000

/* A copy: the driver's buffer is freed at once, else it would seem to be left when the driver unloads. */
typedef struct _QUEUED_EVENT {
    LIST_ENTRY Link;
    DECLSPEC_ALIGN(16) UCHAR Event[];
} QUEUED_EVENT;

static LIST_ENTRY Consumers = {&Consumers, &Consumers}; /* WMI_OBJECT.Link */
static LIST_ENTRY Events = {&Events, &Events};
static KSPIN_LOCK EventLock;
static FAST_MUTEX ConsumersMutex;
static LONG ConsumersReady;
static WORK_QUEUE_ITEM Work;
static LONG Delivering;

static VOID LockConsumers(VOID)
{
    if (!InterlockedExchange(&ConsumersReady, TRUE)) {
        ExInitializeFastMutex(&ConsumersMutex);
    }
    ExEnterCriticalRegionAndAcquireFastMutexUnsafe(&ConsumersMutex);
}

static BOOLEAN SameGuid(const GUID *A, const GUID *B)
{
    return RtlCompareMemory(A, B, sizeof(*A)) == sizeof(*A);
}

static BOOLEAN IsAwaited(const GUID *Guid)
{
    for (PLIST_ENTRY Entry = Consumers.Flink; Entry != &Consumers; Entry = Entry->Flink) {
        if (SameGuid(&CONTAINING_RECORD(Entry, WMI_OBJECT, Link)->Guid, Guid)) {
            return TRUE;
        }
    }
    return FALSE;
}

/*
 * PASSIVE_LEVEL. Object is an opened event block; the first callback enables the event at its providers. Callback NULL ends it.
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iowmisetnotificationcallback
 */
NTSTATUS NTAPI IoWMISetNotificationCallback(PVOID Object, WMI_NOTIFICATION_CALLBACK Callback, PVOID Context)
{
    PWMI_OBJECT Block = Object;
    IopForgetWmiCallback(Block);
    if (Callback) {
        LockConsumers();
        BOOLEAN First = !IsAwaited(&Block->Guid);
        Block->Callback = Callback;
        Block->Context = Context;
        InsertTailList(&Consumers, &Block->Link);
        ExReleaseFastMutexUnsafeAndLeaveCriticalRegion(&ConsumersMutex);
        if (First) {
            IopControlWmi(&Block->Guid, IRP_MN_ENABLE_EVENTS);
        }
    }
    return STATUS_SUCCESS;
}

VOID IopForgetWmiCallback(PWMI_OBJECT Block)
{
    if (!Block->Callback) {
        return;
    }
    LockConsumers();
    RemoveEntryList(&Block->Link);
    Block->Callback = NULL;
    BOOLEAN Last = !IsAwaited(&Block->Guid);
    ExReleaseFastMutexUnsafeAndLeaveCriticalRegion(&ConsumersMutex);
    if (Last) {
        IopControlWmi(&Block->Guid, IRP_MN_DISABLE_EVENTS);
    }
}

VOID IopDeliverWmiEvent(PWNODE_HEADER Event)
{
    LockConsumers();
    for (PLIST_ENTRY Entry = Consumers.Flink; Entry != &Consumers; Entry = Entry->Flink) {
        PWMI_OBJECT Block = CONTAINING_RECORD(Entry, WMI_OBJECT, Link);
        if (SameGuid(&Block->Guid, &Event->Guid)) {
            Block->Callback(Event, Block->Context);
        }
    }
    ExReleaseFastMutexUnsafeAndLeaveCriticalRegion(&ConsumersMutex);
}

static VOID NTAPI Deliver(PVOID Context)
{
    InterlockedExchange(&Delivering, FALSE);
    for (PLIST_ENTRY Entry; (Entry = ExInterlockedRemoveHeadList(&Events, &EventLock)) != NULL;) {
        QUEUED_EVENT *Queued = CONTAINING_RECORD(Entry, QUEUED_EVENT, Link);
        IopDeliverWmiEvent((PWNODE_HEADER)Queued->Event);
        ExFreePoolWithTag(Queued, WMI_TAG);
    }
}

/*
 * IRQL <= APC_LEVEL; any IRQL for a trace (WNODE_FLAG_TRACED_GUID), which goes to the trace log: there is none, and the buffer stays the caller's. On
 * success the event (nonpaged pool) belongs to WMI. Errors: STATUS_BUFFER_OVERFLOW, STATUS_INSUFFICIENT_RESOURCES.
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iowmiwriteevent
 */
NTSTATUS NTAPI IoWMIWriteEvent(PVOID WnodeEventItem)
{
    PWNODE_HEADER Event = WnodeEventItem;
    if (Event->Flags & WNODE_FLAG_TRACED_GUID) {
        return STATUS_SUCCESS;
    }
    if (IoIsDriverCode(_ReturnAddress())) { /* WmiFireEvent is for IRQL <= DISPATCH_LEVEL */
        IoRequireIrql("IoWMIWriteEvent", APC_LEVEL, _ReturnAddress());
    }
    if (Event->BufferSize > MOST_EVENT_SIZE) {
        return STATUS_BUFFER_OVERFLOW;
    }
    QUEUED_EVENT *Queued = ExAllocatePoolWithTag(NonPagedPool, sizeof(*Queued) + Event->BufferSize, WMI_TAG);
    if (!Queued) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    RtlCopyMemory(Queued->Event, Event, Event->BufferSize);
    ExFreePool(Event);
    ExInterlockedInsertTailList(&Events, &Queued->Link, &EventLock);
    if (!InterlockedExchange(&Delivering, TRUE)) {
        ExInitializeWorkItem(&Work, Deliver, NULL);
        ExQueueWorkItem(&Work, DelayedWorkQueue);
    }
    return STATUS_SUCCESS;
}
