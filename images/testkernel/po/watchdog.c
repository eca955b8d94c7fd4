/* SPDX-License-Identifier: MIT */
/*
 * Bug check 0x9F (DRIVER_POWER_STATE_FAILURE), by its parameter 1 (Microsoft, "Bug Check 0x9F"):
 *   1  "the device object that is being freed still has an outstanding power request": 2 = device object
 *   3  "a device object has been blocking an IRP for too long a time": 2 = PDO, 3 = TRIAGE_9F_POWER, 4 = IRP
 *   4  "timed out waiting to synchronize with the PnP subsystem": 2 = seconds, 3 = the thread that holds the PnP lock, 4 = TRIAGE_9F_PNP
 * Windows waits ten minutes; here it is the boot option power-watchdog=SECONDS, because every delay of a virtual device is short.
 * 2 (PoStartNextPowerIrp not called) is Windows Server 2003's and older: since Vista the power manager does without the call.
 */
#include "po/po.h"
#include "boot/options.h"
#include "ke/backtrace.h"
#include "io/io.h"
#include "io/verify.h"

#define DEFAULT_SECONDS                                                                                                \
    5 /* below the 10 s that the orchestrator waits for SUSPEND, so that the stop names the driver */

/* nt!TRIAGE_9F_POWER, which parameter 3 points to since Windows 7; the page on the stop code shows its members. No list of worker threads here. */
typedef struct _TRIAGE_9F_POWER {
    USHORT Signature, Revision;
    PLIST_ENTRY IrpList, ThreadList;
    PVOID DelayedWorkQueue;
} TRIAGE_9F_POWER;

/* nt!TRIAGE_9F_PNP. Neither queue exists here. */
typedef struct _TRIAGE_9F_PNP {
    USHORT Signature, Revision;
    PVOID CompletionQueue, DelayedWorkQueue;
} TRIAGE_9F_PNP;

static TRIAGE_9F_PNP TriagePnp = {0x8001, 1, NULL, NULL};
static LIST_ENTRY NoThreads = {&NoThreads, &NoThreads};
static TRIAGE_9F_POWER Triage = {0x8000, 1, &PopRequests, &NoThreads, NULL};

static ULONG Limit(VOID)
{
    return (ULONG)KeBootOptionNumber("power-watchdog", DEFAULT_SECONDS);
}

/* Of several that are late in the same moment (a driver keeps a system IRP until the device IRP, which it keeps, is done) the first. */
static PO_REQUEST *Oldest(PO_REQUEST *Late)
{
    KeAcquireSpinLockAtDpcLevel(&PopLock);
    for (PLIST_ENTRY e = PopRequests.Flink; e != &PopRequests; e = e->Flink) {
        PO_REQUEST *request = CONTAINING_RECORD(e, PO_REQUEST, Link);

        if (request->Minor != IRP_MN_WAIT_WAKE && request->Since.QuadPart != 0 &&
            request->Since.QuadPart < Late->Since.QuadPart)
            Late = request;
    }
    KeReleaseSpinLockFromDpcLevel(&PopLock);
    return Late;
}

static VOID NTAPI Expired(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    PO_REQUEST *request = Oldest(Context);
    PIRP irp = request->Irp;
    PDEVICE_OBJECT holder =
        irp->CurrentLocation <= irp->StackCount ? IoGetCurrentIrpStackLocation(irp)->DeviceObject : NULL;
    PVOID culprit = holder != NULL ? (PVOID)holder->DriverObject->MajorFunction[IRP_MJ_POWER] : NULL;

    PopDumpRequests();
    IoStop(0x9F, 3, (ULONG_PTR)request->Pdo, (ULONG_PTR)&Triage, (ULONG_PTR)irp, culprit,
           "%wZ holds a power IRP (%s, %s %c%u) for longer than %u s: complete it or pass it on",
           holder != NULL ? &holder->DriverObject->DriverName : &request->Pdo->DriverObject->DriverName,
           request->Minor == IRP_MN_QUERY_POWER ? "query" : "set",
           request->Type == SystemPowerState ? "system" : "device", request->Type == SystemPowerState ? 'S' : 'D',
           request->State.SystemState - 1, Limit());
}

/* IRQL <= DISPATCH_LEVEL. A wait/wake IRP may take forever. */
VOID PopStartWatchdog(PO_REQUEST *Request)
{
    LARGE_INTEGER due = {.QuadPart = -(LONGLONG)Limit() * 10000000};

    Request->Since.QuadPart = (LONGLONG)KeQueryUnbiasedInterruptTime();
    KeInitializeTimer(&Request->Timer);
    KeInitializeDpc(&Request->Dpc, Expired, Request);
    if (Request->Minor != IRP_MN_WAIT_WAKE && due.QuadPart != 0)
        KeSetTimer(&Request->Timer, due, &Request->Dpc);
}

VOID PopStopWatchdog(PO_REQUEST *Request)
{
    KeCancelTimer(&Request->Timer);
}

/* The function of a driver that a thread, which does not run, is in; NULL: none. */
static PVOID DriverCodeOf(PETHREAD Thread)
{
    PVOID frames[24];
    UNWIND_STATE state;
    ULONG count;

    KiStateFromThread(&state, (PKTHREAD)Thread);
    count = KiWalkStack(&state, frames, COUNT_OF(frames));
    for (ULONG i = 0; i < count; i++) {
        if (IoIsDriverCode(frames[i]))
            return frames[i];
    }
    return NULL;
}

/* PASSIVE_LEVEL. The tree lock for a system transition: nothing of PnP may be half done in it. */
VOID PopLockTree(VOID)
{
    PETHREAD owner;

    if (PnpLockTreeInTime(Limit(), &owner))
        return;
    IoStop(
        0x9F, 4, Limit(), (ULONG_PTR)owner, (ULONG_PTR)&TriagePnp, DriverCodeOf(owner),
        "a PnP operation takes longer than the %u s that a system power transition waits for it: complete the PnP IRP",
        Limit());
}

/* A stack location that is not completed is Device's. */
static BOOLEAN Holds(PIRP Irp, PDEVICE_OBJECT Device)
{
    /* The last location is the power manager's own. */
    for (CHAR i = Irp->CurrentLocation; i < Irp->StackCount; i++) {
        if (((PIO_STACK_LOCATION)(Irp + 1))[i - 1].DeviceObject == Device)
            return TRUE;
    }
    return FALSE;
}

VOID PoCheckDelete(PDEVICE_OBJECT Device, PVOID Caller)
{
    PIRP irp = NULL;
    UCHAR minor = 0;
    KIRQL irql;

    KeAcquireSpinLock(&PopLock, &irql);
    for (PLIST_ENTRY e = PopRequests.Flink; e != &PopRequests && irp == NULL; e = e->Flink) {
        PO_REQUEST *request = CONTAINING_RECORD(e, PO_REQUEST, Link);

        if (Holds(request->Irp, Device)) {
            irp = request->Irp;
            minor = request->Minor;
        }
    }
    KeReleaseSpinLock(&PopLock, irql);
    if (irp != NULL)
        IoStop(0x9F, 1, (ULONG_PTR)Device, 0, 0, Caller,
               "IoDeleteDevice of a device object of %wZ that has not completed the power IRP %p (%s)",
               &Device->DriverObject->DriverName, irp,
               minor == IRP_MN_WAIT_WAKE     ? "wait/wake"
               : minor == IRP_MN_QUERY_POWER ? "query"
                                             : "set");
}
