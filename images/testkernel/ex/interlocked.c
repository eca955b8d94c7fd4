/* SPDX-License-Identifier: MIT */
/*
 * ExInterlocked… on linked lists: the caller's spin lock with interrupts off, so that any IRQL may call, even an ISR. The lock word is only
 * tested and set here: its owner may not be known (KeAcquireSpinLock must not be mixed with these on one lock, as documented).
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/singly-and-doubly-linked-lists
 */
#include "ex/ex.h"

#define CALLER __builtin_return_address(0)

static ULONG64 Enter(PKSPIN_LOCK Lock, PCSTR Function, const VOID *Caller)
{
    ULONG64 Flags;
    __asm__ volatile("pushfq\n\tpopq %0\n\tcli" : "=r"(Flags) : : "memory");
    if (InterlockedCompareExchange64((volatile LONG64 *)Lock, 1, 0) != 0) {
        /* One processor, interrupts off: the holder was interrupted and can never go on. */
        KeBugCheckReason(
            SPIN_LOCK_ALREADY_OWNED, (ULONG_PTR)Lock, 0, KeGetCurrentIrql(), 0, Caller,
            "%s at IRQL %u with spin lock %p, which is already held (by KeAcquireSpinLock or code that this one "
            "interrupted) or not initialized",
            Function, KeGetCurrentIrql(), Lock);
    }
    return Flags;
}

static VOID Leave(PKSPIN_LOCK Lock, ULONG64 Flags)
{
    InterlockedExchange64((volatile LONG64 *)Lock, 0);
    __asm__ volatile("pushq %0\n\tpopfq" : : "r"(Flags) : "memory", "cc");
}

/* Any IRQL. Returns the entry that was first before, NULL if the list was empty. */
PLIST_ENTRY FASTCALL ExInterlockedInsertHeadList(PLIST_ENTRY ListHead, PLIST_ENTRY ListEntry, PKSPIN_LOCK Lock)
{
    ULONG64 Flags = Enter(Lock, "ExInterlockedInsertHeadList", CALLER);
    PLIST_ENTRY Old = IsListEmpty(ListHead) ? NULL : ListHead->Flink;
    InsertHeadList(ListHead, ListEntry);
    Leave(Lock, Flags);
    return Old;
}

/* Any IRQL. Returns the entry that was last before, NULL if the list was empty. */
PLIST_ENTRY FASTCALL ExInterlockedInsertTailList(PLIST_ENTRY ListHead, PLIST_ENTRY ListEntry, PKSPIN_LOCK Lock)
{
    ULONG64 Flags = Enter(Lock, "ExInterlockedInsertTailList", CALLER);
    PLIST_ENTRY Old = IsListEmpty(ListHead) ? NULL : ListHead->Blink;
    InsertTailList(ListHead, ListEntry);
    Leave(Lock, Flags);
    return Old;
}

/* Any IRQL. NULL if the list is empty. */
PLIST_ENTRY FASTCALL ExInterlockedRemoveHeadList(PLIST_ENTRY ListHead, PKSPIN_LOCK Lock)
{
    ULONG64 Flags = Enter(Lock, "ExInterlockedRemoveHeadList", CALLER);
    PLIST_ENTRY Entry = IsListEmpty(ListHead) ? NULL : RemoveHeadList(ListHead);
    Leave(Lock, Flags);
    return Entry;
}

PSINGLE_LIST_ENTRY FASTCALL ExInterlockedPopEntryList(PSINGLE_LIST_ENTRY ListHead, PKSPIN_LOCK Lock)
{
    ULONG64 Flags = Enter(Lock, "ExInterlockedPopEntryList", CALLER);
    PSINGLE_LIST_ENTRY Entry = ListHead->Next;
    if (Entry) {
        ListHead->Next = Entry->Next;
    }
    Leave(Lock, Flags);
    return Entry;
}

PSINGLE_LIST_ENTRY FASTCALL ExInterlockedPushEntryList(PSINGLE_LIST_ENTRY ListHead, PSINGLE_LIST_ENTRY ListEntry,
                                                       PKSPIN_LOCK Lock)
{
    ULONG64 Flags = Enter(Lock, "ExInterlockedPushEntryList", CALLER);
    PSINGLE_LIST_ENTRY Old = ListHead->Next;
    ListEntry->Next = Old;
    ListHead->Next = ListEntry;
    Leave(Lock, Flags);
    return Old;
}

/* Any IRQL. Returns the value before the addition. */
ULONG FASTCALL ExInterlockedAddUlong(PULONG Addend, ULONG Increment, PKSPIN_LOCK Lock)
{
    ULONG64 Flags = Enter(Lock, "ExInterlockedAddUlong", CALLER);
    ULONG Old = *Addend;
    *Addend = Old + Increment;
    Leave(Lock, Flags);
    return Old;
}

LARGE_INTEGER NTAPI ExInterlockedAddLargeInteger(PLARGE_INTEGER Addend, LARGE_INTEGER Increment, PKSPIN_LOCK Lock)
{
    ULONG64 Flags = Enter(Lock, "ExInterlockedAddLargeInteger", CALLER);
    LARGE_INTEGER Old = *Addend;
    Addend->QuadPart = Old.QuadPart + Increment.QuadPart;
    Leave(Lock, Flags);
    return Old;
}
