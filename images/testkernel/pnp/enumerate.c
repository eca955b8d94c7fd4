/* SPDX-License-Identifier: MIT */
/*
 * Reading a bus: new PDOs become devnodes, PDOs that are missing go away.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/irp-mn-query-device-relations
 */
#include "pnp/internal.h"
#include "ob/attribute.h"
#include "kd/log.h"

/* Bug check 0xCA PNP_DETECTED_FATAL_ERROR, parameter 1. */
#define PNP_INVALID_PDO         2
#define PNP_INVALID_ENUMERATION 4
#define PNP_NULL_RELATION       8

static VOID CheckReportedPdo(PDEVICE_NODE Bus, PDEVICE_RELATIONS Relations, ULONG Index)
{
    PVOID Caller = (PVOID)IoGetAttachedDevice(Bus->PhysicalDeviceObject)->DriverObject->MajorFunction[IRP_MJ_PNP];
    PDEVICE_OBJECT Pdo = Relations->Objects[Index];
    PDEVICE_NODE Node;
    if (!Pdo) {
        IoStop(PNP_DETECTED_FATAL_ERROR, PNP_NULL_RELATION, (ULONG_PTR)Bus->PhysicalDeviceObject, Relations->Count,
               Index, Caller, "the bus relations of %wZ contain NULL at index %u of %u", &Bus->InstancePath, Index,
               Relations->Count);
    }
    if (Pdo->Type != IO_TYPE_DEVICE || IoExtra(Pdo)->AttachedTo) {
        IoStopRule(0x248, Caller, NULL, Pdo,
                   "the bus relations of %wZ contain %p, which is no PDO (a PDO is at the bottom of its stack)",
                   &Bus->InstancePath, Pdo);
    }
    if (IoExtra(Pdo)->ExtensionFlags & (DOE_DELETE_PENDING | DOE_DELETED)) {
        IoStop(PNP_DETECTED_FATAL_ERROR, PNP_INVALID_ENUMERATION, (ULONG_PTR)Pdo, 0, 0, Caller,
               "the bus relations of %wZ contain PDO %p, which was deleted by IoDeleteDevice", &Bus->InstancePath, Pdo);
    }
    Node = PnpDevnodeOfPdo(Pdo);
    if (Node && Node->Parent != Bus) {
        IoStop(PNP_DETECTED_FATAL_ERROR, PNP_INVALID_PDO, (ULONG_PTR)Pdo, (ULONG_PTR)Pdo->DriverObject, 0, Caller,
               "the bus relations of %wZ contain %wZ, which is a child of %wZ", &Bus->InstancePath, &Node->InstancePath,
               Node->Parent ? &Node->Parent->InstancePath : &Bus->InstancePath);
    }
}

NTSTATUS PnpEnumerate(PDEVICE_NODE Node)
{
    PDEVICE_RELATIONS Relations;
    PDEVICE_NODE Child;
    ULONG I;
    NTSTATUS Status;
    Node->Flags &= ~DNF_NEEDS_RELATIONS;
    PnpSetState(Node, DeviceNodeEnumeratePending);
    Status = PnpQueryRelations(Node, BusRelations, &Relations);
    PnpSetState(Node, DeviceNodeEnumerateCompletion);
    PnpSetState(Node, DeviceNodeStarted);
    if (Status == STATUS_NOT_SUPPORTED || (NT_SUCCESS(Status) && !Relations)) {
        return STATUS_SUCCESS; /* no bus, or nothing to say: the children stay as they are */
    }
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    for (Child = Node->Child; Child; Child = Child->Sibling) {
        Child->Flags &= ~DNF_ENUMERATED;
    }
    for (I = 0; I < Relations->Count; I++) {
        PDEVICE_OBJECT Pdo = Relations->Objects[I];
        CheckReportedPdo(Node, Relations, I);
        Child = PnpDevnodeOfPdo(Pdo);
        if (!Child) {
            Child = PnpCreateDevnode(Pdo, Node);
        }
        if (Child) {
            if (Child->Flags & DNF_MISSING) {
                IoStop(PNP_DETECTED_FATAL_ERROR, PNP_INVALID_ENUMERATION, (ULONG_PTR)Pdo, 1, 0,
                       (PVOID)IoGetAttachedDevice(Node->PhysicalDeviceObject)->DriverObject->MajorFunction[IRP_MJ_PNP],
                       "the bus driver reported %wZ missing and now reports the same PDO again: a device that comes "
                       "back needs a new PDO",
                       &Child->InstancePath);
            }
            Child->Flags |= DNF_ENUMERATED;
            if (Child->Problem == CM_PROB_REINSTALL) {
                PnpClearProblem(Child); /* uninstalled, but its bus still has it: it is installed anew */
                PnpSendMinor(Child, IRP_MN_DEVICE_ENUMERATED);
            }
        }
        ObpDropGiven(Pdo); /* the bus driver referenced it for us */
    }
    ExFreePool(Relations);
    for (Child = Node->Child; Child; Child = Child->Sibling) {
        if (!(Child->Flags & (DNF_ENUMERATED | DNF_MISSING))) {
            PPNP_EVENT Event;
            KdTrace("missing instance=%wZ", &Child->InstancePath);
            Child->Flags |= DNF_MISSING;
            Event = PnpNewEvent(PnpEventSurprise, Child->PhysicalDeviceObject);
            if (Event) {
                PnpQueueEvent(Event);
            }
        }
    }
    return STATUS_SUCCESS;
}
