/* SPDX-License-Identifier: MIT */
/*
 * Memory blocks: the functions that gcc calls by itself (memcpy, memset, …) and the Rtl routines over them. rtl/ and ex/ are written by K4.
 * String instructions are as quick as anything under TCG and, unlike a loop, cannot be turned into a call of themselves.
 * IRQL: any, if the memory is resident.
 */
#include "kernel.h"
#include "rtl/rtl.h"

/* Eight bytes at a time: each repetition of a string instruction costs TCG the same, whatever its width. */
static void CopyUp(void *Target, const void *Source, size_t Length)
{
    size_t Count = Length / 8;
    __asm__ volatile("rep movsq" : "+D"(Target), "+S"(Source), "+c"(Count) : : "memory");
    Count = Length % 8;
    __asm__ volatile("rep movsb" : "+D"(Target), "+S"(Source), "+c"(Count) : : "memory");
}

void *__cdecl memcpy(void *Destination, const void *Source, size_t Length)
{
    if ((ULONG_PTR)Destination - (ULONG_PTR)Source < Length || (ULONG_PTR)Source - (ULONG_PTR)Destination < Length) {
        if (Destination != Source) {
            RtlReportOverlap(Destination, Source, Length, __builtin_return_address(0));
        }
        return memmove(Destination, Source, Length);
    }
    CopyUp(Destination, Source, Length);
    return Destination;
}

void *__cdecl memmove(void *Destination, const void *Source, size_t Length)
{
    UCHAR *Target = Destination;
    const UCHAR *From = Source;
    if ((ULONG_PTR)Target - (ULONG_PTR)From >= Length) {
        CopyUp(Destination, Source, Length);
        return Destination;
    }
    /* The target overlaps the source from behind: copy downwards. */
    Target += Length - 1;
    From += Length - 1;
    __asm__ volatile("std\n\trep movsb\n\tcld" : "+D"(Target), "+S"(From), "+c"(Length) : : "memory", "cc");
    return Destination;
}

void *__cdecl memset(void *Destination, int Value, size_t Length)
{
    void *Target = Destination;
    size_t Count = Length / 8;
    ULONG64 Pattern = 0x0101010101010101ULL * (UCHAR)Value;
    __asm__ volatile("rep stosq" : "+D"(Target), "+c"(Count) : "a"(Pattern) : "memory");
    Count = Length % 8;
    __asm__ volatile("rep stosb" : "+D"(Target), "+c"(Count) : "a"(Pattern) : "memory");
    return Destination;
}

int __cdecl memcmp(const void *Left, const void *Right, size_t Length)
{
    const UCHAR *A = Left, *B = Right;
    for (; Length; Length--, A++, B++) {
        if (*A != *B) {
            return *A < *B ? -1 : 1;
        }
    }
    return 0;
}

void *__cdecl memchr(const void *Block, int Value, size_t Length)
{
    const UCHAR *Byte = Block;
    for (; Length; Length--, Byte++) {
        if (*Byte == (UCHAR)Value) {
            return (void *)(ULONG_PTR)Byte;
        }
    }
    return NULL;
}

/* How many bytes are equal from the start; Length if all are. */
SIZE_T NTAPI RtlCompareMemory(const VOID *Source1, const VOID *Source2, SIZE_T Length)
{
    const UCHAR *A = Source1, *B = Source2;
    SIZE_T Equal = 0;
    while (Equal < Length && A[Equal] == B[Equal]) {
        Equal++;
    }
    return Equal;
}

/* How many bytes, from the start of an array of ULONGs, hold Pattern; a length that is no multiple of 4 is rounded down. */
SIZE_T NTAPI RtlCompareMemoryUlong(PVOID Source, SIZE_T Length, ULONG Pattern)
{
    const ULONG *Word = Source;
    SIZE_T Count = Length / sizeof(ULONG), Equal = 0;
    while (Equal < Count && Word[Equal] == Pattern) {
        Equal++;
    }
    return Equal * sizeof(ULONG);
}

/* The Rtl names are macros to drivers, but exports, too. */
#undef RtlCopyMemory
#undef RtlMoveMemory
#undef RtlFillMemory
#undef RtlZeroMemory
#undef RtlCopyMemoryNonTemporal

VOID NTAPI RtlCopyMemory(PVOID Destination, const VOID *Source, SIZE_T Length)
{
    memcpy(Destination, Source, Length);
}

VOID NTAPI RtlCopyMemoryNonTemporal(PVOID Destination, const VOID *Source, SIZE_T Length)
{
    memcpy(Destination, Source, Length);
}

VOID NTAPI RtlMoveMemory(PVOID Destination, const VOID *Source, SIZE_T Length)
{
    memmove(Destination, Source, Length);
}

VOID NTAPI RtlFillMemory(PVOID Destination, SIZE_T Length, UCHAR Fill)
{
    memset(Destination, Fill, Length);
}

VOID NTAPI RtlZeroMemory(PVOID Destination, SIZE_T Length)
{
    memset(Destination, 0, Length);
}
