/* SPDX-License-Identifier: MIT */
/* The callbacks that the owner calls: power up, power down, interrupt. See buddy_protocol.h for the rules that they keep. */
#include "hardware.h"

/* DIRQL. TRUE: the interrupt was ours, and its causes are acknowledged. */
static BOOLEAN Serve(PHARDWARE Hardware)
{
    ULONG causes = PageRead(&Hardware->User, INT_STATUS);

    if (causes == 0 || causes == ALL_ONES) {
        return FALSE;
    }
    if (!MUTANT(BORROWER_NEVER_ACKNOWLEDGES)) {
        PageWrite(&Hardware->User, INT_STATUS, causes);
    }
    PageUserInterrupted(&Hardware->User, causes);
    return TRUE;
}

/* Called by the owner's service routine. */
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

/* Our own service routine on the shared line. FALSE lets the system ask the next one on the line. */
static BOOLEAN NTAPI LineInterrupt(PKINTERRUPT Object, PVOID Context)
{
    UNREFERENCED_PARAMETER(Object);
    return Interrupt(Context) || MUTANT(BORROWER_CLAIMS_EVERY_INTERRUPT);
}

/*
 * The line belongs to the owner's device, and only what its descriptor says is known of it here: so IoConnectInterrupt, which takes just that, and not
 * IoConnectInterruptEx, which wants the device object that the interrupt was assigned to. PASSIVE_LEVEL.
 */
static BOOLEAN ConnectLine(PHARDWARE Hardware, const BUDDY_RESOURCES *Resources)
{
    const CM_PARTIAL_RESOURCE_DESCRIPTOR *line = HardwareFindLine(Resources);
    NTSTATUS status = STATUS_RESOURCE_DATA_NOT_FOUND;

    if (line != NULL) {
        KIRQL irql = (KIRQL)line->u.Interrupt.Level;

        status = IoConnectInterrupt(&Hardware->Line, LineInterrupt, Hardware, NULL, line->u.Interrupt.Vector, irql,
                                    irql, line->Flags & CM_RESOURCE_INTERRUPT_LATCHED ? Latched : LevelSensitive,
                                    line->ShareDisposition == CmResourceShareShared, line->u.Interrupt.Affinity, FALSE);
    }
    Trace("line-connected status=%x client=%u", status, Resources->Client);
    if (!NT_SUCCESS(status)) {
        Hardware->Line = NULL;
    }
    return NT_SUCCESS(status);
}

/* Setting PowerUpMilliseconds. */
static VOID TakeTime(PHARDWARE Hardware)
{
    LARGE_INTEGER time = {.QuadPart = -10000LL * Hardware->PowerUpMilliseconds};

    if (Hardware->PowerUpMilliseconds != 0) {
        KeDelayExecutionThread(KernelMode, FALSE, &time);
    }
}

/* Whatever fails leaves the gate closed: no hardware for us. */
static VOID NTAPI PowerUp(PVOID Context, const BUDDY_RESOURCES *Resources)
{
    PHARDWARE hardware = (PHARDWARE)Context;

    Trace("power-up client=%u", Resources->Client);
    KeClearEvent(&hardware->User.Exerciser.WakeNeeded);
    InterlockedIncrement(&hardware->User.Exerciser.PowerUps);
    if (!HardwareMap(hardware, Resources)) {
        Trace("map-failed client=%u", Resources->Client);
        return;
    }
    hardware->User.Gone = FALSE;
    hardware->User.Client = Resources->Client;
    hardware->User.Services = Resources->Services;
    InterlockedExchange(&hardware->InterruptsOn, 1);
    if (hardware->UseLine && !ConnectLine(hardware, Resources)) {
        return;
    }
    /* The register context is new. */
    PageWrite(&hardware->User, INT_STATUS, ALL_ONES);
    PageWrite(&hardware->User, INT_ENABLE, BUDDY_CLIENT__INT_ENABLE__JOB_bm);
    GateOpen(&hardware->User.Gate);
    TakeTime(hardware);
}

/* After this no interrupt service of ours touches the page any more, on any processor. PASSIVE_LEVEL. */
static VOID StopInterrupts(PHARDWARE Hardware)
{
    InterlockedExchange(&Hardware->InterruptsOn, 0);
    while (Hardware->InterruptUsers != 0) {
        YieldProcessor();
    }
    if (Hardware->Line != NULL && !MUTANT(BORROWER_LEAVES_LINE_CONNECTED)) {
        IoDisconnectInterrupt(Hardware->Line);
        Hardware->Line = NULL;
    }
}

static VOID NTAPI PowerDown(PVOID Context, BUDDY_POWER_DOWN_REASON Reason)
{
    PHARDWARE hardware = (PHARDWARE)Context;

    hardware->User.Gone = Reason == BuddyPowerDownSurprise;
    if (MUTANT(BORROWER_UNMAPS_EARLY)) {
        HardwareUnmap(hardware);
    }
    if (MUTANT(BORROWER_DOES_NOT_WAIT)) {
        hardware->User.Gate.Open = FALSE;
        KeClearEvent(&hardware->User.Gate.Opened);
    } else if (!MUTANT(BORROWER_IGNORES_POWER_DOWN)) {
        GateCloseAndWait(&hardware->User.Gate);
        if (hardware->User.Page != NULL && !hardware->User.Gone) {
            PageWrite(&hardware->User, INT_ENABLE, 0);
        }
        StopInterrupts(hardware);
    }
    InterlockedIncrement(&hardware->User.Exerciser.PowerDowns);
    Trace("power-down client=%u", hardware->User.Client);
    if (Reason == BuddyPowerDownIdle && !MUTANT(BORROWER_SLEEPS_ON)) {
        KeSetEvent(&hardware->User.Exerciser.WakeNeeded, IO_NO_INCREMENT, FALSE);
    }
    if (hardware->OwnerLeft != NULL && (Reason == BuddyPowerDownRemove || Reason == BuddyPowerDownSurprise)) {
        hardware->OwnerLeft(hardware);
    }
}

VOID HardwareInitialize(PHARDWARE Hardware)
{
    RtlZeroMemory(Hardware, sizeof(*Hardware));
    PageUserInitialize(&Hardware->User);
}

VOID HardwareDescribe(PHARDWARE Hardware, PBUDDY_BORROW Borrow)
{
    Borrow->Size = sizeof(*Borrow);
    Borrow->Version = BUDDY_PROTOCOL_VERSION;
    Borrow->Context = Hardware;
    Borrow->PowerUp = PowerUp;
    Borrow->PowerDown = PowerDown;
    Borrow->Interrupt = Hardware->UseLine ? NULL : Interrupt;
}

VOID HardwareForget(PHARDWARE Hardware)
{
    KeFlushQueuedDpcs();
    if (!MUTANT(BORROWER_IGNORES_POWER_DOWN)) {
        HardwareUnmap(Hardware);
    }
}
