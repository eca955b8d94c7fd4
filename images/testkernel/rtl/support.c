/* SPDX-License-Identifier: MIT */
/* What the run-time library needs of the rest of the kernel (the native unit tests bring their own). */
#include "rtl/rtl.h"
#include "boot/loader.h"
#include "ke/bugcheck.h"
#include "mm/pool.h"

#define STRING_TAG 'grtS'

static BOOLEAN IsDriver(PVOID Caller)
{
    PLOADED_IMAGE Image = LdrImageFromAddress(Caller);
    return Image && !Image->Kernel;
}

VOID RtlReportOverlap(PVOID Destination, const VOID *Source, SIZE_T Length, PVOID Caller)
{
    if (IsDriver(Caller)) {
        KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, 0xF0, (ULONG_PTR)Destination, (ULONG_PTR)Source, Length,
                         Caller,
                         "memcpy (RtlCopyMemory) of %I64u bytes from %p to %p, which overlap; use RtlMoveMemory",
                         (ULONG64)Length, Source, Destination);
    }
}

VOID RtlRequireIrql(PCSTR Function, KIRQL Maximum, PVOID Caller)
{
    if (__readcr8() > Maximum && IsDriver(Caller)) {
        KiIrqlTooHigh(Function, Maximum, Caller);
    }
}

PVOID RtlAllocateString(SIZE_T Size, PVOID Caller)
{
    return MiAllocatePool(PagedPool, Size, STRING_TAG, Caller);
}

VOID RtlFreeString(PVOID Buffer, PVOID Caller)
{
    MiFreePool(Buffer, 0, Caller); /* tag 0: drivers free strings that they allocated themselves this way, too */
}

/* Any IRQL. What NT_ASSERT and ASSERT of checked drivers call when the condition is false: stops, as an unhandled breakpoint does on Windows. */
VOID NTAPI RtlAssert(PVOID FailedAssertion, PVOID FileName, ULONG LineNumber, PSTR Message)
{
    KeBugCheckReason(KMODE_EXCEPTION_NOT_HANDLED, (ULONG)STATUS_ASSERTION_FAILURE,
                     (ULONG_PTR)__builtin_return_address(0), LineNumber, 0, __builtin_return_address(0),
                     "assertion failed: %s%s%s (%s:%u)", Message ? Message : "", Message ? ": " : "",
                     (PCSTR)FailedAssertion, (PCSTR)FileName, LineNumber);
}

/* Any IRQL. Return addresses of the caller and its callers. Flags must be 0 (1 asks for user mode's: there is none). */
ULONG NTAPI RtlWalkFrameChain(PVOID *Callers, ULONG Count, ULONG Flags)
{
    ULONG Found = Flags ? 0 : KeCaptureBacktrace(Callers, Count, 1);
    __asm__ volatile(""); /* no tail call: this function's frame is the one that is skipped */
    return Found;
}
