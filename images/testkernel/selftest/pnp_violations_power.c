/* SPDX-License-Identifier: MIT */
/* Broken rules of power IRPs. See violations.h. */
#include "pnp_violations.h"

/* A case: IRP_MJ_POWER of the function device, which asks for D3 and D0 once it is started. */
#define POWERS(name)                                                                                                   \
    static NTSTATUS NTAPI BAD(name, _power)(PDEVICE_OBJECT Device, PIRP Irp);                                          \
    BROKEN(name)                                                                                                       \
    {                                                                                                                  \
        Driver->MajorFunction[IRP_MJ_POWER] = Break_##name##_power;                                                    \
        Driver->MajorFunction[IRP_MJ_PNP] = StartAndSleep;                                                             \
    }                                                                                                                  \
    static NTSTATUS NTAPI Break_##name##_power(PDEVICE_OBJECT Device, PIRP Irp)

static NTSTATUS NTAPI StartAndSleep(PDEVICE_OBJECT Device, PIRP Irp)
{
    BOOLEAN start = IoGetCurrentIrpStackLocation(Irp)->MinorFunction == IRP_MN_START_DEVICE;
    NTSTATUS status = Pnp(Device, Irp);
    if (start) {
        POWER_STATE state = {.DeviceState = PowerDeviceD3};
        PoRequestPowerIrp(Pdo, IRP_MN_SET_POWER, state, NULL, NULL, NULL);
    }
    return status;
}

POWERS(power_keeps_success)
{
    return Complete(Irp, STATUS_SUCCESS);
}

POWERS(power_keeps_untouched)
{
    return Complete(Irp, Irp->IoStatus.Status);
}

POWERS(power_passes_failed_down)
{
    Irp->IoStatus.Status = STATUS_UNSUCCESSFUL;
    PoStartNextPowerIrp(Irp);
    IoSkipCurrentIrpStackLocation(Irp);
    return PoCallDriver(Below, Irp);
}

POWERS(power_irp_kept_later)
{
    IoMarkIrpPending(Irp);
    return STATUS_PENDING;
}

/* Two device objects: the upper one sets the status, the lower one takes it back. */
static PDEVICE_OBJECT Middle;

static NTSTATUS NTAPI AddTwo(PDRIVER_OBJECT DriverObject, PDEVICE_OBJECT PhysicalDevice)
{
    Add(DriverObject, PhysicalDevice);
    Middle = Fdo;
    return Add(DriverObject, PhysicalDevice);
}

static NTSTATUS NTAPI BAD(power_unsets_status_later, _power)(PDEVICE_OBJECT Device, PIRP Irp)
{
    Irp->IoStatus.Status = Device == Middle ? STATUS_NOT_SUPPORTED : STATUS_SUCCESS;
    PoStartNextPowerIrp(Irp);
    IoSkipCurrentIrpStackLocation(Irp);
    return PoCallDriver(Device == Middle ? Pdo : Middle, Irp);
}

static NTSTATUS NTAPI PnpOfTwo(PDEVICE_OBJECT Device, PIRP Irp)
{
    if (Device == Middle) {
        IoSkipCurrentIrpStackLocation(Irp);
        return IoCallDriver(Pdo, Irp);
    }
    return StartAndSleep(Device, Irp);
}

BROKEN(power_unsets_status_later)
{
    Driver->DriverExtension->AddDevice = AddTwo;
    Driver->MajorFunction[IRP_MJ_POWER] = Break_power_unsets_status_later_power;
    Driver->MajorFunction[IRP_MJ_PNP] = PnpOfTwo;
}

/* The fake power IRP that comes after each start. */
POWERS(power_fails_unknown)
{
    if (IoGetCurrentIrpStackLocation(Irp)->MinorFunction > IRP_MN_QUERY_POWER) {
        return Complete(Irp, STATUS_INVALID_PARAMETER);
    }
    return Power(Device, Irp);
}

POWERS(power_changes_unknown)
{
    if (IoGetCurrentIrpStackLocation(Irp)->MinorFunction > IRP_MN_QUERY_POWER) {
        Irp->IoStatus.Status = STATUS_SUCCESS;
        IoSkipCurrentIrpStackLocation(Irp);
        return PoCallDriver(Below, Irp);
    }
    return Power(Device, Irp);
}

/* The power IRP is kept, and the device, which fails, is removed all the same. */
static NTSTATUS NTAPI KeepSetPower(PDEVICE_OBJECT Device, PIRP Irp)
{
    if (IoGetCurrentIrpStackLocation(Irp)->MinorFunction != IRP_MN_SET_POWER) {
        return Power(Device, Irp);
    }
    IoMarkIrpPending(Irp);
    return STATUS_PENDING;
}

static NTSTATUS NTAPI BAD(deleted_with_power_irp_later, _pnp)(PDEVICE_OBJECT Device, PIRP Irp)
{
    NTSTATUS status;
    if (IoGetCurrentIrpStackLocation(Irp)->MinorFunction != IRP_MN_REMOVE_DEVICE) {
        return StartAndSleep(Device, Irp);
    }
    Irp->IoStatus.Status = STATUS_SUCCESS;
    status = PassDown(Irp);
    IoDetachDevice(Below);
    IoDeleteDevice(Device);
    return status;
}

BROKEN(deleted_with_power_irp_later)
{
    Failing = TRUE;
    Driver->MajorFunction[IRP_MJ_POWER] = KeepSetPower;
    Driver->MajorFunction[IRP_MJ_PNP] = Break_deleted_with_power_irp_later_pnp;
}

/* A PnP IRP some time after the start is never completed; then the system is to sleep. */
static KTIMER Soon;
static KDPC SoonDpc;
static BOOLEAN Blocks;

static VOID NTAPI AskAgain(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    Blocks = TRUE;
    IoInvalidateDeviceState(Pdo);
}

static NTSTATUS NTAPI BAD(asleep_pnp_irp_too_long_later, _pnp)(PDEVICE_OBJECT Device, PIRP Irp)
{
    UCHAR minor = IoGetCurrentIrpStackLocation(Irp)->MinorFunction;
    if (minor == IRP_MN_START_DEVICE) {
        LARGE_INTEGER due = {.QuadPart = -500 * 10000};
        KeInitializeTimer(&Soon);
        KeInitializeDpc(&SoonDpc, AskAgain, NULL);
        KeSetTimer(&Soon, due, &SoonDpc);
    }
    if (minor == IRP_MN_QUERY_PNP_DEVICE_STATE && Blocks) {
        KEVENT never;
        KeInitializeEvent(&never, NotificationEvent, FALSE);
        KeWaitForSingleObject(&never, Executive, KernelMode, FALSE, NULL);
    }
    return Pnp(Device, Irp);
}

BROKEN(asleep_pnp_irp_too_long_later)
{
    Driver->MajorFunction[IRP_MJ_PNP] = Break_asleep_pnp_irp_too_long_later_pnp;
}

static NTSTATUS NTAPI BAD(power_asks_for_irp, _pnp)(PDEVICE_OBJECT Device, PIRP Irp)
{
    BOOLEAN start = IoGetCurrentIrpStackLocation(Irp)->MinorFunction == IRP_MN_START_DEVICE;
    NTSTATUS status = Pnp(Device, Irp);
    if (start) {
        POWER_STATE state = {.DeviceState = PowerDeviceD3};
        PIRP irp;
        PoRequestPowerIrp(Pdo, IRP_MN_SET_POWER, state, NULL, NULL, &irp);
    }
    return status;
}
BROKEN(power_asks_for_irp)
{
    Driver->MajorFunction[IRP_MJ_PNP] = Break_power_asks_for_irp_pnp;
}
