/* SPDX-License-Identifier: MIT */
/* Device queues, StartIo upon them, extended cancel-safe queues, work items in the driver's own memory. */
#include "check.h"
#include "undeclared.h"
#include <csq.h>

#define TAG 'tseT'

static PDEVICE_OBJECT Device;
static KEVENT Done;
static CHAR Order[16];
static ULONG OrderAt;
static LONG Cancelled;

static void Raised(void (*Test)(void))
{
    KIRQL irql;
    KeRaiseIrql(DISPATCH_LEVEL, &irql); /* device queues are for DISPATCH_LEVEL */
    Test();
    KeLowerIrql(irql);
}

static void DeviceQueues(void)
{
    KDEVICE_QUEUE queue;
    KDEVICE_QUEUE_ENTRY entries[4];
    KeInitializeDeviceQueue(&queue);
    CHECK(!queue.Busy && KeRemoveByKeyDeviceQueueIfBusy(&queue, 0) == NULL);
    CHECK(!KeInsertDeviceQueue(&queue, &entries[0])); /* FALSE: not queued, the device is busy with it from now on */
    CHECK(queue.Busy);
    CHECK(KeInsertByKeyDeviceQueue(&queue, &entries[1], 30) && KeInsertByKeyDeviceQueue(&queue, &entries[2], 10));
    CHECK(KeInsertByKeyDeviceQueue(&queue, &entries[3], 20));
    CHECK(KeRemoveByKeyDeviceQueue(&queue, 15) == &entries[3]);       /* the first key not below 15 */
    CHECK(KeRemoveByKeyDeviceQueueIfBusy(&queue, 99) == &entries[2]); /* none: the first of the queue */
    CHECK(KeRemoveEntryDeviceQueue(&queue, &entries[1]));
    CHECK(!KeRemoveEntryDeviceQueue(&queue, &entries[1]));     /* not queued any more */
    CHECK(KeRemoveDeviceQueue(&queue) == NULL && !queue.Busy); /* empty: the device is idle */
    CHECK(!KeInsertByKeyDeviceQueue(&queue, &entries[0], 5));
    CHECK(KeInsertDeviceQueue(&queue, &entries[1]) && KeInsertDeviceQueue(&queue, &entries[2]));
    CHECK(KeRemoveDeviceQueue(&queue) == &entries[1]); /* first in, first out */
    CHECK(KeRemoveDeviceQueue(&queue) == &entries[2]);
    CHECK(KeRemoveDeviceQueue(&queue) == NULL);
}

static VOID NTAPI StartIo(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    CHECK(KeGetCurrentIrql() == DISPATCH_LEVEL && DeviceObject->CurrentIrp == Irp);
    Order[OrderAt++ & 15] = (CHAR)Irp->IoStatus.Information;
}

static VOID NTAPI CancelQueued(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    CHECK(KeRemoveEntryDeviceQueue(&DeviceObject->DeviceQueue, &Irp->Tail.Overlay.DeviceQueueEntry));
    IoReleaseCancelSpinLock(Irp->CancelIrql);
    Cancelled++;
}

static PIRP NewIrp(CHAR Name)
{
    PIRP irp = IoAllocateIrp(2, FALSE);
    IoSetNextIrpStackLocation(irp); /* as if it had been sent to the device */
    IoGetCurrentIrpStackLocation(irp)->DeviceObject = Device;
    irp->IoStatus.Information = Name;
    return irp;
}

static void NextPacket(BOOLEAN Cancelable)
{
    KIRQL irql;
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    IoStartNextPacket(Device, Cancelable);
    KeLowerIrql(irql);
}

/* The IRPs are queued by hand: what happens to them is what is tested. */
static void StartPackets(void)
{
    PIRP irps[5];
    ULONG keys[5] = {0, 30, 10, 20, 40};
    KIRQL irql;
    for (int i = 0; i < 5; i++) {
        irps[i] = NewIrp((CHAR)('a' + i));
    }
    OrderAt = 0;
    IoStartPacket(Device, irps[0], NULL, NULL);
    CHECK(OrderAt == 1 && Device->CurrentIrp == irps[0] && KeGetCurrentIrql() == PASSIVE_LEVEL);
    for (int i = 1; i < 4; i++) {
        IoStartPacket(Device, irps[i], &keys[i], NULL);
    }
    CHECK(OrderAt == 1); /* the device is busy */
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    IoStartNextPacketByKey(Device, FALSE, 15);
    KeLowerIrql(irql);
    CHECK(OrderAt == 2 && Order[1] == 'd');
    NextPacket(FALSE);
    NextPacket(FALSE);
    CHECK(OrderAt == 4 && Order[2] == 'c' && Order[3] == 'b'); /* in the order of the keys */
    IoStartPacket(Device, irps[4], NULL, CancelQueued);
    CHECK(IoCancelIrp(irps[4]) && Cancelled == 1);
    NextPacket(TRUE);
    CHECK(OrderAt == 4 && Device->CurrentIrp == NULL); /* nothing is left */
    for (int i = 0; i < 5; i++) {
        IoFreeIrp(irps[i]);
    }
}

static void CancelLock(void)
{
    KIRQL irql = 99;
    IoAcquireCancelSpinLock(&irql);
    CHECK(irql == PASSIVE_LEVEL && KeGetCurrentIrql() == DISPATCH_LEVEL);
    IoReleaseCancelSpinLock(irql);
    CHECK(KeGetCurrentIrql() == PASSIVE_LEVEL);
}

static struct {
    IO_CSQ Csq;
    KSPIN_LOCK Lock;
    LIST_ENTRY Irps;
    PIRP Completed;
} Queue;

static NTSTATUS NTAPI CsqInsert(PIO_CSQ Csq, PIRP Irp, PVOID Context)
{
    if (Context == (PVOID)'n') {
        return STATUS_DEVICE_BUSY; /* the driver does not want it */
    }
    if (Context == (PVOID)'h') {
        InsertHeadList(&Queue.Irps, &Irp->Tail.Overlay.ListEntry);
    } else {
        InsertTailList(&Queue.Irps, &Irp->Tail.Overlay.ListEntry);
    }
    return STATUS_SUCCESS;
}

static VOID NTAPI CsqRemove(PIO_CSQ Csq, PIRP Irp)
{
    RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
}

static PIRP NTAPI CsqPeek(PIO_CSQ Csq, PIRP Irp, PVOID Context)
{
    PLIST_ENTRY next = Irp ? Irp->Tail.Overlay.ListEntry.Flink : Queue.Irps.Flink;
    return next == &Queue.Irps ? NULL : CONTAINING_RECORD(next, IRP, Tail.Overlay.ListEntry);
}

static VOID NTAPI CsqAcquire(PIO_CSQ Csq, PKIRQL Irql)
{
    KeAcquireSpinLock(&Queue.Lock, Irql);
}

static VOID NTAPI CsqRelease(PIO_CSQ Csq, KIRQL Irql)
{
    KeReleaseSpinLock(&Queue.Lock, Irql);
}

static VOID NTAPI CsqCompleteCancelled(PIO_CSQ Csq, PIRP Irp)
{
    Queue.Completed = Irp;
}

static void CancelSafeQueues(void)
{
    IO_CSQ_IRP_CONTEXT contexts[3];
    PIRP irps[4];
    KeInitializeSpinLock(&Queue.Lock);
    InitializeListHead(&Queue.Irps);
    CHECK(NT_SUCCESS(
        IoCsqInitializeEx(&Queue.Csq, CsqInsert, CsqRemove, CsqPeek, CsqAcquire, CsqRelease, CsqCompleteCancelled)));
    for (int i = 0; i < 4; i++) {
        irps[i] = IoAllocateIrp(1, FALSE);
        irps[i]->Tail.Overlay.CurrentStackLocation--; /* as if it had been sent to this driver */
        irps[i]->CurrentLocation--;
    }
    CHECK(IoCsqInsertIrpEx(&Queue.Csq, irps[3], NULL, (PVOID)'n') == STATUS_DEVICE_BUSY);
    CHECK(!(IoGetCurrentIrpStackLocation(irps[3])->Control & SL_PENDING_RETURNED)); /* not marked pending */
    CHECK(irps[3]->CancelRoutine == NULL);
    CHECK(NT_SUCCESS(IoCsqInsertIrpEx(&Queue.Csq, irps[0], &contexts[0], NULL)));
    CHECK(NT_SUCCESS(IoCsqInsertIrpEx(&Queue.Csq, irps[1], &contexts[1], (PVOID)'h')));
    CHECK(NT_SUCCESS(IoCsqInsertIrpEx(&Queue.Csq, irps[2], &contexts[2], NULL)));
    CHECK(IoGetCurrentIrpStackLocation(irps[0])->Control & SL_PENDING_RETURNED);
    CHECK(IoCsqRemoveIrp(&Queue.Csq, &contexts[0]) == irps[0]);
    CHECK(IoCsqRemoveIrp(&Queue.Csq, &contexts[0]) == NULL); /* out already */
    CHECK(IoCancelIrp(irps[2]) && Queue.Completed == irps[2]);
    CHECK(IoCsqRemoveIrp(&Queue.Csq, &contexts[2]) == NULL); /* the cancel routine took it */
    CHECK(IoCsqRemoveNextIrp(&Queue.Csq, NULL) == irps[1]);
    CHECK(IoCsqRemoveIrp(&Queue.Csq, &contexts[1]) == NULL);
    for (int i = 0; i < 4; i++) {
        irps[i]->CurrentLocation++;
        irps[i]->Tail.Overlay.CurrentStackLocation++;
        IoFreeIrp(irps[i]);
    }
}

static VOID NTAPI Worker(PVOID IoObject, PVOID Context, PIO_WORKITEM IoWorkItem)
{
    CHECK(IoObject == Device && Context == &Queue && KeGetCurrentIrql() == PASSIVE_LEVEL);
    IoUninitializeWorkItem(IoWorkItem); /* the routine may: the item is not queued any more */
    KeSetEvent(&Done, 0, FALSE);
}

static void WorkItems(void)
{
    ULONG size = IoSizeofWorkItem();
    PIO_WORKITEM item = ExAllocatePoolWithTag(NonPagedPool, size, TAG);
    CHECK(size >= sizeof(WORK_QUEUE_ITEM));
    KeInitializeEvent(&Done, NotificationEvent, FALSE);
    IoInitializeWorkItem(Device, item);
    IoQueueWorkItemEx(item, Worker, DelayedWorkQueue, &Queue);
    CHECK(Wait(&Done, 5000) == STATUS_SUCCESS);
    ExFreePoolWithTag(item, TAG);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    DriverObject->DriverStartIo = StartIo;
    CHECK(NT_SUCCESS(IoCreateDevice(DriverObject, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &Device)));
    Raised(DeviceQueues);
    StartPackets();
    CancelLock();
    CancelSafeQueues();
    WorkItems();
    IoDeleteDevice(Device);
    return Summary("queues");
}
