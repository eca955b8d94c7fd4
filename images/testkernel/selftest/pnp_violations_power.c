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
