/* SPDX-License-Identifier: MIT */
/*
 * pci/sleep.c - the buses over S3 and S1. In S1 nothing is lost, and what happened to slots comes by their interrupts afterwards. S3's wake is a reset of every function: bridges first, because what lies below is not reachable without
 * them. A function that is not the one from before (removed or swapped while the system slept) is marked gone and left alone; the
 * re-enumeration after resume tells PnP.
 */
#include "pci.h"
#include "kd/log.h"

static void ForEach(void (*Visit)(PCI_FUNCTION *Function))
{
    /* PciBuses is in order of creation: parents before children. Nothing else runs now, so no lock is taken. */
    for (PLIST_ENTRY b = PciBuses.Flink; b != &PciBuses; b = b->Flink) {
        PCI_BUS *bus = CONTAINING_RECORD(b, PCI_BUS, Link);

        for (PLIST_ENTRY e = bus->Functions.Flink; e != &bus->Functions; e = e->Flink) {
            PCI_FUNCTION *function = CONTAINING_RECORD(e, PCI_FUNCTION, Link);

            if (function->Present)
                Visit(function);
        }
    }
}

static void Save(PCI_FUNCTION *Function)
{
    if (Function->Common.State == PciStarted && Function->PowerState == PowerDeviceD0 && Function->PmCap != 0 &&
        (Function->HeaderType & 0x7F) == PCI_DEVICE_TYPE) {
        /* Windows lets it pass; the device then loses its power while its driver believes in D0. */
        KdLog(LOG_WARNING,
              "pci: the driver of %02x:%02x.%x left it in D0: no device set-power IRP followed the system's",
              Function->At.Bus, Function->At.Device, Function->At.Function);
        KdTrace("sleeps-in-d0 bus=%u device=%u function=%u", Function->At.Bus, Function->At.Device,
                Function->At.Function);
    }
    /* One that is in D3 already kept its D0 registers when it went there. */
    if (!Function->SavedValid)
        PciSaveConfig(Function);
}

static void Restore(PCI_FUNCTION *Function)
{
    BOOLEAN bridge = (Function->HeaderType & 0x7F) == PCI_BRIDGE_TYPE;

    if (!PciSameFunction(Function)) {
        Function->Present = FALSE;
        Function->SavedValid = FALSE;
        return;
    }
    /* What it owed for entering D3hot ended with its reset, after which the firmware ran. */
    Function->ReadyTime.QuadPart = 0;
    if (!Function->SavedValid)
        return;
    /* One whose driver has not had the D0 IRP gets no mastering, and so no interrupts, until then. */
    PciRestoreConfig(Function, bridge || Function->PowerState == PowerDeviceD0);
    if (bridge || Function->PowerState == PowerDeviceD0)
        Function->SavedValid = FALSE;
}

/* HAL_SLEEP_CONTEXT: HIGH_LEVEL, interrupts off. */
VOID PciSaveSystem(VOID)
{
    ForEach(Save);
}

VOID PciRestoreSystem(VOID)
{
    ForEach(Restore);
}

/* HAL_SLEEP_CONTEXT, S1: has a root port received PME? HIGH_LEVEL, interrupts off; nothing else runs, so no lock is taken. */
BOOLEAN PciSystemWoken(VOID)
{
    BOOLEAN woken = FALSE;

    for (PLIST_ENTRY b = PciBuses.Flink; b != &PciBuses; b = b->Flink)
        woken |= PciTakePme(CONTAINING_RECORD(b, PCI_BUS, Link));
    return woken;
}

/* A function whose state changed just before a short S1 must not be touched yet (PM 5.6.1). PASSIVE_LEVEL. */
static BOOLEAN HasWoken(PCI_FUNCTION *Function)
{
    LARGE_INTEGER millisecond = {.QuadPart = -10000};

    while (Function->Present && !PciIsReady(Function))
        KeDelayExecutionThread(KernelMode, FALSE, &millisecond);
    return PciSignalWake(Function, TRUE);
}

/*
 * After wake, before the S0 IRPs: slots as they are now, if they were Reset, and wait/wake IRPs of functions that asserted PME. Returns the
 * number of functions that had. PASSIVE_LEVEL.
 */
ULONG PciResumeSystem(BOOLEAN Reset)
{
    ULONG wakers = 0;

    for (PLIST_ENTRY b = PciBuses.Flink; b != &PciBuses; b = b->Flink) {
        PCI_BUS *bus = CONTAINING_RECORD(b, PCI_BUS, Link);

        if (Reset) {
            PciResumePort(bus);
            PciResumeSlot(bus);
        }
        for (PLIST_ENTRY e = bus->Functions.Flink; e != &bus->Functions; e = e->Flink)
            wakers += HasWoken(CONTAINING_RECORD(e, PCI_FUNCTION, Link));
    }
    return wakers;
}

/* After the S0 IRPs: have every bus looked at again. PASSIVE_LEVEL. */
VOID PciReenumerateSystem(VOID)
{
    for (PLIST_ENTRY b = PciBuses.Flink; b != &PciBuses; b = b->Flink)
        IoInvalidateDeviceRelations(CONTAINING_RECORD(b, PCI_BUS, Link)->Pdo, BusRelations);
}
