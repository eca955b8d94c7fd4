/* SPDX-License-Identifier: MIT */
/* JSON writer (RFC 8259). What does not fit sets Overflow and is dropped, so a caller checks once at the end. */
#include "agent/json.h"

static void Put(JSON_WRITER *Writer, const char *Bytes, size_t Length)
{
    if (Writer->Overflow || Writer->Length + Length + 1 > Writer->Size) {
        Writer->Overflow = true;
        return;
    }
    for (size_t i = 0; i < Length; i++) {
        Writer->Buffer[Writer->Length + i] = Bytes[i];
    }
    Writer->Length += Length;
    Writer->Buffer[Writer->Length] = 0;
}

static void PutChar(JSON_WRITER *Writer, char Character)
{
    Put(Writer, &Character, 1);
}

static size_t TextLength(const char *Text)
{
    size_t length = 0;
    while (Text[length]) {
        length++;
    }
    return length;
}

/* Before each element: the comma that separates it from the one before. */
static void BeginElement(JSON_WRITER *Writer)
{
    if (Writer->Comma) {
        PutChar(Writer, ',');
    }
    Writer->Comma = true;
}

static void PutEscaped(JSON_WRITER *Writer, uint8_t Byte)
{
    static const char digits[] = "0123456789abcdef";

    if (Byte == '"' || Byte == '\\') {
        PutChar(Writer, '\\');
        PutChar(Writer, (char)Byte);
    } else if (Byte >= 0x20) {
        PutChar(Writer, (char)Byte);
    } else {
        const char escape[6] = {'\\', 'u', '0', '0', digits[Byte >> 4], digits[Byte & 15]};
        Put(Writer, escape, sizeof(escape));
    }
}

static void PutCodePoint(JSON_WRITER *Writer, uint32_t Point)
{
    if (Point < 0x80) {
        PutEscaped(Writer, (uint8_t)Point);
    } else if (Point < 0x800) {
        PutChar(Writer, (char)(0xC0 | Point >> 6));
        PutChar(Writer, (char)(0x80 | (Point & 63)));
    } else if (Point < 0x10000) {
        PutChar(Writer, (char)(0xE0 | Point >> 12));
        PutChar(Writer, (char)(0x80 | (Point >> 6 & 63)));
        PutChar(Writer, (char)(0x80 | (Point & 63)));
    } else {
        PutChar(Writer, (char)(0xF0 | Point >> 18));
        PutChar(Writer, (char)(0x80 | (Point >> 12 & 63)));
        PutChar(Writer, (char)(0x80 | (Point >> 6 & 63)));
        PutChar(Writer, (char)(0x80 | (Point & 63)));
    }
}

void JsonWriterInit(JSON_WRITER *Writer, char *Buffer, size_t Size)
{
    Writer->Buffer = Buffer;
    Writer->Size = Size;
    JsonReset(Writer);
}

void JsonReset(JSON_WRITER *Writer)
{
    Writer->Length = 0;
    Writer->Overflow = Writer->Size == 0;
    Writer->Comma = false;
    if (Writer->Size) {
        Writer->Buffer[0] = 0;
    }
}

void JsonBeginObject(JSON_WRITER *Writer)
{
    BeginElement(Writer);
    PutChar(Writer, '{');
    Writer->Comma = false;
}

void JsonEndObject(JSON_WRITER *Writer)
{
    PutChar(Writer, '}');
    Writer->Comma = true;
}

void JsonBeginArray(JSON_WRITER *Writer)
{
    BeginElement(Writer);
    PutChar(Writer, '[');
    Writer->Comma = false;
}

void JsonEndArray(JSON_WRITER *Writer)
{
    PutChar(Writer, ']');
    Writer->Comma = true;
}

void JsonKey(JSON_WRITER *Writer, const char *Key)
{
    JsonString(Writer, Key);
    PutChar(Writer, ':');
    Writer->Comma = false;
}

void JsonString(JSON_WRITER *Writer, const char *Text)
{
    if (!Text) {
        JsonNull(Writer);
    } else {
        JsonStringN(Writer, Text, TextLength(Text));
    }
}

void JsonStringN(JSON_WRITER *Writer, const char *Text, size_t Length)
{
    BeginElement(Writer);
    PutChar(Writer, '"');
    for (size_t i = 0; i < Length; i++) {
        PutEscaped(Writer, (uint8_t)Text[i]);
    }
    PutChar(Writer, '"');
}

void JsonWide(JSON_WRITER *Writer, const uint16_t *Text, size_t Units)
{
    BeginElement(Writer);
    PutChar(Writer, '"');
    for (size_t i = 0; i < Units; i++) {
        uint32_t point = Text[i];
        if (point >= 0xD800 && point < 0xE000) {
            bool paired = point < 0xDC00 && i + 1 < Units && Text[i + 1] >= 0xDC00 && Text[i + 1] < 0xE000;
            point = paired ? 0x10000 + ((point - 0xD800) << 10) + (Text[++i] - 0xDC00u) : 0xFFFD;
        }
        PutCodePoint(Writer, point);
    }
    PutChar(Writer, '"');
}

void JsonInt(JSON_WRITER *Writer, int64_t Value)
{
    if (Value >= 0) {
        JsonUnsigned(Writer, (uint64_t)Value);
        return;
    }
    BeginElement(Writer);
    PutChar(Writer, '-');
    Writer->Comma = false;
    JsonUnsigned(Writer, 0 - (uint64_t)Value);
}

void JsonUnsigned(JSON_WRITER *Writer, uint64_t Value)
{
    char digits[20];
    size_t first = sizeof(digits);

    BeginElement(Writer);
    do {
        digits[--first] = (char)('0' + Value % 10);
        Value /= 10;
    } while (Value);
    Put(Writer, digits + first, sizeof(digits) - first);
}

void JsonBool(JSON_WRITER *Writer, bool Value)
{
    BeginElement(Writer);
    Put(Writer, Value ? "true" : "false", Value ? 4 : 5);
}

void JsonNull(JSON_WRITER *Writer)
{
    BeginElement(Writer);
    Put(Writer, "null", 4);
}

void JsonPutString(JSON_WRITER *Writer, const char *Key, const char *Text)
{
    JsonKey(Writer, Key);
    JsonString(Writer, Text);
}

void JsonPutWide(JSON_WRITER *Writer, const char *Key, const uint16_t *Text, size_t Units)
{
    JsonKey(Writer, Key);
    JsonWide(Writer, Text, Units);
}

void JsonPutInt(JSON_WRITER *Writer, const char *Key, int64_t Value)
{
    JsonKey(Writer, Key);
    JsonInt(Writer, Value);
}

void JsonPutUnsigned(JSON_WRITER *Writer, const char *Key, uint64_t Value)
{
    JsonKey(Writer, Key);
    JsonUnsigned(Writer, Value);
}

void JsonPutBool(JSON_WRITER *Writer, const char *Key, bool Value)
{
    JsonKey(Writer, Key);
    JsonBool(Writer, Value);
}

void JsonPutNull(JSON_WRITER *Writer, const char *Key)
{
    JsonKey(Writer, Key);
    JsonNull(Writer);
}
