/* SPDX-License-Identifier: MIT */
/*
 * The I/O verifier: the answer to IRP_MN_QUERY_DEVICE_RELATIONS for TargetDeviceRelation is one referenced pointer, to the PDO of the stack.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/irp-mn-query-device-relations
 * https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc9--driver-verifier-iomanager-violation (0x22B, 0x22C, 0x24B)
 */
#include "io/io.h"
#include "io/irp.h"

static BOOLEAN IsTargetQuery(const IO_STACK_LOCATION *Stack)
{
    return Stack->MajorFunction == IRP_MJ_PNP && Stack->MinorFunction == IRP_MN_QUERY_DEVICE_RELATIONS &&
           Stack->Parameters.QueryDeviceRelations.Type == TargetDeviceRelation;
}

static BOOLEAN IsPdo(PDEVICE_OBJECT Device)
{
    return !IoExtra(Device)->AttachedTo && PnpDevnodeOfPdo(Device);
}

VOID IopNoteTargetQuery(PIRP Irp, PDEVICE_OBJECT Device)
{
    if (IsTargetQuery(IoGetCurrentIrpStackLocation(Irp)) && IsPdo(Device)) {
        IopTracker(Irp)->References = ObpReferencesMade(Device);
    }
}

/* The one device object of the list, or NULL if it is not filled in as documented. */
static PDEVICE_OBJECT TargetOf(PIRP Irp)
{
    PDEVICE_RELATIONS Relations = (PDEVICE_RELATIONS)Irp->IoStatus.Information;
    if (!Relations || !MmIsAddressValid(Relations) || Relations->Count != 1 || !Relations->Objects[0] ||
        !MmIsAddressValid(Relations->Objects[0]) || Relations->Objects[0]->Type != IO_TYPE_DEVICE) {
        return NULL;
    }
    return Relations->Objects[0];
}

VOID IopCheckTargetRelation(PIRP Irp, PVOID Caller)
{
    PIO_STACK_LOCATION Stack;
    PDEVICE_OBJECT Target;
    if (!(Irp->AllocationFlags & IRP_ALLOCATED_BY_KERNEL) || Irp->CurrentLocation > min(Irp->StackCount, 64) ||
        !NT_SUCCESS(Irp->IoStatus.Status)) {
        return;
    }
    Stack = IoGetCurrentIrpStackLocation(Irp);
    if (!IsTargetQuery(Stack) || (IopTracker(Irp)->Forwarded & 1ULL << (Irp->CurrentLocation - 1))) {
        return; /* passed on: a driver below has answered */
    }
    Target = TargetOf(Irp);
    if (!IsPdo(Stack->DeviceObject)) {
        if (!Target) {
            IoStopRule(0x24B, Caller, Irp, Stack->DeviceObject,
                       "a driver that is not the bus driver completed a TargetDeviceRelation query with success, but "
                       "neither filled in DEVICE_RELATIONS nor passed the IRP to the stack of the device");
        }
        return;
    }
    if (Target != Stack->DeviceObject) {
        IoStopRule(0x22B, Caller, Irp, Stack->DeviceObject,
                   "the bus driver completed a TargetDeviceRelation query with success, but DEVICE_RELATIONS does not "
                   "name the PDO alone");
    }
    /* Whoever else references the PDO meanwhile hides the mistake; nobody can make it appear. */
    if (ObpReferencesMade(Target) == IopTracker(Irp)->References) {
        IoStopRule(0x22C, Caller, Irp, Stack->DeviceObject,
                   "the PDO in the answer to a TargetDeviceRelation query was not referenced: call ObReferenceObject, "
                   "as the PnP manager dereferences it");
    }
}
