/* SPDX-License-Identifier: MIT */
/* Broken rules of what is given to a function: handles, addresses, alignment, names. See violations.h. */
#include "violations.h"

BROKEN(references_null_handle)
{
    PVOID object;
    ObReferenceObjectByHandle(NULL, 0, NULL, KernelMode, &object, NULL);
}

BROKEN(references_closed_handle)
{
    PVOID object;
    ObReferenceObjectByHandle((HANDLE)0x1234, 0, NULL, KernelMode, &object, NULL);
}

BROKEN(unaligned_resource)
{
    PUCHAR block = Allocate(sizeof(ERESOURCE) + 8);
    KeEnterCriticalRegion();
    ExAcquireResourceExclusiveLite((PERESOURCE)(block + 4), TRUE);
}

BROKEN(queued_lock_released_low)
{
    static KSPIN_LOCK lock;
    KLOCK_QUEUE_HANDLE handle;
    KeAcquireInStackQueuedSpinLock(&lock, &handle);
    KeLowerIrql(PASSIVE_LEVEL);
    KeReleaseInStackQueuedSpinLock(&handle);
}

BROKEN(queued_lock_released_low_from_dpc)
{
    static KSPIN_LOCK lock;
    KLOCK_QUEUE_HANDLE handle;
    KeAcquireInStackQueuedSpinLock(&lock, &handle);
    KeLowerIrql(PASSIVE_LEVEL);
    KeReleaseInStackQueuedSpinLockFromDpcLevel(&handle);
}

BROKEN(waits_on_user_address)
{
    KeWaitForSingleObject((PVOID)0x10000, Executive, KernelMode, FALSE, NULL);
}

BROKEN(user_wait_on_stack)
{
    KEVENT event;
    KeInitializeEvent(&event, NotificationEvent, TRUE);
    KeWaitForSingleObject(&event, UserRequest, UserMode, FALSE, NULL);
}

BROKEN(work_item_pageable)
{
    PWORK_QUEUE_ITEM item = ExAllocatePoolWithTag(PagedPool, sizeof(*item), TAG);
    ExInitializeWorkItem(item, (PWORKER_THREAD_ROUTINE)(PVOID)Prepare, NULL);
    ExQueueWorkItem(item, DelayedWorkQueue);
}

BROKEN(irp_with_user_buffer)
{
    PDEVICE_OBJECT device;
    PIRP irp = IoAllocateIrp(1, FALSE);
    IoCreateDevice(Driver, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
    IoGetNextIrpStackLocation(irp)->MajorFunction = IRP_MJ_READ;
    irp->UserBuffer = (PVOID)0x20000;
    IoCallDriver(device, irp);
}

static VOID NTAPI BAD(quota_in_dpc, _dpc)(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    ExAllocatePoolWithQuotaTag(NonPagedPool, 64, TAG);
}
BROKEN(quota_in_dpc)
{
    static KDPC dpc;
    KeInitializeDpc(&dpc, Break_quota_in_dpc_dpc, NULL);
    KeInsertQueueDpc(&dpc, NULL, NULL);
    Forever();
}

__attribute__((always_inline)) static inline void OpenNamed(PUNICODE_STRING Name)
{
    OBJECT_ATTRIBUTES attributes;
    HANDLE key;
    InitializeObjectAttributes(&attributes, Name, OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE, NULL, NULL);
    ZwOpenKey(&key, KEY_READ, &attributes);
}

BROKEN(zw_with_user_address)
{
    UNICODE_STRING name = {.Length = 2, .MaximumLength = 2, .Buffer = (PWCHAR)0x20000};
    OpenNamed(&name);
}

BROKEN(zw_with_bad_name)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\Registry");
    name.Length--;
    OpenNamed(&name);
}

/* A push lock is taken in a critical region. */
NTKERNELAPI VOID NTAPI ExAcquirePushLockExclusiveEx(PVOID PushLock, ULONG Flags);
NTKERNELAPI VOID NTAPI ExReleasePushLockExclusiveEx(PVOID PushLock, ULONG Flags);
static ULONG64 PushLock;

static VOID NTAPI BAD(push_lock_without_region, _thread)(PVOID Context)
{
    ExAcquirePushLockExclusiveEx(&PushLock, 0);
}
BROKEN(push_lock_without_region)
{
    InThread(Break_push_lock_without_region_thread);
}

static VOID NTAPI BAD(push_lock_left_region, _thread)(PVOID Context)
{
    KeEnterCriticalRegion();
    ExAcquirePushLockExclusiveEx(&PushLock, 0);
    KeLeaveCriticalRegion();
    ExReleasePushLockExclusiveEx(&PushLock, 0);
}
BROKEN(push_lock_left_region)
{
    InThread(Break_push_lock_left_region_thread);
}

__attribute__((always_inline)) static inline PMDL LockedPage(void)
{
    PUCHAR block = ExAllocatePoolWithTag(PagedPool, PAGE_SIZE, TAG);
    PMDL mdl = IoAllocateMdl(block, PAGE_SIZE, FALSE, FALSE, NULL);
    MmProbeAndLockPages(mdl, KernelMode, IoModifyAccess);
    return mdl;
}

BROKEN(mdl_mapped_by_old_function)
{
    MmMapLockedPages(LockedPage(), KernelMode);
    Sink++;
}

BROKEN(mdl_mapping_must_not_fail)
{
    MmMapLockedPagesSpecifyCache(LockedPage(), KernelMode, MmCached, NULL, TRUE, NormalPagePriority);
    Sink++;
}
