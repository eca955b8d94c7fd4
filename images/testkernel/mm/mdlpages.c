/* SPDX-License-Identifier: MIT */
/*
 * MDLs made with their pages, and MDLs changed in place. The pages have no address until the MDL is mapped: MmGetMdlVirtualAddress is NULL. Here
 * they are physically contiguous, which no driver may count on. IRQL <= APC_LEVEL.
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmallocatepagesformdlex
 */
#include "mm/lockedpages.h"
#include "mm/mm.h"
#include "mm/pool.h"
#include "ke/bugcheck.h"
#include "ke/rules.h"

#define MDL_TAG                            'ldMM'
#define DONT_ZERO_ALLOCATION               0x1
#define ALLOCATE_FULLY_REQUIRED            0x4
#define NO_WAIT                            0x8
#define KNOWN_FLAGS                        0x7F
#define ALLOCATE_REQUIRE_CONTIGUOUS_CHUNKS 0x20

static PPFN_NUMBER Frames(PMDL Mdl)
{
    return (PPFN_NUMBER)(Mdl + 1);
}

static PMDL Allocate(PHYSICAL_ADDRESS Low, PHYSICAL_ADDRESS High, SIZE_T Bytes, BOOLEAN Zero, BOOLEAN Fully,
                     PVOID Caller)
{
    ULONG pages = (ULONG)((Bytes + PAGE_SIZE - 1) >> PAGE_SHIFT), wanted = pages;
    ULONG64 physical = 0;
    if (!pages || Bytes >> 32) {
        return NULL;
    }
    while (pages && !(physical = MiAllocatePagesBetween(pages, (ULONG64)Low.QuadPart, (ULONG64)High.QuadPart, 0))) {
        pages = Fully ? 0 : pages / 2; /* "the actual number of pages … might be less" */
    }
    if (!pages) {
        return NULL;
    }
    PMDL mdl = MiAllocatePool(NonPagedPool, sizeof(MDL) + wanted * sizeof(PFN_NUMBER), MDL_TAG, Caller);
    if (!mdl) {
        MiFreePages(physical, pages);
        return NULL;
    }
    RtlZeroMemory(mdl, sizeof(MDL));
    mdl->Size = (CSHORT)(sizeof(MDL) + wanted * sizeof(PFN_NUMBER));
    mdl->MdlFlags = MDL_PAGES_LOCKED;
    mdl->ByteCount = pages << PAGE_SHIFT;
    for (ULONG i = 0; i < pages; i++) {
        Frames(mdl)[i] = (physical >> PAGE_SHIFT) + i;
    }
    MiRememberLocked(mdl, pages, TRUE, Caller);
    if (Zero) {
        RtlZeroMemory(MiPhysicalToVirtual(physical), (SIZE_T)pages << PAGE_SHIFT);
    }
    return mdl;
}

/* Zeroed pages, perhaps fewer than asked for: see MmGetMdlByteCount. NULL if there are none. */
PMDL NTAPI MmAllocatePagesForMdl(PHYSICAL_ADDRESS LowAddress, PHYSICAL_ADDRESS HighAddress, PHYSICAL_ADDRESS SkipBytes,
                                 SIZE_T TotalBytes)
{
    return Allocate(LowAddress, HighAddress, TotalBytes, TRUE, FALSE, __builtin_return_address(0));
}

PMDL NTAPI MmAllocatePagesForMdlEx(PHYSICAL_ADDRESS LowAddress, PHYSICAL_ADDRESS HighAddress,
                                   PHYSICAL_ADDRESS SkipBytes, SIZE_T TotalBytes, MEMORY_CACHING_TYPE CacheType,
                                   ULONG Flags)
{
    KeAssertIrql(Flags & NO_WAIT ? DISPATCH_LEVEL : APC_LEVEL, "MmAllocatePagesForMdlEx");
    if (Flags & ~(ULONG)KNOWN_FLAGS) {
        return NULL;
    }
    return Allocate(LowAddress, HighAddress, TotalBytes, !(Flags & DONT_ZERO_ALLOCATION),
                    (Flags & (ALLOCATE_FULLY_REQUIRED | ALLOCATE_REQUIRE_CONTIGUOUS_CHUNKS)) != 0,
                    __builtin_return_address(0));
}

/* Frees the pages, not the MDL, which is the driver's to free with ExFreePool. It must not be mapped any more. */
VOID NTAPI MmFreePagesFromMdl(PMDL MemoryDescriptorList)
{
    PMDL mdl = MemoryDescriptorList;
    if (mdl->StartVa || !(mdl->MdlFlags & MDL_PAGES_LOCKED)) {
        KeBugCheckReason(0x4E, 7, (ULONG_PTR)mdl, (ULONG)mdl->MdlFlags, 0, __builtin_return_address(0),
                         "MmFreePagesFromMdl of MDL %p, which MmAllocatePagesForMdl did not make, or twice", mdl);
    }
    if (mdl->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA) {
        KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_MDL_MAPPED, (ULONG_PTR)mdl, (ULONG)mdl->MdlFlags, 0,
                         __builtin_return_address(0),
                         "MmFreePagesFromMdl of MDL %p, whose pages are still mapped: call MmUnmapLockedPages first",
                         mdl);
    }
    MiForgetLocked(mdl);
    MiFreePages(Frames(mdl)[0] << PAGE_SHIFT, mdl->ByteCount >> PAGE_SHIFT);
    mdl->MdlFlags &= ~MDL_PAGES_LOCKED;
}

/* IRQL <= DISPATCH_LEVEL. The MDL begins NumberOfBytes later. */
NTSTATUS NTAPI MmAdvanceMdl(PMDL Mdl, ULONG NumberOfBytes)
{
    ULONG offset, pages;
    if (NumberOfBytes > Mdl->ByteCount) {
        return STATUS_INVALID_PARAMETER_2;
    }
    offset = Mdl->ByteOffset + NumberOfBytes;
    pages = offset >> PAGE_SHIFT;
    Mdl->ByteCount -= NumberOfBytes;
    Mdl->ByteOffset = offset & (PAGE_SIZE - 1);
    if (Mdl->StartVa) {
        Mdl->StartVa = (PUCHAR)Mdl->StartVa + (SIZE_T)pages * PAGE_SIZE;
    }
    if (Mdl->MdlFlags & (MDL_MAPPED_TO_SYSTEM_VA | MDL_SOURCE_IS_NONPAGED_POOL)) {
        Mdl->MappedSystemVa = (PUCHAR)Mdl->MappedSystemVa + NumberOfBytes;
    }
    RtlMoveMemory(Frames(Mdl), Frames(Mdl) + pages,
                  (((ULONG64)Mdl->ByteOffset + Mdl->ByteCount + PAGE_SIZE - 1) >> PAGE_SHIFT) * sizeof(PFN_NUMBER));
    return STATUS_SUCCESS;
}

/* IRQL <= DISPATCH_LEVEL. In memory of the caller (MmSizeOfMdl bytes), or in pool if MemoryDescriptorList is NULL. */
PMDL NTAPI MmCreateMdl(PMDL MemoryDescriptorList, PVOID Base, SIZE_T Length)
{
    PMDL mdl = MemoryDescriptorList;
    if (!mdl) {
        mdl = MiAllocatePool(NonPagedPool, MmSizeOfMdl(Base, Length), MDL_TAG, __builtin_return_address(0));
    }
    if (mdl) {
        MmInitializeMdl(mdl, Base, Length);
    }
    return mdl;
}

/* PASSIVE_LEVEL to APC_LEVEL. Zero-filled pages. */
PVOID NTAPI MmAllocateNonCachedMemory(SIZE_T NumberOfBytes)
{
    PHYSICAL_ADDRESS lowest = {.QuadPart = 0}, highest = {.QuadPart = -1};
    return MmAllocateContiguousMemorySpecifyCache(NumberOfBytes, lowest, highest, lowest, MmNonCached);
}

VOID NTAPI MmFreeNonCachedMemory(PVOID BaseAddress, SIZE_T NumberOfBytes)
{
    MmFreeContiguousMemory(BaseAddress);
}
