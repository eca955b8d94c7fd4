/* SPDX-License-Identifier: MIT */
/*
 * What the broken rules of PnP and power start from: a function driver on its root device, which is a bus with one child PDO when IsBus is set.
 * A case replaces one of its parts.
 */
#ifndef SELFTEST_PNP_VIOLATIONS_H
#define SELFTEST_PNP_VIOLATIONS_H
#include "violations.h"

extern PDEVICE_OBJECT Fdo, Below, Pdo, Child, Sibling; /* Pdo: of the root device */
extern BOOLEAN IsBus;
extern BOOLEAN Failing;   /* once started, the device reports PNP_DEVICE_FAILED: surprise removal, removal */
extern BOOLEAN NullChild; /* and a NULL after them */
extern BOOLEAN FailStart; /* IRP_MN_START_DEVICE fails: removal */
extern ULONG Children;    /* how many child PDOs IRP_MN_QUERY_DEVICE_RELATIONS reports */
extern PCWSTR ChildId;    /* BusQueryDeviceID of the child */
extern PDRIVER_DISPATCH OnChild;

/* Inline, so that the routine of the case is blamed. */
__attribute__((always_inline)) static inline NTSTATUS Complete(PIRP Irp, NTSTATUS Status)
{
    Irp->IoStatus.Status = Status;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

__attribute__((always_inline)) static inline NTSTATUS PassDown(PIRP Irp)
{
    IoSkipCurrentIrpStackLocation(Irp);
    return IoCallDriver(Below, Irp);
}

/* Correct AddDevice: makes Fdo and attaches it. */
NTSTATUS NTAPI Add(PDRIVER_OBJECT DriverObject, PDEVICE_OBJECT PhysicalDevice);
/* Correct dispatch routines of the function device and of the child. */
NTSTATUS NTAPI Pnp(PDEVICE_OBJECT Device, PIRP Irp);
NTSTATUS NTAPI ChildPnp(PDEVICE_OBJECT Device, PIRP Irp);
NTSTATUS NTAPI Power(PDEVICE_OBJECT Device, PIRP Irp);

#endif
