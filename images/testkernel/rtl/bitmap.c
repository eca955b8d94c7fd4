/* SPDX-License-Identifier: MIT */
/*
 * Bitmaps. The caller synchronizes; any IRQL if the bits are resident. Bit n is bit n%32 of ULONG n/32.
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlinitializebitmap
 */
#include "rtl/rtl.h"

#define NONE 0xFFFFFFFFUL

static BOOLEAN Test(const RTL_BITMAP *Map, ULONG Bit)
{
    return Map->Buffer[Bit / 32] >> (Bit % 32) & 1;
}

static VOID Fill(PRTL_BITMAP Map, ULONG Start, ULONG Count, BOOLEAN Set)
{
    for (ULONG Bit = Start; Bit < Start + Count && Bit < Map->SizeOfBitMap; Bit++) {
        if (Set) {
            Map->Buffer[Bit / 32] |= 1UL << (Bit % 32);
        } else {
            Map->Buffer[Bit / 32] &= ~(1UL << (Bit % 32));
        }
    }
}

/* Length of the run of bits with this value that starts at Start. */
static ULONG Run(const RTL_BITMAP *Map, ULONG Start, BOOLEAN Value)
{
    ULONG Bit = Start;
    while (Bit < Map->SizeOfBitMap && Test(Map, Bit) == Value) {
        Bit++;
    }
    return Bit - Start;
}

VOID NTAPI RtlInitializeBitMap(PRTL_BITMAP BitMapHeader, PULONG BitMapBuffer, ULONG SizeOfBitMap)
{
    BitMapHeader->SizeOfBitMap = SizeOfBitMap;
    BitMapHeader->Buffer = BitMapBuffer;
}

VOID NTAPI RtlClearAllBits(PRTL_BITMAP BitMapHeader)
{
    RtlZeroMemory(BitMapHeader->Buffer, (BitMapHeader->SizeOfBitMap + 31) / 32 * sizeof(ULONG));
}

VOID NTAPI RtlSetAllBits(PRTL_BITMAP BitMapHeader)
{
    memset(BitMapHeader->Buffer, 0xFF, (BitMapHeader->SizeOfBitMap + 31) / 32 * sizeof(ULONG));
}

VOID NTAPI RtlSetBit(PRTL_BITMAP BitMapHeader, ULONG BitNumber)
{
    Fill(BitMapHeader, BitNumber, 1, TRUE);
}

VOID NTAPI RtlClearBit(PRTL_BITMAP BitMapHeader, ULONG BitNumber)
{
    Fill(BitMapHeader, BitNumber, 1, FALSE);
}

BOOLEAN NTAPI RtlTestBit(PRTL_BITMAP BitMapHeader, ULONG BitNumber)
{
    return BitNumber < BitMapHeader->SizeOfBitMap && Test(BitMapHeader, BitNumber);
}

VOID NTAPI RtlSetBits(PRTL_BITMAP BitMapHeader, ULONG StartingIndex, ULONG NumberToSet)
{
    Fill(BitMapHeader, StartingIndex, NumberToSet, TRUE);
}

VOID NTAPI RtlClearBits(PRTL_BITMAP BitMapHeader, ULONG StartingIndex, ULONG NumberToClear)
{
    Fill(BitMapHeader, StartingIndex, NumberToClear, FALSE);
}

static BOOLEAN AllAre(PRTL_BITMAP Map, ULONG Start, ULONG Length, BOOLEAN Value)
{
    return Length && Start < Map->SizeOfBitMap && Length <= Map->SizeOfBitMap - Start &&
           Run(Map, Start, Value) >= Length;
}

BOOLEAN NTAPI RtlAreBitsClear(PRTL_BITMAP BitMapHeader, ULONG StartingIndex, ULONG Length)
{
    return AllAre(BitMapHeader, StartingIndex, Length, FALSE);
}

BOOLEAN NTAPI RtlAreBitsSet(PRTL_BITMAP BitMapHeader, ULONG StartingIndex, ULONG Length)
{
    return AllAre(BitMapHeader, StartingIndex, Length, TRUE);
}

/* The first run of Count bits with this value at or behind Hint, then from the start; NONE if there is none. */
static ULONG Find(PRTL_BITMAP Map, ULONG Count, ULONG Hint, BOOLEAN Value)
{
    if (Hint >= Map->SizeOfBitMap) {
        Hint = 0;
    }
    if (!Count) {
        return Hint & ~7UL; /* documented: the byte of the hint */
    }
    for (ULONG Pass = 0; Pass < 2; Pass++) {
        ULONG End = Pass ? Hint + Count - 1 : Map->SizeOfBitMap;
        if (End > Map->SizeOfBitMap) {
            End = Map->SizeOfBitMap;
        }
        for (ULONG Bit = Pass ? 0 : Hint; Bit < End;) {
            ULONG Length = Run(Map, Bit, Value);
            if (Length >= Count && Bit + Count <= End) {
                return Bit;
            }
            Bit += Length ? Length : Run(Map, Bit, !Value);
        }
    }
    return NONE;
}

ULONG NTAPI RtlFindClearBits(PRTL_BITMAP BitMapHeader, ULONG NumberToFind, ULONG HintIndex)
{
    return Find(BitMapHeader, NumberToFind, HintIndex, FALSE);
}

ULONG NTAPI RtlFindSetBits(PRTL_BITMAP BitMapHeader, ULONG NumberToFind, ULONG HintIndex)
{
    return Find(BitMapHeader, NumberToFind, HintIndex, TRUE);
}

ULONG NTAPI RtlFindClearBitsAndSet(PRTL_BITMAP BitMapHeader, ULONG NumberToFind, ULONG HintIndex)
{
    ULONG Start = Find(BitMapHeader, NumberToFind, HintIndex, FALSE);
    if (Start != NONE) {
        Fill(BitMapHeader, Start, NumberToFind, TRUE);
    }
    return Start;
}

ULONG NTAPI RtlFindSetBitsAndClear(PRTL_BITMAP BitMapHeader, ULONG NumberToFind, ULONG HintIndex)
{
    ULONG Start = Find(BitMapHeader, NumberToFind, HintIndex, TRUE);
    if (Start != NONE) {
        Fill(BitMapHeader, Start, NumberToFind, FALSE);
    }
    return Start;
}

ULONG NTAPI RtlNumberOfSetBits(PRTL_BITMAP BitMapHeader)
{
    ULONG Count = 0;
    for (ULONG Bit = 0; Bit < BitMapHeader->SizeOfBitMap; Bit++) {
        Count += Test(BitMapHeader, Bit);
    }
    return Count;
}

ULONG NTAPI RtlNumberOfClearBits(PRTL_BITMAP BitMapHeader)
{
    return BitMapHeader->SizeOfBitMap - RtlNumberOfSetBits(BitMapHeader);
}

/* Length of the next run of clear bits at or behind FromIndex, whose start goes to StartingRunIndex; 0 if there is none. */
ULONG NTAPI RtlFindNextForwardRunClear(PRTL_BITMAP BitMapHeader, ULONG FromIndex, PULONG StartingRunIndex)
{
    ULONG Start = FromIndex < BitMapHeader->SizeOfBitMap ? FromIndex + Run(BitMapHeader, FromIndex, TRUE)
                                                         : BitMapHeader->SizeOfBitMap;
    *StartingRunIndex = Start;
    return Start < BitMapHeader->SizeOfBitMap ? Run(BitMapHeader, Start, FALSE) : 0;
}

ULONG NTAPI RtlFindFirstRunClear(PRTL_BITMAP BitMapHeader, PULONG StartingIndex)
{
    return RtlFindNextForwardRunClear(BitMapHeader, 0, StartingIndex);
}

/* The run of clear bits that ends at or before FromIndex. */
ULONG NTAPI RtlFindLastBackwardRunClear(PRTL_BITMAP BitMapHeader, ULONG FromIndex, PULONG StartingRunIndex)
{
    LONG64 Bit = FromIndex, End;
    while (Bit >= 0 && Test(BitMapHeader, (ULONG)Bit)) {
        Bit--;
    }
    End = Bit;
    while (Bit >= 0 && !Test(BitMapHeader, (ULONG)Bit)) {
        Bit--;
    }
    *StartingRunIndex = (ULONG)(Bit + 1);
    return (ULONG)(End - Bit);
}

ULONG NTAPI RtlFindLongestRunClear(PRTL_BITMAP BitMapHeader, PULONG StartingIndex)
{
    ULONG Best = 0, Start = 0, Length;
    *StartingIndex = 0;
    while ((Length = RtlFindNextForwardRunClear(BitMapHeader, Start, &Start)) != 0) {
        if (Length > Best) {
            Best = Length;
            *StartingIndex = Start;
        }
        Start += Length;
    }
    return Best;
}

/* The first (LocateLongestRuns: the longest) runs of clear bits; returns how many were found. */
ULONG NTAPI RtlFindClearRuns(PRTL_BITMAP BitMapHeader, PRTL_BITMAP_RUN RunArray, ULONG SizeOfRunArray,
                             BOOLEAN LocateLongestRuns)
{
    ULONG Count = 0, Start = 0, Length;
    while ((Length = RtlFindNextForwardRunClear(BitMapHeader, Start, &Start)) != 0) {
        ULONG Place = Count;
        if (LocateLongestRuns) {
            while (Place > 0 && RunArray[Place - 1].NumberOfBits < Length) {
                Place--;
            }
        }
        if (Place < SizeOfRunArray) {
            ULONG Last = Count < SizeOfRunArray ? Count++ : SizeOfRunArray - 1;
            memmove(&RunArray[Place + 1], &RunArray[Place], (Last - Place) * sizeof(*RunArray));
            RunArray[Place].StartingIndex = Start;
            RunArray[Place].NumberOfBits = Length;
        } else if (!LocateLongestRuns) {
            break;
        }
        Start += Length;
    }
    return Count;
}

/* Number of the highest or lowest bit that is set; -1 for 0. */
CCHAR NTAPI RtlFindMostSignificantBit(ULONGLONG Set)
{
    return Set ? (CCHAR)(63 - __builtin_clzll(Set)) : -1;
}

CCHAR NTAPI RtlFindLeastSignificantBit(ULONGLONG Set)
{
    return Set ? (CCHAR)__builtin_ctzll(Set) : -1;
}

ULONG NTAPI RtlNumberOfSetBitsUlongPtr(ULONG_PTR Target);
ULONG NTAPI RtlNumberOfSetBitsUlongPtr(ULONG_PTR Target)
{
    ULONG Count = 0;
    for (; Target; Target &= Target - 1) {
        Count++;
    }
    return Count;
}
