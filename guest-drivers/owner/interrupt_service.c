/* SPDX-License-Identifier: MIT */
/*
 * The interrupt that owner and clients share. The owner's pending register says whose it is; each party acknowledges its own page, because a
 * page belongs to its client and the hardware attributes every access by address.
 */
#include "owner.h"

/* Rounds after which a service routine gives up on causes that do not go away; the interrupt then comes again. */
#define MAX_ROUNDS 16

/* The owner's own causes. Returns whether there was one. DIRQL. */
static BOOLEAN ServeOwner(POWNER Owner)
{
    ULONG causes = OwnerRead(Owner, client.INT_STATUS);

    if (causes == 0 || causes == ALL_ONES) {
        return FALSE;
    }
    OwnerWrite(Owner, client.INT_STATUS, causes);
    if (causes & BUDDY_CLIENT__INT_STATUS__DOORBELL_bm) {
        OwnerWrite(Owner, client.DOORBELL_FROM, OwnerRead(Owner, client.DOORBELL_FROM));
    }
    if (causes & BUDDY_CLIENT__INT_STATUS__JOB_bm) {
        PageUserInterrupted(&Owner->Own, causes);
    }
    if (causes & ~BUDDY_CLIENT__INT_STATUS__JOB_bm) {
        InterlockedOr(&Owner->PendingCauses, (LONG)causes);
        KeInsertQueueDpc(&Owner->Dpc, NULL, NULL);
    }
    return TRUE;
}

static BOOLEAN ServeClient(POWNER Owner, ULONG Number)
{
    PCLIENT client = &Owner->Clients[Number];

    return client->Borrow.Interrupt != NULL && client->Borrow.Interrupt(client->Borrow.Context);
}

/*
 * DIRQL. Looks again until nothing is pending: a message is sent on the edge, so a cause that arises between reading and acknowledging would
 * otherwise be lost.
 */
static BOOLEAN Service(PVOID Context)
{
    POWNER owner = (POWNER)Context;
    BOOLEAN ours = FALSE;
    ULONG round;

    if (MUTANT(OWNER_ALLOCATES_IN_INTERRUPT)) {
        ExFreePoolWithTag(ExAllocatePoolWithTag(NonPagedPoolNx, 16, POOL_TAG), POOL_TAG);
    }
    if (MUTANT(OWNER_WAKES_IN_INTERRUPT)) {
        KEVENT event;

        KeInitializeEvent(&event, NotificationEvent, FALSE);
        KeSetEvent(&event, IO_NO_INCREMENT, FALSE);
    }
    if (!(owner->Delivering & 1)) {
        return FALSE; /* a shared line's interrupt while this device has no power: hands off */
    }
    for (round = 0; round < MAX_ROUNDS; round++) {
        ULONG pending = OwnerRead(owner, owner.INT_PENDING);
        BOOLEAN served = FALSE;
        ULONG number;

        if (pending == 0 || pending == ALL_ONES) {
            break; /* done, or the device is gone */
        }
        if (pending & 1) {
            served = ServeOwner(owner);
        }
        for (number = 1; number < MAX_CLIENTS; number++) {
            if (pending & owner->Delivering & (1u << number)) {
                served = ServeClient(owner, number) || served;
            }
        }
        ours = ours || served;
        if (!served) {
            break;
        }
    }
    return ours || MUTANT(OWNER_CLAIMS_EVERY_INTERRUPT);
}

/* DISPATCH_LEVEL. Touches no hardware, so it may run late. */
static VOID NTAPI Dpc(PKDPC Object, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    POWNER owner = (POWNER)Context;

    UNREFERENCED_PARAMETER(Object);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);
    if (InterlockedExchange(&owner->PendingCauses, 0) & BUDDY_CLIENT__INT_STATUS__DOORBELL_bm) {
        Announce(owner, BuddyEventDoorbell);
    }
}

NTSTATUS OwnerConnectInterrupt(POWNER Owner)
{
    Owner->Delivering = 0;
    KeInitializeDpc(&Owner->Dpc, Dpc, Owner);
    return ConnectInterrupt(&Owner->Interrupt, Owner->Function.Pdo, Service, Owner);
}

typedef struct _DELIVERY {
    POWNER Owner;
    ULONG Client;
    BOOLEAN Deliver;
} DELIVERY;

/* DIRQL, the interrupt's lock held. */
static BOOLEAN NTAPI ChangeDelivery(PVOID Context)
{
    DELIVERY *delivery = (DELIVERY *)Context;
    ULONG bit = 1u << delivery->Client;

    if (delivery->Deliver) {
        delivery->Owner->Delivering |= bit;
    } else {
        delivery->Owner->Delivering &= ~bit;
    }
    return TRUE;
}

VOID OwnerDeliverInterrupts(POWNER Owner, ULONG Client, BOOLEAN Deliver)
{
    DELIVERY delivery = {Owner, Client, Deliver};

    SynchronizeWithInterrupt(&Owner->Interrupt, ChangeDelivery, &delivery);
}
