/* SPDX-License-Identifier: MIT */
/* Interrupt objects: what IoConnectInterrupt[Ex] makes. Line and message interrupts alike. */
#ifndef KE_INTERRUPT_H
#define KE_INTERRUPT_H
#include "kernel.h"

typedef struct _KINTERRUPT KINTERRUPT;
struct _KINTERRUPT {
    CSHORT Type, Size;
    LIST_ENTRY VectorLink;            /* chain of the vector (level interrupts are shared) */
    PKSERVICE_ROUTINE ServiceRoutine; /* one of the two routines is set */
    PKMESSAGE_SERVICE_ROUTINE MessageServiceRoutine;
    ULONG MessageIndex;
    PVOID ServiceContext;
    KSPIN_LOCK SpinLock;
    PKSPIN_LOCK ActualLock; /* the caller's lock or SpinLock */
    ULONG Vector;
    KIRQL Irql;            /* of the vector */
    KIRQL SynchronizeIrql; /* the service routine runs here, >= Irql */
    KINTERRUPT_MODE Mode;
    BOOLEAN ShareVector;
    BOOLEAN Connected;
    volatile ULONG64 Count;   /* interrupts dispatched */
    volatile ULONG64 Claimed; /* the service routine returned TRUE */
    PVOID Caller;             /* return address of the connecting driver, for reports */
};

/*
 * Fills a KINTERRUPT in nonpaged memory. Exactly one of Routine and MessageRoutine is given. Lock may be NULL.
 */
VOID KiInitializeInterrupt(PKINTERRUPT Interrupt, PKSERVICE_ROUTINE Routine, PKMESSAGE_SERVICE_ROUTINE MessageRoutine,
                           ULONG MessageIndex, PVOID Context, PKSPIN_LOCK Lock, ULONG Vector, KIRQL SynchronizeIrql,
                           KINTERRUPT_MODE Mode, BOOLEAN ShareVector);
/* IRQL <= device. Puts it on its vector's chain. FALSE: already connected, or the vector is in use and not shared. */
BOOLEAN KiConnectInterrupt(PKINTERRUPT Interrupt);
/* PASSIVE_LEVEL. Off the chain; on return the service routine does not run and never will again. */
BOOLEAN KiDisconnectInterrupt(PKINTERRUPT Interrupt);
/* After the end of an interrupt on Vector, interrupts off: stops when a level-triggered one comes again and again although it is claimed. */
VOID KiCheckStorm(ULONG Vector);
/* First connected interrupt object whose service routine lies in [Base, Base+Size), for leak checks at unload; NULL if none. */
PKINTERRUPT KeFindInterruptOfImage(PVOID Base, SIZE_T Size);
/* Any IRQL. First interrupt object that is connected to Vector, NULL if none. */
PKINTERRUPT KeFindInterruptOfVector(ULONG Vector);

#endif
