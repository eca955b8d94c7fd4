/* SPDX-License-Identifier: MIT */
/* The less common ways to allocate: pool of other functions, contiguous memory, questions to the memory manager. */
#include "check.h"
#include "undeclared.h"

#undef ExAllocatePool
#undef ExFreePool

#define TAG 'tseT'

static BOOLEAN IsFilled(PUCHAR Block, SIZE_T Length, UCHAR Byte)
{
    for (SIZE_T i = 0; i < Length; i++) {
        if (Block[i] != Byte) {
            return FALSE;
        }
    }
    return TRUE;
}

static void Pool(void)
{
    PUCHAR block = ExAllocatePool(NonPagedPool, 40);
    CHECK(block && ((ULONG_PTR)block & 15) == 0);
    RtlFillMemory(block, 40, 1);
    ExFreePool(block);
    block = ExAllocatePoolWithQuotaTag(PagedPool, 40, TAG);
    CHECK(block != NULL);
    RtlFillMemory(block, 40, 2);
    ExFreePoolWithTag(block, TAG);
    CHECK(ExAllocatePoolWithQuotaTag(NonPagedPool | POOL_QUOTA_FAIL_INSTEAD_OF_RAISE, (SIZE_T)1 << 40, TAG) == NULL);
    block = ExAllocatePoolWithTagPriority(NonPagedPool, PAGE_SIZE, TAG, LowPoolPriority);
    CHECK(block && ((ULONG_PTR)block & (PAGE_SIZE - 1)) == 0);
    RtlFillMemory(block, PAGE_SIZE, 3);
    ExFreePoolWithTag(block, TAG);
    CHECK(ExAllocatePoolWithTagPriority(NonPagedPool, (SIZE_T)1 << 40, TAG, HighPoolPriority) == NULL);
}

/* https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exallocatepool2: zeroed unless asked otherwise. */
static void Pool2(void)
{
    KIRQL irql;
    PUCHAR block = ExAllocatePool2(POOL_FLAG_NON_PAGED, 100, TAG);
    CHECK(block && IsFilled(block, 100, 0));
    ExFreePool2(block, TAG, NULL, 0);
    block = ExAllocatePool2(POOL_FLAG_PAGED | POOL_FLAG_UNINITIALIZED, 100, TAG);
    CHECK(block && !IsFilled(block, 100, 0)); /* here never zeroed by chance */
    ExFreePoolWithTag(block, TAG);
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    block = ExAllocatePool2(POOL_FLAG_NON_PAGED | POOL_FLAG_CACHE_ALIGNED, 24, TAG);
    KeLowerIrql(irql);
    CHECK(block && ((ULONG_PTR)block & (KeGetRecommendedSharedDataAlignment() - 1)) == 0 && IsFilled(block, 24, 0));
    ExFreePoolWithTag(block, TAG);
    CHECK(ExAllocatePool2(POOL_FLAG_NON_PAGED, (SIZE_T)1 << 40, TAG) == NULL);
    CHECK(ExAllocatePool2(0, 100, TAG) == NULL);                                     /* no kind of memory */
    CHECK(ExAllocatePool2(POOL_FLAG_PAGED | POOL_FLAG_NON_PAGED, 100, TAG) == NULL); /* two */
    CHECK(ExAllocatePool2(POOL_FLAG_NON_PAGED | 0x8000, 100, TAG) == NULL); /* a required flag that is unknown */
}

static void Pool3(void)
{
    POOL_EXTENDED_PARAMETER parameter = {.Type = PoolExtendedParameterPriority, .Optional = 0};
    PUCHAR block;
    parameter.Priority = NormalPoolPriority;
    block = ExAllocatePool3(POOL_FLAG_NON_PAGED, 64, TAG, &parameter, 1);
    CHECK(block && IsFilled(block, 64, 0));
    ExFreePool2(block, TAG, NULL, 0);
    block = ExAllocatePool3(POOL_FLAG_PAGED, 64, TAG, NULL, 0);
    CHECK(block != NULL);
    ExFreePoolWithTag(block, TAG);
    parameter.Type = 77; /* unknown and required */
    CHECK(ExAllocatePool3(POOL_FLAG_NON_PAGED, 64, TAG, &parameter, 1) == NULL);
    parameter.Optional = 1;
    block = ExAllocatePool3(POOL_FLAG_NON_PAGED, 64, TAG, &parameter, 1);
    CHECK(block != NULL);
    ExFreePoolWithTag(block, TAG);
}

static void Contiguous(void)
{
    PHYSICAL_ADDRESS highest = {.QuadPart = 0x1FFFFFF};
    PUCHAR block = MmAllocateContiguousMemory(2 * PAGE_SIZE, highest);
    CHECK(block != NULL);
    ULONG64 physical = (ULONG64)MmGetPhysicalAddress(block).QuadPart;
    CHECK((ULONG64)MmGetPhysicalAddress(block + PAGE_SIZE).QuadPart == physical + PAGE_SIZE);
    CHECK(physical + 2 * PAGE_SIZE - 1 <= 0x1FFFFFF);
    CHECK(MmGetVirtualForPhysical(MmGetPhysicalAddress(block)) == block);
    MmFreeContiguousMemorySpecifyCache(block, 2 * PAGE_SIZE, MmCached);
    CHECK(MmAllocateContiguousMemory((SIZE_T)1 << 40, highest) == NULL);
}

static void Questions(void)
{
    PPHYSICAL_MEMORY_RANGE ranges = MmGetPhysicalMemoryRanges();
    ULONG64 total = 0, end = 0;
    ULONG local = 0;
    UNICODE_STRING known = RTL_CONSTANT_STRING(L"KeSetEvent"), unknown = RTL_CONSTANT_STRING(L"KeSetEvents");
    CHECK(ranges != NULL);
    for (PPHYSICAL_MEMORY_RANGE r = ranges; r->NumberOfBytes.QuadPart; r++) {
        CHECK((ULONG64)r->BaseAddress.QuadPart >= end && (r->NumberOfBytes.QuadPart & (PAGE_SIZE - 1)) == 0);
        end = (ULONG64)(r->BaseAddress.QuadPart + r->NumberOfBytes.QuadPart);
        total += (ULONG64)r->NumberOfBytes.QuadPart;
    }
    CHECK(total > 16 << 20 && total <= 64 << 20); /* the machine of the test has 64 MiB */
    ExFreePool(ranges);
    CHECK(MmQuerySystemSize() == MmSmallSystem && !MmIsThisAnNtAsSystem());
    CHECK(MmIsNonPagedSystemAddressValid(&local) && !MmIsNonPagedSystemAddressValid((PVOID)16));
    CHECK(MmGetSystemRoutineAddress(&known) == *(PVOID *)(PVOID)&__imp_KeSetEvent);
    CHECK(MmGetSystemRoutineAddress(&unknown) == NULL);
    ProbeForRead((PVOID)0x10000, 0, 1); /* nothing to probe: any address */
    ProbeForRead((PVOID)0x10000, 16, 8);
    ProbeForWrite((PVOID)0xFFFF800000000000, 0, 8);
}

static void IoSpace(void)
{
    PHYSICAL_ADDRESS hpet = {.QuadPart = 0xFED00000};
    volatile ULONG *one = MmMapIoSpaceEx(hpet, 0x400, PAGE_READWRITE | PAGE_NOCACHE);
    CHECK(one != NULL && one[1] != 0); /* the period of the counter */
    MmUnmapIoSpace((PVOID)one, 0x400);
    CHECK(!MmIsAddressValid((PVOID)one));
    CHECK(MmMapIoSpaceEx(hpet, 0x400, 0) == NULL); /* no protection */
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    Pool();
    Pool2();
    Pool3();
    Contiguous();
    Questions();
    IoSpace();
    return Summary("pool");
}
