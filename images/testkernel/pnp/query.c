/* SPDX-License-Identifier: MIT */
/*
 * Graceful removal: everybody is asked first, anybody may refuse. Used for disable, uninstall, restart and eject.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/handling-an-irp-mn-query-remove-device-request
 */
#include "pnp/internal.h"
#include "ob/attribute.h"
#include "kd/log.h"
#include <wdmguid.h>

/* Bug check 0xCA PNP_DETECTED_FATAL_ERROR, parameter 1. */
#define PNP_DELETED_RELATION 0xB

/* The devices that go together, in the order of removal (children first). */
typedef struct _REMOVAL {
    ULONG Count;
    ULONG Notified;       /* so many got GUID_TARGET_DEVICE_QUERY_REMOVE and agreed */
    ULONG Queried;        /* so many got IRP_MN_QUERY_REMOVE_DEVICE */
    PDEVICE_NODE Nodes[]; /* room for the whole tree */
} REMOVAL, *PREMOVAL;

VOID PnpFillVeto(PPNP_VETO Veto, PNP_VETO_TYPE Type, NTSTATUS Status, PCUNICODE_STRING Name)
{
    ULONG Characters = min(Name->Length / sizeof(WCHAR), COUNT_OF(Veto->Name) - 1);
    Veto->Type = Type;
    Veto->Status = Status;
    RtlCopyMemory(Veto->Name, Name->Buffer, Characters * sizeof(WCHAR));
    Veto->Name[Characters] = 0;
}

static BOOLEAN Add(PDEVICE_NODE Node, PVOID Context)
{
    PREMOVAL Removal = Context;
    ULONG I;
    for (I = 0; I < Removal->Count; I++) {
        if (Removal->Nodes[I] == Node) {
            return TRUE;
        }
    }
    Removal->Nodes[Removal->Count++] = Node;
    return TRUE;
}

/* Devices elsewhere in the tree that must go too: removal relations, and ejection relations for an eject. */
static VOID AddRelations(PREMOVAL Removal, DEVICE_RELATION_TYPE Type)
{
    ULONG I, J;
    for (I = 0; I < Removal->Count; I++) {
        PDEVICE_RELATIONS Relations;
        if (!PnpIsStarted(Removal->Nodes[I])) {
            continue;
        }
        PnpQueryRelations(Removal->Nodes[I], Type, &Relations);
        if (!Relations) {
            continue;
        }
        for (J = 0; J < Relations->Count; J++) {
            PDEVICE_NODE Node = PnpDevnodeOfPdo(Relations->Objects[J]);
            if (IoExtra(Relations->Objects[J])->ExtensionFlags & (DOE_DELETE_PENDING | DOE_DELETED)) {
                PDEVICE_OBJECT Pdo = Removal->Nodes[I]->PhysicalDeviceObject;
                IoStop(PNP_DETECTED_FATAL_ERROR, PNP_DELETED_RELATION, (ULONG_PTR)Relations->Objects[J],
                       (ULONG_PTR)Relations, 0,
                       (PVOID)IoGetAttachedDevice(Pdo)->DriverObject->MajorFunction[IRP_MJ_PNP],
                       "the relations of %wZ contain PDO %p, which was deleted by IoDeleteDevice",
                       &Removal->Nodes[I]->InstancePath, Relations->Objects[J]);
            }
            if (Node) {
                PnpWalkChildrenFirst(Node, Add, Removal);
            }
            ObpDropGiven(Relations->Objects[J]);
        }
        ExFreePool(Relations);
    }
}

static VOID Cancel(PREMOVAL Removal)
{
    ULONG I;
    /* "Must be handled first by the parent bus driver": from the parents down. */
    for (I = Removal->Queried; I-- > 0;) {
        PDEVICE_NODE Node = Removal->Nodes[I];
        NTSTATUS Status;
        if (Node->State != DeviceNodeQueryRemoved) {
            continue;
        }
        Status = PnpSendMinor(Node, IRP_MN_CANCEL_REMOVE_DEVICE);
        KdTrace("cancel-remove instance=%wZ status=0x%08x", &Node->InstancePath, Status);
        if (!NT_SUCCESS(Status) && Status != STATUS_NOT_SUPPORTED) {
            IoStopRule(0x247,
                       (PVOID)IoGetAttachedDevice(Node->PhysicalDeviceObject)->DriverObject->MajorFunction[IRP_MJ_PNP],
                       NULL, Node->PhysicalDeviceObject,
                       "IRP_MN_CANCEL_REMOVE_DEVICE for %wZ was failed with 0x%08x: drivers must not fail it",
                       &Node->InstancePath, Status);
        }
        IopMarkStack(Node->PhysicalDeviceObject, 0, DOE_REMOVE_PENDING);
        PnpSetState(Node, DeviceNodeStarted);
    }
    for (I = Removal->Notified; I-- > 0;) {
        PnpNotifyTarget(Removal->Nodes[I], &GUID_TARGET_DEVICE_REMOVE_CANCELLED);
    }
}

static NTSTATUS Query(PREMOVAL Removal, PPNP_VETO Veto)
{
    NTSTATUS Status;
    ULONG I;
    for (I = 0; I < Removal->Count; I++) {
        Status = PnpNotifyTargetQuery(Removal->Nodes[I], Veto);
        if (!NT_SUCCESS(Status)) {
            return Status;
        }
        Removal->Notified = I + 1;
    }
    for (I = 0; I < Removal->Count; I++) {
        PDEVICE_NODE Node = Removal->Nodes[I];
        Removal->Queried = I + 1;
        if (!PnpIsStarted(Node)) {
            continue;
        }
        IopMarkStack(Node->PhysicalDeviceObject, DOE_REMOVE_PENDING, 0); /* no new opens from here on */
        Status = PnpSendMinor(Node, IRP_MN_QUERY_REMOVE_DEVICE);
        KdTrace("query-remove instance=%wZ status=0x%08x", &Node->InstancePath, Status);
        PnpSetState(Node, DeviceNodeQueryRemoved);
        if (!NT_SUCCESS(Status)) {
            PnpFillVeto(Veto, PNP_VetoDevice, Status, &Node->InstancePath);
            return Status;
        }
    }
    /* "If handles remain open on the device, the PnP manager cannot remove the device": page on GUID_TARGET_DEVICE_QUERY_REMOVE. */
    for (I = 0; I < Removal->Count; I++) {
        PDEVICE_NODE Node = Removal->Nodes[I];
        ULONG Handles = IopHandlesOfStack(Node->PhysicalDeviceObject);
        if (Handles) {
            KdLog(LOG_INFO, "removal of %wZ is refused: %u file objects are open on it", &Node->InstancePath, Handles);
            PnpFillVeto(Veto, PNP_VetoOutstandingOpen, STATUS_DEVICE_BUSY, &Node->InstancePath);
            return STATUS_DEVICE_BUSY;
        }
    }
    return STATUS_SUCCESS;
}

static BOOLEAN Contains(PDEVICE_NODE *Nodes, ULONG Count, PDEVICE_NODE Node)
{
    ULONG I;
    for (I = 0; I < Count && Nodes[I] != Node; I++) {
    }
    return I < Count;
}

/*
 * A device that somebody made, and no bus finds, is gone when it is uninstalled: its PDO is deleted as if its bus had reported it missing.
 * https://learn.microsoft.com/windows-hardware/drivers/install/root-enumerated-devices
 */
static BOOLEAN EndSoftwareDevice(PDEVICE_NODE Node, PNP_REMOVE_KIND Kind, PDEVICE_NODE *Targets, ULONG TargetCount)
{
    if (Kind != PnpRemoveUninstall || !Contains(Targets, TargetCount, Node) ||
        !PnpForgetSoftwareDevice(Node->PhysicalDeviceObject)) {
        return FALSE;
    }
    Node->Flags |= DNF_MISSING;
    return TRUE;
}

static VOID RemoveAll(PREMOVAL Removal, PNP_REMOVE_KIND Kind, PDEVICE_NODE *Targets, ULONG TargetCount)
{
    ULONG I, J;
    for (I = 0; I < Removal->Count; I++) {
        PDEVICE_NODE Node = Removal->Nodes[I];
        BOOLEAN Uninstalled = EndSoftwareDevice(Node, Kind, Targets, TargetCount), Ends = Uninstalled;
        /* The bus driver deletes its PDO with the bus, unless the device is only related from elsewhere in the tree. */
        if (Contains(Removal->Nodes + I + 1, Removal->Count - I - 1, Node->Parent)) {
            Node->Flags |= DNF_GOES_WITH_PARENT;
            Ends = TRUE;
        }
        if (Ends || Node->State == DeviceNodeQueryRemoved || Node->PhysicalDeviceObject->AttachedDevice) {
            PnpRemoveStack(Node);
        }
        PnpNotifyTarget(Node, &GUID_TARGET_DEVICE_REMOVE_COMPLETE);
        if (Uninstalled) {
            PnpForgetInstallation(Node);
        }
        if (Ends) {
            for (J = 0; J < TargetCount; J++) {
                Targets[J] = Targets[J] == Node ? NULL : Targets[J];
            }
            PnpDeleteDevnode(Node);
        }
    }
}

/* What becomes of a device that was asked to go, after its stack is gone. */
static VOID Settle(PDEVICE_NODE Target, PNP_REMOVE_KIND Kind)
{
    switch (Kind) {
    case PnpRemoveDisable:
        PnpSetDisabled(Target, TRUE);
        PnpSetProblem(Target, CM_PROB_DISABLED, STATUS_SUCCESS);
        break;
    case PnpRemoveUninstall:
        PnpForgetInstallation(Target);
        PnpWriteEnumKey(Target);
        PnpSetProblem(Target, CM_PROB_REINSTALL, STATUS_SUCCESS);
        break;
    case PnpRemoveEject:
        PnpSetProblem(Target, CM_PROB_HELD_FOR_EJECT, STATUS_SUCCESS);
        break;
    case PnpRemoveRestart:
        PnpClearProblem(Target);
        PnpSetState(Target, DeviceNodeInitialized);
        PnpProcess(Target);
        break;
    case PnpRemoveUpdate:
        if (!PnpIsDisabled(Target)) {
            PnpSetProblem(Target, CM_PROB_WILL_BE_REMOVED, STATUS_SUCCESS); /* nobody starts it in between */
        }
        break;
    }
}

/* IRP_MN_EJECT goes to the PDO after all function drivers are gone; then the bus is read again and the PDO must be missing. */
static NTSTATUS Eject(PDEVICE_NODE Node)
{
    PDEVICE_NODE Parent = Node->Parent, Child, Next;
    NTSTATUS Status = PnpSendMinor(Node, IRP_MN_EJECT);
    KdTrace("eject instance=%wZ status=0x%08x", &Node->InstancePath, Status);
    if (PnpIsStarted(Parent)) {
        PnpEnumerate(Parent);
        for (Child = Parent->Child; Child; Child = Next) {
            Next = Child->Sibling;
            if ((Child->Flags & DNF_MISSING) && Child->State != DeviceNodeDeletePendingCloses) {
                PnpSurpriseRemoveSubtree(Child);
            }
        }
    }
    return Status;
}

/* Devices that nobody may ask to go now. */
static NTSTATUS Refuse(PREMOVAL Removal, PNP_REMOVE_KIND Kind, PPNP_VETO Veto)
{
    ULONG I;
    for (I = 0; I < Removal->Count; I++) {
        PDEVICE_NODE Each = Removal->Nodes[I];
        if ((Each->Flags & DNF_NOT_DISABLEABLE) && (Kind == PnpRemoveDisable || Kind == PnpRemoveUninstall)) {
            PnpFillVeto(Veto, PNP_VetoNonDisableable, STATUS_NOT_SUPPORTED, &Each->InstancePath);
            return STATUS_NOT_SUPPORTED;
        }
        if (Each->State == DeviceNodeDeletePendingCloses || Each->State == DeviceNodeRemovePendingCloses) {
            PnpFillVeto(Veto, PNP_VetoPendingClose, STATUS_DEVICE_BUSY, &Each->InstancePath);
            return STATUS_DEVICE_BUSY;
        }
    }
    return STATUS_SUCCESS;
}

NTSTATUS PnpRemoveGracefully(PDEVICE_NODE *Targets, ULONG Count, PNP_REMOVE_KIND Kind, PPNP_VETO Veto)
{
    REMOVAL *Removal;
    SIZE_T Size = sizeof(*Removal) + PnpCountDevnodes() * sizeof(PDEVICE_NODE);
    NTSTATUS Status = STATUS_SUCCESS;
    BOOLEAN Agreed = FALSE; /* to a change of the hardware profile */
    ULONG I;
    for (I = 0; I < Count; I++) {
        if (!Targets[I]->Parent) {
            PnpFillVeto(Veto, PNP_VetoIllegalDeviceRequest, STATUS_INVALID_DEVICE_REQUEST, &Targets[I]->InstancePath);
            return STATUS_PLUGPLAY_QUERY_VETOED;
        }
    }
    Removal = ExAllocatePoolWithTag(NonPagedPool, Size, PNP_TAG);
    if (!Removal) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    RtlZeroMemory(Removal, Size);
    for (I = 0; I < Count; I++) {
        PnpWalkChildrenFirst(Targets[I], Add, Removal);
    }
    AddRelations(Removal, RemovalRelations);
    if (Kind == PnpRemoveEject) {
        AddRelations(Removal, EjectionRelations);
    }
    Status = Refuse(Removal, Kind, Veto);
    if (NT_SUCCESS(Status) && Kind == PnpRemoveEject && (Targets[0]->Flags & DNF_DOCKED)) {
        /* "Before there is a change": page on handling hardware profile change events. */
        Status = PnpNotifyProfileQuery(Veto);
        Agreed = NT_SUCCESS(Status);
    }
    if (NT_SUCCESS(Status)) {
        Status = Query(Removal, Veto);
    }
    if (!NT_SUCCESS(Status)) {
        Cancel(Removal);
        if (Agreed) {
            PnpNotifyProfile(&GUID_HWPROFILE_CHANGE_CANCELLED);
        }
        KdTrace("veto instance=%wZ type=%u by=%ws", &Targets[0]->InstancePath, Veto->Type, Veto->Name);
        Status = STATUS_PLUGPLAY_QUERY_VETOED;
    } else {
        RemoveAll(Removal, Kind, Targets, Count);
        for (I = 0; I < Count; I++) {
            if (Targets[I]) {
                Settle(Targets[I], Kind);
            }
        }
        if (Kind == PnpRemoveEject) {
            Status = Eject(Targets[0]);
        }
        if (Agreed) {
            PnpNotifyProfile(NT_SUCCESS(Status) ? &GUID_HWPROFILE_CHANGE_COMPLETE : &GUID_HWPROFILE_CHANGE_CANCELLED);
        }
    }
    ExFreePoolWithTag(Removal, PNP_TAG);
    return Status;
}
