/* SPDX-License-Identifier: MIT */
/*
 * Device memory. A mapping gets address space of its own that is not used again for long, so that an access after MmUnmapIoSpace faults
 * and the fault's report can name the mapping.
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmmapiospace
 */
#include "mm/mm.h"
#include "mm/pool.h"
#include "mm/iospace.h"
#include "ke/bugcheck.h"
#include "kd/log.h"
#include "boot/loader.h"
#include "boot/multiboot.h"

typedef struct _IO_MAPPING {
    LIST_ENTRY Link;
    PVOID Base; /* page aligned */
    ULONG Pages;
    SIZE_T Length; /* as asked for */
    ULONG64 Physical;
    PVOID Caller;
    BOOLEAN Mapped;
} IO_MAPPING;

/* Unmapped ones are remembered for reports; the oldest are forgotten. */
#define REMEMBERED 64

static LIST_ENTRY MiMappings = {&MiMappings, &MiMappings};
static KSPIN_LOCK MiMappingLock;
static ULONG MiUnmappedCount;

/*
 * Memory is not device space: pages that may be anybody's must be locked down before they are mapped (Microsoft, bug check 0xC4, 0x83), and a driver that
 * has locked them has an MDL and another way to map them. ANY IRQL.
 */
static VOID RefuseMemory(ULONG64 Physical, SIZE_T Length, PVOID Caller)
{
    const BOOT_RANGE *range;

    for (ULONG i = 0; (range = BootMemoryRange(i)) != NULL; i++) {
        if (range->Usable && Physical < range->Base + range->Length && range->Base < Physical + Length) {
            KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, 0x83, Physical, Length, Physical >> PAGE_SHIFT, Caller,
                             "MmMapIoSpace called for 0x%I64x, which is memory and no device", Physical);
        }
    }
}

static PVOID MapIoSpace(ULONG64 Physical, SIZE_T Length, ULONG64 Flags, PVOID Caller)
{
    ULONG offset = (ULONG)(Physical & 0xFFF);
    ULONG pages = (ULONG)((offset + Length + PAGE_SIZE - 1) >> PAGE_SHIFT);
    if (!Length) {
        return NULL;
    }
    RefuseMemory(Physical, Length, Caller);
    IO_MAPPING *mapping = ExAllocatePoolWithTag(NonPagedPool, sizeof(*mapping), 'oImM');
    if (!mapping) {
        return NULL;
    }
    *mapping = (IO_MAPPING){.Pages = pages, .Length = Length, .Physical = Physical, .Caller = Caller, .Mapped = TRUE};
    mapping->Base = MiReserve(IOSPACE_REGION, pages);
    if (!MiMap(mapping->Base, Physical & ~0xFFFULL, pages, PTE_NX | PTE_GLOBAL | Flags)) {
        ExFreePoolWithTag(mapping, 'oImM');
        return NULL;
    }
    KIRQL irql;
    KeAcquireSpinLock(&MiMappingLock, &irql);
    InsertHeadList(&MiMappings, &mapping->Link);
    KeReleaseSpinLock(&MiMappingLock, irql);
    return (PUCHAR)mapping->Base + offset;
}

/* IRQL <= DISPATCH_LEVEL. */
PVOID NTAPI MmMapIoSpace(PHYSICAL_ADDRESS PhysicalAddress, SIZE_T NumberOfBytes, MEMORY_CACHING_TYPE CacheType)
{
    return MapIoSpace((ULONG64)PhysicalAddress.QuadPart, NumberOfBytes, PTE_WRITE | MiCacheBits(CacheType),
                      __builtin_return_address(0));
}

/* IRQL <= DISPATCH_LEVEL. Protect: PAGE_READONLY or PAGE_READWRITE, with PAGE_NOCACHE or PAGE_WRITECOMBINE; else NULL. */
PVOID NTAPI MmMapIoSpaceEx(PHYSICAL_ADDRESS PhysicalAddress, SIZE_T NumberOfBytes, ULONG Protect)
{
    ULONG access = Protect & 0xFF;
    if (access != PAGE_READONLY && access != PAGE_READWRITE) {
        return NULL;
    }
    return MapIoSpace((ULONG64)PhysicalAddress.QuadPart, NumberOfBytes,
                      (access == PAGE_READWRITE ? PTE_WRITE : 0) |
                          MiCacheBits(Protect & PAGE_NOCACHE        ? MmNonCached
                                      : Protect & PAGE_WRITECOMBINE ? MmWriteCombined
                                                                    : MmCached),
                      __builtin_return_address(0));
}

/* IRQL <= DISPATCH_LEVEL. Address and length must be those of one live mapping (Windows: undefined behaviour; here 0xDA). */
VOID NTAPI MmUnmapIoSpace(PVOID BaseAddress, SIZE_T NumberOfBytes)
{
    PVOID base = (PVOID)((ULONG64)BaseAddress & ~0xFFFULL);
    IO_MAPPING *found = NULL, *forgotten = NULL;
    KIRQL irql;
    KeAcquireSpinLock(&MiMappingLock, &irql);
    for (PLIST_ENTRY e = MiMappings.Flink; e != &MiMappings && !found; e = e->Flink) {
        IO_MAPPING *mapping = CONTAINER(e, IO_MAPPING, Link);
        found = mapping->Base == base ? mapping : NULL;
    }
    BOOLEAN good = found && found->Mapped && found->Length == NumberOfBytes;
    if (good) {
        found->Mapped = FALSE;
        RemoveEntryList(&found->Link);
        InsertTailList(&MiMappings, &found->Link);
        if (++MiUnmappedCount > REMEMBERED) {
            for (PLIST_ENTRY e = MiMappings.Flink; e != &MiMappings && !forgotten; e = e->Flink) {
                IO_MAPPING *mapping = CONTAINER(e, IO_MAPPING, Link);
                forgotten = mapping->Mapped ? NULL : mapping;
            }
            RemoveEntryList(&forgotten->Link);
            MiUnmappedCount--;
        }
    }
    KeReleaseSpinLock(&MiMappingLock, irql);
    if (!good) {
        KeBugCheckReason(0xDA, 0x300, (ULONG_PTR)BaseAddress, NumberOfBytes, found ? found->Length : 0,
                         __builtin_return_address(0), "MmUnmapIoSpace(%p, 0x%Ix) %s", BaseAddress, NumberOfBytes,
                         !found           ? "names no mapping of MmMapIoSpace"
                         : !found->Mapped ? "unmaps what was unmapped before"
                                          : "gives another length than MmMapIoSpace was asked for");
    }
    MiUnmap(found->Base, found->Pages);
    if (forgotten) {
        ExFreePoolWithTag(forgotten, 'oImM');
    }
}

BOOLEAN MiDescribeIoAddress(const VOID *Address, PSTR Text, SIZE_T Size)
{
    for (PLIST_ENTRY e = MiMappings.Flink; e != &MiMappings; e = e->Flink) {
        IO_MAPPING *mapping = CONTAINER(e, IO_MAPPING, Link);
        ULONG64 offset = (ULONG64)Address - (ULONG64)mapping->Base;
        if (offset < ((ULONG64)mapping->Pages + 1) * PAGE_SIZE) {
            SYMBOL symbol;
            LdrSymbolFromAddress(mapping->Caller, &symbol);
            RtlFormat(Text, Size, "offset 0x%I64x of the %s device mapping of physical 0x%I64x that %s made in %s",
                      offset - (mapping->Physical & 0xFFF), mapping->Mapped ? "live" : "unmapped", mapping->Physical,
                      symbol.Image, symbol.Name);
            return TRUE;
        }
    }
    return FALSE;
}

ULONG MiReportIoMappings(PVOID Base, SIZE_T Size)
{
    ULONG count = 0;
    for (PLIST_ENTRY e = MiMappings.Flink; e != &MiMappings; e = e->Flink) {
        IO_MAPPING *mapping = CONTAINER(e, IO_MAPPING, Link);
        if (mapping->Mapped && (ULONG64)mapping->Caller - (ULONG64)Base < Size) {
            KdLog(LOG_WARNING, "still mapped: physical 0x%I64x, 0x%Ix bytes", mapping->Physical, mapping->Length);
            count++;
        }
    }
    return count;
}
