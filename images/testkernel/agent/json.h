/* SPDX-License-Identifier: MIT */
/* JSON (RFC 8259): a writer into a caller's buffer and a parser into a caller's arena. No allocation, no CPU state: runs natively in tests. */
#ifndef AGENT_JSON_H
#define AGENT_JSON_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct JSON_WRITER {
    char *Buffer;
    size_t Size;
    size_t Length; /* bytes written, without the terminator */
    bool Overflow; /* something did not fit: the text is unusable */
    bool Comma;    /* the next element needs a comma before it */
} JSON_WRITER;

void JsonWriterInit(JSON_WRITER *Writer, char *Buffer, size_t Size);
/* Empties the buffer again. */
void JsonReset(JSON_WRITER *Writer);
void JsonBeginObject(JSON_WRITER *Writer);
void JsonEndObject(JSON_WRITER *Writer);
void JsonBeginArray(JSON_WRITER *Writer);
void JsonEndArray(JSON_WRITER *Writer);
void JsonKey(JSON_WRITER *Writer, const char *Key);
void JsonString(JSON_WRITER *Writer, const char *Text);                 /* NULL writes null */
void JsonStringN(JSON_WRITER *Writer, const char *Text, size_t Length); /* bytes, taken as UTF-8 */
void JsonWide(JSON_WRITER *Writer, const uint16_t *Text, size_t Units); /* UTF-16, unpaired surrogates become U+FFFD */
void JsonInt(JSON_WRITER *Writer, int64_t Value);
void JsonUnsigned(JSON_WRITER *Writer, uint64_t Value);
void JsonBool(JSON_WRITER *Writer, bool Value);
void JsonNull(JSON_WRITER *Writer);
/* Key and value in one. */
void JsonPutString(JSON_WRITER *Writer, const char *Key, const char *Text);
void JsonPutWide(JSON_WRITER *Writer, const char *Key, const uint16_t *Text, size_t Units);
void JsonPutInt(JSON_WRITER *Writer, const char *Key, int64_t Value);
void JsonPutUnsigned(JSON_WRITER *Writer, const char *Key, uint64_t Value);
void JsonPutBool(JSON_WRITER *Writer, const char *Key, bool Value);
void JsonPutNull(JSON_WRITER *Writer, const char *Key);

typedef enum JSON_TYPE { JSON_NULL, JSON_BOOL, JSON_INT, JSON_DOUBLE, JSON_STRING, JSON_ARRAY, JSON_OBJECT } JSON_TYPE;

typedef struct JSON_VALUE {
    JSON_TYPE Type;
    const char *Key;          /* member name inside an object, else NULL */
    const char *String;       /* JSON_STRING: UTF-8, terminated; JSON_DOUBLE: the number's text */
    size_t Length;            /* of String; number of elements of an array or object */
    int64_t Int;              /* JSON_INT; JSON_BOOL: 0 or 1 */
    struct JSON_VALUE *First; /* of array or object */
    struct JSON_VALUE *Next;  /* sibling */
} JSON_VALUE;

/* Parses exactly one value. Everything lives in Arena. NULL on error, then *Error says what was wrong (static text). */
JSON_VALUE *JsonParse(const char *Text, size_t Length, void *Arena, size_t ArenaSize, const char **Error);
/* Member of an object by name, or NULL (also when Object is NULL or no object). */
const JSON_VALUE *JsonGet(const JSON_VALUE *Object, const char *Key);
/* The member's string, or Default. */
const char *JsonGetString(const JSON_VALUE *Object, const char *Key, const char *Default);
int64_t JsonGetInt(const JSON_VALUE *Object, const char *Key, int64_t Default);
bool JsonGetBool(const JSON_VALUE *Object, const char *Key, bool Default);

#endif
