/* SPDX-License-Identifier: MIT */
/* Device queues, on which StartIo is built. IRQL = DISPATCH_LEVEL for insertion and removal, as Windows asks. */
#include "kernel.h"

#define DEVICE_QUEUE_OBJECT 20

VOID NTAPI KeInitializeDeviceQueue(PKDEVICE_QUEUE DeviceQueue)
{
    RtlZeroMemory(DeviceQueue, sizeof(*DeviceQueue));
    DeviceQueue->Type = DEVICE_QUEUE_OBJECT;
    DeviceQueue->Size = sizeof(KDEVICE_QUEUE);
    InitializeListHead(&DeviceQueue->DeviceListHead);
}

static BOOLEAN Insert(PKDEVICE_QUEUE Queue, PKDEVICE_QUEUE_ENTRY Entry, BOOLEAN ByKey)
{
    KeAcquireSpinLockAtDpcLevel(&Queue->Lock);
    BOOLEAN inserted = Queue->Busy;
    if (inserted) {
        PLIST_ENTRY before = Queue->DeviceListHead.Blink;
        while (ByKey && before != &Queue->DeviceListHead &&
               CONTAINER(before, KDEVICE_QUEUE_ENTRY, DeviceListEntry)->SortKey > Entry->SortKey) {
            before = before->Blink;
        }
        InsertHeadList(before, &Entry->DeviceListEntry);
    } else {
        Queue->Busy = TRUE;
    }
    Entry->Inserted = inserted;
    KeReleaseSpinLockFromDpcLevel(&Queue->Lock);
    return inserted;
}

/* FALSE: the queue was not busy and is now; the caller processes the entry itself. */
BOOLEAN NTAPI KeInsertDeviceQueue(PKDEVICE_QUEUE DeviceQueue, PKDEVICE_QUEUE_ENTRY DeviceQueueEntry)
{
    return Insert(DeviceQueue, DeviceQueueEntry, FALSE);
}

BOOLEAN NTAPI KeInsertByKeyDeviceQueue(PKDEVICE_QUEUE DeviceQueue, PKDEVICE_QUEUE_ENTRY DeviceQueueEntry, ULONG SortKey)
{
    DeviceQueueEntry->SortKey = SortKey;
    return Insert(DeviceQueue, DeviceQueueEntry, TRUE);
}

static PKDEVICE_QUEUE_ENTRY Remove(PKDEVICE_QUEUE Queue, ULONG SortKey)
{
    PKDEVICE_QUEUE_ENTRY found = NULL;
    KeAcquireSpinLockAtDpcLevel(&Queue->Lock);
    if (IsListEmpty(&Queue->DeviceListHead)) {
        Queue->Busy = FALSE;
    } else {
        PLIST_ENTRY e = Queue->DeviceListHead.Flink;
        while (e != &Queue->DeviceListHead && CONTAINER(e, KDEVICE_QUEUE_ENTRY, DeviceListEntry)->SortKey < SortKey) {
            e = e->Flink;
        }
        e = e == &Queue->DeviceListHead ? e->Flink : e;
        found = CONTAINER(e, KDEVICE_QUEUE_ENTRY, DeviceListEntry);
        RemoveEntryList(e);
        found->Inserted = FALSE;
    }
    KeReleaseSpinLockFromDpcLevel(&Queue->Lock);
    return found;
}

PKDEVICE_QUEUE_ENTRY NTAPI KeRemoveDeviceQueue(PKDEVICE_QUEUE DeviceQueue)
{
    return Remove(DeviceQueue, 0);
}

PKDEVICE_QUEUE_ENTRY NTAPI KeRemoveByKeyDeviceQueue(PKDEVICE_QUEUE DeviceQueue, ULONG SortKey)
{
    return Remove(DeviceQueue, SortKey);
}

PKDEVICE_QUEUE_ENTRY NTAPI KeRemoveByKeyDeviceQueueIfBusy(PKDEVICE_QUEUE DeviceQueue, ULONG SortKey)
{
    return DeviceQueue->Busy ? Remove(DeviceQueue, SortKey) : NULL;
}

BOOLEAN NTAPI KeRemoveEntryDeviceQueue(PKDEVICE_QUEUE DeviceQueue, PKDEVICE_QUEUE_ENTRY DeviceQueueEntry)
{
    KIRQL irql;
    KeAcquireSpinLock(&DeviceQueue->Lock, &irql);
    BOOLEAN inserted = DeviceQueueEntry->Inserted;
    if (inserted) {
        RemoveEntryList(&DeviceQueueEntry->DeviceListEntry);
        DeviceQueueEntry->Inserted = FALSE;
    }
    KeReleaseSpinLock(&DeviceQueue->Lock, irql);
    return inserted;
}
