/* SPDX-License-Identifier: MIT */
/* IRPs that drivers hold: for stop reports, and for the question who keeps a hanging system waiting. */
#ifndef IO_IRPPENDING_H
#define IO_IRPPENDING_H
#include "kernel.h"

/* Bugcheck: prints the IRPs that were sent and are not completed, oldest first. */
VOID IopSayPendingIrps(VOID);
/*
 * Any IRQL, no lock (bugcheck). The dispatch routine of the driver that has held an IRP for longest and for at least Nanoseconds, or NULL. IRPs that may
 * rightly stay with a driver do not count (IRP_MN_WAIT_WAKE, reads, writes and device control requests). Text receives what it holds.
 */
PVOID IopFindHeldIrp(ULONG64 Nanoseconds, PSTR Text, SIZE_T Size);

#endif
