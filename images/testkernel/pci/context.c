/* SPDX-License-Identifier: MIT */
/*
 * pci/context.c - keeps configuration registers over D3 and S3 and writes them back. What a function loses is its whole context
 * (PM 5.4.1); what it needs back is what software had set: header, PCI Express controls, interrupts. Status registers are left alone.
 */
#include "pci.h"

/* Control registers of the PCI Express capability (PCIe 7.5.3): device, link, slot, root, device 2, link 2. */
static const UCHAR PcieControls[] = {0x08, 0x10, 0x18, 0x1C, 0x28, 0x30};

static USHORT SavedWord(const PCI_FUNCTION *Function, ULONG Offset)
{
    return *(const USHORT *)&Function->Saved[Offset];
}

static ULONG SavedLong(const PCI_FUNCTION *Function, ULONG Offset)
{
    return *(const ULONG *)&Function->Saved[Offset];
}

/* Read the header and the PCI Express controls. Any IRQL. */
VOID PciSaveConfig(PCI_FUNCTION *Function)
{
    for (ULONG offset = 0; offset < PCI_COMMON_HDR_LENGTH; offset += 4)
        *(ULONG *)&Function->Saved[offset] = PciRead32(Function->At, offset);
    for (ULONG i = 0; Function->PcieCap != 0 && i < COUNT_OF(PcieControls); i++) {
        ULONG offset = Function->PcieCap + PcieControls[i];

        if (offset + 2 <= sizeof(Function->Saved))
            *(USHORT *)&Function->Saved[offset] = PciRead16(Function->At, offset);
    }
    Function->SavedValid = *(USHORT *)Function->Saved != PCI_INVALID_VENDORID;
}

/* A register that has its value is left alone: each write to a window, BAR or command register costs a virtual machine a new memory map. */
static void Put(PCI_ADDRESS At, ULONG Offset, ULONG Size, ULONG Value)
{
    if (PciRead(At, Offset, Size) != Value)
        PciWrite(At, Offset, Size, Value);
}

/*
 * A window of I/O ports whose limit is below its base is closed (PCI-to-PCI Bridge Architecture 3.2.5.6), whatever the two are. With 32 bits (the
 * lowest one set) they go on in other registers.
 */
static BOOLEAN IoClosed(USHORT BaseAndLimit)
{
    return !(BaseAndLimit & 1) && (BaseAndLimit >> 12) < (BaseAndLimit >> 4 & 0xF);
}

static void RestoreBridge(PCI_FUNCTION *Function)
{
    USHORT ports = SavedWord(Function, PCI_IO_BASE);

    /* Bus numbers first: without them nothing below can be reached. 1Eh is the secondary status. */
    Put(Function->At, PCI_PRIMARY_BUS, 4, SavedLong(Function, PCI_PRIMARY_BUS));
    if (!IoClosed(ports) || !IoClosed(PciRead16(Function->At, PCI_IO_BASE)))
        Put(Function->At, PCI_IO_BASE, 2, ports);
    for (ULONG offset = PCI_MEMORY_BASE; offset <= PCI_IO_UPPER; offset += 4)
        Put(Function->At, offset, 4, SavedLong(Function, offset));
    Put(Function->At, PCI_BRIDGE_CONTROL, 2, SavedWord(Function, PCI_BRIDGE_CONTROL));
}

/* A bridge's slot control goes back without power control and indicators: those were reset to what the slot holds now. */
static void RestorePcie(PCI_FUNCTION *Function)
{
    for (ULONG i = 0; i < COUNT_OF(PcieControls); i++) {
        ULONG offset = Function->PcieCap + PcieControls[i];

        if (offset + 2 <= sizeof(Function->Saved) && PcieControls[i] != 0x18)
            Put(Function->At, offset, 2, SavedWord(Function, offset));
    }
}

static void RestoreBars(PCI_FUNCTION *Function)
{
    PCI_BAR *bar = Function->Bar;

    for (ULONG i = 0; i < Function->BarCount; i++, bar++) {
        if (bar->Size == 0)
            continue;
        Put(Function->At, PCI_BAR0 + 4 * i, 4, SavedLong(Function, PCI_BAR0 + 4 * i));
        if (bar->Wide)
            Put(Function->At, PCI_BAR0 + 4 * i + 4, 4, SavedLong(Function, PCI_BAR0 + 4 * i + 4));
    }
}

/*
 * Write back what PciSaveConfig read: addresses while decode is off, the command register after them, interrupts last. Mastering: with the
 * bus master bit as it was, otherwise without it. Any IRQL.
 */
VOID PciRestoreConfig(PCI_FUNCTION *Function, BOOLEAN Mastering)
{
    PCI_ADDRESS at = Function->At;
    USHORT command = SavedWord(Function, PCI_COMMAND);

    if (!Mastering)
        command &= ~PCI_ENABLE_BUS_MASTER;
    if (Function->Common.State == PciStarted && Function->Interrupt.Kind != PciInterruptLine)
        command |= PCI_DISABLE_LEVEL_INTERRUPT;
    for (ULONG i = 0; i < Function->BarCount; i++) {
        if (Function->Bar[i].Size != 0 && PciRead32(at, PCI_BAR0 + 4 * i) != SavedLong(Function, PCI_BAR0 + 4 * i)) {
            Put(at, PCI_COMMAND, 2, PciRead16(at, PCI_COMMAND) & ~PCI_DECODES);
            break;
        }
    }
    RestoreBars(Function);
    Put(at, 0x0C, 2, SavedWord(Function, 0x0C));
    Put(at, PCI_INTERRUPT_LINE, 1, Function->Saved[PCI_INTERRUPT_LINE]);
    if ((Function->HeaderType & 0x7F) == PCI_BRIDGE_TYPE)
        RestoreBridge(Function);
    if (Function->PcieCap != 0)
        RestorePcie(Function);
    Put(at, PCI_COMMAND, 2, command);
    if (Function->Common.State == PciStarted)
        PciProgramInterrupt(Function);
}
