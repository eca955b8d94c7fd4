/* SPDX-License-Identifier: MIT */
/*
 * ANSI_STRINGs and conversions between them and UNICODE_STRINGs. The ANSI and the OEM code page are Windows-1252; lengths are in bytes.
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlansistringtounicodestring
 */
#include "rtl/rtl.h"

#define CALLER __builtin_return_address(0)

/* 0x80-0x9F of Windows-1252; the five undefined bytes map to the C1 controls. */
static const WCHAR High[32] = {0x20AC, 0x0081, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
                               0x2039, 0x0152, 0x008D, 0x017D, 0x008F, 0x0090, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
                               0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x009D, 0x017E, 0x0178};

WCHAR RtlpAnsiToUnicode(UCHAR Byte)
{
    return Byte >= 0x80 && Byte < 0xA0 ? High[Byte - 0x80] : Byte;
}

UCHAR RtlpUnicodeToAnsi(WCHAR Unit)
{
    if (Unit < 0x80 || (Unit >= 0xA0 && Unit <= 0xFF)) {
        return (UCHAR)Unit;
    }
    for (ULONG i = 0; i < COUNT_OF(High); i++) {
        if (High[i] == Unit) {
            return (UCHAR)(0x80 + i);
        }
    }
    return '?';
}

/* Any IRQL. Source may be NULL. */
VOID NTAPI RtlInitAnsiString(PANSI_STRING DestinationString, PCSZ SourceString)
{
    SIZE_T Length = SourceString ? strlen(SourceString) : 0;
    if (Length > MAXUSHORT - 1) {
        Length = MAXUSHORT - 1;
    }
    DestinationString->Buffer = (PCHAR)(ULONG_PTR)SourceString;
    DestinationString->Length = (USHORT)Length;
    DestinationString->MaximumLength = SourceString ? (USHORT)(Length + 1) : 0;
}

VOID NTAPI RtlInitString(PSTRING DestinationString, PCSZ SourceString)
{
    RtlInitAnsiString(DestinationString, SourceString);
}

VOID NTAPI RtlCopyString(PSTRING DestinationString, const PSTRING SourceString)
{
    USHORT Length = SourceString ? SourceString->Length : 0;
    if (Length > DestinationString->MaximumLength) {
        Length = DestinationString->MaximumLength;
    }
    if (Length) {
        memmove(DestinationString->Buffer, SourceString->Buffer, Length);
    }
    DestinationString->Length = Length;
}

static int Fold(char c)
{
    UCHAR Byte = (UCHAR)c;
    return c >= 'a' && c <= 'z' ? c - 32 : Byte >= 0xE0 && Byte != 0xF7 && Byte != 0xFF ? Byte - 32 : Byte;
}

LONG NTAPI RtlCompareString(const PSTRING String1, const PSTRING String2, BOOLEAN CaseInSensitive)
{
    USHORT Common = String1->Length < String2->Length ? String1->Length : String2->Length;
    for (USHORT i = 0; i < Common; i++) {
        int A = (UCHAR)String1->Buffer[i], B = (UCHAR)String2->Buffer[i];
        if (CaseInSensitive) {
            A = Fold((char)A);
            B = Fold((char)B);
        }
        if (A != B) {
            return A - B;
        }
    }
    return (LONG)String1->Length - (LONG)String2->Length;
}

BOOLEAN NTAPI RtlEqualString(const PSTRING String1, const PSTRING String2, BOOLEAN CaseInSensitive)
{
    return String1->Length == String2->Length && RtlCompareString(String1, String2, CaseInSensitive) == 0;
}

CHAR NTAPI RtlUpperChar(CHAR Character)
{
    return (CHAR)Fold(Character);
}

VOID NTAPI RtlUpperString(PSTRING DestinationString, const PSTRING SourceString)
{
    USHORT Length = SourceString->Length;
    if (Length > DestinationString->MaximumLength) {
        Length = DestinationString->MaximumLength;
    }
    for (USHORT i = 0; i < Length; i++) {
        DestinationString->Buffer[i] = (CHAR)Fold(SourceString->Buffer[i]);
    }
    DestinationString->Length = Length;
}

/* Bytes that the other form needs, with its terminator. PASSIVE_LEVEL. */
ULONG NTAPI RtlxAnsiStringToUnicodeSize(PCANSI_STRING AnsiString)
{
    return (AnsiString->Length + 1u) * sizeof(WCHAR);
}

ULONG NTAPI RtlxUnicodeStringToAnsiSize(PCUNICODE_STRING UnicodeString)
{
    return UnicodeString->Length / sizeof(WCHAR) + 1u;
}

#undef RtlAnsiStringToUnicodeSize
#undef RtlUnicodeStringToAnsiSize
ULONG NTAPI RtlAnsiStringToUnicodeSize(PANSI_STRING AnsiString);
ULONG NTAPI RtlAnsiStringToUnicodeSize(PANSI_STRING AnsiString)
{
    return RtlxAnsiStringToUnicodeSize(AnsiString);
}

ULONG NTAPI RtlUnicodeStringToAnsiSize(PCUNICODE_STRING UnicodeString);
ULONG NTAPI RtlUnicodeStringToAnsiSize(PCUNICODE_STRING UnicodeString)
{
    return RtlxUnicodeStringToAnsiSize(UnicodeString);
}

/* PASSIVE_LEVEL. The buffer must have room for the terminator, too; an allocated one is freed by RtlFreeUnicodeString. */
NTSTATUS NTAPI RtlAnsiStringToUnicodeString(PUNICODE_STRING DestinationString, PCANSI_STRING SourceString,
                                            BOOLEAN AllocateDestinationString)
{
    ULONG Bytes = RtlxAnsiStringToUnicodeSize(SourceString);
    if (Bytes > MAXUSHORT) {
        return STATUS_INVALID_PARAMETER_2;
    }
    if (AllocateDestinationString) {
        DestinationString->Buffer = RtlAllocateString(Bytes, CALLER);
        if (!DestinationString->Buffer) {
            return STATUS_NO_MEMORY;
        }
        DestinationString->MaximumLength = (USHORT)Bytes;
    } else if (Bytes > DestinationString->MaximumLength) {
        return STATUS_BUFFER_OVERFLOW;
    }
    DestinationString->Length = (USHORT)(Bytes - sizeof(WCHAR));
    for (USHORT i = 0; i < SourceString->Length; i++) {
        DestinationString->Buffer[i] = RtlpAnsiToUnicode((UCHAR)SourceString->Buffer[i]);
    }
    DestinationString->Buffer[SourceString->Length] = 0;
    return STATUS_SUCCESS;
}

/* PASSIVE_LEVEL. What the code page lacks becomes '?'. A buffer too small takes what fits and STATUS_BUFFER_OVERFLOW. */
NTSTATUS NTAPI RtlUnicodeStringToAnsiString(PANSI_STRING DestinationString, PCUNICODE_STRING SourceString,
                                            BOOLEAN AllocateDestinationString)
{
    ULONG Bytes = RtlxUnicodeStringToAnsiSize(SourceString), Length = Bytes - 1;
    NTSTATUS Status = STATUS_SUCCESS;
    if (AllocateDestinationString) {
        DestinationString->Buffer = RtlAllocateString(Bytes, CALLER);
        if (!DestinationString->Buffer) {
            return STATUS_NO_MEMORY;
        }
        DestinationString->MaximumLength = (USHORT)Bytes;
    } else if (Bytes > DestinationString->MaximumLength) {
        if (!DestinationString->MaximumLength) {
            return STATUS_BUFFER_OVERFLOW;
        }
        Status = STATUS_BUFFER_OVERFLOW;
        Length = DestinationString->MaximumLength - 1u;
    }
    for (ULONG i = 0; i < Length; i++) {
        DestinationString->Buffer[i] = (CHAR)RtlpUnicodeToAnsi(SourceString->Buffer[i]);
    }
    DestinationString->Buffer[Length] = 0;
    DestinationString->Length = (USHORT)Length;
    return Status;
}

VOID NTAPI RtlFreeAnsiString(PANSI_STRING AnsiString)
{
    if (AnsiString->Buffer) {
        RtlFreeString(AnsiString->Buffer, CALLER);
        RtlZeroMemory(AnsiString, sizeof(*AnsiString));
    }
}

VOID NTAPI RtlFreeOemString(POEM_STRING OemString)
{
    RtlFreeAnsiString(OemString);
}

WCHAR NTAPI RtlAnsiCharToUnicodeChar(PUCHAR *SourceCharacter)
{
    return RtlpAnsiToUnicode(*(*SourceCharacter)++);
}

/* Sizes in bytes; ResultSize may be NULL. PASSIVE_LEVEL. */
NTSTATUS NTAPI RtlMultiByteToUnicodeN(PWCH UnicodeString, ULONG MaxBytesInUnicodeString, PULONG BytesInUnicodeString,
                                      const CHAR *MultiByteString, ULONG BytesInMultiByteString)
{
    ULONG Count = MaxBytesInUnicodeString / sizeof(WCHAR);
    if (Count > BytesInMultiByteString) {
        Count = BytesInMultiByteString;
    }
    for (ULONG i = 0; i < Count; i++) {
        UnicodeString[i] = RtlpAnsiToUnicode((UCHAR)MultiByteString[i]);
    }
    if (BytesInUnicodeString) {
        *BytesInUnicodeString = Count * sizeof(WCHAR);
    }
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlUnicodeToMultiByteN(PCHAR MultiByteString, ULONG MaxBytesInMultiByteString,
                                      PULONG BytesInMultiByteString, PCWCH UnicodeString, ULONG BytesInUnicodeString)
{
    ULONG Count = BytesInUnicodeString / sizeof(WCHAR);
    if (Count > MaxBytesInMultiByteString) {
        Count = MaxBytesInMultiByteString;
    }
    for (ULONG i = 0; i < Count; i++) {
        MultiByteString[i] = (CHAR)RtlpUnicodeToAnsi(UnicodeString[i]);
    }
    if (BytesInMultiByteString) {
        *BytesInMultiByteString = Count;
    }
    return STATUS_SUCCESS;
}
