/* SPDX-License-Identifier: MIT */
/* IRP_MN_QUERY_DEVICE_RELATIONS of the controller: its children. */
#include "fredbus.h"

/*
 * Builds the answer: what drivers above have put in already, then every child that is present, each referenced for the PnP manager. ChildrenLock held.
 */
static PDEVICE_RELATIONS BuildRelations(PBUS Bus, PDEVICE_RELATIONS Former)
{
    ULONG formerCount = Former != NULL ? Former->Count : 0;
    ULONG count = 0;
    SIZE_T size;
    PDEVICE_RELATIONS relations;
    PLIST_ENTRY entry;

    for (entry = Bus->Children.Flink; entry != &Bus->Children; entry = entry->Flink) {
        count += CONTAINING_RECORD(entry, CHILD, Entry)->Present;
    }
    size = FIELD_OFFSET(DEVICE_RELATIONS, Objects) + (formerCount + count + 1) * sizeof(PDEVICE_OBJECT);
    if (MUTANT(FREDBUS_ALLOCATES_FOR_EIGHT)) {
        size = FIELD_OFFSET(DEVICE_RELATIONS, Objects) + 8 * sizeof(PDEVICE_OBJECT);
    }
    relations = ExAllocatePoolWithTag(PagedPool, size, POOL_TAG);
    if (relations == NULL) {
        return NULL;
    }
    if (formerCount != 0) {
        RtlCopyMemory(relations->Objects, Former->Objects, formerCount * sizeof(PDEVICE_OBJECT));
    }
    relations->Count = formerCount;
    for (entry = Bus->Children.Flink; entry != &Bus->Children; entry = entry->Flink) {
        PCHILD child = CONTAINING_RECORD(entry, CHILD, Entry);

        if (child->Present) {
            if (!MUTANT(FREDBUS_DOES_NOT_REFERENCE)) {
                ObReferenceObject(child->Self);
            }
            relations->Objects[relations->Count++] = child->Self;
        } else {
            child->ReportedMissing = TRUE;
        }
    }
    return relations;
}

NTSTATUS QueryBusRelations(PFUNCTION_DEVICE Device, PIRP Irp)
{
    PBUS bus = Bus(Device);
    PDEVICE_RELATIONS former = (PDEVICE_RELATIONS)Irp->IoStatus.Information;
    PDEVICE_RELATIONS relations;

    if (IoGetCurrentIrpStackLocation(Irp)->Parameters.QueryDeviceRelations.Type != BusRelations) {
        return STATUS_SUCCESS; /* not ours: delegate */
    }
    LockChildren(bus);
    relations = BuildRelations(bus, former);
    UnlockChildren(bus);
    if (relations == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    if (former != NULL) {
        ExFreePool(former);
    }
    Irp->IoStatus.Information = (ULONG_PTR)relations;
    Irp->IoStatus.Status = STATUS_SUCCESS;
    return STATUS_SUCCESS;
}
