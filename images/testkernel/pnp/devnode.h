/* SPDX-License-Identifier: MIT */
/*
 * The device tree: one DEVICE_NODE (devnode) for each physical device object (PDO) that a bus driver reported.
 * States are those that WinDbg's !devnode shows. All walks and all state changes happen under the tree lock.
 */
#ifndef TESTKERNEL_PNP_DEVNODE_H
#define TESTKERNEL_PNP_DEVNODE_H

#include <ntifs.h>
#include <cfg.h>

typedef enum _PNP_DEVNODE_STATE {
    DeviceNodeUnspecified = 0x300,
    DeviceNodeUninitialized,     /* reported by its bus, IDs not yet read */
    DeviceNodeInitialized,       /* IDs, capabilities and instance path known */
    DeviceNodeDriversAdded,      /* every driver's AddDevice has succeeded */
    DeviceNodeResourcesAssigned, /* resources lists are filled in, or none are needed */
    DeviceNodeStartPending,      /* IRP_MN_START_DEVICE is under way */
    DeviceNodeStartCompletion,
    DeviceNodeStartPostWork,
    DeviceNodeStarted,
    DeviceNodeQueryStopped, /* stop-pending */
    DeviceNodeStopped,
    DeviceNodeRestartCompletion,
    DeviceNodeEnumeratePending,
    DeviceNodeEnumerateCompletion,
    DeviceNodeAwaitingQueuedDeletion, /* missing from bus relations, REMOVE not yet sent */
    DeviceNodeAwaitingQueuedRemoval,  /* failed or disabled, removal queued */
    DeviceNodeQueryRemoved,           /* remove-pending */
    DeviceNodeRemovePendingCloses,    /* surprise removed but reported by the bus; waits for the last close */
    DeviceNodeRemoved,                /* no drivers; the PDO is still there */
    DeviceNodeDeletePendingCloses,    /* surprise removed and gone; REMOVE waits for the last close */
    DeviceNodeDeleted,
} PNP_DEVNODE_STATE;

/* DEVICE_NODE.Flags */
#define DNF_ROOT_ENUMERATED 0x00000001 /* created by the root enumerator (ROOT\...) */
#define DNF_BUILTIN         0x00000002 /* its drivers are inside the kernel */
#define DNF_ENUMERATED      0x00000004 /* seen in the bus relations query that is being processed */
#define DNF_NEEDS_RELATIONS 0x00000008 /* its children are to be asked for */
#define DNF_NOT_DISABLEABLE 0x00000020 /* PNP_DEVICE_NOT_DISABLEABLE, here or below */
#define DNF_EJECTING        0x00000040
#define DNF_MISSING         0x00000080 /* no longer reported by its bus */
#define DNF_HAS_PROBLEM     0x00000100
#define DNF_NO_RESOURCES    0x00000200 /* needs no hardware resources */
#define DNF_DOCKED          0x00000800 /* a docking station whose arrival was agreed to and told */
#define DNF_GOES_WITH_PARENT                                                                                           \
    0x00000400 /* its bus goes away: the devnode goes after REMOVE, the PDO at the latest with the bus */

typedef struct _DEVICE_NODE {
    struct _DEVICE_NODE *Parent;
    struct _DEVICE_NODE *Child; /* first child */
    struct _DEVICE_NODE *LastChild;
    struct _DEVICE_NODE *Sibling; /* next child of the same parent */
    ULONG Level;                  /* 0 for the root */

    PDEVICE_OBJECT PhysicalDeviceObject;
    PNP_DEVNODE_STATE State;
    PNP_DEVNODE_STATE PreviousState;
    ULONG Flags;
    ULONG Problem; /* CM_PROB_*, 0 = none */
    NTSTATUS ProblemStatus;

    UNICODE_STRING InstancePath; /* PCI\VEN_...\3&... */
    UNICODE_STRING ServiceName;  /* of the function driver; empty while none is assigned */
    PWSTR HardwareIds;           /* REG_MULTI_SZ or NULL */
    PWSTR CompatibleIds;         /* REG_MULTI_SZ or NULL */
    PWSTR Description;           /* IRP_MN_QUERY_DEVICE_TEXT, or the INF's description once matched */
    PWSTR LocationInformation;
    PNP_BUS_INFORMATION BusInformation;
    BOOLEAN HasBusInformation;
    DEVICE_CAPABILITIES Capabilities;
    ULONG PnpState; /* PNP_DEVICE_* of the last IRP_MN_QUERY_PNP_DEVICE_STATE */

    /* Resources. All from pool; sizes by PnpResourceListSize. */
    PCM_RESOURCE_LIST BootResources;             /* IRP_MN_QUERY_RESOURCES */
    PIO_RESOURCE_REQUIREMENTS_LIST Requirements; /* IRP_MN_QUERY_RESOURCE_REQUIREMENTS, then filtered */
    PCM_RESOURCE_LIST RawResources;              /* as given to IRP_MN_START_DEVICE */
    PCM_RESOURCE_LIST TranslatedResources;
    NTSTATUS (*Arbiter)(struct _DEVICE_NODE *Node); /* of this bus: assigns resources to a child; see resource.h */

    /* Power, kept by po/. Written by PoSetPowerState and by IRP completion. */
    DEVICE_POWER_STATE DevicePowerState;
    SYSTEM_POWER_STATE SystemPowerState;
    PVOID PowerContext; /* po/'s own */

    /* The drivers of the stack, lower filters first; each counts this devnode in DRIVER_DATA.Devnodes. */
    struct _DRIVER_DATA *Drivers[8];
    ULONG DriverCount;
    LIST_ENTRY TargetNotifications; /* registrations for target-device change, see notify.c */
} DEVICE_NODE, *PDEVICE_NODE;

/* The devnode of a PDO, or NULL when this device object is no PDO. Any IRQL. */
PDEVICE_NODE PnpDevnodeOfPdo(PDEVICE_OBJECT Pdo);
/* The devnode of the stack that any device object (PDO, FDO, filter) belongs to, or NULL. IRQL <= DISPATCH_LEVEL. */
PDEVICE_NODE PnpDevnodeOfDeviceObject(PDEVICE_OBJECT DeviceObject);
/* Any IRQL, with the device lock held: a device object that the current thread attaches to Target is a bus filter (busfilter.c). */
BOOLEAN PnpIsBusFilter(PDEVICE_OBJECT Target);
/* The root of the tree (HTREE\ROOT\0); never NULL after IoInitSystem. */
PDEVICE_NODE PnpRootDevnode(void);

/*
 * The tree lock: held by the PnP manager for the whole of each operation (enumeration, start, removal), so whoever holds it
 * sees no half-done operation and starts none. The power manager holds it during a system transition. Recursive. PASSIVE_LEVEL.
 */
void PnpLockTree(void);
void PnpUnlockTree(void);
/* FALSE after Seconds without it; *Owner is then the thread that holds it. */
BOOLEAN PnpLockTreeInTime(ULONG Seconds, PETHREAD *Owner);
BOOLEAN PnpTreeLockedByMe(void);

/* Visits the subtree of Node, Node included. A visitor that returns FALSE ends the walk. The tree lock must be held. */
typedef BOOLEAN (*PNP_VISITOR)(PDEVICE_NODE Node, PVOID Context);
BOOLEAN PnpWalkParentsFirst(PDEVICE_NODE Node, PNP_VISITOR Visitor, PVOID Context);
BOOLEAN PnpWalkChildrenFirst(PDEVICE_NODE Node, PNP_VISITOR Visitor, PVOID Context);

/* How many devnodes there are, the root included. The tree lock must be held. */
ULONG PnpCountDevnodes(void);

/* Sets State and PreviousState. The tree lock must be held. */
void PnpSetState(PDEVICE_NODE Node, PNP_DEVNODE_STATE State);
void PnpSetProblem(PDEVICE_NODE Node, ULONG Problem, NTSTATUS Status);
void PnpClearProblem(PDEVICE_NODE Node);
/* TRUE when the drivers are up: Started up to EnumerateCompletion. Power IRPs go to these, and to stopped ones. */
BOOLEAN PnpIsStarted(PDEVICE_NODE Node);
const char *PnpStateName(PNP_DEVNODE_STATE State);
const char *PnpProblemName(ULONG Problem); /* "CM_PROB_..." or NULL for 0 */

#endif
