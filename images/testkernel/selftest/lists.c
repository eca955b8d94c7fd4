/* SPDX-License-Identifier: MIT */
/* Interlocked additions and lists under a caller's spin lock, sequenced lists, paged and extended lookaside lists. */
#include "check.h"
#include "undeclared.h"

#define TAG 'tseT'

#undef FirstEntrySList
PSLIST_ENTRY NTAPI FirstEntrySList(const SLIST_HEADER *SListHead);

static KSPIN_LOCK Lock;
static ULONG Allocated, Freed;

static void Interlocked(void)
{
    ULONG value = 0xFFFFFFFF;
    LARGE_INTEGER large = {.QuadPart = 0xFFFFFFFF}, one = {.QuadPart = 1}, minus = {.QuadPart = -0x100000000};
    SINGLE_LIST_ENTRY head = {NULL}, entries[2];
    KIRQL irql;
    KeInitializeSpinLock(&Lock);
    CHECK(ExInterlockedAddUlong(&value, 3, &Lock) == 0xFFFFFFFF); /* the old value is returned */
    CHECK(value == 2);
    CHECK(ExInterlockedAddLargeInteger(&large, one, &Lock).QuadPart == 0xFFFFFFFF);
    CHECK(large.QuadPart == 0x100000000); /* the carry goes into the upper half */
    CHECK(ExInterlockedAddLargeInteger(&large, minus, &Lock).QuadPart == 0x100000000 && large.QuadPart == 0);

    KeRaiseIrql(HIGH_LEVEL, &irql); /* documented: any IRQL */
    CHECK(ExInterlockedPopEntryList(&head, &Lock) == NULL);
    CHECK(ExInterlockedPushEntryList(&head, &entries[0], &Lock) == NULL);
    CHECK(ExInterlockedPushEntryList(&head, &entries[1], &Lock) == &entries[0]);
    CHECK(ExInterlockedPopEntryList(&head, &Lock) == &entries[1]);
    CHECK(ExInterlockedPopEntryList(&head, &Lock) == &entries[0]);
    CHECK(ExInterlockedPopEntryList(&head, &Lock) == NULL);
    KeLowerIrql(irql);
}

static void Sequenced(void)
{
    static DECLSPEC_ALIGN(16) SLIST_HEADER head;
    static DECLSPEC_ALIGN(16) SLIST_ENTRY entries[2];
    InitializeSListHead(&head);
    CHECK(FirstEntrySList(&head) == NULL);
    InterlockedPushEntrySList(&head, &entries[0]);
    InterlockedPushEntrySList(&head, &entries[1]);
    CHECK(FirstEntrySList(&head) == &entries[1]);
    CHECK(ExQueryDepthSList(&head) == 2); /* looking takes nothing off */
    InterlockedPopEntrySList(&head);
    CHECK(FirstEntrySList(&head) == &entries[0]);
}

static void PagedLookaside(void)
{
    PAGED_LOOKASIDE_LIST *list = ExAllocatePoolWithTag(NonPagedPool, sizeof(*list), TAG);
    ExInitializePagedLookasideList(list, NULL, NULL, 0, 64, TAG, 0);
    PUCHAR one = ExAllocateFromPagedLookasideList(list), two = ExAllocateFromPagedLookasideList(list);
    CHECK(one && two && one != two);
    RtlFillMemory(one, 64, 1);
    RtlFillMemory(two, 64, 2);
    CHECK(one[63] == 1 && two[0] == 2);
    ExFreeToPagedLookasideList(list, one);
    ExFreeToPagedLookasideList(list, two);
    CHECK(list->L.TotalAllocates == 2 && list->L.TotalFrees == 2);
    ExDeletePagedLookasideList(list);
    ExFreePoolWithTag(list, TAG);
}

static PVOID NTAPI Allocate(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag, PLOOKASIDE_LIST_EX Lookaside)
{
    Allocated++;
    return ExAllocatePoolWithTag(PoolType, NumberOfBytes, Tag);
}

static VOID NTAPI Free(PVOID Buffer, PLOOKASIDE_LIST_EX Lookaside)
{
    Freed++;
    ExFreePoolWithTag(Buffer, TAG);
}

static void ExtendedLookaside(void)
{
    static LOOKASIDE_LIST_EX list;
    PVOID block;
    CHECK(ExInitializeLookasideListEx(&list, NULL, NULL, NonPagedPool, 4, 64, TAG, 0) == STATUS_INVALID_PARAMETER_5);
    CHECK(NT_SUCCESS(ExInitializeLookasideListEx(&list, Allocate, Free, NonPagedPool,
                                                 EX_LOOKASIDE_LIST_EX_FLAGS_FAIL_NO_RAISE, 64, TAG, 0)));
    block = ExAllocateFromLookasideListEx(&list);
    CHECK(block != NULL && Allocated == 1);
    ExFreeToLookasideListEx(&list, block);
    ExFlushLookasideListEx(&list);
    CHECK(Freed == 1); /* whether it was kept or not, it is free now */
    block = ExAllocateFromLookasideListEx(&list);
    CHECK(block != NULL && Allocated == 2);
    ExFreeToLookasideListEx(&list, block);
    ExDeleteLookasideListEx(&list);
    CHECK(Freed == 2);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    Interlocked();
    Sequenced();
    PagedLookaside();
    ExtendedLookaside();
    return Summary("lists");
}
