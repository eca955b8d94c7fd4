/* SPDX-License-Identifier: MIT */
/* ERESOURCE: life cycle, table of shared owners, hand-over to waiters, queries. See ex/resource.c for acquiring and releasing. */
#include "ex/resource.h"
#include "ke/dispatch.h"
#include "ke/processor.h"
#include "mm/pool.h"

#define CALLER       __builtin_return_address(0)
#define RESOURCE_TAG 'aTeR'

/* Both objects that threads wait for; one block, attributed to the driver, so that a resource never deleted shows as a leak at unload. */
typedef struct _RESOURCE_WAITERS {
    KSEMAPHORE Shared;
    KEVENT Exclusive;
} RESOURCE_WAITERS, *PRESOURCE_WAITERS;

static LIST_ENTRY Resources;
static KSPIN_LOCK ResourcesLock;

/* IRQL <= DISPATCH_LEVEL. Resource: nonpaged, 8-byte aligned, deleted by ExDeleteResourceLite before it is freed. */
NTSTATUS NTAPI ExInitializeResourceLite(PERESOURCE Resource)
{
    PRESOURCE_WAITERS Waiters;
    KIRQL Irql;
    if (ExFindResource(Resource, 1)) {
        KeBugCheckReason(
            DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_RESOURCE_TWICE, (ULONG_PTR)Resource, 0, 0, CALLER,
            "ERESOURCE %p is initialized twice; call ExDeleteResourceLite (or ExReinitializeResourceLite) between",
            Resource);
    }
    Waiters = MiAllocatePool(NonPagedPool, sizeof(*Waiters), RESOURCE_TAG, CALLER);
    if (!Waiters) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    RtlZeroMemory(Resource, sizeof(*Resource));
    KeInitializeSemaphore(&Waiters->Shared, 0, MAXLONG);
    KeInitializeEvent(&Waiters->Exclusive, SynchronizationEvent, FALSE);
    Resource->SharedWaiters = &Waiters->Shared;
    Resource->ExclusiveWaiters = &Waiters->Exclusive;
    KeInitializeSpinLock(&Resource->SpinLock);
    KeAcquireSpinLock(&ResourcesLock, &Irql);
    if (!Resources.Flink) {
        InitializeListHead(&Resources);
    }
    InsertTailList(&Resources, &Resource->SystemResourcesList);
    KeReleaseSpinLock(&ResourcesLock, Irql);
    return STATUS_SUCCESS;
}

static VOID CheckUnused(PERESOURCE Resource, PCSTR Function, const VOID *Caller)
{
    ExpCheckResource(Resource, Function, Caller);
    if (Resource->ActiveEntries || Resource->NumberOfSharedWaiters || Resource->NumberOfExclusiveWaiters) {
        KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_DELETED_WHILE_OWNED, (ULONG_PTR)Resource,
                         (ULONG_PTR)ExResourceOwner(Resource), Resource->ActiveEntries, Caller,
                         "%s of ERESOURCE %p with %u owners and %u waiters", Function, Resource,
                         Resource->ActiveEntries, Resource->NumberOfSharedWaiters + Resource->NumberOfExclusiveWaiters);
    }
}

/* IRQL <= DISPATCH_LEVEL; nobody owns it or waits for it. */
NTSTATUS NTAPI ExDeleteResourceLite(PERESOURCE Resource)
{
    KIRQL Irql;
    if (!ExFindResource(Resource, 1)) {
        KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_RESOURCE_UNKNOWN, (ULONG_PTR)Resource, 0, 0, CALLER,
                         "ExDeleteResourceLite of ERESOURCE %p, which is not initialized or was deleted before",
                         Resource);
    }
    CheckUnused(Resource, "ExDeleteResourceLite", CALLER);
    KeAcquireSpinLock(&ResourcesLock, &Irql);
    RemoveEntryList(&Resource->SystemResourcesList);
    KeReleaseSpinLock(&ResourcesLock, Irql);
    MiFreePool(CONTAINING_RECORD(Resource->SharedWaiters, RESOURCE_WAITERS, Shared), RESOURCE_TAG, CALLER);
    if (Resource->OwnerTable) {
        MiFreePool(Resource->OwnerTable, RESOURCE_TAG, CALLER);
    }
    RtlZeroMemory(Resource, sizeof(*Resource));
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI ExReinitializeResourceLite(PERESOURCE Resource)
{
    CheckUnused(Resource, "ExReinitializeResourceLite", CALLER);
    Resource->ContentionCount = 0;
    return STATUS_SUCCESS;
}

VOID ExpCheckResource(PERESOURCE Resource, PCSTR Function, const VOID *Caller)
{
    PLIST_ENTRY Link = &Resource->SystemResourcesList;
    if ((ULONG_PTR)Resource % sizeof(PVOID)) {
        KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_RESOURCE_UNALIGNED, 0, 0, (ULONG_PTR)Resource, Caller,
                         "%s of ERESOURCE %p, which is not aligned to 8 bytes", Function, Resource);
    }
    if (!Link->Blink || !KiIsLinked(Link)) {
        KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_UNINITIALIZED, (ULONG_PTR)Resource,
                         (ULONG_PTR)KiCurrentThread(), 0, Caller,
                         "%s of ERESOURCE %p, which ExInitializeResourceLite has not initialized or which was deleted",
                         Function, Resource);
    }
}

POWNER_ENTRY ExpFindSharedOwner(PERESOURCE Resource, ERESOURCE_THREAD Owner)
{
    ULONG Size = Resource->OwnerTable ? Resource->OwnerTable[0].TableSize : 0;
    for (ULONG i = 1; i < Size; i++) {
        if (Resource->OwnerTable[i].OwnerThread == Owner) {
            return &Resource->OwnerTable[i];
        }
    }
    return NULL;
}

/* OwnerTable[0] holds the table's size; free entries have owner 0. */
VOID ExpAddSharedOwner(PERESOURCE Resource, ERESOURCE_THREAD Owner)
{
    POWNER_ENTRY Entry = ExpFindSharedOwner(Resource, 0), Old = Resource->OwnerTable;
    if (!Entry) {
        ULONG OldSize = Old ? Old[0].TableSize : 1, Size = OldSize + 4;
        POWNER_ENTRY Table = MiAllocatePool(NonPagedPool, Size * sizeof(*Table), RESOURCE_TAG, CALLER);
        if (!Table) {
            KeBugCheckReason(MUST_SUCCEED_POOL_EMPTY, Size * sizeof(*Table), 0, 0, 0, NULL,
                             "no memory for %u shared owners of ERESOURCE %p", Size, Resource);
        }
        RtlZeroMemory(Table, Size * sizeof(*Table));
        if (Old) {
            RtlCopyMemory(Table, Old, OldSize * sizeof(*Table));
            MiFreePool(Old, RESOURCE_TAG, CALLER);
        }
        Table[0].TableSize = Size;
        Resource->OwnerTable = Table;
        Entry = &Table[OldSize];
    }
    Entry->OwnerThread = Owner;
    Entry->OwnerCount = 1;
}

VOID ExpGrantResource(PERESOURCE Resource)
{
    if (Resource->Flag & ResourceOwnedExclusive) {
        return;
    }
    if (Resource->NumberOfSharedWaiters && (!Resource->ActiveEntries || !Resource->NumberOfExclusiveWaiters)) {
        ULONG Waiters = Resource->NumberOfSharedWaiters;
        Resource->NumberOfSharedWaiters = 0;
        Resource->ActiveEntries += Waiters;
        Resource->ActiveCount = 1;
        KeReleaseSemaphore(Resource->SharedWaiters, 0, (LONG)Waiters, FALSE);
    } else if (!Resource->ActiveEntries && Resource->NumberOfExclusiveWaiters) {
        Resource->NumberOfExclusiveWaiters--;
        Resource->Flag |= ResourceOwnedExclusive;
        Resource->ActiveEntries = 1;
        Resource->ActiveCount = 1;
        Resource->OwnerEntry.OwnerThread = OWNER_PENDING;
        Resource->OwnerEntry.OwnerCount = 1;
        KeSetEvent(Resource->ExclusiveWaiters, IO_NO_INCREMENT, FALSE);
    }
}

BOOLEAN NTAPI ExIsResourceAcquiredExclusiveLite(PERESOURCE Resource)
{
    return (Resource->Flag & ResourceOwnedExclusive) &&
           Resource->OwnerEntry.OwnerThread == (ERESOURCE_THREAD)KiCurrentThread();
}

/* How often the current thread owns it, shared or exclusive. */
ULONG NTAPI ExIsResourceAcquiredSharedLite(PERESOURCE Resource)
{
    POWNER_ENTRY Entry;
    ULONG Count = 0;
    KIRQL Irql;
    KeAcquireSpinLock(&Resource->SpinLock, &Irql);
    Entry = ExIsResourceAcquiredExclusiveLite(Resource)
                ? &Resource->OwnerEntry
                : ExpFindSharedOwner(Resource, (ERESOURCE_THREAD)KiCurrentThread());
    Count = Entry ? Entry->OwnerCount : 0;
    KeReleaseSpinLock(&Resource->SpinLock, Irql);
    return Count;
}

ULONG NTAPI ExGetExclusiveWaiterCount(PERESOURCE Resource)
{
    return Resource->NumberOfExclusiveWaiters;
}

ULONG NTAPI ExGetSharedWaiterCount(PERESOURCE Resource)
{
    return Resource->NumberOfSharedWaiters;
}

VOID NTAPI ExDisableResourceBoostLite(PERESOURCE Resource)
{
    Resource->Flag |= 8; /* DisablePriorityBoost: owners are not boosted here anyway */
}

/* IRQL <= DISPATCH_LEVEL. The owner becomes OwnerPointer (low bits 3); released by ExReleaseResourceForThreadLite. */
VOID NTAPI ExSetResourceOwnerPointer(PERESOURCE Resource, PVOID OwnerPointer)
{
    PKTHREAD Thread = KiCurrentThread();
    POWNER_ENTRY Entry;
    KIRQL Irql;
    ExpCheckResource(Resource, "ExSetResourceOwnerPointer", CALLER);
    KeAcquireSpinLock(&Resource->SpinLock, &Irql);
    Entry = (Resource->Flag & ResourceOwnedExclusive) ? &Resource->OwnerEntry
                                                      : ExpFindSharedOwner(Resource, (ERESOURCE_THREAD)Thread);
    if (!Entry || Entry->OwnerThread != (ERESOURCE_THREAD)Thread || !OWNER_IS_POINTER((ULONG_PTR)OwnerPointer)) {
        KeBugCheckReason(
            RESOURCE_NOT_OWNED, (ULONG_PTR)Resource, (ULONG_PTR)Thread, (ULONG_PTR)Resource->OwnerTable,
            (ULONG_PTR)OwnerPointer, CALLER,
            "ExSetResourceOwnerPointer of ERESOURCE %p, which this thread does not own, or with a pointer %p "
            "whose low two bits are not set",
            Resource, OwnerPointer);
    }
    Entry->OwnerThread = (ERESOURCE_THREAD)OwnerPointer;
    KeReleaseSpinLock(&Resource->SpinLock, Irql);
    ExpTrackRelease(Resource, Thread);
}

PERESOURCE ExFindResource(const VOID *Base, SIZE_T Size)
{
    for (PLIST_ENTRY Entry = Resources.Flink; Entry && Entry != &Resources; Entry = Entry->Flink) {
        PERESOURCE Resource = CONTAINING_RECORD(Entry, ERESOURCE, SystemResourcesList);
        if ((ULONG_PTR)Resource - (ULONG_PTR)Base < Size) {
            return Resource;
        }
    }
    return NULL;
}

PKTHREAD ExResourceOwner(PERESOURCE Resource)
{
    ERESOURCE_THREAD Owner = 0;
    ULONG Size = Resource->OwnerTable ? Resource->OwnerTable[0].TableSize : 0;
    if (Resource->Flag & ResourceOwnedExclusive) {
        Owner = Resource->OwnerEntry.OwnerThread;
    } else if (Resource->ActiveEntries == 1) {
        for (ULONG i = 1; i < Size; i++) {
            Owner |= Resource->OwnerTable[i].OwnerThread;
        }
    }
    return Owner & 3 ? NULL : (PKTHREAD)Owner;
}

PERESOURCE ExResourceOfWaitObject(const VOID *Object)
{
    for (PLIST_ENTRY Entry = Resources.Flink; Entry && Entry != &Resources; Entry = Entry->Flink) {
        PERESOURCE Resource = CONTAINING_RECORD(Entry, ERESOURCE, SystemResourcesList);
        if (Object == Resource->SharedWaiters || Object == Resource->ExclusiveWaiters) {
            return Resource;
        }
    }
    return NULL;
}
