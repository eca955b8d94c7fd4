/* SPDX-License-Identifier: MIT */
#include "waiters.h"
#include "function_device.h"
#include "irp.h"

static PWAITERS WaitersOf(PIO_CSQ Queue)
{
    return CONTAINING_RECORD(Queue, WAITERS, Queue);
}

static NTSTATUS NTAPI Insert(PIO_CSQ Queue, PIRP Irp, PVOID Context)
{
    PWAITERS waiters = WaitersOf(Queue);

    UNREFERENCED_PARAMETER(Context);
    if (waiters->Closed) {
        return STATUS_DELETE_PENDING;
    }
    InsertTailList(&waiters->Irps, &Irp->Tail.Overlay.ListEntry);
    return STATUS_SUCCESS;
}

static VOID NTAPI RemoveIrp(PIO_CSQ Queue, PIRP Irp)
{
    UNREFERENCED_PARAMETER(Queue);
    RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
}

/* The next IRP after Irp (NULL: the first) that came by the file object Peek (NULL: any). */
static PIRP NTAPI PeekNext(PIO_CSQ Queue, PIRP Irp, PVOID Peek)
{
    PWAITERS waiters = WaitersOf(Queue);
    PLIST_ENTRY entry = Irp != NULL ? Irp->Tail.Overlay.ListEntry.Flink : waiters->Irps.Flink;

    for (; entry != &waiters->Irps; entry = entry->Flink) {
        PIRP next = CONTAINING_RECORD(entry, IRP, Tail.Overlay.ListEntry);

        if (Peek == NULL || IoGetCurrentIrpStackLocation(next)->FileObject == (PFILE_OBJECT)Peek) {
            return next;
        }
    }
    return NULL;
}

static VOID NTAPI AcquireLock(PIO_CSQ Queue, PKIRQL Irql)
{
    KeAcquireSpinLock(&WaitersOf(Queue)->Lock, Irql);
}

static VOID NTAPI ReleaseLock(PIO_CSQ Queue, KIRQL Irql)
{
    KeReleaseSpinLock(&WaitersOf(Queue)->Lock, Irql);
}

/* The lock is released first: completion may run anything. The remove lock last: after it the device object may go. */
static VOID Finish(PWAITERS Waiters, PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    PIO_REMOVE_LOCK removeLock = Waiters->RemoveLock;

    CompleteIrp(Irp, Status, Information);
    IoReleaseRemoveLock(removeLock, Irp);
}

static VOID NTAPI CompleteCanceled(PIO_CSQ Queue, PIRP Irp)
{
    Finish(WaitersOf(Queue), Irp, STATUS_CANCELLED, 0);
}

VOID WaitersInitialize(PWAITERS Waiters, PIO_REMOVE_LOCK RemoveLock)
{
    InitializeListHead(&Waiters->Irps);
    KeInitializeSpinLock(&Waiters->Lock);
    Waiters->Closed = FALSE;
    Waiters->RemoveLock = RemoveLock;
    IoCsqInitializeEx(&Waiters->Queue, Insert, RemoveIrp, PeekNext, AcquireLock, ReleaseLock, CompleteCanceled);
}

NTSTATUS WaitersAdd(PWAITERS Waiters, PIRP Irp)
{
    NTSTATUS status;

    if (IoGetCurrentIrpStackLocation(Irp)->Parameters.DeviceIoControl.OutputBufferLength < sizeof(ULONG)) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    if (MUTANT(OWNER_FORGETS_CANCEL_ROUTINE)) {
        IoMarkIrpPending(Irp);
        ExInterlockedInsertTailList(&Waiters->Irps, &Irp->Tail.Overlay.ListEntry, &Waiters->Lock);
        return STATUS_PENDING;
    }
    status = IoCsqInsertIrpEx(&Waiters->Queue, Irp, NULL, NULL);
    return NT_SUCCESS(status) ? STATUS_PENDING : status;
}

VOID WaitersTell(PWAITERS Waiters, BOOLEAN On)
{
    PIRP irp;

    while ((irp = IoCsqRemoveNextIrp(&Waiters->Queue, NULL)) != NULL) {
        *(ULONG *)irp->AssociatedIrp.SystemBuffer = On;
        Finish(Waiters, irp, STATUS_SUCCESS, sizeof(ULONG));
    }
}

VOID WaitersCancel(PWAITERS Waiters, PFILE_OBJECT FileObject)
{
    PIRP irp;

    while ((irp = IoCsqRemoveNextIrp(&Waiters->Queue, FileObject)) != NULL) {
        Finish(Waiters, irp, STATUS_CANCELLED, 0);
    }
}

VOID WaitersClose(PWAITERS Waiters)
{
    PIRP irp;
    KIRQL irql;

    KeAcquireSpinLock(&Waiters->Lock, &irql);
    Waiters->Closed = TRUE;
    KeReleaseSpinLock(&Waiters->Lock, irql);
    while ((irp = IoCsqRemoveNextIrp(&Waiters->Queue, NULL)) != NULL) {
        Finish(Waiters, irp, STATUS_DELETE_PENDING, 0);
    }
}
