/* SPDX-License-Identifier: MIT */
/* Kernel-mode APCs; mingw's headers lack the two functions that Windows exports. */
#ifndef KE_APC_H
#define KE_APC_H
#include "kernel.h"

/* Any IRQL. A special APC has no NormalRoutine: KernelRoutine runs in Thread at APC_LEVEL. */
VOID NTAPI KeInitializeApc(PRKAPC Apc, PRKTHREAD Thread, UCHAR Environment, PKKERNEL_ROUTINE KernelRoutine,
                           PKRUNDOWN_ROUTINE RundownRoutine, PKNORMAL_ROUTINE NormalRoutine, KPROCESSOR_MODE Mode,
                           PVOID Context);
/* IRQL <= DISPATCH_LEVEL. FALSE when it is queued already or its thread has ended. */
BOOLEAN NTAPI KeInsertQueueApc(PRKAPC Apc, PVOID SystemArgument1, PVOID SystemArgument2, KPRIORITY Increment);
/* Any IRQL. Would a special APC of the current thread run at once? */
BOOLEAN KiIsApcEnabled(VOID);

#endif
