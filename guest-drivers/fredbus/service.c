/* SPDX-License-Identifier: MIT */
/* The controller's interrupt: changes, eject requests, and children whose work is done. */
#include "fredbus.h"

/* Rounds after which the service routine gives up on causes that do not go away; the interrupt then comes again. */
#define MAX_ROUNDS 16

/* Acknowledges every child that asserts its interrupt. DIRQL. */
static ULONG ServeChildren(PBUS Bus)
{
    ULONG pending = BusRead(Bus, CHILD_PENDING);
    ULONG slot;

    if (pending == ALL_ONES && BusRead(Bus, ID) == ALL_ONES) {
        return 0; /* the bus is gone */
    }
    for (slot = 0; slot < Bus->SlotCount; slot++) {
        if ((pending & (1u << slot)) && !MUTANT(FREDBUS_NEVER_ACKNOWLEDGES)) {
            SlotWrite(Bus, slot, INT_STATUS, FRED_SLOT__INT_STATUS__DONE_bm);
        }
    }
    return pending;
}

/* DIRQL. Messages come on edges: looks again until nothing is set. */
static BOOLEAN Service(PVOID Context)
{
    const ULONG ours = FREDBUS__INT_STATUS__CHANGE_bm | FREDBUS__INT_STATUS__EJECT_bm | FREDBUS__INT_STATUS__CHILD_bm;
    PBUS bus = (PBUS)Context;
    BOOLEAN served = FALSE;
    ULONG causes;
    ULONG round;

    for (round = 0; round < MAX_ROUNDS && bus->InterruptsOn && (causes = BusRead(bus, INT_STATUS)) != ALL_ONES &&
                    (causes & ours) != 0;
         round++) {
        BusWrite(bus, INT_STATUS, causes);
        InterlockedOr(&bus->BusCauses, (LONG)(causes & ~FREDBUS__INT_STATUS__CHILD_bm));
        if (causes & FREDBUS__INT_STATUS__CHILD_bm) {
            InterlockedOr(&bus->ChildrenDone, (LONG)ServeChildren(bus));
        }
        served = TRUE;
    }
    if (served) {
        KeInsertQueueDpc(&bus->Dpc, NULL, NULL);
    }
    return served;
}

/* DISPATCH_LEVEL. */
static VOID NTAPI Dpc(PKDPC Object, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    PBUS bus = (PBUS)Context;
    ULONG done = (ULONG)InterlockedExchange(&bus->ChildrenDone, 0);
    ULONG slot;

    UNREFERENCED_PARAMETER(Object);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);
    if (InterlockedExchange(&bus->BusCauses, 0) != 0) {
        EnumerateQueue(bus);
    }
    for (slot = 0; slot < bus->SlotCount; slot++) {
        if (done & (1u << slot)) {
            ChildWorkDone(bus, slot);
        }
    }
}

NTSTATUS BusConnectInterrupt(PBUS Bus)
{
    Bus->InterruptsOn = FALSE;
    KeInitializeDpc(&Bus->Dpc, Dpc, Bus);
    return ConnectInterrupt(&Bus->Interrupt, Bus->Function.Pdo, Service, Bus);
}

typedef struct _SWITCH {
    PBUS Bus;
    BOOLEAN On;
} SWITCH;

/* DIRQL, the interrupt's lock held. */
static BOOLEAN NTAPI SwitchUnderLock(PVOID Context)
{
    SWITCH *change = (SWITCH *)Context;

    change->Bus->InterruptsOn = change->On;
    return TRUE;
}

VOID BusSwitchInterrupts(PBUS Bus, BOOLEAN On)
{
    SWITCH change = {Bus, On};

    SynchronizeWithInterrupt(&Bus->Interrupt, SwitchUnderLock, &change);
}
