/* SPDX-License-Identifier: MIT */
/*
 * Remove locks. The structure is the retail one (the tags are not in it), so holders are remembered here on the side: an unbalanced release is
 * named, and a removal that waits for ever says whom it waits for.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/using-remove-locks
 */
#include "io/io.h"
#include "io/removelock.h"

/* Windows waits for ever; a removal that takes this long (100 ns units) is a lock that nobody will release. */
#define REMOVE_TIME_LIMIT (5LL * 10000000)

typedef struct _HOLDER {
    LIST_ENTRY Link;
    PIO_REMOVE_LOCK Lock;
    PVOID Tag;
    PVOID Caller;
    LARGE_INTEGER Since;
} HOLDER, *PHOLDER;

static KSPIN_LOCK HolderLock;
static LIST_ENTRY Holders;

VOID IopInitRemoveLocks(VOID)
{
    KeInitializeSpinLock(&HolderLock);
    InitializeListHead(&Holders);
}

/* Forgets one holder with Tag; FALSE when none has it. */
static BOOLEAN Forget(PIO_REMOVE_LOCK Lock, PVOID Tag, BOOLEAN AnyTag)
{
    PLIST_ENTRY Entry;
    PHOLDER Found = NULL;
    KIRQL Irql;
    KeAcquireSpinLock(&HolderLock, &Irql);
    for (Entry = Holders.Flink; Entry != &Holders; Entry = Entry->Flink) {
        PHOLDER Holder = CONTAINING_RECORD(Entry, HOLDER, Link);
        if (Holder->Lock == Lock && (AnyTag || Holder->Tag == Tag)) {
            Found = Holder;
            RemoveEntryList(Entry);
            break;
        }
    }
    KeReleaseSpinLock(&HolderLock, Irql);
    if (Found) {
        ExFreePoolWithTag(Found, IO_TAG);
    }
    return Found != NULL;
}

#define MAX_LOCKS 64
static PIO_REMOVE_LOCK Initialized[MAX_LOCKS]; /* in device extensions; those beyond are not watched */

/* FALSE when the lock lies in the extension of a device object and was initialised before. */
static BOOLEAN NoteInitialized(PIO_REMOVE_LOCK Lock)
{
    ULONG Free = MAX_LOCKS;
    BOOLEAN New = TRUE;
    KIRQL Irql;
    if (!IopIsInDeviceExtension(Lock)) {
        return TRUE;
    }
    KeAcquireSpinLock(&HolderLock, &Irql);
    for (ULONG I = 0; I < MAX_LOCKS; I++) {
        Free = Initialized[I] ? Free : I;
        New = New && Initialized[I] != Lock;
    }
    if (New && Free < MAX_LOCKS) {
        Initialized[Free] = Lock;
    }
    KeReleaseSpinLock(&HolderLock, Irql);
    return New;
}

VOID IopForgetRemoveLocks(PVOID Base, SIZE_T Size)
{
    KIRQL Irql;
    KeAcquireSpinLock(&HolderLock, &Irql);
    for (ULONG I = 0; I < MAX_LOCKS; I++) {
        if ((ULONG_PTR)Initialized[I] - (ULONG_PTR)Base < Size) {
            Initialized[I] = NULL;
        }
    }
    KeReleaseSpinLock(&HolderLock, Irql);
}

VOID NTAPI IoInitializeRemoveLockEx(PIO_REMOVE_LOCK Lock, ULONG AllocateTag, ULONG MaxLockedMinutes,
                                    ULONG HighWatermark, ULONG RemlockSize)
{
    if (IoIsDriverCode(_ReturnAddress()) && !NoteInitialized(Lock)) {
        IoStop(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_REMOVE_LOCK_TWICE, (ULONG_PTR)Lock, (ULONG_PTR)Lock, 0,
               _ReturnAddress(),
               "remove lock %p in a device extension is initialised again: initialise it once, in AddDevice", Lock);
    }
    while (Forget(Lock, NULL, TRUE)) {
        /* Memory that was freed with a lock held: its holders are not this lock's. */
    }
    RtlZeroMemory(Lock, RemlockSize);
    Lock->Common.IoCount = 1;
    KeInitializeEvent(&Lock->Common.RemoveEvent, NotificationEvent, FALSE);
}

NTSTATUS NTAPI IoAcquireRemoveLockEx(PIO_REMOVE_LOCK RemoveLock, PVOID Tag, PCSTR File, ULONG Line, ULONG RemlockSize)
{
    PHOLDER Holder;
    KIRQL Irql;
    if (InterlockedIncrement(&RemoveLock->Common.IoCount) <= 1 && !RemoveLock->Common.Removed) {
        IoStop(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_REMOVE_LOCK_UNINITIALIZED, (ULONG_PTR)RemoveLock, 0, 0,
               _ReturnAddress(), "IoAcquireRemoveLock of lock %p, which was never initialised", RemoveLock);
    }
    if (RemoveLock->Common.Removed) {
        if (InterlockedDecrement(&RemoveLock->Common.IoCount) == 0) {
            KeSetEvent(&RemoveLock->Common.RemoveEvent, IO_NO_INCREMENT, FALSE);
        }
        return STATUS_DELETE_PENDING;
    }
    Holder = ExAllocatePoolWithTag(NonPagedPool, sizeof(*Holder), IO_TAG);
    if (Holder) {
        Holder->Lock = RemoveLock;
        Holder->Tag = Tag;
        Holder->Caller = _ReturnAddress();
        KeQuerySystemTime(&Holder->Since);
        KeAcquireSpinLock(&HolderLock, &Irql);
        InsertHeadList(&Holders, &Holder->Link);
        KeReleaseSpinLock(&HolderLock, Irql);
    }
    return STATUS_SUCCESS;
}

static VOID Release(PIO_REMOVE_LOCK Lock, PVOID Tag, ULONG Rule, PVOID Caller)
{
    LONG Left;
    if (!Forget(Lock, Tag, FALSE)) {
        IoStop(DRIVER_VERIFIER_DETECTED_VIOLATION, Rule, (ULONG_PTR)Lock, (ULONG_PTR)Tag, 0, Caller,
               "remove lock %p is released with tag %p, but nobody holds it with that tag", Lock, Tag);
    }
    Left = InterlockedDecrement(&Lock->Common.IoCount);
    if (Left == 0) {
        KeSetEvent(&Lock->Common.RemoveEvent, IO_NO_INCREMENT, FALSE);
    }
}

VOID NTAPI IoReleaseRemoveLockEx(PIO_REMOVE_LOCK RemoveLock, PVOID Tag, ULONG RemlockSize)
{
    Release(RemoveLock, Tag, RULE_REMOVE_LOCK_TAG, _ReturnAddress());
}

VOID NTAPI IoReleaseRemoveLockAndWaitEx(PIO_REMOVE_LOCK RemoveLock, PVOID Tag, ULONG RemlockSize)
{
    LARGE_INTEGER Timeout;
    PLIST_ENTRY Entry;
    KIRQL Irql;
    RemoveLock->Common.Removed = TRUE;
    Release(RemoveLock, Tag, RULE_REMOVE_LOCK_WAIT_TAG, _ReturnAddress());
    if (InterlockedDecrement(&RemoveLock->Common.IoCount) == 0) {
        return;
    }
    Timeout.QuadPart = -REMOVE_TIME_LIMIT;
    if (KeWaitForSingleObject(&RemoveLock->Common.RemoveEvent, Executive, KernelMode, FALSE, &Timeout) ==
        STATUS_TIMEOUT) {
        PVOID Holder = NULL, HolderTag = NULL;
        SYMBOL Symbol = {.Image = "?"};
        KeAcquireSpinLock(&HolderLock, &Irql);
        for (Entry = Holders.Flink; Entry != &Holders; Entry = Entry->Flink) {
            PHOLDER Each = CONTAINING_RECORD(Entry, HOLDER, Link);
            if (Each->Lock == RemoveLock) {
                Holder = Each->Caller;
                HolderTag = Each->Tag;
            }
        }
        KeReleaseSpinLock(&HolderLock, Irql);
        LdrSymbolFromAddress(Holder, &Symbol);
        IoStop(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_REMOVE_LOCK_HELD, (ULONG_PTR)RemoveLock, (ULONG_PTR)HolderTag,
               (ULONG_PTR)Holder, Holder,
               "the removal has waited 5 s for remove lock %p, which %s!%s+0x%I64x acquired with tag %p and never "
               "released",
               RemoveLock, Symbol.Image, Symbol.Name, Symbol.Offset, HolderTag);
    }
}

/* The memory [Base, Base+Size) goes away (a device extension): locks in it must be released. */
BOOLEAN IopRemoveLockHeldIn(PVOID Base, SIZE_T Size, PVOID *Tag, PVOID *Caller)
{
    PLIST_ENTRY Entry;
    KIRQL Irql;
    BOOLEAN Found = FALSE;
    KeAcquireSpinLock(&HolderLock, &Irql);
    for (Entry = Holders.Flink; Entry != &Holders && !Found; Entry = Entry->Flink) {
        PHOLDER Holder = CONTAINING_RECORD(Entry, HOLDER, Link);
        if ((ULONG_PTR)Holder->Lock - (ULONG_PTR)Base < Size) {
            *Tag = Holder->Tag;
            *Caller = Holder->Caller;
            Found = TRUE;
        }
    }
    KeReleaseSpinLock(&HolderLock, Irql);
    return Found;
}
