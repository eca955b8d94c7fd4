/* SPDX-License-Identifier: MIT */
/*
 * What the device has and what a client gets of it: a varying number of resources of all kinds. Source: seed article "How to share HW resources",
 * "If the number of resources is fixed, this is easy. If the number of resources varies, this can get complicated."
 */
#include "owner.h"
#include "irp.h"
#include "resources.h"
#include <wdmguid.h>

#define CONFIG_STATUS          0x06
#define CONFIG_STATUS_CAP_LIST 0x10
#define CONFIG_BARS            0x10
#define CONFIG_CAPABILITIES    0x34
#define CAPABILITY_MSIX        0x11
#define MSIX_TABLE             4 /* offset in the capability: table offset, BAR number in the low three bits */
#define BAR_IS_64_BIT          0x4
#define BAR_ADDRESS            (~0xFULL)
#define CAPABILITY_LIST_LIMIT  48

static ULONG ReadConfig(PBUS_INTERFACE_STANDARD Bus, ULONG Offset, ULONG Length)
{
    ULONG value = 0;

    Bus->GetBusData(Bus->Context, PCI_WHICHSPACE_CONFIG, &value, Offset, Length);
    return value;
}

/* The bus address of the BAR with the MSI-X table, 0 without. */
static ULONGLONG FindMsixTable(PBUS_INTERFACE_STANDARD Bus)
{
    ULONG at = ReadConfig(Bus, CONFIG_STATUS, 2) & CONFIG_STATUS_CAP_LIST ? ReadConfig(Bus, CONFIG_CAPABILITIES, 1) : 0;
    ULONG steps;

    for (steps = 0; at != 0 && steps < CAPABILITY_LIST_LIMIT; steps++) {
        if (ReadConfig(Bus, at, 1) == CAPABILITY_MSIX) {
            ULONG bar = CONFIG_BARS + 4 * (ReadConfig(Bus, at + MSIX_TABLE, 4) & 7);
            ULONGLONG address = ReadConfig(Bus, bar, 4);

            if (address & BAR_IS_64_BIT) {
                address |= (ULONGLONG)ReadConfig(Bus, bar + 4, 4) << 32;
            }
            return address & BAR_ADDRESS;
        }
        at = ReadConfig(Bus, at + 1, 1);
    }
    return 0;
}

/* The MSI-X table is the system's: whoever writes to it turns interrupts into memory writes anywhere. PASSIVE_LEVEL. */
static ULONGLONG MsixTableAddress(POWNER Owner)
{
    BUS_INTERFACE_STANDARD bus;
    ULONGLONG address = 0;

    RtlZeroMemory(&bus, sizeof(bus));
    if (NT_SUCCESS(
            QueryInterface(Owner->Function.Lower, &GUID_BUS_INTERFACE_STANDARD, sizeof(bus), 1, (PINTERFACE)&bus))) {
        address = FindMsixTable(&bus);
        bus.InterfaceDereference(bus.Context);
    }
    return address;
}

static BOOLEAN MayBeLent(const CM_PARTIAL_RESOURCE_DESCRIPTOR *Raw, ULONGLONG MsixTable)
{
    switch (Raw->Type) {
    case CmResourceTypeMemory:
        return (ULONGLONG)Raw->u.Memory.Start.QuadPart != MsixTable;
    case CmResourceTypePort:
        return TRUE;
    case CmResourceTypeInterrupt:
        return !(Raw->Flags & CM_RESOURCE_INTERRUPT_MESSAGE) && Raw->ShareDisposition == CmResourceShareShared;
    default:
        return FALSE;
    }
}

/* The register BAR is the first memory descriptor: a PCI device's descriptors come in the order of its BARs, raw and translated alike. */
NTSTATUS FindResources(POWNER Owner, PCM_RESOURCE_LIST RawList, PCM_RESOURCE_LIST TranslatedList)
{
    ULONG rawCount;
    ULONG count;
    ULONG index;
    PCM_PARTIAL_RESOURCE_DESCRIPTOR raw = ResourceDescriptors(RawList, &rawCount);
    PCM_PARTIAL_RESOURCE_DESCRIPTOR translated = ResourceDescriptors(TranslatedList, &count);
    ULONGLONG msixTable = MsixTableAddress(Owner);

    Owner->ResourceCount = 0;
    for (index = 0; index < count && index < rawCount && Owner->ResourceCount < MAX_RESOURCES; index++) {
        if (Owner->ResourceCount == 0 && raw[index].Type != CmResourceTypeMemory) {
            continue;
        }
        if (MayBeLent(&raw[index], msixTable)) {
            Owner->Raw[Owner->ResourceCount] = raw[index];
            Owner->Translated[Owner->ResourceCount] = translated[index];
            Owner->ResourceCount++;
        }
    }
    return Owner->ResourceCount > 0 && Owner->Translated[0].u.Memory.Length >= 2 * CLIENT_PAGE
               ? STATUS_SUCCESS
               : STATUS_DEVICE_CONFIGURATION_ERROR;
}

PULONG OwnWindow(POWNER Owner)
{
    ULONG index;

    for (index = 0; index < Owner->ResourceCount; index++) {
        if (Owner->Translated[index].Type == CmResourceTypePort) {
            return (PULONG)(ULONG_PTR)Owner->Translated[index].u.Port.Start.QuadPart;
        }
    }
    return NULL;
}

static VOID NTAPI AcquireLock(PVOID Context)
{
    KeWaitForSingleObject(&((POWNER)Context)->SoftwareLock, Executive, KernelMode, FALSE, NULL);
}

static VOID NTAPI ReleaseLock(PVOID Context)
{
    KeReleaseMutex(&((POWNER)Context)->SoftwareLock, FALSE);
}

static VOID NTAPI Busy(PVOID Context)
{
    IdleBusy((POWNER)Context);
}

VOID DescribeServices(POWNER Owner, PBUDDY_SERVICES Services)
{
    BOOLEAN lock = Owner->Function.Settings[SettingCoordination] == BUDDY_COORDINATION_LOCK;

    Services->Context = Owner;
    Services->Acquire = lock ? AcquireLock : NULL;
    Services->Release = lock ? ReleaseLock : NULL;
    Services->Busy = Busy;
}

/* Of the register BAR a client gets its page. */
static VOID TakePage(PCM_PARTIAL_RESOURCE_DESCRIPTOR Registers, ULONG Client)
{
    if (MUTANT(OWNER_LENDS_ITS_OWN_PAGE)) {
        Client = 0;
    }
    Registers->u.Memory.Start.QuadPart += (LONGLONG)(Client * CLIENT_PAGE);
    Registers->u.Memory.Length = CLIENT_PAGE;
}

NTSTATUS DescribeResources(POWNER Owner, ULONG Client, PBUDDY_RESOURCES Resources, ULONG Length)
{
    ULONG count = Owner->ResourceCount;
    ULONG size = (ULONG)BUDDY_RESOURCES_SIZE(count);

    if (Length < FIELD_OFFSET(BUDDY_RESOURCES, Descriptors)) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    Resources->Size = size;
    Resources->Client = Client;
    Resources->Count = count;
    DescribeServices(Owner, &Resources->Services);
    if (Length < size && !MUTANT(OWNER_OVERRUNS_ANSWER)) {
        return STATUS_BUFFER_OVERFLOW;
    }
    RtlCopyMemory(BUDDY_RAW(Resources, 0), Owner->Raw, count * sizeof(Owner->Raw[0]));
    RtlCopyMemory(BUDDY_TRANSLATED(Resources, 0), Owner->Translated, count * sizeof(Owner->Translated[0]));
    TakePage(BUDDY_RAW(Resources, 0), Client);
    TakePage(BUDDY_TRANSLATED(Resources, 0), Client);
    return STATUS_SUCCESS;
}
