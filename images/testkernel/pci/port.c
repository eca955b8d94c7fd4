/* SPDX-License-Identifier: MIT */
/*
 * pci/port.c - what a root port tells besides hot-plug: PME messages of the functions below it (PCIe 6.1.6, root control and root status
 * 7.5.3.12 to 7.5.3.14), and errors (6.2.4.1.2; pci/aer.c). The port's one message may be shared with its slot.
 */
#include "pci.h"
#include "kd/log.h"

#define ROOT_CONTROL    0x1C
#define ROOT_STATUS     0x20
#define ROOT_PME_ENABLE 0x0008
#define ROOT_PME        0x00010000
#define TYPE_ROOT_PORT  4
#define MAX_FUNCTIONS   32

#define NEWS_PME   1
#define NEWS_ERROR 2

typedef struct _PCI_PORT {
    PCI_BUS *Bus;
    PCI_ADDRESS At;
    UCHAR Cap;
    USHORT Aer; /* 0: none */
    PCI_SERVICE Service;
} PCI_PORT;

/* The functions below the port that may have sent PME, with a reference to each. PASSIVE_LEVEL. */
static ULONG Waiters(PCI_PORT *Port, PCI_FUNCTION *Found[MAX_FUNCTIONS])
{
    ULONG count = 0;

    ExAcquireFastMutex(&PciBusesLock);
    for (PLIST_ENTRY b = PciBuses.Flink; b != &PciBuses; b = b->Flink) {
        PCI_BUS *bus = CONTAINING_RECORD(b, PCI_BUS, Link);

        if (bus->Number < Port->Bus->Number || bus->Number > Port->Bus->Subordinate)
            continue;
        ExAcquireFastMutex(&bus->Lock);
        for (PLIST_ENTRY e = bus->Functions.Flink; e != &bus->Functions && count < MAX_FUNCTIONS; e = e->Flink) {
            PCI_FUNCTION *function = CONTAINING_RECORD(e, PCI_FUNCTION, Link);

            if (function->Present && function->PmCap != 0) {
                ObReferenceObject(function->Common.Self);
                Found[count++] = function;
            }
        }
        ExReleaseFastMutex(&bus->Lock);
    }
    ExReleaseFastMutex(&PciBusesLock);
    return count;
}

/* A function that has just changed its state must not be touched yet (PM 5.6.1), not even to see whether it was the one. PASSIVE_LEVEL. */
static VOID HandlePme(PCI_PORT *Port)
{
    PCI_FUNCTION *found[MAX_FUNCTIONS];
    LARGE_INTEGER millisecond = {.QuadPart = -10000};
    ULONG count = Waiters(Port, found);

    for (ULONG i = 0; i < count; i++) {
        while (!PciIsReady(found[i]))
            KeDelayExecutionThread(KernelMode, FALSE, &millisecond);
        PciSignalWake(found[i], FALSE);
        ObDereferenceObject(found[i]->Common.Self);
    }
}

static VOID Handle(PVOID Owner, LONG News)
{
    PCI_PORT *port = Owner;

    if (News & NEWS_ERROR)
        PciReportCorrected(port->Bus);
    if (News & NEWS_PME)
        HandlePme(port);
}

static LONG Collect(PVOID Owner)
{
    PCI_PORT *port = Owner;
    LONG news = 0;
    ULONG status;

    while ((status = PciRead32(port->At, port->Cap + ROOT_STATUS)) != 0xFFFFFFFF && (status & ROOT_PME)) {
        PciWrite32(port->At, port->Cap + ROOT_STATUS, ROOT_PME);
        news |= NEWS_PME;
    }
    if (port->Aer != 0 && PciCollectErrors(port->At, port->Aer))
        news |= NEWS_ERROR;
    return news;
}

static VOID Enable(PCI_PORT *Port, BOOLEAN On)
{
    USHORT control = PciRead16(Port->At, Port->Cap + ROOT_CONTROL);

    PciWrite16(Port->At, Port->Cap + ROOT_CONTROL, On ? control | ROOT_PME_ENABLE : control & ~ROOT_PME_ENABLE);
    if (Port->Aer != 0)
        PciEnableRootErrors(Port->At, Port->Aer, On);
}

/* Listen to the root port above Bus; other bridges have nothing to say. Called at its START, before its slot is in use. PASSIVE_LEVEL. */
NTSTATUS PciStartPort(PCI_BUS *Bus, PCM_RESOURCE_LIST Translated)
{
    PCI_FUNCTION *bridge = Bus->Bridge;
    NTSTATUS status;
    PCI_PORT *port;

    if (bridge->PcieCap == 0 || bridge->PcieType != TYPE_ROOT_PORT)
        return STATUS_SUCCESS;
    port = ExAllocatePoolWithTag(NonPagedPool, sizeof(*port), PCI_TAG);
    if (port == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    RtlZeroMemory(port, sizeof(*port));
    port->Bus = Bus;
    port->At = bridge->At;
    port->Cap = bridge->PcieCap;
    port->Aer = PciFindExtendedCapability(bridge->At, PCI_EXPRESS_ADVANCED_ERROR_REPORTING_CAP_ID);
    status = PciStartService(&port->Service, Bus, Translated, Collect, Handle, port);
    if (!NT_SUCCESS(status)) {
        ExFreePoolWithTag(port, PCI_TAG);
        /* What lies below works all the same. */
        KdLog(LOG_WARNING, "pci: the port above bus %u has no interrupt: no wake-up in S0, no error reports",
              Bus->Number);
        return status == STATUS_DEVICE_CONFIGURATION_ERROR ? STATUS_SUCCESS : status;
    }
    Collect(port); /* what is from before is nobody's */
    Bus->Port = port;
    Enable(port, TRUE);
    return STATUS_SUCCESS;
}

/* The port is going away. PASSIVE_LEVEL; waits for what is being handled. */
VOID PciStopPort(PCI_BUS *Bus)
{
    PCI_PORT *port = Bus->Port;

    if (port == NULL)
        return;
    Enable(port, FALSE);
    PciStopService(&port->Service);
    Bus->Port = NULL;
    ExFreePoolWithTag(port, PCI_TAG);
}

/* Has the port received PME? Takes it, so that its interrupt finds none, and leaves errors to that. S1: HIGH_LEVEL, interrupts off. */
BOOLEAN PciTakePme(PCI_BUS *Bus)
{
    PCI_PORT *port = Bus->Port;
    BOOLEAN pme = FALSE;
    ULONG status;

    while (port != NULL && (status = PciRead32(port->At, port->Cap + ROOT_STATUS)) != 0xFFFFFFFF &&
           (status & ROOT_PME)) {
        PciWrite32(port->At, port->Cap + ROOT_STATUS, ROOT_PME);
        pme = TRUE;
    }
    return pme;
}

/* After S3 the port is reset: listen again. PME that came meanwhile is found in the functions. PASSIVE_LEVEL. */
VOID PciResumePort(PCI_BUS *Bus)
{
    if (Bus->Port != NULL) {
        Collect(Bus->Port);
        Enable(Bus->Port, TRUE);
    }
}
