/* SPDX-License-Identifier: MIT */
/* What the broken rules of I/O and objects start from: two unnamed device objects, Upper on Lower, whose dispatch routines a case replaces. */
#ifndef SELFTEST_IO_VIOLATIONS_H
#define SELFTEST_IO_VIOLATIONS_H
#include "violations.h"

extern PDEVICE_OBJECT Lower, Upper;
extern PDRIVER_DISPATCH OnLower, OnUpper; /* OnLower succeeds, OnUpper passes down */
extern PDEVICE_OBJECT Keeper;             /* of SendToKeeper: a driver that keeps the IRPs it gets, under Upper */
extern KEVENT Event;
extern IO_STATUS_BLOCK Iosb;

#define IOCTL_TEST CTL_CODE(0x8000, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS)

static inline NTSTATUS Complete(PIRP Irp, NTSTATUS Status)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = 0;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

/* A device control IRP for Upper; Event and Iosb are set when it is done. Inline, so that the case is blamed. */
__attribute__((always_inline)) static inline PIRP Build(void)
{
    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    return IoBuildDeviceIoControlRequest(IOCTL_TEST, Upper, NULL, 0, NULL, 0, FALSE, &Event, &Iosb);
}
/* Sends a device control IRP to Lower alone, whose driver's dispatch routine is then Routine: it is blamed for what it does. */
void SendTo(PDRIVER_DISPATCH Routine);
/* Sends a device control IRP to Upper, which is attached to the device of the driver io_violations. */
void SendToKeeper(void);
/* Deletes both device objects and unloads the driver. */
void Remove(void);

#endif
