/* SPDX-License-Identifier: MIT */
/*
 * An upper filter that disturbs and questions the stack below it, as the filter of Microsoft's Device Fundamentals tests does ("PnP Tests (Device
 * Fundamentals)"): it vetoes, fails restarts, asks for other resources, reports the device as failed, and sends every PnP query.
 *
 *   pnptest.c     entry point, AddDevice, everything that is only passed on, and the I/O controls
 *   pnp.c         IRP_MJ_PNP
 *   requests.c    the PnP queries
 *   resources.c   requirements that lead elsewhere
 */
#ifndef PNPTEST_H
#define PNPTEST_H

#include "ddk_compat.h"
#include "irp.h"
#include "trace.h"
#include "pnptest_ioctl.h"

#define POOL_TAG   'TpnP'
#define MAX_MEMORY 8

typedef struct _FILTER {
    PDEVICE_OBJECT Self;
    PDEVICE_OBJECT Pdo;
    PDEVICE_OBJECT Lower;
    UNICODE_STRING Link; /* of the filter's own interface; no buffer: there is none */
    IO_REMOVE_LOCK RemoveLock;
    UNICODE_STRING
    Service;              /* of the driver below: `on=` in trace lines; the driver's own string, alive while attached */
    volatile LONG Armed;  /* PNPTEST_* */
    volatile LONG Report; /* PNP_DEVICE_*, added to the next QUERY_PNP_DEVICE_STATE */
    BOOLEAN Stopped;      /* between STOP and START; PnP IRPs come one at a time */
    ULONG MemoryCount;    /* start addresses that the last START brought */
    ULONGLONG Memory[MAX_MEMORY];
} FILTER, *PFILTER;

extern KEVENT Release; /* synchronization: IOCTL_PNPTEST_RELEASE */

/* TRUE once for each time that What was armed. Any IRQL. */
static inline BOOLEAN TakeArmed(PFILTER Filter, LONG What)
{
    return (InterlockedAnd(&Filter->Armed, ~What) & What) != 0;
}

/* pnp.c */
DRIVER_DISPATCH DispatchPnp;

/* requests.c: sends the queries and traces one line for each answer. PASSIVE_LEVEL. */
VOID QueryEverything(PFILTER Filter);

/* resources.c */
/* Keeps the memory addresses of Raw (may be NULL). Returns whether they differ from those of the last START. PASSIVE_LEVEL. */
BOOLEAN NoteResources(PFILTER Filter, PCM_RESOURCE_LIST Raw);
/*
 * A list, from paged pool, that asks for every address that the device has now only after all others: where one is preferred, first what lies
 * below, then what lies above, then it. NULL: no memory, or nothing to move. PASSIVE_LEVEL.
 */
PIO_RESOURCE_REQUIREMENTS_LIST MoveRequirements(PIO_RESOURCE_REQUIREMENTS_LIST Wanted);

#endif
