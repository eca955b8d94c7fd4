/* SPDX-License-Identifier: MIT */
/* A JSON writer (RFC 8259) that collects one value in memory, so that a verb that fails half-way leaves no half answer behind. */
#ifndef BUDDYCTL_JSON_H
#define BUDDYCTL_JSON_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct JSON {
    char *Text; /* UTF-8, not terminated */
    size_t Length;
    size_t Size;
    bool Comma; /* the next element needs a comma before it */
} JSON;

/* Starts an empty value. Memory is only given back by the end of the program; running out of it ends the program. */
void JsonInit(JSON *Json);
void JsonBeginObject(JSON *Json);
void JsonEndObject(JSON *Json);
void JsonBeginArray(JSON *Json);
void JsonEndArray(JSON *Json);
void JsonKey(JSON *Json, const char *Key);
/* UTF-16 text; NULL writes null, unpaired surrogates become U+FFFD. */
void JsonString(JSON *Json, const wchar_t *Text);
/* ASCII text; NULL writes null. */
void JsonAscii(JSON *Json, const char *Text);
void JsonUnsigned(JSON *Json, uint64_t Value);
void JsonBool(JSON *Json, bool Value);
/* Lower-case hexadecimal digits as a string. */
void JsonHex(JSON *Json, const uint8_t *Bytes, size_t Length);
/* Writes the value and a newline to standard output, in one piece. False: standard output is closed. */
bool JsonPrint(JSON *Json);

#endif
