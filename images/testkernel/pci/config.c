/* SPDX-License-Identifier: MIT */
/*
 * pci/config.c - access to configuration space.
 *
 * The enhanced mechanism (ECAM, PCIe 7.2.2) where the bus is mapped, ports CF8/CFC (PCI 3.0, 3.2.2.3.2) otherwise: before
 * ECAM is known, and after an S3 wake until the chipset's PCIEXBAR is put back.
 */
#include "pci.h"
#include "hal/acpi.h"

#define ADDRESS_PORT ((PULONG)(ULONG_PTR)0xCF8)
#define DATA_PORT    ((PULONG)(ULONG_PTR)0xCFC)
#define BUS_SPAN     0x100000u

static volatile UCHAR *Ecam[256];

/*
 * Map a bus, so that PciRead and PciWrite reach its extended space. The ACPI table MCFG (PCI Firmware Specification 3.2, 4.1.2) says
 * where; without one the conventional ports remain, with 256 bytes a function. PASSIVE_LEVEL; mapping twice does nothing.
 */
VOID PciMapBus(UCHAR Bus)
{
    PHYSICAL_ADDRESS at;

    if (Ecam[Bus] != NULL || HalAcpi.McfgBase == 0 || Bus < HalAcpi.McfgStartBus || Bus > HalAcpi.McfgEndBus)
        return;
    at.QuadPart = (LONGLONG)(HalAcpi.McfgBase + (ULONG64)(Bus - HalAcpi.McfgStartBus) * BUS_SPAN);
    Ecam[Bus] = MmMapIoSpace(at, BUS_SPAN, MmNonCached);
}

/* The two ports are one register: nothing may come between them. */
static ULONG_PTR EnterPorts(void)
{
    ULONG_PTR flags = __readeflags();

    _disable();
    return flags;
}

static ULONG PortAddress(PCI_ADDRESS At, ULONG Offset)
{
    return 0x80000000u | (ULONG)At.Bus << 16 | (ULONG)At.Device << 11 | (ULONG)At.Function << 8 | (Offset & 0xFC);
}

/* 32-bit read by CF8/CFC. Offset < 256, aligned. Any IRQL. */
ULONG PciReadPorts(PCI_ADDRESS At, ULONG Offset)
{
    ULONG_PTR flags = EnterPorts();
    ULONG value;

    WRITE_PORT_ULONG(ADDRESS_PORT, PortAddress(At, Offset));
    value = READ_PORT_ULONG(DATA_PORT);
    __writeeflags(flags);
    return value;
}

/* 32-bit write by CF8/CFC. Offset < 256, aligned. Any IRQL. */
VOID PciWritePorts(PCI_ADDRESS At, ULONG Offset, ULONG Value)
{
    ULONG_PTR flags = EnterPorts();

    WRITE_PORT_ULONG(ADDRESS_PORT, PortAddress(At, Offset));
    WRITE_PORT_ULONG(DATA_PORT, Value);
    __writeeflags(flags);
}

/* Narrow accesses must stay narrow: the neighbour of a status register has write-1-to-clear bits. */
static ULONG NarrowPorts(PCI_ADDRESS At, ULONG Offset, ULONG Size, BOOLEAN Write, ULONG Value)
{
    ULONG_PTR flags = EnterPorts();
    ULONG_PTR port = (ULONG_PTR)DATA_PORT + (Offset & 3);

    WRITE_PORT_ULONG(ADDRESS_PORT, PortAddress(At, Offset));
    if (Write && Size == 1)
        WRITE_PORT_UCHAR((PUCHAR)port, (UCHAR)Value);
    else if (Write)
        WRITE_PORT_USHORT((PUSHORT)port, (USHORT)Value);
    else
        Value = Size == 1 ? READ_PORT_UCHAR((PUCHAR)port) : READ_PORT_USHORT((PUSHORT)port);
    __writeeflags(flags);
    return Value;
}

/* Read 1, 2 or 4 naturally aligned bytes; all ones where there is no function. Any IRQL. */
ULONG PciRead(PCI_ADDRESS At, ULONG Offset, ULONG Size)
{
    volatile UCHAR *bus = Ecam[At.Bus];

    if (bus != NULL && Offset < 0x1000) {
        volatile UCHAR *reg = bus + ((ULONG)At.Device << 15 | (ULONG)At.Function << 12 | Offset);

        return Size == 1 ? *reg : Size == 2 ? *(volatile USHORT *)reg : *(volatile ULONG *)reg;
    }
    if (Offset >= 0x100)
        return 0xFFFFFFFFu >> (32 - 8 * Size);
    return Size == 4 ? PciReadPorts(At, Offset) : NarrowPorts(At, Offset, Size, FALSE, 0);
}

/* Write 1, 2 or 4 naturally aligned bytes. Any IRQL. */
VOID PciWrite(PCI_ADDRESS At, ULONG Offset, ULONG Size, ULONG Value)
{
    volatile UCHAR *bus = Ecam[At.Bus];

    if (bus != NULL && Offset < 0x1000) {
        volatile UCHAR *reg = bus + ((ULONG)At.Device << 15 | (ULONG)At.Function << 12 | Offset);

        if (Size == 1)
            *reg = (UCHAR)Value;
        else if (Size == 2)
            *(volatile USHORT *)reg = (USHORT)Value;
        else
            *(volatile ULONG *)reg = Value;
    } else if (Offset < 0x100 && Size == 4) {
        PciWritePorts(At, Offset, Value);
    } else if (Offset < 0x100) {
        NarrowPorts(At, Offset, Size, TRUE, Value);
    }
}

/* Offset of a capability in the list at 34h (PCIe 7.5.1.1.11), or 0. Any IRQL. */
UCHAR PciFindCapability(PCI_ADDRESS At, UCHAR Id)
{
    UCHAR at;
    int hops = 48; /* 192 bytes hold no more: a longer list is a loop */

    if (!(PciRead16(At, PCI_STATUS) & PCI_STATUS_CAPABILITIES_LIST))
        return 0;
    for (at = PciRead8(At, PCI_CAPABILITIES) & 0xFC; at != 0 && hops-- > 0; at = PciRead8(At, at + 1u) & 0xFC) {
        UCHAR id = PciRead8(At, at);

        if (id == 0xFF)
            return 0; /* the function vanished meanwhile */
        if (id == Id)
            return at;
    }
    return 0;
}

/* Offset of an extended capability (PCIe 7.6.3), or 0. Any IRQL. */
USHORT PciFindExtendedCapability(PCI_ADDRESS At, USHORT Id)
{
    ULONG at = 0x100;
    int hops = 480;

    while (at >= 0x100 && hops-- > 0) {
        ULONG header = PciRead32(At, at);

        if (header == 0 || header == 0xFFFFFFFFu)
            return 0;
        if ((header & 0xFFFF) == Id)
            return (USHORT)at;
        at = header >> 20 & 0xFFC;
    }
    return 0;
}
