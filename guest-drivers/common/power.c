/* SPDX-License-Identifier: MIT */
/*
 * IRP_MJ_POWER of a function device that owns its stack's power policy.
 *
 *   system query or set ──down──► lower drivers ──completed──► device query or set requested ──done──► system IRP completed
 *   device set D1..D3: the driver lets go of the hardware, then the IRP goes down
 *   device set D0:     the IRP goes down, and once the bus has switched the device on, a work item gives the driver its hardware
 *
 * Every system power IRP is matched by one device power IRP: S0 by D0, all others by D3, the deepest state, which every device may enter.
 * Source: Microsoft, "Handling System Set-Power IRPs in a Device Power Policy Owner", "Handling IRP_MN_SET_POWER for Device Power States".
 */
#include "function_device.h"
#include "irp.h"

/* PoStartNextPowerIrp does nothing since Windows Vista, but the contract of the older versions costs nothing to keep. */
static NTSTATUS CompletePower(PFUNCTION_DEVICE Device, PIRP Irp, NTSTATUS Status)
{
    PoStartNextPowerIrp(Irp);
    CompleteIrp(Irp, Status, 0);
    IoReleaseRemoveLock(&Device->RemoveLock, Irp);
    return Status;
}

static NTSTATUS PassPower(PFUNCTION_DEVICE Device, PIRP Irp)
{
    NTSTATUS status;

    PoStartNextPowerIrp(Irp);
    IoSkipCurrentIrpStackLocation(Irp);
    status = PoCallDriver(Device->Lower, Irp);
    IoReleaseRemoveLock(&Device->RemoveLock, Irp);
    return status;
}

/* The device power IRP that a system power IRP caused is done: so is the system power IRP. IRQL <= DISPATCH_LEVEL. */
static VOID NTAPI DevicePowerDone(PDEVICE_OBJECT DeviceObject, UCHAR MinorFunction, POWER_STATE PowerState,
                                  PVOID Context, PIO_STATUS_BLOCK IoStatus)
{
    PFUNCTION_DEVICE device = (PFUNCTION_DEVICE)Context;
    PIRP systemIrp = device->SystemPowerIrp;

    UNREFERENCED_PARAMETER(DeviceObject);
    UNREFERENCED_PARAMETER(MinorFunction);
    UNREFERENCED_PARAMETER(PowerState);
    device->SystemPowerIrp = NULL;
    if (!MUTANT(OWNER_FORGETS_SYSTEM_IRP)) {
        CompletePower(device, systemIrp, IoStatus->Status);
    }
}

/* The lower drivers are done with the system power IRP: request the device's own. IRQL <= DISPATCH_LEVEL. */
static NTSTATUS NTAPI SystemPowerPassed(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
    PFUNCTION_DEVICE device = (PFUNCTION_DEVICE)Context;
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    POWER_STATE wanted;
    NTSTATUS status = Irp->IoStatus.Status;

    UNREFERENCED_PARAMETER(DeviceObject);
    if (NT_SUCCESS(status)) {
        wanted.DeviceState =
            stack->Parameters.Power.State.SystemState == PowerSystemWorking ? PowerDeviceD0 : PowerDeviceD3;
        device->SystemPowerIrp = Irp;
        status = PoRequestPowerIrp(device->Pdo, stack->MinorFunction, wanted, DevicePowerDone, device, NULL);
        if (status == STATUS_PENDING) {
            return STATUS_MORE_PROCESSING_REQUIRED;
        }
        device->SystemPowerIrp = NULL;
        Irp->IoStatus.Status = status;
    }
    PoStartNextPowerIrp(Irp);
    IoReleaseRemoveLock(&device->RemoveLock, Irp);
    return STATUS_CONTINUE_COMPLETION;
}

/* Query and set alike: delegated now, completed when the device has followed. The remove lock stays held until then. */
static NTSTATUS SystemPower(PFUNCTION_DEVICE Device, PIRP Irp)
{
    if (!MUTANT(OWNER_FORGETS_TO_MARK_PENDING)) {
        IoMarkIrpPending(Irp);
    }
    IoCopyCurrentIrpStackLocationToNext(Irp);
    IoSetCompletionRoutine(Irp, SystemPowerPassed, Device, TRUE, TRUE, TRUE);
    PoCallDriver(Device->Lower, Irp);
    return STATUS_PENDING;
}

/* PowerUp may block and map memory, so it gets a thread. PASSIVE_LEVEL. */
static VOID NTAPI FinishPowerUp(PDEVICE_OBJECT DeviceObject, PVOID Context)
{
    PFUNCTION_DEVICE device = (PFUNCTION_DEVICE)Context;
    PIRP irp = device->DevicePowerIrp;
    POWER_STATE power = {.DeviceState = PowerDeviceD0};
    NTSTATUS status;

    UNREFERENCED_PARAMETER(DeviceObject);
    device->DevicePowerIrp = NULL;
    device->DeviceState = PowerDeviceD0;
    PoSetPowerState(device->Self, DevicePowerState, power);
    HardwarePowerUp(device);
    /* The wait/wake IRP may only be sent when no other power IRP is active in the stack; the lock keeps the device until it is. */
    status = IoAcquireRemoveLock(&device->RemoveLock, device);
    CompletePower(device, irp, STATUS_SUCCESS);
    if (NT_SUCCESS(status)) {
        WaitWakeArm(device);
        IoReleaseRemoveLock(&device->RemoveLock, device);
    }
}

/* The bus has switched the device on. IRQL <= DISPATCH_LEVEL. */
static NTSTATUS NTAPI DevicePowerUpPassed(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
    PFUNCTION_DEVICE device = (PFUNCTION_DEVICE)Context;

    UNREFERENCED_PARAMETER(DeviceObject);
    if (NT_SUCCESS(Irp->IoStatus.Status)) {
        device->DevicePowerIrp = Irp;
        IoQueueWorkItem(device->PowerUpItem, FinishPowerUp, DelayedWorkQueue, device);
        return STATUS_MORE_PROCESSING_REQUIRED;
    }
    PoStartNextPowerIrp(Irp);
    IoReleaseRemoveLock(&device->RemoveLock, Irp);
    return STATUS_CONTINUE_COMPLETION;
}

static NTSTATUS DevicePowerUp(PFUNCTION_DEVICE Device, PIRP Irp)
{
    IoMarkIrpPending(Irp);
    IoCopyCurrentIrpStackLocationToNext(Irp);
    IoSetCompletionRoutine(Irp, DevicePowerUpPassed, Device, TRUE, TRUE, TRUE);
    PoCallDriver(Device->Lower, Irp);
    return STATUS_PENDING;
}

/* PASSIVE_LEVEL, because of DO_POWER_PAGABLE. */
static NTSTATUS DevicePowerDown(PFUNCTION_DEVICE Device, PIRP Irp, DEVICE_POWER_STATE NewState)
{
    POWER_STATE power = {.DeviceState = NewState};

    Device->DeviceState = NewState; /* from here on a wake request is not lost: the D0 IRP waits for this one's end */
    if (MUTANT(OWNER_TELLS_TOO_LATE)) {
        PoSetPowerState(Device->Self, DevicePowerState, power);
        ForwardIrpAndWait(Device->Lower, Irp);
        HardwarePowerDown(Device, PowerDownSleep);
        return CompletePower(Device, Irp, STATUS_SUCCESS);
    }
    HardwarePowerDown(Device, Device->SystemSleeping ? PowerDownSleep : PowerDownIdle);
    PoSetPowerState(Device->Self, DevicePowerState, power);
    Irp->IoStatus.Status = STATUS_SUCCESS;
    return PassPower(Device, Irp);
}

static const CHAR *const SystemStateNames[] = {"?", "S0", "S1", "S2", "S3", "S4", "S5"};
static const CHAR *const DeviceStateNames[] = {"?", "D0", "D1", "D2", "D3"};

static NTSTATUS SetPower(PFUNCTION_DEVICE Device, PIRP Irp, PIO_STACK_LOCATION Stack)
{
    POWER_STATE wanted = Stack->Parameters.Power.State;

    if (Stack->Parameters.Power.Type == SystemPowerState) {
        Trace("set-power system=%s device=%u",
              wanted.SystemState < RTL_NUMBER_OF(SystemStateNames) ? SystemStateNames[wanted.SystemState] : "?",
              Device->Number);
        Device->SystemSleeping = wanted.SystemState != PowerSystemWorking;
        return SystemPower(Device, Irp);
    }
    Trace("set-power device=%s number=%u",
          wanted.DeviceState < RTL_NUMBER_OF(DeviceStateNames) ? DeviceStateNames[wanted.DeviceState] : "?",
          Device->Number);
    return wanted.DeviceState == PowerDeviceD0 ? DevicePowerUp(Device, Irp)
                                               : DevicePowerDown(Device, Irp, wanted.DeviceState);
}

VOID FunctionRequestPower(PFUNCTION_DEVICE Device)
{
    POWER_STATE wanted = {.DeviceState = PowerDeviceD0};

    if (Device->State == PnpStarted && Device->DeviceState != PowerDeviceD0 && !Device->SystemSleeping) {
        PoRequestPowerIrp(Device->Pdo, IRP_MN_SET_POWER, wanted, NULL, NULL, NULL);
    }
}

static NTSTATUS QueryPower(PFUNCTION_DEVICE Device, PIRP Irp, PIO_STACK_LOCATION Stack)
{
    if (Stack->Parameters.Power.Type == SystemPowerState) {
        Trace("query-power device=%u", Device->Number);
        return SystemPower(Device, Irp);
    }
    Irp->IoStatus.Status = STATUS_SUCCESS;
    return PassPower(Device, Irp);
}

NTSTATUS NTAPI DispatchPower(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    PFUNCTION_DEVICE device;
    NTSTATUS status;

    if (IsChild(DeviceObject)) {
        return FunctionOperations.ChildPower(DeviceObject, Irp);
    }
    device = FunctionDevice(DeviceObject);
    status = IoAcquireRemoveLock(&device->RemoveLock, Irp);
    if (!NT_SUCCESS(status)) {
        PoStartNextPowerIrp(Irp);
        return CompleteIrp(Irp, status, 0);
    }
    switch (stack->MinorFunction) {
    case IRP_MN_SET_POWER:
        return SetPower(device, Irp, stack);
    case IRP_MN_QUERY_POWER:
        return QueryPower(device, Irp, stack);
    case IRP_MN_WAIT_WAKE:
        return WaitWakeDispatch(device, Irp);
    default:
        return PassPower(device, Irp);
    }
}
