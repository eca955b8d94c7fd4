/* SPDX-License-Identifier: MIT */
/*
 * pci/service.c - what a port's interrupt sets going: the service routine takes the events from the hardware (DIRQL), a DPC queues one work item
 * for them, and that acts on them at PASSIVE_LEVEL. Slot (slot.c) and PME and errors (port.c) of a port have a service each, on one shared message.
 */
#include "pci.h"

/* One work item at a time: Queued is set from the DPC until the work item has seen that no event is left. */
static VOID NTAPI Work(PDEVICE_OBJECT Device, PVOID Context)
{
    PCI_SERVICE *service = Context;
    LONG events;

    do {
        while ((events = InterlockedExchange(&service->Events, 0)) != 0)
            service->Handle(service->Owner, events);
        InterlockedExchange(&service->Queued, 0);
    } while (service->Events != 0 && InterlockedExchange(&service->Queued, 1) == 0);
    ExReleaseRundownProtection(&service->Rundown);
}

/* A work item that is at its end may still run when the next is queued: each has protection of its own. */
static VOID NTAPI Dpc(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    PCI_SERVICE *service = Context;

    if (InterlockedExchange(&service->Queued, 1) == 0) {
        ExAcquireRundownProtection(&service->Rundown);
        IoQueueWorkItem(service->Work, Work, DelayedWorkQueue, service);
    }
}

static BOOLEAN NTAPI ServiceRoutine(PKINTERRUPT Interrupt, PVOID Context)
{
    PCI_SERVICE *service = Context;
    LONG events = service->Collect(service->Owner);

    if (events == 0)
        return FALSE;
    InterlockedOr(&service->Events, events);
    KeInsertQueueDpc(&service->Dpc, NULL, NULL);
    return TRUE;
}

static NTSTATUS Connect(PCI_SERVICE *Service, PDEVICE_OBJECT Pdo, PCM_RESOURCE_LIST Translated)
{
    PCM_PARTIAL_RESOURCE_LIST list = Translated != NULL ? &Translated->List[0].PartialResourceList : NULL;
    IO_CONNECT_INTERRUPT_PARAMETERS connect = {.Version = CONNECT_FULLY_SPECIFIED};

    for (ULONG i = 0; list != NULL && i < list->Count; i++) {
        PCM_PARTIAL_RESOURCE_DESCRIPTOR descriptor = &list->PartialDescriptors[i];

        if (descriptor->Type != CmResourceTypeInterrupt)
            continue;
        connect.FullySpecified.PhysicalDeviceObject = Pdo;
        connect.FullySpecified.InterruptObject = &Service->Interrupt;
        connect.FullySpecified.ServiceRoutine = ServiceRoutine;
        connect.FullySpecified.ServiceContext = Service;
        connect.FullySpecified.Vector = descriptor->u.Interrupt.Vector;
        connect.FullySpecified.Irql = connect.FullySpecified.SynchronizeIrql = (KIRQL)descriptor->u.Interrupt.Level;
        connect.FullySpecified.InterruptMode =
            descriptor->Flags & CM_RESOURCE_INTERRUPT_MESSAGE ? Latched : LevelSensitive;
        connect.FullySpecified.ShareVector = TRUE; /* with the port's other service */
        connect.FullySpecified.ProcessorEnableMask = descriptor->u.Interrupt.Affinity;
        return IoConnectInterruptEx(&connect);
    }
    return STATUS_DEVICE_CONFIGURATION_ERROR;
}

/*
 * Listen to the interrupt of the port above Bus. Collect (any IRQL up to DIRQL) takes the events and clears them until nothing is left, because a
 * port sends a message only when its status goes from nothing to something (PCIe 6.7.3.4); Handle acts on them at PASSIVE_LEVEL. Both may be called
 * before this returns. STATUS_DEVICE_CONFIGURATION_ERROR: the port has no interrupt. After a failure nothing is left to stop. PASSIVE_LEVEL.
 */
NTSTATUS PciStartService(PCI_SERVICE *Service, PCI_BUS *Bus, PCM_RESOURCE_LIST Translated, LONG (*Collect)(PVOID Owner),
                         VOID (*Handle)(PVOID Owner, LONG Events), PVOID Owner)
{
    NTSTATUS status;

    RtlZeroMemory(Service, sizeof(*Service));
    Service->Collect = Collect;
    Service->Handle = Handle;
    Service->Owner = Owner;
    KeInitializeDpc(&Service->Dpc, Dpc, Service);
    ExInitializeRundownProtection(&Service->Rundown);
    Service->Work = IoAllocateWorkItem(Bus->Common.Self);
    if (Service->Work == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    status = Connect(Service, Bus->Pdo, Translated);
    if (!NT_SUCCESS(status))
        IoFreeWorkItem(Service->Work);
    return status;
}

/* No event is handled after this; waits for those that are. PASSIVE_LEVEL. */
VOID PciStopService(PCI_SERVICE *Service)
{
    IoDisconnectInterrupt(Service->Interrupt);
    KeFlushQueuedDpcs();
    ExWaitForRundownProtectionRelease(&Service->Rundown);
    IoFreeWorkItem(Service->Work);
}
