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

/* Read the first 256 bytes. Any IRQL. */
VOID PciSaveConfig(PCI_FUNCTION *Function)
{
    for (ULONG offset = 0; offset < sizeof(Function->Saved); offset += 4)
        *(ULONG *)&Function->Saved[offset] = PciRead32(Function->At, offset);
    Function->SavedValid = *(USHORT *)Function->Saved != PCI_INVALID_VENDORID;
}

static void RestoreBridge(PCI_FUNCTION *Function)
{
    /* Bus numbers first: without them nothing below can be reached. 1Eh is the secondary status. */
    PciWrite32(Function->At, PCI_PRIMARY_BUS, SavedLong(Function, PCI_PRIMARY_BUS));
    PciWrite16(Function->At, PCI_IO_BASE, SavedWord(Function, PCI_IO_BASE));
    for (ULONG offset = PCI_MEMORY_BASE; offset <= PCI_IO_UPPER; offset += 4)
        PciWrite32(Function->At, offset, SavedLong(Function, offset));
    PciWrite16(Function->At, PCI_BRIDGE_CONTROL, SavedWord(Function, PCI_BRIDGE_CONTROL));
}

/* A bridge's slot control goes back without power control and indicators: those were reset to what the slot holds now. */
static void RestorePcie(PCI_FUNCTION *Function)
{
    for (ULONG i = 0; i < COUNT_OF(PcieControls); i++) {
        ULONG offset = Function->PcieCap + PcieControls[i];

        if (offset + 2 <= sizeof(Function->Saved) && PcieControls[i] != 0x18)
            PciWrite16(Function->At, offset, SavedWord(Function, offset));
    }
}

/* Write back what PciSaveConfig read: addresses while decode is off, the command register after them, interrupts last. Any IRQL. */
VOID PciRestoreConfig(PCI_FUNCTION *Function)
{
    PCI_ADDRESS at = Function->At;

    PciWrite16(at, PCI_COMMAND, 0);
    if (Function->BarsAssigned || Function->Common.State == PciStarted) {
        PciWriteBars(Function);
    } else {
        for (ULONG i = 0; i < Function->BarCount; i++)
            PciWrite32(at, PCI_BAR0 + 4 * i, SavedLong(Function, PCI_BAR0 + 4 * i));
    }
    PciWrite16(at, 0x0C, SavedWord(Function, 0x0C));
    PciWrite8(at, PCI_INTERRUPT_LINE, Function->Saved[PCI_INTERRUPT_LINE]);
    if ((Function->HeaderType & 0x7F) == PCI_BRIDGE_TYPE)
        RestoreBridge(Function);
    if (Function->PcieCap != 0)
        RestorePcie(Function);
    PciWrite16(at, PCI_COMMAND, SavedWord(Function, PCI_COMMAND));
    if (Function->Common.State == PciStarted)
        PciProgramInterrupt(Function);
}
