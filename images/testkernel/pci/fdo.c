/* SPDX-License-Identifier: MIT */
/* pci/fdo.c - PnP and power IRPs of a bus: the root bus, or the bus below a PCI-to-PCI bridge. */
#include "pci.h"

static NTSTATUS NTAPI Signal(PDEVICE_OBJECT Device, PIRP Irp, PVOID Event)
{
    KeSetEvent(Event, IO_NO_INCREMENT, FALSE);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

/* Send the IRP down and wait until it comes back; the caller completes it. PASSIVE_LEVEL. */
static NTSTATUS ForwardAndWait(PCI_BUS *Bus, PIRP Irp)
{
    KEVENT event;
    NTSTATUS status;

    KeInitializeEvent(&event, NotificationEvent, FALSE);
    IoCopyCurrentIrpStackLocationToNext(Irp);
    IoSetCompletionRoutine(Irp, Signal, &event, TRUE, TRUE, TRUE);
    status = IoCallDriver(Bus->Lower, Irp);
    if (status == STATUS_PENDING)
        KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, NULL);
    return Irp->IoStatus.Status;
}

static NTSTATUS Complete(PIRP Irp, NTSTATUS Status)
{
    Irp->IoStatus.Status = Status;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static NTSTATUS Forward(PCI_BUS *Bus, PIRP Irp)
{
    IoSkipCurrentIrpStackLocation(Irp);
    return IoCallDriver(Bus->Lower, Irp);
}

static NTSTATUS Start(PCI_BUS *Bus, PIRP Irp)
{
    PCM_RESOURCE_LIST translated =
        IoGetCurrentIrpStackLocation(Irp)->Parameters.StartDevice.AllocatedResourcesTranslated;
    NTSTATUS status = ForwardAndWait(Bus, Irp);

    if (!NT_SUCCESS(status))
        return Complete(Irp, status);
    if (Bus->Bridge != NULL) {
        USHORT command = PciRead16(Bus->Bridge->At, PCI_COMMAND);

        /* Forwarding needs the bridge's own decode and mastering, whether it has BARs or not. */
        PciWrite16(Bus->Bridge->At, PCI_COMMAND, command | PCI_DECODES | PCI_ENABLE_BUS_MASTER);
        Bus->Number = PciRead8(Bus->Bridge->At, PCI_SECONDARY_BUS);
        Bus->Subordinate = PciRead8(Bus->Bridge->At, PCI_SUBORDINATE_BUS);
        if (Bus->Number == 0) /* the firmware gave it no bus: nothing below can be reached */
            return Complete(Irp, STATUS_DEVICE_CONFIGURATION_ERROR);
    } else {
        Bus->Subordinate = 0xFF;
    }
    PciMapBus(Bus->Number);
    PciReadWindows(Bus);
    if (Bus->Bridge != NULL)
        status = PciStartPort(Bus, translated);
    if (Bus->Bridge != NULL && NT_SUCCESS(status))
        status = PciStartSlot(Bus, translated);
    if (!NT_SUCCESS(status))
        PciStopPort(Bus);
    if (NT_SUCCESS(status))
        Bus->Common.State = PciStarted;
    return Complete(Irp, status);
}

/* The children that are in their slots, behind those that an upper driver has put into the list already. */
static NTSTATUS QueryBusRelations(PCI_BUS *Bus, PIRP Irp)
{
    PDEVICE_RELATIONS old = (PDEVICE_RELATIONS)Irp->IoStatus.Information, relations;
    ULONG count = old != NULL ? old->Count : 0;
    NTSTATUS status = PciScanBus(Bus);

    if (!NT_SUCCESS(status))
        return Complete(Irp, status);
    ExAcquireFastMutex(&Bus->Lock);
    for (PLIST_ENTRY e = Bus->Functions.Flink; e != &Bus->Functions; e = e->Flink)
        count += CONTAINING_RECORD(e, PCI_FUNCTION, Link)->Present;
    relations = ExAllocatePoolWithTag(
        PagedPool, FIELD_OFFSET(DEVICE_RELATIONS, Objects) + (count + 1) * sizeof(PDEVICE_OBJECT), PCI_TAG);
    if (relations == NULL) {
        ExReleaseFastMutex(&Bus->Lock);
        return Complete(Irp, STATUS_INSUFFICIENT_RESOURCES);
    }
    relations->Count = 0;
    for (ULONG i = 0; old != NULL && i < old->Count; i++)
        relations->Objects[relations->Count++] = old->Objects[i];
    for (PLIST_ENTRY e = Bus->Functions.Flink; e != &Bus->Functions; e = e->Flink) {
        PCI_FUNCTION *function = CONTAINING_RECORD(e, PCI_FUNCTION, Link);

        function->Reported = function->Present;
        if (function->Present) {
            ObReferenceObject(function->Common.Self);
            relations->Objects[relations->Count++] = function->Common.Self;
        }
    }
    ExReleaseFastMutex(&Bus->Lock);
    if (old != NULL)
        ExFreePool(old);
    Irp->IoStatus.Information = (ULONG_PTR)relations;
    Irp->IoStatus.Status = STATUS_SUCCESS;
    return Forward(Bus, Irp);
}

/* The children have had their REMOVE before the bus. */
static NTSTATUS Remove(PCI_BUS *Bus, PIRP Irp)
{
    NTSTATUS status;

    PciStopSlot(Bus);
    PciStopPort(Bus);
    while (!IsListEmpty(&Bus->Functions))
        PciDeleteFunction(CONTAINING_RECORD(Bus->Functions.Flink, PCI_FUNCTION, Link));
    ExAcquireFastMutex(&PciBusesLock);
    RemoveEntryList(&Bus->Link);
    ExReleaseFastMutex(&PciBusesLock);
    if (Bus->Bridge != NULL)
        Bus->Bridge->Secondary = NULL;
    Irp->IoStatus.Status = STATUS_SUCCESS;
    status = Forward(Bus, Irp);
    IoDetachDevice(Bus->Lower);
    IoDeleteDevice(Bus->Common.Self);
    return status;
}

/* IRP_MJ_PNP of a bus. PASSIVE_LEVEL, tree lock held by the PnP manager. */
NTSTATUS PciDispatchBusPnp(PCI_BUS *Bus, PIRP Irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);

    switch (stack->MinorFunction) {
    case IRP_MN_START_DEVICE:
        return Start(Bus, Irp);
    case IRP_MN_QUERY_DEVICE_RELATIONS:
        if (stack->Parameters.QueryDeviceRelations.Type == BusRelations)
            return QueryBusRelations(Bus, Irp);
        return Forward(Bus, Irp);
    case IRP_MN_QUERY_STOP_DEVICE: /* the windows are the firmware's: a bridge cannot move */
        return Complete(Irp, STATUS_UNSUCCESSFUL);
    case IRP_MN_SURPRISE_REMOVAL:
        PciStopSlot(Bus);
        PciStopPort(Bus);
        break;
    case IRP_MN_QUERY_REMOVE_DEVICE:
    case IRP_MN_CANCEL_REMOVE_DEVICE:
    case IRP_MN_CANCEL_STOP_DEVICE:
    case IRP_MN_STOP_DEVICE:
        break;
    case IRP_MN_REMOVE_DEVICE:
        return Remove(Bus, Irp);
    default:
        return Forward(Bus, Irp);
    }
    Irp->IoStatus.Status = STATUS_SUCCESS;
    return Forward(Bus, Irp);
}

/*
 * IRP_MJ_POWER of a bus. A bridge stays in D0 as long as the system is in S0, and its port has no power management capability in QEMU; in
 * S3 the platform takes its power away, and hal/sleep.c puts its registers back before any child's IRP comes. So system IRPs just go on.
 */
NTSTATUS PciDispatchBusPower(PCI_BUS *Bus, PIRP Irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);

    if (stack->MinorFunction == IRP_MN_SET_POWER && stack->Parameters.Power.Type == SystemPowerState)
        Bus->SystemState = stack->Parameters.Power.State;
    PoStartNextPowerIrp(Irp);
    IoSkipCurrentIrpStackLocation(Irp);
    return PoCallDriver(Bus->Lower, Irp);
}
