/* SPDX-License-Identifier: MIT */
/* The controller as a function device. */
#include "fredbus.h"
#include "resources.h"

const CHAR TraceDriverName[] = "fredbus";

static NTSTATUS Initialize(PFUNCTION_DEVICE Device)
{
    PBUS bus = Bus(Device);

    EnumerateInitialize(bus);
    bus->EnumerateItem = IoAllocateWorkItem(Device->Self);
    return bus->EnumerateItem != NULL ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

static VOID Uninitialize(PFUNCTION_DEVICE Device)
{
    DeleteChildren(Bus(Device));
    IoFreeWorkItem(Bus(Device)->EnumerateItem);
}

static VOID Unmap(PBUS Bus)
{
    if (Bus->Registers != NULL) {
        MmUnmapIoSpace(Bus->Registers, Bus->RegistersLength);
        Bus->Registers = NULL;
    }
}

static NTSTATUS Identify(PBUS Bus)
{
    ULONG id = BusRead(Bus, ID);

    if (id != FREDBUS__ID__VALUE_reset) {
        return id == ALL_ONES ? STATUS_NO_SUCH_DEVICE : STATUS_DEVICE_CONFIGURATION_ERROR;
    }
    Bus->SlotCount = BusRead(Bus, SLOTS) & FREDBUS__SLOTS__COUNT_bm;
    return Bus->SlotCount <= MAX_SLOTS ? STATUS_SUCCESS : STATUS_DEVICE_CONFIGURATION_ERROR;
}

/* The first memory descriptor is BAR0. */
static NTSTATUS Map(PBUS Bus, PCM_RESOURCE_LIST Translated)
{
    ULONG count;
    ULONG index;
    PCM_PARTIAL_RESOURCE_DESCRIPTOR descriptors = ResourceDescriptors(Translated, &count);

    for (index = 0; index < count; index++) {
        if (descriptors[index].Type == CmResourceTypeMemory &&
            descriptors[index].u.Memory.Length >= sizeof(fredbus_t)) {
            Bus->RegistersLength = descriptors[index].u.Memory.Length;
            Bus->Registers = MmMapIoSpace(descriptors[index].u.Memory.Start, Bus->RegistersLength, MmNonCached);
            return Bus->Registers != NULL ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
        }
    }
    return STATUS_DEVICE_CONFIGURATION_ERROR;
}

static NTSTATUS AcquireHardware(PBUS Bus, PCM_RESOURCE_LIST Translated)
{
    NTSTATUS status = Map(Bus, Translated);

    Bus->Slots = &HardwareSlots;
    if (NT_SUCCESS(status)) {
        status = Identify(Bus);
    }
    if (NT_SUCCESS(status)) {
        /* What was asserted under a driver before this one would come while connecting, as one message that nobody takes yet. */
        if (!MUTANT(FREDBUS_CONNECTS_ASSERTED)) {
            BusWrite(Bus, INT_ENABLE, 0);
        }
        status = BusConnectInterrupt(Bus);
    }
    if (!NT_SUCCESS(status)) {
        Unmap(Bus);
    }
    return status;
}

/* A device without hardware (ROOT\FredBus) is started without resources: no list at all. */
static NTSTATUS AcquireResources(PFUNCTION_DEVICE Device, PCM_RESOURCE_LIST Raw, PCM_RESOURCE_LIST Translated)
{
    PBUS bus = Bus(Device);
    NTSTATUS status;

    UNREFERENCED_PARAMETER(Raw);
    if (Translated != NULL || (MUTANT(FREDBUS_EXPECTS_RESOURCES) && Translated->Count != 0)) {
        return AcquireHardware(bus, Translated);
    }
    bus->Slots = &StaticSlots;
    bus->SlotCount = MAX_SLOTS;
    status = StaticSlotsCreate(bus);
    if (NT_SUCCESS(status)) {
        StaticSlotsFill(bus);
    }
    return status;
}

static VOID ReleaseResources(PFUNCTION_DEVICE Device)
{
    PBUS bus = Bus(Device);

    if (bus->Static != NULL) {
        StaticSlotsFree(bus);
        return;
    }
    DisconnectInterrupt(&bus->Interrupt);
    KeFlushQueuedDpcs();
    Unmap(bus);
}

/* A bus without hardware has as many children as its settings say. */
static VOID SettingsChanged(PFUNCTION_DEVICE Device)
{
    PBUS bus = Bus(Device);

    if (bus->Static != NULL) {
        StaticSlotsFill(bus);
        EnumerateQueue(bus);
    }
}

static VOID SetPowered(PBUS Bus, BOOLEAN Powered)
{
    KIRQL irql;

    KeAcquireSpinLock(&Bus->HardwareLock, &irql);
    Bus->Powered = Powered;
    KeReleaseSpinLock(&Bus->HardwareLock, irql);
}

/* Children may have been put in or taken out while there was no power, which no interrupt tells: always look. */
static VOID PowerUp(PFUNCTION_DEVICE Device)
{
    PBUS bus = Bus(Device);

    SetPowered(bus, TRUE);
    if (bus->Static == NULL) {
        BusSwitchInterrupts(bus, TRUE);
        BusWrite(bus, INT_ENABLE,
                 FREDBUS__INT_ENABLE__CHANGE_bm | FREDBUS__INT_ENABLE__EJECT_bm | FREDBUS__INT_ENABLE__CHILD_bm);
    }
    if (!MUTANT(FREDBUS_SLEEPS_THROUGH_CHANGES) || IsListEmpty(&bus->Children)) {
        EnumerateQueue(bus);
    }
}

static VOID PowerDown(PFUNCTION_DEVICE Device, POWER_DOWN_REASON Reason)
{
    PBUS bus = Bus(Device);

    if (bus->Static == NULL) {
        if (Reason != PowerDownSurprise) {
            BusWrite(bus, INT_ENABLE, 0);
        }
        BusSwitchInterrupts(bus, FALSE);
    }
    SetPowered(bus, FALSE);
    if (Reason == PowerDownSurprise) {
        EnumerateAllGone(bus);
    }
}

static const SETTING Settings[] = {
    [SettingTraceDetail] = TRACE_DETAIL_SETTING,
    [SettingStaticToasters] = {L"StaticToasters", 1, MAX_SLOTS / 2},
    [SettingStaticOvens] = {L"StaticOvens", 1, MAX_SLOTS / 2},
};

const FUNCTION_OPERATIONS FunctionOperations = {
    .ExtensionSize = sizeof(BUS),
    .DeviceType = FILE_DEVICE_BUS_EXTENDER,
    .InterfaceClass = &GUID_DEVINTERFACE_FREDBUS,
    .Settings = Settings,
    .SettingCount = SettingCount,
    .SettingsChanged = SettingsChanged,
    .Initialize = Initialize,
    .Uninitialize = Uninitialize,
    .AcquireResources = AcquireResources,
    .ReleaseResources = ReleaseResources,
    .PowerUp = PowerUp,
    .PowerDown = PowerDown,
    .QueryRelations = QueryBusRelations,
    .ChildPnp = ChildPnp,
    .ChildPower = ChildPower,
};

SECTION_INIT NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    return FunctionDriverEntry(DriverObject, RegistryPath);
}
