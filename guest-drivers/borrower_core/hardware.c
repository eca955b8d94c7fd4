/* SPDX-License-Identifier: MIT */
/* The callbacks that the owner calls: power up, power down, interrupt. See buddy_protocol.h for the rules that they keep. */
#include "hardware.h"

static VOID Unmap(PHARDWARE Hardware)
{
    if (Hardware->Page != NULL) {
        MmUnmapIoSpace(Hardware->Page, Hardware->PageLength);
        Hardware->Page = NULL;
    }
}

/* Maps the first memory resource, the register page, unless it is mapped at that very address already (after a PnP stop it may have moved). */
static BOOLEAN Map(PHARDWARE Hardware, const BUDDY_RESOURCES *Resources)
{
    ULONG index;

    for (index = 0; index < Resources->Count; index++) {
        const CM_PARTIAL_RESOURCE_DESCRIPTOR *descriptor = BUDDY_TRANSLATED(Resources, index);

        if (descriptor->Type == CmResourceTypeMemory) {
            if (MUTANT(BORROWER_KEEPS_OLD_ADDRESS) && Hardware->Page != NULL) {
                return TRUE;
            }
            if (Hardware->Page != NULL && Hardware->PageAddress.QuadPart == descriptor->u.Memory.Start.QuadPart) {
                return TRUE;
            }
            Unmap(Hardware);
            Hardware->PageAddress = descriptor->u.Memory.Start;
            Hardware->PageLength = descriptor->u.Memory.Length;
            Hardware->Page = MmMapIoSpace(Hardware->PageAddress, Hardware->PageLength, MmNonCached);
            return Hardware->Page != NULL;
        }
    }
    return FALSE;
}

static VOID NTAPI PowerUp(PVOID Context, const BUDDY_RESOURCES *Resources)
{
    PHARDWARE hardware = (PHARDWARE)Context;

    Trace("power-up client=%u", Resources->Client);
    InterlockedIncrement(&hardware->Exerciser.PowerUps);
    if (!Map(hardware, Resources)) {
        Trace("map-failed client=%u", Resources->Client);
        return; /* the gate stays closed: no hardware for us */
    }
    hardware->Gone = FALSE;
    hardware->Client = Resources->Client;
    InterlockedExchange(&hardware->InterruptsOn, 1);
    /* The register context is new. */
    HardwareWrite(hardware, INT_STATUS, ALL_ONES);
    HardwareWrite(hardware, INT_ENABLE, BUDDY_CLIENT__INT_ENABLE__JOB_bm);
    GateOpen(&hardware->Gate);
}

/* After this the interrupt callback does not touch the page any more, on any processor. */
static VOID StopInterrupts(PHARDWARE Hardware)
{
    InterlockedExchange(&Hardware->InterruptsOn, 0);
    while (Hardware->InterruptUsers != 0) {
        YieldProcessor();
    }
}

static VOID NTAPI PowerDown(PVOID Context, BUDDY_POWER_DOWN_REASON Reason)
{
    PHARDWARE hardware = (PHARDWARE)Context;

    hardware->Gone = Reason == BuddyPowerDownSurprise;
    if (MUTANT(BORROWER_UNMAPS_EARLY)) {
        Unmap(hardware);
    }
    if (MUTANT(BORROWER_DOES_NOT_WAIT)) {
        hardware->Gate.Open = FALSE;
        KeClearEvent(&hardware->Gate.Opened);
    } else if (!MUTANT(BORROWER_IGNORES_POWER_DOWN)) {
        GateCloseAndWait(&hardware->Gate);
        if (hardware->Page != NULL && !hardware->Gone) {
            HardwareWrite(hardware, INT_ENABLE, 0);
        }
        StopInterrupts(hardware);
    }
    InterlockedIncrement(&hardware->Exerciser.PowerDowns);
    Trace("power-down client=%u", hardware->Client);
    if (hardware->OwnerLeft != NULL && (Reason == BuddyPowerDownRemove || Reason == BuddyPowerDownSurprise)) {
        hardware->OwnerLeft(hardware);
    }
}

/* DIRQL. */
static BOOLEAN Serve(PHARDWARE Hardware)
{
    ULONG causes = HardwareRead(Hardware, INT_STATUS);

    if (causes == 0 || causes == ALL_ONES) {
        return FALSE;
    }
    if (!MUTANT(BORROWER_NEVER_ACKNOWLEDGES)) {
        HardwareWrite(Hardware, INT_STATUS, causes);
    }
    InterlockedOr(&Hardware->Causes, (LONG)causes);
    KeInsertQueueDpc(&Hardware->Dpc, NULL, NULL);
    return TRUE;
}

static BOOLEAN NTAPI Interrupt(PVOID Context)
{
    PHARDWARE hardware = (PHARDWARE)Context;
    BOOLEAN ours = FALSE;

    InterlockedIncrement(&hardware->InterruptUsers);
    if (hardware->InterruptsOn) {
        ours = Serve(hardware);
    }
    InterlockedDecrement(&hardware->InterruptUsers);
    return ours;
}

/* DISPATCH_LEVEL. Touches no hardware. */
static VOID NTAPI Dpc(PKDPC Object, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    PHARDWARE hardware = (PHARDWARE)Context;
    LONG causes = InterlockedExchange(&hardware->Causes, 0);

    UNREFERENCED_PARAMETER(Object);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);
    if (causes & BUDDY_CLIENT__INT_STATUS__JOB_bm) {
        KeSetEvent(&hardware->JobDone, IO_NO_INCREMENT, FALSE);
    }
}

VOID HardwareInitialize(PHARDWARE Hardware)
{
    RtlZeroMemory(Hardware, sizeof(*Hardware));
    GateInitialize(&Hardware->Gate);
    ExerciserInitialize(&Hardware->Exerciser, &Hardware->Gate, ExerciseStep, Hardware);
    KeInitializeDpc(&Hardware->Dpc, Dpc, Hardware);
    KeInitializeEvent(&Hardware->JobDone, SynchronizationEvent, FALSE);
}

VOID HardwareDescribe(PHARDWARE Hardware, PBUDDY_BORROW Borrow)
{
    Borrow->Size = sizeof(*Borrow);
    Borrow->Version = BUDDY_PROTOCOL_VERSION;
    Borrow->Context = Hardware;
    Borrow->PowerUp = PowerUp;
    Borrow->PowerDown = PowerDown;
    Borrow->Interrupt = Interrupt;
}

VOID HardwareForget(PHARDWARE Hardware)
{
    KeFlushQueuedDpcs();
    if (!MUTANT(BORROWER_IGNORES_POWER_DOWN)) {
        Unmap(Hardware);
    }
}
