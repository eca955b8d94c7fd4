/* SPDX-License-Identifier: MIT */
/* MDLs: size, mapping of locked pages, protection; sections of the driver that are pageable. */
#include "check.h"
#include "undeclared.h"

#define TAG 'tseT'

static void Sizes(void)
{
    CHECK(MmSizeOfMdl((PVOID)0x1000, PAGE_SIZE) == sizeof(MDL) + sizeof(PFN_NUMBER));
    CHECK(MmSizeOfMdl((PVOID)0x1001, PAGE_SIZE) == sizeof(MDL) + 2 * sizeof(PFN_NUMBER)); /* it crosses a page */
    CHECK(MmSizeOfMdl((PVOID)0x1FFF, 2) == sizeof(MDL) + 2 * sizeof(PFN_NUMBER));
    CHECK(MmSizeOfMdl((PVOID)0x1000, 0) == sizeof(MDL));
}

static void Mapping(void)
{
    PUCHAR block = ExAllocatePoolWithTag(PagedPool, 2 * PAGE_SIZE, TAG);
    PMDL mdl = IoAllocateMdl(block + 8, PAGE_SIZE, FALSE, FALSE, NULL);
    PUCHAR mapped;
    KIRQL irql;
    block[8] = 1;
    MmProbeAndLockPages(mdl, KernelMode, IoModifyAccess);
    mdl->MdlFlags |= MDL_MAPPING_CAN_FAIL; /* or the verifier objects to a call that cannot fail */
    mapped = MmMapLockedPages(mdl, KernelMode);
    CHECK(mapped && mapped[0] == 1 && (mdl->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA));
    CHECK(BYTE_OFFSET(mapped) == BYTE_OFFSET(block + 8));
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    mapped[PAGE_SIZE - 1] = 2; /* pageable memory, but locked */
    KeLowerIrql(irql);
    CHECK(block[8 + PAGE_SIZE - 1] == 2);
    MmUnmapLockedPages(mapped, mdl);
    CHECK(!(mdl->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA));
    CHECK(MmProtectMdlSystemAddress(mdl, PAGE_READONLY) == STATUS_NOT_MAPPED_VIEW); /* it is not mapped */
    mapped = MmMapLockedPagesSpecifyCache(mdl, KernelMode, MmCached, NULL, FALSE, NormalPagePriority);
    CHECK(mapped && mapped[PAGE_SIZE - 1] == 2);
    CHECK(mapped != block + 8); /* an address of its own */
    CHECK(MmProtectMdlSystemAddress(mdl, PAGE_READONLY) == STATUS_SUCCESS);
    CHECK(mapped[0] == 1);
    block[8] = 3; /* the memory's own address is not concerned */
    CHECK(mapped[0] == 3);
    CHECK(MmProtectMdlSystemAddress(mdl, PAGE_NOACCESS) == STATUS_SUCCESS && !MmIsAddressValid(mapped));
    CHECK(MmProtectMdlSystemAddress(mdl, PAGE_READWRITE) == STATUS_SUCCESS);
    mapped[0] = 4;
    CHECK(block[8] == 4);
    CHECK(MmProtectMdlSystemAddress(mdl, 0x1234) == STATUS_INVALID_PAGE_PROTECTION);
    MmUnlockPages(mdl); /* unmaps, too */
    CHECK(!MmIsAddressValid(mapped));
    CHECK(!(mdl->MdlFlags & (MDL_PAGES_LOCKED | MDL_MAPPED_TO_SYSTEM_VA)));
    IoFreeMdl(mdl);
    ExFreePoolWithTag(block, TAG);
}

/* A part of a mapped MDL is mapped; that of one that is not, gets a mapping of its own, which goes with the part. */
static void Parts(void)
{
    PUCHAR block = ExAllocatePoolWithTag(PagedPool, 3 * PAGE_SIZE, TAG), whole, mapped;
    PMDL mdl = IoAllocateMdl(block, 3 * PAGE_SIZE, FALSE, FALSE, NULL);
    PMDL part = IoAllocateMdl(block + PAGE_SIZE + 8, PAGE_SIZE, FALSE, FALSE, NULL);
    MmProbeAndLockPages(mdl, KernelMode, IoModifyAccess);
    whole = MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority);
    IoBuildPartialMdl(mdl, part, block + PAGE_SIZE + 8, PAGE_SIZE);
    CHECK(MmGetSystemAddressForMdlSafe(part, NormalPagePriority) == whole + PAGE_SIZE + 8);
    MmPrepareMdlForReuse(part);
    CHECK(MmIsAddressValid(whole + PAGE_SIZE));
    MmUnmapLockedPages(whole, mdl);
    CHECK(!MmIsAddressValid(whole + PAGE_SIZE));
    IoBuildPartialMdl(mdl, part, block + PAGE_SIZE + 8, PAGE_SIZE);
    mapped = MmGetSystemAddressForMdlSafe(part, NormalPagePriority);
    CHECK(mapped && (part->MdlFlags & MDL_PARTIAL_HAS_BEEN_MAPPED));
    mapped[PAGE_SIZE - 1] = 9;
    CHECK(block[2 * PAGE_SIZE + 7] == 9);
    IoFreeMdl(part);
    CHECK(!MmIsAddressValid(mapped));
    MmUnlockPages(mdl);
    IoFreeMdl(mdl);
    ExFreePoolWithTag(block, TAG);
    /* Address space comes round again: many more mappings than there are addresses. */
    block = ExAllocatePoolWithTag(PagedPool, 64 * PAGE_SIZE, TAG);
    mdl = IoAllocateMdl(block, 64 * PAGE_SIZE, FALSE, FALSE, NULL);
    for (ULONG i = 0; i < 600; i++) {
        MmProbeAndLockPages(mdl, KernelMode, IoReadAccess);
        CHECK(MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority) != NULL);
        MmUnlockPages(mdl);
    }
    IoFreeMdl(mdl);
    ExFreePoolWithTag(block, TAG);
}

/* A long transfer piece by piece with one partial MDL, as the page on IoBuildPartialMdl shows it. */
static void Pieces(void)
{
    PUCHAR block = ExAllocatePoolWithTag(PagedPool, 4 * PAGE_SIZE, TAG);
    PMDL mdl = IoAllocateMdl(block + 16, 3 * PAGE_SIZE, FALSE, FALSE, NULL);
    PMDL part = IoAllocateMdl(block + 16, PAGE_SIZE, FALSE, FALSE, NULL);
    PUCHAR whole, before = NULL;
    MmProbeAndLockPages(mdl, KernelMode, IoModifyAccess);
    for (ULONG at = 0; at < 3 * PAGE_SIZE; at += PAGE_SIZE) {
        IoBuildPartialMdl(mdl, part, (PUCHAR)MmGetMdlVirtualAddress(mdl) + at, PAGE_SIZE);
        CHECK((part->MdlFlags & MDL_PARTIAL) && !(part->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA));
        PUCHAR mapped = MmGetSystemAddressForMdlSafe(part, NormalPagePriority);
        CHECK(mapped && mapped != before && (part->MdlFlags & MDL_PARTIAL_HAS_BEEN_MAPPED));
        CHECK(mapped != block + 16 + at); /* an address of its own */
        RtlFillMemory(mapped, PAGE_SIZE, (UCHAR)(at >> PAGE_SHIFT) + 1);
        before = mapped;
        MmPrepareMdlForReuse(part);
        CHECK(!(part->MdlFlags & (MDL_PARTIAL_HAS_BEEN_MAPPED | MDL_MAPPED_TO_SYSTEM_VA)));
    }
    CHECK(block[16] == 1 && block[15 + PAGE_SIZE] == 1 && block[16 + PAGE_SIZE] == 2 && block[15 + 3 * PAGE_SIZE] == 3);
    /* Of a source that is mapped the part has the source's mapping, and length 0 is all that follows. */
    whole = MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority);
    IoBuildPartialMdl(mdl, part, (PUCHAR)MmGetMdlVirtualAddress(mdl) + 2 * PAGE_SIZE + 8, 0);
    CHECK(MmGetMdlByteCount(part) == PAGE_SIZE - 8 && whole[2 * PAGE_SIZE + 8] == 3);
    CHECK(MmGetSystemAddressForMdlSafe(part, NormalPagePriority) == (PVOID)(whole + 2 * PAGE_SIZE + 8));
    IoFreeMdl(part); /* leaves the source's mapping */
    CHECK(whole[3 * PAGE_SIZE - 1] == 3);
    MmUnlockPages(mdl);
    IoFreeMdl(mdl);
    ExFreePoolWithTag(block, TAG);
}

/* Pages without an address of their own, until they are mapped. */
static void Pages(void)
{
    PHYSICAL_ADDRESS low = {.QuadPart = 0}, high = {.QuadPart = 0x2FFFFFF}, skip = {.QuadPart = 0},
                     none = {.QuadPart = 0xFFF};
    PMDL mdl = MmAllocatePagesForMdl(low, high, skip, 3 * PAGE_SIZE - 1);
    CHECK(mdl && MmGetMdlByteCount(mdl) == 3 * PAGE_SIZE && MmGetMdlVirtualAddress(mdl) == NULL);
    for (ULONG i = 0; i < 3; i++) {
        CHECK(MmGetMdlPfnArray(mdl)[i] << PAGE_SHIFT <= 0x2FFFFFF);
    }
    PUCHAR mapped = MmMapLockedPagesSpecifyCache(mdl, KernelMode, MmCached, NULL, FALSE, NormalPagePriority);
    CHECK(mapped && mapped[0] == 0 && mapped[3 * PAGE_SIZE - 1] == 0); /* zeroed */
    CHECK((ULONG64)MmGetPhysicalAddress(mapped + 2 * PAGE_SIZE).QuadPart >> PAGE_SHIFT == MmGetMdlPfnArray(mdl)[2]);
    mapped[PAGE_SIZE] = 7;
    MmUnmapLockedPages(mapped, mdl);
    MmFreePagesFromMdl(mdl);
    ExFreePool(mdl);
    CHECK(MmAllocatePagesForMdl(low, none, skip, PAGE_SIZE) == NULL); /* no page lies so low */
    mdl = MmAllocatePagesForMdlEx(low, high, skip, 1ULL << 31, MmCached, MM_ALLOCATE_FULLY_REQUIRED);
    CHECK(mdl == NULL); /* all or nothing */
    mdl = MmAllocatePagesForMdlEx(low, high, skip, 2 * PAGE_SIZE, MmCached, MM_DONT_ZERO_ALLOCATION);
    CHECK(mdl && MmGetMdlByteCount(mdl) == 2 * PAGE_SIZE);
    MmFreePagesFromMdl(mdl);
    ExFreePool(mdl);
    PUCHAR block = MmAllocateNonCachedMemory(PAGE_SIZE + 1);
    CHECK(block && block[0] == 0 && block[PAGE_SIZE] == 0);
    MmFreeNonCachedMemory(block, PAGE_SIZE + 1);
}

static void Changed(void)
{
    PUCHAR block = ExAllocatePoolWithTag(NonPagedPool, 3 * PAGE_SIZE, TAG);
    PMDL mdl = MmCreateMdl(NULL, block + 100, 2 * PAGE_SIZE);
    CHECK(mdl && MmGetMdlByteCount(mdl) == 2 * PAGE_SIZE && MmGetMdlByteOffset(mdl) == 100);
    MmBuildMdlForNonPagedPool(mdl);
    PFN_NUMBER second = MmGetMdlPfnArray(mdl)[1];
    CHECK(MmAdvanceMdl(mdl, PAGE_SIZE) == STATUS_SUCCESS);
    CHECK(MmGetMdlByteCount(mdl) == PAGE_SIZE && MmGetMdlVirtualAddress(mdl) == block + 100 + PAGE_SIZE);
    CHECK(MmGetMdlPfnArray(mdl)[0] == second);
    CHECK(MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority) == block + 100 + PAGE_SIZE);
    CHECK(MmAdvanceMdl(mdl, PAGE_SIZE + 1) == STATUS_INVALID_PARAMETER_2 && MmGetMdlByteCount(mdl) == PAGE_SIZE);
    CHECK(MmAdvanceMdl(mdl, 8) == STATUS_SUCCESS && MmGetMdlByteOffset(mdl) == 108);
    ExFreePool(mdl);
    ExFreePoolWithTag(block, TAG);
}

static volatile ULONG Runs;

__attribute__((section("PAGE"), noinline)) static void Paged(void)
{
    Runs++;
}

static __attribute__((noinline)) void NotPaged(void)
{
    Runs++;
}

static void RunAtDispatch(void (*Routine)(void))
{
    KSPIN_LOCK lock;
    KIRQL irql;
    KeInitializeSpinLock(&lock);
    KeAcquireSpinLock(&lock, &irql);
    Routine();
    KeReleaseSpinLock(&lock, irql);
}

static void Sections(void)
{
    PVOID handle = MmLockPagableCodeSection((PVOID)(ULONG_PTR)Paged);
    RunAtDispatch(Paged);
    MmLockPagableSectionByHandle(handle); /* a second lock, by its handle */
    MmUnlockPagableImageSection(handle);
    RunAtDispatch(Paged); /* one lock is left */
    MmUnlockPagableImageSection(handle);
    Paged();
    CHECK(Runs == 3);
    CHECK(MmPageEntireDriver((PVOID)(ULONG_PTR)NotPaged) != NULL); /* now all of it is pageable … */
    NotPaged();
    MmResetDriverPaging((PVOID)(ULONG_PTR)NotPaged); /* … and now as its sections say */
    RunAtDispatch(NotPaged);
    CHECK(Runs == 5);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    Sizes();
    Mapping();
    Parts();
    Pieces();
    Pages();
    Changed();
    Sections();
    return Summary("mdl");
}
