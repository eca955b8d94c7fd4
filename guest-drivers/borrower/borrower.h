/* SPDX-License-Identifier: MIT */
/*
 * The borrower (B): a PnP stack of its own (ROOT\BORROWER) that finds the owner, borrows its resources, and touches them only while the owner says
 * that there is power.
 *
 *   finder.c      which owners exist (interface notification), and the work item that connects to one
 *   connection.c  one open of one owner: target-device notification, borrow, return
 *   hardware.c    the power callbacks, the interrupt callback, the exercise
 *
 * Locks, outermost first: FINDER.WorkLock, CONNECTION.Lock, (the owner's own lock), HARDWARE gate. Power callbacks come with the owner's lock held and
 * so take nothing but the gate. No lock is held while PnP notifications are registered or unregistered, except WorkLock, which no notification
 * callback takes.
 */
#ifndef BORROWER_H
#define BORROWER_H

#include "function_device.h"
#include "hardware_gate.h"
#include "exerciser.h"
#include "registers.h"
#include "buddy_protocol.h"
#include "buddy_regs.h"

typedef struct _HARDWARE {
    HARDWARE_GATE Gate; /* open between the owner's PowerUp and PowerDown */
    EXERCISER Exerciser;
    /* Mapped by PowerUp, unmapped when the connection is given up. Read inside the gate, or by the interrupt callback. */
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

/* One open of one owner. Made and freed by the finder's work item; closed there or in a notification callback. */
typedef struct _CONNECTION {
    struct _BORROWER *Borrower;
    KMUTEX Lock;
    PFILE_OBJECT FileObject; /* NULL: closed */
    PDEVICE_OBJECT Device;   /* valid with FileObject */
    ULONG Client;            /* 0: nothing borrowed */
    PVOID Notification;      /* target-device change; NULL: not registered */
    BOOLEAN Finished;        /* nothing more to expect: unregister and free */
} CONNECTION, *PCONNECTION;

typedef struct _FINDER {
    KSPIN_LOCK Lock;    /* Links, Stopping */
    LIST_ENTRY Links;   /* LINK: symbolic links of owners that are there */
    BOOLEAN Stopping;   /* no new work */
    PVOID Notification; /* interface change */
    PIO_WORKITEM WorkItem;
    volatile LONG Queued; /* the work item is queued and has not begun */
    KMUTEX WorkLock;      /* one work item routine at a time; Connection */
    PCONNECTION Connection;
} FINDER, *PFINDER;

typedef struct _BORROWER {
    FUNCTION_DEVICE Function; /* first */
    FINDER Finder;
    HARDWARE Hardware;
} BORROWER, *PBORROWER;

static inline PBORROWER Borrower(PFUNCTION_DEVICE Device)
{
    return (PBORROWER)Device;
}

/* finder.c. PASSIVE_LEVEL. */
NTSTATUS FinderInitialize(PBORROWER Borrower);
/* From now on arrivals and existing owners are followed. */
NTSTATUS FinderStart(PBORROWER Borrower);
/* Lets go of the owner; no notification callback and no work item is running afterwards. */
VOID FinderStop(PBORROWER Borrower);
VOID FinderUninitialize(PBORROWER Borrower);
/* Has the work item look at the state of things again. IRQL <= DISPATCH_LEVEL. */
VOID FinderQueueWork(PBORROWER Borrower);

/* connection.c. PASSIVE_LEVEL. */
/* Opens the owner behind Link and borrows. On success *Connection is to be freed by ConnectionFree. */
NTSTATUS ConnectionOpen(PBORROWER Borrower, PUNICODE_STRING Link, PCONNECTION *Connection);
/* Returns what was borrowed and drops the references, so that the owner can be removed. Harmless when closed already. */
VOID ConnectionClose(PCONNECTION Connection);
/* Closes, unregisters the notification and frees. Not from a notification callback. */
VOID ConnectionFree(PCONNECTION Connection);

/* hardware.c */
VOID HardwareInitialize(PHARDWARE Hardware);
/* What to send with BORROW. */
VOID HardwareDescribe(PHARDWARE Hardware, PBUDDY_BORROW Borrow);
/* The connection is given up and PowerDown is over: unmap. PASSIVE_LEVEL. */
VOID HardwareForget(PHARDWARE Hardware);

/* exercise.c: the EXERCISE_STEP. */
VOID ExerciseStep(PEXERCISER Exerciser, PVOID Context);

#define HardwareRead(hardware, reg)         RegisterRead((hardware)->Page, buddy_client_t, reg)
#define HardwareWrite(hardware, reg, value) RegisterWrite((hardware)->Page, buddy_client_t, reg, value)

#endif
