/* SPDX-License-Identifier: MIT */
/* The owner's life as a function driver: resources, power, and the entry point. */
#include "owner.h"

const CHAR TraceDriverName[] = "owner";

static const SETTING Settings[] = {
    [SettingTraceDetail] = TRACE_DETAIL_SETTING,
    [SettingTalk] = {L"Talk", 0, BUDDY_TALK_SHARED_CONTEXT | BUDDY_TALK_CALLBACK | BUDDY_TALK_EVENT},
    [SettingDeviceName] = {L"DeviceName", 0, 1},
    [SettingCoordination] = {L"Coordination", BUDDY_COORDINATION_SEMAPHORE, BUDDY_COORDINATION_LOCK},
    [SettingIdleSeconds] = {L"IdleSeconds", 0, 3600},
    [SettingIdleState] = {L"IdleState", 3, 3},
    [SettingWake] = {L"Wake", 0, 1},
};
C_ASSERT(SettingCount <= MAX_SETTINGS);

/* The owner's own exercise wants power: as a client's WAKE. */
static VOID WakeOwn(PEXERCISER Exerciser, PVOID User)
{
    UNREFERENCED_PARAMETER(Exerciser);
    FunctionRequestPower(&CONTAINING_RECORD((PPAGE_USER)User, OWNER, Own)->Function);
}

static NTSTATUS Initialize(PFUNCTION_DEVICE Device)
{
    POWNER owner = Owner(Device);

    ClientsInitialize(owner);
    SharedInitialize(owner);
    KeInitializeMutex(&owner->SoftwareLock, 0);
    PageUserInitialize(&owner->Own);
    owner->Own.Exerciser.Wake = WakeOwn;
    AnnounceOpen(owner);
    return STATUS_SUCCESS;
}

static VOID Leaving(PFUNCTION_DEVICE Device)
{
    ClientsLeave(Owner(Device));
    SharedDetachAll(Owner(Device));
}

static VOID Uninitialize(PFUNCTION_DEVICE Device)
{
    ExerciserStop(&Owner(Device)->Own.Exerciser);
    AnnounceClose(Owner(Device));
}

static VOID SettingsChanged(PFUNCTION_DEVICE Device)
{
    if (Owner(Device)->IdleCounter != NULL) {
        IdleSettingsChanged(Owner(Device));
    }
}

static NTSTATUS DeviceControl(PFUNCTION_DEVICE Device, ULONG Code, PVOID Buffer, ULONG InputLength, ULONG OutputLength,
                              ULONG_PTR *Information)
{
    return ExerciserControl(&Owner(Device)->Own.Exerciser, Code, Buffer, InputLength, OutputLength, Information);
}

static VOID Unmap(POWNER Owner)
{
    if (Owner->Registers != NULL) {
        MmUnmapIoSpace(Owner->Registers, Owner->RegistersLength);
        Owner->Registers = NULL;
    }
}

/* Is this the device that the registers describe? All ones means that it went away during its own start. */
static NTSTATUS Identify(POWNER Owner)
{
    ULONG id = OwnerRead(Owner, client.ID);
    ULONG caps = OwnerRead(Owner, client.CAPS);

    if (id != BUDDY_CLIENT__ID__VALUE_reset) {
        return id == ALL_ONES ? STATUS_NO_SUCH_DEVICE : STATUS_DEVICE_CONFIGURATION_ERROR;
    }
    Owner->ClientCount = caps & BUDDY_CLIENT__CAPS__CLIENTS_bm;
    if (Owner->ClientCount > MAX_CLIENTS || Owner->ClientCount * CLIENT_PAGE > Owner->RegistersLength) {
        return STATUS_DEVICE_CONFIGURATION_ERROR;
    }
    return STATUS_SUCCESS;
}

static NTSTATUS AcquireResources(PFUNCTION_DEVICE Device, PCM_RESOURCE_LIST Raw, PCM_RESOURCE_LIST Translated)
{
    POWNER owner = Owner(Device);
    NTSTATUS status = FindResources(owner, Raw, Translated);

    if (!NT_SUCCESS(status)) {
        return status;
    }
    owner->RegistersLength = owner->Translated[0].u.Memory.Length;
    owner->Registers = MmMapIoSpace(owner->Translated[0].u.Memory.Start, owner->RegistersLength, MmNonCached);
    if (owner->Registers == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    status = Identify(owner);
    if (NT_SUCCESS(status)) {
        status = OwnerConnectInterrupt(owner);
    }
    if (!NT_SUCCESS(status)) {
        Unmap(owner);
        return status;
    }
    owner->Own.Page = owner->Registers;
    owner->Own.Port = OwnWindow(owner);
    IdleBegin(owner);
    return STATUS_SUCCESS;
}

static VOID ReleaseResources(PFUNCTION_DEVICE Device)
{
    POWNER owner = Owner(Device);

    IdleEnd(owner);
    if (!MUTANT(OWNER_LEAVES_INTERRUPT_CONNECTED)) {
        DisconnectInterrupt(&owner->Interrupt);
    }
    KeFlushQueuedDpcs();
    Unmap(owner);
}

/* The register context is new (or lost): everything is set up again, then the clients come in. */
static VOID PowerUp(PFUNCTION_DEVICE Device)
{
    POWNER owner = Owner(Device);

    OwnerDeliverInterrupts(owner, 0, TRUE);
    OwnerWrite(owner, client.INT_STATUS, ALL_ONES);
    OwnerWrite(owner, client.INT_ENABLE,
               BUDDY_CLIENT__INT_ENABLE__JOB_bm | BUDDY_CLIENT__INT_ENABLE__ERROR_bm |
                   BUDDY_CLIENT__INT_ENABLE__DOORBELL_bm | BUDDY_CLIENT__INT_ENABLE__MAILBOX_bm);
    IdleBusy(owner);
    DescribeServices(owner, &owner->Own.Services);
    owner->Own.Gone = FALSE;
    KeClearEvent(&owner->Own.Exerciser.WakeNeeded);
    InterlockedIncrement(&owner->Own.Exerciser.PowerUps);
    GateOpen(&owner->Own.Gate);
    ClientsPowerUp(owner);
}

/* Returns when the owner's own exercise is out of the hardware. */
static VOID StopOwnUse(POWNER Owner, POWER_DOWN_REASON Reason)
{
    GateCloseAndWait(&Owner->Own.Gate);
    InterlockedIncrement(&Owner->Own.Exerciser.PowerDowns);
    if (Reason == PowerDownIdle) {
        KeSetEvent(&Owner->Own.Exerciser.WakeNeeded, IO_NO_INCREMENT, FALSE);
    }
}

/* The clients go first; after that the owner's own interrupts are switched off, unless the hardware is gone. */
static VOID PowerDown(PFUNCTION_DEVICE Device, POWER_DOWN_REASON Reason)
{
    static const BUDDY_POWER_DOWN_REASON clientReasons[] = {
        [PowerDownSleep] = BuddyPowerDownSleep,       [PowerDownIdle] = BuddyPowerDownIdle,
        [PowerDownStop] = BuddyPowerDownStop,         [PowerDownRemove] = BuddyPowerDownRemove,
        [PowerDownSurprise] = BuddyPowerDownSurprise,
    };
    POWNER owner = Owner(Device);

    if (Reason == PowerDownSurprise && !MUTANT(OWNER_TOUCHES_AFTER_SURPRISE)) {
        owner->Own.Gone = TRUE;
        OwnerDeliverInterrupts(owner, 0,
                               FALSE); /* at once: a late interrupt must not make us look at hardware that is gone */
    }
    if (!(MUTANT(OWNER_SLEEPS_WITHOUT_TELLING) && Reason == PowerDownSleep) &&
        !(MUTANT(OWNER_IDLES_WITHOUT_TELLING) && Reason == PowerDownIdle) &&
        !(MUTANT(OWNER_STOPS_WITHOUT_TELLING) && Reason == PowerDownStop) &&
        !(MUTANT(OWNER_VANISHES_WITHOUT_TELLING) && Reason == PowerDownSurprise)) {
        ClientsPowerDown(owner, clientReasons[Reason]);
    }
    StopOwnUse(owner, Reason);
    if (Reason != PowerDownSurprise || MUTANT(OWNER_TOUCHES_AFTER_SURPRISE)) {
        OwnerWrite(owner, client.INT_ENABLE, 0);
        OwnerWrite(owner, client.INT_STATUS, ALL_ONES);
    }
    OwnerDeliverInterrupts(owner, 0, FALSE); /* another device on the same line may still bring us here */
}

const FUNCTION_OPERATIONS FunctionOperations = {
    .ExtensionSize = sizeof(OWNER),
    .DeviceType = FILE_DEVICE_UNKNOWN,
    .InterfaceClass = &GUID_DEVINTERFACE_BUDDY_OWNER,
    .Settings = Settings,
    .SettingCount = SettingCount,
    .WakeSetting = SettingWake,
    .DeviceName = BUDDY_OWNER_DEVICE_NAME,
    .DeviceNameSetting = SettingDeviceName,
    .SettingsChanged = SettingsChanged,
    .DeviceControl = DeviceControl,
    .Initialize = Initialize,
    .Leaving = Leaving,
    .Uninitialize = Uninitialize,
    .QueryInterface = LenderQueryInterface,
    .AcquireResources = AcquireResources,
    .ReleaseResources = ReleaseResources,
    .PowerUp = PowerUp,
    .PowerDown = PowerDown,
    .InternalDeviceControl = ClientsControl,
    .Close = ClientsClose,
};

SECTION_INIT NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    return FunctionDriverEntry(DriverObject, RegistryPath);
}
