/* SPDX-License-Identifier: MIT */
/*
 * Cancellation.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/canceling-irps
 */
#include "io/io.h"
#include "io/irp.h"
#include "hal/hal.h"

/*
 * "The driver took longer than expected to complete the canceled IRP": 0xC4/0x135. Windows allows minutes, here nobody is that patient.
 * In ns.
 */
#define CANCEL_LIMIT (10ULL * 1000000000)

static KSPIN_LOCK CancelLock;
static KTIMER CancelTimer;
static KDPC CancelDpc;

static VOID WatchCancelled(VOID)
{
    LARGE_INTEGER Due = {.QuadPart = -(LONGLONG)(CANCEL_LIMIT / 100) - 10000};
    if (!KeReadStateTimer(&CancelTimer) && !CancelTimer.Header.Inserted) {
        KeSetTimer(&CancelTimer, Due, &CancelDpc);
    }
}

/* One look in the time limit, so that an IRP is found late after one to two limits. */
static VOID NTAPI LookForCancelled(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    PDEVICE_OBJECT Holder;
    PIRP Irp;
    BOOLEAN More = IopFindCancelled(HalNanoseconds() - CANCEL_LIMIT, &Irp, &Holder);
    if (Irp) {
        PVOID Dispatch = (PVOID)Holder->DriverObject->MajorFunction[IopTracker(Irp)->Major];
        IoStop(
            DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_CANCEL_TOO_LONG, (ULONG_PTR)Irp, CANCEL_LIMIT / 1000000, 0,
            Dispatch,
            "IRP %p (major 0x%02x minor 0x%02x) was cancelled, but %wZ has not completed it in %I64u s: a pending IRP "
            "needs a cancel routine",
            Irp, IopTracker(Irp)->Major, IopTracker(Irp)->Minor, &Holder->DriverObject->DriverName,
            CANCEL_LIMIT / 1000000000);
    }
    KeInitializeTimer(&CancelTimer);
    if (More) {
        WatchCancelled();
    }
}

VOID IopInitCancel(VOID)
{
    KeInitializeSpinLock(&CancelLock);
    KeInitializeTimer(&CancelTimer);
    KeInitializeDpc(&CancelDpc, LookForCancelled, NULL);
}

VOID NTAPI IoAcquireCancelSpinLock(PKIRQL Irql)
{
    KeAcquireSpinLock(&CancelLock, Irql);
}

VOID NTAPI IoReleaseCancelSpinLock(KIRQL Irql)
{
    KeReleaseSpinLock(&CancelLock, Irql);
}

/* Sets IRP.Cancel and calls the cancel routine, if there is one, with the cancel spin lock held; the routine releases it. */
BOOLEAN NTAPI IoCancelIrp(PIRP Irp)
{
    KIRQL Irql, Before = KeGetCurrentIrql();
    PDRIVER_CANCEL Routine;
    PDEVICE_OBJECT DeviceObject;
    PVOID Foreign;
    if (Irp->Type != IO_TYPE_IRP) {
        IoStop(CANCEL_STATE_IN_COMPLETED_IRP, (ULONG_PTR)Irp, 0, 0, 0, _ReturnAddress(),
               "IoCancelIrp of %p, which is no IRP (completed before?)", Irp);
    }
    IoAcquireCancelSpinLock(&Irql);
    Irp->Cancel = TRUE;
    if ((Irp->AllocationFlags & IRP_ALLOCATED_BY_KERNEL) && !IopTracker(Irp)->CancelledAt) {
        IopTracker(Irp)->CancelledAt = HalNanoseconds();
        WatchCancelled();
    }
    Routine = IoSetCancelRoutine(Irp, NULL);
    if (!Routine) {
        IoReleaseCancelSpinLock(Irql);
        return FALSE;
    }
    if (Irp->CurrentLocation > Irp->StackCount + 1) {
        /* Bug check 0x48: an IRP was to be cancelled that had already been completed with its cancel routine set. */
        IoStop(CANCEL_STATE_IN_COMPLETED_IRP, (ULONG_PTR)Irp, (ULONG_PTR)Routine, 0, 0, Routine,
               "IRP %p is cancelled after it was completed", Irp);
    }
    Irp->CancelIrql = Irql;
    DeviceObject = IoGetCurrentIrpStackLocation(Irp)->DeviceObject;
    Irp->CancelRoutine = Routine; /* for the look at it */
    Foreign = IopForeignCancelRoutine(Irp, DeviceObject, NULL);
    Irp->CancelRoutine = NULL;
    if (Foreign) {
        IopStopForeignCancelRoutine(Irp, DeviceObject, Foreign);
    }
    Routine(DeviceObject, Irp);
    if (KeGetCurrentIrql() != Before) {
        IoStop(
            IRQL_UNEXPECTED_VALUE, KeGetCurrentIrql(), Before, 0, 0, Routine,
            "a cancel routine returned at IRQL %u instead of %u: it must call IoReleaseCancelSpinLock(Irp->CancelIrql)",
            KeGetCurrentIrql(), Before);
    }
    return TRUE;
}
