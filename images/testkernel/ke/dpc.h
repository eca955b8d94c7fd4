/* SPDX-License-Identifier: MIT */
#ifndef KE_DPC_H
#define KE_DPC_H
#include "kernel.h"

/* DISPATCH_LEVEL, in the dispatch interrupt. Expires timers, drains the DPC queue, switches threads if one of higher priority is ready. */
VOID KiDispatchInterrupt(VOID);
/* APC_LEVEL, in the APC interrupt. */
VOID KiDeliverApcs(VOID);
/* Is this DPC queued? Any IRQL. */
BOOLEAN KiIsDpcQueued(PKDPC Dpc);
/* First queued or running DPC whose object or routine lies in the range, or NULL. */
PKDPC KiFindDpc(PVOID Base, SIZE_T Size);

#endif
