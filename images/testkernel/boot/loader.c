/* SPDX-License-Identifier: MIT */
/*
 * Loading drivers (PE/COFF specification, https://learn.microsoft.com/windows/win32/debug/pe-format). Sections get the protection that their
 * headers ask for; an unloaded image's addresses are never used again.
 */
#include "boot/loader.h"
#include "boot/cookie.h"
#include "boot/modules.h"
#include "boot/symbols.h"
#include "ke/bugcheck.h"
#include "kd/debugger.h"
#include "kd/log.h"
#include "mm/mm.h"
#include "mm/paged.h"
#include "rtl/format.h"

/* Not in the DDK's ntimage.h. */
#define IMAGE_SUBSYSTEM_NATIVE  1
#define IMAGE_REL_BASED_HIGHLOW 3
#define IMAGE_REL_BASED_DIR64   10

#define MAX_IMAGES 256
#define IMAGE_TAG  'dLmM'

extern UCHAR __ImageBase[]; /* the kernel's own PE headers */

static LOADED_IMAGE LdrKernel;
/* Also walked at bugcheck and from ISRs without a lock: entries are only ever added. */
static PLOADED_IMAGE volatile LdrImages[MAX_IMAGES];
static volatile ULONG LdrImageCount;

VOID LdrInitialize(VOID)
{
    LdrKernel = (LOADED_IMAGE){.Name = "ntoskrnl.exe", .Base = __ImageBase, .Size = BootImageSize(), .Kernel = TRUE};
    LdrImages[0] = &LdrKernel;
    LdrImageCount = 1;
}

PLOADED_IMAGE LdrNextImage(PLOADED_IMAGE Previous)
{
    for (ULONG i = 0; i < LdrImageCount; i++) {
        if (!Previous) {
            return LdrImages[0];
        }
        if (LdrImages[i] == Previous) {
            return i + 1 < LdrImageCount ? LdrImages[i + 1] : NULL;
        }
    }
    return NULL;
}

PLOADED_IMAGE LdrImageFromAddress(const VOID *Address)
{
    for (ULONG i = 0; i < LdrImageCount; i++) {
        PLOADED_IMAGE image = LdrImages[i];
        if ((ULONG64)Address - (ULONG64)image->Base < image->Size) {
            return image;
        }
    }
    return NULL;
}

BOOLEAN LdrSymbolFromAddress(const VOID *Address, PSYMBOL Symbol)
{
    PLOADED_IMAGE image = LdrImageFromAddress(Address);
    if (!image) {
        Symbol->Image = "?";
        RtlFormat(Symbol->Name, sizeof(Symbol->Name), "%p", Address);
        Symbol->Offset = 0;
        return FALSE;
    }
    ULONG rva = (ULONG)((ULONG64)Address - (ULONG64)image->Base), start = 0;
    Symbol->Image = image->Name;
    if (image->Kernel) {
        PCSTR name = BootKernelSymbol(rva, &start);
        RtlFormat(Symbol->Name, sizeof(Symbol->Name), "%s", name ? name : "base");
    } else if (!BootCoffSymbol(image->File, image->FileSize, rva, Symbol->Name, sizeof(Symbol->Name), &start)) {
        start = 0;
        RtlFormat(Symbol->Name, sizeof(Symbol->Name), "base");
    }
    Symbol->Offset = rva - start;
    return TRUE;
}

static int CompareNames(PCSTR A, PCSTR B)
{
    while (*A && *A == *B) {
        A++;
        B++;
    }
    return (int)(UCHAR)*A - (int)(UCHAR)*B;
}

PVOID LdrKernelExport(PCSTR Name)
{
    PUCHAR base = __ImageBase;
    PIMAGE_NT_HEADERS64 nt = (PVOID)(base + ((PIMAGE_DOS_HEADER)__ImageBase)->e_lfanew);
    PIMAGE_EXPORT_DIRECTORY exports =
        (PVOID)(base + nt->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_EXPORT].VirtualAddress);
    PULONG names = (PULONG)(base + exports->AddressOfNames), functions = (PULONG)(base + exports->AddressOfFunctions);
    PUSHORT ordinals = (PUSHORT)(base + exports->AddressOfNameOrdinals);
    ULONG low = 0, high = exports->NumberOfNames;
    while (low < high) {
        ULONG middle = (low + high) / 2;
        int order = CompareNames(Name, (PCSTR)(base + names[middle]));
        if (!order) {
            return base + functions[ordinals[middle]];
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

typedef struct _LOAD {
    PCSTR Name;
    const UCHAR *File;
    SIZE_T FileSize;
    PUCHAR Base;
    PIMAGE_NT_HEADERS64 Nt; /* in the mapped image */
    PSTR Error;
    SIZE_T ErrorSize;
} LOAD;

static NTSTATUS Fail(LOAD *Load, NTSTATUS Status, PCSTR Format, ...)
{
    if (Load->Error) {
        va_list arguments;
        va_start(arguments, Format);
        SIZE_T used = RtlFormat(Load->Error, Load->ErrorSize, "%s ", Load->Name);
        if (used < Load->ErrorSize) {
            RtlFormatV(Load->Error + used, Load->ErrorSize - used, Format, arguments);
        }
        va_end(arguments);
    }
    return Status;
}

static NTSTATUS CheckHeaders(LOAD *Load)
{
    PIMAGE_DOS_HEADER dos = (PVOID)Load->File;
    if (Load->FileSize < PAGE_SIZE / 4 || dos->e_magic != IMAGE_DOS_SIGNATURE ||
        (ULONG)dos->e_lfanew > Load->FileSize - sizeof(IMAGE_NT_HEADERS64)) {
        return Fail(Load, STATUS_INVALID_IMAGE_FORMAT, "is no PE image (no MZ header)");
    }
    PIMAGE_NT_HEADERS64 nt = (PVOID)(Load->File + dos->e_lfanew);
    if (nt->Signature != IMAGE_NT_SIGNATURE || nt->OptionalHeader.Magic != IMAGE_NT_OPTIONAL_HDR64_MAGIC ||
        nt->FileHeader.Machine != IMAGE_FILE_MACHINE_AMD64) {
        return Fail(Load, STATUS_INVALID_IMAGE_FORMAT, "is no 64-bit x64 image (machine 0x%x)", nt->FileHeader.Machine);
    }
    if (nt->OptionalHeader.Subsystem != IMAGE_SUBSYSTEM_NATIVE) {
        return Fail(Load, STATUS_INVALID_IMAGE_FORMAT,
                    "is for subsystem %u, a driver's is 1 (native); link it with --subsystem native",
                    nt->OptionalHeader.Subsystem);
    }
    return STATUS_SUCCESS;
}

static NTSTATUS MapSections(LOAD *Load)
{
    PIMAGE_NT_HEADERS64 nt = (PVOID)(Load->File + ((PIMAGE_DOS_HEADER)Load->File)->e_lfanew);
    ULONG pages = (nt->OptionalHeader.SizeOfImage + PAGE_SIZE - 1) >> PAGE_SHIFT;
    Load->Base = MiReserve(IMAGE_REGION, pages);
    for (ULONG i = 0; i < pages; i++) {
        ULONG64 page = MiAllocatePages(1, ~0ULL);
        if (!page || !MiMap(Load->Base + (SIZE_T)i * PAGE_SIZE, page, 1, PTE_WRITE | PTE_NX)) {
            return Fail(Load, STATUS_INSUFFICIENT_RESOURCES, "needs %u pages of memory, only %u are free", pages,
                        MiFreePageCount());
        }
    }
    RtlCopyMemory(Load->Base, Load->File, nt->OptionalHeader.SizeOfHeaders);
    Load->Nt = (PVOID)(Load->Base + ((PIMAGE_DOS_HEADER)Load->Base)->e_lfanew);
    PIMAGE_SECTION_HEADER section = IMAGE_FIRST_SECTION(Load->Nt);
    for (ULONG i = 0; i < Load->Nt->FileHeader.NumberOfSections; i++, section++) {
        ULONG size =
            section->SizeOfRawData < section->Misc.VirtualSize ? section->SizeOfRawData : section->Misc.VirtualSize;
        if ((SIZE_T)section->PointerToRawData + size > Load->FileSize ||
            (SIZE_T)section->VirtualAddress + size > nt->OptionalHeader.SizeOfImage) {
            return Fail(Load, STATUS_INVALID_IMAGE_FORMAT, "is truncated: section %.8s lies outside the file",
                        (PCSTR)section->Name);
        }
        RtlCopyMemory(Load->Base + section->VirtualAddress, Load->File + section->PointerToRawData, size);
    }
    return STATUS_SUCCESS;
}

static NTSTATUS Relocate(LOAD *Load)
{
    ULONG64 delta = (ULONG64)Load->Base - Load->Nt->OptionalHeader.ImageBase;
    PIMAGE_DATA_DIRECTORY directory = &Load->Nt->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_BASERELOC];
    ULONG offset = 0;
    /* An image without absolute addresses has no directory at all and fits anywhere. */
    while (directory->VirtualAddress && offset + 8 <= directory->Size) {
        PULONG block = (PULONG)(Load->Base + directory->VirtualAddress + offset);
        PUSHORT entries = (PUSHORT)(block + 2);
        if (block[1] < 8) {
            break;
        }
        for (ULONG i = 0; i < (block[1] - 8) / 2; i++) {
            PUCHAR target = Load->Base + block[0] + (entries[i] & 0xFFF);
            switch (entries[i] >> 12) {
            case 0:
                break;
            case IMAGE_REL_BASED_DIR64:
                *(PULONG64)target += delta;
                break;
            case IMAGE_REL_BASED_HIGHLOW:
                *(PULONG)target += (ULONG)delta;
                break;
            default:
                return Fail(Load, STATUS_INVALID_IMAGE_FORMAT, "has a relocation of unknown type %u", entries[i] >> 12);
            }
        }
        offset += block[1];
    }
    return STATUS_SUCCESS;
}

static BOOLEAN SameText(PCSTR A, PCSTR B)
{
    for (; *A && (*A | 32) == (*B | 32); A++, B++) {
    }
    return !*A && !*B;
}

static NTSTATUS BindImports(LOAD *Load)
{
    static const PCSTR provided[] = {"ntoskrnl.exe", "hal.dll", "wmilib.sys", "ntoskrnl.dll"};
    PIMAGE_DATA_DIRECTORY directory = &Load->Nt->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_IMPORT];
    PIMAGE_IMPORT_DESCRIPTOR import = (PVOID)(Load->Base + directory->VirtualAddress);
    CHAR missing[200] = "";
    SIZE_T used = 0;
    ULONG count = 0;
    for (; directory->VirtualAddress && import->Name; import++) {
        PCSTR module = (PCSTR)(Load->Base + import->Name);
        BOOLEAN known = FALSE;
        for (ULONG i = 0; i < COUNT_OF(provided); i++) {
            known = known || SameText(module, provided[i]);
        }
        if (!known) {
            return Fail(Load, STATUS_DLL_NOT_FOUND,
                        "imports from %s; the test kernel provides ntoskrnl.exe and hal.dll only", module);
        }
        PULONG64 names =
            (PULONG64)(Load->Base + (import->OriginalFirstThunk ? import->OriginalFirstThunk : import->FirstThunk));
        PULONG64 slots = (PULONG64)(Load->Base + import->FirstThunk);
        for (; *names; names++, slots++) {
            if (*names >> 63) {
                return Fail(Load, STATUS_DRIVER_ENTRYPOINT_NOT_FOUND,
                            "imports %s by ordinal %u; only imports by name can be bound", module,
                            (ULONG)*names & 0xFFFF);
            }
            PCSTR name = (PCSTR)(Load->Base + *names + 2);
            PVOID target = LdrKernelExport(name);
            if (!target) {
                if (used < sizeof(missing)) {
                    used += RtlFormat(missing + used, sizeof(missing) - used, "%s%s", count ? ", " : "", name);
                }
                count++;
            }
            *slots = (ULONG64)target;
        }
    }
    if (count) {
        return Fail(Load, STATUS_DRIVER_ENTRYPOINT_NOT_FOUND,
                    "imports %u function%s that the test kernel does not have: %s", count, count == 1 ? "" : "s",
                    missing);
    }
    return STATUS_SUCCESS;
}

static VOID ProtectSections(LOAD *Load)
{
    PIMAGE_SECTION_HEADER section = IMAGE_FIRST_SECTION(Load->Nt);
    MiProtect(Load->Base, (Load->Nt->OptionalHeader.SizeOfHeaders + PAGE_SIZE - 1) >> PAGE_SHIFT, PTE_NX);
    for (ULONG i = 0; i < Load->Nt->FileHeader.NumberOfSections; i++, section++) {
        ULONG64 flags = (section->Characteristics & IMAGE_SCN_MEM_EXECUTE ? 0 : PTE_NX) |
                        (section->Characteristics & IMAGE_SCN_MEM_WRITE ? PTE_WRITE : 0);
        MiProtect(Load->Base + section->VirtualAddress, (section->Misc.VirtualSize + PAGE_SIZE - 1) >> PAGE_SHIFT,
                  flags);
    }
}

VOID LdrMakeSectionsPageable(PUCHAR Base)
{
    PIMAGE_NT_HEADERS64 nt = (PVOID)(Base + ((PIMAGE_DOS_HEADER)Base)->e_lfanew);
    PIMAGE_SECTION_HEADER section = IMAGE_FIRST_SECTION(nt);
    for (ULONG i = 0; i < nt->FileHeader.NumberOfSections; i++, section++) {
        if (RtlCompareMemory(section->Name, "PAGE", 4) == 4) {
            MiMakePageable(Base + section->VirtualAddress, (section->Misc.VirtualSize + PAGE_SIZE - 1) >> PAGE_SHIFT);
        }
    }
}

static VOID FreeImagePages(PUCHAR Base, SIZE_T Size)
{
    for (SIZE_T offset = 0; offset < Size; offset += PAGE_SIZE) {
        ULONG64 physical = 0;
        if (MiTranslate(Base + offset, &physical)) {
            MiUnmap(Base + offset, 1);
            MiFreePages(physical & ~0xFFFULL, 1);
        }
    }
}

VOID LdrDiscardInit(PLOADED_IMAGE Image)
{
    PIMAGE_NT_HEADERS64 nt = (PVOID)(Image->Base + ((PIMAGE_DOS_HEADER)Image->Base)->e_lfanew);
    PIMAGE_SECTION_HEADER section = IMAGE_FIRST_SECTION(nt);
    for (ULONG i = 0; i < nt->FileHeader.NumberOfSections; i++, section++) {
        /* The linker of mingw does not mark INIT as discardable; Microsoft's does. */
        if ((section->Characteristics & IMAGE_SCN_MEM_DISCARDABLE) || RtlCompareMemory(section->Name, "INIT", 5) == 5) {
            FreeImagePages(Image->Base + section->VirtualAddress, section->Misc.VirtualSize);
        }
    }
}

NTSTATUS LdrLoadDriver(PCSTR ModuleName, PLOADED_IMAGE *Image, PSTR Error, SIZE_T ErrorSize)
{
    KeAssertIrql(PASSIVE_LEVEL, "LdrLoadDriver");
    LOAD load = {.Name = ModuleName, .Error = Error, .ErrorSize = ErrorSize};
    const BOOT_MODULE *module = BootFindModule(ModuleName);
    if (!module) {
        return Fail(&load, STATUS_OBJECT_NAME_NOT_FOUND,
                    "is not among the boot modules; add it to QEMU's -initrd list");
    }
    if (LdrImageCount >= MAX_IMAGES) {
        return Fail(&load, STATUS_INSUFFICIENT_RESOURCES, "is one image too many (%u were loaded)", MAX_IMAGES);
    }
    load.File = module->Base;
    load.FileSize = module->Size;
    NTSTATUS status = CheckHeaders(&load);
    status = NT_SUCCESS(status) ? MapSections(&load) : status;
    status = NT_SUCCESS(status) ? Relocate(&load) : status;
    status = NT_SUCCESS(status) ? BindImports(&load) : status;
    PLOADED_IMAGE image = NT_SUCCESS(status) ? ExAllocatePoolWithTag(NonPagedPool, sizeof(*image), IMAGE_TAG) : NULL;
    if (!image) {
        if (load.Base && load.Nt) {
            FreeImagePages(load.Base, load.Nt->OptionalHeader.SizeOfImage);
        }
        return NT_SUCCESS(status) ? Fail(&load, STATUS_INSUFFICIENT_RESOURCES, "cannot be loaded: out of pool")
                                  : status;
    }
    RtlZeroMemory(image, sizeof(*image));
    RtlFormat(image->Name, sizeof(image->Name), "%s", module->Name);
    image->Base = load.Base;
    image->Size = load.Nt->OptionalHeader.SizeOfImage;
    image->EntryPoint = load.Base + load.Nt->OptionalHeader.AddressOfEntryPoint;
    image->File = load.File;
    image->FileSize = load.FileSize;
    LdrInitializeCookie(load.Base, (ULONG)image->Size);
    ProtectSections(&load);
    LdrMakeSectionsPageable(load.Base);
    LdrImages[LdrImageCount] = image;
    LdrImageCount++;
    KdLog(LOG_INFO, "loaded %s at %p-%p", image->Name, image->Base, image->Base + image->Size);
    KdImageLoaded(image);
    *Image = image;
    return STATUS_SUCCESS;
}

VOID LdrUnloadDriver(PLOADED_IMAGE Image)
{
    KeAssertIrql(PASSIVE_LEVEL, "LdrUnloadDriver");
    Image->Unloaded = TRUE;
    FreeImagePages(Image->Base, Image->Size);
    KdLog(LOG_DEBUG, "unloaded %s", Image->Name);
}

/* PASSIVE_LEVEL. Address of an exported kernel function or NULL: https://learn.microsoft.com/…/nf-wdm-mmgetsystemroutineaddress */
PVOID NTAPI MmGetSystemRoutineAddress(PUNICODE_STRING SystemRoutineName)
{
    CHAR name[80];
    ULONG length = SystemRoutineName->Length / sizeof(WCHAR);
    if (length >= sizeof(name)) {
        return NULL;
    }
    for (ULONG i = 0; i < length; i++) {
        name[i] = (CHAR)SystemRoutineName->Buffer[i];
    }
    name[length] = 0;
    return LdrKernelExport(name);
}
