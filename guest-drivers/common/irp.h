/* SPDX-License-Identifier: MIT */
/* What may be done with an IRP: complete it, pass it down and forget it, pass it down and wait. */
#ifndef IRP_H
#define IRP_H

#include "ddk_compat.h"

/* Completes Irp with Status and Information and returns Status. IRQL <= DISPATCH_LEVEL. */
NTSTATUS CompleteIrp(PIRP Irp, NTSTATUS Status, ULONG_PTR Information);

/* Completes Irp with the status that it came with: what is due for a request that this PDO does not handle. */
NTSTATUS IgnoreIrp(PIRP Irp);

/* Passes Irp to Lower and forgets it; the status is the lower driver's. IRQL <= DISPATCH_LEVEL. Not for power IRPs. */
NTSTATUS PassIrp(PDEVICE_OBJECT Lower, PIRP Irp);

/* Passes Irp to Lower and waits until the lower drivers have finished it; the caller then owns it again. PASSIVE_LEVEL. Not for power IRPs. */
NTSTATUS ForwardIrpAndWait(PDEVICE_OBJECT Lower, PIRP Irp);

/*
 * Sends IRP_MN_QUERY_INTERFACE for Guid to Target (the next lower device, or the top of another stack) and waits. Interface is Size bytes. PASSIVE_LEVEL.
 * On success the provider has referenced the interface. STATUS_NOT_SUPPORTED: nobody in the stack knows it.
 */
NTSTATUS QueryInterface(PDEVICE_OBJECT Target, const GUID *Guid, USHORT Size, USHORT Version, PINTERFACE Interface);

/* What the stack of Target says of its device (IRP_MN_QUERY_CAPABILITIES), in a structure that is initialized here. PASSIVE_LEVEL. */
NTSTATUS AskCapabilities(PDEVICE_OBJECT Target, PDEVICE_CAPABILITIES Capabilities);

/*
 * Sends an internal I/O control (METHOD_BUFFERED) to Target and waits. FileObject, if not NULL, is the open through which it is sent.
 * *Returned = bytes that came back; may be NULL. PASSIVE_LEVEL.
 */
NTSTATUS SendInternalIoctl(PDEVICE_OBJECT Target, PFILE_OBJECT FileObject, ULONG Code, PVOID Input, ULONG InputLength,
                           PVOID Output, ULONG OutputLength, ULONG_PTR *Returned);

#endif
