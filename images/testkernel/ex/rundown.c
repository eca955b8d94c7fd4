/* SPDX-License-Identifier: MIT */
/*
 * Run-down protection: many short users, one who waits until they are gone and keeps new ones out. Count is twice the number of users; bit 0
 * set means that run-down began, the other bits then being the address of the waiter's block (0: run down).
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/run-down-protection
 */
#include "ex/ex.h"

#define CALLER         __builtin_return_address(0)
#define RUNDOWN_ACTIVE 1ULL

typedef struct _RUNDOWN_WAIT {
    volatile LONG64 Users;
    KEVENT Done;
} RUNDOWN_WAIT, *PRUNDOWN_WAIT;

static ULONG64 CompareExchange(PEX_RUNDOWN_REF Ref, ULONG64 New, ULONG64 Old)
{
    return (ULONG64)InterlockedCompareExchange64((volatile LONG64 *)&Ref->Count, (LONG64)New, (LONG64)Old);
}

/* IRQL any. */
VOID FASTCALL ExInitializeRundownProtection(PEX_RUNDOWN_REF RunRef)
{
    RunRef->Count = 0;
}

/* IRQL <= DISPATCH_LEVEL, after ExRundownCompleted or ExWaitForRundownProtectionRelease. */
VOID FASTCALL ExReInitializeRundownProtection(PEX_RUNDOWN_REF RunRef)
{
    if (RunRef->Count != RUNDOWN_ACTIVE) {
        KeBugCheckReason(
            DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_INITIALIZED_TWICE, (ULONG_PTR)RunRef, RunRef->Count, 0, CALLER,
            "ExReInitializeRundownProtection of %p, which is not run down (0x%I64x); wait for its release first",
            RunRef, (ULONG64)RunRef->Count);
    }
    RunRef->Count = 0;
}

BOOLEAN FASTCALL ExAcquireRundownProtectionEx(PEX_RUNDOWN_REF RunRef, ULONG Count)
{
    ULONG64 Old = RunRef->Count;
    for (;;) {
        ULONG64 Seen;
        if (Old & RUNDOWN_ACTIVE) {
            return FALSE;
        }
        Seen = CompareExchange(RunRef, Old + 2ULL * Count, Old);
        if (Seen == Old) {
            return TRUE;
        }
        Old = Seen;
    }
}

/* IRQL <= DISPATCH_LEVEL. FALSE: run-down began; the object must not be used. */
BOOLEAN FASTCALL ExAcquireRundownProtection(PEX_RUNDOWN_REF RunRef)
{
    return ExAcquireRundownProtectionEx(RunRef, 1);
}

static VOID Release(PEX_RUNDOWN_REF RunRef, ULONG Count, PCSTR Function, const VOID *Caller)
{
    ULONG64 Old = RunRef->Count;
    for (;;) {
        ULONG64 Seen;
        if (Old & RUNDOWN_ACTIVE) {
            PRUNDOWN_WAIT Wait = (PRUNDOWN_WAIT)(Old & ~RUNDOWN_ACTIVE);
            LONG64 Left = Wait ? InterlockedExchangeAdd64(&Wait->Users, -(LONG64)Count) - (LONG64)Count : -1;
            if (Left < 0) {
                break;
            }
            if (Left == 0) {
                KeSetEvent(&Wait->Done, IO_NO_INCREMENT, FALSE);
            }
            return;
        }
        if (Old < 2ULL * Count) {
            break;
        }
        Seen = CompareExchange(RunRef, Old - 2ULL * Count, Old);
        if (Seen == Old) {
            return;
        }
        Old = Seen;
    }
    KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_RELEASE_NOT_OWNED, (ULONG_PTR)RunRef, Old, Count, Caller,
                     "%s of %p more often than it was acquired", Function, RunRef);
}

VOID FASTCALL ExReleaseRundownProtectionEx(PEX_RUNDOWN_REF RunRef, ULONG Count)
{
    Release(RunRef, Count, "ExReleaseRundownProtectionEx", CALLER);
}

/* IRQL <= DISPATCH_LEVEL. */
VOID FASTCALL ExReleaseRundownProtection(PEX_RUNDOWN_REF RunRef)
{
    Release(RunRef, 1, "ExReleaseRundownProtection", CALLER);
}

/* IRQL <= APC_LEVEL. Keeps new users out and returns when the present ones are gone. */
VOID FASTCALL ExWaitForRundownProtectionRelease(PEX_RUNDOWN_REF RunRef)
{
    RUNDOWN_WAIT Wait;
    ULONG64 Old = RunRef->Count;
    KeInitializeEvent(&Wait.Done, NotificationEvent, FALSE);
    for (;;) {
        ULONG64 Seen;
        if (Old == RUNDOWN_ACTIVE) {
            return; /* run down already */
        }
        if (Old & RUNDOWN_ACTIVE) {
            KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_UNEXPECTED_THREAD, (ULONG_PTR)RunRef, Old, 0,
                             CALLER, "ExWaitForRundownProtectionRelease of %p, for which another thread waits already",
                             RunRef);
        }
        Wait.Users = (LONG64)(Old / 2);
        Seen = CompareExchange(RunRef, Old ? (ULONG64)&Wait | RUNDOWN_ACTIVE : RUNDOWN_ACTIVE, Old);
        if (Seen == Old) {
            break;
        }
        Old = Seen;
    }
    if (Old) {
        KeWaitForSingleObject(&Wait.Done, Executive, KernelMode, FALSE, NULL);
        RunRef->Count = RUNDOWN_ACTIVE; /* the block leaves the stack */
    }
}

VOID FASTCALL ExRundownCompleted(PEX_RUNDOWN_REF RunRef)
{
    RunRef->Count = RUNDOWN_ACTIVE;
}
