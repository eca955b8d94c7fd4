/* SPDX-License-Identifier: MIT */
/* What the loader hands over: command line, modules, memory map. */
#include "boot/multiboot.h"
#include "boot/modules.h"
#include "boot/options.h"
#include "boot/symbols.h"

typedef struct _MULTIBOOT_INFO {
    ULONG Flags, MemLower, MemUpper, BootDevice, CommandLine, ModuleCount, Modules, Symbols[4], MapLength, Map;
} MULTIBOOT_INFO;

typedef struct _MULTIBOOT_MODULE {
    ULONG Start, End, String, Reserved;
} MULTIBOOT_MODULE;

#pragma pack(push, 1)
typedef struct _MULTIBOOT_MAP {
    ULONG Size;
    ULONG64 Base, Length;
    ULONG Type;
} MULTIBOOT_MAP;
#pragma pack(pop)

#define MAX_MODULES 96
#define MAX_RANGES  16

static CHAR BootCommandLine[1024];
static CHAR BootNames[MAX_MODULES * 40];
static BOOT_MODULE BootModules[MAX_MODULES];
static ULONG BootModuleCount;
static BOOT_RANGE BootRanges[MAX_RANGES];
static ULONG BootRangeCount;
static ULONG64 BootEnd;
extern UCHAR __ImageBase[]; /* the kernel's own PE headers */

static PVOID Physical(ULONG Address)
{
    return (PVOID)(KERNEL_BASE + Address);
}

/* Copies the last path component of a module's string (path, then possibly arguments) and returns the bytes used. */
static SIZE_T CopyModuleName(PSTR Target, SIZE_T Room, PCSTR String)
{
    PCSTR start = String;
    for (PCSTR p = String; *p && *p != ' '; p++) {
        if (*p == '/') {
            start = p + 1;
        }
    }
    SIZE_T length = 0;
    while (start[length] && start[length] != ' ' && length + 1 < Room) {
        Target[length] = start[length];
        length++;
    }
    if (Room) {
        Target[length] = 0;
    }
    return length + 1;
}

/* Copies the value of the argument package=<name> of a module's string; returns the bytes used, 0 when there is none. */
static SIZE_T CopyPackage(PSTR Target, SIZE_T Room, PCSTR String)
{
    static const CHAR key[] = " package=";
    for (PCSTR p = String; *p; p++) {
        SIZE_T i = 0;
        while (key[i] && p[i] == key[i]) {
            i++;
        }
        if (!key[i]) {
            return CopyModuleName(Target, Room, p + i);
        }
    }
    return 0;
}

VOID BootInitialize(ULONG MultibootInformation)
{
    const MULTIBOOT_INFO *info = Physical(MultibootInformation);
    BootEnd = (ULONG64)__ImageBase - KERNEL_BASE + BootSymbolsEnd();

    if (info->Flags & 4) {
        PCSTR text = Physical(info->CommandLine);
        for (SIZE_T i = 0; text[i] && i + 1 < sizeof(BootCommandLine); i++) {
            BootCommandLine[i] = text[i];
        }
    }
    if (info->Flags & 8) {
        const MULTIBOOT_MODULE *module = Physical(info->Modules);
        SIZE_T used = 0;
        for (ULONG i = 0; i < info->ModuleCount && BootModuleCount < MAX_MODULES && used < sizeof(BootNames); i++) {
            PBOOT_MODULE out = &BootModules[BootModuleCount++];
            out->Name = BootNames + used;
            used += CopyModuleName(BootNames + used, sizeof(BootNames) - used, Physical(module[i].String));
            out->Package = "";
            SIZE_T length = used < sizeof(BootNames)
                                ? CopyPackage(BootNames + used, sizeof(BootNames) - used, Physical(module[i].String))
                                : 0;
            if (length) {
                out->Package = BootNames + used;
                used += length;
            }
            out->Base = Physical(module[i].Start);
            out->Size = module[i].End - module[i].Start;
            if (module[i].End > BootEnd) {
                BootEnd = module[i].End;
            }
        }
    }
    if (info->Flags & 64) {
        for (ULONG offset = 0; offset < info->MapLength && BootRangeCount < MAX_RANGES;) {
            const MULTIBOOT_MAP *entry = Physical(info->Map + offset);
            BootRanges[BootRangeCount++] = (BOOT_RANGE){entry->Base, entry->Length, entry->Type == 1};
            offset += entry->Size + 4;
        }
    }
}

const BOOT_RANGE *BootMemoryRange(ULONG Index)
{
    return Index < BootRangeCount ? &BootRanges[Index] : NULL;
}

ULONG64 BootEndOfImages(VOID)
{
    return BootEnd;
}

const BOOT_MODULE *BootModule(ULONG Index)
{
    return Index < BootModuleCount ? &BootModules[Index] : NULL;
}

static CHAR Lower(CHAR c)
{
    return c >= 'A' && c <= 'Z' ? (CHAR)(c + 32) : c;
}

/* Name begins with Prefix: what follows, else NULL. */
static PCSTR After(PCSTR Prefix, PCSTR Name)
{
    while (*Prefix && Lower(*Prefix) == Lower(*Name)) {
        Prefix++;
        Name++;
    }
    return *Prefix ? NULL : Name;
}

const BOOT_MODULE *BootFindModule(PCSTR Name)
{
    for (ULONG i = 0; i < BootModuleCount; i++) {
        PCSTR rest = After(BootModules[i].Package, Name);
        if (rest && BootModules[i].Package[0]) {
            rest = *rest == '\\' ? rest + 1 : NULL;
        }
        rest = rest ? After(BootModules[i].Name, rest) : NULL;
        if (rest && !*rest) {
            return &BootModules[i];
        }
    }
    return NULL;
}

BOOLEAN KeBootOption(PCSTR Key, PSTR Buffer, SIZE_T Size)
{
    if (Size) {
        Buffer[0] = 0;
    }
    for (PCSTR p = BootCommandLine; *p;) {
        while (*p == ' ') {
            p++;
        }
        SIZE_T i = 0;
        while (Key[i] && p[i] == Key[i]) {
            i++;
        }
        if (!Key[i] && (p[i] == '=' || p[i] == ' ' || !p[i])) {
            p += i + (p[i] == '=');
            SIZE_T length = 0;
            while (p[length] && p[length] != ' ' && length + 1 < Size) {
                Buffer[length] = p[length];
                length++;
            }
            if (Size) {
                Buffer[length] = 0;
            }
            return TRUE;
        }
        while (*p && *p != ' ') {
            p++;
        }
    }
    return FALSE;
}

ULONG64 KeBootOptionNumber(PCSTR Key, ULONG64 Default)
{
    CHAR text[32];
    if (!KeBootOption(Key, text, sizeof(text)) || !text[0]) {
        return Default;
    }
    BOOLEAN hex = text[0] == '0' && Lower(text[1]) == 'x';
    ULONG64 value = 0;
    for (PCSTR p = text + (hex ? 2 : 0); *p; p++) {
        CHAR c = Lower(*p);
        ULONG digit = c >= '0' && c <= '9'          ? (ULONG)(c - '0')
                      : hex && c >= 'a' && c <= 'f' ? (ULONG)(c - 'a' + 10)
                                                    : 99;
        if (digit == 99) {
            return Default;
        }
        value = value * (hex ? 16 : 10) + digit;
    }
    return value;
}
