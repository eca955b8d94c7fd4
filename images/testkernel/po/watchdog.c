/* SPDX-License-Identifier: MIT */
/*
 * A power IRP that a driver holds for too long: bug check 0x9F (DRIVER_POWER_STATE_FAILURE), parameter 1 = 3 "a device object has been blocking
 * an IRP for too long a time", 2 = PDO, 3 = TRIAGE_9F_POWER, 4 = IRP (Microsoft, "Bug Check 0x9F"). Windows waits ten minutes; here it is the boot option
 * power-watchdog=SECONDS, because every delay of a virtual device is short.
 */
#include "po/po.h"
#include "boot/options.h"
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

static LIST_ENTRY NoThreads = {&NoThreads, &NoThreads};
static TRIAGE_9F_POWER Triage = {0x8000, 1, &PopRequests, &NoThreads, NULL};

static VOID NTAPI Expired(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    PO_REQUEST *request = Context;
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
           request->State.SystemState - 1, (ULONG)KeBootOptionNumber("power-watchdog", DEFAULT_SECONDS));
}

/* IRQL <= DISPATCH_LEVEL. A wait/wake IRP may take forever. */
VOID PopStartWatchdog(PO_REQUEST *Request)
{
    LARGE_INTEGER due = {.QuadPart = -(LONGLONG)KeBootOptionNumber("power-watchdog", DEFAULT_SECONDS) * 10000000};

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
