/* SPDX-License-Identifier: MIT */
/* Run-time library: prototypes that mingw's DDK headers lack, and what rtl's files use of each other. rtl/ is written by K4. */
#ifndef RTL_RTL_H
#define RTL_RTL_H
#include "kernel.h"

void *__cdecl memcpy(void *Destination, const void *Source, size_t Length);
void *__cdecl memmove(void *Destination, const void *Source, size_t Length);
void *__cdecl memset(void *Destination, int Value, size_t Length);
int __cdecl memcmp(const void *Left, const void *Right, size_t Length);
void *__cdecl memchr(const void *Block, int Value, size_t Length);
SIZE_T NTAPI RtlCompareMemoryUlong(PVOID Source, SIZE_T Length, ULONG Pattern);

#endif
