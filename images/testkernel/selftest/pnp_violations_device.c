/* SPDX-License-Identifier: MIT */
/*
 * Broken rules that need hardware (pci_…: QEMU's edu device, docs/specs/edu.rst) or a filter driver (filter_…: the driver is its own upper
 * filter). See violations.h.
 */
#include "pnp_violations.h"

#define EDU_RAISE 0x60

static NTSTATUS NTAPI AddFilter(PDRIVER_OBJECT DriverObject, PDEVICE_OBJECT PhysicalDevice, ULONG Flags,
                                DEVICE_TYPE Type)
{
    PDEVICE_OBJECT filter, below;
    if (!Fdo) {
        Add(DriverObject, PhysicalDevice);
        Fdo->Flags |= DO_BUFFERED_IO;
        return STATUS_SUCCESS;
    }
    IoCreateDevice(DriverObject, 0, NULL, Type, 0, FALSE, &filter);
    below = IoAttachDeviceToDeviceStack(filter, PhysicalDevice);
    filter->Flags |= (below->Flags & DO_POWER_PAGABLE) | Flags;
    filter->Flags &= ~DO_DEVICE_INITIALIZING;
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI BAD(filter_other_method, _add)(PDRIVER_OBJECT DriverObject, PDEVICE_OBJECT PhysicalDevice)
{
    return AddFilter(DriverObject, PhysicalDevice, 0, FILE_DEVICE_UNKNOWN);
}
BROKEN(filter_other_method)
{
    Driver->DriverExtension->AddDevice = Break_filter_other_method_add;
}

static NTSTATUS NTAPI BAD(filter_other_type, _add)(PDRIVER_OBJECT DriverObject, PDEVICE_OBJECT PhysicalDevice)
{
    return AddFilter(DriverObject, PhysicalDevice, DO_BUFFERED_IO, FILE_DEVICE_KEYBOARD);
}
BROKEN(filter_other_type)
{
    Driver->DriverExtension->AddDevice = Break_filter_other_type_add;
}

/* Starts the edu device with Routine for its interrupt, and raises one. */
static PKSERVICE_ROUTINE Routine;
static PKINTERRUPT Interrupt;

static volatile UCHAR *MapBar(PIO_STACK_LOCATION Stack)
{
    PCM_PARTIAL_RESOURCE_LIST list =
        &Stack->Parameters.StartDevice.AllocatedResourcesTranslated->List[0].PartialResourceList;
    for (ULONG i = 0; i < list->Count; i++) {
        if (list->PartialDescriptors[i].Type == CmResourceTypeMemory) {
            return MmMapIoSpace(list->PartialDescriptors[i].u.Memory.Start, 0x1000, MmNonCached);
        }
    }
    return NULL;
}

static NTSTATUS NTAPI StartAndRaise(PDEVICE_OBJECT Device, PIRP Irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    IO_CONNECT_INTERRUPT_PARAMETERS connect = {.Version = CONNECT_LINE_BASED};
    volatile UCHAR *bar;
    if (stack->MinorFunction != IRP_MN_START_DEVICE) {
        return Pnp(Device, Irp);
    }
    bar = MapBar(stack);
    IoForwardIrpSynchronously(Below, Irp);
    connect.LineBased.PhysicalDeviceObject = Pdo;
    connect.LineBased.InterruptObject = &Interrupt;
    connect.LineBased.ServiceRoutine = Routine;
    IoConnectInterruptEx(&connect);
    *(volatile ULONG *)(bar + EDU_RAISE) = 1;
    return Complete(Irp, STATUS_SUCCESS);
}

static BOOLEAN NTAPI BAD(pci_interrupt_unclaimed_later, _isr)(PKINTERRUPT TheInterrupt, PVOID Context)
{
    return FALSE;
}
BROKEN(pci_interrupt_unclaimed_later)
{
    Routine = Break_pci_interrupt_unclaimed_later_isr;
    Driver->MajorFunction[IRP_MJ_PNP] = StartAndRaise;
}

/* Claims what is not its device's, or does not quiet its device: nobody else gets the processor again. */
static BOOLEAN NTAPI BAD(pci_claimed_forever_later, _isr)(PKINTERRUPT TheInterrupt, PVOID Context)
{
    return TRUE;
}
BROKEN(pci_claimed_forever_later)
{
    Routine = Break_pci_claimed_forever_later_isr;
    Driver->MajorFunction[IRP_MJ_PNP] = StartAndRaise;
}

static BOOLEAN NTAPI BAD(pci_isr_keeps_irql, _isr)(PKINTERRUPT TheInterrupt, PVOID Context)
{
    Raise(HIGH_LEVEL);
    return TRUE;
}
BROKEN(pci_isr_keeps_irql)
{
    Routine = Break_pci_isr_keeps_irql_isr;
    Driver->MajorFunction[IRP_MJ_PNP] = StartAndRaise;
}

static BOOLEAN NTAPI Claim(PKINTERRUPT TheInterrupt, PVOID Context, ULONG Message)
{
    return TRUE;
}

static NTSTATUS NTAPI BAD(pci_interrupt_left, _pnp)(PDEVICE_OBJECT Device, PIRP Irp)
{
    IO_CONNECT_INTERRUPT_PARAMETERS connect = {.Version = CONNECT_MESSAGE_BASED};
    if (IoGetCurrentIrpStackLocation(Irp)->MinorFunction == IRP_MN_START_DEVICE) {
        IoForwardIrpSynchronously(Below, Irp);
        connect.MessageBased.PhysicalDeviceObject = Pdo;
        connect.MessageBased.ConnectionContext.Generic = (PVOID *)&Interrupt;
        connect.MessageBased.MessageServiceRoutine = Claim;
        IoConnectInterruptEx(&connect);
        return Complete(Irp, STATUS_UNSUCCESSFUL);
    }
    return Pnp(Device, Irp);
}
BROKEN(pci_interrupt_left)
{
    Driver->MajorFunction[IRP_MJ_PNP] = Break_pci_interrupt_left_pnp;
}
