/* SPDX-License-Identifier: MIT */
#ifndef EX_CALLBACK_H
#define EX_CALLBACK_H
#include "kernel.h"

/* Makes \Callback\SetSystemTime and \Callback\PowerState. PASSIVE_LEVEL, after ObInitSystem. */
VOID ExInitCallbacks(VOID);
/*
 * For the power manager: notifies \Callback\PowerState, e.g. (PO_CB_SYSTEM_STATE_LOCK, 0) before sleeping and (…, 1) after waking.
 * IRQL <= DISPATCH_LEVEL.
 */
VOID ExNotifyPowerState(ULONG_PTR Argument1, ULONG_PTR Argument2);
/* A callback object with a routine inside [Base, Base+Size), for leak checks at unload. */
BOOLEAN ExFindCallbackOfImage(PVOID Base, SIZE_T Size, PWCHAR Name, ULONG Characters);

#endif
