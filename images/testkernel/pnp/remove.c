/* SPDX-License-Identifier: MIT */
/*
 * The end of a device stack: surprise removal, removal when the last handle closes, and what every IRP_MN_REMOVE_DEVICE is checked for.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/handling-an-irp-mn-surprise-removal-request
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/handling-an-irp-mn-remove-device-request
 */
#include "pnp/internal.h"
#include "kd/log.h"
#include <wdmguid.h>

static volatile LONG PendingCloses; /* devnodes that wait for their last handle */

static VOID CheckRemoved(PDEVICE_NODE Node, PDRIVER_DATA Function, NTSTATUS Status)
{
    PDEVICE_OBJECT Pdo = Node->PhysicalDeviceObject;
    BOOLEAN Stays = !(Node->Flags & (DNF_MISSING | DNF_GOES_WITH_PARENT));
    PDEVICE_OBJECT Left = Stays ? PnpAboveBusFilters(Pdo) : Pdo->AttachedDevice;
    WCHAR Name[200];
    PVOID Dispatch = Function ? (PVOID)Function->Object.MajorFunction[IRP_MJ_PNP] : NULL;
    if (!NT_SUCCESS(Status)) {
        IoStopRule(0x247, Dispatch, NULL, Pdo,
                   "IRP_MN_REMOVE_DEVICE for %wZ was failed with 0x%08x: drivers must not fail it", &Node->InstancePath,
                   Status);
    }
    if (Left) {
        IoStopRule(0x21D, (PVOID)Left->DriverObject->MajorFunction[IRP_MJ_PNP], NULL, Left,
                   "%wZ did not detach its device object from %wZ when it handled IRP_MN_REMOVE_DEVICE",
                   &Left->DriverObject->DriverName, &Node->InstancePath);
    }
    if (Function && Function->Devnodes == 1 && Function->Object.DriverUnload && Function->Image) {
        /* The last device: device objects that are attached to nothing are left-overs (a control device object has a name). */
        PDEVICE_OBJECT Device;
        for (Device = Function->Object.DeviceObject; Device; Device = Device->NextDevice) {
            if (!(Device->Flags & DO_DEVICE_HAS_NAME) && !(IoExtra(Device)->ExtensionFlags & DOE_DELETE_PENDING) &&
                !IoExtra(Device)->DeviceNode && !IoExtra(Device)->BusFilter) {
                IoStopRule(0x21E, Dispatch, NULL, Device,
                           "%wZ did not delete its device object for %wZ when it handled IRP_MN_REMOVE_DEVICE",
                           &Function->ServiceName, &Node->InstancePath);
            }
        }
    }
    if (IoExtra(Pdo)->ExtensionFlags & DOE_DELETE_PENDING) {
        if (Stays) {
            IoStopRule(0x221, (PVOID)Pdo->DriverObject->MajorFunction[IRP_MJ_PNP], NULL, Pdo,
                       "the bus driver deleted the PDO of %wZ, but the device has not been reported missing in a bus "
                       "relations query",
                       &Node->InstancePath);
        }
    } else if (Node->Flags & DNF_MISSING) {
        IoStopRule(0x21E, (PVOID)Pdo->DriverObject->MajorFunction[IRP_MJ_PNP], NULL, Pdo,
                   "the bus driver did not delete the PDO of %wZ on IRP_MN_REMOVE_DEVICE although it had reported the "
                   "device missing",
                   &Node->InstancePath);
    }
    if (IopDisableInterfaces(Node, Name, COUNT_OF(Name)) && Function) {
        /* https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iosetdeviceinterfacestate: drivers disable them at removal. */
        IoStop(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_INTERFACE_LEFT, (ULONG_PTR)Pdo, 0, 0, Dispatch,
               "device interface %ws was still enabled after IRP_MN_REMOVE_DEVICE: call "
               "IoSetDeviceInterfaceState(FALSE) when the device goes",
               Name);
    }
}

VOID PnpRemoveStack(PDEVICE_NODE Node)
{
    PDRIVER_DATA Function = NULL;
    BUS_FILTERS Filters;
    NTSTATUS Status;
    ULONG I;
    for (I = 0; I < Node->DriverCount; I++) {
        if (ObpEqualNames(&Node->Drivers[I]->ServiceName, &Node->ServiceName)) {
            Function = Node->Drivers[I];
        }
    }
    IopMarkStack(Node->PhysicalDeviceObject, DOE_REMOVE_PROCESSED, 0);
    PnpNoteBusFilters(Node->PhysicalDeviceObject, &Filters);
    Status = PnpSendMinor(Node, IRP_MN_REMOVE_DEVICE);
    KdTrace("remove instance=%wZ status=0x%08x", &Node->InstancePath, Status);
    PnpCheckBusFilters(Node, &Filters, !(Node->Flags & (DNF_MISSING | DNF_GOES_WITH_PARENT)));
    CheckRemoved(Node, Function, Status);
    PnpFreeResources(Node);
    Node->DevicePowerState = PowerDeviceUnspecified;
    PnpSetState(Node, DeviceNodeRemoved);
    PnpForgetDrivers(Node);
    if (!(Node->Flags & (DNF_MISSING | DNF_GOES_WITH_PARENT))) {
        IopMarkStack(Node->PhysicalDeviceObject, 0, DOE_REMOVE_PENDING | DOE_REMOVE_PROCESSED | DOE_START_PENDING);
    }
}

static BOOLEAN HasStack(PDEVICE_NODE Node)
{
    switch (Node->State) {
    case DeviceNodeUninitialized:
    case DeviceNodeInitialized:
    case DeviceNodeRemoved:
        return FALSE;
    default:
        return TRUE;
    }
}

/* Context: the devnode that its bus reported missing, or NULL when the hardware is still there. */
static BOOLEAN SendSurprise(PDEVICE_NODE Node, PVOID Context)
{
    PNP_DEVNODE_STATE State = Node->State;
    NTSTATUS Status;
    if (Context) {
        Node->Flags |= Node == Context ? DNF_MISSING : DNF_GOES_WITH_PARENT;
    }
    if (State == DeviceNodeDeletePendingCloses || State == DeviceNodeRemovePendingCloses) {
        return TRUE;
    }
    IopMarkStack(Node->PhysicalDeviceObject, DOE_REMOVE_PENDING, 0);
    if (PnpIsStarted(Node) || State == DeviceNodeQueryStopped || State == DeviceNodeStopped ||
        State == DeviceNodeQueryRemoved) {
        Status = PnpSendMinor(Node, IRP_MN_SURPRISE_REMOVAL);
        KdTrace("surprise-removal instance=%wZ status=0x%08x", &Node->InstancePath, Status);
        if (!NT_SUCCESS(Status) && Status != STATUS_NOT_SUPPORTED) {
            IoStopRule(0x247,
                       (PVOID)IoGetAttachedDevice(Node->PhysicalDeviceObject)->DriverObject->MajorFunction[IRP_MJ_PNP],
                       NULL, Node->PhysicalDeviceObject,
                       "IRP_MN_SURPRISE_REMOVAL for %wZ was failed with 0x%08x: drivers must not fail it",
                       &Node->InstancePath, Status);
        }
        if (Node->DriverCount && !PnpAboveBusFilters(Node->PhysicalDeviceObject)) {
            IoStopRule(0x241, (PVOID)Node->Drivers[0]->Object.MajorFunction[IRP_MJ_PNP], NULL,
                       Node->PhysicalDeviceObject,
                       "a driver detached its device object from %wZ on IRP_MN_SURPRISE_REMOVAL: it must wait for "
                       "IRP_MN_REMOVE_DEVICE",
                       &Node->InstancePath);
        }
    }
    PnpSetState(Node, Node->Flags & (DNF_MISSING | DNF_GOES_WITH_PARENT) ? DeviceNodeDeletePendingCloses
                                                                         : DeviceNodeRemovePendingCloses);
    InterlockedIncrement(&PendingCloses);
    return TRUE;
}

/* "The PnP manager then notifies": after SURPRISE_REMOVAL, so there is a window in which the notified driver still believes in its device. */
static BOOLEAN NotifyComplete(PDEVICE_NODE Node, PVOID Context)
{
    PnpNotifyTarget(Node, &GUID_TARGET_DEVICE_REMOVE_COMPLETE);
    return TRUE;
}

/* A device that was found at a new place before its removal from the old one was done (CM_PROB_DUPLICATE_DEVICE) may start now. */
static BOOLEAN StartDuplicate(PDEVICE_NODE Node, PVOID Context)
{
    PDEVICE_NODE Gone = Context;
    PPNP_EVENT Event;
    if (Node != Gone && Node->Problem == CM_PROB_DUPLICATE_DEVICE &&
        ObpEqualNames(&Node->InstancePath, &Gone->InstancePath) &&
        (Event = PnpNewEvent(PnpEventStart, Node->PhysicalDeviceObject)) != NULL) {
        PnpQueueEvent(Event);
    }
    return TRUE;
}

static BOOLEAN FinishIfClosed(PDEVICE_NODE Node, PVOID Context)
{
    if (Node->State != DeviceNodeDeletePendingCloses && Node->State != DeviceNodeRemovePendingCloses) {
        return TRUE;
    }
    if (Node->Child) {
        return TRUE; /* the children first */
    }
    if (IopHandlesOfStack(Node->PhysicalDeviceObject)) {
        KdLog(LOG_INFO, "removal of %wZ waits until its last handle is closed", &Node->InstancePath);
        return TRUE;
    }
    InterlockedDecrement(&PendingCloses);
    PnpRemoveStack(Node);
    if (Node->Flags & (DNF_MISSING | DNF_GOES_WITH_PARENT)) {
        PnpWalkParentsFirst(PnpRootDevnode(), StartDuplicate, Node);
        PnpDeleteDevnode(Node);
    }
    return TRUE;
}

VOID PnpSurpriseRemoveSubtree(PDEVICE_NODE Node)
{
    if (!HasStack(Node) && !Node->Child) {
        /* Nothing runs on it: it is simply removed, so that the bus driver deletes the PDO. */
        IopMarkStack(Node->PhysicalDeviceObject, DOE_REMOVE_PENDING, 0);
        PnpNotifyTarget(Node, &GUID_TARGET_DEVICE_REMOVE_COMPLETE);
        PnpSetState(Node, DeviceNodeDeletePendingCloses);
        InterlockedIncrement(&PendingCloses);
    } else {
        PnpWalkChildrenFirst(Node, SendSurprise, Node);
        PnpWalkChildrenFirst(Node, NotifyComplete, NULL);
    }
    PnpWalkChildrenFirst(Node, FinishIfClosed, NULL);
}

/* Children of a device that fails: they were not reported missing, their PDOs go with the bus. Context is that device. */
static BOOLEAN SendFailed(PDEVICE_NODE Node, PVOID Context)
{
    if (Node != Context) {
        Node->Flags |= DNF_GOES_WITH_PARENT;
    }
    return SendSurprise(Node, NULL);
}

VOID PnpFailStarted(PDEVICE_NODE Node, ULONG Problem)
{
    PnpSetProblem(Node, Problem, Node->ProblemStatus ? Node->ProblemStatus : STATUS_UNSUCCESSFUL);
    PnpWalkChildrenFirst(Node, SendFailed, Node);
    PnpWalkChildrenFirst(Node, NotifyComplete, NULL);
    PnpWalkChildrenFirst(Node, FinishIfClosed, NULL);
}

VOID PnpFinishPendingCloses(VOID)
{
    PnpWalkChildrenFirst(PnpRootDevnode(), FinishIfClosed, NULL);
}

VOID PnpFileClosed(PDEVICE_OBJECT DeviceObject)
{
    PPNP_EVENT Event;
    if (PendingCloses > 0 && (Event = PnpNewEvent(PnpEventPendingCloses, NULL)) != NULL) {
        PnpQueueEvent(Event);
    }
}
