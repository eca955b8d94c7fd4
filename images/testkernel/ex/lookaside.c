/* SPDX-License-Identifier: MIT */
/*
 * Lookaside lists. Drivers allocate and free inline on the SLIST; here the lists are set up and emptied. With the default routines each
 * block comes from the pool and goes back to it at once (depth 0): every block then has its guard page and its owner, and a use
 * after free faults, which a cached block would hide. Windows' Driver Verifier does the same.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/using-lookaside-lists
 */
#include "ex/ex.h"
#include "boot/loader.h"

#define CALLER __builtin_return_address(0)

static LIST_ENTRY Lists;
static KSPIN_LOCK ListsLock;

static VOID Initialize(PGENERAL_LOOKASIDE_POOL L, POOL_TYPE Type, SIZE_T Size, ULONG Tag, PVOID Caller)
{
    KIRQL Irql;
    if (Size < LOOKASIDE_MINIMUM_BLOCK_SIZE) {
        KeBugCheckReason(
            DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_LOOKASIDE_TOO_SMALL, (ULONG_PTR)L, Size,
            LOOKASIDE_MINIMUM_BLOCK_SIZE, Caller,
            "lookaside list %p with blocks of %I64u bytes; a block must hold at least a list entry (%u bytes)", L,
            (ULONG64)Size, (ULONG)LOOKASIDE_MINIMUM_BLOCK_SIZE);
    }
    if (ExFindLookasideList(L, 1)) {
        KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_LOOKASIDE_TWICE, (ULONG_PTR)L, 0, 0, Caller,
                         "lookaside list %p is initialized twice; delete it in between", L);
    }
    RtlZeroMemory(L, sizeof(*L));
    L->Type = Type;
    L->Tag = Tag;
    L->Size = (ULONG)Size;
    L->MaximumDepth = 256;
    L->Depth = 0;
    KeAcquireSpinLock(&ListsLock, &Irql);
    if (!Lists.Flink) {
        InitializeListHead(&Lists);
    }
    InsertTailList(&Lists, &L->ListEntry);
    KeReleaseSpinLock(&ListsLock, Irql);
}

static VOID Remove(PGENERAL_LOOKASIDE_POOL L, PCSTR Function, PVOID Caller)
{
    KIRQL Irql;
    if (!ExFindLookasideList(L, 1)) {
        KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_LOOKASIDE_UNKNOWN, (ULONG_PTR)L, 0, 0, Caller,
                         "%s of lookaside list %p, which is not initialized or was deleted before", Function, L);
    }
    KeAcquireSpinLock(&ListsLock, &Irql);
    RemoveEntryList(&L->ListEntry);
    KeReleaseSpinLock(&ListsLock, Irql);
    L->ListEntry.Flink = NULL;
}

/* IRQL <= DISPATCH_LEVEL. Lookaside in nonpaged memory. */
VOID NTAPI ExInitializeNPagedLookasideList(PNPAGED_LOOKASIDE_LIST Lookaside, PALLOCATE_FUNCTION Allocate,
                                           PFREE_FUNCTION Free, ULONG Flags, SIZE_T Size, ULONG Tag, USHORT Depth)
{
    POOL_TYPE Type = NonPagedPool | (Flags & (POOL_RAISE_IF_ALLOCATION_FAILURE | 512 /* POOL_NX_ALLOCATION */));
    Initialize((PGENERAL_LOOKASIDE_POOL)&Lookaside->L, Type, Size, Tag, CALLER);
    Lookaside->L.Allocate = Allocate ? Allocate : ExAllocatePoolWithTag;
    Lookaside->L.Free = Free ? Free : ExFreePool;
}

/* IRQL <= APC_LEVEL. */
VOID NTAPI ExInitializePagedLookasideList(PPAGED_LOOKASIDE_LIST Lookaside, PALLOCATE_FUNCTION Allocate,
                                          PFREE_FUNCTION Free, ULONG Flags, SIZE_T Size, ULONG Tag, USHORT Depth)
{
    Initialize((PGENERAL_LOOKASIDE_POOL)&Lookaside->L, PagedPool | (Flags & POOL_RAISE_IF_ALLOCATION_FAILURE), Size,
               Tag, CALLER);
    Lookaside->L.Allocate = Allocate ? Allocate : ExAllocatePoolWithTag;
    Lookaside->L.Free = Free ? Free : ExFreePool;
}

static VOID Drain(PGENERAL_LOOKASIDE_POOL L)
{
    PSLIST_ENTRY Entry;
    while ((Entry = ExpInterlockedPopEntrySList(&L->ListHead)) != NULL) {
        L->Free(Entry);
    }
}

VOID NTAPI ExDeleteNPagedLookasideList(PNPAGED_LOOKASIDE_LIST Lookaside)
{
    Remove((PGENERAL_LOOKASIDE_POOL)&Lookaside->L, "ExDeleteNPagedLookasideList", CALLER);
    Drain((PGENERAL_LOOKASIDE_POOL)&Lookaside->L);
}

VOID NTAPI ExDeletePagedLookasideList(PPAGED_LOOKASIDE_LIST Lookaside)
{
    Remove((PGENERAL_LOOKASIDE_POOL)&Lookaside->L, "ExDeletePagedLookasideList", CALLER);
    Drain((PGENERAL_LOOKASIDE_POOL)&Lookaside->L);
}

static PVOID NTAPI AllocateEx(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag, PLOOKASIDE_LIST_EX Lookaside)
{
    return ExAllocatePoolWithTag(PoolType, NumberOfBytes, Tag);
}

static VOID NTAPI FreeEx(PVOID Buffer, PLOOKASIDE_LIST_EX Lookaside)
{
    ExFreePoolWithTag(Buffer, Lookaside->L.Tag);
}

/* IRQL <= DISPATCH_LEVEL (paged: <= APC_LEVEL). */
NTSTATUS NTAPI ExInitializeLookasideListEx(PLOOKASIDE_LIST_EX Lookaside, PALLOCATE_FUNCTION_EX Allocate,
                                           PFREE_FUNCTION_EX Free, POOL_TYPE PoolType, ULONG Flags, SIZE_T Size,
                                           ULONG Tag, USHORT Depth)
{
    KeAssertIrql((PoolType & 1) ? APC_LEVEL : DISPATCH_LEVEL, "ExInitializeLookasideListEx");
    if (Flags & ~(EX_LOOKASIDE_LIST_EX_FLAGS_RAISE_ON_FAIL | EX_LOOKASIDE_LIST_EX_FLAGS_FAIL_NO_RAISE)) {
        return STATUS_INVALID_PARAMETER_5;
    }
    if (Flags == (EX_LOOKASIDE_LIST_EX_FLAGS_RAISE_ON_FAIL | EX_LOOKASIDE_LIST_EX_FLAGS_FAIL_NO_RAISE)) {
        return STATUS_INVALID_PARAMETER_5;
    }
    if (Depth) {
        return STATUS_INVALID_PARAMETER_8;
    }
    if (Flags & EX_LOOKASIDE_LIST_EX_FLAGS_RAISE_ON_FAIL) {
        PoolType |= POOL_RAISE_IF_ALLOCATION_FAILURE;
    } else if (Flags & EX_LOOKASIDE_LIST_EX_FLAGS_FAIL_NO_RAISE) {
        PoolType |= POOL_QUOTA_FAIL_INSTEAD_OF_RAISE;
    }
    Initialize(&Lookaside->L, PoolType, Size, Tag, CALLER);
    Lookaside->L.AllocateEx = Allocate ? Allocate : AllocateEx;
    Lookaside->L.FreeEx = Free ? Free : FreeEx;
    return STATUS_SUCCESS;
}

VOID NTAPI ExFlushLookasideListEx(PLOOKASIDE_LIST_EX Lookaside)
{
    PSLIST_ENTRY Entry;
    while ((Entry = ExpInterlockedPopEntrySList(&Lookaside->L.ListHead)) != NULL) {
        Lookaside->L.FreeEx(Entry, Lookaside);
    }
}

VOID NTAPI ExDeleteLookasideListEx(PLOOKASIDE_LIST_EX Lookaside)
{
    Remove(&Lookaside->L, "ExDeleteLookasideListEx", CALLER);
    ExFlushLookasideListEx(Lookaside);
}

PVOID ExFindLookasideList(const VOID *Base, SIZE_T Size)
{
    PVOID Found = NULL;
    for (PLIST_ENTRY Entry = Lists.Flink; Entry && Entry != &Lists && !Found; Entry = Entry->Flink) {
        PGENERAL_LOOKASIDE_POOL L = CONTAINING_RECORD(Entry, GENERAL_LOOKASIDE_POOL, ListEntry);
        if ((ULONG_PTR)L - (ULONG_PTR)Base < Size) {
            Found = L;
        }
    }
    return Found;
}
