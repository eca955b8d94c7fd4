/* SPDX-License-Identifier: MIT */
/*
 * Shutdown notification: IRP_MJ_SHUTDOWN to each registered device object before the devices lose their power; the last chance after all others.
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioregistershutdownnotification
 */
#include "io/io.h"

typedef struct _SHUTDOWN_ENTRY {
    LIST_ENTRY Link;
    PDEVICE_OBJECT Device; /* referenced */
} SHUTDOWN_ENTRY, *PSHUTDOWN_ENTRY;

static LIST_ENTRY Normal = {&Normal, &Normal}, Last = {&Last, &Last};
static KSPIN_LOCK Lock;

static NTSTATUS Register(PDEVICE_OBJECT DeviceObject, PLIST_ENTRY List)
{
    PSHUTDOWN_ENTRY New;
    KIRQL Irql;
    New = ExAllocatePoolWithTag(NonPagedPool, sizeof(*New), IO_TAG);
    if (!New) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    ObfReferenceObject(DeviceObject);
    New->Device = DeviceObject;
    KeAcquireSpinLock(&Lock, &Irql);
    InsertHeadList(List, &New->Link);
    KeReleaseSpinLock(&Lock, Irql);
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI IoRegisterShutdownNotification(PDEVICE_OBJECT DeviceObject)
{
    return Register(DeviceObject, &Normal);
}

NTSTATUS NTAPI IoRegisterLastChanceShutdownNotification(PDEVICE_OBJECT DeviceObject)
{
    return Register(DeviceObject, &Last);
}

/* The first registration of the device, or of any device if NULL, taken off the list. */
static PSHUTDOWN_ENTRY Take(PLIST_ENTRY List, PDEVICE_OBJECT DeviceObject)
{
    PSHUTDOWN_ENTRY Found = NULL;
    KIRQL Irql;
    KeAcquireSpinLock(&Lock, &Irql);
    for (PLIST_ENTRY Entry = List->Flink; Entry != List && !Found; Entry = Entry->Flink) {
        PSHUTDOWN_ENTRY One = CONTAINING_RECORD(Entry, SHUTDOWN_ENTRY, Link);
        Found = !DeviceObject || One->Device == DeviceObject ? One : NULL;
    }
    if (Found) {
        RemoveEntryList(&Found->Link);
    }
    KeReleaseSpinLock(&Lock, Irql);
    return Found;
}

static VOID Free(PSHUTDOWN_ENTRY Entry)
{
    ObfDereferenceObject(Entry->Device);
    ExFreePoolWithTag(Entry, IO_TAG);
}

/* PASSIVE_LEVEL. All registrations of the device, of both kinds; to be called before IoDeleteDevice. */
VOID NTAPI IoUnregisterShutdownNotification(PDEVICE_OBJECT DeviceObject)
{
    PSHUTDOWN_ENTRY Entry;
    while ((Entry = Take(&Normal, DeviceObject)) != NULL || (Entry = Take(&Last, DeviceObject)) != NULL) {
        Free(Entry);
    }
}

static VOID Send(PDEVICE_OBJECT DeviceObject)
{
    IO_STATUS_BLOCK Iosb;
    KEVENT Event;
    PIRP Irp;
    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    Irp = IoBuildSynchronousFsdRequest(IRP_MJ_SHUTDOWN, DeviceObject, NULL, 0, NULL, &Event, &Iosb);
    if (Irp && IofCallDriver(DeviceObject, Irp) == STATUS_PENDING) {
        KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, NULL);
    }
}

VOID IopShutdownDevices(VOID)
{
    PSHUTDOWN_ENTRY Entry;
    while ((Entry = Take(&Normal, NULL)) != NULL || (Entry = Take(&Last, NULL)) != NULL) {
        Send(Entry->Device);
        Free(Entry);
    }
}
