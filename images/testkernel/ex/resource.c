/* SPDX-License-Identifier: MIT */
/*
 * Executive resources: shared or exclusive, recursive, fair to writers. A thread that releases hands the resource over to the waiters itself,
 * so none can overtake them. Waiters wait without time-out on the resource's semaphore (shared) or event (exclusive).
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/introduction-to-eresource-routines
 */
#include "ex/resource.h"
#include "ke/processor.h"

#define CALLER             __builtin_return_address(0)
#define OWNED_EXCLUSIVE(R) ((R)->Flag & ResourceOwnedExclusive)

typedef enum _SHARED_MODE { SharedFair, SharedStarveExclusive, SharedWaitForExclusive } SHARED_MODE;

static VOID CheckAcquire(PERESOURCE Resource, PCSTR Function, const VOID *Caller)
{
    PKTHREAD Thread = KiCurrentThread();
    ExpCheckResource(Resource, Function, Caller);
    if (KeGetCurrentIrql() < APC_LEVEL && !Thread->KernelApcDisable && !Thread->SpecialApcDisable) {
        KeBugCheckReason(
            DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_RESOURCE_ACQUIRE_APCS, KeGetCurrentIrql(), 0, (ULONG_PTR)Resource,
            Caller,
            "%s of ERESOURCE %p with normal kernel APCs enabled: its thread could be suspended while it owns "
            "the resource; call KeEnterCriticalRegion first",
            Function, Resource);
    }
}

static VOID TakeExclusive(PERESOURCE Resource, ERESOURCE_THREAD Owner)
{
    Resource->Flag |= ResourceOwnedExclusive;
    Resource->ActiveCount = 1;
    Resource->ActiveEntries = 1;
    Resource->OwnerEntry.OwnerThread = Owner;
    Resource->OwnerEntry.OwnerCount = 1;
}

static BOOLEAN AcquireExclusive(PERESOURCE Resource, BOOLEAN Wait, PCSTR Function, const VOID *Caller)
{
    PKTHREAD Thread = KiCurrentThread();
    ERESOURCE_THREAD Me = (ERESOURCE_THREAD)Thread;
    KIRQL Irql;
    CheckAcquire(Resource, Function, Caller);
    KeAcquireSpinLock(&Resource->SpinLock, &Irql);
    if (!Resource->ActiveEntries) {
        TakeExclusive(Resource, Me);
    } else if (OWNED_EXCLUSIVE(Resource) && Resource->OwnerEntry.OwnerThread == Me) {
        Resource->OwnerEntry.OwnerCount++;
        KeReleaseSpinLock(&Resource->SpinLock, Irql);
        return TRUE;
    } else if (!Wait) {
        KeReleaseSpinLock(&Resource->SpinLock, Irql);
        return FALSE;
    } else if (!OWNED_EXCLUSIVE(Resource) && ExpFindSharedOwner(Resource, Me)) {
        KeBugCheckReason(
            DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_SELF_DEADLOCK, (ULONG_PTR)Resource, (ULONG_PTR)Thread, 0, Caller,
            "%s of ERESOURCE %p by a thread that owns it shared: it would wait for itself forever; release it "
            "first, or acquire it exclusively from the start",
            Function, Resource);
    } else {
        Resource->NumberOfExclusiveWaiters++;
        Resource->ContentionCount++;
        KeReleaseSpinLock(&Resource->SpinLock, Irql);
        KeWaitForSingleObject(Resource->ExclusiveWaiters, WrResource, KernelMode, FALSE, NULL);
        KeAcquireSpinLock(&Resource->SpinLock, &Irql);
        Resource->OwnerEntry.OwnerThread = Me; /* handed over by ExpGrantResource */
    }
    KeReleaseSpinLock(&Resource->SpinLock, Irql);
    ExpTrackAcquire(Resource, "ERESOURCE", Thread, Caller);
    if (Wait) {
        ExpNoteOrder(Resource, Caller);
    }
    return TRUE;
}

static BOOLEAN MayShare(PERESOURCE Resource, SHARED_MODE Mode, POWNER_ENTRY Mine)
{
    if (!Resource->ActiveEntries) {
        return TRUE;
    }
    if (OWNED_EXCLUSIVE(Resource)) {
        return FALSE;
    }
    return !Resource->NumberOfExclusiveWaiters || Mode == SharedStarveExclusive || (Mode == SharedFair && Mine);
}

static BOOLEAN AcquireShared(PERESOURCE Resource, BOOLEAN Wait, SHARED_MODE Mode, PCSTR Function, const VOID *Caller)
{
    PKTHREAD Thread = KiCurrentThread();
    ERESOURCE_THREAD Me = (ERESOURCE_THREAD)Thread;
    POWNER_ENTRY Mine;
    KIRQL Irql;
    CheckAcquire(Resource, Function, Caller);
    KeAcquireSpinLock(&Resource->SpinLock, &Irql);
    if (OWNED_EXCLUSIVE(Resource) && Resource->OwnerEntry.OwnerThread == Me) {
        Resource->OwnerEntry.OwnerCount++; /* the exclusive owner stays exclusive */
        KeReleaseSpinLock(&Resource->SpinLock, Irql);
        return TRUE;
    }
    Mine = ExpFindSharedOwner(Resource, Me);
    if (MayShare(Resource, Mode, Mine)) {
        if (Mine) {
            Mine->OwnerCount++;
            KeReleaseSpinLock(&Resource->SpinLock, Irql);
            return TRUE;
        }
        Resource->ActiveEntries++;
        Resource->ActiveCount = 1;
        ExpAddSharedOwner(Resource, Me);
    } else if (!Wait) {
        KeReleaseSpinLock(&Resource->SpinLock, Irql);
        return FALSE;
    } else {
        if (Mine) {
            KeBugCheckReason(
                DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_SELF_DEADLOCK, (ULONG_PTR)Resource, (ULONG_PTR)Thread, 0,
                Caller,
                "%s of ERESOURCE %p by a thread that owns it shared while another waits for exclusive access: "
                "each would wait for the other forever",
                Function, Resource);
        }
        Resource->NumberOfSharedWaiters++;
        Resource->ContentionCount++;
        KeReleaseSpinLock(&Resource->SpinLock, Irql);
        KeWaitForSingleObject(Resource->SharedWaiters, WrResource, KernelMode, FALSE, NULL);
        KeAcquireSpinLock(&Resource->SpinLock, &Irql);
        ExpAddSharedOwner(Resource, Me); /* counted in ActiveEntries by ExpGrantResource */
    }
    KeReleaseSpinLock(&Resource->SpinLock, Irql);
    ExpTrackAcquire(Resource, "ERESOURCE", Thread, Caller);
    return TRUE;
}

static VOID ReleaseFor(PERESOURCE Resource, ERESOURCE_THREAD Owner, PCSTR Function, const VOID *Caller)
{
    PKTHREAD Thread = KiCurrentThread();
    POWNER_ENTRY Entry;
    BOOLEAN Last;
    KIRQL Irql;
    ExpCheckResource(Resource, Function, Caller);
    if (KeGetCurrentIrql() < APC_LEVEL && !Thread->KernelApcDisable && !Thread->SpecialApcDisable) {
        KeBugCheckReason(
            DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_RESOURCE_RELEASE_APCS, KeGetCurrentIrql(), 0, (ULONG_PTR)Resource,
            Caller, "%s of ERESOURCE %p with normal kernel APCs enabled; call KeLeaveCriticalRegion after the release",
            Function, Resource);
    }
    KeAcquireSpinLock(&Resource->SpinLock, &Irql);
    Entry = OWNED_EXCLUSIVE(Resource) ? &Resource->OwnerEntry : ExpFindSharedOwner(Resource, Owner);
    if (!Entry || Entry->OwnerThread != Owner || !Resource->ActiveEntries) {
        KeBugCheckReason(RESOURCE_NOT_OWNED, (ULONG_PTR)Resource, (ULONG_PTR)Owner, (ULONG_PTR)Resource->OwnerTable,
                         Entry ? (ULONG_PTR)Entry->OwnerThread : 0, Caller,
                         "%s of ERESOURCE %p for owner %p, which does not own it", Function, Resource, (PVOID)Owner);
    }
    Last = --Entry->OwnerCount == 0;
    if (Last) {
        Entry->OwnerThread = 0;
        Resource->Flag &= ~ResourceOwnedExclusive;
        if (--Resource->ActiveEntries == 0) {
            Resource->ActiveCount = 0;
        }
        ExpGrantResource(Resource);
    }
    KeReleaseSpinLock(&Resource->SpinLock, Irql);
    if (Last && !OWNER_IS_POINTER(Owner)) {
        ExpTrackRelease(Resource, (PKTHREAD)Owner);
    }
}

/* IRQL <= APC_LEVEL, in a critical region. FALSE only if Wait is FALSE. */
BOOLEAN NTAPI ExAcquireResourceExclusiveLite(PERESOURCE Resource, BOOLEAN Wait)
{
    return AcquireExclusive(Resource, Wait, "ExAcquireResourceExclusiveLite", CALLER);
}

/* Behind waiting writers, unless the thread owns the resource already. */
BOOLEAN NTAPI ExAcquireResourceSharedLite(PERESOURCE Resource, BOOLEAN Wait)
{
    return AcquireShared(Resource, Wait, SharedFair, "ExAcquireResourceSharedLite", CALLER);
}

/* Before waiting writers. */
BOOLEAN NTAPI ExAcquireSharedStarveExclusive(PERESOURCE Resource, BOOLEAN Wait)
{
    return AcquireShared(Resource, Wait, SharedStarveExclusive, "ExAcquireSharedStarveExclusive", CALLER);
}

/* Behind waiting writers, even when the thread owns the resource already. */
BOOLEAN NTAPI ExAcquireSharedWaitForExclusive(PERESOURCE Resource, BOOLEAN Wait)
{
    return AcquireShared(Resource, Wait, SharedWaitForExclusive, "ExAcquireSharedWaitForExclusive", CALLER);
}

/* IRQL <= DISPATCH_LEVEL. */
VOID FASTCALL ExReleaseResourceLite(PERESOURCE Resource)
{
    ReleaseFor(Resource, (ERESOURCE_THREAD)KiCurrentThread(), "ExReleaseResourceLite", CALLER);
}

VOID NTAPI ExReleaseResourceForThreadLite(PERESOURCE Resource, ERESOURCE_THREAD ResourceThreadId)
{
    ReleaseFor(Resource, ResourceThreadId, "ExReleaseResourceForThreadLite", CALLER);
}

/* The four below: KeEnterCriticalRegion and KeLeaveCriticalRegion included; they return the thread's Win32 data, of which there is none. */
PVOID NTAPI ExEnterCriticalRegionAndAcquireResourceExclusive(PERESOURCE Resource)
{
    KeEnterCriticalRegion();
    AcquireExclusive(Resource, TRUE, "ExEnterCriticalRegionAndAcquireResourceExclusive", CALLER);
    return NULL;
}

PVOID NTAPI ExEnterCriticalRegionAndAcquireResourceShared(PERESOURCE Resource)
{
    KeEnterCriticalRegion();
    AcquireShared(Resource, TRUE, SharedFair, "ExEnterCriticalRegionAndAcquireResourceShared", CALLER);
    return NULL;
}

PVOID NTAPI ExEnterCriticalRegionAndAcquireSharedWaitForExclusive(PERESOURCE Resource)
{
    KeEnterCriticalRegion();
    AcquireShared(Resource, TRUE, SharedWaitForExclusive, "ExEnterCriticalRegionAndAcquireSharedWaitForExclusive",
                  CALLER);
    return NULL;
}

VOID FASTCALL ExReleaseResourceAndLeaveCriticalRegion(PERESOURCE Resource)
{
    ReleaseFor(Resource, (ERESOURCE_THREAD)KiCurrentThread(), "ExReleaseResourceAndLeaveCriticalRegion", CALLER);
    KeLeaveCriticalRegion();
}

/* IRQL <= DISPATCH_LEVEL, by the exclusive owner. Recursive acquisitions stay counted. */
VOID NTAPI ExConvertExclusiveToSharedLite(PERESOURCE Resource)
{
    ERESOURCE_THREAD Me = (ERESOURCE_THREAD)KiCurrentThread();
    ULONG Count;
    KIRQL Irql;
    ExpCheckResource(Resource, "ExConvertExclusiveToSharedLite", CALLER);
    KeAcquireSpinLock(&Resource->SpinLock, &Irql);
    if (!OWNED_EXCLUSIVE(Resource) || Resource->OwnerEntry.OwnerThread != Me) {
        KeBugCheckReason(RESOURCE_NOT_OWNED, (ULONG_PTR)Resource, Me, (ULONG_PTR)Resource->OwnerTable,
                         Resource->OwnerEntry.OwnerThread, CALLER,
                         "ExConvertExclusiveToSharedLite of ERESOURCE %p, which this thread does not own exclusively",
                         Resource);
    }
    Count = Resource->OwnerEntry.OwnerCount;
    Resource->OwnerEntry.OwnerThread = 0;
    Resource->OwnerEntry.OwnerCount = 0;
    Resource->Flag &= ~ResourceOwnedExclusive;
    ExpAddSharedOwner(Resource, Me);
    ExpFindSharedOwner(Resource, Me)->OwnerCount = Count;
    ExpGrantResource(Resource);
    KeReleaseSpinLock(&Resource->SpinLock, Irql);
}
