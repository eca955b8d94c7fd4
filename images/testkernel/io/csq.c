/* SPDX-License-Identifier: MIT */
/*
 * Cancel-safe IRP queues.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/cancel-safe-irp-queues
 */
#include "io/io.h"

/* IO_CSQ.Type and IO_CSQ_IRP_CONTEXT.Type, as in Windows' csq.h. */
#define CSQ_TYPE         1
#define CSQ_CONTEXT_TYPE 2
#define CSQ_TYPE_EX      3

static VOID NTAPI CancelQueued(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PVOID Entry = Irp->Tail.Overlay.DriverContext[3];
    PIO_CSQ Csq;
    KIRQL Irql;
    IoReleaseCancelSpinLock(Irp->CancelIrql);
    if (*(PULONG)Entry == CSQ_CONTEXT_TYPE) {
        Csq = ((PIO_CSQ_IRP_CONTEXT)Entry)->Csq;
    } else {
        Csq = Entry;
    }
    Csq->CsqAcquireLock(Csq, &Irql);
    Csq->CsqRemoveIrp(Csq, Irp);
    if (Csq != Entry) {
        ((PIO_CSQ_IRP_CONTEXT)Entry)->Irp = NULL;
    }
    Irp->Tail.Overlay.DriverContext[3] = NULL;
    Csq->CsqReleaseLock(Csq, Irql);
    Csq->CsqCompleteCanceledIrp(Csq, Irp);
}

NTSTATUS NTAPI IoCsqInitialize(PIO_CSQ Csq, PIO_CSQ_INSERT_IRP CsqInsertIrp, PIO_CSQ_REMOVE_IRP CsqRemoveIrp,
                               PIO_CSQ_PEEK_NEXT_IRP CsqPeekNextIrp, PIO_CSQ_ACQUIRE_LOCK CsqAcquireLock,
                               PIO_CSQ_RELEASE_LOCK CsqReleaseLock,
                               PIO_CSQ_COMPLETE_CANCELED_IRP CsqCompleteCanceledIrp)
{
    Csq->Type = CSQ_TYPE;
    Csq->CsqInsertIrp = CsqInsertIrp;
    Csq->CsqRemoveIrp = CsqRemoveIrp;
    Csq->CsqPeekNextIrp = CsqPeekNextIrp;
    Csq->CsqAcquireLock = CsqAcquireLock;
    Csq->CsqReleaseLock = CsqReleaseLock;
    Csq->CsqCompleteCanceledIrp = CsqCompleteCanceledIrp;
    Csq->ReservePointer = NULL;
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI IoCsqInitializeEx(PIO_CSQ Csq, PIO_CSQ_INSERT_IRP_EX CsqInsertIrp, PIO_CSQ_REMOVE_IRP CsqRemoveIrp,
                                 PIO_CSQ_PEEK_NEXT_IRP CsqPeekNextIrp, PIO_CSQ_ACQUIRE_LOCK CsqAcquireLock,
                                 PIO_CSQ_RELEASE_LOCK CsqReleaseLock,
                                 PIO_CSQ_COMPLETE_CANCELED_IRP CsqCompleteCanceledIrp)
{
    NTSTATUS Status = IoCsqInitialize(Csq, (PIO_CSQ_INSERT_IRP)(PVOID)CsqInsertIrp, CsqRemoveIrp, CsqPeekNextIrp,
                                      CsqAcquireLock, CsqReleaseLock, CsqCompleteCanceledIrp);
    Csq->Type = CSQ_TYPE_EX;
    return Status;
}

NTSTATUS NTAPI IoCsqInsertIrpEx(PIO_CSQ Csq, PIRP Irp, PIO_CSQ_IRP_CONTEXT Context, PVOID InsertContext)
{
    NTSTATUS Status = STATUS_SUCCESS;
    KIRQL Irql;
    Csq->CsqAcquireLock(Csq, &Irql);
    if (Context) {
        Context->Type = CSQ_CONTEXT_TYPE;
        Context->Irp = Irp;
        Context->Csq = Csq;
        Irp->Tail.Overlay.DriverContext[3] = Context;
    } else {
        Irp->Tail.Overlay.DriverContext[3] = Csq;
    }
    if (Csq->Type == CSQ_TYPE_EX) {
        Status = ((PIO_CSQ_INSERT_IRP_EX)(PVOID)Csq->CsqInsertIrp)(Csq, Irp, InsertContext);
        if (!NT_SUCCESS(Status)) {
            Csq->CsqReleaseLock(Csq, Irql);
            return Status;
        }
    } else {
        Csq->CsqInsertIrp(Csq, Irp);
    }
    IoMarkIrpPending(Irp);
    IoSetCancelRoutine(Irp, CancelQueued);
    if (Irp->Cancel && IoSetCancelRoutine(Irp, NULL)) {
        /* Cancelled before it was queued: nobody will call the cancel routine. */
        Csq->CsqRemoveIrp(Csq, Irp);
        if (Context) {
            Context->Irp = NULL;
        }
        Irp->Tail.Overlay.DriverContext[3] = NULL;
        Csq->CsqReleaseLock(Csq, Irql);
        Csq->CsqCompleteCanceledIrp(Csq, Irp);
        return Status;
    }
    Csq->CsqReleaseLock(Csq, Irql);
    return Status;
}

VOID NTAPI IoCsqInsertIrp(PIO_CSQ Csq, PIRP Irp, PIO_CSQ_IRP_CONTEXT Context)
{
    IoCsqInsertIrpEx(Csq, Irp, Context, NULL);
}

PIRP NTAPI IoCsqRemoveNextIrp(PIO_CSQ Csq, PVOID PeekContext)
{
    PIRP Irp = NULL;
    KIRQL Irql;
    Csq->CsqAcquireLock(Csq, &Irql);
    while ((Irp = Csq->CsqPeekNextIrp(Csq, Irp, PeekContext)) != NULL) {
        if (!IoSetCancelRoutine(Irp, NULL)) {
            continue; /* being cancelled: its cancel routine waits for the lock and will take it out */
        }
        Csq->CsqRemoveIrp(Csq, Irp);
        if (*(PULONG)Irp->Tail.Overlay.DriverContext[3] == CSQ_CONTEXT_TYPE) {
            ((PIO_CSQ_IRP_CONTEXT)Irp->Tail.Overlay.DriverContext[3])->Irp = NULL;
        }
        Irp->Tail.Overlay.DriverContext[3] = NULL;
        break;
    }
    Csq->CsqReleaseLock(Csq, Irql);
    return Irp;
}

PIRP NTAPI IoCsqRemoveIrp(PIO_CSQ Csq, PIO_CSQ_IRP_CONTEXT Context)
{
    PIRP Irp;
    KIRQL Irql;
    Csq->CsqAcquireLock(Csq, &Irql);
    Irp = Context->Irp;
    if (Irp && IoSetCancelRoutine(Irp, NULL)) {
        Csq->CsqRemoveIrp(Csq, Irp);
        Context->Irp = NULL;
        Irp->Tail.Overlay.DriverContext[3] = NULL;
    } else {
        Irp = NULL;
    }
    Csq->CsqReleaseLock(Csq, Irql);
    return Irp;
}
