/* SPDX-License-Identifier: MIT */
/*
 * One client's use of its register page and of what else it has of the device: the interrupt's causes, and the exercise. The owner uses page 0
 * this way and every borrower its own, so that the two sides compete for the hardware with the same code.
 */
#ifndef PAGE_USER_H
#define PAGE_USER_H

#include "hardware_gate.h"
#include "exerciser.h"
#include "registers.h"
#include "trace.h"
#include "mutant.h"
#include "buddy_talk.h"
#include "buddy_regs.h"

#define MAX_MEMORIES 4 /* memory resources beside the register page: shared RAM, extra BARs */

typedef struct _PAGE_USER {
    HARDWARE_GATE
    Gate; /* open while this client may touch the hardware; all below is read inside it, or by the interrupt service */
    EXERCISER Exerciser;
    /* One round of the exercise pattern TALK. May be NULL. PASSIVE_LEVEL, inside the gate. */
    VOID (*Talk)(struct _PAGE_USER *User);

    PUCHAR Page;
    ULONG Client;
    BOOLEAN Gone;                         /* the hardware was pulled out: not even a job may be stopped */
    volatile ULONG *Memory[MAX_MEMORIES]; /* mapped; of each, the word at index Client is this client's */
    ULONG MemoryCount;
    PULONG Port; /* the I/O window (IO_INDEX, IO_DATA) that all clients share; NULL: none */
    BUDDY_SERVICES Services;

    KDPC Dpc;
    volatile LONG Causes; /* INT_STATUS bits from the interrupt service to the DPC */
    KEVENT JobDone;       /* synchronization */
} PAGE_USER, *PPAGE_USER;

/* The gate is closed. PASSIVE_LEVEL. */
VOID PageUserInitialize(PPAGE_USER User);

/* Interrupt causes of this client, already acknowledged. DIRQL. */
VOID PageUserInterrupted(PPAGE_USER User, ULONG Causes);

/* page_exercise.c: the EXERCISE_STEP. */
VOID PageExercise(PEXERCISER Exerciser, PVOID Context);

#define PageRead(user, reg)         RegisterRead((user)->Page, buddy_client_t, reg)
#define PageWrite(user, reg, value) RegisterWrite((user)->Page, buddy_client_t, reg, value)

#endif
