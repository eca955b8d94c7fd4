/* SPDX-License-Identifier: MIT */
/*
 * pci/pdo.c - PnP IRPs of a function. Which ones a bus driver handles for its children: Microsoft, "Plug and Play Minor IRPs".
 * An IRP that is not handled here is completed with the status it came with.
 */
#include <initguid.h>
#include "pci.h"
#include <wdmguid.h>
#include "io/verify.h"
#include "kd/log.h"
#include "ke/bugcheck.h"
#include "ke/interrupt.h"

/* Give the BARs the addresses of the raw list: the DevicePrivate descriptor behind each range names its register. */
static NTSTATUS TakeAddresses(PCI_FUNCTION *Function, PCM_RESOURCE_LIST Raw)
{
    PCM_PARTIAL_RESOURCE_LIST list;
    ULONGLONG address = 0;
    BOOLEAN have = FALSE;

    if (Raw == NULL)
        return STATUS_SUCCESS;
    list = &Raw->List[0].PartialResourceList;
    for (ULONG i = 0; i < list->Count; i++) {
        PCM_PARTIAL_RESOURCE_DESCRIPTOR descriptor = &list->PartialDescriptors[i];

        if (descriptor->Type == CmResourceTypePort || descriptor->Type == CmResourceTypeMemory) {
            address = (ULONGLONG)descriptor->u.Generic.Start.QuadPart;
            have = TRUE;
        } else if (descriptor->Type == CmResourceTypeDevicePrivate && have) {
            ULONG bar = descriptor->u.DevicePrivate.Data[1];

            if (bar >= Function->BarCount || (address & (Function->Bar[bar].Size - 1)) != 0)
                return STATUS_INVALID_PARAMETER;
            Function->Bar[bar].Address = address;
            have = FALSE;
        }
    }
    return STATUS_SUCCESS;
}

static NTSTATUS Start(PCI_FUNCTION *Function, PIO_STACK_LOCATION Stack)
{
    NTSTATUS status;

    if (!Function->Present || PciRead16(Function->At, PCI_VENDOR_ID) == PCI_INVALID_VENDORID)
        return STATUS_NO_SUCH_DEVICE;
    status = TakeAddresses(Function, Stack->Parameters.StartDevice.AllocatedResources);
    if (!NT_SUCCESS(status))
        return status;
    /* A function that does not work in D0 cannot be started (PM 2.3): the firmware may have left it lower. */
    status = PciSetFunctionPower(Function, PowerDeviceD0);
    if (!NT_SUCCESS(status))
        return status;
    PciSetDecodes(Function, FALSE);
    PciWriteBars(Function);
    PciSetDecodes(Function, TRUE);
    PciEnableErrors(Function);
    Function->MessageMask = ~0u;
    PciProgramInterrupt(Function);
    Function->Common.State = PciStarted;
    return STATUS_SUCCESS;
}

/* A bridge keeps forwarding while it is stopped: its children have no other way. */
static void Quiet(PCI_FUNCTION *Function)
{
    BOOLEAN there = Function->Present && PciRead16(Function->At, PCI_VENDOR_ID) != PCI_INVALID_VENDORID;

    if (there || Function->MsixTable != NULL)
        PciDisableInterrupt(Function);
    if (there && (Function->HeaderType & 0x7F) != PCI_BRIDGE_TYPE)
        PciSetDecodes(Function, FALSE);
}

/*
 * A message vector is the function's own, so whoever is still connected to it when STOP or REMOVE reaches the bus driver has forgotten to
 * disconnect (Microsoft, "Handling an IRP_MN_STOP_DEVICE Request": disconnect interrupts before the IRP goes down). The same code as for the
 * other things that a driver leaves behind.
 */

static void CheckDisconnected(PCI_FUNCTION *Function, PCSTR Irp)
{
    PKINTERRUPT left;

    if (Function->Interrupt.Kind != PciInterruptMsi && Function->Interrupt.Kind != PciInterruptMsix)
        return;
    for (ULONG i = 0; i < Function->Interrupt.Count; i++) {
        left = KeFindInterruptOfVector(Function->Interrupt.Vector[i]);
        if (left != NULL)
            IoStop(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_INTERRUPT_LEFT, (ULONG_PTR)left,
                   (ULONG_PTR)Function->Common.Self, Function->Interrupt.Vector[i], left->Caller,
                   "message interrupt %u is still connected when %s reaches the bus driver: call "
                   "IoDisconnectInterruptEx before it is passed "
                   "down",
                   i, Irp);
    }
}

/* After REMOVE the PDO stays while the function is in its slot (it may be started again); it is deleted when PnP has been told that
 * it is gone (Microsoft, "Removing a Device in a Bus Driver"). */
static NTSTATUS Remove(PCI_FUNCTION *Function, PIRP Irp)
{
    BOOLEAN gone = !Function->Present && !Function->Reported;

    CheckDisconnected(Function, "IRP_MN_REMOVE_DEVICE");
    if (Function->Common.State == PciStarted || Function->Common.State == PciStopped ||
        Function->Common.State == PciSurpriseRemoved)
        Quiet(Function);
    PciReleaseResources(Function);
    Function->Common.State = PciNotStarted;
    if (gone)
        PciDeleteFunction(Function);
    Irp->IoStatus.Status = STATUS_SUCCESS;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}

static NTSTATUS OneDevice(PDEVICE_OBJECT Device, PIRP Irp)
{
    PDEVICE_RELATIONS relations = ExAllocatePoolWithTag(PagedPool, sizeof(*relations), PCI_TAG);

    if (relations == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    ObReferenceObject(Device);
    relations->Count = 1;
    relations->Objects[0] = Device;
    Irp->IoStatus.Information = (ULONG_PTR)relations;
    return STATUS_SUCCESS;
}

/* The other functions of the card leave the slot with this one. */
static NTSTATUS QueryEjectionRelations(PCI_FUNCTION *Function, PIRP Irp)
{
    PCI_BUS *bus = Function->Bus;
    PDEVICE_RELATIONS relations;

    if (bus->Slot == NULL)
        return Irp->IoStatus.Status;
    relations =
        ExAllocatePoolWithTag(PagedPool, sizeof(*relations) + PCI_MAX_FUNCTION * sizeof(PDEVICE_OBJECT), PCI_TAG);
    if (relations == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    relations->Count = 0;
    ExAcquireFastMutex(&bus->Lock);
    for (PLIST_ENTRY e = bus->Functions.Flink; e != &bus->Functions && relations->Count < PCI_MAX_FUNCTION;
         e = e->Flink) {
        PCI_FUNCTION *other = CONTAINING_RECORD(e, PCI_FUNCTION, Link);

        if (other != Function && other->Present && other->At.Device == Function->At.Device) {
            ObReferenceObject(other->Common.Self);
            relations->Objects[relations->Count++] = other->Common.Self;
        }
    }
    ExReleaseFastMutex(&bus->Lock);
    if (relations->Count == 0) {
        ExFreePoolWithTag(relations, PCI_TAG);
        return Irp->IoStatus.Status;
    }
    Irp->IoStatus.Information = (ULONG_PTR)relations;
    return STATUS_SUCCESS;
}

static NTSTATUS QueryRelations(PCI_FUNCTION *Function, PIRP Irp, DEVICE_RELATION_TYPE Type)
{
    if (Type == TargetDeviceRelation)
        return OneDevice(Function->Common.Self, Irp);
    if (Type == EjectionRelations)
        return QueryEjectionRelations(Function, Irp);
    return Irp->IoStatus.Status;
}

static NTSTATUS BusInformation(PCI_FUNCTION *Function, PIRP Irp)
{
    PPNP_BUS_INFORMATION information = ExAllocatePoolWithTag(PagedPool, sizeof(*information), PCI_TAG);

    if (information == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    information->BusTypeGuid = GUID_BUS_TYPE_PCI;
    information->LegacyBusType = PCIBus;
    information->BusNumber = Function->At.Bus;
    Irp->IoStatus.Information = (ULONG_PTR)information;
    return STATUS_SUCCESS;
}

static NTSTATUS SurpriseRemoval(PCI_FUNCTION *Function)
{
    Quiet(Function);
    Function->Common.State = PciSurpriseRemoved;
    return STATUS_SUCCESS;
}

static NTSTATUS Stop(PCI_FUNCTION *Function)
{
    CheckDisconnected(Function, "IRP_MN_STOP_DEVICE");
    Quiet(Function);
    Function->Common.State = PciStopped;
    return STATUS_SUCCESS;
}

static NTSTATUS Eject(PCI_FUNCTION *Function, PIRP Irp)
{
    if (Function->Bus->Slot == NULL)
        return Irp->IoStatus.Status;
    PciSlotPowerOff(Function->Bus);
    return STATUS_SUCCESS;
}

static NTSTATUS ReadWriteConfig(PCI_FUNCTION *Function, PIRP Irp, PIO_STACK_LOCATION Stack)
{
    ULONG offset = Stack->Parameters.ReadWriteConfig.Offset, length = Stack->Parameters.ReadWriteConfig.Length;
    PVOID buffer = Stack->Parameters.ReadWriteConfig.Buffer;

    if (Stack->Parameters.ReadWriteConfig.WhichSpace != PCI_WHICHSPACE_CONFIG)
        return STATUS_INVALID_PARAMETER_1;
    Irp->IoStatus.Information = Stack->MinorFunction == IRP_MN_READ_CONFIG
                                    ? PciReadFunctionConfig(Function, buffer, offset, length)
                                    : PciWriteFunctionConfig(Function, buffer, offset, length);
    return Irp->IoStatus.Information == length ? STATUS_SUCCESS : STATUS_INVALID_DEVICE_REQUEST;
}

static NTSTATUS DeviceState(PCI_FUNCTION *Function, PIRP Irp)
{
    if (!Function->Present)
        Irp->IoStatus.Information |= PNP_DEVICE_FAILED | PNP_DEVICE_REMOVED;
    return STATUS_SUCCESS;
}

/* IRP_MJ_PNP of a PDO. PASSIVE_LEVEL, tree lock held by the PnP manager. */
NTSTATUS PciDispatchFunctionPnp(PCI_FUNCTION *Function, PIRP Irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    NTSTATUS status = Irp->IoStatus.Status;

    switch (stack->MinorFunction) {
    case IRP_MN_START_DEVICE:
        status = Start(Function, stack);
        break;
    case IRP_MN_QUERY_STOP_DEVICE:
    case IRP_MN_CANCEL_STOP_DEVICE:
    case IRP_MN_QUERY_REMOVE_DEVICE:
    case IRP_MN_CANCEL_REMOVE_DEVICE:
        status = STATUS_SUCCESS;
        break;
    case IRP_MN_STOP_DEVICE:
        status = Stop(Function);
        break;
    case IRP_MN_SURPRISE_REMOVAL:
        status = SurpriseRemoval(Function);
        break;
    case IRP_MN_REMOVE_DEVICE:
        return Remove(Function, Irp);
    case IRP_MN_EJECT:
        status = Eject(Function, Irp);
        break;
    case IRP_MN_QUERY_DEVICE_RELATIONS:
        status = QueryRelations(Function, Irp, stack->Parameters.QueryDeviceRelations.Type);
        break;
    case IRP_MN_QUERY_ID:
        status = PciQueryId(Function, stack->Parameters.QueryId.IdType, (PWSTR *)&Irp->IoStatus.Information);
        break;
    case IRP_MN_QUERY_DEVICE_TEXT:
        status = PciQueryText(Function, stack->Parameters.QueryDeviceText.DeviceTextType,
                              (PWSTR *)&Irp->IoStatus.Information);
        break;
    case IRP_MN_QUERY_CAPABILITIES:
        PciQueryCapabilities(Function, stack->Parameters.DeviceCapabilities.Capabilities);
        status = STATUS_SUCCESS;
        break;
    case IRP_MN_QUERY_RESOURCES:
        status = PciQueryBootResources(Function, (PCM_RESOURCE_LIST *)&Irp->IoStatus.Information);
        break;
    case IRP_MN_QUERY_RESOURCE_REQUIREMENTS:
        status = PciQueryRequirements(Function, (PIO_RESOURCE_REQUIREMENTS_LIST *)&Irp->IoStatus.Information);
        break;
    case IRP_MN_QUERY_BUS_INFORMATION:
        status = BusInformation(Function, Irp);
        break;
    case IRP_MN_QUERY_INTERFACE:
        status = PciQueryInterface(Function, stack, Irp->IoStatus.Status);
        break;
    case IRP_MN_QUERY_PNP_DEVICE_STATE:
        status = DeviceState(Function, Irp);
        break;
    case IRP_MN_READ_CONFIG:
    case IRP_MN_WRITE_CONFIG:
        status = ReadWriteConfig(Function, Irp, stack);
        break;
    default: /* not ours: the status it came with */
        break;
    }
    if (status == STATUS_NOT_SUPPORTED)
        status = Irp->IoStatus.Status;
    Irp->IoStatus.Status = status;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return status;
}
