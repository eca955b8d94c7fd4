/* SPDX-License-Identifier: MIT */
/*
 * From a PDO to a started device: drivers, AddDevice, resources, IRP_MN_START_DEVICE, children.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/adding-a-pnp-device-to-a-running-system
 */
#include "pnp/internal.h"
#include "kd/log.h"
#include <wdmguid.h>

/* What an AddDevice routine must have done to each device object that it attached. */
static VOID CheckAdded(PDRIVER_DATA Driver, PDEVICE_OBJECT Below, BOOLEAN Filter)
{
    PDEVICE_OBJECT Device;
    PVOID AddDevice = (PVOID)Driver->Extension.AddDevice;
    for (Device = Below->AttachedDevice; Device; Below = Device, Device = Device->AttachedDevice) {
        if (Device->Flags & DO_DEVICE_INITIALIZING) {
            IoStopRule(0x243, AddDevice, NULL, Device, "AddDevice of %wZ did not clear DO_DEVICE_INITIALIZING",
                       &Driver->ServiceName);
        }
        if ((Below->Flags & DO_POWER_PAGABLE) && !(Device->Flags & DO_POWER_PAGABLE)) {
            IoStopRule(0x23F, AddDevice, NULL, Device,
                       "AddDevice of %wZ did not copy DO_POWER_PAGABLE from the device object below",
                       &Driver->ServiceName);
        }
        if ((Device->Flags & DO_BUFFERED_IO) && (Device->Flags & DO_DIRECT_IO)) {
            IoStopRule(0x245, AddDevice, NULL, Device, "AddDevice of %wZ set both DO_BUFFERED_IO and DO_DIRECT_IO",
                       &Driver->ServiceName);
        }
        if (Filter && ((Below->Flags ^ Device->Flags) & (DO_BUFFERED_IO | DO_DIRECT_IO))) {
            IoStopRule(0x244, AddDevice, NULL, Device,
                       "AddDevice of filter %wZ did not copy DO_BUFFERED_IO or DO_DIRECT_IO", &Driver->ServiceName);
        }
        if (Filter && Below->DeviceType != Device->DeviceType) {
            IoStopRule(0x246, AddDevice, NULL, Device,
                       "AddDevice of filter %wZ did not copy DeviceType from the device object below",
                       &Driver->ServiceName);
        }
    }
}

static NTSTATUS AddDriver(PDEVICE_NODE Node, PCUNICODE_STRING Service, BOOLEAN Filter)
{
    PDRIVER_DATA Driver;
    PDEVICE_OBJECT Below;
    ULONG Problem;
    NTSTATUS Status = IopLoadDriver(Service, &Driver, &Problem);
    if (!NT_SUCCESS(Status)) {
        PnpSetProblem(Node, Problem, Status);
        return Status;
    }
    if (!Driver->Extension.AddDevice || Node->DriverCount == COUNT_OF(Node->Drivers)) {
        PnpSetProblem(Node, CM_PROB_FAILED_ADD, STATUS_INVALID_DEVICE_REQUEST);
        KdLog(LOG_ERROR, "driver %wZ cannot serve %wZ: DriverEntry set no AddDevice routine", Service,
              &Node->InstancePath);
        return STATUS_INVALID_DEVICE_REQUEST;
    }
    Driver->Devnodes++;
    Node->Drivers[Node->DriverCount++] = Driver;
    Below = IoGetAttachedDevice(Node->PhysicalDeviceObject);
    PnpNoteAddDevice(TRUE);
    Status = Driver->Extension.AddDevice(&Driver->Object, Node->PhysicalDeviceObject);
    PnpNoteAddDevice(FALSE);
    if (KeGetCurrentIrql() != PASSIVE_LEVEL) {
        IoStop(IRQL_UNEXPECTED_VALUE, KeGetCurrentIrql(), PASSIVE_LEVEL, 0, 0, (PVOID)Driver->Extension.AddDevice,
               "AddDevice returned at IRQL %u", KeGetCurrentIrql());
    }
    KdTrace("add-device instance=%wZ driver=%wZ status=0x%08x", &Node->InstancePath, Service, Status);
    if (!NT_SUCCESS(Status)) {
        if (Below->AttachedDevice) {
            IoStopRule(0x21D, (PVOID)Driver->Extension.AddDevice, NULL, Below->AttachedDevice,
                       "AddDevice of %wZ failed with 0x%08x but left its device object attached", Service, Status);
        }
        PnpSetProblem(Node, CM_PROB_FAILED_ADD, Status);
        return Status;
    }
    CheckAdded(Driver, Below, Filter);
    return STATUS_SUCCESS;
}

static NTSTATUS AddFilters(PDEVICE_NODE Node, PCWSTR ValueName)
{
    WCHAR Filters[256];
    PWCHAR At;
    NTSTATUS Status = STATUS_SUCCESS;
    PnpFilters(Node, ValueName, Filters, COUNT_OF(Filters));
    for (At = Filters; NT_SUCCESS(Status) && *At; At += wcslen(At) + 1) {
        UNICODE_STRING Service;
        RtlInitUnicodeString(&Service, At);
        Status = AddDriver(Node, &Service, TRUE);
    }
    return Status;
}

VOID PnpForgetDrivers(PDEVICE_NODE Node)
{
    while (Node->DriverCount) {
        PDRIVER_DATA Driver = Node->Drivers[--Node->DriverCount];
        Driver->Devnodes--;
        IopUnloadIfUnused(Driver);
    }
}

static NTSTATUS AddDrivers(PDEVICE_NODE Node)
{
    NTSTATUS Status = PnpFindDriver(Node);
    if (!NT_SUCCESS(Status)) {
        if (Node->Capabilities.RawDeviceOK) {
            PnpSetState(Node, DeviceNodeDriversAdded); /* works without a function driver */
            return STATUS_SUCCESS;
        }
        PnpSetProblem(Node, CM_PROB_FAILED_INSTALL, Status);
        return Status;
    }
    Status = AddFilters(Node, L"LowerFilters");
    if (NT_SUCCESS(Status) && Node->ServiceName.Length) { /* without: the NULL driver, "AddService = ,2" */
        Status = AddDriver(Node, &Node->ServiceName, FALSE);
    }
    if (NT_SUCCESS(Status)) {
        Status = AddFilters(Node, L"UpperFilters");
    }
    if (!NT_SUCCESS(Status)) {
        if (PnpAboveBusFilters(Node->PhysicalDeviceObject)) {
            PnpRemoveStack(Node); /* those that did attach */
        } else {
            PnpForgetDrivers(Node);
        }
        return Status;
    }
    PnpSetState(Node, DeviceNodeDriversAdded);
    return STATUS_SUCCESS;
}

VOID PnpAskRequirements(PDEVICE_NODE Node)
{
    IO_STACK_LOCATION Stack;
    ULONG_PTR Information = 0;
    NTSTATUS Status;
    /* Asked again now: what the INF wrote below the hardware key (MSISupported) decides what the bus driver asks for. */
    RtlZeroMemory(&Stack, sizeof(Stack));
    Stack.MinorFunction = IRP_MN_QUERY_RESOURCE_REQUIREMENTS;
    Status = PnpSendIrp(Node->PhysicalDeviceObject, &Stack, &Information);
    if (Node->Requirements) {
        ExFreePool(Node->Requirements);
    }
    Node->Requirements = NT_SUCCESS(Status) ? (PIO_RESOURCE_REQUIREMENTS_LIST)Information : NULL;
    /* Also to a device that needs nothing: "the pointer is NULL if the device consumes no hardware resources". */
    Information = (ULONG_PTR)Node->Requirements;
    RtlZeroMemory(&Stack, sizeof(Stack));
    Stack.MinorFunction = IRP_MN_FILTER_RESOURCE_REQUIREMENTS;
    Stack.Parameters.FilterResourceRequirements.IoResourceRequirementList = Node->Requirements;
    Status = PnpSendIrp(Node->PhysicalDeviceObject, &Stack, &Information);
    if (NT_SUCCESS(Status) && (PVOID)Information != Node->Requirements) {
        Node->Requirements =
            (PIO_RESOURCE_REQUIREMENTS_LIST)Information; /* "must free the previous list": the driver did */
    }
}

static NTSTATUS Assign(PDEVICE_NODE Node)
{
    NTSTATUS Status = PnpAssignResources(Node);
    if (!NT_SUCCESS(Status)) {
        PnpSetProblem(Node, CM_PROB_NORMAL_CONFLICT, Status);
    }
    return Status;
}

VOID PnpApplyState(PDEVICE_NODE Node)
{
    Node->PnpState = 0;
    Node->Flags &= ~DNF_NOT_DISABLEABLE;
    if (!NT_SUCCESS(PnpQueryState(Node))) {
        return;
    }
    if (Node->PnpState & PNP_DEVICE_NOT_DISABLEABLE) {
        Node->Flags |= DNF_NOT_DISABLEABLE;
    }
    if (Node->PnpState & PNP_DEVICE_RESOURCE_REQUIREMENTS_CHANGED) {
        return; /* with PNP_DEVICE_FAILED: "must be stopped before the PnP manager assigns new resources" */
    }
    if (Node->PnpState & (PNP_DEVICE_FAILED | PNP_DEVICE_REMOVED | PNP_DEVICE_DISABLED)) {
        ULONG Problem = Node->PnpState & PNP_DEVICE_DISABLED  ? CM_PROB_HARDWARE_DISABLED
                        : Node->PnpState & PNP_DEVICE_REMOVED ? CM_PROB_WILL_BE_REMOVED
                                                              : CM_PROB_FAILED_POST_START;
        /* https://learn.microsoft.com/windows-hardware/drivers/kernel/handling-an-irp-mn-query-pnp-device-state-request: surprise removal, then remove. */
        PnpFailStarted(Node, Problem);
    }
}

static NTSTATUS StartDevice(PDEVICE_NODE Node)
{
    NTSTATUS Status;
    PnpSetState(Node, DeviceNodeStartPending);
    Status = PnpStartStack(Node);
    KdTrace("start instance=%wZ status=0x%08x", &Node->InstancePath, Status);
    if (!NT_SUCCESS(Status)) {
        PnpSetProblem(Node, CM_PROB_FAILED_START, Status);
        PnpRemoveStack(Node);
        return Status;
    }
    PnpSetState(Node, DeviceNodeStartCompletion);
    Node->DevicePowerState = PowerDeviceD0;
    Node->SystemPowerState = PowerSystemWorking;
    PnpSetState(Node, DeviceNodeStartPostWork);
    PnpQueryCapabilities(Node);
    PnpSetState(Node, DeviceNodeStarted);
    IopMarkStack(Node->PhysicalDeviceObject, 0, DOE_START_PENDING);
    IopExposeHeldInterfaces(Node);
    Node->Flags |= DNF_NEEDS_RELATIONS;
    PnpSendUnknown(Node);
    PnpApplyState(Node);
    return STATUS_SUCCESS;
}

/*
 * A docking station has come: the hardware profile changes. Refused, it stays as if it were to be ejected.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/handling-hardware-profile-change-events
 */
static NTSTATUS Dock(PDEVICE_NODE Node)
{
    PNP_VETO Veto;
    NTSTATUS Status = PnpNotifyProfileQuery(&Veto);
    if (NT_SUCCESS(Status)) {
        Node->Flags |= DNF_DOCKED;
    } else {
        PnpSetProblem(Node, CM_PROB_HELD_FOR_EJECT, Status);
    }
    return Status;
}

static VOID Docked(PDEVICE_NODE Node, BOOLEAN Docking)
{
    if (Docking) {
        if (!PnpIsStarted(Node)) {
            Node->Flags &= ~DNF_DOCKED;
        }
        PnpNotifyProfile(PnpIsStarted(Node) ? &GUID_HWPROFILE_CHANGE_COMPLETE : &GUID_HWPROFILE_CHANGE_CANCELLED);
    }
}

VOID PnpProcess(PDEVICE_NODE Node)
{
    BOOLEAN Docking = FALSE;
    PDEVICE_NODE Child, Next;
    if (Node->State == DeviceNodeRemoved && !(Node->Flags & DNF_HAS_PROBLEM)) {
        PnpSetState(Node, DeviceNodeInitialized);
    }
    if (!(Node->Flags & (DNF_HAS_PROBLEM | DNF_MISSING))) {
        NTSTATUS Status = Node->State == DeviceNodeUninitialized ? PnpIdentify(Node) : STATUS_SUCCESS;
        if (!NT_SUCCESS(Status)) {
            PnpSetProblem(Node,
                          Status == STATUS_OBJECT_NAME_COLLISION ? CM_PROB_DUPLICATE_DEVICE : CM_PROB_OUT_OF_MEMORY,
                          Status);
            return;
        }
        if (Node->State == DeviceNodeInitialized && PnpIsDisabled(Node)) {
            PnpSetProblem(Node, CM_PROB_DISABLED, STATUS_SUCCESS);
            return;
        }
        if (Node->State == DeviceNodeInitialized && Node->Capabilities.DockDevice && !(Node->Flags & DNF_DOCKED)) {
            if (!NT_SUCCESS(Dock(Node))) {
                return;
            }
            Docking = TRUE;
        }
        if (Node->State == DeviceNodeInitialized) {
            /* "The PnP manager fails create requests for the device until the IRP_MN_START_DEVICE IRP completes": page on IoSetDeviceInterfaceState. */
            IopMarkStack(Node->PhysicalDeviceObject, DOE_START_PENDING, 0);
            if (!NT_SUCCESS(AddDrivers(Node))) {
                IopMarkStack(Node->PhysicalDeviceObject, 0, DOE_START_PENDING);
                Docked(Node, Docking);
                return;
            }
        }
        if (Node->State == DeviceNodeDriversAdded) {
            PnpAskRequirements(Node);
            if (!NT_SUCCESS(Assign(Node))) {
                PnpRemoveStack(Node);
                Docked(Node, Docking);
                return;
            }
            PnpSetState(Node, DeviceNodeResourcesAssigned);
        }
        Status = Node->State == DeviceNodeResourcesAssigned ? StartDevice(Node) : STATUS_SUCCESS;
        Docked(Node, Docking);
        if (!NT_SUCCESS(Status)) {
            return;
        }
    }
    if (Node->State == DeviceNodeStarted && (Node->Flags & DNF_NEEDS_RELATIONS)) {
        PnpEnumerate(Node);
    }
    for (Child = Node->Child; Child; Child = Next) {
        Next = Child->Sibling;
        PnpProcess(Child);
    }
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioinvalidatedevicestate */
VOID PnpStateInvalidated(PDEVICE_NODE Node)
{
    PNP_VETO Veto;
    if (!PnpIsStarted(Node)) {
        return;
    }
    PnpApplyState(Node);
    if (PnpIsStarted(Node) && (Node->PnpState & PNP_DEVICE_RESOURCE_REQUIREMENTS_CHANGED)) {
        PnpStopAndRestart(Node, &Veto);
    }
}
