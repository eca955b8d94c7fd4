/* SPDX-License-Identifier: MIT */
/*
 * Runtime idle, the fifth way to lose power: when neither the owner nor a client has used the device for the time in the setting IdleSeconds, the power
 * manager sends a device power IRP while the system works. The clients' power-down callbacks are called as for every other loss of power; the next request
 * (BORROW, WAKE, the owner's own exercise) asks for D0. Source: Microsoft, "PoRegisterDeviceForIdleDetection".
 */
#include "owner.h"

#define NEVER 0x7FFFFFFF /* seconds; registering with 0 would free the counter that a client may be clearing */

static DEVICE_POWER_STATE IdleState(POWNER Owner)
{
    return Owner->Function.Settings[SettingIdleState] == 2 ? PowerDeviceD2 : PowerDeviceD3;
}

VOID IdleBegin(POWNER Owner)
{
    IdleSettingsChanged(Owner);
}

VOID IdleSettingsChanged(POWNER Owner)
{
    ULONG seconds = Owner->Function.Settings[SettingIdleSeconds];

    if (seconds == 0) {
        seconds = NEVER;
    }
    Owner->IdleCounter = PoRegisterDeviceForIdleDetection(Owner->Function.Pdo, seconds, seconds, IdleState(Owner));
}

VOID IdleEnd(POWNER Owner)
{
    Owner->IdleCounter = NULL;
    PoRegisterDeviceForIdleDetection(Owner->Function.Pdo, 0, 0, PowerDeviceD3);
}

VOID IdleBusy(POWNER Owner)
{
    PULONG counter = Owner->IdleCounter;

    if (counter != NULL) {
        PoSetDeviceBusy(counter);
    }
}
