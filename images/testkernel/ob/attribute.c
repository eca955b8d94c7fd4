/* SPDX-License-Identifier: MIT */
/*
 * Which driver took the references that are left to an object: for the check at unload. "Each call that is made to any of the preceding routines
 * must be matched with a corresponding call to ObDereferenceObject".
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/life-cycle-of-an-object
 *
 * A reference may be dropped by another than who took it: then it counts as given away, so that nothing is reported that somebody has dropped.
 */
#include "ob/header.h"
#include "ob/attribute.h"
#include "boot/loader.h"
#include "ke/thread.h"
#include "rtl/format.h"

typedef struct _TAKEN {
    LIST_ENTRY Link;
    PVOID Object;
    PLOADED_IMAGE Image;
    LONG Count;
    PVOID Taker; /* return address of the latest taking */
} TAKEN, *PTAKEN;

static LIST_ENTRY Taken = {&Taken, &Taken};
static KSPIN_LOCK TakenLock;

static PLOADED_IMAGE DriverOf(PVOID Caller)
{
    PLOADED_IMAGE Image = LdrImageFromAddress(Caller);
    return Image && !Image->Kernel ? Image : NULL;
}

/* The lock is held. What Image took of Object; of any driver if Image is NULL. */
static PTAKEN Find(PVOID Object, PLOADED_IMAGE Image)
{
    PLIST_ENTRY Entry;
    for (Entry = Taken.Flink; Entry != &Taken; Entry = Entry->Flink) {
        PTAKEN One = CONTAINING_RECORD(Entry, TAKEN, Link);
        if (One->Object == Object && (!Image || One->Image == Image)) {
            return One;
        }
    }
    return NULL;
}

/* One more of those that Image has taken already; FALSE if there is none. */
static BOOLEAN CountAnother(PVOID Object, PLOADED_IMAGE Image, PVOID Caller)
{
    PTAKEN One;
    KIRQL Irql;
    KeAcquireSpinLock(&TakenLock, &Irql);
    One = Find(Object, Image);
    if (One) {
        One->Count++;
        One->Taker = Caller;
    }
    KeReleaseSpinLock(&TakenLock, Irql);
    return One != NULL;
}

VOID ObpTook(PVOID Object, PVOID Caller)
{
    PLOADED_IMAGE Image = DriverOf(Caller);
    PTAKEN New;
    if (!Image || KeGetCurrentIrql() > DISPATCH_LEVEL || CountAnother(Object, Image, Caller)) {
        return;
    }
    New = ExAllocatePoolWithTag(NonPagedPool, sizeof(*New), OB_TAG);
    if (New) { /* else it is not attributed, and so not reported */
        KIRQL Irql;
        *New = (TAKEN){.Object = Object, .Image = Image, .Count = 1, .Taker = Caller};
        KeAcquireSpinLock(&TakenLock, &Irql);
        InsertHeadList(&Taken, &New->Link);
        KeReleaseSpinLock(&TakenLock, Irql);
    }
}

static VOID Drop(PVOID Object, PLOADED_IMAGE Image)
{
    PTAKEN One;
    KIRQL Irql;
    KeAcquireSpinLock(&TakenLock, &Irql);
    One = Find(Object, Image);
    if (!One) {
        One = Find(Object, NULL);
    }
    if (One && --One->Count == 0) {
        RemoveEntryList(&One->Link);
    } else {
        One = NULL;
    }
    KeReleaseSpinLock(&TakenLock, Irql);
    if (One) {
        ExFreePoolWithTag(One, OB_TAG);
    }
}

VOID ObpDropped(PVOID Object, PVOID Caller)
{
    PLOADED_IMAGE Image = DriverOf(Caller);
    if (Image && KeGetCurrentIrql() <= DISPATCH_LEVEL) {
        Drop(Object, Image);
    }
}

LONG_PTR ObpDropGiven(PVOID Object)
{
    Drop(Object, NULL);
    return ObfDereferenceObject(Object);
}

VOID ObpForgetTaken(PVOID Object)
{
    PTAKEN One;
    do {
        KIRQL Irql;
        KeAcquireSpinLock(&TakenLock, &Irql);
        One = Find(Object, NULL);
        if (One) {
            RemoveEntryList(&One->Link);
        }
        KeReleaseSpinLock(&TakenLock, Irql);
        if (One) {
            ExFreePoolWithTag(One, OB_TAG);
        }
    } while (One);
}

BOOLEAN ObpWhoTook(PVOID Object, PLONG Count, PVOID *Taker)
{
    PTAKEN One;
    KIRQL Irql;
    KeAcquireSpinLock(&TakenLock, &Irql);
    One = Find(Object, NULL);
    if (One) {
        *Count = One->Count;
        *Taker = One->Taker;
    }
    KeReleaseSpinLock(&TakenLock, Irql);
    return One != NULL;
}

PCSTR ObpDescribe(PVOID Object, PSTR Text, ULONG Characters)
{
    POBJECT_TYPE Type = ObpTypeOf(Object);
    WCHAR Name[160];
    Name[0] = 0;
    if (ObpIsThread(Object)) {
        RtlFormat(Text, Characters, "thread \"%s\"", ((PKTHREAD)Object)->Name);
        return Text;
    }
    if (Type->NameForReport) {
        Type->NameForReport(Object, Name, COUNT_OF(Name));
    } else {
        ObpPathOf(Object, Name, COUNT_OF(Name));
    }
    RtlFormat(Text, Characters, "%s %s%ws%s", Type->Name, Name[0] ? "\"" : "without a name", Name, Name[0] ? "\"" : "");
    return Text;
}

BOOLEAN ObpFindReferenceOfImage(PVOID Base, OBJECT_LEFT *Left)
{
    PLIST_ENTRY Entry;
    BOOLEAN Found = FALSE;
    KIRQL Irql;
    KeAcquireSpinLock(&TakenLock, &Irql);
    for (Entry = Taken.Blink; Entry != &Taken && !Found; Entry = Entry->Blink) { /* the oldest first */
        PTAKEN One = CONTAINING_RECORD(Entry, TAKEN, Link);
        if (One->Image->Base == Base) {
            *Left = (OBJECT_LEFT){.Object = One->Object, .Count = One->Count, .Taker = One->Taker};
            Found = TRUE;
        }
    }
    KeReleaseSpinLock(&TakenLock, Irql);
    return Found;
}
