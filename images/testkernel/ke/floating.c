/* SPDX-License-Identifier: MIT */
/* Floating point in drivers, and calls on a larger stack. x64 drivers may use SSE freely: threads and interrupts keep its registers. */
#include "kernel.h"
#include "ke/bugcheck.h"

#define LEGACY_STATE 3ULL /* XSTATE_MASK_LEGACY: x87 and SSE */

/* IRQL <= DISPATCH_LEVEL. Nothing to save on x64, as on Windows. */
NTSTATUS NTAPI KeSaveFloatingPointState(PKFLOATING_SAVE FloatSave)
{
    KeAssertIrql(DISPATCH_LEVEL, "KeSaveFloatingPointState");
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI KeRestoreFloatingPointState(PKFLOATING_SAVE FloatSave)
{
    KeAssertIrql(DISPATCH_LEVEL, "KeRestoreFloatingPointState");
    return STATUS_SUCCESS;
}

/* IRQL <= DISPATCH_LEVEL. Partial: AVX and later states are not enabled in this kernel; asking for them is STATUS_NOT_SUPPORTED. */
NTSTATUS NTAPI KeSaveExtendedProcessorState(ULONG64 Mask, PXSTATE_SAVE XStateSave)
{
    KeAssertIrql(DISPATCH_LEVEL, "KeSaveExtendedProcessorState");
    return Mask & ~LEGACY_STATE ? STATUS_NOT_SUPPORTED : STATUS_SUCCESS;
}

VOID NTAPI KeRestoreExtendedProcessorState(PXSTATE_SAVE XStateSave)
{
    KeAssertIrql(DISPATCH_LEVEL, "KeRestoreExtendedProcessorState");
}

ULONG64 NTAPI RtlGetEnabledExtendedFeatures(ULONG64 FeatureMask)
{
    return FeatureMask & LEGACY_STATE;
}

/* IRQL <= DISPATCH_LEVEL. Partial: runs on the present stack; STATUS_NO_MEMORY if less than Size is left of it. */
NTSTATUS NTAPI KeExpandKernelStackAndCallout(PEXPAND_STACK_CALLOUT Callout, PVOID Parameter, SIZE_T Size)
{
    KeAssertIrql(DISPATCH_LEVEL, "KeExpandKernelStackAndCallout");
    if (Size > MAXIMUM_EXPANSION_SIZE) {
        return STATUS_INVALID_PARAMETER_3;
    }
    if (IoGetRemainingStackSize() < Size) {
        return STATUS_NO_MEMORY;
    }
    Callout(Parameter);
    return STATUS_SUCCESS;
}
