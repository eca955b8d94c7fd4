/* SPDX-License-Identifier: MIT */
/*
 * printf as Windows' kernel has it, without floating point. Pure computation: also compiled natively for the unit tests.
 * Format specification fields: https://learn.microsoft.com/cpp/c-runtime-library/format-specification-syntax-printf-and-wprintf-functions
 */
#include "rtl/format.h"
#include <stdint.h>

typedef struct OUTPUT {
    void *Buffer;
    size_t Limit; /* characters that fit, without a terminator */
    size_t Length;
    int Wide;
} OUTPUT;

typedef struct SPECIFIER {
    int Left, Plus, Space, Alternate, Zero;
    int Width, Precision; /* -1: not given */
    int Bytes;            /* of an integer argument: 1, 2, 4, 8 */
    int Wide;             /* %ls %ws %wZ */
} SPECIFIER;

/* UNICODE_STRING and ANSI_STRING, which this file cannot include natively. */
typedef struct COUNTED_STRING {
    uint16_t Length, MaximumLength;
    const void *Buffer;
} COUNTED_STRING;

static void Store(OUTPUT *Out, size_t Index, uint16_t c)
{
    if (Out->Wide) {
        ((uint16_t *)Out->Buffer)[Index] = c;
    } else {
        /* A console is ASCII: other code units show as '?', as DbgPrint does for what the OEM page lacks. */
        ((char *)Out->Buffer)[Index] = c < 0x100 ? (char)c : '?';
    }
}

static void Put(OUTPUT *Out, uint16_t c)
{
    if (Out->Length < Out->Limit) {
        Store(Out, Out->Length, c);
    }
    Out->Length++;
}

static void Pad(OUTPUT *Out, char c, int Count)
{
    while (Count-- > 0) {
        Put(Out, c);
    }
}

static void PutText(OUTPUT *Out, const SPECIFIER *Spec, const void *Text, int Wide, size_t Length)
{
    const char *narrow = Text;
    const uint16_t *wide = Text;
    if (Spec->Precision >= 0 && Length > (size_t)Spec->Precision) {
        Length = (size_t)Spec->Precision;
    }
    int padding = Spec->Width - (int)Length;
    if (!Spec->Left) {
        Pad(Out, ' ', padding);
    }
    for (size_t i = 0; i < Length; i++) {
        Put(Out, !Wide ? (unsigned char)narrow[i] : Out->Wide || wide[i] < 0x80 ? wide[i] : '?');
    }
    if (Spec->Left) {
        Pad(Out, ' ', padding);
    }
}

static size_t BoundedLength(const SPECIFIER *Spec, const void *Text, int Wide)
{
    size_t limit = Spec->Precision >= 0 ? (size_t)Spec->Precision : (size_t)-1;
    size_t length = 0;
    while (length < limit && (Wide ? ((const uint16_t *)Text)[length] != 0 : ((const char *)Text)[length] != 0)) {
        length++;
    }
    return length;
}

static void PutNumber(OUTPUT *Out, const SPECIFIER *Spec, uint64_t Value, int Negative, unsigned Base, int Upper)
{
    char digits[24];
    int count = 0;
    const char *set = Upper ? "0123456789ABCDEF" : "0123456789abcdef";
    int nonzero = Value != 0;
    while (Value) {
        digits[count++] = set[Value % Base];
        Value /= Base;
    }
    int minimum = Spec->Precision >= 0 ? Spec->Precision : 1;
    const char *prefix = Negative ? "-" : Spec->Plus ? "+" : Spec->Space ? " " : "";
    if (Spec->Alternate && Base == 16 && nonzero) {
        prefix = Upper ? "0X" : "0x";
    } else if (Spec->Alternate && Base == 8 && minimum <= count) {
        minimum = count + 1;
    }
    int prefix_length = prefix[0] ? (prefix[1] ? 2 : 1) : 0;
    int zeros = minimum > count ? minimum - count : 0;
    int padding = Spec->Width - prefix_length - zeros - count;
    if (Spec->Zero && !Spec->Left && Spec->Precision < 0) {
        zeros += padding > 0 ? padding : 0;
        padding = 0;
    }
    if (!Spec->Left) {
        Pad(Out, ' ', padding);
    }
    for (const char *p = prefix; *p; p++) {
        Put(Out, *p);
    }
    Pad(Out, '0', zeros);
    while (count) {
        Put(Out, digits[--count]);
    }
    if (Spec->Left) {
        Pad(Out, ' ', padding);
    }
}

/* Flags, width, precision and size prefix; returns the pointer to the conversion character. */
static const char *ParseSpecifier(const char *p, SPECIFIER *Spec, va_list *Arguments)
{
    *Spec = (SPECIFIER){.Precision = -1, .Bytes = 4};
    for (;; p++) {
        if (*p == '-') {
            Spec->Left = 1;
        } else if (*p == '+') {
            Spec->Plus = 1;
        } else if (*p == ' ') {
            Spec->Space = 1;
        } else if (*p == '#') {
            Spec->Alternate = 1;
        } else if (*p == '0') {
            Spec->Zero = 1;
        } else {
            break;
        }
    }
    if (*p == '*') {
        Spec->Width = va_arg(*Arguments, int);
        if (Spec->Width < 0) {
            Spec->Left = 1;
            Spec->Width = -Spec->Width;
        }
        p++;
    }
    for (; *p >= '0' && *p <= '9'; p++) {
        Spec->Width = Spec->Width * 10 + *p - '0';
    }
    if (*p == '.') {
        Spec->Precision = 0;
        if (*++p == '*') {
            Spec->Precision = va_arg(*Arguments, int);
            p++;
        }
        for (; *p >= '0' && *p <= '9'; p++) {
            Spec->Precision = Spec->Precision * 10 + *p - '0';
        }
    }
    for (;; p++) {
        if (*p == 'h') {
            Spec->Bytes = Spec->Bytes == 2 ? 1 : 2;
        } else if (*p == 'l') {
            Spec->Bytes = p[1] == 'l' ? 8 : Spec->Bytes; /* long is 32 bits on Windows */
            Spec->Wide = 1;
        } else if (*p == 'w') {
            Spec->Wide = 1;
        } else if (*p == 'z' || *p == 't' || *p == 'j') {
            Spec->Bytes = 8;
        } else if (*p == 'I') {
            Spec->Bytes = 8;
            if (p[1] == '3' && p[2] == '2') {
                Spec->Bytes = 4;
                p += 2;
            } else if (p[1] == '6' && p[2] == '4') {
                p += 2;
            }
        } else {
            return p;
        }
    }
}

static int64_t SignedArgument(const SPECIFIER *Spec, va_list *Arguments)
{
    if (Spec->Bytes == 8) {
        return va_arg(*Arguments, int64_t);
    }
    int32_t value = va_arg(*Arguments, int32_t);
    return Spec->Bytes == 2 ? (int16_t)value : Spec->Bytes == 1 ? (int8_t)value : value;
}

static uint64_t UnsignedArgument(const SPECIFIER *Spec, va_list *Arguments)
{
    if (Spec->Bytes == 8) {
        return va_arg(*Arguments, uint64_t);
    }
    uint32_t value = va_arg(*Arguments, uint32_t);
    return Spec->Bytes == 2 ? (uint16_t)value : Spec->Bytes == 1 ? (uint8_t)value : value;
}

static void PutCounted(OUTPUT *Out, const SPECIFIER *Spec, const COUNTED_STRING *String)
{
    if (!String || !String->Buffer) {
        PutText(Out, Spec, "(null)", 0, 6);
    } else {
        PutText(Out, Spec, String->Buffer, Spec->Wide, Spec->Wide ? String->Length / 2u : String->Length);
    }
}

/* '+' and ' ' mean nothing to unsigned conversions. */
static void PutUnsigned(OUTPUT *Out, SPECIFIER *Spec, uint64_t Value, unsigned Base, int Upper)
{
    Spec->Plus = Spec->Space = 0;
    PutNumber(Out, Spec, Value, 0, Base, Upper);
}

static void PutPointer(OUTPUT *Out, SPECIFIER *Spec, const void *Pointer)
{
    Spec->Precision = 16;
    PutNumber(Out, Spec, (uint64_t)(uintptr_t)Pointer, 0, 16, 1);
}

/* %s and %c take the width of the function, %S and %C the other one; a prefix (l, w: wide, h: narrow) overrides both. */
static int IsWideText(const OUTPUT *Out, const SPECIFIER *Spec, int Opposite)
{
    if (Spec->Wide) {
        return 1;
    }
    return Spec->Bytes == 2 ? 0 : Out->Wide != Opposite;
}

static void Convert(OUTPUT *Out, SPECIFIER *Spec, char Conversion, va_list *Arguments)
{
    switch (Conversion) {
    case 'd':
    case 'i': {
        int64_t value = SignedArgument(Spec, Arguments);
        PutNumber(Out, Spec, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, value < 0, 10, 0);
        break;
    }
    case 'u':
        PutUnsigned(Out, Spec, UnsignedArgument(Spec, Arguments), 10, 0);
        break;
    case 'o':
        PutUnsigned(Out, Spec, UnsignedArgument(Spec, Arguments), 8, 0);
        break;
    case 'x':
    case 'X':
        PutUnsigned(Out, Spec, UnsignedArgument(Spec, Arguments), 16, Conversion == 'X');
        break;
    case 'p':
        PutPointer(Out, Spec, va_arg(*Arguments, const void *));
        break;
    case 'C':
    case 'c': {
        uint16_t unit = (uint16_t)va_arg(*Arguments, int);
        Spec->Precision = -1;
        Spec->Wide = IsWideText(Out, Spec, Conversion == 'C');
        if (!Spec->Wide) {
            unit &= 0xFF;
        }
        PutText(Out, Spec, &unit, Spec->Wide, 1);
        break;
    }
    case 'S':
    case 's': {
        const void *text = va_arg(*Arguments, const void *);
        Spec->Wide = IsWideText(Out, Spec, Conversion == 'S');
        if (!text) {
            PutText(Out, Spec, "(null)", 0, 6);
        } else {
            PutText(Out, Spec, text, Spec->Wide, BoundedLength(Spec, text, Spec->Wide));
        }
        break;
    }
    case 'Z':
        PutCounted(Out, Spec, va_arg(*Arguments, const COUNTED_STRING *));
        break;
    case '%':
        Put(Out, '%');
        break;
    default:
        Put(Out, '%');
        Put(Out, Conversion);
    }
}

size_t RtlFormatTextV(void *Buffer, size_t Limit, int Wide, const void *Format, va_list Arguments)
{
    OUTPUT output = {.Buffer = Buffer, .Limit = Limit, .Wide = Wide}, *Out = &output;
    const char *narrow = Format;
    const uint16_t *wide = Format;
    va_list arguments;
    va_copy(arguments, Arguments);
    for (size_t i = 0; Out->Wide ? wide[i] != 0 : narrow[i] != 0; i++) {
        char text[32]; /* the conversion specification; longer ones do not exist */
        const char *end;
        SPECIFIER spec;
        size_t count = 0;
        uint16_t c = Out->Wide ? wide[i] : (unsigned char)narrow[i];
        if (c != '%') {
            Put(Out, c);
            continue;
        }
        while (count + 1 < sizeof(text)) {
            uint16_t next = Out->Wide ? wide[i + 1 + count] : (unsigned char)narrow[i + 1 + count];
            text[count++] = next < 0x80 ? (char)next : '?';
            if (!next) {
                break;
            }
        }
        text[count < sizeof(text) ? count : sizeof(text) - 1] = 0;
        end = ParseSpecifier(text, &spec, &arguments);
        if (!*end) {
            break;
        }
        Convert(Out, &spec, *end, &arguments);
        i += (size_t)(end - text) + 1;
    }
    va_end(arguments);
    return Out->Length;
}

size_t RtlFormatV(char *Buffer, size_t Size, const char *Format, va_list Arguments)
{
    size_t length = RtlFormatTextV(Buffer, Size ? Size - 1 : 0, 0, Format, Arguments);
    if (Size) {
        Buffer[length < Size ? length : Size - 1] = 0;
    }
    return length;
}

size_t RtlFormat(char *Buffer, size_t Size, const char *Format, ...)
{
    va_list arguments;
    va_start(arguments, Format);
    size_t length = RtlFormatV(Buffer, Size, Format, arguments);
    va_end(arguments);
    return length;
}
