/* SPDX-License-Identifier: MIT */
/*
 * StartIo: one IRP at a time, the others in the device queue.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/introduction-to-startio-routines
 */
#include "io/io.h"

static VOID Start(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    DeviceObject->CurrentIrp = Irp;
    DeviceObject->DriverObject->DriverStartIo(DeviceObject, Irp);
}

/* IRQL <= DISPATCH_LEVEL; StartIo is called at DISPATCH_LEVEL. */
VOID NTAPI IoStartPacket(PDEVICE_OBJECT DeviceObject, PIRP Irp, PULONG Key, PDRIVER_CANCEL CancelFunction)
{
    KIRQL Irql, CancelIrql = 0;
    BOOLEAN Queued;
    KeRaiseIrql(DISPATCH_LEVEL, &Irql);
    if (CancelFunction) {
        IoAcquireCancelSpinLock(&CancelIrql);
        IoSetCancelRoutine(Irp, CancelFunction);
    }
    Queued = Key ? KeInsertByKeyDeviceQueue(&DeviceObject->DeviceQueue, &Irp->Tail.Overlay.DeviceQueueEntry, *Key)
                 : KeInsertDeviceQueue(&DeviceObject->DeviceQueue, &Irp->Tail.Overlay.DeviceQueueEntry);
    if (!Queued) {
        if (CancelFunction) {
            DeviceObject->CurrentIrp = Irp;
            IoReleaseCancelSpinLock(CancelIrql);
        }
        Start(DeviceObject, Irp);
    } else if (CancelFunction) {
        if (Irp->Cancel && IoSetCancelRoutine(Irp, NULL)) {
            Irp->CancelIrql = CancelIrql; /* cancelled before it was queued; the routine releases the lock */
            CancelFunction(DeviceObject, Irp);
        } else {
            IoReleaseCancelSpinLock(CancelIrql);
        }
    }
    KeLowerIrql(Irql);
}

static VOID StartNext(PDEVICE_OBJECT DeviceObject, PKDEVICE_QUEUE_ENTRY (*Remove)(PDEVICE_OBJECT, ULONG), ULONG Key,
                      BOOLEAN Cancelable)
{
    PKDEVICE_QUEUE_ENTRY Entry;
    KIRQL CancelIrql = 0;
    if (Cancelable) {
        IoAcquireCancelSpinLock(&CancelIrql);
    }
    DeviceObject->CurrentIrp = NULL;
    Entry = Remove(DeviceObject, Key);
    if (Entry) {
        PIRP Irp = CONTAINING_RECORD(Entry, IRP, Tail.Overlay.DeviceQueueEntry);
        DeviceObject->CurrentIrp = Irp;
        if (Cancelable) {
            IoReleaseCancelSpinLock(CancelIrql);
        }
        Start(DeviceObject, Irp);
    } else if (Cancelable) {
        IoReleaseCancelSpinLock(CancelIrql);
    }
}

static PKDEVICE_QUEUE_ENTRY First(PDEVICE_OBJECT DeviceObject, ULONG Key)
{
    return KeRemoveDeviceQueue(&DeviceObject->DeviceQueue);
}

static PKDEVICE_QUEUE_ENTRY ByKey(PDEVICE_OBJECT DeviceObject, ULONG Key)
{
    return KeRemoveByKeyDeviceQueue(&DeviceObject->DeviceQueue, Key);
}

VOID NTAPI IoStartNextPacket(PDEVICE_OBJECT DeviceObject, BOOLEAN Cancelable)
{
    StartNext(DeviceObject, First, 0, Cancelable);
}

VOID NTAPI IoStartNextPacketByKey(PDEVICE_OBJECT DeviceObject, BOOLEAN Cancelable, ULONG Key)
{
    StartNext(DeviceObject, ByKey, Key, Cancelable);
}
