/* SPDX-License-Identifier: MIT */
/*
 * Memory descriptor lists. All kernel memory is resident, so locking pages only records their frame numbers; double unlocks and use of an
 * unlocked MDL are found all the same.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/using-mdls
 */
#include "mm/lockedpages.h"
#include "mm/mm.h"
#include "mm/mdlmap.h"
#include "mm/paged.h"
#include "ke/bugcheck.h"
#include "ke/rules.h"
#include "io/verify.h"
#include "boot/loader.h"

#define MDL_TAG           'ldMM'
#define SYSTEM_PTE_MISUSE 0xDA /* the DDK has no name for it */

static PPFN_NUMBER Frames(PMDL Mdl)
{
    return (PPFN_NUMBER)(Mdl + 1);
}

static ULONG PageCount(PMDL Mdl)
{
    return (Mdl->ByteOffset + Mdl->ByteCount + PAGE_SIZE - 1) >> PAGE_SHIFT;
}

/* IRQL <= DISPATCH_LEVEL. Attaches to Irp (appended if SecondaryBuffer). */
PMDL NTAPI IoAllocateMdl(PVOID VirtualAddress, ULONG Length, BOOLEAN SecondaryBuffer, BOOLEAN ChargeQuota, PIRP Irp)
{
    SIZE_T pages = ((ULONG64)VirtualAddress & 0xFFF) + Length;
    pages = (pages + PAGE_SIZE - 1) >> PAGE_SHIFT;
    PMDL mdl = ExAllocatePoolWithTag(NonPagedPool, sizeof(MDL) + pages * sizeof(PFN_NUMBER), MDL_TAG);
    if (!mdl) {
        return NULL;
    }
    RtlZeroMemory(mdl, sizeof(MDL) + pages * sizeof(PFN_NUMBER));
    mdl->Size = (CSHORT)(sizeof(MDL) + pages * sizeof(PFN_NUMBER));
    mdl->MdlFlags = MDL_ALLOCATED_FIXED_SIZE;
    mdl->StartVa = (PVOID)((ULONG64)VirtualAddress & ~0xFFFULL);
    mdl->ByteOffset = (ULONG)((ULONG64)VirtualAddress & 0xFFF);
    mdl->ByteCount = Length;
    if (Irp) {
        PMDL *link = &Irp->MdlAddress;
        while (SecondaryBuffer && *link) {
            link = &(*link)->Next;
        }
        *link = mdl;
    }
    return mdl;
}

static VOID Unmap(PMDL Mdl);

/* IRQL <= DISPATCH_LEVEL. A partial MDL may still be mapped: that mapping goes with it. */
VOID NTAPI IoFreeMdl(PMDL Mdl)
{
    if (Mdl->MdlFlags & MDL_PAGES_LOCKED) {
        PVOID caller = __builtin_return_address(0);
        LOCKED_PAGES by = {.Count = PageCount(Mdl)};
        SYMBOL locker;
        MiFindLocked(Mdl, &by);
        LdrSymbolFromAddress(by.Caller, &locker);
        KeBugCheckReason(DRIVER_LEFT_LOCKED_PAGES_IN_PROCESS, (ULONG_PTR)by.Caller, (ULONG_PTR)by.CallersCaller,
                         (ULONG_PTR)Mdl, by.Count, caller,
                         "MDL %p is freed while its pages, which %s!%s locked, are locked (MmUnlockPages is missing)",
                         Mdl, by.Caller ? locker.Image : "the I/O manager", by.Caller ? locker.Name : "");
    }
    if (Mdl->MdlFlags & MDL_PARTIAL_HAS_BEEN_MAPPED) {
        Unmap(Mdl);
    }
    ExFreePoolWithTag(Mdl, MDL_TAG);
}

static VOID FillFrames(PMDL Mdl)
{
    ULONG pages = PageCount(Mdl);
    for (ULONG i = 0; i < pages; i++) {
        ULONG64 physical = 0;
        MiTranslate((PUCHAR)Mdl->StartVa + (SIZE_T)i * PAGE_SIZE, &physical);
        Frames(Mdl)[i] = physical >> PAGE_SHIFT;
    }
}

/* IRQL <= DISPATCH_LEVEL. */
VOID NTAPI MmBuildMdlForNonPagedPool(PMDL Mdl)
{
    if (MiIsPageable(Mdl->StartVa)) {
        KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_MDL_OF_PAGED_POOL, KeGetCurrentIrql(), (ULONG_PTR)Mdl,
                         (ULONG)Mdl->MdlFlags, __builtin_return_address(0),
                         "MmBuildMdlForNonPagedPool of MDL %p, whose pages are pageable: use MmProbeAndLockPages", Mdl);
    }
    FillFrames(Mdl);
    Mdl->MappedSystemVa = (PUCHAR)Mdl->StartVa + Mdl->ByteOffset;
    Mdl->MdlFlags |= MDL_SOURCE_IS_NONPAGED_POOL;
}

/* IRQL <= APC_LEVEL for pageable, <= DISPATCH_LEVEL for nonpageable memory. An invalid address raises STATUS_ACCESS_VIOLATION. */
VOID NTAPI MmProbeAndLockPages(PMDL MemoryDescriptorList, KPROCESSOR_MODE AccessMode, LOCK_OPERATION Operation)
{
    PUCHAR start = (PUCHAR)MemoryDescriptorList->StartVa + MemoryDescriptorList->ByteOffset;
    if (MemoryDescriptorList->MdlFlags & (MDL_PAGES_LOCKED | MDL_SOURCE_IS_NONPAGED_POOL)) {
        KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_MDL_LOCK_FLAGS, (ULONG_PTR)MemoryDescriptorList,
                         (ULONG)MemoryDescriptorList->MdlFlags, 0, __builtin_return_address(0),
                         "MmProbeAndLockPages on MDL %p, whose pages are locked already (flags 0x%x)",
                         MemoryDescriptorList, MemoryDescriptorList->MdlFlags);
    }
    if (!MiIsMapped(start, MemoryDescriptorList->ByteCount)) {
        ExRaiseStatus(STATUS_ACCESS_VIOLATION);
    }
    MiLockPageable(start, PageCount(MemoryDescriptorList));
    FillFrames(MemoryDescriptorList);
    MiRememberLocked(MemoryDescriptorList, PageCount(MemoryDescriptorList), FALSE, __builtin_return_address(0));
    MemoryDescriptorList->MdlFlags |= MDL_PAGES_LOCKED | (Operation == IoReadAccess ? 0 : MDL_WRITE_OPERATION);
}

VOID NTAPI MmUnlockPages(PMDL MemoryDescriptorList)
{
    if (MemoryDescriptorList->MdlFlags & MDL_PARTIAL) {
        KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_MDL_UNLOCK_PARTIAL, (ULONG_PTR)MemoryDescriptorList,
                         (ULONG)MemoryDescriptorList->MdlFlags, MDL_PARTIAL, __builtin_return_address(0),
                         "MmUnlockPages on MDL %p, which IoBuildPartialMdl made: the pages are its source's",
                         MemoryDescriptorList);
    }
    if (!(MemoryDescriptorList->MdlFlags & MDL_PAGES_LOCKED)) {
        KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION,
                         MemoryDescriptorList->MdlFlags & MDL_SOURCE_IS_NONPAGED_POOL ? RULE_MDL_UNLOCK_NONPAGED
                                                                                      : RULE_MDL_UNLOCK_UNLOCKED,
                         (ULONG_PTR)MemoryDescriptorList, (ULONG)MemoryDescriptorList->MdlFlags, 0,
                         __builtin_return_address(0),
                         "MmUnlockPages on MDL %p, whose pages are not locked (flags 0x%x)", MemoryDescriptorList,
                         MemoryDescriptorList->MdlFlags);
    }
    MiForgetLocked(MemoryDescriptorList);
    if (MemoryDescriptorList->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA) {
        Unmap(MemoryDescriptorList);
    }
    MiUnlockPageable(MemoryDescriptorList->StartVa, PageCount(MemoryDescriptorList));
    MemoryDescriptorList->MdlFlags &= ~(MDL_PAGES_LOCKED | MDL_WRITE_OPERATION);
}

#define MAPPING_NO_WRITE 0x80000000 /* MdlMappingNoWrite, beside the priority */

/*
 * "A driver must not try to create more than one system-address-space mapping for an MDL", and one of MmBuildMdlForNonPagedPool has one.
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmmaplockedpagesspecifycache
 * IRQL <= DISPATCH_LEVEL. NULL, or with BugCheckOnFailure a stop, when address space is short.
 */
static PVOID Map(PMDL Mdl, MEMORY_CACHING_TYPE CacheType, BOOLEAN BugCheckOnFailure, ULONG Priority, BOOLEAN Old,
                 PVOID Caller)
{
    CSHORT mapped = Mdl->MdlFlags & (MDL_MAPPED_TO_SYSTEM_VA | MDL_SOURCE_IS_NONPAGED_POOL);
    if (mapped && IoIsDriverCode(Caller)) {
        KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_MDL_MAP_FLAGS, (ULONG_PTR)Mdl, (ULONG)Mdl->MdlFlags,
                         (ULONG)mapped, Caller,
                         "MDL %p is mapped a second time (flags 0x%x): use MmGetSystemAddressForMdlSafe", Mdl,
                         Mdl->MdlFlags);
    }
    if (!(Mdl->MdlFlags & (MDL_PAGES_LOCKED | MDL_SOURCE_IS_NONPAGED_POOL | MDL_PARTIAL))) {
        KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_MDL_MAP_UNLOCKED, (ULONG_PTR)Mdl,
                         (ULONG)Mdl->MdlFlags, MDL_PAGES_LOCKED, Caller,
                         "MDL %p is mapped although its pages are neither locked nor nonpaged pool", Mdl);
    }
    if (BugCheckOnFailure && !(Mdl->MdlFlags & MDL_MAPPING_CAN_FAIL) && IoIsDriverCode(Caller)) {
        KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, Old ? RULE_MDL_MAP_OLD : RULE_MDL_MAP_STOPS,
                         (ULONG_PTR)Mdl, (ULONG)Mdl->MdlFlags, 0, Caller,
                         "MDL %p is mapped by a call that stops the system when address space is short: use "
                         "MmMapLockedPagesSpecifyCache with BugCheckOnFailure FALSE, and check the result",
                         Mdl);
    }
    if (Mdl->MdlFlags & (MDL_SOURCE_IS_NONPAGED_POOL | MDL_MAPPED_TO_SYSTEM_VA)) {
        return Mdl->MappedSystemVa;
    }
    PUCHAR base = MiMapFrames(Frames(Mdl), PageCount(Mdl),
                              PTE_NX | (Priority & MAPPING_NO_WRITE ? 0 : PTE_WRITE) | MiCacheBits(CacheType));
    if (!base) {
        if (BugCheckOnFailure) {
            KeBugCheckReason(NO_MORE_SYSTEM_PTES, PageCount(Mdl), 0, 0, 0, Caller,
                             "no address space is left to map MDL %p of %u pages", Mdl, PageCount(Mdl));
        }
        return NULL;
    }
    Mdl->MappedSystemVa = base + Mdl->ByteOffset;
    Mdl->MdlFlags |= MDL_MAPPED_TO_SYSTEM_VA | (Mdl->MdlFlags & MDL_PARTIAL ? MDL_PARTIAL_HAS_BEEN_MAPPED : 0);
    return Mdl->MappedSystemVa;
}

/*
 * IRQL <= DISPATCH_LEVEL. The pages get an address of their own until MmUnmapLockedPages, MmUnlockPages, or IoFreeMdl of a partial MDL.
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmmaplockedpagesspecifycache
 */
PVOID NTAPI MmMapLockedPagesSpecifyCache(PMDL Mdl, KPROCESSOR_MODE AccessMode, MEMORY_CACHING_TYPE CacheType,
                                         PVOID RequestedAddress, ULONG BugCheckOnFailure, MM_PAGE_PRIORITY Priority)
{
    return Map(Mdl, CacheType, BugCheckOnFailure != 0, (ULONG)Priority, FALSE, __builtin_return_address(0));
}

PVOID NTAPI MmMapLockedPages(PMDL Mdl, KPROCESSOR_MODE AccessMode)
{
    return Map(Mdl, MmCached, TRUE, NormalPagePriority, TRUE, __builtin_return_address(0));
}

/* A partial MDL's address may be its source's mapping: that one stays. */
static VOID Unmap(PMDL Mdl)
{
    if (!(Mdl->MdlFlags & MDL_PARTIAL) || (Mdl->MdlFlags & MDL_PARTIAL_HAS_BEEN_MAPPED)) {
        MiUnmapFrames(Mdl->MappedSystemVa);
    }
    Mdl->MdlFlags &= ~(MDL_MAPPED_TO_SYSTEM_VA | MDL_PARTIAL_HAS_BEEN_MAPPED);
}

VOID NTAPI MmUnmapLockedPages(PVOID BaseAddress, PMDL Mdl)
{
    if (!(Mdl->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA)) {
        KeBugCheckReason(SYSTEM_PTE_MISUSE, 0x06, (ULONG_PTR)Mdl, (ULONG_PTR)BaseAddress, PageCount(Mdl),
                         __builtin_return_address(0),
                         "MmUnmapLockedPages(%p) of MDL %p, which is not mapped (unmapped twice?)", BaseAddress, Mdl);
    }
    if (BaseAddress != Mdl->MappedSystemVa) {
        KeBugCheckReason(SYSTEM_PTE_MISUSE, 0x03, (ULONG_PTR)Mdl, (ULONG_PTR)Mdl->MappedSystemVa,
                         (ULONG_PTR)BaseAddress, __builtin_return_address(0),
                         "MmUnmapLockedPages(%p) of MDL %p, which is mapped at %p", BaseAddress, Mdl,
                         Mdl->MappedSystemVa);
    }
    Unmap(Mdl);
}

/*
 * IRQL <= DISPATCH_LEVEL. The target describes Length bytes of the source from VirtualAddress on (0: all that follow). It has the source's mapping, if
 * there is one, and no other; a target that was mapped itself must be unmapped before it is used again (MmPrepareMdlForReuse).
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iobuildpartialmdl
 */
VOID NTAPI IoBuildPartialMdl(PMDL SourceMdl, PMDL TargetMdl, PVOID VirtualAddress, ULONG Length)
{
    ULONG64 source = (ULONG64)SourceMdl->StartVa + SourceMdl->ByteOffset, skip = (ULONG64)VirtualAddress - source;
    ULONG bytes = Length ? Length : SourceMdl->ByteCount - (ULONG)skip;
    ULONG pages = ADDRESS_AND_SIZE_TO_SPAN_PAGES(VirtualAddress, bytes);
    ULONG room = (ULONG)((TargetMdl->Size - sizeof(MDL)) / sizeof(PFN_NUMBER));
    if (pages > room) {
        KeBugCheckReason(
            TARGET_MDL_TOO_SMALL, (ULONG_PTR)TargetMdl, room, pages, 0, __builtin_return_address(0),
            "IoBuildPartialMdl of %u bytes at %p needs an MDL for %u pages, but the target has room for %u", bytes,
            VirtualAddress, pages, room);
    }
    TargetMdl->StartVa = (PVOID)((ULONG64)VirtualAddress & ~0xFFFULL);
    TargetMdl->ByteOffset = (ULONG)((ULONG64)VirtualAddress & 0xFFF);
    TargetMdl->ByteCount = bytes;
    TargetMdl->MdlFlags = (CSHORT)((TargetMdl->MdlFlags & MDL_ALLOCATED_FIXED_SIZE) | MDL_PARTIAL |
                                   (SourceMdl->MdlFlags & (MDL_SOURCE_IS_NONPAGED_POOL | MDL_MAPPED_TO_SYSTEM_VA)));
    TargetMdl->MappedSystemVa = (PUCHAR)SourceMdl->MappedSystemVa + skip; /* if the source is mapped */
    ULONG first = (ULONG)(((ULONG64)TargetMdl->StartVa - (ULONG64)SourceMdl->StartVa) >> PAGE_SHIFT);
    RtlCopyMemory(Frames(TargetMdl), Frames(SourceMdl) + first, PageCount(TargetMdl) * sizeof(PFN_NUMBER));
}

SIZE_T NTAPI MmSizeOfMdl(PVOID Base, SIZE_T Length)
{
    return sizeof(MDL) + ((((ULONG64)Base & 0xFFF) + Length + PAGE_SIZE - 1) >> PAGE_SHIFT) * sizeof(PFN_NUMBER);
}

/* The PTE_* bits of a PAGE_* protection; FALSE if MmProtectMdlSystemAddress takes no such one. The processor has no execute-only pages. */
static BOOLEAN ProtectionBits(ULONG Protection, PULONG64 Bits)
{
    switch (Protection) {
    case PAGE_NOACCESS:
        *Bits = 0;
        return TRUE;
    case PAGE_READONLY:
        *Bits = PTE_PRESENT | PTE_NX;
        return TRUE;
    case PAGE_READWRITE:
        *Bits = PTE_PRESENT | PTE_WRITE | PTE_NX;
        return TRUE;
    case PAGE_EXECUTE:
    case PAGE_EXECUTE_READ:
        *Bits = PTE_PRESENT;
        return TRUE;
    case PAGE_EXECUTE_READWRITE:
        *Bits = PTE_PRESENT | PTE_WRITE;
        return TRUE;
    default:
        return FALSE;
    }
}

/*
 * IRQL <= DISPATCH_LEVEL. The protection of the mapping, not of the memory's other addresses.
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmprotectmdlsystemaddress
 */
NTSTATUS NTAPI MmProtectMdlSystemAddress(PMDL MemoryDescriptorList, ULONG NewProtect)
{
    ULONG64 bits;
    if (!(MemoryDescriptorList->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA)) {
        return STATUS_NOT_MAPPED_VIEW;
    }
    if (!ProtectionBits(NewProtect, &bits)) {
        return STATUS_INVALID_PAGE_PROTECTION;
    }
    MiProtectFrames(MemoryDescriptorList->MappedSystemVa, PageCount(MemoryDescriptorList), bits);
    return STATUS_SUCCESS;
}
