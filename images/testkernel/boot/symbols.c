/* SPDX-License-Identifier: MIT */
/* Names for addresses. */
#include "boot/symbols.h"

/* tools/mkimage.py fills offset and size in after linking. */
typedef struct _SYMBOL_LOCATION {
    CHAR Marker[16];
    ULONG Offset, Size;
} SYMBOL_LOCATION;

typedef struct _KERNEL_SYMBOLS {
    ULONG Magic, Count, NamesSize;
    struct {
        ULONG Rva, Name;
    } Entries[];
} KERNEL_SYMBOLS;

#pragma pack(push, 1)
typedef struct _COFF_SYMBOL {
    union {
        CHAR Short[8];
        struct {
            ULONG Zero, Offset;
        } Long;
    } Name;
    ULONG Value;
    SHORT Section;
    USHORT Type;
    UCHAR StorageClass, AuxCount;
} COFF_SYMBOL;
#pragma pack(pop)

enum { COFF_EXTERNAL = 2, COFF_STATIC = 3 };

volatile SYMBOL_LOCATION KiSymbolLocation = {"KSYMBOLSIZE", 0, 0};
extern UCHAR __ImageBase[]; /* the kernel's own PE headers */

ULONG BootSymbolsEnd(VOID)
{
    return KiSymbolLocation.Offset + KiSymbolLocation.Size;
}

ULONG BootImageSize(VOID)
{
    return KiSymbolLocation.Offset;
}

PCSTR BootKernelSymbol(ULONG Rva, PULONG Start)
{
    const KERNEL_SYMBOLS *symbols = (PVOID)(__ImageBase + KiSymbolLocation.Offset);
    if (!KiSymbolLocation.Size || !symbols->Count || Rva < symbols->Entries[0].Rva) {
        return NULL;
    }
    ULONG low = 0, high = symbols->Count;
    while (high - low > 1) {
        ULONG middle = (low + high) / 2;
        if (symbols->Entries[middle].Rva <= Rva) {
            low = middle;
        } else {
            high = middle;
        }
    }
    *Start = symbols->Entries[low].Rva;
    return (PCSTR)&symbols->Entries[symbols->Count] + symbols->Entries[low].Name;
}

static VOID CopyName(const COFF_SYMBOL *Symbol, PCSTR Strings, PCSTR FileEnd, PSTR Name, SIZE_T NameSize)
{
    PCSTR from = Symbol->Name.Long.Zero ? Symbol->Name.Short : Strings + Symbol->Name.Long.Offset;
    SIZE_T limit = Symbol->Name.Long.Zero ? 8 : NameSize, i = 0;
    while (i < limit && i + 1 < NameSize && from + i < FileEnd && from[i]) {
        Name[i] = from[i];
        i++;
    }
    Name[i] = 0;
}

BOOLEAN BootCoffSymbol(const UCHAR *File, SIZE_T FileSize, ULONG Rva, PSTR Name, SIZE_T NameSize, PULONG Start)
{
    PIMAGE_NT_HEADERS64 nt = (PVOID)(File + ((PIMAGE_DOS_HEADER)File)->e_lfanew);
    SIZE_T table = nt->FileHeader.PointerToSymbolTable, count = nt->FileHeader.NumberOfSymbols;
    if (!table || !count || table + count * sizeof(COFF_SYMBOL) > FileSize) {
        return FALSE;
    }
    const COFF_SYMBOL *symbols = (PVOID)(File + table);
    PIMAGE_SECTION_HEADER sections = IMAGE_FIRST_SECTION(nt);
    const COFF_SYMBOL *best = NULL;
    for (SIZE_T i = 0; i < count; i += 1 + symbols[i].AuxCount) {
        const COFF_SYMBOL *symbol = &symbols[i];
        if (symbol->Section <= 0 || symbol->Section > nt->FileHeader.NumberOfSections ||
            (symbol->StorageClass != COFF_EXTERNAL && symbol->StorageClass != COFF_STATIC) ||
            symbol->Name.Short[0] == '.') {
            continue;
        }
        ULONG start = sections[symbol->Section - 1].VirtualAddress + symbol->Value;
        if (start <= Rva && (!best || start > *Start || (start == *Start && symbol->Type == 0x20))) {
            best = symbol;
            *Start = start;
        }
    }
    if (best) {
        CopyName(best, (PCSTR)(symbols + count), (PCSTR)File + FileSize, Name, NameSize);
    }
    return best != NULL;
}
