/* SPDX-License-Identifier: MIT */
/* The last IRPs that were sent and completed, for stop reports. */
#ifndef IO_IRPLOG_H
#define IO_IRPLOG_H
#include "kernel.h"

/* Any IRQL <= DISPATCH_LEVEL. An IRP goes to DeviceObject's driver (its current stack location is that driver's). */
VOID IopLogSent(PIRP Irp, PDEVICE_OBJECT DeviceObject);
/* The same: IoCompleteRequest was called at the current stack location. */
VOID IopLogCompleted(PIRP Irp);
/* Bugcheck: prints the log, oldest first. */
VOID IopSayIrps(VOID);
/* "IRP_MJ_PNP/START_DEVICE"; returns Text. */
PSTR IopIrpName(UCHAR Major, UCHAR Minor, PSTR Text, SIZE_T Size);

#endif
