/* SPDX-License-Identifier: MIT */
#ifndef KE_BACKTRACE_H
#define KE_BACKTRACE_H
#include "ke/unwind.h"
#include "ke/trap.h"
#include "ke/thread.h"

/* Any IRQL. Addresses of the frames from State on, State's own first. Returns their number. */
ULONG KiWalkStack(UNWIND_STATE *State, PVOID *Frames, ULONG Count);
VOID KiStateFromTrap(UNWIND_STATE *State, const TRAP_FRAME *Frame);
VOID KiStateFromContext(UNWIND_STATE *State, const CONTEXT *Context);
/* Of a thread that does not run. */
VOID KiStateFromThread(UNWIND_STATE *State, PKTHREAD Thread);

#endif
