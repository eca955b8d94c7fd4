/* SPDX-License-Identifier: MIT */
/* What the files of pnp/ share. PASSIVE_LEVEL with the tree lock held, unless said otherwise. */
#ifndef PNP_INTERNAL_H
#define PNP_INTERNAL_H
#include "io/io.h"
#include "pnp/pnp.h"
#include "pnp/resource.h"

#define PNP_TAG ' pnP'

/* devnode.c */
VOID PnpInitTree(VOID);
PDEVICE_NODE PnpCreateDevnode(PDEVICE_OBJECT Pdo, PDEVICE_NODE Parent);
void PnpDeleteDevnode(PDEVICE_NODE Node);
void PnpFreeNodeInfo(PDEVICE_NODE Node);

/* As PnpSendIrp, with another major function if Stack has one; *Completer is the device object whose driver called IoCompleteRequest first. */
NTSTATUS PnpSendIrpTo(PDEVICE_OBJECT DeviceObject, PIO_STACK_LOCATION Stack, PULONG_PTR Information,
                      PDEVICE_OBJECT *Completer);
/* irp.c: one IRP_MJ_PNP with nothing but a minor code, to the top of the stack. */
NTSTATUS PnpSendMinor(PDEVICE_NODE Node, UCHAR Minor);
/* IRP_MN_QUERY_DEVICE_RELATIONS. *Relations is NULL when the stack reports none. The caller frees it and its references. */
NTSTATUS PnpQueryRelations(PDEVICE_NODE Node, DEVICE_RELATION_TYPE Type, PDEVICE_RELATIONS *Relations);
NTSTATUS PnpQueryId(PDEVICE_NODE Node, BUS_QUERY_ID_TYPE Type, PWSTR *Id);
NTSTATUS PnpQueryText(PDEVICE_NODE Node, DEVICE_TEXT_TYPE Type, PWSTR *Text);
NTSTATUS PnpQueryCapabilities(PDEVICE_NODE Node);
NTSTATUS PnpStartStack(PDEVICE_NODE Node);
NTSTATUS PnpQueryState(PDEVICE_NODE Node);

/* identify.c: IDs, instance path, capabilities, texts, resources of a new devnode. */
NTSTATUS PnpIdentify(PDEVICE_NODE Node);
/* The device's IDs in its Enum key. */
VOID PnpWriteEnumKey(PDEVICE_NODE Node);

/* start.c: takes a devnode as far as it gets, and then its children. */
VOID PnpProcess(PDEVICE_NODE Node);
/* Ends the stack's life after IRP_MN_REMOVE_DEVICE: forgets the drivers and unloads those that nobody needs. */
VOID PnpForgetDrivers(PDEVICE_NODE Node);
/* rebalance.c. Errors: STATUS_PLUGPLAY_QUERY_VETOED (all are started as before), STATUS_INVALID_DEVICE_STATE, and what Node failed to start with. */
NTSTATUS PnpStopAndRestart(PDEVICE_NODE Node, PPNP_VETO Veto);
/* start.c: Node->Requirements, as the bus and the function driver see them now. */
VOID PnpAskRequirements(PDEVICE_NODE Node);
/* start.c, after each start and after IoInvalidateDeviceState: asks for PNP_DEVICE_*; a device that failed is removed. */
VOID PnpApplyState(PDEVICE_NODE Node);

VOID PnpStateInvalidated(PDEVICE_NODE Node);
/*
 * remove.c: a started or stopped device that must go, with all below it, although its hardware is still reported (SURPRISE_REMOVAL, then REMOVE after the
 * last close). Its bus keeps the PDO.
 */
VOID PnpFailStarted(PDEVICE_NODE Node, ULONG Problem);
VOID PnpFillVeto(PPNP_VETO Veto, PNP_VETO_TYPE Type, NTSTATUS Status, PCUNICODE_STRING Name);

/* busfilter.c. The bus filters of a stack, referenced, and what each was attached to, before IRP_MN_REMOVE_DEVICE; and the checks after it. */
#define MAX_BUS_FILTERS 8
typedef struct _BUS_FILTERS {
    PDEVICE_OBJECT Filter[MAX_BUS_FILTERS], Below[MAX_BUS_FILTERS];
    ULONG Count;
} BUS_FILTERS, *PBUS_FILTERS;
VOID PnpNoteBusFilters(PDEVICE_OBJECT Pdo, PBUS_FILTERS Filters);
VOID PnpCheckBusFilters(PDEVICE_NODE Node, PBUS_FILTERS Filters, BOOLEAN PdoStays);
/* The lowest device object above the PDO that an AddDevice routine attached, or NULL. */
PDEVICE_OBJECT PnpAboveBusFilters(PDEVICE_OBJECT Pdo);
/* The current thread begins or has ended an AddDevice routine. */
VOID PnpNoteAddDevice(BOOLEAN Begin);

/* unknown.c: fake IRPs, for a started device. */
VOID PnpSendUnknown(PDEVICE_NODE Node);

/* enumerate.c: reads the bus relations; new children are created, missing ones are queued for removal. */
NTSTATUS PnpEnumerate(PDEVICE_NODE Node);

/* request.c: 0xCA/2, blaming Caller, unless Pdo is one. */
VOID PnpRequirePdo(PCSTR Function, PDEVICE_OBJECT Pdo, PVOID Caller);

/* remove.c */
/* All Targets go, or none. Those that went with a bus which is a target too are NULL afterwards. */
NTSTATUS PnpRemoveGracefully(PDEVICE_NODE *Targets, ULONG Count, PNP_REMOVE_KIND Kind, PPNP_VETO Veto);
VOID PnpSurpriseRemoveSubtree(PDEVICE_NODE Node);
VOID PnpFinishPendingCloses(VOID);
/* IRP_MN_REMOVE_DEVICE to one stack, and what follows. */
VOID PnpRemoveStack(PDEVICE_NODE Node);

/* event.c: two threads, as on Windows: device actions (enumerate, start) and device events (removal, notification). Any thread may queue. */
typedef enum _PNP_EVENT_KIND {
    PnpEventEnumerate,     /* action: Pdo */
    PnpEventEnable,        /* action: Pdo; it is no longer disabled */
    PnpEventStart,         /* action: Pdo: what kept it from starting is over */
    PnpEventSurprise,      /* event: Pdo is missing */
    PnpEventRemove,        /* event: Pdo, Kind, Veto */
    PnpEventRebalance,     /* event: Pdo */
    PnpEventPendingCloses, /* event */
    PnpEventInterface,     /* event: Guid, Link */
    PnpEventCustom,        /* event: Pdo, Custom */
    PnpEventUnload,        /* event: Name is a service that may be unloaded now */
    PnpEventStateChanged,  /* action: Pdo (IoInvalidateDeviceState) */
    PnpEventUpdate,        /* event: Update */
} PNP_EVENT_KIND;

typedef struct _PNP_EVENT {
    LIST_ENTRY Link;
    PNP_EVENT_KIND Kind;
    PDEVICE_OBJECT Pdo; /* referenced, or NULL */
    PNP_REMOVE_KIND Remove;
    PNP_VETO Veto;
    NTSTATUS Status;
    PKEVENT Done; /* set when processed; the event then belongs to the waiter */
    PNP_EJECT_DONE EjectDone;
    PVOID Context;
    GUID Guid;
    GUID InterfaceEvent;
    PWSTR Name; /* PnpSetEventName */
    PTARGET_DEVICE_CUSTOM_NOTIFICATION Custom;
    PDEVICE_CHANGE_COMPLETE_CALLBACK CustomDone;
    struct _PNP_UPDATE *Update;
} PNP_EVENT, *PPNP_EVENT;
/* IRQL <= DISPATCH_LEVEL, no lock needed. NULL: no memory. */
PPNP_EVENT PnpNewEvent(PNP_EVENT_KIND Kind, PDEVICE_OBJECT Pdo);
/* Copies Name into the event. FALSE: no memory. */
BOOLEAN PnpSetEventName(PPNP_EVENT Event, PCUNICODE_STRING Name);
VOID PnpQueueEvent(PPNP_EVENT Event);
VOID PnpFreeEvent(PPNP_EVENT Event);
/* Queues Event and waits for it. PASSIVE_LEVEL, tree lock not held. */
NTSTATUS PnpRunEvent(PPNP_EVENT Event);
VOID PnpStartThreads(VOID);
BOOLEAN PnpOnPnpThread(VOID);

/* update.c, on the event thread: removes the devices that are to get another driver. */
NTSTATUS PnpRemoveForUpdate(struct _PNP_UPDATE *Update, PPNP_VETO Veto);

/* notify.c */
VOID PnpInitNotify(VOID);
NTSTATUS PnpNotifyTargetQuery(PDEVICE_NODE Node, PPNP_VETO Veto);
VOID PnpNotifyTarget(PDEVICE_NODE Node, const GUID *Event);
VOID PnpNotifyTargetCustom(PDEVICE_NODE Node, PTARGET_DEVICE_CUSTOM_NOTIFICATION Custom);
VOID PnpNotifyInterface(const GUID *Event, const GUID *Class, PUNICODE_STRING Link);
VOID PnpOrphanNotifications(PDEVICE_NODE Node);
/* Registrations for EventCategoryHardwareProfileChange; a refusal has been cancelled for those who had agreed. */
NTSTATUS PnpNotifyProfileQuery(PPNP_VETO Veto);
VOID PnpNotifyProfile(const GUID *Event);

/* ../io/interface.c */
/* Interfaces of Node that are enabled: disables them all; returns how many there were, the first one's name in Name. */
ULONG IopDisableInterfaces(PDEVICE_NODE Node, PWCHAR Name, ULONG Characters);
/* The device has started: interfaces that it enabled meanwhile are there now. */
VOID IopExposeHeldInterfaces(PDEVICE_NODE Node);
/* Calls Visit for each enabled interface, or with Disabled for each one, of Class (NULL: any) and Node (NULL: any). Takes no tree lock. */
typedef VOID (*INTERFACE_VISITOR)(const GUID *Class, PUNICODE_STRING Link, PDEVICE_NODE Node, PVOID Context);
VOID IopVisitInterfaces(const GUID *Class, PDEVICE_NODE Node, BOOLEAN Disabled, INTERFACE_VISITOR Visit, PVOID Context);
/* FALSE: nobody registered that symbolic link. PASSIVE_LEVEL. */
BOOLEAN IopFindInterface(PCUNICODE_STRING Link, GUID *Class, PBOOLEAN Enabled);
PWCHAR IopGuidText(const GUID *Guid, PWCHAR Text /* [39] */);

/* store.c reads the INF modules; install.c finds the service of a devnode and writes its registry keys. */
VOID PnpReadInfs(VOID);
NTSTATUS PnpFindDriver(PDEVICE_NODE Node);
/* Uninstalled: its keys go, so that it is installed anew if it is ever enumerated again. */
VOID PnpForgetInstallation(PDEVICE_NODE Node);
/* The user's wish, kept in the Enum key (ConfigFlags, CONFIGFLAG_DISABLED): it outlives the devnode, not an uninstallation. */
VOID PnpSetDisabled(PDEVICE_NODE Node, BOOLEAN Disabled);
BOOLEAN PnpIsDisabled(PDEVICE_NODE Node);
/* Filter services of the devnode's Enum key (UpperFilters, LowerFilters), REG_MULTI_SZ in Buffer; empty when there are none. */
VOID PnpFilters(PDEVICE_NODE Node, PCWSTR ValueName, PWCHAR Buffer, ULONG Characters);

/* builtin.c */
BOOLEAN PnpBuiltinService(PCWSTR Id, PWCHAR Service, ULONG Characters);
PDRIVER_INITIALIZE PnpBuiltinEntry(PCUNICODE_STRING ServiceName);
/* root.c */
NTSTATUS PnpCreateRoot(VOID);
/*
 * Tree locked. FALSE if Pdo is no software device (PnpAddSoftwareDevice, `root=`); else it is not reported any more, and the next IRP_MN_REMOVE_DEVICE
 * deletes it.
 */
BOOLEAN PnpForgetSoftwareDevice(PDEVICE_OBJECT Pdo);

/* Small string helpers for REG_MULTI_SZ and copies. */
PWSTR PnpCopyString(PCWSTR Text);
NTSTATUS PnpSetUnicode(PUNICODE_STRING String, PCWSTR Text);

#endif
