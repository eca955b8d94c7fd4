/* SPDX-License-Identifier: MIT */
/* The one switch that PnP and power IRPs both work: does this driver have its hardware? */
#include "function_device.h"

VOID HardwarePowerUp(PFUNCTION_DEVICE Device)
{
    KeWaitForSingleObject(&Device->HardwareLock, Executive, KernelMode, FALSE, NULL);
    if (!Device->HardwareOn && Device->ResourcesHeld) {
        Device->HardwareOn = TRUE;
        if (FunctionOperations.PowerUp != NULL) {
            FunctionOperations.PowerUp(Device);
        }
        WaitersTell(&Device->Waiters, TRUE);
    }
    KeReleaseMutex(&Device->HardwareLock, FALSE);
}

VOID HardwarePowerDown(PFUNCTION_DEVICE Device, POWER_DOWN_REASON Reason)
{
    KeWaitForSingleObject(&Device->HardwareLock, Executive, KernelMode, FALSE, NULL);
    if (Device->HardwareOn) {
        if (FunctionOperations.PowerDown != NULL) {
            FunctionOperations.PowerDown(Device, Reason);
        }
        Device->HardwareOn = FALSE;
        WaitersTell(&Device->Waiters, FALSE);
    }
    KeReleaseMutex(&Device->HardwareLock, FALSE);
}
