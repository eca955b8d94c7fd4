/* SPDX-License-Identifier: MIT */
/* INF files: sections, lines, strings. */
#include "pnp/inf.h"

static char Lower(char C)
{
    return C >= 'A' && C <= 'Z' ? (char)(C + 32) : C;
}

static bool IsBlank(char C)
{
    return C == ' ' || C == '\t' || C == '\r';
}

bool InfEqual(const char *A, const char *B)
{
    while (*A && Lower(*A) == Lower(*B)) {
        A++;
        B++;
    }
    return *A == *B;
}

uint32_t InfNumber(const char *Text, uint32_t Default)
{
    uint32_t Value = 0, Base = 10;
    bool Any = false;
    if (Text[0] == '0' && (Text[1] == 'x' || Text[1] == 'X')) {
        Base = 16;
        Text += 2;
    }
    for (; *Text; Text++) {
        char C = Lower(*Text);
        uint32_t Digit = C >= '0' && C <= '9'   ? (uint32_t)(C - '0')
                         : C >= 'a' && C <= 'f' ? (uint32_t)(C - 'a' + 10)
                                                : 99;
        if (Digit >= Base) {
            return Default;
        }
        Value = Value * Base + Digit;
        Any = true;
    }
    return Any ? Value : Default;
}

bool InfOpen(INF_FILE *File, const char *Name, const void *Bytes, size_t Length, char *Buffer, size_t BufferSize)
{
    const unsigned char *Raw = Bytes;
    size_t I;
    File->Name = Name;
    File->Package = "";
    if (Length >= 2 && Raw[0] == 0xFF && Raw[1] == 0xFE) {
        size_t Count = (Length - 2) / 2;
        if (Count > BufferSize) {
            return false;
        }
        for (I = 0; I < Count; I++) {
            unsigned Unit = Raw[2 + 2 * I] | Raw[3 + 2 * I] << 8;
            Buffer[I] = (char)(Unit > 0xFF ? '?' : Unit);
        }
        File->Text = Buffer;
        File->Length = Count;
        return true;
    }
    I = Length >= 3 && Raw[0] == 0xEF && Raw[1] == 0xBB && Raw[2] == 0xBF ? 3 : 0;
    File->Text = (const char *)Raw + I;
    File->Length = Length - I;
    return true;
}

static void CopyText(char *To, size_t Size, const char *From, size_t Length)
{
    size_t I;
    for (I = 0; I + 1 < Size && I < Length && From[I]; I++) {
        To[I] = From[I];
    }
    To[I] = 0;
}

void InfSeek(INF_CURSOR *Cursor, const INF_FILE *File, const char *Section)
{
    Cursor->File = File;
    Cursor->At = 0;
    Cursor->Inside = false;
    CopyText(Cursor->Section, sizeof(Cursor->Section), Section, sizeof(Cursor->Section));
}

/*
 * Copies the logical line at *At into Out: comments are dropped (';' outside quotes), a trailing backslash joins the next line. Returns false at the end of
 * the file.
 */
static bool LogicalLine(const INF_FILE *File, size_t *At, char *Out, size_t Size)
{
    size_t Used = 0;
    bool Quoted = false, Comment = false;
    if (*At >= File->Length) {
        return false;
    }
    while (*At < File->Length) {
        char C = File->Text[(*At)++];
        if (C == '\n') {
            while (Used && IsBlank(Out[Used - 1])) {
                Used--;
            }
            if (Used && Out[Used - 1] == '\\' && !Quoted &&
                (Used < 2 || IsBlank(Out[Used - 2]) || Out[Used - 2] == ',')) {
                Used--;
                Comment = false;
                continue;
            }
            break;
        }
        if (C == '"' && !Comment) {
            Quoted = !Quoted;
        }
        if (C == ';' && !Quoted) {
            Comment = true;
        }
        if (!Comment && Used + 1 < Size && (Used || !IsBlank(C))) {
            Out[Used++] = C;
        }
    }
    while (Used && IsBlank(Out[Used - 1])) {
        Used--;
    }
    Out[Used] = 0;
    return true;
}

/* The value of %Token% from [Strings], or false. */
static bool FindString(const INF_FILE *File, const char *Token, size_t Length, char *Out, size_t Size)
{
    char Line[512];
    size_t At = 0;
    bool Inside = false;
    while (LogicalLine(File, &At, Line, sizeof(Line))) {
        size_t I;
        const char *Value;
        if (Line[0] == '[') {
            for (I = 1; Line[I] && Line[I] != ']'; I++) {
            }
            Line[I] = 0;
            Inside = InfEqual(Line + 1, "Strings");
            continue;
        }
        if (!Inside) {
            continue;
        }
        for (I = 0; I < Length && Lower(Line[I]) == Lower(Token[I]); I++) {
        }
        if (I < Length) {
            continue;
        }
        while (IsBlank(Line[I])) {
            I++;
        }
        if (Line[I] != '=') {
            continue;
        }
        I++;
        while (IsBlank(Line[I])) {
            I++;
        }
        Value = Line + I;
        if (*Value == '"') {
            size_t Used = 0;
            for (Value++; *Value && Used + 1 < Size; Value++) {
                if (*Value == '"') {
                    if (Value[1] != '"') {
                        break;
                    }
                    Value++;
                }
                Out[Used++] = *Value;
            }
            Out[Used] = 0;
        } else {
            CopyText(Out, Size, Value, Size);
        }
        return true;
    }
    return false;
}

/* Writes one field: quotes removed ("" is a quote), %token% replaced, %% is a percent sign. Returns what follows the field. */
static const char *ReadField(const INF_FILE *File, const char *Text, const char *Stops, char *Out, size_t Size,
                             size_t *Length)
{
    size_t Used = 0, Kept = 0;
    bool Quoted = false;
    while (IsBlank(*Text)) {
        Text++;
    }
    for (; *Text; Text++) {
        const char *Stop;
        for (Stop = Stops; *Stop && *Stop != *Text; Stop++) {
        }
        if (*Stop && !Quoted) {
            break;
        }
        if (*Text == '"') {
            if (Quoted && Text[1] == '"') {
                Text++;
            } else {
                Quoted = !Quoted;
                Kept = Used;
                continue;
            }
        } else if (*Text == '%') {
            const char *End = Text + 1;
            char Value[256];
            if (*End == '%') {
                Text++; /* %% */
            } else {
                while (*End && *End != '%') {
                    End++;
                }
                if (*End == '%' && FindString(File, Text + 1, (size_t)(End - Text - 1), Value, sizeof(Value))) {
                    const char *V;
                    for (V = Value; *V && Used + 1 < Size; V++) {
                        Out[Used++] = *V;
                    }
                    Kept = Used;
                    Text = End;
                    continue;
                }
            }
        }
        if (Used + 1 < Size) {
            Out[Used++] = *Text;
        }
        if (!IsBlank(*Text) || Quoted) {
            Kept = Used;
        }
    }
    Out[Kept] = 0;
    *Length = Kept + 1;
    return Text;
}

static void SplitLine(const INF_FILE *File, const char *Raw, INF_LINE *Line)
{
    size_t Used = 0, Length;
    const char *P;
    bool Quoted = false, HasKey = false;
    for (P = Raw; *P; P++) {
        if (*P == '"') {
            Quoted = !Quoted;
        }
        if (*P == '=' && !Quoted) {
            HasKey = true;
            break;
        }
    }
    Line->Count = 0;
    Line->Key = "";
    P = Raw;
    if (HasKey) {
        Line->Key = Line->Buffer;
        P = ReadField(File, P, "=", Line->Buffer, sizeof(Line->Buffer), &Length) + 1;
        Used = Length;
    }
    while (Line->Count < INF_FIELDS && Used + 1 < sizeof(Line->Buffer)) {
        Line->Fields[Line->Count++] = Line->Buffer + Used;
        P = ReadField(File, P, ",", Line->Buffer + Used, sizeof(Line->Buffer) - Used, &Length);
        Used += Length;
        if (*P != ',') {
            break;
        }
        P++;
    }
}

bool InfNext(INF_CURSOR *Cursor, INF_LINE *Line)
{
    char Raw[INF_LINE_MAX];
    while (LogicalLine(Cursor->File, &Cursor->At, Raw, sizeof(Raw))) {
        if (Raw[0] == '[') {
            size_t I;
            for (I = 1; Raw[I] && Raw[I] != ']'; I++) {
            }
            Raw[I] = 0;
            Cursor->Inside = InfEqual(Raw + 1, Cursor->Section);
        } else if (Cursor->Inside && Raw[0]) {
            SplitLine(Cursor->File, Raw, Line);
            return true;
        }
    }
    return false;
}

bool InfHasSection(const INF_FILE *File, const char *Section)
{
    char Raw[INF_LINE_MAX];
    size_t At = 0, I;
    while (LogicalLine(File, &At, Raw, sizeof(Raw))) {
        if (Raw[0] == '[') {
            for (I = 1; Raw[I] && Raw[I] != ']'; I++) {
            }
            Raw[I] = 0;
            if (InfEqual(Raw + 1, Section)) {
                return true;
            }
        }
    }
    return false;
}

bool InfFind(const INF_FILE *File, const char *Section, const char *Key, INF_LINE *Line)
{
    INF_CURSOR Cursor;
    InfSeek(&Cursor, File, Section);
    while (InfNext(&Cursor, Line)) {
        if (InfEqual(Line->Key, Key)) {
            return true;
        }
    }
    return false;
}
