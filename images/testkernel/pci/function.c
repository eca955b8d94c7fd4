/* SPDX-License-Identifier: MIT */
/* pci/function.c - finding the functions on a bus, and making a PDO for each. */
#include "pci.h"
#include "kd/log.h"

static void ReadIdentity(PCI_ADDRESS At, PCI_FUNCTION *Id)
{
    ULONG ids = PciRead32(At, PCI_VENDOR_ID), class = PciRead32(At, PCI_REVISION);
    USHORT serial;
    ULONG sub;

    Id->At = At;
    Id->VendorId = (USHORT)ids;
    Id->DeviceId = (USHORT)(ids >> 16);
    Id->Revision = (UCHAR) class;
    Id->ProgIf = (UCHAR)(class >> 8);
    Id->SubClass = (UCHAR)(class >> 16);
    Id->BaseClass = (UCHAR)(class >> 24);
    Id->HeaderType = PciRead8(At, PCI_HEADER_TYPE);
    if ((Id->HeaderType & 0x7F) == PCI_BRIDGE_TYPE) {
        /* A bridge has its subsystem IDs in a capability (PCI-to-PCI Bridge Architecture 1.2, 3.2.5). */
        UCHAR at = PciFindCapability(At, PCI_CAPABILITY_ID_P2P_SSID);

        sub = at != 0 ? PciRead32(At, at + 4u) : 0;
    } else {
        sub = PciRead32(At, 0x2C);
    }
    Id->SubsystemVendor = (USHORT)sub;
    Id->Subsystem = (USHORT)(sub >> 16);
    serial = PciFindExtendedCapability(At, PCI_EXPRESS_DEVICE_SERIAL_NUMBER_CAP_ID);
    Id->HasSerial = serial != 0;
    Id->Serial = serial != 0 ? (ULONGLONG)PciRead32(At, serial + 8u) << 32 | PciRead32(At, serial + 4u) : 0;
}

/* TRUE when the slot holds the very function that this PDO was made for: also its serial number is the same, so that a swap
 * during sleep is seen. Any IRQL. */
BOOLEAN PciSameFunction(PCI_FUNCTION *Function)
{
    PCI_FUNCTION now = {0};

    if (PciRead16(Function->At, PCI_VENDOR_ID) == PCI_INVALID_VENDORID)
        return FALSE;
    ReadIdentity(Function->At, &now);
    return now.VendorId == Function->VendorId && now.DeviceId == Function->DeviceId &&
           now.Revision == Function->Revision && now.BaseClass == Function->BaseClass &&
           now.SubClass == Function->SubClass && now.ProgIf == Function->ProgIf &&
           now.SubsystemVendor == Function->SubsystemVendor && now.Subsystem == Function->Subsystem &&
           now.HeaderType == Function->HeaderType && now.HasSerial == Function->HasSerial &&
           now.Serial == Function->Serial;
}

static void ReadCapabilities(PCI_FUNCTION *Function)
{
    PCI_ADDRESS at = Function->At;

    Function->PmCap = PciFindCapability(at, PCI_CAPABILITY_ID_POWER_MANAGEMENT);
    Function->MsiCap = PciFindCapability(at, PCI_CAPABILITY_ID_MSI);
    Function->MsixCap = PciFindCapability(at, PCI_CAPABILITY_ID_MSIX);
    Function->PcieCap = PciFindCapability(at, PCI_CAPABILITY_ID_PCI_EXPRESS);
    if (Function->PmCap != 0)
        Function->PmSupport = PciRead16(at, Function->PmCap + 2u);
    if (Function->MsixCap != 0)
        Function->MsixCount = (PciRead16(at, Function->MsixCap + 2u) & 0x7FF) + 1;
    if (Function->PcieCap != 0)
        Function->PcieType = PciRead16(at, Function->PcieCap + 2u) >> 4 & 0xF;
}

/* What the firmware assigned may be used as it is when every BAR lies in a window of the bus (the root bus has none) and nobody
 * else has it. A function that was plugged in has zeros there. Bus lock held. */
static void ClaimBootResources(PCI_FUNCTION *Function)
{
    for (UCHAR i = 0; i < Function->BarCount; i++) {
        PCI_BAR *bar = &Function->Bar[i];

        if (bar->Size != 0 &&
            (bar->Address == 0 || !NT_SUCCESS(PciClaim(Function, PciBarWindow(bar), bar->Address, bar->Size)))) {
            PciReleaseSpace(Function, FALSE);
            return;
        }
    }
    Function->BarsAssigned = TRUE;
}

static NTSTATUS CreateFunction(PCI_BUS *Bus, PCI_ADDRESS At)
{
    static LONG number;
    PDEVICE_OBJECT device;
    PCI_FUNCTION *function;
    WCHAR text[40];
    UNICODE_STRING name = {0, sizeof(text), text};
    NTSTATUS status;
    ULONG n = (ULONG)InterlockedIncrement(&number);

    RtlAppendUnicodeToString(&name, L"\\Device\\NTPNP_PCI");
    for (int digit = 12; digit >= 0; digit -= 4)
        text[name.Length / 2 + 3 - digit / 4] = L"0123456789abcdef"[n >> digit & 0xF];
    name.Length += 4 * sizeof(WCHAR);
    status = IoCreateDevice(PciDriverObject, sizeof(PCI_FUNCTION), &name, FILE_DEVICE_UNKNOWN, FILE_DEVICE_SECURE_OPEN,
                            FALSE, &device);
    if (!NT_SUCCESS(status))
        return status;
    function = device->DeviceExtension;
    function->Common.Self = device;
    function->Bus = Bus;
    function->Present = TRUE;
    ReadIdentity(At, function);
    ReadCapabilities(function);
    function->PowerState = PowerDeviceD0;
    if (function->PmCap != 0)
        function->PowerState = (DEVICE_POWER_STATE)(PowerDeviceD0 + (PciRead16(At, function->PmCap + 4u) & 3));
    function->BootCommand = PciRead16(At, PCI_COMMAND);
    if (Bus->Bridge != NULL && (function->HeaderType & 0x7F) == PCI_DEVICE_TYPE) {
        /* Off until START, whatever the firmware left: a driver that touches it before the bus driver has started it is then found out. */
        PciWrite16(At, PCI_COMMAND, function->BootCommand & ~(PCI_DECODES | PCI_ENABLE_BUS_MASTER));
    }
    PciSizeBars(function);
    ClaimBootResources(function);
    if ((function->HeaderType & 0x7F) == PCI_BRIDGE_TYPE)
        PciClaimWindows(function);
    device->Flags |= DO_BUS_ENUMERATED_DEVICE;
    device->Flags &= ~DO_DEVICE_INITIALIZING;
    InsertTailList(&Bus->Functions, &function->Link);
    KdLog(LOG_DEBUG, "pci: %02x:%02x.%x is %04x:%04x class %02x%02x%02x", At.Bus, At.Device, At.Function,
          function->VendorId, function->DeviceId, function->BaseClass, function->SubClass, function->ProgIf);
    return STATUS_SUCCESS;
}

static PCI_FUNCTION *FindFunction(PCI_BUS *Bus, PCI_ADDRESS At)
{
    for (PLIST_ENTRY e = Bus->Functions.Flink; e != &Bus->Functions; e = e->Flink) {
        PCI_FUNCTION *function = CONTAINING_RECORD(e, PCI_FUNCTION, Link);

        if (function->Present && function->At.Device == At.Device && function->At.Function == At.Function)
            return function;
    }
    return NULL;
}

/* Look at every device number of the bus. A function that is new gets a PDO; one that is gone, or is another now, loses its
 * Present mark and gets a new PDO. PASSIVE_LEVEL; takes the bus lock. */
NTSTATUS PciScanBus(PCI_BUS *Bus)
{
    NTSTATUS status = STATUS_SUCCESS;
    /* A link has one device, number 0 (PCIe 7.3.1). */
    UCHAR devices =
        Bus->Bridge != NULL && Bus->Bridge->PcieCap != 0 && Bus->Bridge->PcieType == 4 ? 1 : PCI_MAX_DEVICES;
    BOOLEAN powered = Bus->Slot == NULL || PciSlotPresent(Bus);

    ExAcquireFastMutex(&Bus->Lock);
    for (UCHAR device = 0; device < devices && NT_SUCCESS(status); device++) {
        UCHAR functions = 1;

        for (UCHAR number = 0; number < PCI_MAX_FUNCTION && NT_SUCCESS(status); number++) {
            PCI_ADDRESS at = {Bus->Number, device, number};
            PCI_FUNCTION *known = FindFunction(Bus, at);
            BOOLEAN ready = known == NULL || PciIsReady(known);
            BOOLEAN there =
                powered && number < functions && (!ready || PciRead16(at, PCI_VENDOR_ID) != PCI_INVALID_VENDORID);

            if (there && !ready) {
                /* On its way to another power state: it must not be touched, and was there a moment ago. */
                functions = number == 0 && (known->HeaderType & PCI_MULTIFUNCTION) ? PCI_MAX_FUNCTION : functions;
                continue;
            }
            if (there && number == 0 && (PciRead8(at, PCI_HEADER_TYPE) & PCI_MULTIFUNCTION))
                functions = PCI_MAX_FUNCTION;
            if (known != NULL && !(there && PciSameFunction(known))) {
                known->Present = FALSE;
                known = NULL;
            }
            if (there && known == NULL)
                status = CreateFunction(Bus, at);
        }
    }
    ExReleaseFastMutex(&Bus->Lock);
    return status;
}

/* Set or clear the decodes that the BARs need, and bus mastering: message interrupts are writes of the function, so they need
 * it (PCIe 7.5.1.1.3). Any IRQL. */
VOID PciSetDecodes(PCI_FUNCTION *Function, BOOLEAN On)
{
    USHORT command = PciRead16(Function->At, PCI_COMMAND), wanted = PCI_ENABLE_BUS_MASTER;

    for (UCHAR i = 0; i < Function->BarCount; i++) {
        if (Function->Bar[i].Size != 0)
            wanted |= Function->Bar[i].Io ? PCI_ENABLE_IO_SPACE : PCI_ENABLE_MEMORY_SPACE;
    }
    command &= ~(PCI_DECODES | PCI_ENABLE_BUS_MASTER);
    PciWrite16(Function->At, PCI_COMMAND, On ? command | wanted : command);
}

/* The PDO's end, when it is neither present nor known to PnP any more. PASSIVE_LEVEL. */
VOID PciDeleteFunction(PCI_FUNCTION *Function)
{
    PCI_BUS *bus = Function->Bus;

    ExAcquireFastMutex(&bus->Lock);
    RemoveEntryList(&Function->Link);
    PciReleaseSpace(Function, TRUE);
    ExReleaseFastMutex(&bus->Lock);
    Function->Common.State = PciRemoved;
    IoDeleteDevice(Function->Common.Self);
}
