/* SPDX-License-Identifier: MIT */
/* The device tree: nodes, lock, walks, states and problems. */
#include "pnp/internal.h"
#include "pnp/property.h"
#include "kd/log.h"

static DEVICE_NODE Root = {.State = DeviceNodeUninitialized, .PreviousState = DeviceNodeUnspecified};
static KMUTEX TreeMutex;
static PETHREAD TreeOwner;
static ULONG TreeDepth;

VOID PnpInitTree(VOID)
{
    KeInitializeMutex(&TreeMutex, 0);
    InitializeListHead(&Root.TargetNotifications);
    RtlInitUnicodeString(&Root.InstancePath, L"HTREE\\ROOT\\0");
}

PDEVICE_NODE PnpRootDevnode(void)
{
    return &Root;
}

PDEVICE_NODE PnpDevnodeOfPdo(PDEVICE_OBJECT Pdo)
{
    return IoExtra(Pdo)->DeviceNode;
}

PDEVICE_NODE PnpDevnodeOfDeviceObject(PDEVICE_OBJECT DeviceObject)
{
    PDEVICE_NODE Node;
    KIRQL Irql;
    KeAcquireSpinLock(&IopDeviceLock, &Irql);
    Node = IoExtra(IopBottomOfStack(DeviceObject))->DeviceNode;
    KeReleaseSpinLock(&IopDeviceLock, Irql);
    return Node;
}

static BOOLEAN LockTree(PLARGE_INTEGER Timeout)
{
    if (KeWaitForSingleObject(&TreeMutex, Executive, KernelMode, FALSE, Timeout) != STATUS_SUCCESS) {
        return FALSE;
    }
    TreeOwner = PsGetCurrentThread();
    TreeDepth++;
    return TRUE;
}

void PnpLockTree(void)
{
    LockTree(NULL);
}

BOOLEAN PnpLockTreeInTime(ULONG Seconds, PETHREAD *Owner)
{
    LARGE_INTEGER Timeout = {.QuadPart = -10000000ll * Seconds};
    BOOLEAN Locked = LockTree(Seconds ? &Timeout : NULL);
    *Owner = TreeOwner;
    return Locked;
}

void PnpUnlockTree(void)
{
    if (--TreeDepth == 0) {
        TreeOwner = NULL;
    }
    KeReleaseMutex(&TreeMutex, FALSE);
}

BOOLEAN PnpTreeLockedByMe(void)
{
    return TreeOwner == PsGetCurrentThread();
}

BOOLEAN PnpWalkParentsFirst(PDEVICE_NODE Node, PNP_VISITOR Visitor, PVOID Context)
{
    PDEVICE_NODE Child, Next;
    if (!Visitor(Node, Context)) {
        return FALSE;
    }
    for (Child = Node->Child; Child; Child = Next) {
        Next = Child->Sibling;
        if (!PnpWalkParentsFirst(Child, Visitor, Context)) {
            return FALSE;
        }
    }
    return TRUE;
}

BOOLEAN PnpWalkChildrenFirst(PDEVICE_NODE Node, PNP_VISITOR Visitor, PVOID Context)
{
    PDEVICE_NODE Child, Next;
    for (Child = Node->Child; Child; Child = Next) {
        Next = Child->Sibling;
        if (!PnpWalkChildrenFirst(Child, Visitor, Context)) {
            return FALSE;
        }
    }
    return Visitor(Node, Context);
}

static BOOLEAN CountOne(PDEVICE_NODE Node, PVOID Context)
{
    ++*(PULONG)Context;
    return TRUE;
}

ULONG PnpCountDevnodes(void)
{
    ULONG Count = 0;
    PnpWalkParentsFirst(&Root, CountOne, &Count);
    return Count;
}

PDEVICE_NODE PnpCreateDevnode(PDEVICE_OBJECT Pdo, PDEVICE_NODE Parent)
{
    PDEVICE_NODE Node = Parent ? ExAllocatePoolWithTag(NonPagedPool, sizeof(*Node), PNP_TAG) : &Root;
    if (!Node) {
        return NULL;
    }
    if (Parent) {
        RtlZeroMemory(Node, sizeof(*Node));
        Node->State = DeviceNodeUninitialized;
        Node->PreviousState = DeviceNodeUnspecified;
        Node->DevicePowerState = PowerDeviceUnspecified;
        InitializeListHead(&Node->TargetNotifications);
        Node->Parent = Parent;
        Node->Level = Parent->Level + 1;
        if (Parent->LastChild) {
            Parent->LastChild->Sibling = Node;
        } else {
            Parent->Child = Node;
        }
        Parent->LastChild = Node;
    }
    Node->PhysicalDeviceObject = Pdo;
    ObfReferenceObject(Pdo);
    Pdo->Flags |= DO_BUS_ENUMERATED_DEVICE;
    Pdo->Flags &= ~DO_DEVICE_INITIALIZING;
    IoExtra(Pdo)->DeviceNode = Node;
    return Node;
}

static void FreeText(PVOID Text)
{
    if (Text) {
        ExFreePool(Text);
    }
}

void PnpFreeNodeInfo(PDEVICE_NODE Node)
{
    FreeText(Node->HardwareIds);
    FreeText(Node->CompatibleIds);
    FreeText(Node->Description);
    FreeText(Node->LocationInformation);
    FreeText(Node->BootResources);
    FreeText(Node->Requirements);
    Node->HardwareIds = Node->CompatibleIds = Node->Description = Node->LocationInformation = NULL;
    Node->BootResources = NULL;
    Node->Requirements = NULL;
    PnpFreeResources(Node);
}

void PnpDeleteDevnode(PDEVICE_NODE Node)
{
    PDEVICE_NODE *Link, Previous = NULL;
    PDEVICE_OBJECT Pdo = Node->PhysicalDeviceObject;
    PDRIVER_DATA Driver;
    for (Link = &Node->Parent->Child; *Link; Link = &(*Link)->Sibling) {
        if (*Link == Node) {
            *Link = Node->Sibling;
            break;
        }
        Previous = *Link;
    }
    if (Node->Parent->LastChild == Node) {
        Node->Parent->LastChild = Previous;
    }
    PnpSetState(Node, DeviceNodeDeleted);
    IoExtra(Pdo)->DeviceNode = NULL; /* before its registrations are looked through: no new ones come */
    PnpOrphanNotifications(Node);
    PnpDropProperties(&Node->InstancePath, FALSE);
    PnpFreeNodeInfo(Node);
    FreeText(Node->InstancePath.Buffer);
    FreeText(Node->ServiceName.Buffer);
    ExFreePoolWithTag(Node, PNP_TAG);
    Driver = IoDriverData(Pdo->DriverObject);
    ObfDereferenceObject(Pdo);
    IopUnloadIfUnused(Driver); /* or at least see that its PDO is really gone */
}

void PnpSetState(PDEVICE_NODE Node, PNP_DEVNODE_STATE State)
{
    if (Node->State == State) {
        return;
    }
    Node->PreviousState = Node->State;
    Node->State = State;
    KdLog(LOG_DEBUG, "devnode %wZ: %s -> %s", &Node->InstancePath, PnpStateName(Node->PreviousState),
          PnpStateName(State));
}

void PnpSetProblem(PDEVICE_NODE Node, ULONG Problem, NTSTATUS Status)
{
    Node->Problem = Problem;
    Node->ProblemStatus = Status;
    Node->Flags |= DNF_HAS_PROBLEM;
    KdTrace("problem instance=%wZ problem=%s status=0x%08x", &Node->InstancePath, PnpProblemName(Problem), Status);
    KdLog(Problem == CM_PROB_DISABLED || Problem == CM_PROB_HELD_FOR_EJECT || Problem == CM_PROB_FAILED_INSTALL
              ? LOG_INFO
              : LOG_WARNING,
          "device %wZ has problem %s (0x%08x)", &Node->InstancePath, PnpProblemName(Problem), Status);
}

void PnpClearProblem(PDEVICE_NODE Node)
{
    Node->Problem = 0;
    Node->ProblemStatus = STATUS_SUCCESS;
    Node->Flags &= ~DNF_HAS_PROBLEM;
}

BOOLEAN PnpIsStarted(PDEVICE_NODE Node)
{
    switch (Node->State) {
    case DeviceNodeStartCompletion:
    case DeviceNodeStartPostWork:
    case DeviceNodeStarted:
    case DeviceNodeEnumeratePending:
    case DeviceNodeEnumerateCompletion:
        return TRUE;
    default:
        return FALSE;
    }
}
