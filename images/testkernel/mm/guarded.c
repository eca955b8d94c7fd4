/* SPDX-License-Identifier: MIT */
/*
 * Guarded pool, the counterpart of Driver Verifier's special pool: a driver's block ends at an unmapped page, and after it is freed its
 * own page is unmapped too. An overrun or a use after free therefore faults at the very instruction, and the report names who
 * allocated and who freed the block. Address space is used again oldest first.
 * https://learn.microsoft.com/windows-hardware/drivers/devtest/special-pool
 */
#include "mm/pool.h"
#include "mm/mm.h"
#include "mm/paged.h"
#include "ke/bugcheck.h"
#include "kd/log.h"
#include "boot/loader.h"

#define SLOT_COUNT 4096
#define SLOT_BYTES (2 * PAGE_SIZE) /* one page and its guard */
#define SLOT_LIMIT PAGE_SIZE

typedef struct _SLOT {
    USHORT NextFree;
    BOOLEAN Live;
    UCHAR Type;
    ULONG Tag;
    ULONG Size;
    PVOID Allocator;
    PVOID Liberator;
} SLOT;

static SLOT *MiSlots;
static PUCHAR MiSlotBase;
static ULONG MiFirstFree, MiLastFree, MiLiveSlots; /* the free list is a queue: index 0 is never used and ends it */
static KSPIN_LOCK MiSlotLock;

VOID MiInitializeGuardedPool(VOID)
{
    ULONG pages = (SLOT_COUNT * sizeof(SLOT) + PAGE_SIZE - 1) / PAGE_SIZE;
    ULONG64 physical = MiAllocatePages(pages, ~0ULL);
    MiSlots = MiPhysicalToVirtual(physical);
    MiSlotBase = MiReserve(POOL_REGION, SLOT_COUNT * 2);
    for (ULONG i = 1; i < SLOT_COUNT; i++) {
        MiSlots[i].NextFree = (USHORT)(i + 1 < SLOT_COUNT ? i + 1 : 0);
    }
    MiFirstFree = 1;
    MiLastFree = SLOT_COUNT - 1;
}

BOOLEAN MiIsGuarded(const VOID *Address)
{
    return (ULONG64)Address - (ULONG64)MiSlotBase < (ULONG64)SLOT_COUNT * SLOT_BYTES;
}

static PUCHAR SlotPage(ULONG Index)
{
    return MiSlotBase + (ULONG64)Index * SLOT_BYTES;
}

static PUCHAR BlockAddress(ULONG Index)
{
    return SlotPage(Index) + PAGE_SIZE - ((MiSlots[Index].Size + 15) & ~15u);
}

PVOID MiAllocateGuarded(POOL_TYPE Type, SIZE_T Size, ULONG Tag, PVOID Caller)
{
    KIRQL irql;
    if (Size > SLOT_LIMIT || MiFreePageCount() < 512) {
        return NULL;
    }
    KeAcquireSpinLock(&MiSlotLock, &irql);
    ULONG index = MiFirstFree;
    if (index) {
        MiFirstFree = MiSlots[index].NextFree;
        MiLastFree = MiFirstFree ? MiLastFree : 0;
        MiLiveSlots++;
    }
    KeReleaseSpinLock(&MiSlotLock, irql);
    if (!index) {
        return NULL;
    }
    SLOT *slot = &MiSlots[index];
    *slot = (SLOT){.Live = TRUE, .Type = (UCHAR)Type, .Tag = Tag, .Size = (ULONG)Size, .Allocator = Caller};
    ULONG64 page = MiAllocatePages(1, ~0ULL);
    if (!page || !MiMap(SlotPage(index), page, 1, PTE_WRITE | PTE_NX)) {
        return NULL; /* the slot is lost; memory is at its end anyway */
    }
    PUCHAR block = BlockAddress(index), start = SlotPage(index);
    memset(start, POOL_FILL_ZONE, PAGE_SIZE);
    memset(block, POOL_FILL_NEW, Size);
    if (Type & PagedPool) {
        MiMakePageable(start, 1);
    }
    return block;
}

VOID MiFreeGuarded(PVOID Block, ULONG Tag, PVOID Caller)
{
    KIRQL irql;
    ULONG index = (ULONG)(((ULONG64)Block - (ULONG64)MiSlotBase) / SLOT_BYTES);
    SLOT *slot = &MiSlots[index];
    if (!slot->Live) {
        SYMBOL by;
        LdrSymbolFromAddress(slot->Liberator, &by);
        KeBugCheckReason(BAD_POOL_CALLER, 7, 0, slot->Tag, (ULONG_PTR)Block, Caller,
                         "pool block %p is freed twice; the first time by %s!%s+0x%I64x", Block, by.Image, by.Name,
                         by.Offset);
    }
    if (BlockAddress(index) != Block) {
        KeBugCheckReason(BAD_POOL_CALLER, 0x46, (ULONG_PTR)Block, (ULONG_PTR)BlockAddress(index), 0, Caller,
                         "%p is not the start of a pool block (the block starts at %p)", Block, BlockAddress(index));
    }
    if (Tag && Tag != slot->Tag) {
        KeBugCheckReason(BAD_POOL_CALLER, 0xA, (ULONG_PTR)Block, slot->Tag, Tag, Caller,
                         "pool block %p was allocated with tag '%.4s' and is freed with tag '%.4s'", Block,
                         (PCSTR)&slot->Tag, (PCSTR)&Tag);
    }
    PUCHAR start = SlotPage(index), block = Block, end = start + PAGE_SIZE;
    for (PUCHAR p = start; p < end; p++) {
        if (p == block) {
            p += slot->Size;
            if (p == end) {
                break;
            }
        }
        if (*p != POOL_FILL_ZONE) {
            KeBugCheckReason(0xC1, (ULONG_PTR)Block, (ULONG_PTR)p, slot->Size, p < block ? 0x22 : 0x24, slot->Allocator,
                             "the bytes %s pool block %p (%u bytes, tag '%.4s') were overwritten at offset %Id",
                             p < block ? "before" : "behind", Block, slot->Size, (PCSTR)&slot->Tag,
                             (SSIZE_T)(p - block));
        }
    }
    ULONG64 physical = 0;
    MiTranslate(start, &physical);
    MiUnmap(start, 1);
    MiFreePages(physical & ~0xFFFULL, 1);
    slot->Live = FALSE;
    slot->Liberator = Caller;
    KeAcquireSpinLock(&MiSlotLock, &irql);
    slot->NextFree = 0;
    if (MiLastFree) {
        MiSlots[MiLastFree].NextFree = (USHORT)index;
    } else {
        MiFirstFree = index;
    }
    MiLastFree = index;
    MiLiveSlots--;
    KeReleaseSpinLock(&MiSlotLock, irql);
}

BOOLEAN MiDescribeGuarded(const VOID *Address, POOL_BLOCK_INFO *Info)
{
    if (!MiIsGuarded(Address)) {
        return FALSE;
    }
    ULONG index = (ULONG)(((ULONG64)Address - (ULONG64)MiSlotBase) / SLOT_BYTES);
    SLOT *slot = &MiSlots[index];
    if (!slot->Allocator) {
        return FALSE;
    }
    *Info = (POOL_BLOCK_INFO){BlockAddress(index), slot->Size,      slot->Tag,  slot->Type,
                              slot->Allocator,     slot->Liberator, !slot->Live};
    return TRUE;
}

ULONG MiReportGuardedLeaks(PVOID Base, SIZE_T Size)
{
    ULONG count = 0;
    for (ULONG i = 1; i < SLOT_COUNT; i++) {
        SLOT *slot = &MiSlots[i];
        if (slot->Live && (ULONG64)slot->Allocator - (ULONG64)Base < Size) {
            SYMBOL by;
            LdrSymbolFromAddress(slot->Allocator, &by);
            KdLog(LOG_WARNING, "leaked pool block %p: %u bytes, tag '%.4s', allocated by %s!%s+0x%I64x",
                  BlockAddress(i), slot->Size, (PCSTR)&slot->Tag, by.Image, by.Name, by.Offset);
            count++;
        }
    }
    return count;
}
