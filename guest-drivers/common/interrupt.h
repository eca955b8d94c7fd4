/* SPDX-License-Identifier: MIT */
/* Connecting to a PCI device's interrupt: MSI-X or MSI messages, or the line if the system gave none. */
#ifndef INTERRUPT_H
#define INTERRUPT_H

#include "ddk_compat.h"

/* At DIRQL with the interrupt's spin lock held, whichever message or line it was. TRUE: it was ours. */
typedef BOOLEAN (*INTERRUPT_SERVICE)(PVOID Context);

typedef struct _INTERRUPT {
    INTERRUPT_SERVICE Service;
    PVOID Context;
    KSPIN_LOCK Lock; /* one lock for all messages, so that one synchronized call excludes them all */
    ULONG Version;   /* CONNECT_MESSAGE_BASED or CONNECT_LINE_BASED; 0 while not connected */
    union {
        PIO_INTERRUPT_MESSAGE_INFO Messages;
        PKINTERRUPT Line;
        PVOID Generic;
    } Connection;
} INTERRUPT, *PINTERRUPT;

/* PASSIVE_LEVEL. Service may be called from now on. */
NTSTATUS ConnectInterrupt(PINTERRUPT Interrupt, PDEVICE_OBJECT Pdo, INTERRUPT_SERVICE Service, PVOID Context);

/* PASSIVE_LEVEL. Service is not running and will not be called any more. Harmless when not connected. */
VOID DisconnectInterrupt(PINTERRUPT Interrupt);

/* Calls Routine at DIRQL, excluding Service on all processors. IRQL <= DIRQL. When not connected it is called directly. */
BOOLEAN SynchronizeWithInterrupt(PINTERRUPT Interrupt, PKSYNCHRONIZE_ROUTINE Routine, PVOID Context);

#endif
