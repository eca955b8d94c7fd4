/* SPDX-License-Identifier: MIT */
#ifndef IO_REMOVELOCK_H
#define IO_REMOVELOCK_H
#include "kernel.h"

VOID IopInitRemoveLocks(VOID);
/* Is a remove lock in [Base, Base+Size) still held? Tells by whom. IRQL <= DISPATCH_LEVEL. */
BOOLEAN IopRemoveLockHeldIn(PVOID Base, SIZE_T Size, PVOID *Tag, PVOID *Caller);

/* A device object with this memory was deleted. IRQL <= DISPATCH_LEVEL. */
VOID IopForgetRemoveLocks(PVOID Base, SIZE_T Size);

#endif
