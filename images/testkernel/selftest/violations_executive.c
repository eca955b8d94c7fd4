/* SPDX-License-Identifier: MIT */
/* Broken rules of the executive and the run-time library: locks, work items, lists, strings. See violations.c. */
#include "violations.h"

static KSPIN_LOCK Lock;
static KEVENT Event;
static FAST_MUTEX FastMutex;
static ERESOURCE Resource;

BROKEN(extended_state_out_of_order)
{
    XSTATE_SAVE first, second;
    KeSaveExtendedProcessorState(2, &first);
    KeSaveExtendedProcessorState(2, &second);
    KeRestoreExtendedProcessorState(&first);
}

BROKEN(fast_mutex_recursive)
{
    ExInitializeFastMutex(&FastMutex);
    ExAcquireFastMutex(&FastMutex);
    ExAcquireFastMutex(&FastMutex);
}

BROKEN(fast_mutex_not_owned)
{
    KIRQL irql;
    ExInitializeFastMutex(&FastMutex);
    KeRaiseIrql(APC_LEVEL, &irql);
    ExReleaseFastMutex(&FastMutex);
}

BROKEN(fast_mutex_at_dispatch)
{
    ExInitializeFastMutex(&FastMutex);
    Raise(DISPATCH_LEVEL);
    ExAcquireFastMutex(&FastMutex);
}

BROKEN(fast_mutex_release_irql)
{
    ExInitializeFastMutex(&FastMutex);
    ExAcquireFastMutex(&FastMutex);
    KeLowerIrql(PASSIVE_LEVEL);
    ExReleaseFastMutex(&FastMutex);
}

__attribute__((noinline, used)) static void NTAPI Break_fast_mutex_unsafe_with_apcs_thread(PVOID Context)
{
    ExInitializeFastMutex(&FastMutex);
    ExAcquireFastMutexUnsafe(&FastMutex);
}

BROKEN(fast_mutex_unsafe_with_apcs)
{
    InThread(Break_fast_mutex_unsafe_with_apcs_thread);
}

BROKEN(fast_mutex_uninitialized)
{
    ExAcquireFastMutex(&FastMutex);
}

BROKEN(free_with_fast_mutex_held)
{
    PFAST_MUTEX mutex = (PFAST_MUTEX)Allocate(sizeof(*mutex));
    ExInitializeFastMutex(mutex);
    ExAcquireFastMutex(mutex);
    ExFreePoolWithTag(mutex, TAG);
}

/* Two threads, two fast mutexes, each order once. */
static FAST_MUTEX OtherMutex;

__attribute__((noinline, used)) static void NTAPI Break_deadlock_of_fast_mutexes_thread(PVOID Context)
{
    ExAcquireFastMutex(&OtherMutex);
    KeSetEvent(&Event, 0, FALSE);
    ExAcquireFastMutex(&FastMutex);
}

BROKEN(deadlock_of_fast_mutexes)
{
    HANDLE thread;
    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    ExInitializeFastMutex(&FastMutex);
    ExInitializeFastMutex(&OtherMutex);
    KeEnterCriticalRegion();
    ExAcquireFastMutexUnsafe(&FastMutex);
    PsCreateSystemThread(&thread, THREAD_ALL_ACCESS, NULL, NULL, NULL, Break_deadlock_of_fast_mutexes_thread, NULL);
    KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, NULL);
    ExAcquireFastMutexUnsafe(&OtherMutex);
}

__attribute__((noinline, used)) static void NTAPI Break_resource_with_apcs_thread(PVOID Context)
{
    ExInitializeResourceLite(&Resource);
    ExAcquireResourceExclusiveLite(&Resource, TRUE);
}

BROKEN(resource_with_apcs)
{
    InThread(Break_resource_with_apcs_thread);
}

BROKEN(resource_not_owned)
{
    ExInitializeResourceLite(&Resource);
    KeEnterCriticalRegion();
    ExReleaseResourceLite(&Resource);
}

BROKEN(resource_shared_then_exclusive)
{
    ExInitializeResourceLite(&Resource);
    KeEnterCriticalRegion();
    ExAcquireResourceSharedLite(&Resource, TRUE);
    ExAcquireResourceExclusiveLite(&Resource, TRUE);
}

BROKEN(resource_initialized_twice)
{
    ExInitializeResourceLite(&Resource);
    ExInitializeResourceLite(&Resource);
}

BROKEN(resource_freed)
{
    PERESOURCE resource = (PERESOURCE)Allocate(sizeof(*resource));
    ExInitializeResourceLite(resource);
    ExFreePoolWithTag(resource, TAG);
}

BROKEN(lookaside_freed)
{
    PNPAGED_LOOKASIDE_LIST list = (PNPAGED_LOOKASIDE_LIST)Allocate(sizeof(*list));
    ExInitializeNPagedLookasideList(list, NULL, NULL, 0, 32, TAG, 0);
    ExFreePoolWithTag(list, TAG);
}

BROKEN(lookaside_deleted_twice)
{
    static NPAGED_LOOKASIDE_LIST list;
    ExInitializeNPagedLookasideList(&list, NULL, NULL, 0, 32, TAG, 0);
    ExDeleteNPagedLookasideList(&list);
    ExDeleteNPagedLookasideList(&list);
}

static WORK_QUEUE_ITEM Item;

__attribute__((noinline, used)) static void NTAPI NoWork(PVOID Context)
{
}

BROKEN(work_item_queued_twice)
{
    Raise(DISPATCH_LEVEL);
    ExInitializeWorkItem(&Item, NoWork, NULL);
    ExQueueWorkItem(&Item, DelayedWorkQueue);
    ExQueueWorkItem(&Item, DelayedWorkQueue);
}

BROKEN(work_item_freed)
{
    PWORK_QUEUE_ITEM item = (PWORK_QUEUE_ITEM)Allocate(sizeof(*item));
    Raise(DISPATCH_LEVEL);
    ExInitializeWorkItem(item, NoWork, NULL);
    ExQueueWorkItem(item, DelayedWorkQueue);
    ExFreePoolWithTag(item, TAG);
}

__attribute__((noinline, used)) static void NTAPI Break_work_item_keeps_irql_routine(PVOID Context)
{
    Raise(DISPATCH_LEVEL);
}

BROKEN(work_item_keeps_irql)
{
    ExInitializeWorkItem(&Item, Break_work_item_keeps_irql_routine, NULL);
    ExQueueWorkItem(&Item, DelayedWorkQueue);
    Forever();
}

__attribute__((noinline, used)) static void NTAPI Break_work_item_keeps_region_routine(PVOID Context)
{
    KeEnterCriticalRegion();
}

BROKEN(work_item_keeps_region)
{
    ExInitializeWorkItem(&Item, Break_work_item_keeps_region_routine, NULL);
    ExQueueWorkItem(&Item, DelayedWorkQueue);
    Forever();
}

BROKEN(rundown_released_too_often)
{
    static EX_RUNDOWN_REF rundown;
    ExInitializeRundownProtection(&rundown);
    ExReleaseRundownProtection(&rundown);
}

BROKEN(interlocked_list_with_held_lock)
{
    LIST_ENTRY list, entry;
    KIRQL irql;
    InitializeListHead(&list);
    KeInitializeSpinLock(&Lock);
    KeAcquireSpinLock(&Lock, &irql);
    ExInterlockedInsertTailList(&list, &entry, &Lock);
}

BROKEN(etw_unknown_handle)
{
    EtwUnregister(0x1234);
}

BROKEN(wmi_registered_at_delete)
{
    PDEVICE_OBJECT device;
    IoCreateDevice(Driver, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
    IoWMIRegistrationControl(device, WMIREG_ACTION_REGISTER);
    IoDeleteDevice(device);
}

BROKEN(assertion_fails)
{
    RtlAssert("Sink == 1", __FILE__, __LINE__, NULL);
}

BROKEN(fast_mutex_order)
{
    ExInitializeFastMutex(&FastMutex);
    ExInitializeFastMutex(&OtherMutex);
    ExAcquireFastMutex(&FastMutex);
    ExAcquireFastMutex(&OtherMutex);
    ExReleaseFastMutex(&OtherMutex);
    ExReleaseFastMutex(&FastMutex);
    ExAcquireFastMutex(&OtherMutex);
    ExAcquireFastMutex(&FastMutex);
}

BROKEN(resource_outlives_driver)
{
    ExInitializeResourceLite(&Resource);
    Unload = TRUE;
}

__attribute__((noinline)) static NTSTATUS NTAPI Break_dispatch_keeps_region_dispatch(PDEVICE_OBJECT Device, PIRP Irp)
{
    KeEnterCriticalRegion();
    Irp->IoStatus.Status = STATUS_SUCCESS;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}

BROKEN(dispatch_keeps_region)
{
    IO_STATUS_BLOCK status;
    PDEVICE_OBJECT device;
    IoCreateDevice(Driver, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
    device->Flags &= ~DO_DEVICE_INITIALIZING;
    Driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = Break_dispatch_keeps_region_dispatch;
    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    IoCallDriver(device, IoBuildDeviceIoControlRequest(0x222000, device, NULL, 0, NULL, 0, FALSE, &Event, &status));
}

BROKEN(memcpy_overlaps)
{
    PUCHAR block = Allocate(64);
    RtlCopyMemory(block + 8, block, 32);
}

BROKEN(compare_case_at_dispatch)
{
    UNICODE_STRING a, b;
    RtlInitUnicodeString(&a, L"Buddy");
    RtlInitUnicodeString(&b, L"buddy");
    Raise(DISPATCH_LEVEL);
    Sink = RtlEqualUnicodeString(&a, &b, TRUE);
}
