/* SPDX-License-Identifier: MIT */
/*
 * Sequenced singly linked lists: lock-free, LIFO, any IRQL. x64 form of SLIST_HEADER: the second half holds the address of the first entry
 * (bits 63..4) and the first half a depth (bits 15..0) and a sequence number (bits 63..16) that every change increments, so that an
 * entry that was popped and pushed again by an interrupt is noticed.
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exinterlockedpopentryslist
 */
#include "ex/ex.h"

#define SEQUENCE 0x10000ULL

#undef ExQueryDepthSList
#undef InitializeSListHead
#undef FirstEntrySList

static BOOLEAN Exchange(PSLIST_HEADER Head, const SLIST_HEADER *Old, ULONG64 NewLow, ULONG64 NewHigh)
{
    BOOLEAN Done;
    ULONG64 Low = Old->Alignment, High = Old->Region;
    __asm__ volatile("lock cmpxchg16b %1"
                     : "=@ccz"(Done), "+m"(*Head), "+a"(Low), "+d"(High)
                     : "b"(NewLow), "c"(NewHigh)
                     : "memory");
    return Done;
}

static SLIST_HEADER Read(const SLIST_HEADER *Head)
{
    SLIST_HEADER Value;
    Value.Alignment = *(const volatile ULONGLONG *)&Head->Alignment;
    Value.Region = *(const volatile ULONGLONG *)&Head->Region;
    return Value;
}

static PSLIST_ENTRY First(const SLIST_HEADER *Head)
{
    return (PSLIST_ENTRY)(Head->Region & ~0xFULL);
}

VOID NTAPI InitializeSListHead(PSLIST_HEADER SListHead);
VOID NTAPI InitializeSListHead(PSLIST_HEADER SListHead)
{
    SListHead->Alignment = 0;
    SListHead->Region = 0;
}

USHORT NTAPI ExQueryDepthSList(PSLIST_HEADER SListHead);
USHORT NTAPI ExQueryDepthSList(PSLIST_HEADER SListHead)
{
    return (USHORT)SListHead->Alignment;
}

PSLIST_ENTRY NTAPI FirstEntrySList(const SLIST_HEADER *SListHead);
PSLIST_ENTRY NTAPI FirstEntrySList(const SLIST_HEADER *SListHead)
{
    return First(SListHead);
}

/* Entries must be aligned to 16 bytes. Returns the previous first entry. */
PSLIST_ENTRY FASTCALL ExpInterlockedPushEntrySList(PSLIST_HEADER ListHead, PSLIST_ENTRY ListEntry)
{
    SLIST_HEADER Old;
    if ((ULONG_PTR)ListEntry & 0xF) {
        ExRaiseStatus(STATUS_DATATYPE_MISALIGNMENT);
    }
    do {
        Old = Read(ListHead);
        ListEntry->Next = First(&Old);
    } while (!Exchange(ListHead, &Old, (Old.Alignment & ~0xFFFFULL) + SEQUENCE + (USHORT)(Old.Alignment + 1),
                       (ULONG64)ListEntry));
    return First(&Old);
}

/* NULL if the list is empty. */
PSLIST_ENTRY FASTCALL ExpInterlockedPopEntrySList(PSLIST_HEADER ListHead)
{
    SLIST_HEADER Old;
    PSLIST_ENTRY Entry;
    do {
        Old = Read(ListHead);
        Entry = First(&Old);
        if (!Entry) {
            return NULL;
        }
    } while (!Exchange(ListHead, &Old, (Old.Alignment & ~0xFFFFULL) + SEQUENCE + (USHORT)(Old.Alignment - 1),
                       (ULONG64)Entry->Next));
    return Entry;
}

/* Takes all entries off; returns the first one, chained by Next. */
PSLIST_ENTRY FASTCALL ExpInterlockedFlushSList(PSLIST_HEADER ListHead)
{
    SLIST_HEADER Old;
    do {
        Old = Read(ListHead);
    } while (!Exchange(ListHead, &Old, (Old.Alignment & ~0xFFFFULL) + SEQUENCE, 0));
    return First(&Old);
}
