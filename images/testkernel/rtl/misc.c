/* SPDX-License-Identifier: MIT */
/* Small run-time functions: LUIDs, prefetching, lengths that a resource descriptor can express. Any IRQL. */
#include "rtl/rtl.h"

#undef RtlEqualLuid /* exported, too */
BOOLEAN NTAPI RtlEqualLuid(PLUID Luid1, PLUID Luid2)
{
    return Luid1->LowPart == Luid2->LowPart && Luid1->HighPart == Luid2->HighPart;
}

#undef RtlPrefetchMemoryNonTemporal
/* A hint: the bytes will be read once. */
VOID NTAPI RtlPrefetchMemoryNonTemporal(PVOID Source, SIZE_T Length)
{
    for (SIZE_T At = 0; At < Length; At += 64) {
        __builtin_prefetch((PUCHAR)Source + At, 0, 0);
    }
}

/* Lengths beyond 4 GiB are expressed in units of 256 bytes, 64 KiB or 4 GiB. */
static ULONGLONG UnitOf(ULONGLONG Length)
{
    return Length <= 0xFFFFFFFFULL       ? 1
           : Length <= 0xFFFFFFFF00ULL   ? 0x100
           : Length <= 0xFFFFFFFF0000ULL ? 0x10000
                                         : 0x100000000ULL;
}

/* The next length at or above SourceLength that a memory descriptor can hold; STATUS_UNSUCCESSFUL if there is none. */
NTSTATUS NTAPI RtlFindClosestEncodableLength(ULONGLONG SourceLength, PULONGLONG TargetLength)
{
    ULONGLONG Unit = UnitOf(SourceLength);
    if (SourceLength > 0xFFFFFFFF00000000ULL) {
        return STATUS_UNSUCCESSFUL;
    }
    *TargetLength = (SourceLength + Unit - 1) / Unit * Unit;
    return STATUS_SUCCESS;
}
