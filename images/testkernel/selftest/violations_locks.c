/* SPDX-License-Identifier: MIT */
/* Broken rules of locks, regions and threads. See violations.h. */
#include "violations.h"

static FAST_MUTEX FastMutex;
static KGUARDED_MUTEX GuardedMutex;
static ERESOURCE Resource;
static KEVENT Event;
static KDPC Dpc;
static PVOID WaitObjects[4] = {&Event, &Event, &Event, &Event};

/* A case that runs in a thread of its own, outside the PnP manager's critical region. */
#define IN_THREAD(name)                                                                                                \
    static void NTAPI BAD(name, _thread)(PVOID Context);                                                               \
    BROKEN(name)                                                                                                       \
    {                                                                                                                  \
        InThread(Break_##name##_thread);                                                                               \
    }                                                                                                                  \
    static void NTAPI Break_##name##_thread(PVOID Context)

IN_THREAD(region_left_too_often)
{
    KeLeaveCriticalRegion();
}

IN_THREAD(guarded_region_left_too_often)
{
    KeLeaveGuardedRegion();
}

IN_THREAD(thread_ends_in_region)
{
    KeEnterCriticalRegion();
}

static VOID NTAPI Break_thread_ends_in_callout_routine(PVOID Parameter)
{
    PsTerminateSystemThread(STATUS_SUCCESS);
}

IN_THREAD(thread_ends_in_callout)
{
    KeExpandKernelStackAndCallout(Break_thread_ends_in_callout_routine, NULL, MAXIMUM_EXPANSION_SIZE);
}

IN_THREAD(thread_ends_with_fast_mutex)
{
    ExInitializeFastMutex(&FastMutex);
    ExAcquireFastMutex(&FastMutex);
    KeLowerIrql(PASSIVE_LEVEL);
}

IN_THREAD(resource_released_with_apcs)
{
    ExInitializeResourceLite(&Resource);
    KeEnterCriticalRegion();
    ExAcquireResourceExclusiveLite(&Resource, TRUE);
    KeLeaveCriticalRegion();
    ExReleaseResourceLite(&Resource);
}

IN_THREAD(fast_mutex_released_with_apcs)
{
    ExInitializeFastMutex(&FastMutex);
    KeEnterCriticalRegion();
    ExAcquireFastMutexUnsafe(&FastMutex);
    KeLeaveCriticalRegion();
    ExReleaseFastMutexUnsafe(&FastMutex);
}

BROKEN(wait_for_too_many)
{
    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    KeWaitForMultipleObjects(4, WaitObjects, WaitAny, Executive, KernelMode, FALSE, NULL, NULL);
}

BROKEN(priority_out_of_range)
{
    KeSetPriorityThread(KeGetCurrentThread(), 99);
}

static void NTAPI Acquire(PVOID Context)
{
    KeAcquireGuardedMutex(&GuardedMutex);
    KeSetEvent(&Event, 0, FALSE);
    Forever();
}

BROKEN(guarded_mutex_of_other_thread)
{
    HANDLE thread;
    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    KeInitializeGuardedMutex(&GuardedMutex);
    PsCreateSystemThread(&thread, THREAD_ALL_ACCESS, NULL, NULL, NULL, Acquire, NULL);
    KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, NULL);
    KeReleaseGuardedMutex(&GuardedMutex);
}

BROKEN(guarded_mutex_recursive)
{
    KeInitializeGuardedMutex(&GuardedMutex);
    KeAcquireGuardedMutex(&GuardedMutex);
    KeAcquireGuardedMutex(&GuardedMutex);
}

BROKEN(rundown_initialized_again)
{
    static EX_RUNDOWN_REF rundown;
    ExInitializeRundownProtection(&rundown);
    ExReInitializeRundownProtection(&rundown);
}

BROKEN(event_released_as_mutex)
{
    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    KeReleaseMutex((PRKMUTEX)&Event, FALSE);
}

static void NTAPI Break_dpc_too_long_dpc(PKDPC TheDpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    for (;;) {
        KeStallExecutionProcessor(50);
    }
}

BROKEN(dpc_too_long)
{
    KeInitializeDpc(&Dpc, Break_dpc_too_long_dpc, NULL);
    KeInsertQueueDpc(&Dpc, NULL, NULL);
}

BROKEN(spin_lock_held_too_long)
{
    static KSPIN_LOCK lock;
    KIRQL irql;
    KeInitializeSpinLock(&lock);
    KeAcquireSpinLock(&lock, &irql);
    for (;;) {
        KeStallExecutionProcessor(50);
    }
}

BROKEN(lookaside_initialized_twice)
{
    static NPAGED_LOOKASIDE_LIST list;
    ExInitializeNPagedLookasideList(&list, NULL, NULL, 0, 32, TAG, 0);
    ExInitializeNPagedLookasideList(&list, NULL, NULL, 0, 32, TAG, 0);
}

BROKEN(lookaside_too_small)
{
    static NPAGED_LOOKASIDE_LIST list;
    ExInitializeNPagedLookasideList(&list, NULL, NULL, 0, 1, TAG, 0);
}

BROKEN(resource_deleted_twice)
{
    ExInitializeResourceLite(&Resource);
    ExDeleteResourceLite(&Resource);
    ExDeleteResourceLite(&Resource);
}

static WORK_QUEUE_ITEM Item;

static void NTAPI NoWork(PVOID Context)
{
}

BROKEN(work_item_of_unknown_queue)
{
    ExInitializeWorkItem(&Item, NoWork, NULL);
    ExQueueWorkItem(&Item, 99);
}

BROKEN(work_item_without_routine)
{
    ExInitializeWorkItem(&Item, NULL, NULL);
    ExQueueWorkItem(&Item, DelayedWorkQueue);
}
