/* SPDX-License-Identifier: MIT */
/* The parts that are the same in each self-test whose driver has one device: Self, attached above Lower on the stack of Physical. */
#ifndef FUNCTION_H
#define FUNCTION_H
#include "check.h"

static PDEVICE_OBJECT Self, Lower, Physical;

static inline NTSTATUS NTAPI AttachDevice(PDRIVER_OBJECT DriverObject, PDEVICE_OBJECT Pdo)
{
    NTSTATUS status = IoCreateDevice(DriverObject, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &Self);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    Physical = Pdo;
    Lower = IoAttachDeviceToDeviceStack(Self, Pdo);
    Self->Flags |= Lower->Flags & (DO_POWER_PAGABLE | DO_BUFFERED_IO);
    Self->Flags &= ~DO_DEVICE_INITIALIZING;
    return STATUS_SUCCESS;
}

/* IRP_MN_REMOVE_DEVICE, when all else is undone. */
static inline NTSTATUS RemoveDevice(PIRP Irp)
{
    NTSTATUS status;
    Irp->IoStatus.Status = STATUS_SUCCESS;
    IoSkipCurrentIrpStackLocation(Irp);
    status = IoCallDriver(Lower, Irp);
    IoDetachDevice(Lower);
    IoDeleteDevice(Self);
    return status;
}

static inline NTSTATUS NTAPI PassDown(PDEVICE_OBJECT Device, PIRP Irp)
{
    IoSkipCurrentIrpStackLocation(Irp);
    return IoCallDriver(Lower, Irp);
}

/* For IRP_MJ_CREATE, _CLEANUP and _CLOSE. */
static inline NTSTATUS NTAPI Succeed(PDEVICE_OBJECT Device, PIRP Irp)
{
    Irp->IoStatus.Status = STATUS_SUCCESS;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}

#endif
