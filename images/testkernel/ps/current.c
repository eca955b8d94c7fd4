/* SPDX-License-Identifier: MIT */
/* The exported forms of what the DDK's headers inline. Any IRQL. */
#include "kernel.h"
#include "ke/processor.h"
#include "ke/thread.h"

#undef PsGetCurrentThread
#undef PsGetCurrentProcess

PKTHREAD NTAPI PspGetCurrentThread(VOID) __asm__("PsGetCurrentThread");
PKTHREAD NTAPI PspGetCurrentThread(VOID)
{
    return KiCurrentThread();
}

PEPROCESS NTAPI PspGetCurrentProcess(VOID) __asm__("PsGetCurrentProcess");
PEPROCESS NTAPI PspGetCurrentProcess(VOID)
{
    return &KiSystemProcess;
}
