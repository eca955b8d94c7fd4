/* SPDX-License-Identifier: MIT */
/*
 * pci/pci.h - the built-in PCI bus driver (Windows' pci.sys): what its files share.
 *
 * A bus is an FDO (PCI_BUS), a function on it is a PDO (PCI_FUNCTION); a bridge is both: the PDO on the upper bus and
 * the FDO of the lower one, stacked on each other. Sources: PCI Express Base Specification 4.0 ("PCIe"), PCI Bus Power
 * Management Interface Specification 1.2 ("PM"), Microsoft's pages on PCI drivers.
 */
#ifndef PCI_PCI_H
#define PCI_PCI_H

#include "kernel.h"
#include "pnp/devnode.h"

#define PCI_TAG 0x42696350 /* "PciB" */

/* Where a function is. */
typedef struct _PCI_ADDRESS {
    UCHAR Bus, Device, Function;
} PCI_ADDRESS;

/* Offsets in configuration space (PCIe 7.5.1). */
#define PCI_VENDOR_ID       0x00
#define PCI_COMMAND         0x04
#define PCI_STATUS          0x06
#define PCI_REVISION        0x08
#define PCI_HEADER_TYPE     0x0E
#define PCI_BAR0            0x10
#define PCI_PRIMARY_BUS     0x18
#define PCI_SECONDARY_BUS   0x19
#define PCI_SUBORDINATE_BUS 0x1A
#define PCI_IO_BASE         0x1C
#define PCI_MEMORY_BASE     0x20
#define PCI_PREFETCH_BASE   0x24
#define PCI_PREFETCH_UPPER  0x28
#define PCI_IO_UPPER        0x30
#define PCI_CAPABILITIES    0x34
#define PCI_INTERRUPT_LINE  0x3C
#define PCI_INTERRUPT_PIN   0x3D
#define PCI_BRIDGE_CONTROL  0x3E

#define PCI_DECODES (PCI_ENABLE_IO_SPACE | PCI_ENABLE_MEMORY_SPACE)

typedef enum { PciWindowIo, PciWindowMemory, PciWindowPrefetch, PciWindows } PCI_WINDOW_KIND;

/* A range of addresses on a bus that is in use, or (in PCI_BUS.Window) that the bridge forwards. Both ends included. */
typedef struct _PCI_RANGE {
    LIST_ENTRY Link;
    struct _PCI_FUNCTION *Owner;
    ULONGLONG First, Last;
    BOOLEAN Forwarded; /* a window of the bridge Owner */
} PCI_RANGE;

/* A base address register as sizing found it (PCIe 7.5.1.2.1). Size 0: not implemented (or the upper half of a 64-bit one). */
typedef struct _PCI_BAR {
    ULONGLONG Size, Address;
    BOOLEAN Io, Prefetch, Wide;
} PCI_BAR;

#define PCI_MAX_MESSAGES 32

typedef enum { PciInterruptNone, PciInterruptLine, PciInterruptMsi, PciInterruptMsix } PCI_INTERRUPT_KIND;

/* The interrupt that a function was given: one vector, or one a message. */
typedef struct _PCI_INTERRUPT {
    PCI_INTERRUPT_KIND Kind;
    ULONG Count;
    ULONG Vector[PCI_MAX_MESSAGES];
    ULONG Gsi; /* PciInterruptLine only */
    KIRQL Irql;
} PCI_INTERRUPT;

typedef enum { PciNotStarted, PciStarted, PciStopped, PciSurpriseRemoved, PciRemoved } PCI_PNP_STATE;

/* What both kinds of device extension begin with. */
typedef struct _PCI_EXTENSION {
    BOOLEAN IsBus;
    PCI_PNP_STATE State;
    PDEVICE_OBJECT Self;
} PCI_EXTENSION;

/* What a port's interrupt sets going (service.c). */
typedef struct _PCI_SERVICE {
    LONG (*Collect)(PVOID Owner);
    VOID (*Handle)(PVOID Owner, LONG Events);
    PVOID Owner;
    PKINTERRUPT Interrupt;
    volatile LONG Events; /* collected and not yet handled */
    volatile LONG Queued;
    KDPC Dpc;
    PIO_WORKITEM Work;
    EX_RUNDOWN_REF Rundown; /* held by each work item that is queued or runs */
} PCI_SERVICE;

struct _PCI_SLOT;

/* Device extension of the FDO: a bus. Its lists are guarded by Lock (taken at IRQL <= APC_LEVEL). */
typedef struct _PCI_BUS {
    PCI_EXTENSION Common;
    LIST_ENTRY Link; /* in PciBuses */
    PDEVICE_OBJECT Pdo, Lower;
    struct _PCI_FUNCTION *Bridge; /* the bridge that leads here, NULL for the root bus */
    UCHAR Number, Subordinate;
    FAST_MUTEX Lock;
    LIST_ENTRY Functions;
    PCI_RANGE Window[PciWindows]; /* First > Last: closed */
    LIST_ENTRY Allocated[PciWindows];
    struct _PCI_SLOT *Slot; /* hot-plug controller of the port above this bus, or NULL */
    struct _PCI_PORT *Port; /* PME and errors of the root port above this bus, or NULL */
    POWER_STATE SystemState;
} PCI_BUS;

/* Device extension of the PDO: a function. */
typedef struct _PCI_FUNCTION {
    PCI_EXTENSION Common;
    LIST_ENTRY Link; /* in PCI_BUS.Functions */
    PCI_BUS *Bus;
    struct _PCI_BUS *Secondary; /* a bridge: the bus below */
    PCI_ADDRESS At;
    BOOLEAN Present;  /* the last scan saw it */
    BOOLEAN Reported; /* PnP has been told about the device object */
    BOOLEAN Removed;  /* REMOVE has been seen since it vanished */

    USHORT VendorId, DeviceId, SubsystemVendor, Subsystem;
    UCHAR Revision, ProgIf, SubClass, BaseClass, HeaderType;
    BOOLEAN HasSerial;
    ULONGLONG Serial; /* Device Serial Number capability (PCIe 7.9.3) */

    UCHAR PmCap, MsiCap, MsixCap, PcieCap; /* offsets, 0: none */
    UCHAR PcieType;                        /* PCIe 7.5.3.2 device/port type */
    USHORT PmSupport;                      /* PMC register (PM 3.2.3) */

    PCI_BAR Bar[PCI_TYPE0_ADDRESSES];
    UCHAR BarCount;
    USHORT BootCommand;   /* command register as found */
    BOOLEAN BarsAssigned; /* Bar[].Address are resources of ours */

    USHORT MsixCount;
    volatile ULONG *MsixTable; /* mapped while started with MSI-X */
    PCI_INTERRUPT Interrupt;
    ULONG MessageMask; /* bit set: masked (no handler is connected) */

    DEVICE_POWER_STATE PowerState;
    LARGE_INTEGER ReadyTime; /* interrupt time (100 ns) before which the function must not be touched (PM 5.6.1) */
    KSPIN_LOCK WakeLock;
    PIRP WaitWake;    /* pending wait/wake IRP, or NULL; under WakeLock */
    UCHAR Saved[256]; /* configuration header and capabilities before D3 or S3 */
    BOOLEAN SavedValid;
    struct _PCI_POWER_UP *PowerUp;
} PCI_FUNCTION;

extern LIST_ENTRY PciBuses;
extern FAST_MUTEX PciBusesLock;
extern PDRIVER_OBJECT PciDriverObject;

/* config.c */
VOID PciMapBus(UCHAR Bus);
ULONG PciRead(PCI_ADDRESS At, ULONG Offset, ULONG Size);
VOID PciWrite(PCI_ADDRESS At, ULONG Offset, ULONG Size, ULONG Value);
ULONG PciReadPorts(PCI_ADDRESS At, ULONG Offset);
VOID PciWritePorts(PCI_ADDRESS At, ULONG Offset, ULONG Value);
UCHAR PciFindCapability(PCI_ADDRESS At, UCHAR Id);
USHORT PciFindExtendedCapability(PCI_ADDRESS At, USHORT Id);
#define PciRead8(at, offset)          ((UCHAR)PciRead(at, offset, 1))
#define PciRead16(at, offset)         ((USHORT)PciRead(at, offset, 2))
#define PciRead32(at, offset)         PciRead(at, offset, 4)
#define PciWrite8(at, offset, value)  PciWrite(at, offset, 1, value)
#define PciWrite16(at, offset, value) PciWrite(at, offset, 2, value)
#define PciWrite32(at, offset, value) PciWrite(at, offset, 4, value)

/* bar.c */
VOID PciSizeBars(PCI_FUNCTION *Function);
VOID PciWriteBars(PCI_FUNCTION *Function);
PCI_WINDOW_KIND PciBarWindow(const PCI_BAR *Bar);

/* function.c */
NTSTATUS PciScanBus(PCI_BUS *Bus);
BOOLEAN PciSameFunction(PCI_FUNCTION *Function);
VOID PciSetDecodes(PCI_FUNCTION *Function, BOOLEAN On);
VOID PciDeleteFunction(PCI_FUNCTION *Function);

/* ids.c */
NTSTATUS PciQueryId(PCI_FUNCTION *Function, BUS_QUERY_ID_TYPE Type, PWSTR *Id);
NTSTATUS PciQueryText(PCI_FUNCTION *Function, DEVICE_TEXT_TYPE Type, PWSTR *Text);

/* requirements.c */
NTSTATUS PciQueryRequirements(PCI_FUNCTION *Function, PIO_RESOURCE_REQUIREMENTS_LIST *Requirements);
NTSTATUS PciQueryBootResources(PCI_FUNCTION *Function, PCM_RESOURCE_LIST *Resources);

/* arbiter.c */
NTSTATUS PciArbitrate(PDEVICE_NODE Node);
VOID PciReleaseResources(PCI_FUNCTION *Function);

/* windows.c */
VOID PciReadWindows(PCI_BUS *Bus);
NTSTATUS PciClaim(PCI_FUNCTION *Function, PCI_WINDOW_KIND Kind, ULONGLONG First, ULONGLONG Length);
NTSTATUS PciFindSpace(PCI_FUNCTION *Function, PCI_WINDOW_KIND Kind, ULONGLONG Length, ULONGLONG Alignment,
                      ULONGLONG Minimum, ULONGLONG Maximum, ULONGLONG Avoid, ULONGLONG *First);
VOID PciReleaseSpace(PCI_FUNCTION *Function, BOOLEAN Forwarded);
VOID PciClaimWindows(PCI_FUNCTION *Bridge);

/* route.c */
NTSTATUS PciRouteLine(PCI_FUNCTION *Function, PCI_INTERRUPT *Interrupt);
VOID PciFreeInterrupt(PCI_INTERRUPT *Interrupt);

/* message.c */
VOID PciProgramInterrupt(PCI_FUNCTION *Function);
VOID PciDisableInterrupt(PCI_FUNCTION *Function);
VOID PciMaskVector(ULONG Vector, BOOLEAN Mask);
VOID PciDescribeMessage(PCI_FUNCTION *Function, ULONG Message, PPHYSICAL_ADDRESS Address, PULONG Data);

/* pdo.c, fdo.c, power.c: dispatch by the kind of device object */
NTSTATUS PciDispatchFunctionPnp(PCI_FUNCTION *Function, PIRP Irp);
NTSTATUS PciDispatchBusPnp(PCI_BUS *Bus, PIRP Irp);
NTSTATUS PciDispatchFunctionPower(PCI_FUNCTION *Function, PIRP Irp);
NTSTATUS PciDispatchBusPower(PCI_BUS *Bus, PIRP Irp);
NTSTATUS PciSetFunctionPower(PCI_FUNCTION *Function, DEVICE_POWER_STATE State);
VOID PciQueryCapabilities(PCI_FUNCTION *Function, PDEVICE_CAPABILITIES Capabilities);
BOOLEAN PciIsReady(const PCI_FUNCTION *Function);

/* wake.c */
NTSTATUS PciWaitWake(PCI_FUNCTION *Function, PIRP Irp, PIO_STACK_LOCATION Stack);
BOOLEAN PciSignalWake(PCI_FUNCTION *Function, BOOLEAN Waking);
USHORT PciWakeBits(PCI_FUNCTION *Function);
DEVICE_POWER_STATE PciDeviceWake(const PCI_FUNCTION *Function);
SYSTEM_POWER_STATE PciSystemWake(const PCI_FUNCTION *Function);

/* port.c */
NTSTATUS PciStartPort(PCI_BUS *Bus, PCM_RESOURCE_LIST Translated);
VOID PciStopPort(PCI_BUS *Bus);
VOID PciResumePort(PCI_BUS *Bus);
BOOLEAN PciTakePme(PCI_BUS *Bus);

/* aer.c */
VOID PciEnableErrors(PCI_FUNCTION *Function);
VOID PciEnableRootErrors(PCI_ADDRESS Port, USHORT Aer, BOOLEAN On);
BOOLEAN PciCollectErrors(PCI_ADDRESS Port, USHORT Aer);
VOID PciReportCorrected(PCI_BUS *Bus);

/* context.c */
VOID PciSaveConfig(PCI_FUNCTION *Function);
VOID PciRestoreConfig(PCI_FUNCTION *Function, BOOLEAN Mastering);

/* interface.c */
NTSTATUS PciQueryInterface(PCI_FUNCTION *Function, PIO_STACK_LOCATION Stack, NTSTATUS Unchanged);
ULONG PciReadFunctionConfig(PCI_FUNCTION *Function, PVOID Buffer, ULONG Offset, ULONG Length);
ULONG PciWriteFunctionConfig(PCI_FUNCTION *Function, const VOID *Buffer, ULONG Offset, ULONG Length);

/* service.c */
NTSTATUS PciStartService(PCI_SERVICE *Service, PCI_BUS *Bus, PCM_RESOURCE_LIST Translated, LONG (*Collect)(PVOID Owner),
                         VOID (*Handle)(PVOID Owner, LONG Events), PVOID Owner);
VOID PciStopService(PCI_SERVICE *Service);

/* slot.c */
NTSTATUS PciStartSlot(PCI_BUS *Bus, PCM_RESOURCE_LIST Translated);
VOID PciStopSlot(PCI_BUS *Bus);
VOID PciSlotPowerOff(PCI_BUS *Bus);
BOOLEAN PciSlotPresent(PCI_BUS *Bus);
VOID PciResumeSlot(PCI_BUS *Bus);
ULONG PciSlotNumber(PCI_BUS *Bus);

/* sleep.c */
VOID PciSaveSystem(VOID);
VOID PciRestoreSystem(VOID);
BOOLEAN PciSystemWoken(VOID);
ULONG PciResumeSystem(BOOLEAN Reset);
VOID PciReenumerateSystem(VOID);

/* driver.c */
VOID PciInitSystem(VOID);
NTSTATUS NTAPI PciDriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath);
PCI_FUNCTION *PciFunctionOf(PDEVICE_OBJECT Pdo);

#endif
