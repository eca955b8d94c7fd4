/* SPDX-License-Identifier: MIT */
/*
 * A gate in front of hardware that comes and goes: users enter and leave, and closing waits until the last has left. Any driver that touches
 * hardware by somebody else's leave (a borrower, a bus's child) does it between Enter and Leave.
 */
#ifndef HARDWARE_GATE_H
#define HARDWARE_GATE_H

#include "ddk_compat.h"

typedef struct _HARDWARE_GATE {
    KSPIN_LOCK Lock;
    BOOLEAN Open;
    ULONG Users;
    KEVENT Opened;  /* signalled while the gate is open */
    KEVENT Closing; /* signalled from the moment closing begins: users leave as soon as they can */
    KEVENT Idle;    /* signalled while nobody is inside */
} HARDWARE_GATE, *PHARDWARE_GATE;

/* Closed. */
VOID GateInitialize(PHARDWARE_GATE Gate);

/* IRQL <= DISPATCH_LEVEL. */
VOID GateOpen(PHARDWARE_GATE Gate);

/* Nobody is inside once this returns, and nobody comes in before GateOpen. PASSIVE_LEVEL. Harmless when closed already. */
VOID GateCloseAndWait(PHARDWARE_GATE Gate);

/* FALSE: closed, hands off. IRQL <= DISPATCH_LEVEL. */
BOOLEAN GateEnter(PHARDWARE_GATE Gate);
VOID GateLeave(PHARDWARE_GATE Gate);

/* A snapshot, for reports only. */
BOOLEAN GateIsOpen(PHARDWARE_GATE Gate);

#endif
