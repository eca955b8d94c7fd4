/* SPDX-License-Identifier: MIT */
/*
 * Wait/wake: while the setting named by FUNCTION_OPERATIONS.WakeSetting is 1, a started device always has a wait/wake IRP with its bus driver, so
 * that its wake signal brings it back to D0, and the system out of a sleep that the device can end.
 *
 *   Disarmed --arm--> Sending --IRP arrives--> Waiting --wake signal--> Completing --> Disarmed, and armed again once D0 is reached
 *                        |                        |
 *                        `-----disarm-------------`--> Cancelling ----------------> Disarmed
 *
 * Source: Microsoft, IRP_MN_WAIT_WAKE, "Canceling a Wait/Wake IRP" (at stop, query-remove, remove and surprise removal; sent again after a restart).
 */
#ifndef WAIT_WAKE_H
#define WAIT_WAKE_H

#include "ddk_compat.h"

struct _FUNCTION_DEVICE;

typedef enum _WAKE_STATE { WakeDisarmed, WakeSending, WakeWaiting, WakeCancelling, WakeCompleting } WAKE_STATE;

typedef struct _WAIT_WAKE {
    volatile LONG State; /* WAKE_STATE */
    PIRP Irp;     /* valid in Waiting and Cancelling: the completion routine holds it until the canceller lets go */
    KEVENT Ended; /* signalled while no IRP is out */
} WAIT_WAKE, *PWAIT_WAKE;

/* At AddDevice. */
VOID WaitWakeInitialize(struct _FUNCTION_DEVICE *Device);

/* Sends the IRP if the setting says so, the device can wake, and none is out. PASSIVE_LEVEL, device in D0, no other power IRP in the stack. */
VOID WaitWakeArm(struct _FUNCTION_DEVICE *Device);

/* Cancels the IRP; returns once it is gone. PASSIVE_LEVEL. Harmless when none is out. */
VOID WaitWakeDisarm(struct _FUNCTION_DEVICE *Device);

/* IRP_MN_WAIT_WAKE on its way down. The remove lock is held for it. */
NTSTATUS WaitWakeDispatch(struct _FUNCTION_DEVICE *Device, PIRP Irp);

#endif
