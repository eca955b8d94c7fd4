/* SPDX-License-Identifier: MIT */
/* Integers to and from text. */
#include "rtl/rtl.h"

/* Digits of Value in Base (2..36), lower case, right-aligned at End; returns the first. */
static char *Digits(char *End, ULONG64 Value, unsigned Base, char First)
{
    do {
        unsigned Digit = (unsigned)(Value % Base);
        *--End = (char)(Digit < 10 ? '0' + Digit : First + Digit - 10);
        Value /= Base;
    } while (Value);
    return End;
}

static int DigitValue(WCHAR c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'Z' ? c - 'A' + 10 : 99;
}

static int IsSpace(WCHAR c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

int __cdecl atoi(const char *Text)
{
    ULONG Value = 0;
    int Negative;
    while (IsSpace((UCHAR)*Text)) {
        Text++;
    }
    Negative = *Text == '-';
    if (*Text == '-' || *Text == '+') {
        Text++;
    }
    for (; *Text >= '0' && *Text <= '9'; Text++) {
        Value = Value * 10 + (ULONG)(*Text - '0');
    }
    return (int)(Negative ? 0 - Value : Value);
}

long __cdecl atol(const char *Text)
{
    return atoi(Text);
}

/* As strtoul of a wide string in the C standard; 32 bits, ULONG_MAX when too large. */
unsigned long __cdecl wcstoul(const wchar_t *Text, wchar_t **End, int Base)
{
    const wchar_t *p = Text, *Start;
    ULONG64 Value = 0;
    int Negative, Any = 0, Overflow = 0;
    while (IsSpace(*p)) {
        p++;
    }
    Negative = *p == '-';
    if (*p == '-' || *p == '+') {
        p++;
    }
    if ((Base == 0 || Base == 16) && p[0] == '0' && (p[1] == 'x' || p[1] == 'X') && DigitValue(p[2]) < 16) {
        Base = 16;
        p += 2;
    } else if (Base == 0) {
        Base = *p == '0' ? 8 : 10;
    }
    for (Start = p; DigitValue(*p) < Base; p++) {
        Value = Value * (unsigned)Base + (unsigned)DigitValue(*p);
        if (Value > 0xFFFFFFFFULL) {
            Overflow = 1;
            Value = 0xFFFFFFFFULL;
        }
    }
    Any = p != Start;
    if (End) {
        *End = (wchar_t *)(ULONG_PTR)(Any ? p : Text);
    }
    if (Overflow) {
        return 0xFFFFFFFFUL;
    }
    return (ULONG)(Negative ? 0 - Value : Value);
}

long __cdecl _wtol(const wchar_t *Text)
{
    ULONG Value = 0;
    int Negative;
    while (IsSpace(*Text)) {
        Text++;
    }
    Negative = *Text == '-';
    if (*Text == '-' || *Text == '+') {
        Text++;
    }
    for (; *Text >= '0' && *Text <= '9'; Text++) {
        Value = Value * 10 + (ULONG)(*Text - '0');
    }
    return (LONG)(Negative ? 0 - Value : Value);
}

int __cdecl _wtoi(const wchar_t *Text)
{
    return (int)_wtol(Text);
}

/* Base 10 shows a sign, the others the two's complement. */
char *__cdecl _itoa(int Value, char *Buffer, int Base)
{
    char Text[40], *End = Text + sizeof(Text), *First;
    int Negative = Base == 10 && Value < 0;
    First = Digits(End, Negative ? 0u - (unsigned)Value : (unsigned)Value, (unsigned)Base, 'a');
    if (Negative) {
        *--First = '-';
    }
    memcpy(Buffer, First, (SIZE_T)(End - First));
    Buffer[End - First] = 0;
    return Buffer;
}

wchar_t *__cdecl _itow(int Value, wchar_t *Buffer, int Base)
{
    char Text[40];
    SIZE_T i = 0;
    _itoa(Value, Text, Base);
    do {
        Buffer[i] = (wchar_t)(UCHAR)Text[i];
    } while (Text[i++]);
    return Buffer;
}

/* Base 0 means 10; STATUS_INVALID_PARAMETER for others than 2, 8, 10, 16. Any IRQL. */
static NTSTATUS CheckBase(PULONG Base)
{
    *Base = *Base ? *Base : 10;
    return *Base == 2 || *Base == 8 || *Base == 10 || *Base == 16 ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

/* Length < 0 pads with zeroes to -Length characters. A terminator is written if there is room. */
NTSTATUS NTAPI RtlIntegerToChar(ULONG Value, ULONG Base, LONG Length, PCHAR String)
{
    char Text[40], *End = Text + sizeof(Text), *First;
    LONG Room = Length < 0 ? -Length : Length;
    if (!NT_SUCCESS(CheckBase(&Base))) {
        return STATUS_INVALID_PARAMETER;
    }
    First = Digits(End, Value, Base, 'A');
    while (Length < 0 && End - First < Room && First > Text) {
        *--First = '0';
    }
    if (End - First > Room) {
        return STATUS_BUFFER_OVERFLOW;
    }
    memcpy(String, First, (SIZE_T)(End - First));
    if (End - First < Room) {
        String[End - First] = 0;
    }
    return STATUS_SUCCESS;
}

static NTSTATUS ToUnicode(ULONG64 Value, ULONG Base, PUNICODE_STRING String)
{
    char Text[72], *End = Text + sizeof(Text), *First;
    SIZE_T Count;
    if (!NT_SUCCESS(CheckBase(&Base))) {
        return STATUS_INVALID_PARAMETER;
    }
    First = Digits(End, Value, Base, 'A');
    Count = (SIZE_T)(End - First);
    if (Count * sizeof(WCHAR) > String->MaximumLength) {
        return STATUS_BUFFER_OVERFLOW;
    }
    for (SIZE_T i = 0; i < Count; i++) {
        String->Buffer[i] = (WCHAR)(UCHAR)First[i];
    }
    String->Length = (USHORT)(Count * sizeof(WCHAR));
    if (String->Length + sizeof(WCHAR) <= String->MaximumLength) {
        String->Buffer[Count] = 0;
    }
    return STATUS_SUCCESS;
}

/* PASSIVE_LEVEL. */
NTSTATUS NTAPI RtlIntegerToUnicodeString(ULONG Value, ULONG Base, PUNICODE_STRING String)
{
    return ToUnicode(Value, Base, String);
}

NTSTATUS NTAPI RtlInt64ToUnicodeString(ULONGLONG Value, ULONG Base, PUNICODE_STRING String)
{
    return ToUnicode(Value, Base, String);
}

/* Leading blanks, sign, 0x/0o/0b prefix when Base is 0; stops at the first character that is no digit. PASSIVE_LEVEL. */
static NTSTATUS Parse(PCWCH Text, SIZE_T Length, ULONG Base, PULONG Value)
{
    SIZE_T i = 0;
    ULONG Result = 0;
    BOOLEAN Negative = FALSE;
    while (i < Length && Text[i] && Text[i] <= ' ') {
        i++;
    }
    if (i < Length && (Text[i] == '-' || Text[i] == '+')) {
        Negative = Text[i++] == '-';
    }
    if (!Base) {
        Base = 10;
        if (i + 1 < Length && Text[i] == '0') {
            ULONG Prefix = Text[i + 1] == 'x' ? 16 : Text[i + 1] == 'o' ? 8 : Text[i + 1] == 'b' ? 2 : 0;
            if (Prefix) {
                Base = Prefix;
                i += 2;
            }
        }
    } else if (!NT_SUCCESS(CheckBase(&Base))) {
        return STATUS_INVALID_PARAMETER;
    }
    for (; i < Length && DigitValue(Text[i]) < (int)Base; i++) {
        Result = Result * Base + (ULONG)DigitValue(Text[i]);
    }
    *Value = Negative ? 0 - Result : Result;
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlUnicodeStringToInteger(PCUNICODE_STRING String, ULONG Base, PULONG Value)
{
    return Parse(String->Buffer, String->Length / sizeof(WCHAR), Base, Value);
}

/* String is terminated by 0. */
NTSTATUS NTAPI RtlCharToInteger(PCSZ String, ULONG Base, PULONG Value)
{
    WCHAR Wide[80];
    SIZE_T Length = 0;
    while (*String && (UCHAR)*String <= ' ') {
        String++;
    }
    for (; Length < COUNT_OF(Wide) && String[Length]; Length++) {
        Wide[Length] = (UCHAR)String[Length];
    }
    return Parse(Wide, Length, Base, Value);
}
