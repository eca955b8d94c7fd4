/* SPDX-License-Identifier: MIT */
/* Requests to the PnP manager, by drivers and by the rest of the kernel. */
#include "pnp/internal.h"

static VOID Queue(PNP_EVENT_KIND Kind, PDEVICE_OBJECT Pdo)
{
    PPNP_EVENT Event = PnpNewEvent(Kind, Pdo);
    if (Event) {
        PnpQueueEvent(Event);
    }
}

VOID PnpRequirePdo(PCSTR Function, PDEVICE_OBJECT Pdo, PVOID Caller)
{
    if (!Pdo || Pdo->Type != IO_TYPE_DEVICE || !PnpDevnodeOfPdo(Pdo)) {
        /* Bug check 0xCA, parameter 1 = 2: the driver called a PnP routine with something that is no PDO. */
        IoStop(PNP_DETECTED_FATAL_ERROR, 2, (ULONG_PTR)Pdo, 0, 0, Caller,
               "%s was called with %p, which is not the PDO of an enumerated device", Function, Pdo);
    }
}

VOID NTAPI IoInvalidateDeviceRelations(PDEVICE_OBJECT DeviceObject, DEVICE_RELATION_TYPE Type)
{
    PnpRequirePdo("IoInvalidateDeviceRelations", DeviceObject, _ReturnAddress());
    if (Type == BusRelations || Type == SingleBusRelations) {
        Queue(PnpEventEnumerate, DeviceObject);
    }
    /* Ejection, removal and power relations are asked for whenever they are needed. */
}

NTSTATUS NTAPI IoSynchronousInvalidateDeviceRelations(PDEVICE_OBJECT DeviceObject, DEVICE_RELATION_TYPE Type)
{
    PPNP_EVENT Event;
    NTSTATUS Status;
    PnpRequirePdo("IoSynchronousInvalidateDeviceRelations", DeviceObject, _ReturnAddress());
    if (Type != BusRelations) {
        return STATUS_SUCCESS;
    }
    Event = PnpNewEvent(PnpEventEnumerate, DeviceObject);
    if (!Event) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Status = PnpRunEvent(Event);
    PnpFreeEvent(Event);
    return Status;
}

VOID NTAPI IoInvalidateDeviceState(PDEVICE_OBJECT PhysicalDeviceObject)
{
    PnpRequirePdo("IoInvalidateDeviceState", PhysicalDeviceObject, _ReturnAddress());
    Queue(PnpEventStateChanged, PhysicalDeviceObject);
}

VOID NTAPI IoRequestDeviceEject(PDEVICE_OBJECT PhysicalDeviceObject)
{
    PnpRequirePdo("IoRequestDeviceEject", PhysicalDeviceObject, _ReturnAddress());
    PnpRequestEject(PhysicalDeviceObject, NULL, NULL);
}

typedef struct _EJECT_CALLBACK {
    PIO_DEVICE_EJECT_CALLBACK Callback;
    PVOID Context;
    PDRIVER_OBJECT DriverObject; /* referenced: the callback's image stays */
} EJECT_CALLBACK, *PEJECT_CALLBACK;

static void Ejected(PDEVICE_OBJECT Pdo, NTSTATUS Status, const PNP_VETO *Veto, PVOID Context)
{
    PEJECT_CALLBACK Eject = Context;
    Eject->Callback(Status, Eject->Context);
    ObfDereferenceObject(Eject->DriverObject);
    ExFreePoolWithTag(Eject, PNP_TAG);
}

/* As IoRequestDeviceEject; Callback learns on the PnP event thread how it ended. https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iorequestdeviceejectex */
NTSTATUS NTAPI IoRequestDeviceEjectEx(PDEVICE_OBJECT PhysicalDeviceObject, PIO_DEVICE_EJECT_CALLBACK Callback,
                                      PVOID Context, PDRIVER_OBJECT DriverObject)
{
    PEJECT_CALLBACK Eject;
    NTSTATUS Status;
    PnpRequirePdo("IoRequestDeviceEjectEx", PhysicalDeviceObject, _ReturnAddress());
    if (!Callback) {
        return PnpRequestEject(PhysicalDeviceObject, NULL, NULL);
    }
    if (!DriverObject) {
        return STATUS_INVALID_PARAMETER;
    }
    Eject = ExAllocatePoolWithTag(NonPagedPool, sizeof(*Eject), PNP_TAG);
    if (!Eject) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    *Eject = (EJECT_CALLBACK){Callback, Context, DriverObject};
    ObfReferenceObject(DriverObject);
    Status = PnpRequestEject(PhysicalDeviceObject, Ejected, Eject);
    if (!NT_SUCCESS(Status)) {
        ObfDereferenceObject(DriverObject);
        ExFreePoolWithTag(Eject, PNP_TAG);
    }
    return Status;
}

NTSTATUS PnpRequestEject(PDEVICE_OBJECT Pdo, PNP_EJECT_DONE Done, PVOID Context)
{
    PPNP_EVENT Event = PnpNewEvent(PnpEventRemove, Pdo);
    if (!Event) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Event->Remove = PnpRemoveEject;
    Event->EjectDone = Done;
    Event->Context = Context;
    PnpQueueEvent(Event);
    return STATUS_SUCCESS;
}

NTSTATUS PnpQueryRemoveAndRemove(PDEVICE_OBJECT Pdo, PNP_REMOVE_KIND Kind, PPNP_VETO Veto)
{
    PPNP_EVENT Event = PnpNewEvent(PnpEventRemove, Pdo);
    NTSTATUS Status;
    if (!Event) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Event->Remove = Kind;
    Status = PnpRunEvent(Event);
    *Veto = Event->Veto;
    PnpFreeEvent(Event);
    return Status;
}

NTSTATUS PnpRebalance(PDEVICE_OBJECT Pdo, PPNP_VETO Veto)
{
    PPNP_EVENT Event = PnpNewEvent(PnpEventRebalance, Pdo);
    NTSTATUS Status;
    if (!Event) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Status = PnpRunEvent(Event);
    *Veto = Event->Veto;
    PnpFreeEvent(Event);
    return Status;
}

NTSTATUS PnpEnable(PDEVICE_OBJECT Pdo)
{
    PPNP_EVENT Event = PnpNewEvent(PnpEventEnable, Pdo);
    NTSTATUS Status;
    if (!Event) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Status = PnpRunEvent(Event);
    PnpFreeEvent(Event);
    return Status;
}

void PnpSurpriseRemove(PDEVICE_OBJECT Pdo)
{
    PDEVICE_NODE Node = PnpDevnodeOfPdo(Pdo);
    if (Node && Node->Parent) {
        Queue(PnpEventEnumerate, Node->Parent->PhysicalDeviceObject);
    }
}
