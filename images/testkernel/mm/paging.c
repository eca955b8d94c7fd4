/* SPDX-License-Identifier: MIT */
/* Page tables (Intel SDM 3A section 4.5, 4-level paging). */
#include "mm/mm.h"
#include "mm/pool.h"
#include "hal/hal.h"
#include "boot/multiboot.h"

ULONG64 KiBootCr3;
ULONG64 KiKernelCr3;
static PULONG64 MiPml4;
static KSPIN_LOCK MiTableLock;
static volatile LONG64 MiReserved[4]; /* bytes handed out of each region */
static const ULONG64 MiRegions[4] = {IMAGE_REGION, POOL_REGION, STACK_REGION, IOSPACE_REGION};
extern UCHAR KiBootTables[];
extern UCHAR __ImageBase[]; /* the kernel's own PE headers */

static PULONG64 NextTable(PULONG64 Entry, BOOLEAN Create)
{
    if (!(*Entry & PTE_PRESENT)) {
        ULONG64 page = Create ? MiAllocatePages(1, ~0ULL) : 0;
        if (!page) {
            return NULL;
        }
        *Entry = page | PTE_PRESENT | PTE_WRITE;
    }
    return MiPhysicalToVirtual(*Entry & PTE_ADDRESS);
}

static PULONG64 DirectoryEntry(ULONG64 Address, BOOLEAN Create)
{
    PULONG64 table = NextTable(&MiPml4[Address >> 39 & 511], Create);
    table = table ? NextTable(&table[Address >> 30 & 511], Create) : NULL;
    return table ? &table[Address >> 21 & 511] : NULL;
}

static PULONG64 TableEntry(ULONG64 Address, BOOLEAN Create)
{
    PULONG64 entry = DirectoryEntry(Address, Create);
    if (!entry || (*entry & PTE_LARGE)) {
        return NULL;
    }
    PULONG64 table = NextTable(entry, Create);
    return table ? &table[Address >> 12 & 511] : NULL;
}

/* Splits the large page that maps Address into 4 KiB pages with the same flags. */
static BOOLEAN SplitLargePage(ULONG64 Address)
{
    PULONG64 entry = DirectoryEntry(Address, TRUE);
    if (!entry) {
        return FALSE;
    }
    if (*entry & PTE_LARGE) {
        ULONG64 old = *entry, page = MiAllocatePages(1, ~0ULL);
        if (!page) {
            return FALSE;
        }
        PULONG64 table = MiPhysicalToVirtual(page);
        for (ULONG i = 0; i < 512; i++) {
            table[i] = (old & ~PTE_LARGE) + i * PAGE_SIZE;
        }
        *entry = page | PTE_PRESENT | PTE_WRITE;
    }
    return TRUE;
}

/*
 * Boot. All RAM at KERNEL_BASE in 2 MiB pages, not executable, and nothing else: address 0 faults. The kernel's image gets 4 KiB pages
 * with its sections' protection, so that a stray write into code or constants stops at once.
 */
VOID MiInitializePaging(VOID)
{
    KiBootCr3 = (ULONG64)KiBootTables - KERNEL_BASE;
    ULONG64 page = MiAllocatePages(1, 0xFFFFFFFF);
    MiPml4 = MiPhysicalToVirtual(page);
    ULONG64 end = (ULONG64)MiTotalPageCount() << PAGE_SHIFT;
    for (ULONG64 physical = 0; physical < end; physical += 0x200000) {
        *DirectoryEntry(KERNEL_BASE + physical, TRUE) =
            physical | PTE_PRESENT | PTE_WRITE | PTE_LARGE | PTE_GLOBAL | PTE_NX;
    }
    PUCHAR base = __ImageBase;
    PIMAGE_NT_HEADERS64 nt = (PVOID)(base + ((PIMAGE_DOS_HEADER)__ImageBase)->e_lfanew);
    PIMAGE_SECTION_HEADER section = IMAGE_FIRST_SECTION(nt);
    for (ULONG i = 0; i < nt->FileHeader.NumberOfSections; i++, section++) {
        ULONG pages = (section->Misc.VirtualSize + PAGE_SIZE - 1) >> PAGE_SHIFT;
        PUCHAR start = base + section->VirtualAddress;
        ULONG64 flags = (section->Characteristics & IMAGE_SCN_MEM_EXECUTE ? 0 : PTE_NX) |
                        (section->Characteristics & IMAGE_SCN_MEM_WRITE ? PTE_WRITE : 0) | PTE_GLOBAL;
        if (section->Characteristics & IMAGE_SCN_MEM_DISCARDABLE) {
            continue; /* debug information: not loaded */
        }
        for (ULONG64 at = (ULONG64)start & ~0x1FFFFFULL; at < (ULONG64)start + pages * PAGE_SIZE; at += 0x200000) {
            SplitLargePage(at);
        }
        MiProtect(start, pages, flags);
    }
    KiKernelCr3 = page;
    __writecr3(page);
}

BOOLEAN MiMap(PVOID Virtual, ULONG64 Physical, ULONG Count, ULONG64 Flags)
{
    KIRQL irql;
    BOOLEAN done = TRUE;
    KeAcquireSpinLock(&MiTableLock, &irql);
    for (ULONG i = 0; i < Count && done; i++) {
        PULONG64 entry = TableEntry((ULONG64)Virtual + (ULONG64)i * PAGE_SIZE, TRUE);
        if (entry) {
            *entry = (Physical + (ULONG64)i * PAGE_SIZE) | Flags | PTE_PRESENT;
        }
        done = entry != NULL;
    }
    KeReleaseSpinLock(&MiTableLock, irql);
    return done;
}

VOID MiUnmap(PVOID Virtual, ULONG Count)
{
    KIRQL irql;
    KeAcquireSpinLock(&MiTableLock, &irql);
    for (ULONG i = 0; i < Count; i++) {
        PUCHAR address = (PUCHAR)Virtual + (ULONG64)i * PAGE_SIZE;
        PULONG64 entry = TableEntry((ULONG64)address, FALSE);
        if (entry) {
            *entry = 0;
        }
        __invlpg(address);
    }
    KeReleaseSpinLock(&MiTableLock, irql);
}

VOID MiProtect(PVOID Virtual, ULONG Count, ULONG64 Flags)
{
    KIRQL irql;
    KeAcquireSpinLock(&MiTableLock, &irql);
    for (ULONG i = 0; i < Count; i++) {
        PUCHAR address = (PUCHAR)Virtual + (ULONG64)i * PAGE_SIZE;
        PULONG64 entry = TableEntry((ULONG64)address, FALSE);
        if (entry && *entry) {
            *entry = (*entry & PTE_ADDRESS) | Flags | PTE_PRESENT;
        }
        __invlpg(address);
    }
    KeReleaseSpinLock(&MiTableLock, irql);
}

ULONG64 MiTranslate(const VOID *Virtual, PULONG64 Physical)
{
    ULONG64 address = (ULONG64)Virtual;
    ULONG64 entry = MiPml4[address >> 39 & 511];
    ULONG64 sign = address >> 47;
    if (!(entry & PTE_PRESENT) || (sign != 0 && sign != 0x1FFFF)) {
        return 0;
    }
    for (int shift = 30; shift >= 12; shift -= 9) {
        entry = ((PULONG64)MiPhysicalToVirtual(entry & PTE_ADDRESS))[address >> shift & 511];
        if (!(entry & PTE_PRESENT) && !(shift == 12 && (entry & PTE_TRIMMED))) {
            return 0; /* what is only paged out counts as mapped */
        }
        if (shift > 12 && (entry & PTE_LARGE)) {
            ULONG64 mask = (1ULL << shift) - 1;
            if (Physical) {
                *Physical = (entry & PTE_ADDRESS & ~mask) | (address & mask);
            }
            return entry;
        }
    }
    if (Physical) {
        *Physical = (entry & PTE_ADDRESS) | (address & 0xFFF);
    }
    return entry;
}

BOOLEAN MiIsMapped(const VOID *Virtual, SIZE_T Length)
{
    ULONG64 first = (ULONG64)Virtual & ~0xFFFULL;
    ULONG64 last = (ULONG64)Virtual + (Length ? Length - 1 : 0);
    if (last < first) {
        return FALSE;
    }
    for (ULONG64 page = first; page <= last; page += PAGE_SIZE) {
        if (!MiTranslate((PVOID)page, NULL)) {
            return FALSE;
        }
    }
    return TRUE;
}

PULONG64 MiEntry(const VOID *Virtual)
{
    return TableEntry((ULONG64)Virtual, FALSE);
}

/* No lock is taken: tables are never freed, and an entry is read at once. */
static ULONG64 FindInTable(PULONG64 Table, int Shift, ULONG64 Address, ULONG64 Page)
{
    ULONG64 found = 0;
    for (ULONG64 i = 0; i < 512 && !found; i++) {
        ULONG64 entry = Table[i], at = Address + (i << Shift);
        if (!(entry & PTE_PRESENT) || (Shift == 30 && at == KERNEL_BASE)) {
            continue;
        }
        if (Shift > 12 && !(entry & PTE_LARGE)) {
            found = FindInTable(MiPhysicalToVirtual(entry & PTE_ADDRESS), Shift - 9, at, Page);
        } else if (Shift == 12 && (entry & PTE_ADDRESS) == Page) {
            found = at;
        }
    }
    return found;
}

PVOID MiFindMapping(ULONG64 Physical)
{
    ULONG64 found = 0;
    for (ULONG64 i = 256; i < 512 && !found; i++) {
        if (MiPml4[i] & PTE_PRESENT) {
            found = FindInTable(MiPhysicalToVirtual(MiPml4[i] & PTE_ADDRESS), 30, 0xFFFF000000000000ULL | i << 39,
                                Physical & PTE_ADDRESS);
        }
    }
    return found ? (PVOID)(found | (Physical & (PAGE_SIZE - 1))) : NULL;
}

PVOID MiReserve(ULONG64 Region, ULONG Count)
{
    for (ULONG i = 0; i < COUNT_OF(MiRegions); i++) {
        if (MiRegions[i] == Region) {
            /* One page more than asked for: whoever runs over the end faults. */
            LONG64 bytes = ((LONG64)Count + 1) * PAGE_SIZE;
            return (PVOID)(Region + (ULONG64)(InterlockedExchangeAdd64(&MiReserved[i], bytes)));
        }
    }
    return NULL;
}

/* Any IRQL (Windows: any). */
PHYSICAL_ADDRESS NTAPI MmGetPhysicalAddress(PVOID BaseAddress)
{
    PHYSICAL_ADDRESS result = {.QuadPart = 0};
    MiTranslate(BaseAddress, (PULONG64)&result.QuadPart);
    return result;
}

BOOLEAN NTAPI MmIsAddressValid(PVOID VirtualAddress)
{
    return MiTranslate(VirtualAddress, NULL) != 0;
}

/* There is no user mode, but drivers compare addresses with its limits. */
PVOID MmHighestUserAddress = (PVOID)0x00007FFFFFFEFFFFULL;
PVOID MmSystemRangeStart = (PVOID)0xFFFF800000000000ULL;
ULONG_PTR MmUserProbeAddress = 0x00007FFFFFFF0000ULL;
