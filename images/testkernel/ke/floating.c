/* SPDX-License-Identifier: MIT */
/* Floating point in drivers. x64 drivers may use SSE freely: threads and interrupts keep its registers. */
#include "kernel.h"
#include "ke/bugcheck.h"

/* IRQL <= DISPATCH_LEVEL. Nothing to save on x64, as on Windows. */
NTSTATUS NTAPI KeSaveFloatingPointState(PKFLOATING_SAVE FloatSave)
{
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI KeRestoreFloatingPointState(PKFLOATING_SAVE FloatSave)
{
    return STATUS_SUCCESS;
}
