/* SPDX-License-Identifier: MIT */
/* The shared context block: allocated here, lent to the owner by an internal IOCTL whose UserBuffer is its address. Source: "Beyond IRPs", Figure 1. */
#include "borrower.h"

/* Sends one of the METHOD_NEITHER codes with the block's address. */
static NTSTATUS Send(PCONNECTION Connection, ULONG Code, PBUDDY_SHARED_CONTEXT Shared)
{
    KEVENT done;
    IO_STATUS_BLOCK result;
    PIRP irp;
    NTSTATUS status;

    KeInitializeEvent(&done, NotificationEvent, FALSE);
    /* With METHOD_NEITHER the output buffer's address becomes Irp->UserBuffer, untouched. */
    irp =
        IoBuildDeviceIoControlRequest(Code, Connection->Device, NULL, 0, Shared, sizeof(*Shared), TRUE, &done, &result);
    if (irp == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    IoGetNextIrpStackLocation(irp)->FileObject = Connection->FileObject;
    status = IoCallDriver(Connection->Device, irp);
    if (status == STATUS_PENDING) {
        KeWaitForSingleObject(&done, Executive, KernelMode, FALSE, NULL);
        status = result.Status;
    }
    return status;
}

/* The owner has put an answer into the queue. IRQL <= DISPATCH_LEVEL. */
static VOID NTAPI NotifyBorrower(PBUDDY_SHARED_CONTEXT Shared)
{
    KeSetEvent(&((PBORROWER)Shared->BorrowerContext)->Answered, IO_NO_INCREMENT, FALSE);
}

VOID SharedOpen(PCONNECTION Connection)
{
    PBORROWER borrower = Connection->Borrower;
    PBUDDY_SHARED_CONTEXT shared;
    NTSTATUS status;

    if (!(borrower->Function.Settings[SettingTalk] & BUDDY_TALK_SHARED_CONTEXT)) {
        return;
    }
    shared = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*shared), POOL_TAG);
    if (shared == NULL) {
        return;
    }
    RtlZeroMemory(shared, sizeof(*shared));
    shared->Size = sizeof(*shared);
    shared->Version = BUDDY_SHARED_VERSION;
    KeInitializeSpinLock(&shared->Lock);
    InitializeListHead(&shared->Questions);
    InitializeListHead(&shared->Answers);
    ExInitializeRundownProtection(&shared->OwnerCalls);
    shared->BorrowerContext = borrower;
    shared->NotifyBorrower = NotifyBorrower;
    status = Send(Connection, IOCTL_INTERNAL_BUDDY_SHARE, shared);
    Trace("shared status=%x device=%u", status, borrower->Function.Number);
    if (!NT_SUCCESS(status)) {
        ExFreePoolWithTag(shared, POOL_TAG);
        return;
    }
    Connection->Shared = shared;
    borrower->Shared = shared; /* before borrowing, so before the gate opens */
}

VOID SharedClose(PCONNECTION Connection)
{
    PBORROWER borrower = Connection->Borrower;
    PBUDDY_SHARED_CONTEXT shared = Connection->Shared;

    if (shared == NULL) {
        return;
    }
    /* Return first, so that the gate is closed and nobody asks; then the owner lets go; then the block is ours alone. */
    Return(Connection);
    if (!MUTANT(BORROWER_FREES_SHARED_CONTEXT)) {
        Send(Connection, IOCTL_INTERNAL_BUDDY_UNSHARE, shared);
    }
    borrower->Shared = NULL;
    Connection->Shared = NULL;
    ExFreePoolWithTag(shared, POOL_TAG);
    Trace("unshared device=%u", borrower->Function.Number);
}

/* Calls the owner if it is still there; the protection keeps it there during the call. */
static BOOLEAN CallOwner(PBUDDY_SHARED_CONTEXT Shared)
{
    if (!ExAcquireRundownProtection(&Shared->OwnerCalls)) {
        return FALSE;
    }
    Shared->NotifyOwner(Shared);
    ExReleaseRundownProtection(&Shared->OwnerCalls);
    return TRUE;
}

BOOLEAN SharedAsk(PBORROWER Borrower, ULONG Question)
{
    PBUDDY_SHARED_CONTEXT shared = Borrower->Shared;
    BUDDY_MESSAGE message = {.Question = Question};
    PVOID events[] = {&Borrower->Answered, &Borrower->Hardware.User.Gate.Closing};
    KIRQL irql;

    if (shared == NULL) {
        return FALSE;
    }
    KeAcquireSpinLock(&shared->Lock, &irql);
    InsertTailList(&shared->Questions, &message.Entry);
    KeReleaseSpinLock(&shared->Lock, irql);
    if (CallOwner(shared)) {
        KeWaitForMultipleObjects(2, events, WaitAny, Executive, KernelMode, FALSE, NULL, NULL);
    }
    /* Answered or not, the message is on one of the two queues and must leave it: it lives on this stack. */
    KeAcquireSpinLock(&shared->Lock, &irql);
    RemoveEntryList(&message.Entry);
    KeReleaseSpinLock(&shared->Lock, irql);
    return message.Answer == ~Question;
}
