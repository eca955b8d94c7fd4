/* SPDX-License-Identifier: MIT */
/* Loading, attaching, passing on, and the I/O controls. */
#include "pnptest.h"

const CHAR TraceDriverName[] = "pnptest";
KEVENT Release;

static PFILTER Filter(PDEVICE_OBJECT DeviceObject)
{
    return (PFILTER)DeviceObject->DeviceExtension;
}

/* Whatever is not this filter's business. IRQL as the driver below takes it. */
static NTSTATUS NTAPI DispatchPass(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PFILTER filter = Filter(DeviceObject);
    NTSTATUS status = IoAcquireRemoveLock(&filter->RemoveLock, Irp);

    if (!NT_SUCCESS(status)) {
        return CompleteIrp(Irp, status, 0);
    }
    status = PassIrp(filter->Lower, Irp);
    IoReleaseRemoveLock(&filter->RemoveLock, Irp);
    return status;
}

/*
 * Opens through the filter's own interface end here: the driver below may know nothing of opens. Its link ends in a reference string, which is the
 * name of the file in CREATE; later the mark in the file object tells. PASSIVE_LEVEL.
 */
static NTSTATUS NTAPI DispatchFile(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    static const UNICODE_STRING own = RTL_CONSTANT_STRING(L"\\" PNPTEST_REFERENCE_STRING);
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);

    if (stack->MajorFunction == IRP_MJ_CREATE && RtlEqualUnicodeString(&stack->FileObject->FileName, &own, TRUE)) {
        stack->FileObject->FsContext2 = &Filter(DeviceObject)->Link;
    }
    if (stack->FileObject->FsContext2 == &Filter(DeviceObject)->Link) {
        return CompleteIrp(Irp, STATUS_SUCCESS, 0);
    }
    return DispatchPass(DeviceObject, Irp);
}

static NTSTATUS NTAPI DispatchPower(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PFILTER filter = Filter(DeviceObject);
    NTSTATUS status = IoAcquireRemoveLock(&filter->RemoveLock, Irp);

    PoStartNextPowerIrp(Irp);
    if (!NT_SUCCESS(status)) {
        return CompleteIrp(Irp, status, 0);
    }
    IoSkipCurrentIrpStackLocation(Irp);
    status = PoCallDriver(filter->Lower, Irp);
    IoReleaseRemoveLock(&filter->RemoveLock, Irp);
    return status;
}

/* Has the PnP manager ask for the device's state, and answers with State then. IRQL <= DISPATCH_LEVEL. */
static NTSTATUS ReportState(PFILTER Filter, PNP_DEVICE_STATE State)
{
    InterlockedOr(&Filter->Report, (LONG)State);
    IoInvalidateDeviceState(Filter->Pdo);
    return STATUS_SUCCESS;
}

/* STATUS_INVALID_DEVICE_REQUEST: the code is not the filter's. PASSIVE_LEVEL. */
static NTSTATUS Control(PFILTER Filter, PIRP Irp, PIO_STACK_LOCATION Stack)
{
    switch (Stack->Parameters.DeviceIoControl.IoControlCode) {
    case IOCTL_PNPTEST_ARM:
        if (Stack->Parameters.DeviceIoControl.InputBufferLength < sizeof(ULONG)) {
            return STATUS_INVALID_PARAMETER;
        }
        InterlockedExchange(&Filter->Armed, *(LONG *)Irp->AssociatedIrp.SystemBuffer);
        return STATUS_SUCCESS;
    case IOCTL_PNPTEST_REBALANCE:
        return ReportState(Filter, PNP_DEVICE_RESOURCE_REQUIREMENTS_CHANGED);
    case IOCTL_PNPTEST_SURPRISE_REMOVE:
        return ReportState(Filter, PNP_DEVICE_FAILED);
    case IOCTL_PNPTEST_QUERY:
        QueryEverything(Filter);
        return STATUS_SUCCESS;
    case IOCTL_PNPTEST_RELEASE:
        KeSetEvent(&Release, IO_NO_INCREMENT, FALSE);
        return STATUS_SUCCESS;
    default:
        return STATUS_INVALID_DEVICE_REQUEST;
    }
}

static NTSTATUS NTAPI DispatchControl(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PFILTER filter = Filter(DeviceObject);
    NTSTATUS status = IoAcquireRemoveLock(&filter->RemoveLock, Irp);

    if (!NT_SUCCESS(status)) {
        return CompleteIrp(Irp, status, 0);
    }
    status = Control(filter, Irp, IoGetCurrentIrpStackLocation(Irp));
    if (status == STATUS_INVALID_DEVICE_REQUEST) {
        status = PassIrp(filter->Lower, Irp);
    } else {
        CompleteIrp(Irp, status, 0);
    }
    IoReleaseRemoveLock(&filter->RemoveLock, Irp);
    return status;
}

/* `\Driver\owner` without what all have in common. */
static UNICODE_STRING ServiceOf(PDRIVER_OBJECT Driver)
{
    UNICODE_STRING service = Driver->DriverName;
    USHORT index;

    for (index = 0; index < Driver->DriverName.Length / sizeof(WCHAR); index++) {
        if (Driver->DriverName.Buffer[index] == L'\\') {
            service.Buffer = Driver->DriverName.Buffer + index + 1;
            service.Length = Driver->DriverName.Length - (USHORT)((index + 1) * sizeof(WCHAR));
        }
    }
    return service;
}

/* PASSIVE_LEVEL. Source: Microsoft, "Writing an AddDevice Routine": a filter's flags are those of the device object below. */
static SECTION_PAGE NTSTATUS NTAPI AddDevice(PDRIVER_OBJECT DriverObject, PDEVICE_OBJECT Pdo)
{
    static UNICODE_STRING reference = RTL_CONSTANT_STRING(PNPTEST_REFERENCE_STRING);
    PDEVICE_OBJECT self;
    PFILTER filter;
    NTSTATUS status =
        IoCreateDevice(DriverObject, sizeof(FILTER), NULL, FILE_DEVICE_UNKNOWN, FILE_DEVICE_SECURE_OPEN, FALSE, &self);

    if (!NT_SUCCESS(status)) {
        return status;
    }
    filter = Filter(self);
    RtlZeroMemory(filter, sizeof(*filter));
    filter->Self = self;
    filter->Pdo = Pdo;
    IoInitializeRemoveLock(&filter->RemoveLock, POOL_TAG, 0, 0);
    filter->Lower = IoAttachDeviceToDeviceStack(self, Pdo);
    if (filter->Lower == NULL) {
        IoDeleteDevice(self);
        return STATUS_NO_SUCH_DEVICE;
    }
    /* A filter without an interface still passes everything on. */
    if (!NT_SUCCESS(IoRegisterDeviceInterface(Pdo, &GUID_DEVINTERFACE_PNPTEST, &reference, &filter->Link))) {
        RtlZeroMemory(&filter->Link, sizeof(filter->Link));
    }
    filter->Service = ServiceOf(filter->Lower->DriverObject);
    self->DeviceType = filter->Lower->DeviceType;
    self->Characteristics = filter->Lower->Characteristics;
    self->Flags |= filter->Lower->Flags & (DO_BUFFERED_IO | DO_DIRECT_IO | DO_POWER_PAGABLE);
    self->Flags &= ~DO_DEVICE_INITIALIZING;
    Trace("attached on=%S", &filter->Service);
    return STATUS_SUCCESS;
}

static SECTION_PAGE VOID NTAPI Unload(PDRIVER_OBJECT DriverObject)
{
    UNREFERENCED_PARAMETER(DriverObject);
    Trace("unload");
}

SECTION_INIT NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    ULONG major;

    UNREFERENCED_PARAMETER(RegistryPath);
    KeInitializeEvent(&Release, SynchronizationEvent, FALSE);
    for (major = 0; major <= IRP_MJ_MAXIMUM_FUNCTION; major++) {
        DriverObject->MajorFunction[major] = DispatchPass;
    }
    DriverObject->MajorFunction[IRP_MJ_CREATE] = DispatchFile;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = DispatchFile;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = DispatchFile;
    DriverObject->MajorFunction[IRP_MJ_PNP] = DispatchPnp;
    DriverObject->MajorFunction[IRP_MJ_POWER] = DispatchPower;
    DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL] = DispatchControl;
    DriverObject->DriverExtension->AddDevice = AddDevice;
    DriverObject->DriverUnload = Unload;
    Trace("load");
    return STATUS_SUCCESS;
}
