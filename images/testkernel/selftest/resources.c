/* SPDX-License-Identifier: MIT */
/* ERESOURCE beyond plain acquiring (executive.c): waiting writers first, other owners, owner pointers, calls with a critical region. */
#include "check.h"
#include "undeclared.h"

static ERESOURCE Resource;
static KEVENT Reached, Proceed;
static DECLSPEC_ALIGN(16) ULONG64 OwnerBlock[2];
#define OWNER ((PVOID)((ULONG_PTR)OwnerBlock | 3)) /* both low bits set: a pointer, no thread */

static void NTAPI Writer(PVOID Context)
{
    ExEnterCriticalRegionAndAcquireResourceExclusive(&Resource);
    CHECK(KeAreApcsDisabled());
    CHECK(ExIsResourceAcquiredExclusiveLite(&Resource));
    KeSetEvent(&Reached, 0, FALSE);
    CHECK(Wait(&Proceed, 5000) == STATUS_SUCCESS);
    ExReleaseResourceAndLeaveCriticalRegion(&Resource);
    CHECK(!KeAreApcsDisabled());
}

static void NTAPI Reader(PVOID Context)
{
    ExEnterCriticalRegionAndAcquireResourceShared(&Resource);
    CHECK(!ExIsResourceAcquiredExclusiveLite(&Resource) && ExIsResourceAcquiredSharedLite(&Resource) == 1);
    ExReleaseResourceAndLeaveCriticalRegion(&Resource);
}

static void NTAPI PatientReader(PVOID Context)
{
    ExEnterCriticalRegionAndAcquireSharedWaitForExclusive(&Resource);
    CHECK(ExIsResourceAcquiredSharedLite(&Resource) == 1);
    ExReleaseResourceAndLeaveCriticalRegion(&Resource);
    CHECK(!KeAreApcsDisabled());
}

static void Waiters(void)
{
    KeInitializeEvent(&Reached, NotificationEvent, FALSE);
    KeInitializeEvent(&Proceed, NotificationEvent, FALSE);
    PKTHREAD writer = Start(Writer, NULL);
    CHECK(Wait(&Reached, 5000) == STATUS_SUCCESS);
    PKTHREAD readers[2] = {Start(Reader, NULL), Start(PatientReader, NULL)};
    CHECK(Wait(readers[1], 10) == STATUS_TIMEOUT && Wait(readers[0], 0) == STATUS_TIMEOUT);
    CHECK(ExGetSharedWaiterCount(&Resource) == 2);
    CHECK(ExGetExclusiveWaiterCount(&Resource) == 0);
    KeEnterCriticalRegion();
    CHECK(!ExAcquireSharedWaitForExclusive(&Resource, FALSE)); /* owned exclusively by another */
    KeLeaveCriticalRegion();
    KeSetEvent(&Proceed, 0, FALSE);
    Join(writer);
    Join(readers[0]);
    Join(readers[1]);
    CHECK(ExGetSharedWaiterCount(&Resource) == 0);
}

/* ExAcquireSharedWaitForExclusive: even an owner's second shared acquisition stands behind a waiting writer. */
static void WaitForExclusive(void)
{
    KeEnterCriticalRegion();
    CHECK(ExAcquireSharedWaitForExclusive(&Resource, TRUE));
    CHECK(ExAcquireSharedWaitForExclusive(&Resource, FALSE)); /* nobody waits: recursion is fine */
    ExReleaseResourceLite(&Resource);
    KeClearEvent(&Reached);
    KeSetEvent(&Proceed, 0, FALSE);
    PKTHREAD writer = Start(Writer, NULL);
    CHECK(Wait(&Reached, 20) == STATUS_TIMEOUT);
    CHECK(ExGetExclusiveWaiterCount(&Resource) == 1);
    CHECK(!ExAcquireSharedWaitForExclusive(&Resource, FALSE));
    CHECK(ExAcquireResourceSharedLite(&Resource, FALSE)); /* the fair form lets an owner in again */
    ExReleaseResourceLite(&Resource);
    ExReleaseResourceLite(&Resource);
    KeLeaveCriticalRegion();
    Join(writer);
}

static void NTAPI ReleasesForOwner(PVOID Context)
{
    KeEnterCriticalRegion();
    CHECK(!ExAcquireResourceSharedLite(&Resource, FALSE));
    ExReleaseResourceForThreadLite(&Resource, (ERESOURCE_THREAD)Context);
    CHECK(ExAcquireResourceExclusiveLite(&Resource, FALSE));
    ExReleaseResourceLite(&Resource);
    KeLeaveCriticalRegion();
}

/* An owner pointer stays owner whichever thread runs; any thread releases for it. */
static void OwnerPointer(void)
{
    KeEnterCriticalRegion();
    CHECK(ExAcquireResourceExclusiveLite(&Resource, TRUE));
    ExSetResourceOwnerPointer(&Resource, OWNER);
    CHECK(!ExIsResourceAcquiredExclusiveLite(&Resource)); /* this thread owns it no more */
    RunInThread(ReleasesForOwner, OWNER);
    CHECK(ExAcquireResourceSharedLite(&Resource, TRUE));
    ExReleaseResourceForThreadLite(&Resource, ExGetCurrentResourceThread());
    CHECK(ExIsResourceAcquiredSharedLite(&Resource) == 0);
    KeLeaveCriticalRegion();
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    CHECK(NT_SUCCESS(ExInitializeResourceLite(&Resource)));
    ExDisableResourceBoostLite(&Resource);
    Waiters();
    WaitForExclusive();
    OwnerPointer();
    CHECK(NT_SUCCESS(ExReinitializeResourceLite(&Resource)));
    CHECK(ExGetExclusiveWaiterCount(&Resource) == 0 && ExGetSharedWaiterCount(&Resource) == 0);
    Waiters(); /* and works as a new one */
    CHECK(NT_SUCCESS(ExDeleteResourceLite(&Resource)));
    return Summary("resources");
}
