/* SPDX-License-Identifier: MIT */
/* The owner's life as a function driver: resources, power, and the entry point. */
#include "owner.h"
#include "resources.h"

const CHAR TraceDriverName[] = "owner";

static const SETTING Settings[] = {
    [SettingTraceDetail] = TRACE_DETAIL_SETTING,
    [SettingTalk] = {L"Talk", 0, BUDDY_TALK_SHARED_CONTEXT | BUDDY_TALK_CALLBACK | BUDDY_TALK_EVENT},
    [SettingDeviceName] = {L"DeviceName", 0, 1},
    [SettingWake] = {L"Wake", 0, 1},
};
C_ASSERT(SettingCount <= MAX_SETTINGS);

static NTSTATUS Initialize(PFUNCTION_DEVICE Device)
{
    ClientsInitialize(Owner(Device));
    SharedInitialize(Owner(Device));
    AnnounceOpen(Owner(Device));
    return STATUS_SUCCESS;
}

static VOID Leaving(PFUNCTION_DEVICE Device)
{
    SharedDetachAll(Owner(Device));
}

static VOID Uninitialize(PFUNCTION_DEVICE Device)
{
    AnnounceClose(Owner(Device));
}

/*
 * The first memory descriptor is BAR0; the shared RAM (BAR2) is the prefetchable one. A PCI device's descriptors come in the order of its BARs, raw and
 * translated alike. STATUS_DEVICE_CONFIGURATION_ERROR: no register BAR.
 */
static NTSTATUS FindResources(POWNER Owner, PCM_RESOURCE_LIST RawList, PCM_RESOURCE_LIST TranslatedList)
{
    ULONG rawCount;
    ULONG count;
    ULONG index;
    PCM_PARTIAL_RESOURCE_DESCRIPTOR raw = ResourceDescriptors(RawList, &rawCount);
    PCM_PARTIAL_RESOURCE_DESCRIPTOR translated = ResourceDescriptors(TranslatedList, &count);

    Owner->RawRegisters.Type = CmResourceTypeNull;
    Owner->RawRam.Type = CmResourceTypeNull;
    for (index = 0; index < count && index < rawCount; index++) {
        if (translated[index].Type != CmResourceTypeMemory) {
            continue;
        }
        if (Owner->RawRegisters.Type == CmResourceTypeNull) {
            Owner->RawRegisters = raw[index];
            Owner->TranslatedRegisters = translated[index];
        } else if (translated[index].Flags & CM_RESOURCE_MEMORY_PREFETCHABLE) {
            Owner->RawRam = raw[index];
            Owner->TranslatedRam = translated[index];
        }
    }
    return Owner->RawRegisters.Type != CmResourceTypeNull &&
                   Owner->TranslatedRegisters.u.Memory.Length >= 2 * CLIENT_PAGE
               ? STATUS_SUCCESS
               : STATUS_DEVICE_CONFIGURATION_ERROR;
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
    owner->RegistersLength = owner->TranslatedRegisters.u.Memory.Length;
    owner->Registers = MmMapIoSpace(owner->TranslatedRegisters.u.Memory.Start, owner->RegistersLength, MmNonCached);
    if (owner->Registers == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    status = Identify(owner);
    if (NT_SUCCESS(status)) {
        status = OwnerConnectInterrupt(owner);
    }
    if (!NT_SUCCESS(status)) {
        Unmap(owner);
    }
    return status;
}

static VOID ReleaseResources(PFUNCTION_DEVICE Device)
{
    POWNER owner = Owner(Device);

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
               BUDDY_CLIENT__INT_ENABLE__ERROR_bm | BUDDY_CLIENT__INT_ENABLE__DOORBELL_bm |
                   BUDDY_CLIENT__INT_ENABLE__MAILBOX_bm);
    ClientsPowerUp(owner);
}

/* The clients go first; after that the owner's own interrupts are switched off, unless the hardware is gone. */
static VOID PowerDown(PFUNCTION_DEVICE Device, POWER_DOWN_REASON Reason)
{
    static const BUDDY_POWER_DOWN_REASON clientReasons[] = {
        [PowerDownSleep] = BuddyPowerDownSleep,
        [PowerDownStop] = BuddyPowerDownStop,
        [PowerDownRemove] = BuddyPowerDownRemove,
        [PowerDownSurprise] = BuddyPowerDownSurprise,
    };
    POWNER owner = Owner(Device);

    if (Reason == PowerDownSurprise && !MUTANT(OWNER_TOUCHES_AFTER_SURPRISE)) {
        OwnerDeliverInterrupts(owner, 0,
                               FALSE); /* at once: a late interrupt must not make us look at hardware that is gone */
    }
    if (!(MUTANT(OWNER_SLEEPS_WITHOUT_TELLING) && Reason == PowerDownSleep) &&
        !(MUTANT(OWNER_VANISHES_WITHOUT_TELLING) && Reason == PowerDownSurprise)) {
        ClientsPowerDown(owner, clientReasons[Reason]);
    }
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
