/* SPDX-License-Identifier: MIT */
/* Pool, MDLs, contiguous memory, device mappings, pageable sections and time as a driver uses them. */
#include "check.h"

#define TAG 'tseT'

static volatile ULONG PagedRuns;

static void Pool(void)
{
    static const SIZE_T sizes[] = {1, 16, 100, 1000, 2000, PAGE_SIZE - 16, PAGE_SIZE, PAGE_SIZE + 1, 10 * PAGE_SIZE};
    for (ULONG i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        PUCHAR block = ExAllocatePoolWithTag(i & 1 ? PagedPool : NonPagedPool, sizes[i], TAG);
        CHECK(block != NULL);
        CHECK(((ULONG_PTR)block & 15) == 0);
        CHECK(sizes[i] < PAGE_SIZE || ((ULONG_PTR)block & (PAGE_SIZE - 1)) == 0); /* a page or more is page-aligned */
        RtlFillMemory(block, sizes[i], 0x77);
        CHECK(block[0] == 0x77 && block[sizes[i] - 1] == 0x77);
        CHECK(MmIsAddressValid(block));
        ExFreePoolWithTag(block, TAG);
    }
    CHECK(ExAllocatePoolWithTag(NonPagedPool, (SIZE_T)1 << 40, TAG) == NULL); /* refused, not a stop */
    /* Many blocks, freed in another order: none overlaps another. */
    static PULONG blocks[300];
    for (ULONG i = 0; i < 300; i++) {
        blocks[i] = ExAllocatePoolWithTag(NonPagedPool, 64 + i, TAG);
        CHECK(blocks[i] != NULL);
        *blocks[i] = i;
    }
    for (ULONG i = 0; i < 300; i++) {
        ULONG j = i * 7 % 300;
        CHECK(*blocks[j] == j);
        ExFreePool(blocks[j]);
    }
}

static void Mdls(void)
{
    PUCHAR block = ExAllocatePoolWithTag(NonPagedPool, 3 * PAGE_SIZE, TAG);
    PMDL mdl = IoAllocateMdl(block + 100, 2 * PAGE_SIZE, FALSE, FALSE, NULL);
    CHECK(mdl != NULL);
    MmBuildMdlForNonPagedPool(mdl);
    CHECK(MmGetMdlByteCount(mdl) == 2 * PAGE_SIZE);
    CHECK(MmGetMdlByteOffset(mdl) == 100);
    CHECK(MmGetMdlVirtualAddress(mdl) == block + 100);
    CHECK(MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority) == block + 100);
    for (ULONG i = 0; i < 3; i++) {
        PHYSICAL_ADDRESS physical = MmGetPhysicalAddress(block + i * PAGE_SIZE);
        CHECK((ULONG64)physical.QuadPart >> PAGE_SHIFT == MmGetMdlPfnArray(mdl)[i]);
    }
    PMDL part = IoAllocateMdl(block + 100, 2 * PAGE_SIZE, FALSE, FALSE, NULL);
    IoBuildPartialMdl(mdl, part, block + PAGE_SIZE + 8, 16);
    CHECK(MmGetMdlByteCount(part) == 16 && MmGetMdlPfnArray(part)[0] == MmGetMdlPfnArray(mdl)[1]);
    IoFreeMdl(part);
    IoFreeMdl(mdl);

    PUCHAR paged = ExAllocatePoolWithTag(PagedPool, 64, TAG);
    mdl = IoAllocateMdl(paged, 64, FALSE, FALSE, NULL);
    MmProbeAndLockPages(mdl, KernelMode, IoModifyAccess);
    KSPIN_LOCK lock;
    KIRQL irql;
    KeInitializeSpinLock(&lock);
    KeAcquireSpinLock(&lock, &irql);
    paged[0] = 1; /* pageable, but locked */
    KeReleaseSpinLock(&lock, irql);
    MmUnlockPages(mdl);
    IoFreeMdl(mdl);
    ExFreePoolWithTag(paged, TAG);
    ExFreePoolWithTag(block, TAG);
}

static ULONG64 CacheBits(PVOID Address);

static void Contiguous(void)
{
    PHYSICAL_ADDRESS low = {.QuadPart = 0}, high = {.QuadPart = 0x1FFFFFF}, boundary = {.QuadPart = 0x10000},
                     none = low;
    PUCHAR block = MmAllocateContiguousMemorySpecifyCache(3 * PAGE_SIZE, low, high, boundary, MmCached);
    CHECK(block != NULL);
    ULONG64 physical = (ULONG64)MmGetPhysicalAddress(block).QuadPart;
    CHECK((ULONG64)MmGetPhysicalAddress(block + 2 * PAGE_SIZE).QuadPart == physical + 2 * PAGE_SIZE);
    CHECK(physical + 3 * PAGE_SIZE - 1 <= 0x1FFFFFF);
    CHECK(physical / 0x10000 == (physical + 3 * PAGE_SIZE - 1) / 0x10000);
    MmFreeContiguousMemory(block);
    low.QuadPart = 0x1801000;
    block = MmAllocateContiguousMemorySpecifyCache(2 * PAGE_SIZE, low, high, none, MmCached);
    CHECK(block && MmGetPhysicalAddress(block).QuadPart >= low.QuadPart);
    MmFreeContiguousMemory(block);
    boundary.QuadPart = 2 * PAGE_SIZE; /* the block fits between two multiples, or there is none */
    block = MmAllocateContiguousMemorySpecifyCache(2 * PAGE_SIZE, none, high, boundary, MmCached);
    CHECK(block && MmGetPhysicalAddress(block).QuadPart % boundary.QuadPart == 0);
    MmFreeContiguousMemory(block);
    CHECK(MmAllocateContiguousMemorySpecifyCache(3 * PAGE_SIZE, none, high, boundary, MmCached) == NULL);
    CHECK(MmAllocateContiguousMemorySpecifyCache(PAGE_SIZE, high, low, none, MmCached) == NULL);
    block = MmAllocateContiguousMemorySpecifyCacheNode(PAGE_SIZE, none, high, none, MmCached, MM_ANY_NODE_OK);
    CHECK(block != NULL && CacheBits(block) == 0);
    CHECK(MmGetVirtualForPhysical(MmGetPhysicalAddress(block)) == block);
    MmFreeContiguousMemory(block);
}

/* The caching bits of the page table entry that maps Address: PWT and PCD. */
static ULONG64 CacheBits(PVOID Address)
{
    PHYSICAL_ADDRESS table = {.QuadPart = (LONGLONG)(__readcr3() & ~0xFFFULL)};
    ULONG64 entry = 0;
    for (int shift = 39; shift >= 12; shift -= 9) {
        PULONG64 entries = MmGetVirtualForPhysical(table);
        entry = entries[(ULONG_PTR)Address >> shift & 511];
        table.QuadPart = (LONGLONG)(entry & 0xFFFFFFFFFF000);
        if (shift == 21 && entry & 0x80) {
            break;
        }
    }
    return entry & 0x18;
}

static void Caching(void)
{
    PHYSICAL_ADDRESS none = {.QuadPart = 0}, high = {.QuadPart = 0x1FFFFFF};
    PUCHAR uncached = MmAllocateContiguousMemorySpecifyCache(2 * PAGE_SIZE, none, high, none, MmNonCached);
    PUCHAR combined = MmAllocateContiguousMemorySpecifyCache(PAGE_SIZE, none, high, none, MmWriteCombined);
    PUCHAR pool = ExAllocatePoolWithTag(NonPagedPool, PAGE_SIZE, TAG), noncached = MmAllocateNonCachedMemory(1);
    CHECK(uncached && combined && CacheBits(uncached) == 0x18 && CacheBits(combined) == 0x08);
    CHECK(CacheBits(noncached) == 0x18 && CacheBits(pool) == 0);
    CHECK((__readmsr(0x277) >> 8 & 7) == 1); /* IA32_PAT: the second type, of a lone PWT, is write-combining */
    CHECK(MmGetPhysicalAddress(uncached + PAGE_SIZE).QuadPart == MmGetPhysicalAddress(uncached).QuadPart + PAGE_SIZE);
    uncached[0] = combined[0] = 1;
    /* One address for each page, the driver's own. */
    CHECK(MmGetVirtualForPhysical(MmGetPhysicalAddress(uncached + PAGE_SIZE + 5)) == uncached + PAGE_SIZE + 5);
    CHECK(MmGetVirtualForPhysical(MmGetPhysicalAddress(pool + 100)) == pool + 100);
    CHECK(MmGetVirtualForPhysical(MmGetPhysicalAddress((PVOID)(ULONG_PTR)Caching)) == (PVOID)(ULONG_PTR)Caching);
    none.QuadPart = 1LL << 40;
    CHECK(MmGetVirtualForPhysical(none) == NULL); /* nothing is there */
    MmFreeNonCachedMemory(noncached, 1);
    ExFreePoolWithTag(pool, TAG);
    MmFreeContiguousMemorySpecifyCache(uncached, 2 * PAGE_SIZE, MmNonCached);
    CHECK(!MmIsAddressValid(uncached));
    MmFreeContiguousMemory(combined);
}

/* Two mappings of one device see the same registers; the HPET counts. */
static void IoSpace(void)
{
    PHYSICAL_ADDRESS hpet = {.QuadPart = 0xFED00000};
    volatile ULONG *one = MmMapIoSpace(hpet, 0x400, MmNonCached), *two = MmMapIoSpace(hpet, 0x400, MmNonCached);
    CHECK(one != NULL && two != NULL && one != two);
    CHECK(READ_REGISTER_ULONG((PULONG)&one[1]) == READ_REGISTER_ULONG((PULONG)&two[1]));
    ULONG before = one[0xF0 / 4];
    KeStallExecutionProcessor(20);
    CHECK(one[0xF0 / 4] != before);
    MmUnmapIoSpace((PVOID)one, 0x400);
    CHECK(!MmIsAddressValid((PVOID)one));
    CHECK(MmIsAddressValid((PVOID)two));
    MmUnmapIoSpace((PVOID)two, 0x400);
}

__attribute__((section("PAGE"), noinline)) static void Paged(void)
{
    PagedRuns++;
}

/* Paged out whenever a lock is taken, and in again by the call. */
static void Paging(void)
{
    KSPIN_LOCK lock;
    KIRQL irql;
    KeInitializeSpinLock(&lock);
    for (ULONG i = 0; i < 3; i++) {
        KeAcquireSpinLock(&lock, &irql);
        KeReleaseSpinLock(&lock, irql);
        Paged();
    }
    PVOID section = MmLockPagableCodeSection((PVOID)(ULONG_PTR)Paged);
    KeAcquireSpinLock(&lock, &irql);
    Paged(); /* locked: allowed here */
    KeReleaseSpinLock(&lock, irql);
    MmUnlockPagableImageSection(section);
    Paged();
    CHECK(PagedRuns == 5);
}

static void Time(void)
{
    LARGE_INTEGER frequency, start = KeQueryPerformanceCounter(&frequency), now, ticks;
    CHECK(frequency.QuadPart > 1000000);
    KeStallExecutionProcessor(1000);
    now = KeQueryPerformanceCounter(NULL);
    CHECK((now.QuadPart - start.QuadPart) * 1000000 / frequency.QuadPart >= 1000);
    LARGE_INTEGER system;
    KeQuerySystemTime(&system); /* an inlined read */
    TIME_FIELDS fields;
    RtlTimeToTimeFields(&system, &fields);
    CHECK(fields.Year >= 2020 && fields.Month >= 1 && fields.Month <= 12);
    KeQueryTickCount(&ticks);
    CHECK(KeQueryTimeIncrement() == 156250);
    ULONG64 interrupt = KeQueryInterruptTime();
    CHECK(interrupt / 156250 - (ULONG64)ticks.QuadPart < 2);
    LARGE_INTEGER soon = Milliseconds(30);
    KeDelayExecutionThread(KernelMode, FALSE, &soon);
    CHECK(KeQueryInterruptTime() > interrupt);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    Pool();
    Mdls();
    Contiguous();
    Caching();
    IoSpace();
    Paging();
    Time();
    return Summary("memory");
}
