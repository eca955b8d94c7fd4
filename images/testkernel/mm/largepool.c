/* SPDX-License-Identifier: MIT */
/*
 * Pool blocks of more than a page: whole pages, page-aligned as on Windows. A driver's blocks lie between unmapped pages and are unmapped when freed,
 * as its small ones (mm/guarded.c): an overrun, an underrun by up to a page, and a use after free fault at the very instruction. Freed ranges of
 * addresses are remembered for reports, and used again when FREED_RANGES younger ones are there. The kernel's own blocks are plain RAM.
 */
#include "mm/pool.h"
#include "mm/mm.h"
#include "mm/paged.h"
#include "boot/loader.h"
#include "kd/log.h"
#include "ke/bugcheck.h"

#define FREED_RANGES 256

/* A run of whole pages. */
typedef struct _LARGE_BLOCK {
    LIST_ENTRY Link; /* in a bucket while allocated, else in MiFreed, oldest first */
    PVOID Address;
    SIZE_T Size;
    ULONG Pages, Tag;
    POOL_TYPE Type;
    PVOID Allocator, Liberator; /* Liberator: NULL while allocated */
} LARGE_BLOCK;

static LIST_ENTRY MiLarge[64];
static LIST_ENTRY MiFreed = {&MiFreed, &MiFreed};
static ULONG MiFreedCount;
static KSPIN_LOCK MiLargeLock;

VOID MiInitializeLargePool(VOID)
{
    for (ULONG i = 0; i < COUNT_OF(MiLarge); i++) {
        InitializeListHead(&MiLarge[i]);
    }
}

static PLIST_ENTRY Bucket(const VOID *Address)
{
    return &MiLarge[(ULONG64)Address >> PAGE_SHIFT & (COUNT_OF(MiLarge) - 1)];
}

static BOOLEAN IsInRam(const VOID *Address)
{
    return (ULONG64)Address < POOL_REGION || (ULONG64)Address >= STACK_REGION;
}

/* Forgets the oldest freed block with so many pages, and returns it for another use. */
static LARGE_BLOCK *Recycle(ULONG Pages)
{
    LARGE_BLOCK *found = NULL;
    KIRQL irql;
    KeAcquireSpinLock(&MiLargeLock, &irql);
    for (PLIST_ENTRY e = MiFreed.Flink; MiFreedCount > FREED_RANGES && e != &MiFreed && !found; e = e->Flink) {
        LARGE_BLOCK *large = CONTAINER(e, LARGE_BLOCK, Link);
        found = large->Pages == Pages ? large : NULL;
    }
    if (found) {
        RemoveEntryList(&found->Link);
        MiFreedCount--;
    }
    KeReleaseSpinLock(&MiLargeLock, irql);
    return found;
}

static VOID Unmap(PUCHAR Base, ULONG Pages)
{
    for (ULONG i = 0; i < Pages; i++) {
        ULONG64 physical = 0;
        if (MiTranslate(Base + (SIZE_T)i * PAGE_SIZE, &physical)) {
            MiUnmap(Base + (SIZE_T)i * PAGE_SIZE, 1);
            MiFreePages(physical & ~0xFFFULL, 1);
        }
    }
}

/* A page of its own for each page of the block. */
static BOOLEAN Map(PUCHAR Base, ULONG Pages)
{
    for (ULONG i = 0; i < Pages; i++) {
        ULONG64 page = MiAllocatePages(1, ~0ULL);
        if (!page || !MiMap(Base + (SIZE_T)i * PAGE_SIZE, page, 1, PTE_WRITE | PTE_NX)) {
            if (page) {
                MiFreePages(page, 1);
            }
            Unmap(Base, i);
            return FALSE;
        }
    }
    return TRUE;
}

PVOID MiAllocateLarge(POOL_TYPE Type, SIZE_T Size, ULONG Tag, BOOLEAN Guarded, PVOID Caller)
{
    ULONG pages = (ULONG)((Size + PAGE_SIZE - 1) >> PAGE_SHIFT);
    LARGE_BLOCK *large = Guarded ? Recycle(pages) : NULL;
    PUCHAR block = large ? large->Address : NULL;
    if (!large) {
        large = ExAllocatePoolWithTag(NonPagedPool, sizeof(*large), 'LooP');
    }
    if (!large || pages >= MiFreePageCount()) {
        block = NULL;
    } else if (Guarded) {
        block = block ? block : MiReserve(POOL_REGION, pages);
        block = block && Map(block, pages) ? block : NULL;
    } else {
        ULONG64 physical = MiAllocatePages(pages, ~0ULL);
        block = physical ? MiPhysicalToVirtual(physical) : NULL;
    }
    if (!block) {
        if (large) {
            ExFreePoolWithTag(large, 'LooP');
        }
        return NULL;
    }
    *large =
        (LARGE_BLOCK){.Address = block, .Size = Size, .Pages = pages, .Tag = Tag, .Type = Type, .Allocator = Caller};
    memset(block, POOL_FILL_NEW, Size);
    memset(block + Size, POOL_FILL_ZONE, (SIZE_T)pages * PAGE_SIZE - Size);
    if (Guarded && (Type & PagedPool)) {
        MiMakePageable(block, pages);
    }
    KIRQL irql;
    KeAcquireSpinLock(&MiLargeLock, &irql);
    InsertHeadList(Bucket(block), &large->Link);
    KeReleaseSpinLock(&MiLargeLock, irql);
    return block;
}

/* Any IRQL, no lock. The block, allocated or freed, whose pages (and, if guarded, the unmapped page behind) contain Address. */
static LARGE_BLOCK *Find(const VOID *Address)
{
    for (ULONG i = 0; i <= COUNT_OF(MiLarge); i++) {
        PLIST_ENTRY head = i < COUNT_OF(MiLarge) ? &MiLarge[i] : &MiFreed;
        for (PLIST_ENTRY e = head->Flink; e && e != head; e = e->Flink) {
            LARGE_BLOCK *large = CONTAINER(e, LARGE_BLOCK, Link);
            ULONG pages = large->Pages + (IsInRam(large->Address) ? 0 : 1);
            if ((ULONG64)Address - (ULONG64)large->Address < (ULONG64)pages * PAGE_SIZE) {
                return large;
            }
        }
    }
    return NULL;
}

VOID MiFreeLarge(PVOID Block, ULONG Tag, PVOID Caller)
{
    LARGE_BLOCK *large = Find(Block);
    KIRQL irql;
    if (large && large->Liberator && large->Address == Block) {
        SYMBOL by;
        LdrSymbolFromAddress(large->Liberator, &by);
        KeBugCheckReason(BAD_POOL_CALLER, 7, 0, large->Tag, (ULONG_PTR)Block, Caller,
                         "pool block %p is freed twice; the first time by %s!%s+0x%I64x", Block, by.Image, by.Name,
                         by.Offset);
    }
    if (!large || large->Address != Block) {
        KeBugCheckReason(BAD_POOL_CALLER, 0x46, (ULONG_PTR)Block, 0, 0, Caller,
                         "%p is freed but no pool block starts there (freed twice?)", Block);
    }
    MiCheckTag(Block, large->Tag, Tag, Caller);
    MiCheckZone(Block, large->Size, (SIZE_T)large->Pages * PAGE_SIZE, large->Tag, large->Allocator);
    KiCheckFreedMemory(Block, large->Size, Caller);
    BOOLEAN guarded = !IsInRam(Block);
    large->Liberator = Caller;
    KeAcquireSpinLock(&MiLargeLock, &irql);
    RemoveEntryList(&large->Link);
    if (guarded) {
        InsertTailList(&MiFreed, &large->Link);
        MiFreedCount++;
    }
    KeReleaseSpinLock(&MiLargeLock, irql);
    if (guarded) {
        Unmap(Block, large->Pages);
    } else {
        MiFreePages((ULONG64)Block - KERNEL_BASE, large->Pages);
        ExFreePoolWithTag(large, 'LooP');
    }
}

BOOLEAN MiIsLargeGuarded(const VOID *Address)
{
    return !IsInRam(Address) && Find(Address) != NULL;
}

BOOLEAN MiDescribeLarge(const VOID *Address, POOL_BLOCK_INFO *Info)
{
    LARGE_BLOCK *large = Find(Address);
    if (large) {
        *Info = (POOL_BLOCK_INFO){
            large->Address,          large->Size, large->Tag, large->Type, large->Allocator, large->Liberator,
            large->Liberator != NULL};
    }
    return large != NULL;
}

ULONG MiReportLargeLeaks(PVOID Base, SIZE_T Size)
{
    ULONG count = 0;
    for (ULONG i = 0; i < COUNT_OF(MiLarge); i++) {
        for (PLIST_ENTRY e = MiLarge[i].Flink; e != &MiLarge[i]; e = e->Flink) {
            LARGE_BLOCK *large = CONTAINER(e, LARGE_BLOCK, Link);
            if ((ULONG64)large->Allocator - (ULONG64)Base < Size) {
                SYMBOL by;
                LdrSymbolFromAddress(large->Allocator, &by);
                KdLog(LOG_WARNING, "leaked pool block %p: %Iu bytes, tag '%.4s', allocated by %s!%s+0x%I64x",
                      large->Address, large->Size, (PCSTR)&large->Tag, by.Image, by.Name, by.Offset);
                count++;
            }
        }
    }
    return count;
}
