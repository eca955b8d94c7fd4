/* SPDX-License-Identifier: MIT */
/*
 * What the rest of the kernel (PCI bus driver, hot-plug, power manager, buddyctl) asks of the PnP manager.
 * Everything here runs at PASSIVE_LEVEL unless said otherwise.
 */
#ifndef TESTKERNEL_PNP_PNP_H
#define TESTKERNEL_PNP_PNP_H

#include "devnode.h"

/* Who refused a query, and why: the arguments of CfgMgr32's CM_Request_Device_Eject. */
typedef struct _PNP_VETO {
    PNP_VETO_TYPE Type;
    NTSTATUS Status; /* what the driver returned */
    WCHAR Name[200]; /* instance path of the device, or service name of the driver */
} PNP_VETO, *PPNP_VETO;

/*
 * Graceful removal in Windows' order (query target-device notifications, QUERY_REMOVE from the top of the subtree's leaves up,
 * open handles, then REMOVE). Waits until it is done. Not from a PnP thread or a driver's PnP dispatch routine: that deadlocks.
 * Returns STATUS_SUCCESS, STATUS_PLUGPLAY_QUERY_VETOED (Veto filled in) or STATUS_NO_SUCH_DEVICE.
 */
typedef enum _PNP_REMOVE_KIND {
    PnpRemoveDisable, /* stack torn down, PDO stays, CM_PROB_DISABLED */
    PnpRemoveUninstall, /* stack torn down; PDO stays, CM_PROB_REINSTALL until it is enumerated again; a software device goes */
    PnpRemoveRestart, /* stack torn down and built again */
    PnpRemoveUpdate,  /* stack torn down; update.c starts it again */
    PnpRemoveEject /* as Disable with CM_PROB_HELD_FOR_EJECT, then IRP_MN_EJECT to the PDO, then bus relations are read again */
} PNP_REMOVE_KIND;
NTSTATUS PnpQueryRemoveAndRemove(PDEVICE_OBJECT Pdo, PNP_REMOVE_KIND Kind, PPNP_VETO Veto);

/*
 * The same as PnpRemoveEject, but does not wait: Done (may be NULL) is called on the PnP event thread with the result, after
 * IRP_MN_EJECT has completed or after the cancel. The bus driver cuts slot power in its IRP_MN_EJECT handler. IRQL <= DISPATCH_LEVEL.
 */
typedef void (*PNP_EJECT_DONE)(PDEVICE_OBJECT Pdo, NTSTATUS Status, const PNP_VETO *Veto, PVOID Context);
NTSTATUS PnpRequestEject(PDEVICE_OBJECT Pdo, PNP_EJECT_DONE Done, PVOID Context);

/*
 * The device is gone from its slot. The bus driver marks its PDO missing and calls this (or IoInvalidateDeviceRelations of the bus;
 * both read the bus relations again: a PDO that is absent gets SURPRISE_REMOVAL, then REMOVE once the last handle is closed).
 * Does not wait. IRQL <= DISPATCH_LEVEL.
 */
void PnpSurpriseRemove(PDEVICE_OBJECT Pdo);

/*
 * Makes the INF of a driver package (Path: "folder\\x.inf") the driver of the present devices that it fits better than what they have, or with Force of all that
 * it fits, as DiInstallDriver does. Waits. *Restart: somebody kept the old driver from going, so that the new one is used only after a restart of the
 * system, or of the device. Errors: those of PnpAddToStore, STATUS_NO_MORE_ENTRIES (no device takes it).
 */
NTSTATUS PnpUpdateDriver(PCSTR Path, BOOLEAN Force, PBOOLEAN Restart);

/* Waits until every queued enumeration and event so far has been processed. For `buddyctl rescan` and the end of boot. */
void PnpWaitIdle(void);
/* Rebalance of one device: QUERY_STOP, STOP, FILTER_RESOURCE_REQUIREMENTS, new resources, START. As PnpQueryRemoveAndRemove. */
NTSTATUS PnpRebalance(PDEVICE_OBJECT Pdo, PPNP_VETO Veto);
NTSTATUS PnpEnable(PDEVICE_OBJECT Pdo);

/*
 * Drivers inside the kernel. DriverEntry fills DriverObject as any WDM driver does. The service needs no INF: devices whose hardware or
 * compatible ID equals Id (case-insensitive) get it. Call before IoInitSystem starts enumerating (from PciInitSystem etc).
 */
NTSTATUS PnpRegisterBuiltinDriver(const char *ServiceName, PDRIVER_INITIALIZE DriverEntry, const char *Id);
/*
 * A device below the root devnode, e.g. PnpAddRootDevice("ROOT\\PCI_HOST\\0000", "PCI host bridge"): its hardware ID is the part before
 * the instance ("ROOT\\PCI_HOST"). Built-in and `root=` devices are ordered by the boot option `first=`.
 */
NTSTATUS PnpAddRootDevice(const char *InstancePath, const char *Description);
/* The same at run time, for a driver that takes power IRPs at PASSIVE_LEVEL. The tree lock must be held; invalidate the root's relations then. */
NTSTATUS PnpAddSoftwareDevice(const char *InstancePath);

/* Sends one synchronous IRP_MJ_PNP to the top of the stack of DeviceObject; IoStatus starts as STATUS_NOT_SUPPORTED. */
NTSTATUS PnpSendIrp(PDEVICE_OBJECT DeviceObject, PIO_STACK_LOCATION Stack, PULONG_PTR Information);

#endif
