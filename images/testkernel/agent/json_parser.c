/* SPDX-License-Identifier: MIT */
/* JSON parser (RFC 8259) into an arena. Numbers that are no 64-bit integer keep their text (JSON_DOUBLE). */
#include "agent/json.h"

#define MAXIMUM_DEPTH 32

typedef struct PARSER {
    const char *Next;
    const char *End;
    uint8_t *Arena;
    size_t Free;
    const char *Error;
} PARSER;

static JSON_VALUE *ParseValue(PARSER *Parser, unsigned Depth);

static void *Fail(PARSER *Parser, const char *Error)
{
    if (!Parser->Error) {
        Parser->Error = Error;
    }
    return NULL;
}

static void *Allocate(PARSER *Parser, size_t Size)
{
    Size = (Size + 7) & ~(size_t)7;
    if (Size > Parser->Free) {
        return Fail(Parser, "the message is too long");
    }
    uint8_t *block = Parser->Arena;
    Parser->Arena += Size;
    Parser->Free -= Size;
    return block;
}

static void SkipBlanks(PARSER *Parser)
{
    while (Parser->Next < Parser->End &&
           (*Parser->Next == ' ' || *Parser->Next == '\t' || *Parser->Next == '\n' || *Parser->Next == '\r')) {
        Parser->Next++;
    }
}

static bool Accept(PARSER *Parser, char Character)
{
    SkipBlanks(Parser);
    if (Parser->Next < Parser->End && *Parser->Next == Character) {
        Parser->Next++;
        return true;
    }
    return false;
}

static JSON_VALUE *NewValue(PARSER *Parser, JSON_TYPE Type)
{
    JSON_VALUE *value = Allocate(Parser, sizeof(*value));
    if (value) {
        *value = (JSON_VALUE){.Type = Type};
    }
    return value;
}

/* Four hexadecimal digits after \u; negative on error. */
static int32_t HexUnit(PARSER *Parser)
{
    int32_t unit = 0;
    if (Parser->End - Parser->Next < 4) {
        return -1;
    }
    for (int i = 0; i < 4; i++) {
        char digit = *Parser->Next++;
        int32_t nibble = digit >= '0' && digit <= '9'   ? digit - '0'
                         : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
                         : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10
                                                        : -1;
        if (nibble < 0) {
            return -1;
        }
        unit = unit << 4 | nibble;
    }
    return unit;
}

/* Writes a code point as UTF-8: at most four bytes, never more than its escape took. */
static char *PutUtf8(char *Out, uint32_t Point)
{
    if (Point < 0x80) {
        *Out++ = (char)Point;
    } else if (Point < 0x800) {
        *Out++ = (char)(0xC0 | Point >> 6);
        *Out++ = (char)(0x80 | (Point & 63));
    } else if (Point < 0x10000) {
        *Out++ = (char)(0xE0 | Point >> 12);
        *Out++ = (char)(0x80 | (Point >> 6 & 63));
        *Out++ = (char)(0x80 | (Point & 63));
    } else {
        *Out++ = (char)(0xF0 | Point >> 18);
        *Out++ = (char)(0x80 | (Point >> 12 & 63));
        *Out++ = (char)(0x80 | (Point >> 6 & 63));
        *Out++ = (char)(0x80 | (Point & 63));
    }
    return Out;
}

static bool ParseEscape(PARSER *Parser, char **Out)
{
    static const char plain[] = "\"\\/bfnrt";
    static const char meant[] = "\"\\/\b\f\n\r\t";

    if (Parser->Next >= Parser->End) {
        return false;
    }
    char kind = *Parser->Next++;
    for (size_t i = 0; i < sizeof(plain) - 1; i++) {
        if (kind == plain[i]) {
            *(*Out)++ = meant[i];
            return true;
        }
    }
    if (kind != 'u') {
        return false;
    }
    int32_t unit = HexUnit(Parser);
    if (unit < 0) {
        return false;
    }
    uint32_t point = (uint32_t)unit;
    if (point >= 0xD800 && point < 0xDC00 && Parser->End - Parser->Next >= 6 && Parser->Next[0] == '\\' &&
        Parser->Next[1] == 'u') {
        Parser->Next += 2;
        int32_t low = HexUnit(Parser);
        if (low < 0xDC00 || low >= 0xE000) {
            return false;
        }
        point = 0x10000 + ((point - 0xD800) << 10) + ((uint32_t)low - 0xDC00);
    } else if (point >= 0xD800 && point < 0xE000) {
        point = 0xFFFD;
    }
    *Out = PutUtf8(*Out, point);
    return true;
}

/* After the opening quote. */
static const char *ParseText(PARSER *Parser, size_t *Length)
{
    size_t longest = 0;
    while (Parser->Next + longest < Parser->End && Parser->Next[longest] != '"') {
        longest += Parser->Next[longest] == '\\' ? 2 : 1;
    }
    if (Parser->Next + longest >= Parser->End) {
        return Fail(Parser, "a string does not end");
    }
    char *text = Allocate(Parser, longest + 1);
    if (!text) {
        return NULL;
    }
    char *out = text;
    while (*Parser->Next != '"') {
        char character = *Parser->Next++;
        if ((uint8_t)character < 0x20) {
            return Fail(Parser, "a control character stands in a string");
        }
        if (character != '\\') {
            *out++ = character;
        } else if (!ParseEscape(Parser, &out)) {
            return Fail(Parser, "a string has a wrong escape sequence");
        }
    }
    Parser->Next++;
    *out = 0;
    *Length = (size_t)(out - text);
    return text;
}

static JSON_VALUE *ParseString(PARSER *Parser)
{
    JSON_VALUE *value = NewValue(Parser, JSON_STRING);
    if (value) {
        value->String = ParseText(Parser, &value->Length);
    }
    return Parser->Error ? NULL : value;
}

static JSON_VALUE *ParseNumber(PARSER *Parser)
{
    const char *start = Parser->Next;
    bool negative = *start == '-';
    bool whole = true;
    uint64_t magnitude = 0;

    Parser->Next += negative;
    const char *digits = Parser->Next;
    for (; Parser->Next < Parser->End; Parser->Next++) {
        char character = *Parser->Next;
        if (character >= '0' && character <= '9') {
            uint64_t digit = (uint64_t)(character - '0');
            whole = whole && magnitude <= (UINT64_MAX - digit) / 10;
            magnitude = magnitude * 10 + digit;
        } else if (character == '.' || character == 'e' || character == 'E' ||
                   ((character == '+' || character == '-') && !whole)) {
            whole = false;
        } else {
            break;
        }
    }
    if (Parser->Next == digits) {
        return Fail(Parser, "a value is missing");
    }
    JSON_VALUE *value = NewValue(Parser, JSON_INT);
    if (!value) {
        return NULL;
    }
    if (whole && magnitude <= (uint64_t)INT64_MAX + (negative ? 1 : 0)) {
        value->Int = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
        return value;
    }
    size_t length = (size_t)(Parser->Next - start);
    char *text = Allocate(Parser, length + 1);
    if (!text) {
        return NULL;
    }
    for (size_t i = 0; i < length; i++) {
        text[i] = start[i];
    }
    text[length] = 0;
    value->Type = JSON_DOUBLE;
    value->String = text;
    value->Length = length;
    return value;
}

static JSON_VALUE *ParseWord(PARSER *Parser, const char *Word, JSON_TYPE Type, int64_t Int)
{
    for (; *Word; Word++) {
        if (Parser->Next >= Parser->End || *Parser->Next++ != *Word) {
            return Fail(Parser, "an unknown word; true, false and null are the only ones");
        }
    }
    JSON_VALUE *value = NewValue(Parser, Type);
    if (value) {
        value->Int = Int;
    }
    return value;
}

/* After the opening bracket or brace. */
static JSON_VALUE *ParseContainer(PARSER *Parser, JSON_TYPE Type, unsigned Depth)
{
    const char close = Type == JSON_OBJECT ? '}' : ']';
    JSON_VALUE *container = NewValue(Parser, Type);
    if (!container || Accept(Parser, close)) {
        return container;
    }
    JSON_VALUE **tail = &container->First;
    do {
        const char *key = NULL;
        if (Type == JSON_OBJECT) {
            size_t length;
            if (!Accept(Parser, '"')) {
                return Fail(Parser, "an object member needs a name in quotes");
            }
            key = ParseText(Parser, &length);
            if (!key || !Accept(Parser, ':')) {
                return Fail(Parser, "a colon is missing after a member name");
            }
        }
        JSON_VALUE *element = ParseValue(Parser, Depth + 1);
        if (!element) {
            return NULL;
        }
        element->Key = key;
        *tail = element;
        tail = &element->Next;
        container->Length++;
    } while (Accept(Parser, ','));
    if (!Accept(Parser, close)) {
        return Fail(Parser, "a comma or a closing bracket is missing");
    }
    return container;
}

static JSON_VALUE *ParseValue(PARSER *Parser, unsigned Depth)
{
    if (Depth > MAXIMUM_DEPTH) {
        return Fail(Parser, "nested too deeply");
    }
    if (Accept(Parser, '{')) {
        return ParseContainer(Parser, JSON_OBJECT, Depth);
    }
    if (Accept(Parser, '[')) {
        return ParseContainer(Parser, JSON_ARRAY, Depth);
    }
    if (Accept(Parser, '"')) {
        return ParseString(Parser);
    }
    if (Parser->Next >= Parser->End) {
        return Fail(Parser, "a value is missing");
    }
    switch (*Parser->Next) {
    case 't':
        return ParseWord(Parser, "true", JSON_BOOL, 1);
    case 'f':
        return ParseWord(Parser, "false", JSON_BOOL, 0);
    case 'n':
        return ParseWord(Parser, "null", JSON_NULL, 0);
    default:
        return ParseNumber(Parser);
    }
}

JSON_VALUE *JsonParse(const char *Text, size_t Length, void *Arena, size_t ArenaSize, const char **Error)
{
    PARSER parser = {.Next = Text, .End = Text + Length, .Arena = Arena, .Free = ArenaSize & ~(size_t)7};
    JSON_VALUE *value = ParseValue(&parser, 0);
    SkipBlanks(&parser);
    if (value && parser.Next != parser.End) {
        value = Fail(&parser, "there is text after the value");
    }
    if (Error) {
        *Error = parser.Error;
    }
    return value;
}

const JSON_VALUE *JsonGet(const JSON_VALUE *Object, const char *Key)
{
    if (!Object || Object->Type != JSON_OBJECT) {
        return NULL;
    }
    for (const JSON_VALUE *member = Object->First; member; member = member->Next) {
        const char *left = member->Key;
        const char *right = Key;
        while (*left && *left == *right) {
            left++;
            right++;
        }
        if (*left == *right) {
            return member;
        }
    }
    return NULL;
}

const char *JsonGetString(const JSON_VALUE *Object, const char *Key, const char *Default)
{
    const JSON_VALUE *member = JsonGet(Object, Key);
    return member && member->Type == JSON_STRING ? member->String : Default;
}

int64_t JsonGetInt(const JSON_VALUE *Object, const char *Key, int64_t Default)
{
    const JSON_VALUE *member = JsonGet(Object, Key);
    return member && member->Type == JSON_INT ? member->Int : Default;
}

bool JsonGetBool(const JSON_VALUE *Object, const char *Key, bool Default)
{
    const JSON_VALUE *member = JsonGet(Object, Key);
    return member && member->Type == JSON_BOOL ? member->Int != 0 : Default;
}
