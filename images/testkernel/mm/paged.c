/* SPDX-License-Identifier: MIT */
/* Paging drivers' memory out and in, see paged.h. State lives in software bits of the page table entries. */
#include "mm/paged.h"
#include "mm/mm.h"
#include "boot/loader.h"
#include "boot/options.h"

#define MAX_RESIDENT 1024
#define MAX_LOCKED   128

/* One processor; interrupts off. Pages that may be in: those that are not any more are skipped when trimming. */
static PVOID MiResident[MAX_RESIDENT];
static ULONG MiResidentCount;
static struct {
    ULONG64 Page;
    ULONG Count;
} MiLocked[MAX_LOCKED];

static BOOLEAN PagingOn(VOID)
{
    static ULONG state; /* 0 = not asked yet, 1 = on, 2 = off */
    if (!state) {
        CHAR text[8];
        state = KeBootOption("paging", text, sizeof(text)) && text[0] == 'o' && text[1] == 'f' ? 2 : 1;
    }
    return state == 1;
}

static ULONG FindLock(ULONG64 Page)
{
    ULONG i = 0;
    while (i < MAX_LOCKED && (MiLocked[i].Page != Page || !MiLocked[i].Count)) {
        i++;
    }
    return i;
}

static VOID AddResident(PVOID Page)
{
    if (MiResidentCount < MAX_RESIDENT) {
        MiResident[MiResidentCount++] = Page;
    }
}

VOID MiMakePageable(PVOID Virtual, ULONG Count)
{
    ULONG64 flags = __readeflags();
    if (!PagingOn()) {
        return;
    }
    _disable();
    for (ULONG i = 0; i < Count; i++) {
        PUCHAR page = (PUCHAR)Virtual + (SIZE_T)i * PAGE_SIZE;
        PULONG64 entry = MiEntry(page);
        if (entry && (*entry & PTE_PRESENT)) {
            *entry |= PTE_PAGEABLE;
            AddResident(page);
        }
    }
    if (flags & 0x200) {
        _enable();
    }
}

VOID MiTrimPageable(VOID)
{
    ULONG kept = 0;
    if (!MiResidentCount) {
        return;
    }
    ULONG64 flags = __readeflags();
    _disable();
    for (ULONG i = 0; i < MiResidentCount; i++) {
        PULONG64 entry = MiEntry(MiResident[i]);
        if (!entry || (*entry & (PTE_PAGEABLE | PTE_PRESENT)) != (PTE_PAGEABLE | PTE_PRESENT)) {
            continue; /* unmapped since */
        }
        if (FindLock((ULONG64)MiResident[i]) < MAX_LOCKED) {
            MiResident[kept++] = MiResident[i];
            continue;
        }
        *entry = (*entry & ~PTE_PRESENT) | PTE_TRIMMED;
        __invlpg(MiResident[i]);
    }
    MiResidentCount = kept;
    if (flags & 0x200) {
        _enable();
    }
}

BOOLEAN MiPageIn(const VOID *Virtual, BOOLEAN Allowed)
{
    PVOID page = (PVOID)((ULONG64)Virtual & ~0xFFFULL);
    PULONG64 entry = MiEntry(page);
    if (!entry || !(*entry & PTE_TRIMMED) || !Allowed) {
        return FALSE;
    }
    *entry = (*entry & ~PTE_TRIMMED) | PTE_PRESENT;
    AddResident(page);
    return TRUE;
}

BOOLEAN MiIsPageable(const VOID *Virtual)
{
    PULONG64 entry = MiEntry(Virtual);
    return entry && (*entry & PTE_PAGEABLE) && FindLock((ULONG64)Virtual & ~0xFFFULL) == MAX_LOCKED;
}

VOID MiLockPageable(const VOID *Virtual, ULONG Count)
{
    ULONG64 flags = __readeflags();
    _disable();
    for (ULONG n = 0; n < Count; n++) {
        ULONG64 page = ((ULONG64)Virtual & ~0xFFFULL) + (ULONG64)n * PAGE_SIZE;
        PULONG64 entry = MiEntry((PVOID)page);
        if (!entry || !(*entry & PTE_PAGEABLE)) {
            continue;
        }
        MiPageIn((PVOID)page, TRUE);
        ULONG i = FindLock(page);
        for (ULONG free = 0; i == MAX_LOCKED && free < MAX_LOCKED; free++) {
            i = MiLocked[free].Count ? i : free;
        }
        if (i == MAX_LOCKED) {
            *entry &= ~PTE_PAGEABLE; /* more locked pages than are counted: resident for good */
            continue;
        }
        MiLocked[i].Page = page;
        MiLocked[i].Count++;
    }
    if (flags & 0x200) {
        _enable();
    }
}

VOID MiUnlockPageable(const VOID *Virtual, ULONG Count)
{
    ULONG64 flags = __readeflags();
    _disable();
    for (ULONG n = 0; n < Count; n++) {
        ULONG i = FindLock(((ULONG64)Virtual & ~0xFFFULL) + (ULONG64)n * PAGE_SIZE);
        if (i < MAX_LOCKED) {
            MiLocked[i].Count--;
        }
    }
    if (flags & 0x200) {
        _enable();
    }
}

/* The section of a driver image that contains Address; NULL if none. */
static PIMAGE_SECTION_HEADER SectionOf(PVOID Address, PLOADED_IMAGE *Image)
{
    *Image = LdrImageFromAddress(Address);
    if (!*Image || (*Image)->Kernel || (*Image)->Unloaded) {
        return NULL;
    }
    PIMAGE_NT_HEADERS64 nt = (PVOID)((*Image)->Base + ((PIMAGE_DOS_HEADER)(*Image)->Base)->e_lfanew);
    PIMAGE_SECTION_HEADER section = IMAGE_FIRST_SECTION(nt);
    ULONG rva = (ULONG)((PUCHAR)Address - (*Image)->Base);
    for (ULONG i = 0; i < nt->FileHeader.NumberOfSections; i++, section++) {
        if (rva - section->VirtualAddress < section->Misc.VirtualSize) {
            return section;
        }
    }
    return NULL;
}

static VOID LockSection(PVOID Address, BOOLEAN Lock)
{
    PLOADED_IMAGE image;
    PIMAGE_SECTION_HEADER section = SectionOf(Address, &image);
    if (section) {
        ULONG pages = (section->Misc.VirtualSize + PAGE_SIZE - 1) >> PAGE_SHIFT;
        (Lock ? MiLockPageable : MiUnlockPageable)(image->Base + section->VirtualAddress, pages);
    }
}

/* IRQL <= APC_LEVEL. Locks the section that contains Address; the handle is an address in it. */
PVOID NTAPI MmLockPagableDataSection(PVOID AddressWithinSection)
{
    LockSection(AddressWithinSection, TRUE);
    return AddressWithinSection;
}

VOID NTAPI MmLockPagableSectionByHandle(PVOID ImageSectionHandle)
{
    LockSection(ImageSectionHandle, TRUE);
}

VOID NTAPI MmUnlockPagableImageSection(PVOID ImageSectionHandle)
{
    LockSection(ImageSectionHandle, FALSE);
}

static VOID ForEachSection(PVOID Address, VOID (*Visit)(PVOID Base, ULONG Pages))
{
    PLOADED_IMAGE image = LdrImageFromAddress(Address);
    if (!image || image->Kernel || image->Unloaded) {
        return;
    }
    PIMAGE_NT_HEADERS64 nt = (PVOID)(image->Base + ((PIMAGE_DOS_HEADER)image->Base)->e_lfanew);
    PIMAGE_SECTION_HEADER section = IMAGE_FIRST_SECTION(nt);
    for (ULONG i = 0; i < nt->FileHeader.NumberOfSections; i++, section++) {
        Visit(image->Base + section->VirtualAddress, (section->Misc.VirtualSize + PAGE_SIZE - 1) >> PAGE_SHIFT);
    }
}

/* IRQL <= APC_LEVEL. All of the driver becomes pageable, also sections that are not named PAGE. */
PVOID NTAPI MmPageEntireDriver(PVOID AddressWithinSection)
{
    PLOADED_IMAGE image = LdrImageFromAddress(AddressWithinSection);
    ForEachSection(AddressWithinSection, MiMakePageable);
    return image ? image->Base : NULL;
}

static VOID Unpage(PVOID Base, ULONG Pages)
{
    for (ULONG i = 0; i < Pages; i++) {
        PUCHAR page = (PUCHAR)Base + (SIZE_T)i * PAGE_SIZE;
        PULONG64 entry = MiEntry(page);
        MiPageIn(page, TRUE);
        if (entry) {
            *entry &= ~PTE_PAGEABLE;
        }
    }
}

/* IRQL <= APC_LEVEL. Back to what the sections say. */
VOID NTAPI MmResetDriverPaging(PVOID AddressWithinSection)
{
    ForEachSection(AddressWithinSection, Unpage);
    PLOADED_IMAGE image = LdrImageFromAddress(AddressWithinSection);
    if (image && !image->Kernel && !image->Unloaded) {
        LdrMakeSectionsPageable(image->Base);
    }
}
