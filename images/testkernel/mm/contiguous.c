/* SPDX-License-Identifier: MIT */
/* Physically contiguous memory. Page-aligned; IRQL <= DISPATCH_LEVEL (Windows: allocation at PASSIVE_LEVEL is recommended). */
#include "mm/mm.h"
#include "ke/bugcheck.h"

typedef struct _CONTIGUOUS {
    LIST_ENTRY Link;
    PVOID Address;
    ULONG Pages;
    PVOID Caller;
} CONTIGUOUS;

#define CONTIGUOUS_TAG 'tnoC'

static LIST_ENTRY MiContiguous = {&MiContiguous, &MiContiguous};
static KSPIN_LOCK MiContiguousLock;

static PVOID Allocate(SIZE_T Bytes, ULONG64 Highest, ULONG64 Boundary, PVOID Caller)
{
    ULONG pages = (ULONG)((Bytes + PAGE_SIZE - 1) >> PAGE_SHIFT);
    /* A boundary that must not be crossed: aligned to the next power of two of the size, the block never crosses it. */
    ULONG alignment = 1;
    while (Boundary && alignment < pages) {
        alignment *= 2;
    }
    CONTIGUOUS *block = pages ? ExAllocatePoolWithTag(NonPagedPool, sizeof(*block), CONTIGUOUS_TAG) : NULL;
    ULONG64 physical = block ? MiAllocatePages(pages, Highest, alignment) : 0;
    if (!physical) {
        if (block) {
            ExFreePoolWithTag(block, CONTIGUOUS_TAG);
        }
        return NULL;
    }
    *block = (CONTIGUOUS){.Address = MiPhysicalToVirtual(physical), .Pages = pages, .Caller = Caller};
    KIRQL irql;
    KeAcquireSpinLock(&MiContiguousLock, &irql);
    InsertHeadList(&MiContiguous, &block->Link);
    KeReleaseSpinLock(&MiContiguousLock, irql);
    return block->Address;
}

PVOID NTAPI MmAllocateContiguousMemory(SIZE_T NumberOfBytes, PHYSICAL_ADDRESS HighestAcceptableAddress)
{
    return Allocate(NumberOfBytes, (ULONG64)HighestAcceptableAddress.QuadPart, 0, __builtin_return_address(0));
}

/* Partial: the lowest acceptable address is not looked at, and memory is cached whatever CacheType says (all devices snoop here). */
PVOID NTAPI MmAllocateContiguousMemorySpecifyCache(SIZE_T NumberOfBytes, PHYSICAL_ADDRESS LowestAcceptableAddress,
                                                   PHYSICAL_ADDRESS HighestAcceptableAddress,
                                                   PHYSICAL_ADDRESS BoundaryAddressMultiple,
                                                   MEMORY_CACHING_TYPE CacheType)
{
    return Allocate(NumberOfBytes, (ULONG64)HighestAcceptableAddress.QuadPart,
                    (ULONG64)BoundaryAddressMultiple.QuadPart, __builtin_return_address(0));
}

VOID NTAPI MmFreeContiguousMemory(PVOID BaseAddress)
{
    CONTIGUOUS *found = NULL;
    KIRQL irql;
    KeAcquireSpinLock(&MiContiguousLock, &irql);
    for (PLIST_ENTRY e = MiContiguous.Flink; e != &MiContiguous && !found; e = e->Flink) {
        CONTIGUOUS *block = CONTAINER(e, CONTIGUOUS, Link);
        found = block->Address == BaseAddress ? block : NULL;
    }
    if (found) {
        RemoveEntryList(&found->Link);
    }
    KeReleaseSpinLock(&MiContiguousLock, irql);
    if (!found) {
        KeBugCheckReason(BAD_POOL_CALLER, 0x60, (ULONG_PTR)BaseAddress, 0, 0, __builtin_return_address(0),
                         "MmFreeContiguousMemory(%p): no contiguous block starts there (freed twice?)", BaseAddress);
    }
    MiFreePages((ULONG64)BaseAddress - KERNEL_BASE, found->Pages);
    ExFreePoolWithTag(found, CONTIGUOUS_TAG);
}

VOID NTAPI MmFreeContiguousMemorySpecifyCache(PVOID BaseAddress, SIZE_T NumberOfBytes, MEMORY_CACHING_TYPE CacheType)
{
    MmFreeContiguousMemory(BaseAddress);
}

ULONG MiReportContiguous(PVOID Base, SIZE_T Size)
{
    ULONG count = 0;
    for (PLIST_ENTRY e = MiContiguous.Flink; e != &MiContiguous; e = e->Flink) {
        count += (ULONG64)CONTAINER(e, CONTIGUOUS, Link)->Caller - (ULONG64)Base < Size;
    }
    return count;
}
