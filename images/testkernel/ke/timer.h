/* SPDX-License-Identifier: MIT */
#ifndef KE_TIMER_H
#define KE_TIMER_H
#include "kernel.h"

#define TIMER_OF_WAIT 0xF0 /* Header.Type of KTHREAD.WaitTimer */

/* DISPATCH_LEVEL. 100 ns since boot for a due time as KeSetTimer takes it. */
ULONG64 KiAbsoluteDue(LARGE_INTEGER DueTime);
/* Interrupts off, between thread and thread: the system time jumped by so many 100 ns, and absolute due times come nearer. */
VOID KiSystemTimeMoved(ULONG64 Forward);
/* IRQL <= DISPATCH_LEVEL. First set timer that lies in the range, or whose DPC or DPC routine does; NULL if none. */
PKTIMER KiFindTimer(PVOID Base, SIZE_T Size);

#endif
