/* SPDX-License-Identifier: MIT */
/*
 * UTF-8 and UTF-16. Ill-formed input becomes U+FFFD and STATUS_SOME_NOT_MAPPED, one for each maximal part of a sequence (Unicode 3.9, U+FFFD
 * substitution). Sizes in bytes. PASSIVE_LEVEL.
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-rtlutf8tounicoden
 */
#include "rtl/rtl.h"

#define REPLACEMENT 0xFFFD

typedef struct _DECODED {
    ULONG CodePoint;
    ULONG Units; /* of input that it took */
    BOOLEAN Bad;
} DECODED;

static DECODED DecodeUtf8(const UCHAR *Text, ULONG Length)
{
    UCHAR Lead = Text[0];
    ULONG Trail = Lead >= 0xF0 ? 3 : Lead >= 0xE0 ? 2 : 1, Value;
    if (Lead < 0x80) {
        return (DECODED){Lead, 1, FALSE};
    }
    if (Lead < 0xC2 || Lead > 0xF4) {
        return (DECODED){REPLACEMENT, 1, TRUE};
    }
    Value = Lead & (0x3F >> Trail);
    for (ULONG i = 1; i <= Trail; i++) {
        UCHAR Low = 0x80, High = 0xBF;
        if (i == 1) { /* no overlong forms, no surrogates, nothing above U+10FFFF */
            Low = Lead == 0xE0 ? 0xA0 : Lead == 0xF0 ? 0x90 : Low;
            High = Lead == 0xED ? 0x9F : Lead == 0xF4 ? 0x8F : High;
        }
        if (i >= Length || Text[i] < Low || Text[i] > High) {
            return (DECODED){REPLACEMENT, i, TRUE};
        }
        Value = Value << 6 | (Text[i] & 0x3F);
    }
    return (DECODED){Value, Trail + 1, FALSE};
}

static DECODED DecodeUtf16(PCWCH Text, ULONG Units)
{
    if (Text[0] < 0xD800 || Text[0] > 0xDFFF) {
        return (DECODED){Text[0], 1, FALSE};
    }
    if (Text[0] < 0xDC00 && Units > 1 && Text[1] >= 0xDC00 && Text[1] <= 0xDFFF) {
        return (DECODED){0x10000 + ((ULONG)(Text[0] - 0xD800) << 10) + (Text[1] - 0xDC00u), 2, FALSE};
    }
    return (DECODED){REPLACEMENT, 1, TRUE};
}

/* UnicodeStringDestination NULL: only the size is computed. STATUS_BUFFER_TOO_SMALL after what fits. */
NTSTATUS NTAPI RtlUTF8ToUnicodeN(PWSTR UnicodeStringDestination, ULONG UnicodeStringMaxByteCount,
                                 PULONG UnicodeStringActualByteCount, PCCH UTF8StringSource, ULONG UTF8StringByteCount)
{
    const UCHAR *Text = (const UCHAR *)UTF8StringSource;
    ULONG Room = UnicodeStringDestination ? UnicodeStringMaxByteCount / sizeof(WCHAR) : 0xFFFFFFFF, Count = 0;
    NTSTATUS Status = STATUS_SUCCESS;
    if (!UTF8StringSource || (!UnicodeStringDestination && !UnicodeStringActualByteCount)) {
        return STATUS_INVALID_PARAMETER;
    }
    for (ULONG i = 0; i < UTF8StringByteCount;) {
        DECODED Decoded = DecodeUtf8(Text + i, UTF8StringByteCount - i);
        ULONG Units = Decoded.CodePoint >= 0x10000 ? 2 : 1;
        if (Units > Room - Count) {
            Status = STATUS_BUFFER_TOO_SMALL;
            break;
        }
        if (Decoded.Bad) {
            Status = STATUS_SOME_NOT_MAPPED;
        }
        if (UnicodeStringDestination && Units == 2) {
            UnicodeStringDestination[Count] = (WCHAR)(0xD800 + ((Decoded.CodePoint - 0x10000) >> 10));
            UnicodeStringDestination[Count + 1] = (WCHAR)(0xDC00 + (Decoded.CodePoint & 0x3FF));
        } else if (UnicodeStringDestination) {
            UnicodeStringDestination[Count] = (WCHAR)Decoded.CodePoint;
        }
        Count += Units;
        i += Decoded.Units;
    }
    if (UnicodeStringActualByteCount) {
        *UnicodeStringActualByteCount = Count * sizeof(WCHAR);
    }
    return Status;
}

/* Bytes of a code point in UTF-8. */
static ULONG Utf8Length(ULONG CodePoint)
{
    return CodePoint < 0x80 ? 1 : CodePoint < 0x800 ? 2 : CodePoint < 0x10000 ? 3 : 4;
}

NTSTATUS NTAPI RtlUnicodeToUTF8N(PCHAR UTF8StringDestination, ULONG UTF8StringMaxByteCount,
                                 PULONG UTF8StringActualByteCount, PCWCH UnicodeStringSource,
                                 ULONG UnicodeStringByteCount)
{
    static const UCHAR Lead[5] = {0, 0x00, 0xC0, 0xE0, 0xF0};
    ULONG Room = UTF8StringDestination ? UTF8StringMaxByteCount : 0xFFFFFFFF, Count = 0;
    ULONG Units = UnicodeStringByteCount / sizeof(WCHAR);
    NTSTATUS Status = STATUS_SUCCESS;
    if (!UnicodeStringSource || (!UTF8StringDestination && !UTF8StringActualByteCount)) {
        return STATUS_INVALID_PARAMETER;
    }
    for (ULONG i = 0; i < Units;) {
        DECODED Decoded = DecodeUtf16(UnicodeStringSource + i, Units - i);
        ULONG Length = Utf8Length(Decoded.CodePoint), Rest = Decoded.CodePoint;
        if (Length > Room - Count) {
            Status = STATUS_BUFFER_TOO_SMALL;
            break;
        }
        if (Decoded.Bad) {
            Status = STATUS_SOME_NOT_MAPPED;
        }
        for (ULONG Byte = Length; UTF8StringDestination && Byte-- > 1;) {
            UTF8StringDestination[Count + Byte] = (CHAR)(0x80 | (Rest & 0x3F));
            Rest >>= 6;
        }
        if (UTF8StringDestination) {
            UTF8StringDestination[Count] = (CHAR)(Lead[Length] | Rest);
        }
        Count += Length;
        i += Decoded.Units;
    }
    if (UTF8StringActualByteCount) {
        *UTF8StringActualByteCount = Count;
    }
    return Status;
}
