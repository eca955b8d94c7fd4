/* SPDX-License-Identifier: MIT */
/*
 * Run-time library: prototypes that mingw's DDK headers lack, and what rtl's files use of each other. rtl/ is written by K4.
 * Everything here but RtlRequireIrql is pure computation and is also compiled natively for tests/testkernel/native.
 */
#ifndef RTL_RTL_H
#define RTL_RTL_H
#include "kernel.h"

/*
 * For what depends on arguments: the case tables of Windows lie in pageable memory, and a driver that needs them above APC_LEVEL faults there
 * sooner or later, here at once. (ke/irql.txt has the functions that are for PASSIVE_LEVEL whatever they are called with.) Kernel code is
 * exempt: our tables are resident. Any IRQL.
 */
VOID RtlRequireIrql(PCSTR Function, KIRQL Maximum, PVOID Caller);
#define RTL_PAGEABLE(Function) RtlRequireIrql((Function), APC_LEVEL, __builtin_return_address(0))

/* memcpy of overlapping blocks by a driver: bug check 0xC4/0xF0; by the kernel's own code: nothing. Any IRQL. */
VOID RtlReportOverlap(PVOID Destination, const VOID *Source, SIZE_T Length, PVOID Caller);

/* A string buffer on behalf of Caller, so that leak reports at unload blame the driver; NULL when out of memory. PASSIVE_LEVEL. */
PVOID RtlAllocateString(SIZE_T Size, PVOID Caller);
VOID RtlFreeString(PVOID Buffer, PVOID Caller);

/* Windows-1252 (the ANSI and OEM code page of this kernel). RtlpUnicodeToAnsi gives '?' for what the page lacks. */
WCHAR RtlpAnsiToUnicode(UCHAR Byte);
UCHAR RtlpUnicodeToAnsi(WCHAR Unit);

void *__cdecl memcpy(void *Destination, const void *Source, size_t Length);
void *__cdecl memmove(void *Destination, const void *Source, size_t Length);
void *__cdecl memset(void *Destination, int Value, size_t Length);
int __cdecl memcmp(const void *Left, const void *Right, size_t Length);
void *__cdecl memchr(const void *Block, int Value, size_t Length);

#endif
