/* SPDX-License-Identifier: MIT */
/* The pool functions that drivers call. IRQL <= DISPATCH_LEVEL for nonpaged, <= APC_LEVEL for paged pool. */
#include "mm/pool.h"

#define CALLER __builtin_return_address(0)
#undef ExAllocatePool
#undef ExAllocatePoolWithQuota
#undef ExFreePool

PVOID NTAPI ExAllocatePoolWithTag(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag)
{
    return MiAllocatePool(PoolType, NumberOfBytes, Tag, CALLER);
}

PVOID NTAPI ExAllocatePool(POOL_TYPE PoolType, SIZE_T NumberOfBytes)
{
    return MiAllocatePool(PoolType, NumberOfBytes, 'enoN', CALLER);
}

PVOID NTAPI ExAllocatePoolWithQuotaTag(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag)
{
    /* No processes, no quota. Failure raises an exception unless POOL_QUOTA_FAIL_INSTEAD_OF_RAISE is given. */
    PVOID block = MiAllocatePool(PoolType & ~POOL_QUOTA_FAIL_INSTEAD_OF_RAISE, NumberOfBytes, Tag, CALLER);
    if (!block && !(PoolType & POOL_QUOTA_FAIL_INSTEAD_OF_RAISE)) {
        ExRaiseStatus(STATUS_INSUFFICIENT_RESOURCES);
    }
    return block;
}

PVOID NTAPI ExAllocatePoolWithTagPriority(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag,
                                          EX_POOL_PRIORITY Priority)
{
    return MiAllocatePool(PoolType, NumberOfBytes, Tag, CALLER);
}

/* Windows 10 2004. Zeroes unless POOL_FLAG_UNINITIALIZED; POOL_FLAG_PAGED, …_NON_PAGED, …_RAISE_ON_FAILURE. */
PVOID NTAPI ExAllocatePool2(ULONG64 Flags, SIZE_T NumberOfBytes, ULONG Tag)
{
    POOL_TYPE type = Flags & 0x100 ? PagedPool : NonPagedPool;
    PVOID block = MiAllocatePool(type, NumberOfBytes, Tag, CALLER);
    if (block && !(Flags & 2)) {
        RtlZeroMemory(block, NumberOfBytes);
    } else if (!block && (Flags & 0x20)) {
        ExRaiseStatus(STATUS_INSUFFICIENT_RESOURCES);
    }
    return block;
}

VOID NTAPI ExFreePoolWithTag(PVOID P, ULONG Tag)
{
    MiFreePool(P, Tag, CALLER);
}

VOID NTAPI ExFreePool(PVOID P)
{
    MiFreePool(P, 0, CALLER);
}

VOID NTAPI ExFreePool2(PVOID P, ULONG Tag, PVOID ExtendedParameters, ULONG ExtendedParametersCount)
{
    MiFreePool(P, Tag, CALLER);
}
