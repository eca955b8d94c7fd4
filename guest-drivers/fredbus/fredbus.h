/* SPDX-License-Identifier: MIT */
/*
 * The Fred Bus driver: function driver of the controller (FDO) and bus driver of what is in its slots (PDOs).
 * Source: seed article "So You Wanna Be a Bus Driver?".
 *
 *   fredbus.c         the controller as a function device: resources, power, entry point
 *   enumerate.c       slots → PDOs
 *   relations.c       PDOs → bus relations
 *   service.c         the controller's interrupt
 *   hardware_slots.c  the slots of a controller
 *   static_slots.c    the slots of a bus without hardware (ROOT\FredBus)
 *   child_pnp.c       IRP_MJ_PNP and IRP_MJ_POWER of a PDO
 *   child_id.c        what a PDO says about itself: ids, texts, capabilities, bus information
 *   child_calls.c     the direct-call interface for the children's function drivers
 */
#ifndef FREDBUS_H
#define FREDBUS_H

#include "function_device.h"
#include "interrupt.h"
#include "registers.h"
#include "fred_interface.h"
#include "slots.h"
#include "buddy_ioctl.h"
#include "fredbus_regs.h"

#define MAX_SLOTS 32

/* Function.Settings of the controller. */
enum { SettingTraceDetail, SettingStaticToasters, SettingStaticOvens, SettingCount };

struct _BUS;
struct _STATIC_SLOT;

/* The extension of a PDO. */
typedef struct _CHILD {
    DEVICE_ROLE Role; /* first, RoleChild */
    PDEVICE_OBJECT Self;
    struct _BUS *Bus;
    ULONG Slot;
    ULONG Number; /* instance number: counts up, never used twice */
    SLOT_CONTENT Content;
    ULONG Property;
    ULONG Colour;
    LIST_ENTRY Entry; /* in BUS.Children */

    /* Under BUS.ChildrenLock. */
    BOOLEAN Present;         /* the hardware is in the slot */
    BOOLEAN ReportedMissing; /* a relations query has left it out: the next REMOVE is its end */
    BOOLEAN
    EjectAsked; /* hardware asked, IoRequestDeviceEject was called; cleared by the PnP IRP that answers, or by departure */

    /* Under BUS.HardwareLock: what the direct calls and the DPC look at. */
    BOOLEAN Powered; /* the child is in D0 and started */
    BOOLEAN Gone;    /* Present became FALSE */
    FRED_WORK_DONE *Done;
    PVOID DoneContext;

    volatile LONG InterfaceReferences;
} CHILD, *PCHILD;

typedef struct _BUS {
    FUNCTION_DEVICE Function; /* first */
    const SLOT_OPERATIONS *Slots;
    struct _STATIC_SLOT *Static; /* of a bus without hardware: its slots; NULL: there is hardware */
    PUCHAR Registers;            /* BAR0, mapped */
    SIZE_T RegistersLength;
    ULONG SlotCount;
    INTERRUPT Interrupt;
    KDPC Dpc;
    BOOLEAN InterruptsOn;       /* under the interrupt's lock: the service routine may touch the hardware */
    volatile LONG BusCauses;    /* INT_STATUS change and eject, from the service routine to the DPC */
    volatile LONG ChildrenDone; /* mask of slots */
    PIO_WORKITEM EnumerateItem;
    volatile LONG EnumerateQueued;

    KMUTEX ChildrenLock;
    LIST_ENTRY Children; /* CHILD.Entry */
    ULONG NextNumber;

    KSPIN_LOCK HardwareLock; /* slot registers by direct calls; BySlot */
    BOOLEAN Powered;         /* the controller is in D0 */
    PCHILD BySlot[MAX_SLOTS];
} BUS, *PBUS;

static inline PBUS Bus(PFUNCTION_DEVICE Device)
{
    return (PBUS)Device;
}

static inline PCHILD Child(PDEVICE_OBJECT DeviceObject)
{
    return (PCHILD)DeviceObject->DeviceExtension;
}

#define BusRead(bus, reg)             RegisterRead((bus)->Registers, fredbus_t, reg)
#define BusWrite(bus, reg, value)     RegisterWrite((bus)->Registers, fredbus_t, reg, value)
#define SlotBase(bus, n)              ((bus)->Registers + FIELD_OFFSET(fredbus_t, slot) + (n) * sizeof(fred_slot__stride40_t))
#define SlotRead(bus, n, reg)         RegisterRead(SlotBase(bus, n), fred_slot__stride40_t, reg)
#define SlotWrite(bus, n, reg, value) RegisterWrite(SlotBase(bus, n), fred_slot__stride40_t, reg, value)

/* enumerate.c */
VOID EnumerateInitialize(PBUS Bus);
/* Has a work item compare the slots with the children. IRQL <= DISPATCH_LEVEL. */
VOID EnumerateQueue(PBUS Bus);
/* The controller was surprise-removed: so were all its children. PASSIVE_LEVEL. */
VOID EnumerateAllGone(PBUS Bus);
/* Deletes the PDOs that are left when the controller itself is removed. PASSIVE_LEVEL. */
VOID DeleteChildren(PBUS Bus);
/* A PDO's REMOVE after it was reported missing: unlinks and deletes. PASSIVE_LEVEL. */
VOID DeleteChild(PCHILD Child);
/* The hardware behind the PDO is not there any more. ChildrenLock held. */
VOID ChildGone(PCHILD Child);

/* The lock of the list of children. PASSIVE_LEVEL. */
VOID LockChildren(PBUS Bus);
VOID UnlockChildren(PBUS Bus);

/* relations.c */
/* QUERY_DEVICE_RELATIONS of the controller. PASSIVE_LEVEL. */
NTSTATUS QueryBusRelations(PFUNCTION_DEVICE Device, PIRP Irp);

/* service.c */
NTSTATUS BusConnectInterrupt(PBUS Bus);
/* Lets the service routine touch the hardware, or no longer. IRQL <= DIRQL. */
VOID BusSwitchInterrupts(PBUS Bus, BOOLEAN On);

/* child_pnp.c */
NTSTATUS ChildPnp(PDEVICE_OBJECT DeviceObject, PIRP Irp);
NTSTATUS ChildPower(PDEVICE_OBJECT DeviceObject, PIRP Irp);

/* child_id.c: each answers its IRP's status; *Information as Irp->IoStatus. PASSIVE_LEVEL. */
NTSTATUS ChildQueryId(PCHILD Child, PIO_STACK_LOCATION Stack, NTSTATUS Status, ULONG_PTR *Information);
NTSTATUS ChildQueryText(PCHILD Child, PIO_STACK_LOCATION Stack, NTSTATUS Status, ULONG_PTR *Information);
NTSTATUS ChildQueryCapabilities(PCHILD Child, PIO_STACK_LOCATION Stack);
NTSTATUS ChildQueryBusInformation(PCHILD Child, ULONG_PTR *Information);

/* child_calls.c */
/* IRP_MN_QUERY_INTERFACE; Status is the answer to interfaces that the bus does not have. */
NTSTATUS ChildQueryInterface(PCHILD Child, PIO_STACK_LOCATION Stack, NTSTATUS Status);
/* Switches the child, if the hardware is there. IRQL <= DISPATCH_LEVEL. */
VOID ChildSwitch(PCHILD Child, BOOLEAN On);
/* Answers an eject request: lets the child go, or keeps it. IRQL <= DISPATCH_LEVEL. */
VOID ChildAnswerEject(PCHILD Child, BOOLEAN Eject);
/* The child in Slot has done its work. DISPATCH_LEVEL. */
VOID ChildWorkDone(PBUS Bus, ULONG Slot);

#endif
