/* SPDX-License-Identifier: MIT */
/*
 * pci/slot.c - PCIe native hot-plug (PCIe 6.7): the slot of a root or downstream port.
 *
 * What its events (service.c) mean: the attention button asks for an orderly removal, a change of presence
 * or link is an arrival or a surprise removal. Registers are 16 bits wide and accessed so; status bits are cleared by writing 1 to those
 * that were read as 1 and to no other.
 *
 * Departures: the five seconds in which a second press of the button cancels the first (6.7.1.5) and the 100 ms between link-up
 * and the first configuration request (6.6.1) are not waited for. The virtual link trains at once, and a function that is not ready would
 * be seen, because its vendor ID is polled.
 */
#include "pci.h"
#include "kd/log.h"
#include "pnp/pnp.h"

#define LINK_CAPABILITY 0x0C
#define LINK_STATUS     0x12
#define SLOT_CAPABILITY 0x14
#define SLOT_CONTROL    0x18
#define SLOT_STATUS     0x1A

#define PCIE_SLOT_IMPLEMENTED 0x0100 /* PCI Express capabilities register */
#define LINK_ACTIVE_REPORTING (1u << 20)
#define LINK_ACTIVE           0x2000

#define SLOT_HAS_BUTTON     0x00000001
#define SLOT_HAS_POWER      0x00000002
#define SLOT_HAS_INDICATOR  0x00000010
#define SLOT_HOTPLUG        0x00000040
#define SLOT_NO_COMMAND_CPL 0x00040000

#define CONTROL_BUTTON    0x0001
#define CONTROL_PRESENCE  0x0008
#define CONTROL_INTERRUPT 0x0020
#define CONTROL_INDICATOR 0x0300
#define INDICATOR_ON      0x0100
#define INDICATOR_BLINK   0x0200
#define INDICATOR_OFF     0x0300
#define CONTROL_POWER_OFF 0x0400
#define CONTROL_LINK      0x1000

#define EVENT_BUTTON   0x0001
#define EVENT_PRESENCE 0x0008
#define EVENT_COMMAND  0x0010
#define EVENT_LINK     0x0100
#define EVENTS         0x010F /* all but command completed, which Control waits for and clears */
#define STATUS_PRESENT 0x0040

typedef enum { SlotOff, SlotOn, SlotEjecting } SLOT_STATE;

typedef struct _PCI_SLOT {
    PCI_BUS *Bus;
    PCI_ADDRESS Port;
    ULONG Cap;        /* offset of the port's PCIe capability */
    ULONG Capability; /* slot capabilities register */
    BOOLEAN LinkReporting;
    SLOT_STATE State;   /* changed by the work item, and by PciSlotPowerOff while PnP ejects */
    FAST_MUTEX Command; /* one command at a time: its completion bit belongs to who gave it */
    PCI_SERVICE Service;
} PCI_SLOT;

static USHORT ReadStatus(const PCI_SLOT *Slot)
{
    return PciRead16(Slot->Port, Slot->Cap + SLOT_STATUS);
}

/* PCIe 6.7.3.2: a port takes at most a second for a command. */
static void WaitForCommand(const PCI_SLOT *Slot)
{
    for (ULONG waited = 0; !(ReadStatus(Slot) & EVENT_COMMAND); waited += 10) {
        if (waited >= 1000000) {
            KdLog(LOG_WARNING, "pci: slot at %02x:%02x.%x did not complete a command within 1 s", Slot->Port.Bus,
                  Slot->Port.Device, Slot->Port.Function);
            return;
        }
        KeStallExecutionProcessor(10);
    }
    PciWrite16(Slot->Port, Slot->Cap + SLOT_STATUS, EVENT_COMMAND);
}

/* Change the control register and wait for the port to take it. PASSIVE_LEVEL. */
static void Control(PCI_SLOT *Slot, USHORT Clear, USHORT Set)
{
    USHORT old;

    ExAcquireFastMutex(&Slot->Command);
    old = PciRead16(Slot->Port, Slot->Cap + SLOT_CONTROL);
    if (ReadStatus(Slot) & EVENT_COMMAND)
        PciWrite16(Slot->Port, Slot->Cap + SLOT_STATUS, EVENT_COMMAND);
    PciWrite16(Slot->Port, Slot->Cap + SLOT_CONTROL, (old & ~Clear) | Set);
    if (!(Slot->Capability & SLOT_NO_COMMAND_CPL))
        WaitForCommand(Slot);
    ExReleaseFastMutex(&Slot->Command);
}

static void Indicate(PCI_SLOT *Slot, USHORT State)
{
    if (Slot->Capability & SLOT_HAS_INDICATOR)
        Control(Slot, CONTROL_INDICATOR, State);
}

static BOOLEAN Occupied(const PCI_SLOT *Slot)
{
    return (ReadStatus(Slot) & STATUS_PRESENT) != 0;
}

static BOOLEAN LinkUp(const PCI_SLOT *Slot)
{
    return !Slot->LinkReporting || (PciRead16(Slot->Port, Slot->Cap + LINK_STATUS) & LINK_ACTIVE) != 0;
}

/* Power on, wait for the link and for the function to answer: at most a second (PCIe 6.6.1). PASSIVE_LEVEL. */
static BOOLEAN SlotPowerOn(PCI_SLOT *Slot)
{
    PCI_ADDRESS device = {Slot->Bus->Number, 0, 0};
    LARGE_INTEGER millisecond = {.QuadPart = -10000};
    LONG changes;

    Control(Slot, CONTROL_INDICATOR | CONTROL_POWER_OFF, Slot->Capability & SLOT_HAS_INDICATOR ? INDICATOR_ON : 0);
    for (int waited = 0; !LinkUp(Slot) || PciRead16(device, PCI_VENDOR_ID) == PCI_INVALID_VENDORID; waited++) {
        if (waited >= 1000 || !Occupied(Slot)) {
            KdLog(LOG_WARNING, "pci: nothing answers in slot %u after power on", Slot->Capability >> 19);
            Control(Slot, CONTROL_INDICATOR,
                    INDICATOR_OFF | (Slot->Capability & SLOT_HAS_POWER ? CONTROL_POWER_OFF : 0));
            return FALSE;
        }
        KeDelayExecutionThread(KernelMode, FALSE, &millisecond);
    }
    /* The link came up because power did: that is no event. */
    changes = ReadStatus(Slot) & EVENT_LINK;
    if (changes != 0)
        PciWrite16(Slot->Port, Slot->Cap + SLOT_STATUS, (USHORT)changes);
    InterlockedAnd(&Slot->Service.Events, ~EVENT_LINK);
    Slot->State = SlotOn;
    return TRUE;
}

static void SlotPowerOff(PCI_SLOT *Slot)
{
    USHORT off = Slot->Capability & SLOT_HAS_POWER ? CONTROL_POWER_OFF : 0;

    /* First, so that the change of presence that follows is taken for what it is. */
    Slot->State = SlotOff;
    /* Both in one write: QEMU removes the device when it sees power and indicator off. */
    Control(Slot, CONTROL_INDICATOR, off | (Slot->Capability & SLOT_HAS_INDICATOR ? INDICATOR_OFF : 0));
}

/* The functions below are no longer there, whatever answers at their addresses now. PASSIVE_LEVEL. */
static void MarkGone(PCI_BUS *Bus)
{
    ExAcquireFastMutex(&Bus->Lock);
    for (PLIST_ENTRY e = Bus->Functions.Flink; e != &Bus->Functions; e = e->Flink)
        CONTAINING_RECORD(e, PCI_FUNCTION, Link)->Present = FALSE;
    ExReleaseFastMutex(&Bus->Lock);
}

/* A reference to the first function's PDO, or NULL. */
static PDEVICE_OBJECT FirstFunction(PCI_BUS *Bus)
{
    PDEVICE_OBJECT pdo = NULL;

    ExAcquireFastMutex(&Bus->Lock);
    for (PLIST_ENTRY e = Bus->Functions.Flink; e != &Bus->Functions && pdo == NULL; e = e->Flink) {
        PCI_FUNCTION *function = CONTAINING_RECORD(e, PCI_FUNCTION, Link);

        if (function->Present && function->Reported) {
            pdo = function->Common.Self;
            ObReferenceObject(pdo);
        }
    }
    ExReleaseFastMutex(&Bus->Lock);
    return pdo;
}

static void EjectDone(PDEVICE_OBJECT Pdo, NTSTATUS Status, const PNP_VETO *Veto, PVOID Context)
{
    PCI_SLOT *slot = Context;

    if (!NT_SUCCESS(Status) && slot->State == SlotEjecting) {
        KdLog(LOG_INFO, "pci: slot %u stays on: %ws refused the removal", slot->Capability >> 19,
              Veto != NULL ? Veto->Name : L"?");
        slot->State = SlotOn;
        Indicate(slot, INDICATOR_ON);
    }
    ObDereferenceObject(Pdo);
}

static void Button(PCI_SLOT *Slot)
{
    PDEVICE_OBJECT pdo = FirstFunction(Slot->Bus);
    NTSTATUS status;

    KdTrace("slot-button slot=%u", Slot->Capability >> 19);
    if (pdo == NULL) { /* nothing that PnP knows of uses it */
        SlotPowerOff(Slot);
        return;
    }
    Slot->State = SlotEjecting;
    Indicate(Slot, INDICATOR_BLINK);
    status = PnpRequestEject(pdo, EjectDone, Slot);
    if (!NT_SUCCESS(status))
        EjectDone(pdo, status, NULL, Slot);
}

/* One round of events against what the slot looks like now. PASSIVE_LEVEL. */
static VOID Handle(PVOID Owner, LONG Events)
{
    PCI_SLOT *slot = Owner;
    BOOLEAN there = Occupied(slot) && (slot->State == SlotOff || LinkUp(slot));

    if (slot->State != SlotOff && (!there || (Events & (EVENT_PRESENCE | EVENT_LINK)))) {
        KdTrace("slot-surprise-removal slot=%u", slot->Capability >> 19);
        MarkGone(slot->Bus);
        SlotPowerOff(slot);
        IoInvalidateDeviceRelations(slot->Bus->Pdo, BusRelations);
        there = Occupied(slot);
        Events &= ~EVENT_BUTTON;
    }
    if (slot->State == SlotOff && there && (Events & (EVENT_PRESENCE | EVENT_BUTTON | EVENT_LINK))) {
        if (SlotPowerOn(slot)) {
            KdTrace("slot-arrival slot=%u", slot->Capability >> 19);
            IoInvalidateDeviceRelations(slot->Bus->Pdo, BusRelations);
        }
    } else if (slot->State == SlotOn && (Events & EVENT_BUTTON)) {
        Button(slot);
    }
}

static LONG Collect(PVOID Owner)
{
    PCI_SLOT *slot = Owner;
    LONG all = 0;
    USHORT status;

    while ((status = ReadStatus(slot)) != 0xFFFF && (status & EVENTS) != 0) {
        PciWrite16(slot->Port, slot->Cap + SLOT_STATUS, status & EVENTS);
        all |= status & EVENTS;
    }
    return all;
}

static void EnableEvents(PCI_SLOT *Slot)
{
    Control(Slot, 0,
            CONTROL_PRESENCE | CONTROL_INTERRUPT | (Slot->Capability & SLOT_HAS_BUTTON ? CONTROL_BUTTON : 0) |
                (Slot->LinkReporting ? CONTROL_LINK : 0));
}

/* Take charge of the slot of the port above Bus, if it has one that is hot-pluggable. Called at the port's START. PASSIVE_LEVEL. */
NTSTATUS PciStartSlot(PCI_BUS *Bus, PCM_RESOURCE_LIST Translated)
{
    PCI_FUNCTION *port = Bus->Bridge;
    PCI_SLOT *slot;
    ULONG capability;
    NTSTATUS status;

    if (port->PcieCap == 0 || !(PciRead16(port->At, port->PcieCap + 2u) & PCIE_SLOT_IMPLEMENTED))
        return STATUS_SUCCESS;
    capability = PciRead32(port->At, port->PcieCap + SLOT_CAPABILITY);
    if (!(capability & SLOT_HOTPLUG))
        return STATUS_SUCCESS;
    slot = ExAllocatePoolWithTag(NonPagedPool, sizeof(*slot), PCI_TAG);
    if (slot == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    RtlZeroMemory(slot, sizeof(*slot));
    slot->Bus = Bus;
    slot->Port = port->At;
    slot->Cap = port->PcieCap;
    slot->Capability = capability;
    slot->LinkReporting = (PciRead32(port->At, port->PcieCap + LINK_CAPABILITY) & LINK_ACTIVE_REPORTING) != 0;
    ExInitializeFastMutex(&slot->Command);
    status = PciStartService(&slot->Service, Bus, Translated, Collect, Handle, slot);
    if (!NT_SUCCESS(status)) {
        ExFreePoolWithTag(slot, PCI_TAG);
        return status;
    }
    Collect(slot); /* what happened before is in the presence bit */
    Bus->Slot = slot;
    if (!Occupied(slot))
        SlotPowerOff(slot);
    else if (!(PciRead16(slot->Port, slot->Cap + SLOT_CONTROL) & CONTROL_POWER_OFF) && LinkUp(slot))
        slot->State = SlotOn;
    else
        SlotPowerOn(slot);
    EnableEvents(slot);
    return STATUS_SUCCESS;
}

/* The port is going away. PASSIVE_LEVEL; waits for what is being handled. */
VOID PciStopSlot(PCI_BUS *Bus)
{
    PCI_SLOT *slot = Bus->Slot;

    if (slot == NULL)
        return;
    Control(slot, CONTROL_INTERRUPT | CONTROL_BUTTON | CONTROL_PRESENCE | CONTROL_LINK, 0);
    PciStopService(&slot->Service);
    Bus->Slot = NULL;
    ExFreePoolWithTag(slot, PCI_TAG);
}

/* IRP_MN_EJECT of a function in the slot. The first of a card's functions does it for all. PASSIVE_LEVEL. */
VOID PciSlotPowerOff(PCI_BUS *Bus)
{
    if (Bus->Slot == NULL || Bus->Slot->State == SlotOff)
        return;
    KdTrace("slot-power-off slot=%u", Bus->Slot->Capability >> 19);
    SlotPowerOff(Bus->Slot);
    MarkGone(Bus);
}

/* TRUE when the slot has power and a link, so that a scan may look into it. Any IRQL. */
BOOLEAN PciSlotPresent(PCI_BUS *Bus)
{
    return Bus->Slot->State != SlotOff && Occupied(Bus->Slot) && LinkUp(Bus->Slot);
}

/* The number that is printed on the slot (PCIe 7.5.3.9), or all ones: UINumber of the card's functions. */
ULONG PciSlotNumber(PCI_BUS *Bus)
{
    return Bus->Slot != NULL ? Bus->Slot->Capability >> 19 : 0xFFFFFFFF;
}

/*
 * After S3 the port is reset and nobody has told what happened meanwhile: compare its presence bit with the state from before. What came,
 * went or was swapped is then found by the re-enumeration that follows. PASSIVE_LEVEL.
 */
VOID PciResumeSlot(PCI_BUS *Bus)
{
    PCI_SLOT *slot = Bus->Slot;

    if (slot == NULL)
        return;
    Collect(slot);
    if (!Occupied(slot) && slot->State != SlotOff)
        MarkGone(Bus);
    if (!Occupied(slot))
        SlotPowerOff(slot);
    else if (slot->State == SlotOff)
        SlotPowerOn(slot);
    else
        Control(slot, CONTROL_INDICATOR | CONTROL_POWER_OFF, slot->Capability & SLOT_HAS_INDICATOR ? INDICATOR_ON : 0);
    EnableEvents(slot);
}
