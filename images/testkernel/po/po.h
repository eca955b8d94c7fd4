/* SPDX-License-Identifier: MIT */
/*
 * What the files of po/ share: every power IRP that the power manager has sent and not got back is a PO_REQUEST.
 * Sources: Microsoft, "Implementing Power Management" in the kernel driver guide.
 */
#ifndef PO_PO_H
#define PO_PO_H
#include "kernel.h"
#include "pnp/devnode.h"

#define PO_TAG 0x72776F50 /* "Powr" */

typedef struct _PO_REQUEST {
    LIST_ENTRY Link;       /* in PopRequests while sent, in PO_STACK.Waiting before */
    PDEVICE_OBJECT Device; /* as the requester named it */
    PDEVICE_OBJECT Top;    /* top of the stack, referenced */
    PDEVICE_OBJECT Pdo;    /* bottom of the stack */
    PIRP Irp;
    UCHAR Minor;
    POWER_STATE_TYPE Type;
    POWER_STATE State;
    PREQUEST_POWER_COMPLETE Completion;
    PVOID Context;
    BOOLEAN SystemWake; /* PoSetSystemWake */
    BOOLEAN Sent;
    PVOID Caller;        /* who asked, for reports */
    LARGE_INTEGER Since; /* interrupt time */
    KTIMER Timer;        /* watchdog */
    KDPC Dpc;
    WORK_QUEUE_ITEM Work;
} PO_REQUEST;

extern LIST_ENTRY PopRequests;
extern KSPIN_LOCK PopLock;
extern KEVENT PopRetired; /* set whenever a request has ended; waited for by the one who holds the tree lock */

/* request.c */
/* IRQL <= DISPATCH_LEVEL. An IRP for the stack of Device, not yet sent; NULL: no memory. ShutdownType only matters to system IRPs. */
PO_REQUEST *PopNewRequest(PDEVICE_OBJECT Device, UCHAR Minor, POWER_STATE_TYPE Type, POWER_STATE State,
                          POWER_ACTION ShutdownType);
VOID PopSend(PO_REQUEST *Request);
/* Number of device power IRPs of the stack above Pdo that are on their way. IRQL <= DISPATCH_LEVEL. */
ULONG PopDeviceIrps(PDEVICE_OBJECT Pdo);
/* The request that an IRP belongs to, or NULL. PopLock held. */
PO_REQUEST *PopRequestOfIrp(PIRP Irp);
/* Logs all power IRPs that are on their way (for a bug-check or hang report). Any IRQL, takes no lock. */
VOID PopDumpRequests(VOID);

/* watchdog.c */
VOID PopStartWatchdog(PO_REQUEST *Request);
VOID PopStopWatchdog(PO_REQUEST *Request);
/* PnpLockTree, with a time limit: 0x9F. PASSIVE_LEVEL. */
VOID PopLockTree(VOID);

/* transition.c: PASSIVE_LEVEL, tree lock held */
/* Asks every started device for State; on a veto those already asked are told that the system stays up, and Veto gets who it was. */
NTSTATUS PopQuerySystem(SYSTEM_POWER_STATE State, POWER_ACTION Action, PSTR Veto, SIZE_T VetoSize);
/* Sets State: children before parents on the way down, parents before children on the way up. */
NTSTATUS PopSetSystem(SYSTEM_POWER_STATE State, POWER_ACTION Action);

/* state.c */
extern volatile SYSTEM_POWER_STATE
    PopSystemState; /* PowerSystemWorking, or the state that the system goes to or is in */

#endif
