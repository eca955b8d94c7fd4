/* SPDX-License-Identifier: MIT */
/*
 * The stack cookie of an image that was compiled with /GS or -fstack-protector: "the loader must initialize it". A driver built for Windows 8 or
 * later stops with 0x139/6 in its entry point (GsDriverEntry) if it finds the linker's default value.
 * https://learn.microsoft.com/windows/win32/debug/pe-format#the-load-configuration-structure-image-only (SecurityCookie)
 */
#include "boot/cookie.h"

#define DEFAULT_COOKIE 0x00002B992DDFA232ULL
#define COOKIE_MASK    0x0000FFFFFFFFFFFFULL /* the upper 16 bits are clear, so that no string copies over it unseen */

VOID LdrInitializeCookie(PUCHAR Base, ULONG Size)
{
    PIMAGE_NT_HEADERS64 nt = (PVOID)(Base + ((PIMAGE_DOS_HEADER)Base)->e_lfanew);
    PIMAGE_DATA_DIRECTORY directory = &nt->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_LOAD_CONFIG];
    PIMAGE_LOAD_CONFIG_DIRECTORY64 config = (PVOID)(Base + directory->VirtualAddress);
    if (!directory->VirtualAddress || directory->VirtualAddress > Size - sizeof(*config) ||
        config->Size < FIELD_OFFSET(IMAGE_LOAD_CONFIG_DIRECTORY64, SecurityCookie) + sizeof(config->SecurityCookie)) {
        return;
    }
    ULONG64 offset = config->SecurityCookie - (ULONG64)Base; /* relocated before */
    if (offset > Size - sizeof(ULONG64)) {
        return;
    }
    PULONG64 cookie = (PULONG64)(Base + offset);
    if (*cookie == DEFAULT_COOKIE) {
        /* By the address, not by chance: the same boot has the same memory. */
        *cookie = (((ULONG64)Base ^ DEFAULT_COOKIE) * 0x9E3779B97F4A7C15ULL) >> 16 & COOKIE_MASK;
        *cookie += *cookie == DEFAULT_COOKIE || !*cookie;
    }
}
