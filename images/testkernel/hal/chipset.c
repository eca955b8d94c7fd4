/* SPDX-License-Identifier: MIT */
/*
 * q35's chipset registers over S3. SeaBIOS restores PCI state on resume through ECAM while ECAM is still off, so nothing is
 * restored: these come first, by the ports CF8/CFC, because everything else is reached through them (Intel 3 Series MCH and ICH9 datasheets).
 */
#include "hal/sleep.h"
#include "pci/pci.h"

static struct {
    UCHAR Device, Offset;
    ULONG Value;
} Registers[] = {
    {0, 0x64, 0},  /* PCIEXBAR, high half first: the low half has the enable bit */
    {0, 0x60, 0},  /* PCIEXBAR */
    {31, 0x40, 0}, /* PMBASE */
    {31, 0x44, 0}, /* ACPI_CNTL: enables PMBASE, routes the SCI */
    {31, 0xF0, 0}, /* RCBA */
    {31, 0x60, 0}, /* PIRQ A..D */
    {31, 0x68, 0}, /* PIRQ E..H */
};

VOID HalpSaveChipset(VOID)
{
    for (ULONG i = 0; i < COUNT_OF(Registers); i++)
        Registers[i].Value = PciReadPorts((PCI_ADDRESS){0, Registers[i].Device, 0}, Registers[i].Offset);
}

/* One that has its value is left alone: each write to a base address costs a virtual machine a new memory map. */
VOID HalpRestoreChipset(VOID)
{
    for (ULONG i = 0; i < COUNT_OF(Registers); i++) {
        PCI_ADDRESS at = {0, Registers[i].Device, 0};

        if (PciReadPorts(at, Registers[i].Offset) != Registers[i].Value)
            PciWritePorts(at, Registers[i].Offset, Registers[i].Value);
    }
}
