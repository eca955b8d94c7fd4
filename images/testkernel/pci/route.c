/* SPDX-License-Identifier: MIT */
/*
 * pci/route.c - INTx: from a function's pin to an I/O APIC line and a vector.
 *
 * Windows reads _PRT methods. There is no AML interpreter here, so this is what q35's _PRT says: the devices 25..31 go where the
 * chipset's DnnIR registers say, all others to PIRQ E..H by (device + pin) % 4; PIRQ A..H are the GSIs 16..23 (ICH9 datasheet 10.1.46 ff).
 */
#include "pci.h"
#include "hal/ioapic.h"
#include "hal/vector.h"

#define LPC_RCBA   0xF0
#define FIRST_GSI  16
#define LINES      8
#define LPC_DEVICE 31

static struct {
    ULONG Vector, Users;
} Lines[LINES];

/* Pin as the root bus sees it: each bridge swizzles by the device number (PCI-to-PCI Bridge Architecture 1.2, 9.1). */
static ULONG RootPin(const PCI_FUNCTION *Function, UCHAR *Device)
{
    ULONG pin = PciRead8(Function->At, PCI_INTERRUPT_PIN) - 1u;

    while (Function->Bus->Bridge != NULL) {
        pin = (pin + Function->At.Device) % 4;
        Function = Function->Bus->Bridge;
    }
    *Device = Function->At.Device;
    return pin;
}

static ULONG ChipsetRoute(UCHAR Device, ULONG Pin)
{
    static const USHORT offsets[] = {0x3150, 0x314C, 0x3148, 0x3146, 0x3144, 0x3142, 0x3140}; /* D25IR .. D31IR */
    PCI_ADDRESS lpc = {0, LPC_DEVICE, 0};
    PHYSICAL_ADDRESS at = {.QuadPart = (PciRead32(lpc, LPC_RCBA) & ~0x3FFFu) + offsets[Device - 25]};
    volatile USHORT *reg = MmMapIoSpace(at, sizeof(USHORT), MmNonCached);
    ULONG route = reg != NULL ? *reg >> (4 * Pin) & 7 : 0;

    if (reg != NULL)
        MmUnmapIoSpace((PVOID)reg, sizeof(USHORT));
    return route;
}

/* Fill in Interrupt with the function's line. Lines are shared; the last user frees the vector (PciFreeInterrupt).
 * PASSIVE_LEVEL, tree lock held. STATUS_CONFLICTING_ADDRESSES: no vector left. STATUS_NOT_SUPPORTED: no pin. */
NTSTATUS PciRouteLine(PCI_FUNCTION *Function, PCI_INTERRUPT *Interrupt)
{
    UCHAR device;
    ULONG pin, line;

    if (PciRead8(Function->At, PCI_INTERRUPT_PIN) - 1u > 3)
        return STATUS_NOT_SUPPORTED;
    pin = RootPin(Function, &device);
    line = device >= 25 ? ChipsetRoute(device, pin) : 4 + (device + pin) % 4;
    if (Lines[line].Users == 0) {
        Lines[line].Vector = HalAllocateVectors(0, 1);
        if (Lines[line].Vector == 0)
            return STATUS_CONFLICTING_ADDRESSES;
        /* PCI lines are level-triggered and active low (PCI 3.0, 2.2.6). */
        HalIoApicRoute(FIRST_GSI + line, Lines[line].Vector, TRUE, TRUE);
    }
    Lines[line].Users++;
    Interrupt->Kind = PciInterruptLine;
    Interrupt->Count = 1;
    Interrupt->Gsi = FIRST_GSI + line;
    Interrupt->Vector[0] = Lines[line].Vector;
    Interrupt->Irql = HalVectorIrql(Lines[line].Vector);
    return STATUS_SUCCESS;
}

/* Give back what PciRouteLine or the arbiter took. No handler may be connected any more. PASSIVE_LEVEL. */
VOID PciFreeInterrupt(PCI_INTERRUPT *Interrupt)
{
    if (Interrupt->Kind == PciInterruptLine) {
        ULONG line = Interrupt->Gsi - FIRST_GSI;

        if (--Lines[line].Users == 0) {
            HalIoApicMask(Interrupt->Gsi, TRUE);
            HalFreeVectors(Lines[line].Vector, 1);
        }
    } else if (Interrupt->Kind == PciInterruptMsi) {
        HalFreeVectors(Interrupt->Vector[0], Interrupt->Count);
    } else if (Interrupt->Kind == PciInterruptMsix) {
        for (ULONG i = 0; i < Interrupt->Count; i++)
            HalFreeVectors(Interrupt->Vector[i], 1);
    }
    RtlZeroMemory(Interrupt, sizeof(*Interrupt));
}
