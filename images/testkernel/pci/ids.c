/* SPDX-License-Identifier: MIT */
/*
 * pci/ids.c - how a function is named to PnP. Formats: Microsoft, "Identifiers for PCI Devices"
 * (learn.microsoft.com/windows-hardware/drivers/install/identifiers-for-pci-devices).
 */
#include "pci.h"

/* A REG_MULTI_SZ being written. */
typedef struct _ID_WRITER {
    PWSTR Text;
    ULONG At, Size;
} ID_WRITER;

static void PutChar(ID_WRITER *Out, WCHAR Character)
{
    if (Out->At < Out->Size)
        Out->Text[Out->At++] = Character;
}

static void PutText(ID_WRITER *Out, PCSTR Text)
{
    while (*Text != 0)
        PutChar(Out, (UCHAR)*Text++);
}

static void PutHex(ID_WRITER *Out, ULONGLONG Value, int Digits)
{
    while (Digits-- > 0)
        PutChar(Out, L"0123456789ABCDEF"[Value >> (4 * Digits) & 0xF]);
}

static void PutDecimal(ID_WRITER *Out, ULONG Value)
{
    if (Value >= 10)
        PutDecimal(Out, Value / 10);
    PutChar(Out, L'0' + Value % 10);
}

enum { VENDOR = 1, DEVICE = 2, SUBSYSTEM = 4, REVISION = 8, CLASS2 = 16, CLASS3 = 32, PORT_TYPE = 64, END = 128 };

/* One ID of the parts in Parts, in Windows' order. */
static void PutId(ID_WRITER *Out, const PCI_FUNCTION *Function, int Parts)
{
    PCSTR separator = "";

    PutText(Out, "PCI\\");
    if (Parts & VENDOR) {
        PutText(Out, "VEN_");
        PutHex(Out, Function->VendorId, 4);
        separator = "&";
    }
    if (Parts & DEVICE) {
        PutText(Out, "&DEV_");
        PutHex(Out, Function->DeviceId, 4);
    }
    if (Parts & SUBSYSTEM) {
        PutText(Out, "&SUBSYS_");
        PutHex(Out, Function->Subsystem, 4);
        PutHex(Out, Function->SubsystemVendor, 4);
    }
    if (Parts & REVISION) {
        PutText(Out, "&REV_");
        PutHex(Out, Function->Revision, 2);
    }
    if (Parts & (CLASS2 | CLASS3)) {
        PutText(Out, separator);
        PutText(Out, "CC_");
        PutHex(Out, Function->BaseClass, 2);
        PutHex(Out, Function->SubClass, 2);
    }
    if (Parts & CLASS3)
        PutHex(Out, Function->ProgIf, 2);
    if (Parts & PORT_TYPE) {
        PutText(Out, "&DT_");
        PutDecimal(Out, Function->PcieType);
    }
    PutChar(Out, 0);
}

static const UCHAR DeviceParts[] = {VENDOR | DEVICE | SUBSYSTEM | REVISION, END};
static const UCHAR HardwareParts[] = {VENDOR | DEVICE | SUBSYSTEM | REVISION, VENDOR | DEVICE | SUBSYSTEM,
                                      VENDOR | DEVICE | CLASS3, VENDOR | DEVICE | CLASS2, END};
static const UCHAR CompatibleParts[] = {
    VENDOR | DEVICE | REVISION, VENDOR | DEVICE, VENDOR | CLASS3,    VENDOR | CLASS2, VENDOR,
    CLASS3 | PORT_TYPE,         CLASS3,          CLASS2 | PORT_TYPE, CLASS2,          END};

/* Instance: the serial number is unique by itself; otherwise the path of device and function numbers from the root bus, which is
 * the same for the same slot in every boot. */
static void PutInstance(ID_WRITER *Out, const PCI_FUNCTION *Function)
{
    if (Function->HasSerial) {
        PutHex(Out, Function->Serial, 16);
        PutHex(Out, Function->At.Function, 2);
    } else {
        for (const PCI_FUNCTION *f = Function; f != NULL; f = f->Bus->Bridge)
            PutHex(Out, (ULONG)f->At.Device << 3 | f->At.Function, 2);
    }
    PutChar(Out, 0);
}

/* IRP_MN_QUERY_ID. *Id is paged pool that the PnP manager frees. PASSIVE_LEVEL. STATUS_NOT_SUPPORTED: no such ID. */
NTSTATUS PciQueryId(PCI_FUNCTION *Function, BUS_QUERY_ID_TYPE Type, PWSTR *Id)
{
    ID_WRITER out = {NULL, 0, 512};
    const UCHAR *parts = NULL;

    if (Type == BusQueryDeviceID)
        parts = DeviceParts;
    else if (Type == BusQueryHardwareIDs)
        parts = HardwareParts;
    else if (Type == BusQueryCompatibleIDs)
        parts = CompatibleParts;
    else if (Type != BusQueryInstanceID)
        return STATUS_NOT_SUPPORTED;
    out.Text = ExAllocatePoolWithTag(PagedPool, out.Size * sizeof(WCHAR), PCI_TAG);
    if (out.Text == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (parts == NULL)
        PutInstance(&out, Function);
    for (; parts != NULL && *parts != END; parts++) {
        if (!(*parts & PORT_TYPE) || Function->PcieCap != 0)
            PutId(&out, Function, *parts);
    }
    PutChar(&out, 0);
    *Id = out.Text;
    return STATUS_SUCCESS;
}

/* The class's name as Windows shows it for a device without a driver. */
static PCSTR ClassName(const PCI_FUNCTION *Function)
{
    static const struct {
        UCHAR Base, Sub; /* Sub 0xFF: any */
        PCSTR Name;
    } names[] = {
        {0x01, 0x06, "SATA Controller"},
        {0x01, 0xFF, "Mass Storage Controller"},
        {0x02, 0x00, "Ethernet Controller"},
        {0x02, 0xFF, "Network Controller"},
        {0x03, 0xFF, "Video Controller"},
        {0x06, 0x00, "PCI standard host CPU bridge"},
        {0x06, 0x01, "PCI standard ISA bridge"},
        {0x06, 0x04, "PCI-to-PCI Bridge"},
        {0x0C, 0x03, "Universal Serial Bus (USB) Controller"},
        {0x0C, 0x05, "SM Bus Controller"},
    };

    if (Function->BaseClass == 6 && Function->SubClass == 4 && Function->PcieCap != 0 && Function->PcieType == 4)
        return "PCI Express Root Port";
    for (ULONG i = 0; i < COUNT_OF(names); i++) {
        if (names[i].Base == Function->BaseClass && (names[i].Sub == 0xFF || names[i].Sub == Function->SubClass))
            return names[i].Name;
    }
    return "PCI Device";
}

/* IRP_MN_QUERY_DEVICE_TEXT, as PciQueryId. */
NTSTATUS PciQueryText(PCI_FUNCTION *Function, DEVICE_TEXT_TYPE Type, PWSTR *Text)
{
    ID_WRITER out = {NULL, 0, 80};

    if (Type != DeviceTextDescription && Type != DeviceTextLocationInformation)
        return STATUS_NOT_SUPPORTED;
    out.Text = ExAllocatePoolWithTag(PagedPool, out.Size * sizeof(WCHAR), PCI_TAG);
    if (out.Text == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (Type == DeviceTextDescription) {
        PutText(&out, ClassName(Function));
    } else {
        PutText(&out, "PCI bus ");
        PutDecimal(&out, Function->At.Bus);
        PutText(&out, ", device ");
        PutDecimal(&out, Function->At.Device);
        PutText(&out, ", function ");
        PutDecimal(&out, Function->At.Function);
    }
    PutChar(&out, 0);
    *Text = out.Text;
    return STATUS_SUCCESS;
}
