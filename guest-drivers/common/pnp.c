/* SPDX-License-Identifier: MIT */
/* IRP_MJ_PNP of a function device: one small handler a minor function, each succeeding, failing or delegating its IRP visibly. */
#include "function_device.h"
#include "irp.h"

/* Switches the device interface; others may open the device while it is on. PASSIVE_LEVEL. */
static VOID EnableInterface(PFUNCTION_DEVICE Device, BOOLEAN Enable)
{
    if (Device->InterfaceName.Buffer != NULL && Device->InterfaceEnabled != Enable) {
        Device->InterfaceEnabled = Enable;
        IoSetDeviceInterfaceState(&Device->InterfaceName, Enable);
    }
}

static VOID ReleaseResources(PFUNCTION_DEVICE Device)
{
    if (Device->ResourcesHeld) {
        Device->ResourcesHeld = FALSE;
        if (FunctionOperations.ReleaseResources != NULL) {
            FunctionOperations.ReleaseResources(Device);
        }
    }
}

static VOID LeaveOthers(PFUNCTION_DEVICE Device)
{
    if (FunctionOperations.Leaving != NULL) {
        FunctionOperations.Leaving(Device);
    }
}

/* START goes up the stack: the lower drivers first, then this one. Succeeded or failed here. */
static NTSTATUS Start(PFUNCTION_DEVICE Device, PIRP Irp, PIO_STACK_LOCATION Stack)
{
    NTSTATUS status = MUTANT(OWNER_STARTS_BEFORE_THE_BUS) ? STATUS_SUCCESS : ForwardIrpAndWait(Device->Lower, Irp);

    if (NT_SUCCESS(status) && FunctionOperations.AcquireResources != NULL) {
        status = FunctionOperations.AcquireResources(Device, Stack->Parameters.StartDevice.AllocatedResources,
                                                     Stack->Parameters.StartDevice.AllocatedResourcesTranslated);
    }
    if (MUTANT(OWNER_STARTS_BEFORE_THE_BUS) && NT_SUCCESS(status)) {
        status = ForwardIrpAndWait(Device->Lower, Irp);
    }
    Trace("start status=%x device=%u", status, Device->Number);
    if (NT_SUCCESS(status)) {
        POWER_STATE power = {.DeviceState = PowerDeviceD0};

        status = STATUS_SUCCESS;
        Device->ResourcesHeld = TRUE;
        Device->State = PnpStarted;
        Device->DeviceState = PowerDeviceD0;
        PoSetPowerState(Device->Self, DevicePowerState, power);
        HardwarePowerUp(Device);
        EnableInterface(Device, TRUE);
        if (FunctionOperations.Started != NULL) {
            FunctionOperations.Started(Device);
        }
        WaitWakeArm(Device);
    }
    return CompleteIrp(Irp, status, 0);
}

/* Failed here, or delegated. */
static NTSTATUS QueryStop(PFUNCTION_DEVICE Device, PIRP Irp)
{
    NTSTATUS status = FunctionOperations.QueryStop != NULL ? FunctionOperations.QueryStop(Device) : STATUS_SUCCESS;

    if (!NT_SUCCESS(status)) {
        return CompleteIrp(Irp, status, 0);
    }
    Device->StateBeforeQuery = Device->State;
    Device->State = PnpStopPending;
    if (MUTANT(OWNER_STOPS_AT_QUERY)) {
        HardwarePowerDown(Device, PowerDownStop);
    }
    Irp->IoStatus.Status = STATUS_SUCCESS;
    return PassIrp(Device->Lower, Irp);
}

static NTSTATUS CancelStop(PFUNCTION_DEVICE Device, PIRP Irp)
{
    NTSTATUS status;

    /* The lower drivers come back first. A cancel may come without its query. */
    Irp->IoStatus.Status = STATUS_SUCCESS;
    status = ForwardIrpAndWait(Device->Lower, Irp);
    if (Device->State == PnpStopPending) {
        Device->State = Device->StateBeforeQuery;
    }
    UNREFERENCED_PARAMETER(status);
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

/* The interface stays enabled: the device will be back. Delegated. */
static NTSTATUS Stop(PFUNCTION_DEVICE Device, PIRP Irp)
{
    Trace("stop device=%u", Device->Number);
    if (FunctionOperations.Stopping != NULL) {
        FunctionOperations.Stopping(Device);
    }
    WaitWakeDisarm(Device);
    HardwarePowerDown(Device, PowerDownStop);
    ReleaseResources(Device);
    Device->State = PnpStopped;
    Irp->IoStatus.Status = STATUS_SUCCESS;
    return PassIrp(Device->Lower, Irp);
}

/* From here on DispatchCreate fails, so that no new user appears between the query and the removal. Failed here, or delegated. */
static NTSTATUS QueryRemove(PFUNCTION_DEVICE Device, PIRP Irp)
{
    NTSTATUS status;

    Trace("query-remove device=%u", Device->Number);
    status = FunctionOperations.QueryRemove != NULL ? FunctionOperations.QueryRemove(Device) : STATUS_SUCCESS;
    if (!NT_SUCCESS(status)) {
        return CompleteIrp(Irp, status, 0);
    }
    Device->StateBeforeQuery = Device->State;
    Device->State = PnpRemovePending;
    WaitWakeDisarm(Device);
    Irp->IoStatus.Status = MUTANT(OWNER_PASSES_FAILED_IRPS) ? STATUS_UNSUCCESSFUL : STATUS_SUCCESS;
    return PassIrp(Device->Lower, Irp);
}

/*
 * Whoever was turned away while the removal was pending has no handle, and so hears nothing of its end: the interface goes and comes, and its arrival
 * finds them. The driver cannot know whether there is anybody: the I/O manager refuses such opens without asking it.
 */
static VOID InviteAgain(PFUNCTION_DEVICE Device)
{
    if (!MUTANT(OWNER_INVITES_NOBODY_AGAIN)) {
        EnableInterface(Device, FALSE);
        EnableInterface(Device, TRUE);
    }
}

static NTSTATUS CancelRemove(PFUNCTION_DEVICE Device, PIRP Irp)
{
    NTSTATUS status;

    Irp->IoStatus.Status = STATUS_SUCCESS;
    status = ForwardIrpAndWait(Device->Lower, Irp);
    Trace("cancel-remove device=%u", Device->Number);
    if (Device->State == PnpRemovePending && !MUTANT(OWNER_STAYS_REMOVE_PENDING)) {
        Device->State = Device->StateBeforeQuery;
        KeMemoryBarrier();
        InviteAgain(Device);
        WaitWakeArm(Device);
    }
    UNREFERENCED_PARAMETER(status);
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

/* The hardware is gone. Whoever uses it is told before anything else happens: that is the window the article warns of. Delegated. */
static NTSTATUS SurpriseRemoval(PFUNCTION_DEVICE Device, PIRP Irp)
{
    Trace("surprise-removal device=%u", Device->Number);
    Device->State = PnpSurpriseRemoved;
    HardwarePowerDown(Device, PowerDownSurprise);
    WaitersClose(&Device->Waiters);
    WaitWakeDisarm(Device);
    EnableInterface(Device, FALSE);
    LeaveOthers(Device);
    ReleaseResources(Device);
    Irp->IoStatus.Status = STATUS_SUCCESS;
    return PassIrp(Device->Lower, Irp);
}

/* The caller has acquired the remove lock; this waits until everybody else has released it. Delegated, then the device object goes. */
static NTSTATUS Remove(PFUNCTION_DEVICE Device, PIRP Irp)
{
    PDEVICE_OBJECT lower = Device->Lower;
    NTSTATUS status;

    Trace("remove device=%u", Device->Number);
    HardwarePowerDown(Device, PowerDownRemove);
    WaitersClose(&Device->Waiters);
    WaitWakeDisarm(Device);
    EnableInterface(Device, FALSE);
    LeaveOthers(Device);
    Device->State = PnpRemoved;
    IoReleaseRemoveLockAndWait(&Device->RemoveLock, Irp);
    ReleaseResources(Device);
    Irp->IoStatus.Status = STATUS_SUCCESS;
    status = PassIrp(lower, Irp);
    if (FunctionOperations.Uninitialize != NULL) {
        FunctionOperations.Uninitialize(Device);
    }
    if (Device->InterfaceName.Buffer != NULL) {
        RtlFreeUnicodeString(&Device->InterfaceName);
    }
    IoFreeWorkItem(Device->PowerUpItem);
    if (!MUTANT(OWNER_DOES_NOT_DETACH)) {
        IoDetachDevice(lower);
    }
    IoDeleteDevice(Device->Self);
    return status;
}

/* A bus driver adds its children; everybody else delegates. */
static NTSTATUS QueryRelations(PFUNCTION_DEVICE Device, PIRP Irp)
{
    if (FunctionOperations.QueryRelations != NULL) {
        NTSTATUS status = FunctionOperations.QueryRelations(Device, Irp);

        if (!NT_SUCCESS(status)) {
            return CompleteIrp(Irp, status, 0);
        }
    }
    return PassIrp(Device->Lower, Irp);
}

/* Succeeded, with the news if there is one, and delegated. */
static NTSTATUS QueryDeviceState(PFUNCTION_DEVICE Device, PIRP Irp)
{
    if (Device->RequirementsChanged) {
        Device->RequirementsChanged = FALSE;
        Irp->IoStatus.Information |= PNP_DEVICE_RESOURCE_REQUIREMENTS_CHANGED;
        Irp->IoStatus.Status = STATUS_SUCCESS;
    }
    return PassIrp(Device->Lower, Irp);
}

static NTSTATUS DispatchFunctionPnp(PFUNCTION_DEVICE Device, PIRP Irp, PIO_STACK_LOCATION Stack)
{
    switch (Stack->MinorFunction) {
    case IRP_MN_START_DEVICE:
        return Start(Device, Irp, Stack);
    case IRP_MN_QUERY_STOP_DEVICE:
        return QueryStop(Device, Irp);
    case IRP_MN_CANCEL_STOP_DEVICE:
        return CancelStop(Device, Irp);
    case IRP_MN_STOP_DEVICE:
        return Stop(Device, Irp);
    case IRP_MN_QUERY_REMOVE_DEVICE:
        return QueryRemove(Device, Irp);
    case IRP_MN_CANCEL_REMOVE_DEVICE:
        return CancelRemove(Device, Irp);
    case IRP_MN_SURPRISE_REMOVAL:
        return SurpriseRemoval(Device, Irp);
    case IRP_MN_QUERY_DEVICE_RELATIONS:
        return QueryRelations(Device, Irp);
    case IRP_MN_QUERY_PNP_DEVICE_STATE:
        return QueryDeviceState(Device, Irp);
    case IRP_MN_QUERY_INTERFACE:
        return FunctionOperations.QueryInterface != NULL ? FunctionOperations.QueryInterface(Device, Irp)
                                                         : PassIrp(Device->Lower, Irp);
    default:
        return MUTANT(FREDBUS_KEEPS_WHAT_IT_DOES_NOT_KNOW) ? IgnoreIrp(Irp) : PassIrp(Device->Lower, Irp);
    }
}

/* PASSIVE_LEVEL, in the context of a system thread. */
NTSTATUS NTAPI DispatchPnp(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PFUNCTION_DEVICE device;
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    NTSTATUS status;

    if (IsChild(DeviceObject) && !MUTANT(FREDBUS_TAKES_CHILD_FOR_ITSELF)) {
        return FunctionOperations.ChildPnp(DeviceObject, Irp);
    }
    device = FunctionDevice(DeviceObject);
    status = IoAcquireRemoveLock(&device->RemoveLock, Irp);
    if (!NT_SUCCESS(status)) {
        return CompleteIrp(Irp, status, 0);
    }
    if (stack->MinorFunction == IRP_MN_REMOVE_DEVICE) {
        return Remove(device, Irp); /* releases the lock, and the device is gone afterwards */
    }
    status = DispatchFunctionPnp(device, Irp, stack);
    IoReleaseRemoveLock(&device->RemoveLock, Irp);
    return status;
}
