/* SPDX-License-Identifier: MIT */
/* Broken rules of IRQL: each function called above (or below) the level that its page allows. See violations.h. */
#include "violations.h"

#define DEVICE_LEVEL 5

static KSPIN_LOCK Lock;
static KEVENT Event;
static KIRQL Old;

/* A function called at a level. */
#define AT(level, name, call)                                                                                          \
    BROKEN(name)                                                                                                       \
    {                                                                                                                  \
        Raise(level);                                                                                                  \
        call;                                                                                                          \
    }

AT(DISPATCH_LEVEL, enter_region_at_dispatch, KeEnterCriticalRegion())
AT(DISPATCH_LEVEL, leave_region_at_dispatch, KeLeaveCriticalRegion())
AT(DEVICE_LEVEL, spin_lock_at_device_irql, KeAcquireSpinLock(&Lock, &Old))
AT(DISPATCH_LEVEL, zw_close_at_dispatch, ZwClose((HANDLE)8))
AT(DISPATCH_LEVEL, create_device_at_dispatch, PDEVICE_OBJECT device;
   IoCreateDevice(Driver, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &device))

AT(APC_LEVEL, detach_at_apc_level, IoDetachDevice(NULL))

BROKEN(set_event_wait_at_dispatch)
{
    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    Raise(DISPATCH_LEVEL);
    KeSetEvent(&Event, IO_NO_INCREMENT, TRUE); /* a wait is to follow */
}

BROKEN(raise_lowers)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"KfRaiseIrql");
    KIRQL(NTAPI * raise)(KIRQL) = (PVOID)MmGetSystemRoutineAddress(&name); /* KeRaiseIrql is inline in the DDK */
    Raise(DISPATCH_LEVEL);
    raise(APC_LEVEL);
}

BROKEN(spin_lock_release_raises)
{
    KeInitializeSpinLock(&Lock);
    KeAcquireSpinLock(&Lock, &Old);
    KeReleaseSpinLock(&Lock, DEVICE_LEVEL);
}

BROKEN(spin_lock_released_raised)
{
    KeInitializeSpinLock(&Lock);
    KeAcquireSpinLock(&Lock, &Old);
    Raise(DEVICE_LEVEL);
    KeReleaseSpinLock(&Lock, Old);
}

BROKEN(spin_lock_released_lowered)
{
    KeInitializeSpinLock(&Lock);
    KeAcquireSpinLock(&Lock, &Old);
    KeLowerIrql(PASSIVE_LEVEL);
    KeReleaseSpinLockFromDpcLevel(&Lock);
}

BROKEN(wait_at_device_irql)
{
    LARGE_INTEGER now = {.QuadPart = 0};
    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    Raise(DEVICE_LEVEL);
    KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, &now);
}

BROKEN(wait_with_timeout_at_dispatch)
{
    LARGE_INTEGER soon = {.QuadPart = -10000};
    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    Raise(DISPATCH_LEVEL);
    KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, &soon);
}

BROKEN(device_queue_at_passive)
{
    static KDEVICE_QUEUE queue;
    static KDEVICE_QUEUE_ENTRY entry;
    KeInitializeDeviceQueue(&queue);
    KeInsertDeviceQueue(&queue, &entry);
}

BROKEN(pool_freed_at_device_irql)
{
    PUCHAR block = Allocate(64);
    Raise(DEVICE_LEVEL);
    ExFreePoolWithTag(block, TAG);
}

/* MDLs and device memory */

static PMDL Locked(void)
{
    PMDL mdl = IoAllocateMdl(Allocate(64), 64, FALSE, FALSE, NULL);
    MmProbeAndLockPages(mdl, KernelMode, IoReadAccess);
    return mdl;
}

BROKEN(lock_pages_at_device_irql)
{
    PMDL mdl = IoAllocateMdl(Allocate(64), 64, FALSE, FALSE, NULL);
    Raise(DEVICE_LEVEL);
    MmProbeAndLockPages(mdl, KernelMode, IoReadAccess);
}

BROKEN(unlock_pages_at_device_irql)
{
    PMDL mdl = Locked();
    Raise(DEVICE_LEVEL);
    MmUnlockPages(mdl);
}

BROKEN(map_pages_at_device_irql)
{
    PMDL mdl = Locked();
    Raise(DEVICE_LEVEL);
    MmMapLockedPages(mdl, KernelMode);
}

BROKEN(map_pages_cached_at_device_irql)
{
    PMDL mdl = Locked();
    Raise(DEVICE_LEVEL);
    MmMapLockedPagesSpecifyCache(mdl, KernelMode, MmCached, NULL, FALSE, NormalPagePriority);
}

BROKEN(unmap_pages_at_device_irql)
{
    PMDL mdl = Locked();
    PVOID mapped = MmMapLockedPagesSpecifyCache(mdl, KernelMode, MmCached, NULL, FALSE, NormalPagePriority);
    Raise(DEVICE_LEVEL);
    MmUnmapLockedPages(mapped, mdl);
}

BROKEN(map_io_at_device_irql)
{
    PHYSICAL_ADDRESS hpet = {.QuadPart = 0xFED00000};
    Raise(DEVICE_LEVEL);
    Sink = MmMapIoSpace(hpet, 4096, MmNonCached) != NULL;
}

BROKEN(unmap_io_at_device_irql)
{
    PHYSICAL_ADDRESS hpet = {.QuadPart = 0xFED00000};
    PVOID mapped = MmMapIoSpace(hpet, 4096, MmNonCached);
    Raise(DEVICE_LEVEL);
    MmUnmapIoSpace(mapped, 4096);
}
