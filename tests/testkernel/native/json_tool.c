/* SPDX-License-Identifier: MIT */
/* Reads a JSON text from standard input, parses it with the kernel's parser and writes it again with the kernel's writer; or says why not. */
#include "agent/json.h"
#include <stdio.h>
#include <stdlib.h>

static void Write(JSON_WRITER *Writer, const JSON_VALUE *Value)
{
    switch (Value->Type) {
    case JSON_NULL:
        JsonNull(Writer);
        break;
    case JSON_BOOL:
        JsonBool(Writer, Value->Int != 0);
        break;
    case JSON_INT:
        JsonInt(Writer, Value->Int);
        break;
    case JSON_DOUBLE:
    case JSON_STRING:
        JsonStringN(Writer, Value->String, Value->Length);
        break;
    case JSON_ARRAY:
        JsonBeginArray(Writer);
        for (const JSON_VALUE *element = Value->First; element; element = element->Next) {
            Write(Writer, element);
        }
        JsonEndArray(Writer);
        break;
    case JSON_OBJECT:
        JsonBeginObject(Writer);
        for (const JSON_VALUE *member = Value->First; member; member = member->Next) {
            JsonKey(Writer, member->Key);
            Write(Writer, member);
        }
        JsonEndObject(Writer);
        break;
    }
}

/* On the heap to the byte, so that the sanitizer sees any access past their ends. */
static char *exact;
static char *out;

int main(int argc, char **argv)
{
    size_t room = argc > 1 ? strtoul(argv[1], NULL, 0) : 65536;
    static char text[65536], arena[1 << 20];
    const char *error = NULL;
    JSON_WRITER writer;
    size_t length = fread(text, 1, sizeof(text), stdin);

    exact = malloc(length ? length : 1);
    out = malloc(room);
    for (size_t i = 0; i < length; i++) {
        exact[i] = text[i];
    }
    JSON_VALUE *value = JsonParse(exact, length, arena, sizeof(arena), &error);
    if (!value) {
        printf("error: %s\n", error);
        return 1;
    }
    JsonWriterInit(&writer, out, room);
    Write(&writer, value);
    if (writer.Overflow) {
        puts("overflow");
        return 2;
    }
    fwrite(out, 1, writer.Length, stdout);
    return 0;
}
