/* SPDX-License-Identifier: MIT */
/*
 * IOCTL_BUDDY_WAIT_POWER: requests that wait until the driver gets or loses its hardware (an "inverted call"). They can be cancelled, are cancelled when
 * their handle is closed, and all end when the device goes. Each holds the remove lock while it waits.
 * Source: Microsoft, "Cancel-Safe IRP Queues".
 */
#ifndef WAITERS_H
#define WAITERS_H

#include "ddk_compat.h"

typedef struct _WAITERS {
    IO_CSQ Queue;
    LIST_ENTRY Irps; /* by Irp->Tail.Overlay.ListEntry; under Lock */
    KSPIN_LOCK Lock;
    BOOLEAN Closed; /* the device has gone: nobody may wait any more; under Lock */
    PIO_REMOVE_LOCK RemoveLock;
} WAITERS, *PWAITERS;

VOID WaitersInitialize(PWAITERS Waiters, PIO_REMOVE_LOCK RemoveLock);
/*
 * Lets Irp wait. The caller has acquired the remove lock with Irp and no longer owns either if this returns STATUS_PENDING; with another status the IRP is
 * still to be completed. IRQL <= DISPATCH_LEVEL.
 */
NTSTATUS WaitersAdd(PWAITERS Waiters, PIRP Irp);
/* Answers all that wait with On (ULONG). IRQL <= DISPATCH_LEVEL. */
VOID WaitersTell(PWAITERS Waiters, BOOLEAN On);
/* Ends those that came by FileObject (NULL: all). IRQL <= DISPATCH_LEVEL. */
VOID WaitersCancel(PWAITERS Waiters, PFILE_OBJECT FileObject);
/* The device goes: ends all that wait, and lets nobody wait any more. IRQL <= DISPATCH_LEVEL. */
VOID WaitersClose(PWAITERS Waiters);

#endif
