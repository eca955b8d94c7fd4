/* SPDX-License-Identifier: MIT */
/*
 * Rebalance: a started device and all below it are stopped, get new resources, and start again.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/stopping-a-device-to-rebalance-resources
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/wdtfpnpaction/nf-wdtfpnpaction-iwdtfpnpactions2-edttrystopdevice: a device without resources of
 * its own is stopped with its parent.
 */
#include "pnp/internal.h"
#include "kd/log.h"

/* The started devices of the subtree, children first. */
typedef struct _REBALANCE {
    ULONG Count;
    ULONG Queried;
    PDEVICE_NODE Nodes[]; /* room for the whole tree */
} REBALANCE, *PREBALANCE;

static BOOLEAN Add(PDEVICE_NODE Node, PVOID Context)
{
    PREBALANCE Rebalance = Context;
    if (PnpIsStarted(Node)) {
        Rebalance->Nodes[Rebalance->Count++] = Node;
    }
    return TRUE;
}

static VOID RequireSuccess(PDEVICE_NODE Node, PCSTR Minor, NTSTATUS Status)
{
    if (!NT_SUCCESS(Status)) {
        IoStopRule(0x247,
                   (PVOID)IoGetAttachedDevice(Node->PhysicalDeviceObject)->DriverObject->MajorFunction[IRP_MJ_PNP],
                   NULL, Node->PhysicalDeviceObject, "%s for %wZ was failed with 0x%08x: drivers must not fail it",
                   Minor, &Node->InstancePath, Status);
    }
}

/* Also to the one that refused: "any drivers attached above the driver that failed the query have the device in the stop-pending state". */
static VOID Cancel(PREBALANCE Rebalance)
{
    ULONG I;
    for (I = Rebalance->Queried; I-- > 0;) {
        PDEVICE_NODE Node = Rebalance->Nodes[I];
        NTSTATUS Status = PnpSendMinor(Node, IRP_MN_CANCEL_STOP_DEVICE);
        KdTrace("cancel-stop instance=%wZ status=0x%08x", &Node->InstancePath, Status);
        if (Status != STATUS_NOT_SUPPORTED) {
            RequireSuccess(Node, "IRP_MN_CANCEL_STOP_DEVICE", Status);
        }
        PnpSetState(Node, DeviceNodeStarted);
    }
}

/* STATUS_RESOURCE_REQUIREMENTS_CHANGED is a success; the requirements are asked for again in any case. */
static NTSTATUS Query(PREBALANCE Rebalance, PPNP_VETO Veto)
{
    ULONG I;
    for (I = 0; I < Rebalance->Count; I++) {
        PDEVICE_NODE Node = Rebalance->Nodes[I];
        NTSTATUS Status = PnpSendMinor(Node, IRP_MN_QUERY_STOP_DEVICE);
        KdTrace("query-stop instance=%wZ status=0x%08x", &Node->InstancePath, Status);
        PnpSetState(Node, DeviceNodeQueryStopped);
        Rebalance->Queried = I + 1;
        if (!NT_SUCCESS(Status)) {
            PnpFillVeto(Veto, PNP_VetoDevice, Status, &Node->InstancePath);
            return Status;
        }
    }
    return STATUS_SUCCESS;
}

/*
 * While everybody is stop-pending: QUERY_RESOURCE_REQUIREMENTS and FILTER_RESOURCE_REQUIREMENTS, parents first. "The PnP manager cancels the query-stop if
 * the overall rebalance operation failed".
 */
static NTSTATUS AskRequirements(PREBALANCE Rebalance)
{
    ULONG I;
    for (I = Rebalance->Count; I-- > 0;) {
        PnpAskRequirements(Rebalance->Nodes[I]);
        if (!PnpCanAssignResources(Rebalance->Nodes[I])) {
            KdLog(LOG_WARNING, "no rebalance: %wZ asks for resources that its bus does not have",
                  &Rebalance->Nodes[I]->InstancePath);
            return STATUS_CONFLICTING_ADDRESSES;
        }
    }
    return STATUS_SUCCESS;
}

static VOID Stop(PREBALANCE Rebalance)
{
    ULONG I;
    for (I = 0; I < Rebalance->Count; I++) {
        PDEVICE_NODE Node = Rebalance->Nodes[I];
        NTSTATUS Status = PnpSendMinor(Node, IRP_MN_STOP_DEVICE);
        PnpSetState(Node, DeviceNodeStopped);
        KdTrace("stop instance=%wZ status=0x%08x", &Node->InstancePath, Status);
        RequireSuccess(Node, "IRP_MN_STOP_DEVICE", Status);
    }
}

/*
 * One device, and then those below it. One that has no resources any more, or does not start, is removed as by surprise with all below it: "first an
 * IRP_MN_SURPRISE_REMOVAL request, then IRP_MN_REMOVE_DEVICE, but only after all open handles to the device are closed".
 */
static NTSTATUS Restart(PDEVICE_NODE Node)
{
    PDEVICE_NODE Child, Next;
    NTSTATUS Status = PnpAssignResources(Node);
    ULONG Problem = CM_PROB_NORMAL_CONFLICT;
    if (NT_SUCCESS(Status)) {
        Problem = CM_PROB_FAILED_START;
        Status = PnpStartStack(Node);
        KdTrace("start instance=%wZ status=0x%08x", &Node->InstancePath, Status);
    }
    if (!NT_SUCCESS(Status)) {
        Node->ProblemStatus = Status;
        PnpFailStarted(Node, Problem);
        return Status;
    }
    PnpSetState(Node, DeviceNodeRestartCompletion);
    PnpQueryCapabilities(Node);
    PnpSetState(Node, DeviceNodeStarted);
    Node->Flags |= DNF_NEEDS_RELATIONS;
    PnpApplyState(Node);
    for (Child = Node->Child; Child; Child = Next) {
        Next = Child->Sibling;
        if (Child->State == DeviceNodeStopped) {
            Restart(Child);
        }
    }
    return STATUS_SUCCESS;
}

NTSTATUS PnpStopAndRestart(PDEVICE_NODE Node, PPNP_VETO Veto)
{
    PREBALANCE Rebalance;
    SIZE_T Size = sizeof(*Rebalance) + PnpCountDevnodes() * sizeof(PDEVICE_NODE);
    NTSTATUS Status;
    if (!PnpIsStarted(Node)) {
        return STATUS_INVALID_DEVICE_STATE;
    }
    Rebalance = ExAllocatePoolWithTag(NonPagedPool, Size, PNP_TAG);
    if (!Rebalance) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    RtlZeroMemory(Rebalance, Size);
    PnpWalkChildrenFirst(Node, Add, Rebalance);
    Status = Query(Rebalance, Veto);
    if (!NT_SUCCESS(Status)) {
        Cancel(Rebalance);
        KdTrace("veto instance=%wZ type=%u by=%ws", &Node->InstancePath, Veto->Type, Veto->Name);
        Status = STATUS_PLUGPLAY_QUERY_VETOED;
    } else if (!NT_SUCCESS(Status = AskRequirements(Rebalance))) {
        Cancel(Rebalance);
    } else {
        Stop(Rebalance);
        Status = Restart(Node);
        if (NT_SUCCESS(Status)) {
            PnpProcess(Node); /* its buses are read again */
        }
    }
    ExFreePoolWithTag(Rebalance, PNP_TAG);
    return Status;
}
