/* SPDX-License-Identifier: MIT */
/* What the run-time library needs of the rest of the kernel (the native unit tests bring their own). */
#include "rtl/rtl.h"
#include "boot/loader.h"
#include "ke/bugcheck.h"
#include "mm/pool.h"

#define STRING_TAG 'grtS'

VOID RtlRequireIrql(PCSTR Function, KIRQL Maximum, PVOID Caller)
{
    if (__readcr8() > Maximum) {
        PLOADED_IMAGE Image = LdrImageFromAddress(Caller);
        if (Image && !Image->Kernel) {
            KiIrqlTooHigh(Function, Maximum, Caller);
        }
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
