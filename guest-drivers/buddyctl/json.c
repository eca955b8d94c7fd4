/* SPDX-License-Identifier: MIT */
#include "json.h"
#include <stdlib.h>
#include <string.h>
#include <windows.h>

void JsonInit(JSON *Json)
{
    memset(Json, 0, sizeof(*Json));
}

static void Append(JSON *Json, const char *Text, size_t Length)
{
    if (Json->Length + Length > Json->Size) {
        Json->Size = (Json->Length + Length) * 2;
        Json->Text = realloc(Json->Text, Json->Size);
        if (Json->Text == NULL) {
            ExitProcess(1);
        }
    }
    memcpy(Json->Text + Json->Length, Text, Length);
    Json->Length += Length;
}

static void Element(JSON *Json, const char *Text, size_t Length)
{
    if (Json->Comma) {
        Append(Json, ",", 1);
    }
    Append(Json, Text, Length);
    Json->Comma = true;
}

void JsonBeginObject(JSON *Json)
{
    Element(Json, "{", 1);
    Json->Comma = false;
}

void JsonEndObject(JSON *Json)
{
    Append(Json, "}", 1);
    Json->Comma = true;
}

void JsonBeginArray(JSON *Json)
{
    Element(Json, "[", 1);
    Json->Comma = false;
}

void JsonEndArray(JSON *Json)
{
    Append(Json, "]", 1);
    Json->Comma = true;
}

/* One byte of UTF-8 inside a string. Bytes above 0x7F need no escape. */
static void Byte(JSON *Json, char Character)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char code = (unsigned char)Character;

    if (code == '"' || code == '\\') {
        char escape[] = {'\\', Character};

        Append(Json, escape, sizeof(escape));
    } else if (code < 0x20 || code == 0x7F) {
        char escape[] = {'\\', 'u', '0', '0', digits[code >> 4], digits[code & 0xF]};

        Append(Json, escape, sizeof(escape));
    } else {
        Append(Json, &Character, 1);
    }
}

void JsonAscii(JSON *Json, const char *Text)
{
    if (Text == NULL) {
        Element(Json, "null", 4);
        return;
    }
    Element(Json, "\"", 1);
    while (*Text != '\0') {
        Byte(Json, *Text++);
    }
    Append(Json, "\"", 1);
}

void JsonKey(JSON *Json, const char *Key)
{
    JsonAscii(Json, Key);
    Append(Json, ":", 1);
    Json->Comma = false;
}

/* The character at *Text, which is moved past it. */
static uint32_t NextCharacter(const wchar_t **Text)
{
    uint32_t unit = *(*Text)++;

    if (unit >= 0xD800 && unit < 0xDC00 && **Text >= 0xDC00 && **Text < 0xE000) {
        uint32_t low = *(*Text)++;

        return 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
    }
    return unit >= 0xD800 && unit < 0xE000 ? 0xFFFD : unit;
}

void JsonString(JSON *Json, const wchar_t *Text)
{
    if (Text == NULL) {
        Element(Json, "null", 4);
        return;
    }
    Element(Json, "\"", 1);
    while (*Text != L'\0') {
        uint32_t character = NextCharacter(&Text);

        if (character < 0x80) {
            Byte(Json, (char)character);
        } else if (character < 0x800) {
            Byte(Json, (char)(0xC0 | character >> 6));
            Byte(Json, (char)(0x80 | (character & 0x3F)));
        } else if (character < 0x10000) {
            Byte(Json, (char)(0xE0 | character >> 12));
            Byte(Json, (char)(0x80 | (character >> 6 & 0x3F)));
            Byte(Json, (char)(0x80 | (character & 0x3F)));
        } else {
            Byte(Json, (char)(0xF0 | character >> 18));
            Byte(Json, (char)(0x80 | (character >> 12 & 0x3F)));
            Byte(Json, (char)(0x80 | (character >> 6 & 0x3F)));
            Byte(Json, (char)(0x80 | (character & 0x3F)));
        }
    }
    Append(Json, "\"", 1);
}

void JsonUnsigned(JSON *Json, uint64_t Value)
{
    char digits[20];
    size_t count = 0;

    do {
        digits[sizeof(digits) - ++count] = (char)('0' + Value % 10);
        Value /= 10;
    } while (Value != 0);
    Element(Json, digits + sizeof(digits) - count, count);
}

void JsonBool(JSON *Json, bool Value)
{
    Element(Json, Value ? "true" : "false", Value ? 4 : 5);
}

void JsonHex(JSON *Json, const uint8_t *Bytes, size_t Length)
{
    static const char digits[] = "0123456789abcdef";
    size_t index;

    Element(Json, "\"", 1);
    for (index = 0; index < Length; index++) {
        char pair[] = {digits[Bytes[index] >> 4], digits[Bytes[index] & 0xF]};

        Append(Json, pair, sizeof(pair));
    }
    Append(Json, "\"", 1);
}

bool JsonPrint(JSON *Json)
{
    DWORD written;

    Append(Json, "\n", 1);
    return WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), Json->Text, (DWORD)Json->Length, &written, NULL) &&
           written == Json->Length;
}
