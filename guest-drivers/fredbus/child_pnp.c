/* SPDX-License-Identifier: MIT */
/*
 * IRP_MJ_PNP and IRP_MJ_POWER of a PDO, where every IRP ends: each minor function is succeeded, answered, or ignored (completed with the status that it
 * came with), and nothing is passed on.
 */
#include "fredbus.h"
#include "irp.h"

static NTSTATUS Start(PCHILD Child, PIRP Irp)
{
    POWER_STATE power = {.DeviceState = PowerDeviceD0};

    if (!Child->Present) {
        return CompleteIrp(Irp, STATUS_NO_SUCH_DEVICE, 0);
    }
    ChildSwitch(Child, TRUE);
    PoSetPowerState(Child->Self, DevicePowerState, power);
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

/* Stop, surprise removal and both cancels have nothing more to do than this. */
static NTSTATUS Succeed(PIRP Irp)
{
    return CompleteIrp(Irp, STATUS_SUCCESS, Irp->IoStatus.Information);
}

static NTSTATUS Stop(PCHILD Child, PIRP Irp)
{
    ChildSwitch(Child, FALSE);
    return Succeed(Irp);
}

/* The eject that the hardware asked for has been vetoed. */
static NTSTATUS CancelRemove(PCHILD Child, PIRP Irp)
{
    if (Child->EjectAsked) {
        Child->EjectAsked = FALSE;
        ChildAnswerEject(Child, FALSE);
    }
    return Succeed(Irp);
}

/* The hardware lets go; the change interrupt that follows finds the slot empty, and the child is reported missing. */
static NTSTATUS Eject(PCHILD Child, PIRP Irp)
{
    Trace("eject slot=%u device=%u", Child->Slot, Child->Bus->Function.Number);
    if (!MUTANT(FREDBUS_NEVER_EJECTS)) {
        ChildAnswerEject(Child, TRUE);
    }
    Child->EjectAsked = FALSE;
    EnumerateQueue(Child->Bus); /* also when the interrupt is late */
    return Succeed(Irp);
}

/* The end of the PDO only when the hardware has gone and the PnP manager has been told so; else it waits for its next start. */
static NTSTATUS Remove(PCHILD Child, PIRP Irp)
{
    BOOLEAN end =
        (Child->ReportedMissing || MUTANT(FREDBUS_DELETES_PRESENT_CHILD)) && !MUTANT(FREDBUS_KEEPS_GONE_CHILD);

    ChildSwitch(Child, FALSE);
    Succeed(Irp);
    if (end) {
        DeleteChild(Child);
    }
    return STATUS_SUCCESS;
}

/* TargetDeviceRelation: the PDO itself, referenced. The others are ignored: no ejection or removal relations. */
static NTSTATUS QueryRelations(PCHILD Child, PIRP Irp, PIO_STACK_LOCATION Stack)
{
    PDEVICE_RELATIONS relations;

    if (Stack->Parameters.QueryDeviceRelations.Type != TargetDeviceRelation) {
        return IgnoreIrp(Irp);
    }
    relations = ExAllocatePoolWithTag(PagedPool, sizeof(*relations), POOL_TAG);
    if (relations == NULL) {
        return CompleteIrp(Irp, STATUS_INSUFFICIENT_RESOURCES, 0);
    }
    ObReferenceObject(Child->Self);
    relations->Count = 1;
    relations->Objects[0] = Child->Self;
    return CompleteIrp(Irp, STATUS_SUCCESS, (ULONG_PTR)relations);
}

NTSTATUS ChildPnp(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PCHILD child = Child(DeviceObject);
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    ULONG_PTR information = Irp->IoStatus.Information;
    NTSTATUS status = Irp->IoStatus.Status;

    switch (stack->MinorFunction) {
    case IRP_MN_START_DEVICE:
        return Start(child, Irp);
    case IRP_MN_STOP_DEVICE:
        return Stop(child, Irp);
    case IRP_MN_QUERY_STOP_DEVICE:
    case IRP_MN_CANCEL_STOP_DEVICE:
    case IRP_MN_QUERY_REMOVE_DEVICE:
    case IRP_MN_SURPRISE_REMOVAL:
        return Succeed(Irp);
    case IRP_MN_CANCEL_REMOVE_DEVICE:
        return CancelRemove(child, Irp);
    case IRP_MN_EJECT:
        return Eject(child, Irp);
    case IRP_MN_REMOVE_DEVICE:
        return Remove(child, Irp);
    case IRP_MN_QUERY_DEVICE_RELATIONS:
        return QueryRelations(child, Irp, stack);
    case IRP_MN_QUERY_ID:
        status = ChildQueryId(child, stack, status, &information);
        return CompleteIrp(Irp, status, information);
    case IRP_MN_QUERY_DEVICE_TEXT:
        status = ChildQueryText(child, stack, status, &information);
        return CompleteIrp(Irp, status, information);
    case IRP_MN_QUERY_CAPABILITIES:
        return CompleteIrp(Irp, ChildQueryCapabilities(child, stack), information);
    case IRP_MN_QUERY_BUS_INFORMATION:
        status = ChildQueryBusInformation(child, &information);
        return CompleteIrp(Irp, status, information);
    case IRP_MN_QUERY_INTERFACE:
        return CompleteIrp(Irp, ChildQueryInterface(child, stack, status), information);
    case IRP_MN_QUERY_RESOURCES:             /* the children need none */
    case IRP_MN_QUERY_RESOURCE_REQUIREMENTS: /* "completes the IRP without modifying" */
        return MUTANT(FREDBUS_SUCCEEDS_WITHOUT_RESOURCES) ? Succeed(Irp) : IgnoreIrp(Irp);
    case IRP_MN_QUERY_PNP_DEVICE_STATE:
        if (MUTANT(FREDBUS_REPORTS_CHILDREN_FAILED)) {
            return CompleteIrp(Irp, STATUS_SUCCESS, PNP_DEVICE_FAILED);
        }
        return IgnoreIrp(Irp); /* the function driver's flags, if it has put any in, stay as they are */
    default:
        if (MUTANT(FREDBUS_SUCCEEDS_UNKNOWN_REQUESTS)) {
            return Succeed(Irp);
        }
        return IgnoreIrp(Irp);
    }
}

/* Every power IRP succeeds here: the bus can always follow. PASSIVE_LEVEL (DO_POWER_PAGABLE). */
NTSTATUS ChildPower(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PCHILD child = Child(DeviceObject);
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);

    PoStartNextPowerIrp(Irp);
    switch (stack->MinorFunction) {
    case IRP_MN_SET_POWER:
        if (stack->Parameters.Power.Type == DevicePowerState) {
            ChildSwitch(child, stack->Parameters.Power.State.DeviceState == PowerDeviceD0);
            PoSetPowerState(DeviceObject, DevicePowerState, stack->Parameters.Power.State);
        }
        return CompleteIrp(Irp, STATUS_SUCCESS, 0);
    case IRP_MN_QUERY_POWER:
        return CompleteIrp(Irp, STATUS_SUCCESS, 0);
    default:
        return IgnoreIrp(Irp);
    }
}
