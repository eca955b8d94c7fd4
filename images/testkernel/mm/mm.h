/* SPDX-License-Identifier: MIT */
/* Physical pages and page tables. */
#ifndef MM_MM_H
#define MM_MM_H
#include "kernel.h"

#define PTE_PRESENT  0x001ULL
#define PTE_WRITE    0x002ULL
#define PTE_PWT      0x008ULL /* alone: write-combined (the page attribute table of ke/processor.c) */
#define PTE_PCD      0x010ULL /* uncached with PWT */
#define PTE_LARGE    0x080ULL
#define PTE_GLOBAL   0x100ULL
#define PTE_NX       0x8000000000000000ULL
#define PTE_PAGEABLE 0x200ULL /* software: a driver's pageable memory (mm/paged.c) */
#define PTE_TRIMMED  0x400ULL /* software: paged out; the address is still in the entry */
#define PTE_ADDRESS  0x000FFFFFFFFFF000ULL

/* Boot. RAM from the multiboot memory map; page tables of our own. */
VOID MmInitialize(VOID);

VOID MiInitializePaging(VOID);
ULONG MiFreePageCount(VOID);
ULONG MiTotalPageCount(VOID); /* up to the highest RAM address */

/* IRQL <= DISPATCH_LEVEL. Physical pages: contiguous, zeroed, not above the byte Highest (~0ULL = anywhere). 0 = none left. */
ULONG64 MiAllocatePages(ULONG Count, ULONG64 Highest);
/* As MiAllocatePages, not below the byte Lowest, and crossing no multiple of Boundary bytes (a power of two of at least a page; 0: any). */
ULONG64 MiAllocatePagesBetween(ULONG Count, ULONG64 Lowest, ULONG64 Highest, ULONG64 Boundary);
VOID MiFreePages(ULONG64 Physical, ULONG Count);
/* Where RAM is mapped for the kernel's own use. */
static inline PVOID MiPhysicalToVirtual(ULONG64 Physical)
{
    return (PVOID)(KERNEL_BASE + Physical);
}

/* IRQL <= DISPATCH_LEVEL. Maps Count pages at Virtual with PTE_* flags (PTE_PRESENT is added). FALSE: no memory for page tables. */
BOOLEAN MiMap(PVOID Virtual, ULONG64 Physical, ULONG Count, ULONG64 Flags);
/* Unmaps and flushes; the pages are not freed. */
VOID MiUnmap(PVOID Virtual, ULONG Count);
/* The PTE_* bits of a caching type. */
static inline ULONG64 MiCacheBits(MEMORY_CACHING_TYPE CacheType)
{
    return CacheType == MmCached ? 0 : CacheType == MmWriteCombined ? PTE_PWT : PTE_PWT | PTE_PCD;
}
/* Changes flags of mapped pages. */
VOID MiProtect(PVOID Virtual, ULONG Count, ULONG64 Flags);
/* The page table entry that maps Virtual (4 KiB or large), or 0. Any IRQL. */
ULONG64 MiTranslate(const VOID *Virtual, PULONG64 Physical);
/* An address outside the kernel's mapping of RAM where the physical one is mapped, or NULL. Any IRQL. */
PVOID MiFindMapping(ULONG64 Physical);
/* The 4 KiB page table entry for Virtual, or NULL. Any IRQL. */
PULONG64 MiEntry(const VOID *Virtual);
/* Reserves Count pages of address space in one of the regions; never given back, so stale pointers fault. */
PVOID MiReserve(ULONG64 Region, ULONG Count);
/* Is [Virtual, +Length) mapped? Any IRQL. */
BOOLEAN MiIsMapped(const VOID *Virtual, SIZE_T Length);

/* Contiguous blocks that an image's code allocated and has not freed. */
ULONG MiReportContiguous(PVOID Base, SIZE_T Size);
/* Pool blocks that are still allocated by an image's code ([Base, +Size) is the caller); used at unload. Returns the count, logs each. */
ULONG MiReportLeaks(PVOID Base, SIZE_T Size);

#endif
