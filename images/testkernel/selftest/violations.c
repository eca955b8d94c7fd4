/* SPDX-License-Identifier: MIT */
/* Broken rules of the kernel and memory manager (violations_executive.c: of the executive). See violations.h. */
#include "violations.h"

static KSPIN_LOCK Lock;
static KEVENT Event;
static KMUTEX Mutex;
static FAST_MUTEX FastMutex;
static KDPC Dpc;

void Prepare(void)
{
}

BROKEN(null_read_passive)
{
    Sink = *(volatile ULONG *)16;
}

BROKEN(null_write_dispatch)
{
    Raise(DISPATCH_LEVEL);
    *(volatile ULONG *)16 = 1;
}

BROKEN(call_null)
{
    void (*volatile nowhere)(void) = NULL;
    nowhere();
    Sink = 1;
}

BROKEN(divide_by_zero)
{
    volatile ULONG number = 100, zero = 0;
    Sink = number / zero;
}

BROKEN(pool_overrun)
{
    volatile UCHAR *block = Allocate(64);
    block[64] = 1;
}

BROKEN(pool_overrun_slop)
{
    PUCHAR block = Allocate(60);
    *(volatile UCHAR *)(block + 61) = 1;
    ExFreePoolWithTag(block, TAG);
}

BROKEN(pool_underrun)
{
    PUCHAR block = Allocate(64);
    *(volatile UCHAR *)(block - 1) = 1;
    ExFreePoolWithTag(block, TAG);
}

BROKEN(pool_use_after_free)
{
    PUCHAR block = Allocate(64);
    ExFreePoolWithTag(block, TAG);
    Sink = *(volatile UCHAR *)block;
}

BROKEN(pool_double_free)
{
    PUCHAR block = Allocate(64);
    ExFreePoolWithTag(block, TAG);
    ExFreePoolWithTag(block, TAG);
}

BROKEN(pool_wrong_tag)
{
    ExFreePoolWithTag(Allocate(64), 'rehO');
}

BROKEN(pool_inner_pointer)
{
    ExFreePoolWithTag(Allocate(64) + 16, TAG);
}

BROKEN(pool_large_double_free)
{
    PUCHAR block = Allocate(3 * PAGE_SIZE);
    ExFreePoolWithTag(block, TAG);
    ExFreePoolWithTag(block, TAG);
}

BROKEN(pool_zero_bytes)
{
    Sink = Allocate(0) != NULL;
}

BROKEN(pool_paged_at_dispatch)
{
    Raise(DISPATCH_LEVEL);
    Sink = ExAllocatePoolWithTag(PagedPool, 64, TAG) != NULL;
}

BROKEN(pool_paged_freed_at_dispatch)
{
    PVOID block = ExAllocatePoolWithTag(PagedPool, 64, TAG);
    Raise(DISPATCH_LEVEL);
    ExFreePoolWithTag(block, TAG);
}

BROKEN(pool_at_device_irql)
{
    Raise(5);
    Sink = Allocate(64) != NULL;
}

BROKEN(wait_at_dispatch)
{
    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    Raise(DISPATCH_LEVEL);
    KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, NULL);
}

BROKEN(wait_uninitialized)
{
    static KEVENT never;
    KeWaitForSingleObject(&never, Executive, KernelMode, FALSE, NULL);
}

BROKEN(delay_at_dispatch)
{
    LARGE_INTEGER due = {.QuadPart = -10000};
    Raise(DISPATCH_LEVEL);
    KeDelayExecutionThread(KernelMode, FALSE, &due);
}

BROKEN(set_event_at_device_irql)
{
    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    Raise(5);
    KeSetEvent(&Event, 0, FALSE);
}

BROKEN(map_memory_as_device)
{
    PHYSICAL_ADDRESS low = {.QuadPart = 0x10000};
    MmMapIoSpace(low, PAGE_SIZE, MmNonCached);
}

BROKEN(spin_lock_recursive)
{
    KIRQL irql;
    KeInitializeSpinLock(&Lock);
    KeAcquireSpinLock(&Lock, &irql);
    KeAcquireSpinLockAtDpcLevel(&Lock);
}

BROKEN(spin_lock_not_held)
{
    KeInitializeSpinLock(&Lock);
    Raise(DISPATCH_LEVEL);
    KeReleaseSpinLock(&Lock, PASSIVE_LEVEL);
}

BROKEN(spin_lock_below_dispatch)
{
    KeInitializeSpinLock(&Lock);
    KeAcquireSpinLockAtDpcLevel(&Lock);
}

BROKEN(dispatch_level_forever)
{
    Raise(DISPATCH_LEVEL);
    while (!Sink) {
    }
}

BROKEN(mutex_not_owned)
{
    KeInitializeMutex(&Mutex, 0);
    KeReleaseMutex(&Mutex, FALSE);
}

static void NTAPI Nothing(PKDPC TheDpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
}

BROKEN(free_with_timer_set)
{
    PKTIMER timer = (PKTIMER)Allocate(sizeof(KTIMER));
    LARGE_INTEGER due = {.QuadPart = -10000000};
    KeInitializeTimer(timer);
    KeInitializeDpc(&Dpc, Nothing, NULL);
    KeSetTimer(timer, due, &Dpc);
    ExFreePoolWithTag(timer, TAG);
}

BROKEN(free_with_dpc_queued)
{
    PKDPC dpc = (PKDPC)Allocate(sizeof(KDPC));
    KeInitializeDpc(dpc, Nothing, NULL);
    Raise(DISPATCH_LEVEL);
    KeInsertQueueDpc(dpc, NULL, NULL);
    ExFreePoolWithTag(dpc, TAG);
}

static void NTAPI Break_dpc_keeps_lock_dpc(PKDPC TheDpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    KeAcquireSpinLockAtDpcLevel(&Lock);
}

BROKEN(dpc_keeps_lock)
{
    KeInitializeSpinLock(&Lock);
    KeInitializeDpc(&Dpc, Break_dpc_keeps_lock_dpc, NULL);
    KeInsertQueueDpc(&Dpc, NULL, NULL);
}

BROKEN(timer_uninitialized)
{
    static KTIMER never;
    LARGE_INTEGER due = {.QuadPart = -10000};
    never.Header.Type = 77;
    KeSetTimer(&never, due, NULL);
}

static void NTAPI Break_thread_ends_with_mutex_thread(PVOID Context)
{
    KeWaitForSingleObject(&Mutex, Executive, KernelMode, FALSE, NULL);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

BROKEN(thread_ends_with_mutex)
{
    HANDLE handle;
    LARGE_INTEGER due = {.QuadPart = -10000000};
    KeInitializeMutex(&Mutex, 0);
    PsCreateSystemThread(&handle, THREAD_ALL_ACCESS, NULL, NULL, NULL, Break_thread_ends_with_mutex_thread, NULL);
    KeDelayExecutionThread(KernelMode, FALSE, &due);
}

BROKEN(write_to_code)
{
    *(volatile UCHAR *)(ULONG_PTR)Nothing = 0xC3;
}

BROKEN(execute_data)
{
    static UCHAR code[16] = {0xC3};
    void (*volatile data)(void) = (void (*)(void))(ULONG_PTR)code;
    data();
    Sink = 1;
}

BROKEN(io_space_after_unmap)
{
    PHYSICAL_ADDRESS hpet = {.QuadPart = 0xFED00000};
    volatile ULONG *registers = MmMapIoSpace(hpet, 4096, MmNonCached);
    Sink = registers[0];
    MmUnmapIoSpace((PVOID)registers, 4096);
    Sink = registers[0];
}

BROKEN(io_space_wrong_length)
{
    PHYSICAL_ADDRESS hpet = {.QuadPart = 0xFED00000};
    MmUnmapIoSpace(MmMapIoSpace(hpet, 4096, MmNonCached), 2048);
}

BROKEN(mdl_free_locked)
{
    PUCHAR block = Allocate(64);
    PMDL mdl = IoAllocateMdl(block, 64, FALSE, FALSE, NULL);
    MmProbeAndLockPages(mdl, KernelMode, IoReadAccess);
    IoFreeMdl(mdl);
}

BROKEN(stack_overflow)
{
    volatile UCHAR deep[1024];
    deep[0] = (UCHAR)Sink;
    Break_stack_overflow();
    Sink = deep[0];
}

BROKEN(raise_status)
{
    ExRaiseStatus(STATUS_INSUFFICIENT_RESOURCES);
}

BROKEN(own_bugcheck)
{
    KeBugCheckEx(0xDEADDEAD, 1, 2, 3, 4);
}

__attribute__((section("PAGE"), noinline, used)) static void Break_paged_code_at_dispatch_code(void)
{
    KIRQL irql;
    KeInitializeSpinLock(&Lock);
    KeAcquireSpinLock(&Lock, &irql); /* returns to code that is paged out */
    Sink = 1;
    KeReleaseSpinLock(&Lock, irql);
}

BROKEN(paged_code_at_dispatch)
{
    Break_paged_code_at_dispatch_code();
}

BROKEN(paged_pool_at_dispatch)
{
    KIRQL irql;
    volatile ULONG *block = ExAllocatePoolWithTag(PagedPool, 64, TAG);
    *block = 1;
    KeInitializeSpinLock(&Lock);
    KeAcquireSpinLock(&Lock, &irql);
    Sink = *block;
}

BROKEN(spin_lock_order)
{
    static KSPIN_LOCK first, second;
    KIRQL irql;
    KeInitializeSpinLock(&first);
    KeInitializeSpinLock(&second);
    KeAcquireSpinLock(&first, &irql);
    KeAcquireSpinLockAtDpcLevel(&second);
    KeReleaseSpinLockFromDpcLevel(&second);
    KeReleaseSpinLock(&first, irql);
    KeAcquireSpinLock(&second, &irql);
    KeAcquireSpinLockAtDpcLevel(&first);
}

/* Each two of them are always taken in the same order, but A before B, B before C, C before A. */
BROKEN(spin_lock_order_of_three)
{
    static KSPIN_LOCK locks[3];
    KIRQL irql;
    for (ULONG i = 0; i < 3; i++) {
        KeAcquireSpinLock(&locks[i], &irql);
        KeAcquireSpinLockAtDpcLevel(&locks[(i + 1) % 3]);
        KeReleaseSpinLockFromDpcLevel(&locks[(i + 1) % 3]);
        KeReleaseSpinLock(&locks[i], irql);
    }
}

static KEVENT Second;

static void NTAPI Break_mutex_order_thread(PVOID Context)
{
    KeWaitForSingleObject(&Mutex, Executive, KernelMode, FALSE, NULL);
    KeSetEvent(&Event, 0, FALSE);
    KeWaitForSingleObject(&Second, Executive, KernelMode, FALSE, NULL);
    ExAcquireFastMutex(&FastMutex);
}

BROKEN(mutex_order)
{
    HANDLE handle;
    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    KeInitializeMutex(&Mutex, 0);
    ExInitializeFastMutex(&FastMutex);
    KeInitializeEvent(&Second, NotificationEvent, FALSE);
    PsCreateSystemThread(&handle, THREAD_ALL_ACCESS, NULL, NULL, NULL, Break_mutex_order_thread, NULL);
    KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, NULL);
    ExAcquireFastMutex(&FastMutex);
    KeSetEvent(&Second, 0, FALSE);
    KeWaitForSingleObject(&Mutex, Executive, KernelMode, FALSE, NULL);
}

/* What outlives the driver. */
BROKEN(timer_outlives_driver)
{
    static KTIMER timer;
    LARGE_INTEGER due = {.QuadPart = -100000000};
    KeInitializeTimer(&timer);
    KeInitializeDpc(&Dpc, Nothing, NULL);
    KeSetTimer(&timer, due, &Dpc);
    Unload = TRUE;
}

static void NTAPI SleepLong(PVOID Context)
{
    LARGE_INTEGER due = {.QuadPart = -1000000000};
    KeDelayExecutionThread(KernelMode, FALSE, &due);
}

BROKEN(thread_outlives_driver)
{
    HANDLE handle;
    PsCreateSystemThread(&handle, THREAD_ALL_ACCESS, NULL, NULL, NULL, SleepLong, NULL);
    ZwClose(handle);
    Unload = TRUE;
}

BROKEN(pool_outlives_driver)
{
    Sink = Allocate(64) != NULL;
    Unload = TRUE;
}

BROKEN(large_pool_outlives_driver)
{
    Sink = Allocate(5 * PAGE_SIZE) != NULL;
    Unload = TRUE;
}

BROKEN(mapping_outlives_driver)
{
    PHYSICAL_ADDRESS hpet = {.QuadPart = 0xFED00000};
    Sink = MmMapIoSpace(hpet, 4096, MmNonCached) != NULL;
    Unload = TRUE;
}
