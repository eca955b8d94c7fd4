/* SPDX-License-Identifier: MIT */
/*
 * Which thread holds which fast mutex or ERESOURCE, and who acquired it: a FAST_MUTEX has no room for a list entry, so a small table
 * serves all. A thread holds few locks at a time; the table is searched only as far as it was ever filled.
 */
#include "ex/ex.h"
#include "boot/loader.h"
#include "ke/lockorder.h"
#include "ke/processor.h"

#define MAX_HELD 128

static HELD_LOCK Table[MAX_HELD];
static ULONG Used; /* entries from here on were never used */
static KSPIN_LOCK Lock;

VOID ExpTrackAcquire(PVOID Object, PCSTR Kind, PKTHREAD Owner, const VOID *Caller)
{
    KIRQL Irql;
    ULONG i = 0;
    KeAcquireSpinLock(&Lock, &Irql);
    while (i < Used && Table[i].Lock) {
        i++;
    }
    if (i < MAX_HELD) {
        Table[i].Lock = Object;
        Table[i].Kind = Kind;
        Table[i].Owner = Owner;
        Table[i].Caller = Caller;
        Used = i < Used ? Used : i + 1;
    }
    KeReleaseSpinLock(&Lock, Irql);
}

VOID ExpNoteOrder(PVOID Object, const VOID *Caller)
{
    PLOADED_IMAGE Image = LdrImageFromAddress(Caller);
    if (Image && !Image->Kernel) {
        KiNoteLockTaken(Object, (PVOID)(ULONG_PTR)Caller);
    }
}

VOID ExpTrackRelease(PVOID Object, PKTHREAD Owner)
{
    KIRQL Irql;
    KiNoteLockDroppedBy(Owner, Object);
    KeAcquireSpinLock(&Lock, &Irql);
    for (ULONG i = Used; i-- > 0;) {
        if (Table[i].Lock == Object && Table[i].Owner == Owner) {
            Table[i].Lock = NULL;
            break;
        }
    }
    KeReleaseSpinLock(&Lock, Irql);
}

BOOLEAN ExFindHeldLock(PKTHREAD Owner, const VOID *Base, SIZE_T Size, PHELD_LOCK Held)
{
    for (ULONG i = 0; i < Used; i++) {
        HELD_LOCK Entry = Table[i];
        if (Entry.Lock && (!Owner || Entry.Owner == Owner) &&
            (!Base || (ULONG_PTR)Entry.Lock - (ULONG_PTR)Base < Size)) {
            *Held = Entry;
            return TRUE;
        }
    }
    return FALSE;
}

VOID ExCheckLocksReleased(PCSTR What, const VOID *Culprit)
{
    HELD_LOCK Held;
    SYMBOL Symbol;
    if (ExFindHeldLock(KiCurrentThread(), NULL, 0, &Held)) {
        LdrSymbolFromAddress(Held.Caller, &Symbol);
        KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_THREAD_HOLDS_LOCKS, (ULONG_PTR)Held.Lock,
                         (ULONG_PTR)Held.Owner, (ULONG_PTR)Held.Caller, Culprit,
                         "%s while its thread still holds %s %p, acquired by %s!%s+0x%I64x; release it on every path",
                         What, Held.Kind, Held.Lock, Symbol.Image, Symbol.Name, Symbol.Offset);
    }
}
