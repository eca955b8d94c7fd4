/* SPDX-License-Identifier: MIT */
/* pci/bar.c - base address registers: their sizes, and writing them. PCIe 7.5.1.2.1. */
#include "pci.h"

/* Which of the bus's windows a BAR lies in. A 32-bit prefetchable BAR may lie in a prefetchable window as well, but the
 * firmware puts that one above 4 GiB, so such a BAR takes the plain window, which is always right (PCIe 7.5.1.3.9). */
PCI_WINDOW_KIND PciBarWindow(const PCI_BAR *Bar)
{
    if (Bar->Io)
        return PciWindowIo;
    return Bar->Prefetch && Bar->Wide ? PciWindowPrefetch : PciWindowMemory;
}

static ULONG Probe(PCI_ADDRESS At, ULONG Offset, ULONG Old)
{
    ULONG mask;

    PciWrite32(At, Offset, 0xFFFFFFFF);
    mask = PciRead32(At, Offset);
    PciWrite32(At, Offset, Old);
    return mask;
}

/* Find kind, size and present address of each BAR. Decoding is off meanwhile, so the function must not be in use.
 * PASSIVE_LEVEL, bus lock held. */
VOID PciSizeBars(PCI_FUNCTION *Function)
{
    PCI_ADDRESS at = Function->At;
    USHORT command = PciRead16(at, PCI_COMMAND);

    Function->BarCount = (Function->HeaderType & 0x7F) == PCI_BRIDGE_TYPE ? PCI_TYPE1_ADDRESSES : PCI_TYPE0_ADDRESSES;
    PciWrite16(at, PCI_COMMAND, command & ~PCI_DECODES);
    for (UCHAR i = 0; i < Function->BarCount; i++) {
        PCI_BAR *bar = &Function->Bar[i];
        ULONG offset = PCI_BAR0 + 4u * i, old = PciRead32(at, offset), mask = Probe(at, offset, old);

        RtlZeroMemory(bar, sizeof(*bar));
        if (mask == 0 || mask == 0xFFFFFFFF)
            continue; /* not implemented, or the function has gone */
        if (mask & 1) {
            bar->Io = TRUE;
            bar->Address = old & 0xFFFC;
            bar->Size = (~(mask & 0xFFFC) + 1) & 0xFFFF; /* the lowest two bits are no address; 16 bits decode */
            continue;
        }
        bar->Prefetch = (mask & 8) != 0;
        bar->Wide = (mask & 6) == 4;
        bar->Address = old & ~0xFull;
        if (bar->Wide && i + 1 < Function->BarCount) {
            ULONG high = PciRead32(at, offset + 4), highmask = Probe(at, offset + 4, high);

            bar->Address |= (ULONGLONG)high << 32;
            bar->Size = ~((ULONGLONG)highmask << 32 | (mask & ~0xFu)) + 1;
            RtlZeroMemory(&Function->Bar[++i], sizeof(*bar));
        } else {
            bar->Size = ~(mask & ~0xFu) + 1u;
        }
    }
    PciWrite16(at, PCI_COMMAND, command);
}

/* Write the addresses that were assigned. Decoding must be off (PCI 3.0, 6.2.5.1). Any IRQL. */
VOID PciWriteBars(PCI_FUNCTION *Function)
{
    for (UCHAR i = 0; i < Function->BarCount; i++) {
        const PCI_BAR *bar = &Function->Bar[i];

        if (bar->Size == 0)
            continue;
        PciWrite32(Function->At, PCI_BAR0 + 4u * i, (ULONG)bar->Address);
        if (bar->Wide)
            PciWrite32(Function->At, PCI_BAR0 + 4u * i + 4, (ULONG)(bar->Address >> 32));
    }
}
