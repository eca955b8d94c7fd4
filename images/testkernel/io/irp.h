/* SPDX-License-Identifier: MIT */
/* Private to io/: what the kernel remembers about each IRP that it allocated. */
#ifndef IO_IRP_H
#define IO_IRP_H
#include "io/io.h"
#include "ke/bugcheck.h"

#define IRP_TAG       ' prI'
#define TRACKER_MAGIC 0x4B525454u
#define TRACKER_FREED 0x44455246u
#ifndef IRP_QUOTA_CHARGED
#define IRP_QUOTA_CHARGED 0x01 /* IRP.AllocationFlags */
#endif
#define IRP_ALLOCATED_BY_KERNEL 0x40 /* IRP.AllocationFlags: an IRP_TRACKER stands in front */

typedef struct DECLSPEC_ALIGN(16) _IRP_TRACKER {
    ULONG Magic;
    BOOLEAN KernelWaits; /* IopCallSynchronously: the status block is always written */
    ULONG64
    PendingReturned; /* bit n: the dispatch routine of location n returned STATUS_PENDING before the IRP was completed */
    ULONG64 Forwarded;         /* bit n: the driver of location n has passed the IRP on */
    PDEVICE_OBJECT *Completer; /* where to note the device object that completes it first, or NULL */
    PVOID Allocator;           /* return addresses */
    PVOID Freer;
    /* The I/O verifier's memory. */
    PDEVICE_OBJECT
    Holder; /* the device object that the IRP was last sent to, or completed back to; NULL: its maker has it */
    UCHAR Major, Minor; /* as Holder got it */
    NTSTATUS Status;
    ULONG_PTR Information;
    ULONG References;    /* IRP_MN_QUERY_DEVICE_RELATIONS: made to the PDO before it got the IRP (relationcheck.c) */
    ULONG OutputLength;  /* of the system buffer, for IRP_INPUT_OPERATION */
    BOOLEAN Built;       /* by IoBuild… or IoMakeAssociatedIrp */
    ULONG64 CancelledAt; /* ns; 0 = not cancelled */
    LIST_ENTRY Live;     /* in IopLiveIrps */
    /* Completion in the requesting thread. */
    KAPC Apc;
    BOOLEAN ByHandle;           /* ZwReadFile … made it, and referenced the file object */
    PIO_APC_ROUTINE ApcRoutine; /* the requester's, or NULL */
    PVOID ApcContext;
    PKEVENT EventObject;   /* UserEvent, if completion drops a reference to it */
    WAIT_OWNER EventOwner; /* while the APC is queued: who waits for the event waits for the thread */
    ULONG64 Sent;          /* ns; when it was last sent to a driver, 0 = never */
} IRP_TRACKER, *PIRP_TRACKER;

static inline PIRP_TRACKER IopTracker(PIRP Irp)
{
    return (PIRP_TRACKER)Irp - 1;
}

/* All IRPs of IoAllocateIrp that are not freed, oldest first. Written under a lock of io/irp.c; a stop report reads it without. */
extern LIST_ENTRY IopLiveIrps;

/* complete.c: PASSIVE_LEVEL. Has the current thread call Routine(Context, Iosb) as a kernel APC; NULL: nothing. */
VOID IopQueueUserApc(PIO_APC_ROUTINE Routine, PVOID Context, PIO_STATUS_BLOCK Iosb);
BOOLEAN IopIrpIsBeingDispatched(PIRP Irp);
/*
 * PASSIVE_LEVEL or APC_LEVEL. Does the dispatch routine that runs in this thread own the IRP no more, as a driver below has it and returned
 * STATUS_PENDING? FALSE where that cannot be told.
 */
BOOLEAN IopIsHeldBelow(PIRP Irp);
/* The dispatch routine for IRP_MN_SURPRISE_REMOVAL of Device runs in this thread. */
BOOLEAN IopIsInSurpriseRemoval(PDEVICE_OBJECT Device);
/* sendcheck.c: stops when the driver at Caller may not send Irp to DeviceObject. */
VOID IopCheckCall(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Caller);
/* completecheck.c: … may not complete it; … when its completion routine did not mark it pending; … when its maker's memory is gone. */
VOID IopCheckComplete(PIRP Irp, PVOID Caller);
VOID IopCheckMarkedPending(PIRP Irp, PVOID Routine);
VOID IopCheckFinish(PIRP Irp, PVOID Caller);
/*
 * relationcheck.c: Device is about to get Irp, and its driver completes Irp: what IRP_MN_QUERY_DEVICE_RELATIONS for TargetDeviceRelation must
 * return. PASSIVE_LEVEL for such an IRP.
 */
VOID IopNoteTargetQuery(PIRP Irp, PDEVICE_OBJECT Device);
VOID IopCheckTargetRelation(PIRP Irp, PVOID Caller);
/*
 * cancelcheck.c, any IRQL. The cancel routine of Irp, if a driver above Holder has set it while Holder's driver has the IRP: Above's driver,
 * or with NULL that of any stack location above the current one. NULL if it is none's, or the IRP is not the kernel's.
 */
PVOID IopForeignCancelRoutine(PIRP Irp, PDEVICE_OBJECT Holder, PDEVICE_OBJECT Above);
DECLSPEC_NORETURN VOID IopStopForeignCancelRoutine(PIRP Irp, PDEVICE_OBJECT Holder, PVOID Routine);
/* A PnP IRP that only the bus driver answers: the others pass it down with the status unchanged. */
BOOLEAN IopIsForBusDriver(UCHAR Minor);
VOID IopInitIrps(VOID);
VOID IopInitCancel(VOID);
VOID IopInitChecks(VOID);
/*
 * IRQL <= DISPATCH_LEVEL. Are cancelled IRPs still with a driver? *Irp is one that was cancelled before Since (ns), with its *Holder, or NULL.
 */
BOOLEAN IopFindCancelled(ULONG64 Since, PIRP *Irp, PDEVICE_OBJECT *Holder);

#endif
