/* SPDX-License-Identifier: MIT */
/*
 * pci/aer.c - advanced error reporting (PCIe 6.2, 7.8.4). As with Windows' WHEA (Microsoft, "PCI Express Error Handling in Windows" and "Bug
 * Check 0x124"): a corrected error is logged, and an uncorrectable one that is fatal stops the system with WHEA_UNCORRECTABLE_ERROR,
 * parameter 1 = 4 (PCI Express), parameter 2 = the error record. An uncorrectable error that is not fatal is logged too: nothing below lost its link.
 */
#include "pci.h"
#include "hal/hal.h"
#include "kd/log.h"
#include "ke/bugcheck.h"

#ifndef WHEA_UNCORRECTABLE_ERROR
#define WHEA_UNCORRECTABLE_ERROR 0x124
#endif
#define SOURCE_PCI_EXPRESS 4

#define DEVICE_CONTROL        0x08 /* in the PCI Express capability */
#define DEVICE_CONTROL_REPORT 0x0007
#define UNCORRECTABLE_STATUS  0x04 /* in the AER capability */
#define UNCORRECTABLE_FATAL   0x0C /* severity: 1 = fatal */
#define CORRECTABLE_STATUS    0x10
#define ROOT_COMMAND          0x2C
#define ROOT_COMMAND_REPORT   0x0007
#define ROOT_STATUS           0x30
#define ROOT_STATUS_BITS      0x0000007F
#define ROOT_STATUS_FATAL     0x00000040
#define ROOT_SOURCE           0x34 /* low half: of the correctable error; high half: of the uncorrectable one */

/* UEFI 2.10, appendix N: the record header with one section, whose body begins as the PCI Express section does. */
#pragma pack(push, 1)
typedef struct _ERROR_RECORD {
    ULONG Signature; /* "CPER" */
    USHORT Revision;
    ULONG SignatureEnd;
    USHORT SectionCount;
    ULONG Severity; /* 1 = fatal */
    ULONG ValidBits, Length;
    ULONGLONG Timestamp;
    GUID Platform, Partition, Creator, NotifyType;
    ULONGLONG RecordId;
    ULONG Flags;
    ULONGLONG PersistenceInfo;
    UCHAR Reserved[12];
    struct {
        ULONG Offset, Length;
        USHORT Revision;
        UCHAR ValidBits, Reserved;
        ULONG Flags;
        GUID Type, Fru;
        ULONG Severity;
        UCHAR FruText[20];
    } Section;
    struct {
        ULONGLONG ValidBits;
        ULONG PortType, Version, CommandStatus, Reserved;
        USHORT VendorId, DeviceId;
        UCHAR ClassCode[3], Function, Device;
        USHORT Segment;
        UCHAR Bus, SecondaryBus;
        USHORT Slot;
        UCHAR Reserved2;
    } Express;
} ERROR_RECORD;
#pragma pack(pop)

static const GUID NotifyExpress = {0xCF93C01F, 0x1A16, 0x4DFC, {0xB8, 0xBC, 0x9C, 0x4D, 0xAF, 0x67, 0xC1, 0x04}};
static const GUID SectionExpress = {0xD995E954, 0xBBC1, 0x430F, {0xAD, 0x91, 0xB4, 0x4D, 0xCB, 0x3C, 0x6F, 0x35}};
static ERROR_RECORD Record;

static PCI_ADDRESS Source(USHORT Requester)
{
    return (PCI_ADDRESS){(UCHAR)(Requester >> 8), (UCHAR)(Requester >> 3 & 0x1F), (UCHAR)(Requester & 7)};
}

/* Let a function report its errors, if it can. At START and after a reset of its own; PASSIVE_LEVEL or with interrupts off. */
VOID PciEnableErrors(PCI_FUNCTION *Function)
{
    USHORT control;

    if (Function->PcieCap == 0 ||
        PciFindExtendedCapability(Function->At, PCI_EXPRESS_ADVANCED_ERROR_REPORTING_CAP_ID) == 0)
        return;
    control = PciRead16(Function->At, Function->PcieCap + DEVICE_CONTROL);
    PciWrite16(Function->At, Function->PcieCap + DEVICE_CONTROL, control | DEVICE_CONTROL_REPORT);
}

/* Whether a root port raises its interrupt for the three kinds of message. */
VOID PciEnableRootErrors(PCI_ADDRESS Port, USHORT Aer, BOOLEAN On)
{
    PciWrite32(Port, Aer + ROOT_COMMAND, On ? ROOT_COMMAND_REPORT : 0);
}

static DECLSPEC_NORETURN VOID StopFatal(PCI_ADDRESS At, ULONG Status)
{
    ULONG ids = PciRead32(At, PCI_VENDOR_ID), class = PciRead32(At, PCI_REVISION);

    Record = (ERROR_RECORD){.Signature = 'REPC',
                            .Revision = 0x0210,
                            .SignatureEnd = 0xFFFFFFFF,
                            .SectionCount = 1,
                            .Severity = 1,
                            .Length = sizeof(Record),
                            .NotifyType = NotifyExpress,
                            .Section = {.Offset = FIELD_OFFSET(ERROR_RECORD, Express),
                                        .Length = sizeof(Record.Express),
                                        .Revision = 0x0201,
                                        .Flags = 1, /* primary */
                                        .Type = SectionExpress,
                                        .Severity = 1},
                            .Express = {.ValidBits = 8, /* device id */
                                        .VendorId = (USHORT)ids,
                                        .DeviceId = (USHORT)(ids >> 16),
                                        .ClassCode = {(UCHAR)(class >> 8), (UCHAR)(class >> 16), (UCHAR)(class >> 24)},
                                        .Function = At.Function,
                                        .Device = At.Device,
                                        .Bus = At.Bus}};
    KdTrace("aer fatal bus=%u device=%u function=%u status=0x%x", At.Bus, At.Device, At.Function, Status);
    KeBugCheckReason(WHEA_UNCORRECTABLE_ERROR, SOURCE_PCI_EXPRESS, (ULONG_PTR)&Record, 0, 0, NULL,
                     "the PCI Express function %02x:%02x.%x (%04x:%04x) reported a fatal error: uncorrectable error "
                     "status 0x%08x. The hardware failed, no driver",
                     At.Bus, At.Device, At.Function, ids & 0xFFFF, ids >> 16, Status);
}

/*
 * From the port's service routine: take and clear what the root error status shows. TRUE: PciReportCorrected has something to do. Does
 * not return after a fatal error: its data may be everywhere already.
 */
BOOLEAN PciCollectErrors(PCI_ADDRESS Port, USHORT Aer)
{
    ULONG status = PciRead32(Port, Aer + ROOT_STATUS), source;
    PCI_ADDRESS at;
    USHORT capability;

    if (status == 0xFFFFFFFF || !(status & ROOT_STATUS_BITS))
        return FALSE;
    source = PciRead32(Port, Aer + ROOT_SOURCE);
    PciWrite32(Port, Aer + ROOT_STATUS, status & ROOT_STATUS_BITS);
    if (status & ROOT_STATUS_FATAL) {
        at = Source((USHORT)(source >> 16));
        capability = PciFindExtendedCapability(at, PCI_EXPRESS_ADVANCED_ERROR_REPORTING_CAP_ID);
        StopFatal(at, capability != 0 ? PciRead32(at, capability + UNCORRECTABLE_STATUS) : 0);
    }
    return TRUE;
}

/* A function's own status registers say which errors there were, also those that the root port had no room for. */
static VOID Report(PCI_ADDRESS At)
{
    USHORT aer = PciFindExtendedCapability(At, PCI_EXPRESS_ADVANCED_ERROR_REPORTING_CAP_ID);
    ULONG corrected, uncorrected;

    if (aer == 0)
        return;
    corrected = PciRead32(At, aer + CORRECTABLE_STATUS);
    uncorrected = PciRead32(At, aer + UNCORRECTABLE_STATUS) & ~PciRead32(At, aer + UNCORRECTABLE_FATAL);
    if (corrected == 0xFFFFFFFF)
        return;
    if (corrected != 0) {
        PciWrite32(At, aer + CORRECTABLE_STATUS, corrected);
        KdLog(LOG_WARNING, "whea: corrected hardware error, PCI Express function %02x:%02x.%x, status 0x%08x", At.Bus,
              At.Device, At.Function, corrected);
        KdTrace("aer corrected bus=%u device=%u function=%u status=0x%x", At.Bus, At.Device, At.Function, corrected);
    }
    if (uncorrected != 0) {
        PciWrite32(At, aer + UNCORRECTABLE_STATUS, uncorrected);
        KdLog(LOG_WARNING, "whea: recoverable hardware error, PCI Express function %02x:%02x.%x, status 0x%08x", At.Bus,
              At.Device, At.Function, uncorrected);
        KdTrace("aer nonfatal bus=%u device=%u function=%u status=0x%x", At.Bus, At.Device, At.Function, uncorrected);
    }
}

/* Log and clear the errors of the functions on Bus. One that has just changed its power state is given its time. PASSIVE_LEVEL. */
VOID PciReportCorrected(PCI_BUS *Bus)
{
    LARGE_INTEGER millisecond = {.QuadPart = -10000};

    ExAcquireFastMutex(&Bus->Lock);
    for (PLIST_ENTRY e = Bus->Functions.Flink; e != &Bus->Functions; e = e->Flink) {
        PCI_FUNCTION *function = CONTAINING_RECORD(e, PCI_FUNCTION, Link);

        while (function->Present && !PciIsReady(function))
            KeDelayExecutionThread(KernelMode, FALSE, &millisecond);
        if (function->Present && function->PcieCap != 0)
            Report(function->At);
    }
    ExReleaseFastMutex(&Bus->Lock);
}
