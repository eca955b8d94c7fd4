/* SPDX-License-Identifier: MIT */
/*
 * Simple (one to one) case mapping of UTF-16 code units, as Windows' l_intl.nls does: Latin, Greek, Cyrillic, Armenian, full-width forms.
 * Source: Unicode's UnicodeData.txt, as ranges. Any IRQL here; pageable on Windows.
 */
#include "rtl/rtl.h"

typedef struct _CASE_RANGE {
    WCHAR First, Last; /* lower-case letters */
    SHORT ToUpper;     /* added for upper case */
    UCHAR Step;        /* 1: every unit; 2: every second one */
} CASE_RANGE;

static const CASE_RANGE Ranges[] = {
    {0x0061, 0x007A, -32, 1}, {0x00E0, 0x00F6, -32, 1}, {0x00F8, 0x00FE, -32, 1}, {0x00FF, 0x00FF, 121, 1},
    {0x0101, 0x012F, -1, 2},  {0x0133, 0x0137, -1, 2},  {0x013A, 0x0148, -1, 2},  {0x014B, 0x0177, -1, 2},
    {0x017A, 0x017E, -1, 2},  {0x0183, 0x0185, -1, 2},  {0x0188, 0x0188, -1, 1},  {0x018C, 0x018C, -1, 1},
    {0x0192, 0x0192, -1, 1},  {0x0199, 0x0199, -1, 1},  {0x01A1, 0x01A5, -1, 2},  {0x01CE, 0x01DC, -1, 2},
    {0x01DF, 0x01EF, -1, 2},  {0x01F5, 0x01F5, -1, 1},  {0x01F9, 0x021F, -1, 2},  {0x0223, 0x0233, -1, 2},
    {0x0371, 0x0373, -1, 2},  {0x03AC, 0x03AC, -38, 1}, {0x03AD, 0x03AF, -37, 1}, {0x03B1, 0x03C1, -32, 1},
    {0x03C3, 0x03CB, -32, 1}, {0x03CC, 0x03CC, -64, 1}, {0x03CD, 0x03CE, -63, 1}, {0x03D7, 0x03D7, -8, 1},
    {0x03D9, 0x03EF, -1, 2},  {0x0430, 0x044F, -32, 1}, {0x0450, 0x045F, -80, 1}, {0x0461, 0x0481, -1, 2},
    {0x048B, 0x04BF, -1, 2},  {0x04C2, 0x04CE, -1, 2},  {0x04CF, 0x04CF, -15, 1}, {0x04D1, 0x052F, -1, 2},
    {0x0561, 0x0586, -48, 1}, {0x1E01, 0x1E95, -1, 2},  {0x1EA1, 0x1EFF, -1, 2},  {0x2170, 0x217F, -16, 1},
    {0x24D0, 0x24E9, -26, 1}, {0xFF41, 0xFF5A, -32, 1},
};

WCHAR NTAPI RtlUpcaseUnicodeChar(WCHAR SourceCharacter)
{
    for (ULONG i = 0; i < COUNT_OF(Ranges) && Ranges[i].First <= SourceCharacter; i++) {
        if (SourceCharacter <= Ranges[i].Last && (SourceCharacter - Ranges[i].First) % Ranges[i].Step == 0) {
            return (WCHAR)(SourceCharacter + Ranges[i].ToUpper);
        }
    }
    return SourceCharacter;
}

WCHAR NTAPI RtlDowncaseUnicodeChar(WCHAR SourceCharacter)
{
    if (SourceCharacter < 'A') {
        return SourceCharacter;
    }
    for (ULONG i = 0; i < COUNT_OF(Ranges); i++) {
        WCHAR Lower = (WCHAR)(SourceCharacter - Ranges[i].ToUpper);
        if (Lower >= Ranges[i].First && Lower <= Ranges[i].Last && (Lower - Ranges[i].First) % Ranges[i].Step == 0) {
            return Lower;
        }
    }
    return SourceCharacter;
}
