/* SPDX-License-Identifier: MIT */
/*
 * The borrower's side of the borrowed hardware: the callbacks that the owner calls, and the exercise. Shared by the PnP borrower and the legacy one.
 */
#ifndef HARDWARE_H
#define HARDWARE_H

#include "hardware_gate.h"
#include "exerciser.h"
#include "registers.h"
#include "trace.h"
#include "mutant.h"
#include "buddy_talk.h"
#include "buddy_regs.h"

typedef struct _HARDWARE {
    HARDWARE_GATE Gate; /* open between the owner's PowerUp and PowerDown */
    EXERCISER Exerciser;
    /* The owner is going away for good (reason remove or surprise). In the owner's callback: only queue work. May be NULL. */
    VOID (*OwnerLeft)(struct _HARDWARE *Hardware);
    /* One round of the exercise pattern TALK. May be NULL. PASSIVE_LEVEL, inside the gate. */
    VOID (*Talk)(struct _HARDWARE *Hardware);

    /* Mapped by PowerUp, unmapped when the resources have been returned. Read inside the gate, or by the interrupt callback. */
    PUCHAR Page;
    SIZE_T PageLength;
    PHYSICAL_ADDRESS PageAddress;
    ULONG Client;
    /* The interrupt callback touches the page only while InterruptsOn; InterruptUsers lets PowerDown wait for one that is under way. */
    volatile LONG InterruptsOn;
    volatile LONG InterruptUsers;
    KDPC Dpc;
    volatile LONG Causes; /* INT_STATUS bits from the interrupt callback to the DPC */
    KEVENT JobDone;       /* synchronization */
    BOOLEAN Gone;         /* the last power-down was a surprise removal */
} HARDWARE, *PHARDWARE;

/* PASSIVE_LEVEL. */
VOID HardwareInitialize(PHARDWARE Hardware);
/* What to send with BORROW. */
VOID HardwareDescribe(PHARDWARE Hardware, PBUDDY_BORROW Borrow);
/* The resources have been returned, PowerDown is over: unmap. PASSIVE_LEVEL. */
VOID HardwareForget(PHARDWARE Hardware);

/* exercise.c: the EXERCISE_STEP. */
VOID ExerciseStep(PEXERCISER Exerciser, PVOID Context);

#define HardwareRead(hardware, reg)         RegisterRead((hardware)->Page, buddy_client_t, reg)
#define HardwareWrite(hardware, reg, value) RegisterWrite((hardware)->Page, buddy_client_t, reg, value)

#endif
