/* SPDX-License-Identifier: MIT */
/* Sending, passing on, completing and cancelling the wait/wake IRP; the states are drawn in wait_wake.h. */
#include "function_device.h"
#include "irp.h"

/* From State to To, if it is State. */
static BOOLEAN Change(PWAIT_WAKE Wake, WAKE_STATE State, WAKE_STATE To)
{
    return InterlockedCompareExchange(&Wake->State, To, State) == (LONG)State;
}

VOID WaitWakeInitialize(PFUNCTION_DEVICE Device)
{
    Device->Wake.State = WakeDisarmed;
    KeInitializeEvent(&Device->Wake.Ended, NotificationEvent, TRUE);
}

/* D0 after a wake signal is only asked for here: common/power.c does it and arms again. IRQL <= DISPATCH_LEVEL. */
static VOID NTAPI WaitWakeEnded(PDEVICE_OBJECT DeviceObject, UCHAR MinorFunction, POWER_STATE PowerState, PVOID Context,
                                PIO_STATUS_BLOCK IoStatus)
{
    PFUNCTION_DEVICE device = (PFUNCTION_DEVICE)Context;
    POWER_STATE on = {.DeviceState = PowerDeviceD0};

    UNREFERENCED_PARAMETER(DeviceObject);
    UNREFERENCED_PARAMETER(MinorFunction);
    UNREFERENCED_PARAMETER(PowerState);
    Trace("wait-wake status=%x device=%u", IoStatus->Status, device->Number);
    if (!MUTANT(OWNER_NEVER_REARMS)) {
        device->Wake.State = WakeDisarmed;
    }
    if (NT_SUCCESS(IoStatus->Status) && !MUTANT(OWNER_SLEEPS_ON)) {
        PoRequestPowerIrp(device->Pdo, IRP_MN_SET_POWER, on, NULL, NULL, NULL);
    }
    KeSetEvent(&device->Wake.Ended, IO_NO_INCREMENT, FALSE);
    IoReleaseRemoveLock(&device->RemoveLock, &device->Wake); /* the last touch: the device may go now */
}

/* The deepest sleep that the device can end; PowerSystemUnspecified: none, it cannot wake. PASSIVE_LEVEL. */
static SYSTEM_POWER_STATE SystemWake(PFUNCTION_DEVICE Device)
{
    DEVICE_CAPABILITIES capabilities;
    NTSTATUS status = AskCapabilities(Device->Lower, &capabilities);

    if (!NT_SUCCESS(status) || capabilities.DeviceWake == PowerDeviceUnspecified) {
        return PowerSystemUnspecified;
    }
    return capabilities.SystemWake != PowerSystemUnspecified ? capabilities.SystemWake : PowerSystemWorking;
}

VOID WaitWakeArm(PFUNCTION_DEVICE Device)
{
    PWAIT_WAKE wake = &Device->Wake;
    POWER_STATE from;
    NTSTATUS status;

    if (FunctionOperations.WakeSetting == 0 || Device->Settings[FunctionOperations.WakeSetting] == 0 ||
        Device->State != PnpStarted || !Change(wake, WakeDisarmed, WakeSending)) {
        return;
    }
    KeClearEvent(&wake->Ended);
    from.SystemState = SystemWake(Device);
    status = from.SystemState != PowerSystemUnspecified ? IoAcquireRemoveLock(&Device->RemoveLock, wake)
                                                        : STATUS_NOT_SUPPORTED;
    if (NT_SUCCESS(status)) {
        status = PoRequestPowerIrp(Device->Pdo, IRP_MN_WAIT_WAKE, from, WaitWakeEnded, Device, NULL);
        if (status == STATUS_PENDING) {
            Trace("wait-wake-armed device=%u", Device->Number);
            return;
        }
        IoReleaseRemoveLock(&Device->RemoveLock, wake);
    }
    wake->State = WakeDisarmed;
    KeSetEvent(&wake->Ended, IO_NO_INCREMENT, FALSE);
    Trace("wait-wake status=%x device=%u", status, Device->Number);
}

/*
 * Whoever leaves Waiting first wins. When the canceller does, it completes the IRP itself after IoCancelIrp has returned: until then the IRP must not
 * be freed, and so it must not go further up.
 */
static NTSTATUS NTAPI WaitWakePassed(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
    PFUNCTION_DEVICE device = (PFUNCTION_DEVICE)Context;
    LONG before = InterlockedExchange(&device->Wake.State, WakeCompleting);

    UNREFERENCED_PARAMETER(DeviceObject);
    if (before == WakeCancelling) {
        return STATUS_MORE_PROCESSING_REQUIRED;
    }
    PoStartNextPowerIrp(Irp);
    IoReleaseRemoveLock(&device->RemoveLock, Irp);
    return STATUS_CONTINUE_COMPLETION;
}

NTSTATUS WaitWakeDispatch(PFUNCTION_DEVICE Device, PIRP Irp)
{
    PWAIT_WAKE wake = &Device->Wake;

    if (wake->State == WakeSending) {
        wake->Irp = Irp;
    }
    /* One that was disarmed before it arrived goes no further; a second one is not ours. */
    if (!Change(wake, WakeSending, WakeWaiting)) {
        NTSTATUS status = wake->State == WakeCancelling ? STATUS_CANCELLED : STATUS_DEVICE_BUSY;

        PoStartNextPowerIrp(Irp);
        CompleteIrp(Irp, status, 0);
        IoReleaseRemoveLock(&Device->RemoveLock, Irp);
        return status;
    }
    IoMarkIrpPending(Irp);
    IoCopyCurrentIrpStackLocationToNext(Irp);
    IoSetCompletionRoutine(Irp, WaitWakePassed, Device, TRUE, TRUE, TRUE);
    PoCallDriver(Device->Lower, Irp);
    return STATUS_PENDING;
}

VOID WaitWakeDisarm(PFUNCTION_DEVICE Device)
{
    PWAIT_WAKE wake = &Device->Wake;

    if (MUTANT(OWNER_KEEPS_WAITING)) {
        return;
    }
    if (!Change(wake, WakeSending, WakeCancelling) && Change(wake, WakeWaiting, WakeCancelling)) {
        IoCancelIrp(wake->Irp);
        if (!Change(wake, WakeCancelling, WakeWaiting)) {
            /* The completion routine has run and left the rest to us. Otherwise it is still to come, and does it. */
            PoStartNextPowerIrp(wake->Irp);
            IoReleaseRemoveLock(&Device->RemoveLock, wake->Irp);
            IoCompleteRequest(wake->Irp, IO_NO_INCREMENT);
        }
    }
    KeWaitForSingleObject(&wake->Ended, Executive, KernelMode, FALSE, NULL);
}
