/* SPDX-License-Identifier: MIT */
/* Physical memory: one bit a page, first fit. */
#include "mm/mm.h"
#include "mm/pool.h"
#include "boot/multiboot.h"
#include "kd/log.h"

static PULONG MiBitmap; /* 1 = in use */
static ULONG MiPageCount;
static ULONG MiFreeCount;
static ULONG MiHint;
static KSPIN_LOCK MiPageLock;
static PHYSICAL_MEMORY_RANGE MiRanges[8];
static ULONG MiRangeCount;

static VOID SetBits(ULONG First, ULONG Count, BOOLEAN Used)
{
    for (ULONG page = First; page < First + Count; page++) {
        if (Used) {
            MiBitmap[page / 32] |= 1u << page % 32;
        } else {
            MiBitmap[page / 32] &= ~(1u << page % 32);
        }
    }
}

static BOOLEAN IsUsed(ULONG Page)
{
    return MiBitmap[Page / 32] >> Page % 32 & 1;
}

/* Boot. The bitmap stands right behind the images; the memory below 1 MiB stays out of use (BIOS data, S3 waking vector). */
static VOID InitializePages(VOID)
{
    ULONG64 end = (BootEndOfImages() + PAGE_SIZE - 1) & ~(ULONG64)(PAGE_SIZE - 1);
    ULONG64 highest = 0;
    const BOOT_RANGE *range;
    for (ULONG i = 0; (range = BootMemoryRange(i)) != NULL; i++) {
        if (range->Usable && range->Base + range->Length > highest) {
            highest = range->Base + range->Length;
        }
    }
    MiPageCount = (ULONG)(highest >> PAGE_SHIFT);
    SIZE_T bytes = (MiPageCount + 31) / 32 * 4;
    MiBitmap = MiPhysicalToVirtual(end);
    end += (bytes + PAGE_SIZE - 1) & ~(ULONG64)(PAGE_SIZE - 1);
    __stosb((PUCHAR)MiBitmap, 0xFF, bytes);
    for (ULONG i = 0; (range = BootMemoryRange(i)) != NULL; i++) {
        ULONG64 from = range->Base < end ? end : range->Base;
        ULONG64 to = range->Base + range->Length;
        if (!range->Usable) {
            continue;
        }
        if (MiRangeCount < COUNT_OF(MiRanges) - 1 && range->Base >= 0x100000) {
            MiRanges[MiRangeCount].BaseAddress.QuadPart = (LONGLONG)range->Base;
            MiRanges[MiRangeCount++].NumberOfBytes.QuadPart = (LONGLONG)range->Length;
        }
        from = (from + PAGE_SIZE - 1) >> PAGE_SHIFT;
        to >>= PAGE_SHIFT;
        if (from < to) {
            SetBits((ULONG)from, (ULONG)(to - from), FALSE);
            MiFreeCount += (ULONG)(to - from);
        }
    }
    MiHint = (ULONG)(end >> PAGE_SHIFT);
}

/* Count free pages in a row from From on, below To, with no multiple of Boundary pages (0: any) inside. 0: there are none. */
static ULONG FindRun(ULONG From, ULONG To, ULONG Count, ULONG64 Boundary)
{
    ULONG run = 0;
    for (ULONG page = From; page < To; page++) {
        run = IsUsed(page) ? 0 : Boundary && page % Boundary == 0 ? 1 : run + 1;
        if (run == Count) {
            return page + 1 - Count;
        }
    }
    return 0;
}

ULONG64 MiAllocatePagesBetween(ULONG Count, ULONG64 Lowest, ULONG64 Highest, ULONG64 Boundary)
{
    KIRQL irql;
    ULONG limit = Highest >> PAGE_SHIFT < MiPageCount ? (ULONG)((Highest + 1) >> PAGE_SHIFT) : MiPageCount;
    ULONG64 lowest = (Lowest >> PAGE_SHIFT) + ((Lowest & (PAGE_SIZE - 1)) != 0);
    ULONG first = lowest < 0x100 ? 0x100 : lowest < limit ? (ULONG)lowest : limit;
    KeAcquireSpinLock(&MiPageLock, &irql);
    ULONG page = FindRun(MiHint > first ? MiHint : first, limit, Count, Boundary >> PAGE_SHIFT);
    if (!page) {
        page = FindRun(first, limit, Count, Boundary >> PAGE_SHIFT);
    }
    if (page) {
        SetBits(page, Count, TRUE);
        MiFreeCount -= Count;
        if (Count == 1) {
            MiHint = page + 1;
        }
    }
    KeReleaseSpinLock(&MiPageLock, irql);
    if (!page) {
        return 0;
    }
    ULONG64 physical = (ULONG64)page << PAGE_SHIFT;
    __stosq(MiPhysicalToVirtual(physical), 0, (SIZE_T)Count * (PAGE_SIZE / 8));
    return physical;
}

ULONG64 MiAllocatePages(ULONG Count, ULONG64 Highest)
{
    return MiAllocatePagesBetween(Count, 0, Highest, 0);
}

VOID MiFreePages(ULONG64 Physical, ULONG Count)
{
    KIRQL irql;
    ULONG page = (ULONG)(Physical >> PAGE_SHIFT);
    KeAcquireSpinLock(&MiPageLock, &irql);
    SetBits(page, Count, FALSE);
    MiFreeCount += Count;
    if (page < MiHint) {
        MiHint = page;
    }
    KeReleaseSpinLock(&MiPageLock, irql);
}

ULONG MiFreePageCount(VOID)
{
    return MiFreeCount;
}

ULONG MiTotalPageCount(VOID)
{
    return MiPageCount;
}

VOID MmInitialize(VOID)
{
    InitializePages();
    MiInitializePaging();
    MiInitializePool();
}

/* PASSIVE_LEVEL. RAM above 1 MiB, ended by a zero entry; the caller frees it with ExFreePool. */
PPHYSICAL_MEMORY_RANGE NTAPI MmGetPhysicalMemoryRanges(VOID)
{
    PPHYSICAL_MEMORY_RANGE copy = ExAllocatePoolWithTag(NonPagedPool, sizeof(MiRanges), 'rPmM');
    if (copy) {
        __movsb((PUCHAR)copy, (const UCHAR *)MiRanges, sizeof(MiRanges));
    }
    return copy;
}
