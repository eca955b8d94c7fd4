/* SPDX-License-Identifier: MIT */
/* The pool functions that drivers call. IRQL <= DISPATCH_LEVEL for nonpaged, <= APC_LEVEL for paged pool. */
#include "mm/pool.h"
#include "ke/bugcheck.h"
#include "ke/processor.h"
#include "ke/rules.h"

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
    if (KiProcessor.DpcActive || KeGetCurrentIrql() > DISPATCH_LEVEL) {
        KeBugCheckReason(
            DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_QUOTA_IN_DPC, 0, 0, 0, CALLER,
            "ExAllocatePoolWithQuotaTag in a DPC or service routine, which runs in any process: quota must "
            "not be charged there");
    }
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

/* https://learn.microsoft.com/windows-hardware/drivers/kernel/pool_flags */
#define POOL_FLAG_UNINITIALIZED     0x2ULL
#define POOL_FLAG_CACHE_ALIGNED     0x8ULL
#define POOL_FLAG_RAISE_ON_FAILURE  0x20ULL
#define POOL_FLAG_NON_PAGED         0x40ULL
#define POOL_FLAG_NON_PAGED_EXECUTE 0x80ULL
#define POOL_FLAG_PAGED             0x100ULL
#define POOL_FLAG_KINDS             (POOL_FLAG_NON_PAGED | POOL_FLAG_NON_PAGED_EXECUTE | POOL_FLAG_PAGED)
#define POOL_FLAG_REQUIRED          0xFFFFFFFFULL /* the upper half may be ignored */
#define POOL_FLAG_KNOWN             0x1FFULL
#define CACHE_LINE                  64

static PVOID AllocateByFlags(ULONG64 Flags, SIZE_T NumberOfBytes, ULONG Tag, BOOLEAN Valid, PVOID Caller)
{
    ULONG64 kind = Flags & POOL_FLAG_KINDS;
    PVOID block = NULL;
    Valid = Valid && kind && !(kind & (kind - 1)) && !(Flags & POOL_FLAG_REQUIRED & ~POOL_FLAG_KNOWN);
    if (Valid) {
        if (Flags & POOL_FLAG_CACHE_ALIGNED) {
            NumberOfBytes =
                (NumberOfBytes + CACHE_LINE - 1) & ~(SIZE_T)(CACHE_LINE - 1); /* blocks end at a page's end */
        }
        block = MiAllocatePool(kind == POOL_FLAG_PAGED ? PagedPool : NonPagedPool, NumberOfBytes, Tag, Caller);
    }
    if (block && !(Flags & POOL_FLAG_UNINITIALIZED)) {
        RtlZeroMemory(block, NumberOfBytes);
    } else if (!block && (Flags & POOL_FLAG_RAISE_ON_FAILURE)) {
        ExRaiseStatus(Valid ? STATUS_INSUFFICIENT_RESOURCES : STATUS_INVALID_PARAMETER);
    }
    return block;
}

/*
 * Windows 10 2004. Zeroed unless POOL_FLAG_UNINITIALIZED. NULL also for a required flag that is unknown and for no or two kinds of memory.
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exallocatepool2
 */
PVOID NTAPI ExAllocatePool2(ULONG64 Flags, SIZE_T NumberOfBytes, ULONG Tag)
{
    return AllocateByFlags(Flags, NumberOfBytes, Tag, TRUE, CALLER);
}

/* Of an extended parameter only the type (byte 0) and whether it is optional (bit 8) matter: priorities mean nothing here. */
#define PARAMETER_INVALID  0
#define PARAMETER_LAST     4 /* priority, secure pool, NUMA node */
#define PARAMETER_OPTIONAL 0x100ULL
#define PARAMETER_SECURE   2

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exallocatepool3. Secure pool is refused: NULL. */
PVOID NTAPI ExAllocatePool3(ULONG64 Flags, SIZE_T NumberOfBytes, ULONG Tag, const VOID *ExtendedParameters,
                            ULONG ExtendedParametersCount);
PVOID NTAPI ExAllocatePool3(ULONG64 Flags, SIZE_T NumberOfBytes, ULONG Tag, const VOID *ExtendedParameters,
                            ULONG ExtendedParametersCount)
{
    const ULONG64 *parameter = ExtendedParameters; /* pairs: type and flags, value */
    BOOLEAN valid = TRUE;
    for (ULONG i = 0; i < ExtendedParametersCount; i++) {
        ULONG64 type = parameter[2 * i] & 0xFF;
        BOOLEAN known = type > PARAMETER_INVALID && type < PARAMETER_LAST && type != PARAMETER_SECURE;
        valid = valid && (known || (parameter[2 * i] & PARAMETER_OPTIONAL));
    }
    return AllocateByFlags(Flags, NumberOfBytes, Tag, valid, CALLER);
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
