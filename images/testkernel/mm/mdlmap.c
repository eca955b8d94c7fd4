/* SPDX-License-Identifier: MIT */
/*
 * The address space that MDLs are mapped into (Windows: system page table entries). An address comes round again only when all others have been
 * used, so that an access after MmUnmapLockedPages faults.
 */
#include "mm/mdlmap.h"
#include "rtl/format.h"

#define MDL_PAGES 16384 /* 64 MiB */

enum { SLOT_FREE, SLOT_FIRST, SLOT_NEXT, SLOT_GUARD };

static UCHAR MiMdlPages[MDL_PAGES];
static ULONG MiMdlHint;
static KSPIN_LOCK MiMdlLock;

/* MiMdlLock held. Count pages and an unmapped one behind them; MDL_PAGES: there are none. */
static ULONG FindFree(ULONG From, ULONG To, ULONG Count)
{
    ULONG run = 0;
    for (ULONG page = From; page < To; page++) {
        run = MiMdlPages[page] == SLOT_FREE ? run + 1 : 0;
        if (run == Count + 1) {
            return page - Count;
        }
    }
    return MDL_PAGES;
}

static PUCHAR PageAddress(ULONG Page)
{
    return (PUCHAR)(MDL_REGION + (ULONG64)Page * PAGE_SIZE);
}

static BOOLEAN Reserve(ULONG Count, PULONG First)
{
    KIRQL irql;
    KeAcquireSpinLock(&MiMdlLock, &irql);
    ULONG first = FindFree(MiMdlHint, MDL_PAGES, Count);
    if (first == MDL_PAGES) {
        first = FindFree(0, MDL_PAGES, Count);
    }
    if (first != MDL_PAGES) {
        for (ULONG i = 0; i < Count; i++) {
            MiMdlPages[first + i] = i ? SLOT_NEXT : SLOT_FIRST;
        }
        MiMdlPages[first + Count] = SLOT_GUARD;
        MiMdlHint = first + Count + 1;
    }
    KeReleaseSpinLock(&MiMdlLock, irql);
    *First = first;
    return first != MDL_PAGES;
}

PVOID MiMapFrames(const PFN_NUMBER *Frames, ULONG Count, ULONG64 Flags)
{
    ULONG first;
    if (!Count || Count >= MDL_PAGES || !Reserve(Count, &first)) {
        return NULL;
    }
    for (ULONG i = 0; i < Count; i++) {
        if (!MiMap(PageAddress(first + i), (ULONG64)Frames[i] << PAGE_SHIFT, 1, Flags | PTE_GLOBAL)) {
            MiUnmapFrames(PageAddress(first));
            return NULL;
        }
    }
    return PageAddress(first);
}

BOOLEAN MiUnmapFrames(const VOID *Address)
{
    ULONG64 page = ((ULONG64)Address - MDL_REGION) >> PAGE_SHIFT;
    KIRQL irql;
    if ((ULONG64)Address < MDL_REGION || page >= MDL_PAGES) {
        return FALSE;
    }
    KeAcquireSpinLock(&MiMdlLock, &irql);
    while (MiMdlPages[page] == SLOT_NEXT) {
        page--; /* MmAdvanceMdl moves the MDL's address on */
    }
    BOOLEAN mapped = MiMdlPages[page] == SLOT_FIRST;
    for (ULONG64 i = page; mapped && MiMdlPages[i] != SLOT_FREE; i++) {
        BOOLEAN last = MiMdlPages[i] == SLOT_GUARD;
        MiUnmap(PageAddress((ULONG)i), 1);
        MiMdlPages[i] = SLOT_FREE;
        if (last) {
            break;
        }
    }
    KeReleaseSpinLock(&MiMdlLock, irql);
    return mapped;
}

VOID MiProtectFrames(PVOID Address, ULONG Count, ULONG64 Flags)
{
    PUCHAR at = (PUCHAR)((ULONG64)Address & ~(ULONG64)(PAGE_SIZE - 1));
    for (ULONG i = 0; i < Count; i++, at += PAGE_SIZE) {
        PULONG64 entry = MiEntry(at);
        *entry = (*entry & (PTE_ADDRESS | PTE_PWT | PTE_PCD)) | PTE_GLOBAL | Flags;
        __invlpg(at);
    }
}

BOOLEAN MiDescribeMdlAddress(const VOID *Address, PSTR Text, SIZE_T Size)
{
    ULONG64 page = ((ULONG64)Address - MDL_REGION) >> PAGE_SHIFT;
    if ((ULONG64)Address < MDL_REGION || page >= MDL_PAGES) {
        return FALSE;
    }
    UCHAR state = MiMdlPages[page];
    RtlFormat(Text, Size, "%s",
              state == SLOT_FREE    ? "an address that an MDL was mapped at and is no more (or never was)"
              : state == SLOT_GUARD ? "the page behind the mapping of an MDL"
                                    : "the mapping of an MDL, whose protection forbids it");
    return TRUE;
}
