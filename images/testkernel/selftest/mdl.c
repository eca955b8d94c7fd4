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
    CHECK(MmProtectMdlSystemAddress(mdl, PAGE_READONLY) == STATUS_SUCCESS);
    CHECK(MmProtectMdlSystemAddress(mdl, PAGE_READWRITE) == STATUS_SUCCESS);
    CHECK(MmProtectMdlSystemAddress(mdl, 0x1234) == STATUS_INVALID_PAGE_PROTECTION);
    MmUnlockPages(mdl); /* unmaps, too */
    CHECK(!(mdl->MdlFlags & (MDL_PAGES_LOCKED | MDL_MAPPED_TO_SYSTEM_VA)));
    IoFreeMdl(mdl);
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
    Sections();
    return Summary("mdl");
}
