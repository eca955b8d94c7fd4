/* SPDX-License-Identifier: MIT */
/*
 * Cancellation.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/canceling-irps
 */
#include "io/io.h"
#include "io/irp.h"

static KSPIN_LOCK CancelLock;

VOID IopInitCancel(VOID)
{
    KeInitializeSpinLock(&CancelLock);
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
    IoRequireIrql("IoCancelIrp", DISPATCH_LEVEL, _ReturnAddress());
    if (Irp->Type != IO_TYPE_IRP) {
        IoStop(CANCEL_STATE_IN_COMPLETED_IRP, (ULONG_PTR)Irp, 0, 0, 0, _ReturnAddress(),
               "IoCancelIrp of %p, which is no IRP (completed before?)", Irp);
    }
    IoAcquireCancelSpinLock(&Irql);
    Irp->Cancel = TRUE;
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
    Routine(DeviceObject, Irp);
    if (KeGetCurrentIrql() != Before) {
        IoStop(
            IRQL_UNEXPECTED_VALUE, KeGetCurrentIrql(), Before, 0, 0, Routine,
            "a cancel routine returned at IRQL %u instead of %u: it must call IoReleaseCancelSpinLock(Irp->CancelIrql)",
            KeGetCurrentIrql(), Before);
    }
    return TRUE;
}
