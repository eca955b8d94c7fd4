/* SPDX-License-Identifier: MIT */
/*
 * The owner's side of the shared context blocks (buddy_talk.h). SharedLock keeps the blocks' owners from freeing them while they are being left: UNSHARE waits
 * for it. Calls from the borrower take only a block's own lock, and are counted by its rundown protection.
 */
#include "owner.h"

VOID SharedInitialize(POWNER Owner)
{
    KeInitializeMutex(&Owner->SharedLock, 0);
}

/* Takes one question out of the block; NULL: none left. IRQL <= DISPATCH_LEVEL. */
static PBUDDY_MESSAGE TakeQuestion(PBUDDY_SHARED_CONTEXT Shared)
{
    PBUDDY_MESSAGE message = NULL;
    KIRQL irql;

    KeAcquireSpinLock(&Shared->Lock, &irql);
    if (!IsListEmpty(&Shared->Questions)) {
        message = CONTAINING_RECORD(RemoveHeadList(&Shared->Questions), BUDDY_MESSAGE, Entry);
        message->Answer = ~message->Question;
        InsertTailList(&Shared->Answers, &message->Entry);
    }
    KeReleaseSpinLock(&Shared->Lock, irql);
    return message;
}

/* A borrower has put a question into its block. IRQL <= DISPATCH_LEVEL, no lock held, inside the block's OwnerCalls. */
static VOID NTAPI NotifyOwner(PBUDDY_SHARED_CONTEXT Shared)
{
    while (TakeQuestion(Shared) != NULL) {
        Shared->NotifyBorrower(Shared);
    }
}

static VOID LockShared(POWNER Owner)
{
    KeWaitForSingleObject(&Owner->SharedLock, Executive, KernelMode, FALSE, NULL);
}

static VOID UnlockShared(POWNER Owner)
{
    KeReleaseMutex(&Owner->SharedLock, FALSE);
}

NTSTATUS SharedAttach(POWNER Owner, PBUDDY_SHARED_CONTEXT Shared)
{
    NTSTATUS status = STATUS_INSUFFICIENT_RESOURCES;
    ULONG index;

    if (Shared == NULL || Shared->Size != sizeof(*Shared) || Shared->Version != BUDDY_SHARED_VERSION) {
        return STATUS_REVISION_MISMATCH;
    }
    LockShared(Owner);
    for (index = 0; index < MAX_CLIENTS && status != STATUS_SUCCESS; index++) {
        if (Owner->Shared[index] == NULL) {
            Owner->Shared[index] = Shared;
            Shared->OwnerContext = Owner;
            Shared->NotifyOwner =
                NotifyOwner; /* nobody calls yet: the block is shared once B's request has been completed */
            status = STATUS_SUCCESS;
        }
    }
    UnlockShared(Owner);
    return status;
}

/* Takes our side out of the block in a slot: no call of ours is under way afterwards, and none can begin. SharedLock held. */
static VOID Leave(POWNER Owner, ULONG Slot)
{
    PBUDDY_SHARED_CONTEXT shared = Owner->Shared[Slot];

    ExWaitForRundownProtectionRelease(&shared->OwnerCalls);
    shared->NotifyOwner = NULL;
    shared->OwnerContext = NULL;
    Owner->Shared[Slot] = NULL;
}

NTSTATUS SharedDetach(POWNER Owner, PBUDDY_SHARED_CONTEXT Shared)
{
    NTSTATUS status = STATUS_NOT_FOUND;
    ULONG index;

    LockShared(Owner);
    for (index = 0; index < MAX_CLIENTS; index++) {
        if (Shared != NULL && Owner->Shared[index] == Shared) {
            Leave(Owner, index);
            status = STATUS_SUCCESS;
        }
    }
    UnlockShared(Owner);
    return status;
}

VOID SharedDetachAll(POWNER Owner)
{
    ULONG index;

    LockShared(Owner);
    for (index = 0; index < MAX_CLIENTS; index++) {
        if (Owner->Shared[index] != NULL) {
            Leave(Owner, index);
        }
    }
    UnlockShared(Owner);
}
