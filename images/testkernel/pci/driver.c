/* SPDX-License-Identifier: MIT */
/* pci/driver.c - the bus driver's DriverEntry and AddDevice, and dispatch to FDO (bus) or PDO (function). */
#include "pci.h"
#include "pnp/pnp.h"
#include "pnp/resource.h"

LIST_ENTRY PciBuses = {&PciBuses, &PciBuses};
FAST_MUTEX PciBusesLock;
PDRIVER_OBJECT PciDriverObject;

/* The function of a PDO that this driver made, or NULL for any other device object. Any IRQL. */
PCI_FUNCTION *PciFunctionOf(PDEVICE_OBJECT Pdo)
{
    PCI_EXTENSION *extension;

    if (Pdo == NULL || Pdo->DriverObject != PciDriverObject)
        return NULL;
    extension = Pdo->DeviceExtension;
    return extension->IsBus ? NULL : (PCI_FUNCTION *)extension;
}

static NTSTATUS NTAPI DispatchPnp(PDEVICE_OBJECT Device, PIRP Irp)
{
    PCI_EXTENSION *extension = Device->DeviceExtension;

    return extension->IsBus ? PciDispatchBusPnp((PCI_BUS *)extension, Irp)
                            : PciDispatchFunctionPnp((PCI_FUNCTION *)extension, Irp);
}

static NTSTATUS NTAPI DispatchPower(PDEVICE_OBJECT Device, PIRP Irp)
{
    PCI_EXTENSION *extension = Device->DeviceExtension;

    return extension->IsBus ? PciDispatchBusPower((PCI_BUS *)extension, Irp)
                            : PciDispatchFunctionPower((PCI_FUNCTION *)extension, Irp);
}

/* WMI and everything else: a bus filter's IRP goes on, a PDO completes what it does not know unchanged. */
static NTSTATUS NTAPI DispatchOther(PDEVICE_OBJECT Device, PIRP Irp)
{
    PCI_EXTENSION *extension = Device->DeviceExtension;
    NTSTATUS status = Irp->IoStatus.Status;

    if (extension->IsBus) {
        IoSkipCurrentIrpStackLocation(Irp);
        return IoCallDriver(((PCI_BUS *)extension)->Lower, Irp);
    }
    if (IoGetCurrentIrpStackLocation(Irp)->MajorFunction != IRP_MJ_SYSTEM_CONTROL)
        status = STATUS_INVALID_DEVICE_REQUEST;
    Irp->IoStatus.Status = status;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return status;
}

/* Pdo is the host bridge (made by PciInitSystem) or a PCI-to-PCI bridge of ours: its FDO is the bus below. PASSIVE_LEVEL. */
static NTSTATUS NTAPI AddDevice(PDRIVER_OBJECT Driver, PDEVICE_OBJECT Pdo)
{
    PDEVICE_OBJECT device;
    PCI_BUS *bus;
    NTSTATUS status = IoCreateDevice(Driver, sizeof(PCI_BUS), NULL, FILE_DEVICE_BUS_EXTENDER, FILE_DEVICE_SECURE_OPEN,
                                     FALSE, &device);

    if (!NT_SUCCESS(status))
        return status;
    bus = device->DeviceExtension;
    bus->Common.IsBus = TRUE;
    bus->Common.Self = device;
    bus->Pdo = Pdo;
    bus->Bridge = PciFunctionOf(Pdo);
    ExInitializeFastMutex(&bus->Lock);
    InitializeListHead(&bus->Functions);
    for (int kind = 0; kind < PciWindows; kind++)
        InitializeListHead(&bus->Allocated[kind]);
    bus->Lower = IoAttachDeviceToDeviceStack(device, Pdo);
    if (bus->Lower == NULL) {
        IoDeleteDevice(device);
        return STATUS_NO_SUCH_DEVICE;
    }
    status = PnpRegisterArbiter(Pdo, PciArbitrate);
    if (!NT_SUCCESS(status)) {
        IoDetachDevice(bus->Lower);
        IoDeleteDevice(device);
        return status;
    }
    if (bus->Bridge != NULL)
        bus->Bridge->Secondary = bus;
    ExAcquireFastMutex(&PciBusesLock);
    InsertTailList(&PciBuses, &bus->Link);
    ExReleaseFastMutex(&PciBusesLock);
    device->Flags &= ~DO_DEVICE_INITIALIZING;
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI PciDriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    PciDriverObject = DriverObject;
    ExInitializeFastMutex(&PciBusesLock);
    for (int major = 0; major <= IRP_MJ_MAXIMUM_FUNCTION; major++)
        DriverObject->MajorFunction[major] = DispatchOther;
    DriverObject->MajorFunction[IRP_MJ_PNP] = DispatchPnp;
    DriverObject->MajorFunction[IRP_MJ_POWER] = DispatchPower;
    DriverObject->DriverExtension->AddDevice = AddDevice;
    return STATUS_SUCCESS;
}

/* Announce the driver and the host bridge, which Windows finds in the ACPI namespace. Called by IoInitSystem before it enumerates. */
VOID PciInitSystem(VOID)
{
    PnpRegisterBuiltinDriver("pci", PciDriverEntry, "ACPI\\PNP0A08");
    PnpRegisterBuiltinDriver("pci", PciDriverEntry, "PCI\\CC_0604");
    PnpAddRootDevice("ACPI\\PNP0A08\\0", "PCI Express Root Complex");
}
