/* SPDX-License-Identifier: MIT */
/*
 * One broken rule a build: compiled once for each line of violations.txt with -DCASE=<name>. Each must stop the kernel with the code that
 * violations.txt gives, blaming this driver and the function named here.
 */
#include <ntddk.h>

#define CONCAT(a, b) a##b
#define NAME(c)      CONCAT(Break_, c)
#define TAG          'tseT'

static KSPIN_LOCK Lock;
static KEVENT Event;
static KMUTEX Mutex;
static FAST_MUTEX FastMutex;
static KDPC Dpc;

#define BROKEN(name) __attribute__((noinline, used)) static void CONCAT(Break_, name)(void)

static void Raise(KIRQL Irql)
{
    KIRQL old;
    KeRaiseIrql(Irql, &old);
}

static volatile ULONG Sink;

static PUCHAR Allocate(SIZE_T Size)
{
    return ExAllocatePoolWithTag(NonPagedPool, Size, TAG);
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

BROKEN(mutex_not_owned)
{
    KeInitializeMutex(&Mutex, 0);
    KeReleaseMutex(&Mutex, FALSE);
}

BROKEN(fast_mutex_recursive)
{
    ExInitializeFastMutex(&FastMutex);
    ExAcquireFastMutex(&FastMutex);
    ExAcquireFastMutex(&FastMutex);
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

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    NAME(CASE)();
    DbgPrint("VIOLATION SURVIVED\n");
    return STATUS_SUCCESS;
}
