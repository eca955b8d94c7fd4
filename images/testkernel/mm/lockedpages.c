/* SPDX-License-Identifier: MIT */
/*
 * As Windows' TrackLockedPages: the callers of the two topmost frames of who locked pages.
 * https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xcb--driver-left-locked-pages-in-process
 */
#include "mm/lockedpages.h"
#include "ke/bugcheck.h"
#include "boot/loader.h"

#define LOCKED_TAG 'kLmM'

static LIST_ENTRY Locked = {&Locked, &Locked};
static KSPIN_LOCK LockedLock;

/* The frame above Caller's. */
static PVOID CallerOf(PVOID Caller)
{
    PVOID Frames[16];
    ULONG Count = KeCaptureBacktrace(Frames, COUNT_OF(Frames), 0), I;
    for (I = 0; I + 1 < Count; I++) {
        if (Frames[I] == Caller) {
            return Frames[I + 1];
        }
    }
    return NULL;
}

VOID MiRememberLocked(PMDL Mdl, ULONG Count, BOOLEAN Allocated, PVOID Caller)
{
    PLOADED_IMAGE Image = LdrImageFromAddress(Caller);
    PLOCKED_PAGES New;
    KIRQL Irql;
    if (!Image || Image->Kernel) {
        return;
    }
    New = ExAllocatePoolWithTag(NonPagedPool, sizeof(*New), LOCKED_TAG);
    if (!New) {
        return;
    }
    *New = (LOCKED_PAGES){
        .Mdl = Mdl, .Count = Count, .Allocated = Allocated, .Caller = Caller, .CallersCaller = CallerOf(Caller)};
    KeAcquireSpinLock(&LockedLock, &Irql);
    InsertTailList(&Locked, &New->Link);
    KeReleaseSpinLock(&LockedLock, Irql);
}

/* The lock is held. */
static PLOCKED_PAGES Find(PMDL Mdl)
{
    PLIST_ENTRY Entry;
    for (Entry = Locked.Flink; Entry != &Locked; Entry = Entry->Flink) {
        if (CONTAINING_RECORD(Entry, LOCKED_PAGES, Link)->Mdl == Mdl) {
            return CONTAINING_RECORD(Entry, LOCKED_PAGES, Link);
        }
    }
    return NULL;
}

VOID MiForgetLocked(PMDL Mdl)
{
    PLOCKED_PAGES One;
    KIRQL Irql;
    KeAcquireSpinLock(&LockedLock, &Irql);
    One = Find(Mdl);
    if (One) {
        RemoveEntryList(&One->Link);
    }
    KeReleaseSpinLock(&LockedLock, Irql);
    if (One) {
        ExFreePoolWithTag(One, LOCKED_TAG);
    }
}

BOOLEAN MiFindLocked(PMDL Mdl, PLOCKED_PAGES Found)
{
    PLOCKED_PAGES One;
    KIRQL Irql;
    KeAcquireSpinLock(&LockedLock, &Irql);
    One = Find(Mdl);
    if (One) {
        *Found = *One;
    }
    KeReleaseSpinLock(&LockedLock, Irql);
    return One != NULL;
}

BOOLEAN MiFindLockedOfImage(PVOID Base, SIZE_T Size, BOOLEAN Allocated, PLOCKED_PAGES Found)
{
    PLIST_ENTRY Entry;
    BOOLEAN Any = FALSE;
    KIRQL Irql;
    KeAcquireSpinLock(&LockedLock, &Irql);
    for (Entry = Locked.Flink; Entry != &Locked && !Any; Entry = Entry->Flink) {
        PLOCKED_PAGES One = CONTAINING_RECORD(Entry, LOCKED_PAGES, Link);
        if (One->Allocated == Allocated && (ULONG_PTR)One->Caller - (ULONG_PTR)Base < Size) {
            *Found = *One;
            Any = TRUE;
        }
    }
    KeReleaseSpinLock(&LockedLock, Irql);
    return Any;
}
