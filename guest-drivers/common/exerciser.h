/* SPDX-License-Identifier: MIT */
/*
 * Makes a driver use its hardware flat out in a system thread whenever its gate is open: the load under which unplug, suspend and the rest are
 * tested. Driven by IOCTL_BUDDY_EXERCISE_*.
 */
#ifndef EXERCISER_H
#define EXERCISER_H

#include "hardware_gate.h"
#include "buddy_ioctl.h"

struct _EXERCISER;

/* One bounded round of operations, inside the gate. PASSIVE_LEVEL. Waits must also end when the gate's Closing is signalled. */
typedef VOID (*EXERCISE_STEP)(struct _EXERCISER *Exerciser, PVOID Context);

typedef struct _EXERCISER {
    PHARDWARE_GATE Gate;
    EXERCISE_STEP Step;
    /* May be NULL. Called by the thread, outside the gate, when there is work and WakeNeeded is set: asks for power. PASSIVE_LEVEL. */
    VOID (*Wake)(struct _EXERCISER *Exerciser, PVOID Context);
    KEVENT WakeNeeded; /* notification: the hardware is off for idleness, and only a request brings it back */
    PVOID Context;
    KMUTEX Control;       /* serializes start and stop */
    KEVENT StopRequest;   /* notification */
    PKTHREAD Thread;      /* NULL: not running */
    BOOLEAN Urgent;       /* the thread's own */
    ULONG DefaultPattern; /* of a START that names none */
    volatile ULONG Pattern;
    ULONG Round;
    volatile LONG64 Operations;
    volatile LONG64 Errors;
    volatile LONG PowerUps;
    volatile LONG PowerDowns;
} EXERCISER, *PEXERCISER;

VOID ExerciserInitialize(PEXERCISER Exerciser, PHARDWARE_GATE Gate, EXERCISE_STEP Step, PVOID Context);

/* Starts the thread, or only changes the pattern of a running one. PASSIVE_LEVEL. */
NTSTATUS ExerciserStart(PEXERCISER Exerciser, ULONG Pattern);

/* Returns when the thread is gone. PASSIVE_LEVEL. Harmless when not running. */
VOID ExerciserStop(PEXERCISER Exerciser);

/* IOCTL_BUDDY_EXERCISE_* as a FUNCTION_OPERATIONS.DeviceControl does them; STATUS_INVALID_DEVICE_REQUEST for other codes. */
NTSTATUS ExerciserControl(PEXERCISER Exerciser, ULONG Code, PVOID Buffer, ULONG InputLength, ULONG OutputLength,
                          ULONG_PTR *Information);

/* For Step. */
VOID ExerciserCount(PEXERCISER Exerciser, BOOLEAN Good);
/* For Step: above the threads of other exercisers, or beside them again. */
VOID ExerciserSetUrgent(PEXERCISER Exerciser, BOOLEAN Urgent);

#endif
