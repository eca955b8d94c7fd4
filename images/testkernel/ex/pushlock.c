/* SPDX-License-Identifier: MIT */
/*
 * Push locks: one word, shared or exclusive, first come first served. Bit 0: held; bit 1: waiters are queued; bits 4 and up: how many
 * share it (0 with bit 0: held exclusively). Waiters queue in a list of the kernel's, so that the word needs no pointer. All at IRQL <= APC_LEVEL in
 * a critical region: a thread that holds one must not be suspended (as FltAcquirePushLock… and Windows' own headers demand).
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-fltacquirepushlockexclusive
 */
#include "ex/ex.h"
#include "ke/processor.h"
#include "ke/thread.h"

#define CALLER __builtin_return_address(0)
#define HELD   1ULL
#define WAITED 2ULL
#define SHARE  0x10ULL

typedef struct _WAITER {
    LIST_ENTRY Link;
    volatile ULONG64 *Lock;
    BOOLEAN Exclusive;
    KEVENT Granted;
} WAITER, *PWAITER;

static LIST_ENTRY Waiters = {&Waiters, &Waiters};
static KSPIN_LOCK Lock;

static VOID Check(volatile ULONG64 *PushLock, ULONG Rule, PCSTR Function, const VOID *Caller)
{
    PKTHREAD Thread = KiCurrentThread();
    if (KeGetCurrentIrql() < APC_LEVEL && !Thread->KernelApcDisable && !Thread->SpecialApcDisable) {
        KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, Rule, KeGetCurrentIrql(), 0, (ULONG_PTR)PushLock, Caller,
                         "%s of push lock %p with normal kernel APCs enabled: its thread could be suspended while it "
                         "owns the lock; call KeEnterCriticalRegion first",
                         Function, PushLock);
    }
}

/* Lock held. TRUE if the word could be changed to include one more owner. */
static BOOLEAN TryTake(volatile ULONG64 *PushLock, BOOLEAN Exclusive)
{
    ULONG64 Word = *PushLock;
    if (Exclusive ? (Word & HELD) != 0 : (Word & HELD) && Word < SHARE) {
        return FALSE;
    }
    *PushLock = Exclusive ? Word | HELD : (Word | HELD) + SHARE;
    return TRUE;
}

/* Lock held. Hands the lock to those that have waited longest. */
static VOID Grant(volatile ULONG64 *PushLock)
{
    BOOLEAN More = FALSE, Blocked = FALSE;
    for (PLIST_ENTRY Entry = Waiters.Flink, Next; Entry != &Waiters; Entry = Next) {
        PWAITER Waiter = CONTAINING_RECORD(Entry, WAITER, Link);
        Next = Entry->Flink;
        if (Waiter->Lock != PushLock) {
            continue;
        }
        if (!Blocked && TryTake(PushLock, Waiter->Exclusive)) {
            RemoveEntryList(Entry);
            KeSetEvent(&Waiter->Granted, IO_NO_INCREMENT, FALSE);
        } else {
            Blocked = More = TRUE;
        }
    }
    if (!More) {
        *PushLock &= ~WAITED;
    }
}

static VOID Acquire(volatile ULONG64 *PushLock, BOOLEAN Exclusive)
{
    WAITER Waiter;
    KIRQL Irql;
    KeAcquireSpinLock(&Lock, &Irql);
    if (!(*PushLock & WAITED) && TryTake(PushLock, Exclusive)) {
        KeReleaseSpinLock(&Lock, Irql);
        return;
    }
    Waiter.Lock = PushLock;
    Waiter.Exclusive = Exclusive;
    KeInitializeEvent(&Waiter.Granted, NotificationEvent, FALSE);
    InsertTailList(&Waiters, &Waiter.Link);
    *PushLock |= WAITED;
    KeReleaseSpinLock(&Lock, Irql);
    KeWaitForSingleObject(&Waiter.Granted, WrPushLock, KernelMode, FALSE, NULL);
}

static VOID Release(volatile ULONG64 *PushLock, BOOLEAN Exclusive, PCSTR Function, const VOID *Caller)
{
    KIRQL Irql;
    Check(PushLock, RULE_PUSHLOCK_RELEASE_APCS, Function, Caller);
    KeAcquireSpinLock(&Lock, &Irql);
    if (!(*PushLock & HELD) || Exclusive != (*PushLock < SHARE)) {
        KeBugCheckReason(RESOURCE_NOT_OWNED, (ULONG_PTR)PushLock, (ULONG_PTR)*PushLock, Exclusive, 0, Caller,
                         "%s of push lock %p, which is not held %s (word 0x%I64x)", Function, PushLock,
                         Exclusive ? "exclusively" : "shared", *PushLock);
    }
    if (!Exclusive) {
        *PushLock -= SHARE;
    }
    if (*PushLock < SHARE) {
        *PushLock &= ~HELD;
        Grant(PushLock);
    }
    KeReleaseSpinLock(&Lock, Irql);
}

/* Any IRQL. */
VOID NTAPI ExInitializePushLock(PEX_PUSH_LOCK PushLock);
VOID NTAPI ExInitializePushLock(PEX_PUSH_LOCK PushLock)
{
    *(volatile ULONG64 *)PushLock = 0;
}

/* Flags: 0 (EX_DEFAULT_PUSH_LOCK_FLAGS) or what of them only tunes Windows' implementation. */
VOID NTAPI ExAcquirePushLockExclusiveEx(PEX_PUSH_LOCK PushLock, ULONG Flags);
VOID NTAPI ExAcquirePushLockExclusiveEx(PEX_PUSH_LOCK PushLock, ULONG Flags)
{
    Check((volatile ULONG64 *)PushLock, RULE_PUSHLOCK_ACQUIRE_APCS, "ExAcquirePushLockExclusive", CALLER);
    Acquire((volatile ULONG64 *)PushLock, TRUE);
}

VOID NTAPI ExReleasePushLockExclusiveEx(PEX_PUSH_LOCK PushLock, ULONG Flags);
VOID NTAPI ExReleasePushLockExclusiveEx(PEX_PUSH_LOCK PushLock, ULONG Flags)
{
    Release((volatile ULONG64 *)PushLock, TRUE, "ExReleasePushLockExclusive", CALLER);
}

/* Behind those that wait for it exclusively. */
VOID NTAPI ExAcquirePushLockSharedEx(PEX_PUSH_LOCK PushLock, ULONG Flags);
VOID NTAPI ExAcquirePushLockSharedEx(PEX_PUSH_LOCK PushLock, ULONG Flags)
{
    Check((volatile ULONG64 *)PushLock, RULE_PUSHLOCK_ACQUIRE_APCS, "ExAcquirePushLockShared", CALLER);
    Acquire((volatile ULONG64 *)PushLock, FALSE);
}

VOID NTAPI ExReleasePushLockSharedEx(PEX_PUSH_LOCK PushLock, ULONG Flags);
VOID NTAPI ExReleasePushLockSharedEx(PEX_PUSH_LOCK PushLock, ULONG Flags)
{
    Release((volatile ULONG64 *)PushLock, FALSE, "ExReleasePushLockShared", CALLER);
}
