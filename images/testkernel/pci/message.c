/* SPDX-License-Identifier: MIT */
/* pci/message.c - programs MSI (PCIe 7.7.1) and MSI-X (7.7.2), and masks a vector while no handler is connected to it. */
#include "pci.h"
#include "hal/apic.h"
#include "hal/ioapic.h"

#define MSI_CONTROL        2
#define MSI_ENABLE         0x0001
#define MSI_64BIT          0x0080
#define MSI_MASKABLE       0x0100
#define MSIX_CONTROL       2
#define MSIX_TABLE         4
#define MSIX_ENABLE        0x8000
#define MSIX_FUNCTION_MASK 0x4000
#define MSIX_ENTRY         4 /* ULONGs: address, upper address, data, vector control */
#define MSIX_MASKED        1

static ULONG MsiMaskOffset(const PCI_FUNCTION *Function, USHORT Control)
{
    return Function->MsiCap + (Control & MSI_64BIT ? 0x10u : 0x0Cu);
}

static void ProgramMsi(PCI_FUNCTION *Function)
{
    PCI_ADDRESS at = Function->At;
    ULONG cap = Function->MsiCap, log = 0, data;
    USHORT control = PciRead16(at, cap + MSI_CONTROL);
    ULONG64 address;

    HalMsiMessage(Function->Interrupt.Vector[0], &address, &data);
    while (1u << (log + 1) <= Function->Interrupt.Count)
        log++;
    PciWrite32(at, cap + 4, (ULONG)address);
    if (control & MSI_64BIT)
        PciWrite32(at, cap + 8, (ULONG)(address >> 32));
    PciWrite16(at, cap + (control & MSI_64BIT ? 12 : 8), data);
    if (control & MSI_MASKABLE)
        PciWrite32(at, MsiMaskOffset(Function, control), Function->MessageMask);
    PciWrite16(at, cap + MSI_CONTROL, (control & ~0x70) | log << 4 | MSI_ENABLE);
}

static void MapMsixTable(PCI_FUNCTION *Function)
{
    ULONG table = PciRead32(Function->At, Function->MsixCap + MSIX_TABLE), bar = table & 7;
    PHYSICAL_ADDRESS address;

    if (Function->MsixTable != NULL || bar >= PCI_TYPE0_ADDRESSES || Function->Bar[bar].Size == 0)
        return;
    address.QuadPart = (LONGLONG)(Function->Bar[bar].Address + (table & ~7u));
    Function->MsixTable = MmMapIoSpace(address, Function->MsixCount * MSIX_ENTRY * sizeof(ULONG), MmNonCached);
}

static void ProgramMsix(PCI_FUNCTION *Function)
{
    ULONG control = Function->MsixCap + MSIX_CONTROL;

    MapMsixTable(Function);
    if (Function->MsixTable == NULL)
        return;
    PciWrite16(Function->At, control, MSIX_ENABLE | MSIX_FUNCTION_MASK);
    for (ULONG i = 0; i < Function->MsixCount; i++) {
        volatile ULONG *entry = Function->MsixTable + MSIX_ENTRY * i;
        ULONG64 address = 0;
        ULONG data = 0;

        entry[3] = MSIX_MASKED;
        if (i >= Function->Interrupt.Count)
            continue;
        HalMsiMessage(Function->Interrupt.Vector[i], &address, &data);
        entry[0] = (ULONG)address;
        entry[1] = (ULONG)(address >> 32);
        entry[2] = data;
        entry[3] = Function->MessageMask >> i & 1 ? MSIX_MASKED : 0;
    }
    PciWrite16(Function->At, control, MSIX_ENABLE);
}

/* Program the interrupt that was assigned; again after D3 and S3. BARs are written and decode is on. PASSIVE_LEVEL the first
 * time, any later. */
VOID PciProgramInterrupt(PCI_FUNCTION *Function)
{
    USHORT old = PciRead16(Function->At, PCI_COMMAND), command = old;

    if (Function->Interrupt.Kind == PciInterruptMsi)
        ProgramMsi(Function);
    else if (Function->Interrupt.Kind == PciInterruptMsix)
        ProgramMsix(Function);
    if (Function->Interrupt.Kind == PciInterruptLine)
        command &= ~PCI_DISABLE_LEVEL_INTERRUPT;
    else
        command |= PCI_DISABLE_LEVEL_INTERRUPT;
    if (command != old)
        PciWrite16(Function->At, PCI_COMMAND, command);
}

/*
 * Turn the function's interrupts off, at stop and removal. Of one that is gone only the mapping goes: at its address there may be another
 * by now, started already (a swap during sleep). PASSIVE_LEVEL.
 */
VOID PciDisableInterrupt(PCI_FUNCTION *Function)
{
    PCI_ADDRESS at = Function->At;

    if (Function->MsixTable != NULL) {
        MmUnmapIoSpace((PVOID)Function->MsixTable, Function->MsixCount * MSIX_ENTRY * sizeof(ULONG));
        Function->MsixTable = NULL;
    }
    if (!Function->Present)
        return;
    if (Function->MsiCap != 0)
        PciWrite16(at, Function->MsiCap + MSI_CONTROL, PciRead16(at, Function->MsiCap + MSI_CONTROL) & ~MSI_ENABLE);
    if (Function->MsixCap != 0)
        PciWrite16(at, Function->MsixCap + MSIX_CONTROL,
                   PciRead16(at, Function->MsixCap + MSIX_CONTROL) & ~MSIX_ENABLE);
    PciWrite16(at, PCI_COMMAND, PciRead16(at, PCI_COMMAND) | PCI_DISABLE_LEVEL_INTERRUPT);
}

static void MaskMessage(PCI_FUNCTION *Function, ULONG Message, BOOLEAN Mask)
{
    USHORT control;

    Function->MessageMask = (Function->MessageMask & ~(1u << Message)) | (ULONG)Mask << Message;
    if (!Function->Present)
        return;
    if (Function->Interrupt.Kind == PciInterruptMsix && Function->MsixTable != NULL) {
        Function->MsixTable[MSIX_ENTRY * Message + 3] = Mask ? MSIX_MASKED : 0;
    } else if (Function->Interrupt.Kind == PciInterruptMsi) {
        control = PciRead16(Function->At, Function->MsiCap + MSI_CONTROL);
        if (control & MSI_MASKABLE)
            PciWrite32(Function->At, MsiMaskOffset(Function, control), Function->MessageMask);
    }
}

/*
 * Mask or unmask the interrupt behind a vector: called when the first handler is connected to it and after the last one was
 * disconnected. A vector that belongs to no PCI function is left alone. PASSIVE_LEVEL.
 */
VOID PciMaskVector(ULONG Vector, BOOLEAN Mask)
{
    ExAcquireFastMutex(&PciBusesLock);
    for (PLIST_ENTRY b = PciBuses.Flink; b != &PciBuses; b = b->Flink) {
        PCI_BUS *bus = CONTAINING_RECORD(b, PCI_BUS, Link);

        ExAcquireFastMutex(&bus->Lock);
        for (PLIST_ENTRY e = bus->Functions.Flink; e != &bus->Functions; e = e->Flink) {
            PCI_FUNCTION *function = CONTAINING_RECORD(e, PCI_FUNCTION, Link);
            PCI_INTERRUPT *interrupt = &function->Interrupt;

            for (ULONG i = 0; i < interrupt->Count; i++) {
                if (interrupt->Vector[i] == Vector && interrupt->Kind == PciInterruptLine)
                    HalIoApicMask(interrupt->Gsi, Mask);
                else if (interrupt->Vector[i] == Vector)
                    MaskMessage(function, i, Mask);
            }
        }
        ExReleaseFastMutex(&bus->Lock);
    }
    ExReleaseFastMutex(&PciBusesLock);
}

/* What the function writes to raise message number Message (for IO_INTERRUPT_MESSAGE_INFO). Any IRQL. */
VOID PciDescribeMessage(PCI_FUNCTION *Function, ULONG Message, PPHYSICAL_ADDRESS Address, PULONG Data)
{
    ULONG64 address;

    HalMsiMessage(Function->Interrupt.Vector[Message], &address, Data);
    Address->QuadPart = (LONGLONG)address;
}
