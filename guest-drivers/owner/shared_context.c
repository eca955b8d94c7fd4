/* SPDX-License-Identifier: MIT */
/* The owner's side of the shared context blocks (buddy_talk.h). Lock order: SharedLock, then a block's own lock. */
#include "owner.h"

VOID SharedInitialize(POWNER Owner)
{
    KeInitializeSpinLock(&Owner->SharedLock);
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

/* A borrower has put a question into its block. IRQL <= DISPATCH_LEVEL, no lock held; the borrower counts us in OwnerCalls. */
static VOID NTAPI NotifyOwner(PBUDDY_SHARED_CONTEXT Shared)
{
    while (TakeQuestion(Shared) != NULL) {
        Shared->NotifyBorrower(Shared);
    }
}

NTSTATUS SharedAttach(POWNER Owner, PBUDDY_SHARED_CONTEXT Shared)
{
    NTSTATUS status = STATUS_INSUFFICIENT_RESOURCES;
    KIRQL irql;
    ULONG index;

    if (Shared == NULL || Shared->Size != sizeof(*Shared) || Shared->Version != BUDDY_SHARED_VERSION) {
        return STATUS_REVISION_MISMATCH;
    }
    KeAcquireSpinLock(&Owner->SharedLock, &irql);
    for (index = 0; index < MAX_CLIENTS && status != STATUS_SUCCESS; index++) {
        if (Owner->Shared[index] == NULL) {
            Owner->Shared[index] = Shared;
            KeAcquireSpinLockAtDpcLevel(&Shared->Lock);
            Shared->OwnerContext = Owner;
            Shared->NotifyOwner = NotifyOwner;
            KeReleaseSpinLockFromDpcLevel(&Shared->Lock);
            status = STATUS_SUCCESS;
        }
    }
    KeReleaseSpinLock(&Owner->SharedLock, irql);
    return status;
}

/* Takes our side out of the block. Returns whether no call of ours is under way. SharedLock held. */
static BOOLEAN Withdraw(PBUDDY_SHARED_CONTEXT Shared)
{
    BOOLEAN quiet;

    KeAcquireSpinLockAtDpcLevel(&Shared->Lock);
    Shared->NotifyOwner = NULL;
    Shared->OwnerContext = NULL;
    quiet = Shared->OwnerCalls == 0;
    KeReleaseSpinLockFromDpcLevel(&Shared->Lock);
    return quiet;
}

NTSTATUS SharedDetach(POWNER Owner, PBUDDY_SHARED_CONTEXT Shared)
{
    NTSTATUS status = STATUS_NOT_FOUND;
    KIRQL irql;
    ULONG index;

    KeAcquireSpinLock(&Owner->SharedLock, &irql);
    for (index = 0; index < MAX_CLIENTS; index++) {
        if (Owner->Shared[index] == Shared && Shared != NULL) {
            Withdraw(Shared); /* the borrower itself asks: it has no call under way */
            Owner->Shared[index] = NULL;
            status = STATUS_SUCCESS;
        }
    }
    KeReleaseSpinLock(&Owner->SharedLock, irql);
    return status;
}

/* One round of withdrawing; FALSE: somewhere a call is still under way. A borrower frees a block only after UNSHARE, which takes SharedLock. */
static BOOLEAN WithdrawAll(POWNER Owner)
{
    BOOLEAN quiet = TRUE;
    KIRQL irql;
    ULONG index;

    KeAcquireSpinLock(&Owner->SharedLock, &irql);
    for (index = 0; index < MAX_CLIENTS; index++) {
        if (Owner->Shared[index] != NULL) {
            if (Withdraw(Owner->Shared[index])) {
                Owner->Shared[index] = NULL;
            } else {
                quiet = FALSE;
            }
        }
    }
    KeReleaseSpinLock(&Owner->SharedLock, irql);
    return quiet;
}

VOID SharedDetachAll(POWNER Owner)
{
    LARGE_INTEGER moment = {.QuadPart = -10000}; /* 1 ms: a call under way is a few instructions long */

    while (!WithdrawAll(Owner)) {
        KeDelayExecutionThread(KernelMode, FALSE, &moment);
    }
}
