/* SPDX-License-Identifier: MIT */
/*
 * A test double for one of our drivers, loaded into Wine's ntoskrnl: it has no hardware and answers the I/O controls that buddyctl sends, so that the whole way
 * from the command line to a driver and back is exercised. Symbolic link: that of the device interface which the test writes into the registry.
 */
#include <ntddk.h>
#include <initguid.h>
#include "../../../guest-drivers/include/buddy_ioctl.h"

/* Returns its input, upside down in order, so that input and output cannot be taken for each other. */
#define IOCTL_DOUBLE_REVERSE CTL_CODE(FILE_DEVICE_BUDDY, 0xF00, METHOD_BUFFERED, FILE_ANY_ACCESS)
/* Fails with STATUS_DEVICE_POWERED_OFF. */
#define IOCTL_DOUBLE_FAIL CTL_CODE(FILE_DEVICE_BUDDY, 0xF01, METHOD_BUFFERED, FILE_ANY_ACCESS)
/* Output: number of open handles, this one included (ULONG). */
#define IOCTL_DOUBLE_OPENS CTL_CODE(FILE_DEVICE_BUDDY, 0xF02, METHOD_BUFFERED, FILE_ANY_ACCESS)

static UNICODE_STRING linkName =
    RTL_CONSTANT_STRING(L"\\??\\ROOT#BUDDYDOUBLE#0000#{6f4b0d31-5a5c-4e0b-9e6b-b0dd00000001}");
static BUDDY_EXERCISE_STATUS status;
static LONG opens;

static NTSTATUS Complete(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static NTSTATUS NTAPI OpenOrClose(PDEVICE_OBJECT Device, PIRP Irp)
{
    UNREFERENCED_PARAMETER(Device);
    opens += IoGetCurrentIrpStackLocation(Irp)->MajorFunction == IRP_MJ_CREATE ? 1 : -1;
    return Complete(Irp, STATUS_SUCCESS, 0);
}

static VOID Reverse(PUCHAR Bytes, ULONG Length)
{
    ULONG index;

    for (index = 0; index < Length / 2; index++) {
        UCHAR byte = Bytes[index];

        Bytes[index] = Bytes[Length - 1 - index];
        Bytes[Length - 1 - index] = byte;
    }
}

static NTSTATUS NTAPI Control(PDEVICE_OBJECT Device, PIRP Irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    PVOID buffer = Irp->AssociatedIrp.SystemBuffer;
    ULONG length = stack->Parameters.DeviceIoControl.InputBufferLength;

    UNREFERENCED_PARAMETER(Device);
    switch (stack->Parameters.DeviceIoControl.IoControlCode) {
    case IOCTL_BUDDY_EXERCISE_START:
        status.Running = 1;
        /* More than 32 bits, and the pattern: the test sees what arrived. */
        status.Operations =
            0x100000000ull + (length == sizeof(BUDDY_EXERCISE) ? ((BUDDY_EXERCISE *)buffer)->Pattern : 99);
        return Complete(Irp, STATUS_SUCCESS, 0);
    case IOCTL_BUDDY_EXERCISE_STOP:
        status.Running = 0;
        return Complete(Irp, STATUS_SUCCESS, 0);
    case IOCTL_BUDDY_EXERCISE_STATUS:
        *(BUDDY_EXERCISE_STATUS *)buffer = status;
        return Complete(Irp, STATUS_SUCCESS, sizeof(status));
    case IOCTL_BUDDY_SETTINGS_CHANGED:
        status.PowerUps++;
        return Complete(Irp, STATUS_SUCCESS, 0);
    case IOCTL_BUDDY_REBALANCE:
        status.PowerDowns++;
        return Complete(Irp, STATUS_SUCCESS, 0);
    case IOCTL_DOUBLE_REVERSE:
        Reverse((PUCHAR)buffer, length);
        return Complete(Irp, STATUS_SUCCESS, length);
    case IOCTL_DOUBLE_FAIL:
        return Complete(Irp, STATUS_DEVICE_POWERED_OFF, 0);
    case IOCTL_DOUBLE_OPENS:
        *(PULONG)buffer = (ULONG)opens;
        return Complete(Irp, STATUS_SUCCESS, sizeof(ULONG));
    default:
        return Complete(Irp, STATUS_INVALID_DEVICE_REQUEST, 0);
    }
}

static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
{
    IoDeleteSymbolicLink(&linkName);
    IoDeleteDevice(Driver->DeviceObject);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath);

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\Device\\BuddyDouble");
    PDEVICE_OBJECT device;
    NTSTATUS result;

    UNREFERENCED_PARAMETER(RegistryPath);
    Driver->DriverUnload = Unload;
    Driver->MajorFunction[IRP_MJ_CREATE] = OpenOrClose;
    Driver->MajorFunction[IRP_MJ_CLOSE] = OpenOrClose;
    Driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = Control;
    result = IoCreateDevice(Driver, 0, &name, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
    if (NT_SUCCESS(result)) {
        result = IoCreateSymbolicLink(&linkName, &name);
    }
    return result;
}
