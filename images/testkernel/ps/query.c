/* SPDX-License-Identifier: MIT */
/* Questions about threads and processes that few drivers ask. */
#include "kernel.h"
#include "ke/bugcheck.h"
#include "ke/thread.h"
#include "hal/hal.h"

/* Any IRQL. There is one process. */
HANDLE NTAPI PsGetThreadProcessId(PETHREAD Thread)
{
    return PsGetProcessId(PsInitialSystemProcess);
}

/* Any IRQL. When the system process was made: at boot. 100 ns since 1601. */
LONGLONG NTAPI PsGetProcessCreateTimeQuadPart(PEPROCESS Process)
{
    static volatile LONG64 Created; /* computed once: the two clocks are not read at the same instant */
    LARGE_INTEGER Now;
    if (!Created) {
        KeQuerySystemTime(&Now);
        InterlockedCompareExchange64(&Created, Now.QuadPart - (LONGLONG)KeQueryInterruptTime(), 0);
    }
    return Created;
}
