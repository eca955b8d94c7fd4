/* SPDX-License-Identifier: MIT */
/* Broken rules of memory that the kernel allocated or touches for a driver: MDLs, contiguous memory, buffers. See violations.h. */
#include "violations.h"

BROKEN(contiguous_freed_twice)
{
    PHYSICAL_ADDRESS highest = {.QuadPart = -1};
    PVOID memory = MmAllocateContiguousMemory(PAGE_SIZE, highest);
    MmFreeContiguousMemory(memory);
    MmFreeContiguousMemory(memory);
}

BROKEN(mdl_overrun)
{
    PMDL mdl = IoAllocateMdl(Allocate(64), 64, FALSE, FALSE, NULL);
    ((volatile UCHAR *)mdl)[mdl->Size] = 1;
    IoFreeMdl(mdl);
}

BROKEN(mdl_written_after_free)
{
    PUCHAR block = Allocate(64);
    PMDL mdl = IoAllocateMdl(block, 64, FALSE, FALSE, NULL);
    IoFreeMdl(mdl);
    *(volatile UCHAR *)&mdl->ByteCount = 1;
    Sink = IoAllocateMdl(block, 64, FALSE, FALSE, NULL) != NULL;
}

BROKEN(freed_pool_given_to_kernel)
{
    PUCHAR block = Allocate(64), other = Allocate(64);
    ExFreePoolWithTag(block, TAG);
    Sink = (ULONG)RtlCompareMemory(other, block, 64);
}

BROKEN(short_buffer_given_to_kernel)
{
    PUCHAR block = Allocate(64), other = Allocate(96);
    RtlFillMemory(block, 64, 1);
    RtlFillMemory(other, 96, 1);
    Sink = (ULONG)RtlCompareMemory(other, block, 96);
}

BROKEN(kernel_reads_null_at_dispatch)
{
    PUCHAR other = Allocate(64);
    Raise(DISPATCH_LEVEL);
    Sink = (ULONG)RtlCompareMemory(other, NULL, 64);
}

BROKEN(mdl_unlocked_twice)
{
    PMDL mdl = IoAllocateMdl(Allocate(64), 64, FALSE, FALSE, NULL);
    MmProbeAndLockPages(mdl, KernelMode, IoReadAccess);
    MmUnlockPages(mdl);
    MmUnlockPages(mdl);
}

BROKEN(mdl_of_pool_unlocked)
{
    PMDL mdl = IoAllocateMdl(Allocate(64), 64, FALSE, FALSE, NULL);
    MmBuildMdlForNonPagedPool(mdl);
    MmUnlockPages(mdl);
}

BROKEN(mdl_of_pool_locked)
{
    PMDL mdl = IoAllocateMdl(Allocate(64), 64, FALSE, FALSE, NULL);
    MmBuildMdlForNonPagedPool(mdl);
    MmProbeAndLockPages(mdl, KernelMode, IoReadAccess);
}

BROKEN(mdl_mapped_unlocked)
{
    PMDL mdl = IoAllocateMdl(Allocate(64), 64, FALSE, FALSE, NULL);
    MmMapLockedPagesSpecifyCache(mdl, KernelMode, MmCached, NULL, FALSE, NormalPagePriority);
}

static PMDL LockedMdl(PUCHAR Block)
{
    PMDL mdl = IoAllocateMdl(Block, 64, FALSE, FALSE, NULL);
    MmProbeAndLockPages(mdl, KernelMode, IoModifyAccess);
    return mdl;
}

BROKEN(mdl_written_read_only)
{
    PMDL mdl = LockedMdl(Allocate(64));
    volatile UCHAR *mapped = MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority);
    MmProtectMdlSystemAddress(mdl, PAGE_READONLY);
    *mapped = 1;
}

BROKEN(large_pool_overrun)
{
    volatile UCHAR *block = Allocate(2 * PAGE_SIZE);
    block[2 * PAGE_SIZE] = 1;
}

BROKEN(large_pool_overrun_slop)
{
    PUCHAR block = Allocate(2 * PAGE_SIZE + 100);
    *(volatile UCHAR *)(block + 2 * PAGE_SIZE + 100) = 1;
    ExFreePoolWithTag(block, TAG);
}

BROKEN(large_pool_underrun)
{
    volatile UCHAR *block = Allocate(2 * PAGE_SIZE);
    block[-1] = 1;
}

BROKEN(large_pool_use_after_free)
{
    PUCHAR block = Allocate(3 * PAGE_SIZE);
    ExFreePoolWithTag(block, TAG);
    Sink = *(volatile UCHAR *)(block + PAGE_SIZE + 8);
}

BROKEN(large_pool_inner_pointer)
{
    ExFreePoolWithTag(Allocate(3 * PAGE_SIZE) + PAGE_SIZE, TAG);
}

BROKEN(large_paged_pool_at_dispatch)
{
    KIRQL irql;
    KSPIN_LOCK lock;
    volatile ULONG *block = ExAllocatePoolWithTag(PagedPool, 3 * PAGE_SIZE, TAG);
    block[2000] = 1;
    KeInitializeSpinLock(&lock);
    KeAcquireSpinLock(&lock, &irql);
    Sink = block[2000];
}

BROKEN(mdl_pages_freed_twice)
{
    PHYSICAL_ADDRESS low = {.QuadPart = 0}, high = {.QuadPart = -1}, skip = {.QuadPart = 0};
    PMDL mdl = MmAllocatePagesForMdl(low, high, skip, PAGE_SIZE);
    MmFreePagesFromMdl(mdl);
    MmFreePagesFromMdl(mdl);
}

BROKEN(waits_in_paged_pool)
{
    PKEVENT event = ExAllocatePoolWithTag(PagedPool, sizeof(*event), TAG);
    KeInitializeEvent(event, NotificationEvent, TRUE);
    KeWaitForSingleObject(event, Executive, KernelMode, FALSE, NULL);
}

BROKEN(partial_mdl_unlocked)
{
    PUCHAR block = Allocate(64);
    PMDL mdl = IoAllocateMdl(block, 64, FALSE, FALSE, NULL), part = IoAllocateMdl(block, 64, FALSE, FALSE, NULL);
    MmProbeAndLockPages(mdl, KernelMode, IoReadAccess);
    IoBuildPartialMdl(mdl, part, block, 32);
    MmUnlockPages(part);
}

BROKEN(irp_freed_as_pool)
{
    ExFreePool(IoAllocateIrp(1, FALSE));
}

static PMDL Locked(PVOID Block, ULONG Length)
{
    PMDL mdl = IoAllocateMdl(Block, Length, FALSE, FALSE, NULL);
    MmProbeAndLockPages(mdl, KernelMode, IoModifyAccess);
    return mdl;
}

BROKEN(mdl_of_paged_pool_as_nonpaged)
{
    MmBuildMdlForNonPagedPool(IoAllocateMdl(ExAllocatePoolWithTag(PagedPool, 64, TAG), 64, FALSE, FALSE, NULL));
}

BROKEN(mdl_used_after_unmap)
{
    PMDL mdl = Locked(Allocate(64), 64);
    volatile UCHAR *mapped = MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority);
    Sink = mapped[0];
    MmUnmapLockedPages((PVOID)mapped, mdl);
    Sink = mapped[0];
}

BROKEN(mdl_used_after_unlock)
{
    PMDL mdl = Locked(ExAllocatePoolWithTag(PagedPool, 64, TAG), 64);
    volatile UCHAR *mapped = MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority);
    MmUnlockPages(mdl);
    Sink = mapped[0];
}

BROKEN(mdl_mapping_overrun)
{
    PMDL mdl = Locked(Allocate(PAGE_SIZE), PAGE_SIZE);
    volatile UCHAR *mapped = MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority);
    mapped[PAGE_SIZE] = 1;
}

BROKEN(mdl_unmapped_twice)
{
    PMDL mdl = Locked(Allocate(64), 64);
    PVOID mapped = MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority);
    MmUnmapLockedPages(mapped, mdl);
    MmUnmapLockedPages(mapped, mdl);
}

BROKEN(mdl_unmapped_elsewhere)
{
    PVOID block = Allocate(64);
    PMDL mdl = Locked(block, 64);
    Sink = *(PUCHAR)MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority);
    MmUnmapLockedPages(block, mdl);
}

BROKEN(partial_mdl_too_small)
{
    PUCHAR block = Allocate(3 * PAGE_SIZE);
    PMDL mdl = Locked(block, 3 * PAGE_SIZE), part = IoAllocateMdl(block, 2 * PAGE_SIZE, FALSE, FALSE, NULL);
    IoBuildPartialMdl(mdl, part, block + 1, 2 * PAGE_SIZE);
}
