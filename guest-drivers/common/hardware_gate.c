/* SPDX-License-Identifier: MIT */
#include "hardware_gate.h"

VOID GateInitialize(PHARDWARE_GATE Gate)
{
    KeInitializeSpinLock(&Gate->Lock);
    Gate->Open = FALSE;
    Gate->Users = 0;
    KeInitializeEvent(&Gate->Opened, NotificationEvent, FALSE);
    KeInitializeEvent(&Gate->Closing, NotificationEvent, TRUE);
    KeInitializeEvent(&Gate->Idle, NotificationEvent, TRUE);
}

VOID GateOpen(PHARDWARE_GATE Gate)
{
    KIRQL irql;

    KeAcquireSpinLock(&Gate->Lock, &irql);
    Gate->Open = TRUE;
    KeClearEvent(&Gate->Closing);
    KeSetEvent(&Gate->Opened, IO_NO_INCREMENT, FALSE);
    KeReleaseSpinLock(&Gate->Lock, irql);
}

VOID GateCloseAndWait(PHARDWARE_GATE Gate)
{
    KIRQL irql;

    KeAcquireSpinLock(&Gate->Lock, &irql);
    Gate->Open = FALSE;
    KeClearEvent(&Gate->Opened);
    KeSetEvent(&Gate->Closing, IO_NO_INCREMENT, FALSE);
    KeReleaseSpinLock(&Gate->Lock, irql);
    KeWaitForSingleObject(&Gate->Idle, Executive, KernelMode, FALSE, NULL);
}

BOOLEAN GateEnter(PHARDWARE_GATE Gate)
{
    KIRQL irql;
    BOOLEAN entered;

    KeAcquireSpinLock(&Gate->Lock, &irql);
    entered = Gate->Open;
    if (entered && Gate->Users++ == 0) {
        KeClearEvent(&Gate->Idle);
    }
    KeReleaseSpinLock(&Gate->Lock, irql);
    return entered;
}

VOID GateLeave(PHARDWARE_GATE Gate)
{
    KIRQL irql;

    KeAcquireSpinLock(&Gate->Lock, &irql);
    if (--Gate->Users == 0) {
        KeSetEvent(&Gate->Idle, IO_NO_INCREMENT, FALSE);
    }
    KeReleaseSpinLock(&Gate->Lock, irql);
}

BOOLEAN GateIsOpen(PHARDWARE_GATE Gate)
{
    return Gate->Open;
}
