/* SPDX-License-Identifier: MIT */
/* Physically contiguous memory. Page-aligned; IRQL <= DISPATCH_LEVEL (Windows: allocation at PASSIVE_LEVEL is recommended). */
#include "mm/mm.h"
#include "ke/bugcheck.h"

typedef struct _CONTIGUOUS {
    LIST_ENTRY Link;
    PVOID Address;
    ULONG64 Physical;
    ULONG Pages;
    MEMORY_CACHING_TYPE CacheType;
    PVOID Caller;
} CONTIGUOUS;

#define CONTIGUOUS_TAG 'tnoC'

static LIST_ENTRY MiContiguous = {&MiContiguous, &MiContiguous};
static KSPIN_LOCK MiContiguousLock;

/* Cached memory is where the kernel maps all RAM; any other caching needs a mapping of its own. NULL: no memory for page tables. */
static PVOID Map(ULONG64 Physical, ULONG Pages, MEMORY_CACHING_TYPE CacheType)
{
    if (CacheType == MmCached) {
        return MiPhysicalToVirtual(Physical);
    }
    PVOID address = MiReserve(IOSPACE_REGION, Pages);
    return MiMap(address, Physical, Pages, PTE_WRITE | PTE_NX | PTE_GLOBAL | MiCacheBits(CacheType)) ? address : NULL;
}

static PVOID Allocate(SIZE_T Bytes, ULONG64 Lowest, ULONG64 Highest, ULONG64 Boundary, MEMORY_CACHING_TYPE CacheType,
                      PVOID Caller)
{
    SIZE_T pages = (Bytes + PAGE_SIZE - 1) >> PAGE_SHIFT;
    if (!pages || pages > MiTotalPageCount() || (ULONG)CacheType >= MmMaximumCacheType ||
        (Boundary && (Boundary & (Boundary - 1) || Boundary < Bytes))) {
        return NULL;
    }
    CONTIGUOUS *block = ExAllocatePoolWithTag(NonPagedPool, sizeof(*block), CONTIGUOUS_TAG);
    /* Blocks are whole pages, so a boundary within a page is never crossed by one that fits between two. */
    Boundary = Boundary && Boundary < PAGE_SIZE ? PAGE_SIZE : Boundary;
    ULONG64 physical = block ? MiAllocatePagesBetween((ULONG)pages, Lowest, Highest, Boundary) : 0;
    PVOID address = physical ? Map(physical, (ULONG)pages, CacheType) : NULL;
    if (!address) {
        if (physical) {
            MiFreePages(physical, (ULONG)pages);
        }
        if (block) {
            ExFreePoolWithTag(block, CONTIGUOUS_TAG);
        }
        return NULL;
    }
    *block = (CONTIGUOUS){
        .Address = address, .Physical = physical, .Pages = (ULONG)pages, .CacheType = CacheType, .Caller = Caller};
    KIRQL irql;
    KeAcquireSpinLock(&MiContiguousLock, &irql);
    InsertHeadList(&MiContiguous, &block->Link);
    KeReleaseSpinLock(&MiContiguousLock, irql);
    return block->Address;
}

PVOID NTAPI MmAllocateContiguousMemory(SIZE_T NumberOfBytes, PHYSICAL_ADDRESS HighestAcceptableAddress)
{
    return Allocate(NumberOfBytes, 0, (ULONG64)HighestAcceptableAddress.QuadPart, 0, MmCached,
                    __builtin_return_address(0));
}

/*
 * NULL: no such memory, or a boundary that is no power of two or less than the block. The caching is that of the returned address.
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmallocatecontiguousmemoryspecifycache
 */
PVOID NTAPI MmAllocateContiguousMemorySpecifyCache(SIZE_T NumberOfBytes, PHYSICAL_ADDRESS LowestAcceptableAddress,
                                                   PHYSICAL_ADDRESS HighestAcceptableAddress,
                                                   PHYSICAL_ADDRESS BoundaryAddressMultiple,
                                                   MEMORY_CACHING_TYPE CacheType)
{
    return Allocate(NumberOfBytes, (ULONG64)LowestAcceptableAddress.QuadPart,
                    (ULONG64)HighestAcceptableAddress.QuadPart, (ULONG64)BoundaryAddressMultiple.QuadPart, CacheType,
                    __builtin_return_address(0));
}

/* As MmAllocateContiguousMemorySpecifyCache; the machine has one node. */
PVOID NTAPI MmAllocateContiguousMemorySpecifyCacheNode(SIZE_T NumberOfBytes, PHYSICAL_ADDRESS LowestAcceptableAddress,
                                                       PHYSICAL_ADDRESS HighestAcceptableAddress,
                                                       PHYSICAL_ADDRESS BoundaryAddressMultiple,
                                                       MEMORY_CACHING_TYPE CacheType, NODE_REQUIREMENT PreferredNode)
{
    return Allocate(NumberOfBytes, (ULONG64)LowestAcceptableAddress.QuadPart,
                    (ULONG64)HighestAcceptableAddress.QuadPart, (ULONG64)BoundaryAddressMultiple.QuadPart, CacheType,
                    __builtin_return_address(0));
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
    if (found->CacheType != MmCached) {
        MiUnmap(found->Address, found->Pages);
    }
    MiFreePages(found->Physical, found->Pages);
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
