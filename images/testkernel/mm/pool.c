/* SPDX-License-Identifier: MIT */
/*
 * Pool. Driver allocations of up to a page are guarded (mm/guarded.c), larger ones are in mm/largepool.c. The rest: blocks of a few sizes cut from pages,
 * each with a header and a red zone.
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exallocatepoolwithtag
 */
#include "mm/pool.h"
#include "mm/mm.h"
#include "ke/bugcheck.h"
#include "ke/rules.h"
#include "subsystems.h"
#include "boot/loader.h"
#include "kd/log.h"

#define BLOCK_LIVE  0x4C50 /* 'PL' */
#define BLOCK_FREE  0x4650 /* 'PF' */
#define ZONE_BYTES  8      /* at least so many red zone bytes behind a block */
#define PAGE_HEADER 64

typedef struct _POOL_HEADER {
    USHORT Magic;
    UCHAR Class;
    UCHAR Type;
    ULONG Tag;
    ULONG Size;
    ULONG Reserved;
    PVOID Caller;
    PVOID Next; /* free list */
} POOL_HEADER;  /* 32 bytes: keeps blocks 16-byte aligned */

static const USHORT MiClasses[] = {64, 80, 96, 128, 160, 192, 256, 320, 400, 496, 576, 672, 800, 1008, 1344, 2016};
static POOL_HEADER *MiFree[COUNT_OF(MiClasses)];
static KSPIN_LOCK MiPoolLock;

VOID MiInitializePool(VOID)
{
    MiInitializeLargePool();
    MiInitializeGuardedPool();
}

static ULONG ClassOf(SIZE_T Size)
{
    SIZE_T total = Size + sizeof(POOL_HEADER) + ZONE_BYTES;
    ULONG class = 0;
    while (class < COUNT_OF(MiClasses) && MiClasses[class] < total) {
        class ++;
    }
    return class;
}

/* The lock is held. Cuts a new page into blocks of a class. */
static BOOLEAN Refill(ULONG Class)
{
    ULONG64 page = MiAllocatePages(1, ~0ULL);
    if (!page) {
        return FALSE;
    }
    PUCHAR base = MiPhysicalToVirtual(page);
    /* The first bytes of the page stay unused: a page-aligned address is always a large block. */
    for (ULONG at = PAGE_HEADER; at + MiClasses[Class] <= PAGE_SIZE; at += MiClasses[Class]) {
        POOL_HEADER *header = (POOL_HEADER *)(base + at);
        header->Magic = BLOCK_FREE;
        header->Class = (UCHAR)Class;
        header->Next = MiFree[Class];
        memset(header + 1, POOL_FILL_FREED, MiClasses[Class] - sizeof(*header));
        MiFree[Class] = header;
    }
    return TRUE;
}

static BOOLEAN IsFilled(const UCHAR *Bytes, SIZE_T Length, UCHAR Value)
{
    while (Length && *Bytes == Value) {
        Bytes++;
        Length--;
    }
    return Length == 0;
}

static PVOID AllocateSmall(POOL_TYPE Type, SIZE_T Size, ULONG Tag, PVOID Caller)
{
    ULONG class = ClassOf(Size);
    KIRQL irql;
    KeAcquireSpinLock(&MiPoolLock, &irql);
    if (!MiFree[class] && !Refill(class)) {
        KeReleaseSpinLock(&MiPoolLock, irql);
        return NULL;
    }
    POOL_HEADER *header = MiFree[class];
    MiFree[class] = header->Next;
    KeReleaseSpinLock(&MiPoolLock, irql);
    SIZE_T room = MiClasses[class] - sizeof(*header);
    if (header->Magic != BLOCK_FREE || !IsFilled((PUCHAR)(header + 1), room, POOL_FILL_FREED)) {
        KeBugCheckReason(BAD_POOL_HEADER, 0x20, (ULONG_PTR)header, room, header->Magic, header->Caller,
                         "freed pool block %p (last tag '%.4s') was written to after it was freed", header + 1,
                         (PCSTR)&header->Tag);
    }
    *header = (POOL_HEADER){.Magic = BLOCK_LIVE,
                            .Class = (UCHAR) class,
                            .Type = (UCHAR)Type,
                            .Tag = Tag,
                            .Size = (ULONG)Size,
                            .Caller = Caller};
    PUCHAR block = (PUCHAR)(header + 1);
    memset(block, POOL_FILL_NEW, Size);
    memset(block + Size, POOL_FILL_ZONE, room - Size);
    return block;
}

PVOID MiAllocatePool(POOL_TYPE Type, SIZE_T Size, ULONG Tag, PVOID Caller)
{
    KIRQL irql = KeGetCurrentIrql(), limit = Type & PagedPool ? APC_LEVEL : DISPATCH_LEVEL;
    if (irql > limit) {
        KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, limit == APC_LEVEL ? 1 : 2, irql, Type, Size, Caller,
                         "%s pool allocated at IRQL %u (allowed: <= %u)", limit == APC_LEVEL ? "paged" : "nonpaged",
                         irql, limit);
    }
    PLOADED_IMAGE image = LdrImageFromAddress(Caller);
    BOOLEAN driver = image && !image->Kernel;
    if (!Size && driver) {
        KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, 0, irql, Type, 0, Caller,
                         "pool allocation of 0 bytes (tag '%.4s')", (PCSTR)&Tag);
    }
    if (driver) {
        PVOID guarded = MiAllocateGuarded(Type, Size, Tag, Caller);
        if (guarded) {
            return guarded;
        }
    }
    return ClassOf(Size) < COUNT_OF(MiClasses) ? AllocateSmall(Type, Size, Tag, Caller)
                                               : MiAllocateLarge(Type, Size, Tag, driver, Caller);
}

VOID MiCheckTag(PVOID Block, ULONG Allocated, ULONG Given, PVOID Caller)
{
    if (Given && Given != Allocated) {
        KeBugCheckReason(BAD_POOL_CALLER, 0xA, (ULONG_PTR)Block, Allocated, Given, Caller,
                         "pool block %p was allocated with tag '%.4s' and is freed with tag '%.4s'", Block,
                         (PCSTR)&Allocated, (PCSTR)&Given);
    }
}

VOID MiCheckZone(PVOID Block, SIZE_T Size, SIZE_T Room, ULONG Tag, PVOID Allocator)
{
    if (!IsFilled((PUCHAR)Block + Size, Room - Size, POOL_FILL_ZONE)) {
        KeBugCheckReason(BAD_POOL_HEADER, 0x21, (ULONG_PTR)Block, Size, 0, Allocator,
                         "pool block %p (%Iu bytes, tag '%.4s') was written beyond its end", Block, Size, (PCSTR)&Tag);
    }
}

static VOID FreeSmall(PVOID Block, ULONG Tag, PVOID Caller)
{
    POOL_HEADER *header = (POOL_HEADER *)Block - 1;
    if (header->Magic == BLOCK_FREE) {
        SYMBOL by;
        LdrSymbolFromAddress(header->Caller, &by);
        KeBugCheckReason(BAD_POOL_CALLER, 7, 0, header->Tag, (ULONG_PTR)Block, Caller,
                         "pool block %p is freed twice; the first time by %s!%s+0x%I64x", Block, by.Image, by.Name,
                         by.Offset);
    }
    if (header->Magic != BLOCK_LIVE && IopIsIrp(Block)) {
        KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_POOL_OF_IRP, (ULONG_PTR)Block, 0, 0, Caller,
                         "ExFreePool of IRP %p, which IoAllocateIrp made: use IoFreeIrp", Block);
    }
    if (header->Magic != BLOCK_LIVE || header->Class >= COUNT_OF(MiClasses)) {
        KeBugCheckReason(BAD_POOL_CALLER, 0x46, (ULONG_PTR)Block, 0, 0, Caller,
                         "%p is freed but no pool block starts there", Block);
    }
    SIZE_T room = MiClasses[header->Class] - sizeof(*header);
    MiCheckTag(Block, header->Tag, Tag, Caller);
    MiCheckZone(Block, header->Size, room, header->Tag, header->Caller);
    KiCheckFreedMemory(Block, header->Size, Caller);
    memset(Block, POOL_FILL_FREED, room);
    KIRQL irql;
    KeAcquireSpinLock(&MiPoolLock, &irql);
    header->Magic = BLOCK_FREE;
    header->Caller = Caller;
    header->Next = MiFree[header->Class];
    MiFree[header->Class] = header;
    KeReleaseSpinLock(&MiPoolLock, irql);
}

VOID MiFreePool(PVOID Block, ULONG Tag, PVOID Caller)
{
    if (!Block || ((ULONG64)Block & 15) || !MiTranslate(Block, NULL)) {
        POOL_BLOCK_INFO info;
        if (!Block || !MiDescribePool(Block, &info) || !info.Freed) {
            KeBugCheckReason(BAD_POOL_CALLER, 0x46, (ULONG_PTR)Block, 0, 0, Caller,
                             "%p is freed but is no pool address", Block);
        }
    }
    if (KeGetCurrentIrql() > DISPATCH_LEVEL) {
        KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, 0x12, KeGetCurrentIrql(), NonPagedPool, (ULONG_PTR)Block,
                         Caller, "pool freed at IRQL %u (allowed: <= 2)", KeGetCurrentIrql());
    }
    BOOLEAN large = !MiIsGuarded(Block) && (!((ULONG64)Block & (PAGE_SIZE - 1)) || MiIsLargeGuarded(Block));
    POOL_BLOCK_INFO info;
    if ((large || MiIsGuarded(Block)) && MiDescribePool(Block, &info) && !info.Freed && (info.Type & PagedPool) &&
        KeGetCurrentIrql() > APC_LEVEL) {
        KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, 0x11, KeGetCurrentIrql(), info.Type, (ULONG_PTR)Block,
                         Caller, "paged pool freed at IRQL %u (allowed: <= 1)", KeGetCurrentIrql());
    }
    if (large) {
        MiFreeLarge(Block, Tag, Caller);
    } else if (MiIsGuarded(Block)) {
        if (MiDescribeGuarded(Block, &info) && !info.Freed) {
            KiCheckFreedMemory(Block, info.Size, Caller);
        }
        MiFreeGuarded(Block, Tag, Caller);
    } else {
        FreeSmall(Block, Tag, Caller);
    }
}

BOOLEAN MiDescribePool(const VOID *Address, POOL_BLOCK_INFO *Info)
{
    return MiDescribeGuarded(Address, Info) || MiDescribeLarge(Address, Info);
}

ULONG MiReportLeaks(PVOID Base, SIZE_T Size)
{
    return MiReportGuardedLeaks(Base, Size) + MiReportLargeLeaks(Base, Size);
}
