/* SPDX-License-Identifier: MIT */
/* Thread life-cycle internals. */
#ifndef KE_THREADS_H
#define KE_THREADS_H
#include "ke/thread.h"

/* Boot: the code that runs becomes the idle thread. */
VOID KiInitializeIdleThread(VOID);
/* PASSIVE_LEVEL. Ends the current thread; its stack and object go when the idle thread reaps it. */
DECLSPEC_NORETURN VOID KiTerminateThread(NTSTATUS ExitStatus);
/* Idle thread. Frees one ended thread; FALSE if there is none. */
BOOLEAN KiReapThreads(VOID);
VOID KiCheckThreadReturn(PKTHREAD Thread, PVOID Culprit);
/* IRQL <= DISPATCH_LEVEL. Threads whose start routine lies in an image (leak check at unload). */
ULONG KiReportThreadsOfImage(PVOID Base, SIZE_T Size);

#endif
