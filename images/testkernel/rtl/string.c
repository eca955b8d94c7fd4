/* SPDX-License-Identifier: MIT */
/* The C run-time's narrow string functions that ntoskrnl exports. ASCII case rules (the C locale). Any IRQL. */
#include "rtl/rtl.h"

int __cdecl tolower(int c)
{
    return c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c;
}

int __cdecl toupper(int c)
{
    return c >= 'a' && c <= 'z' ? c - ('a' - 'A') : c;
}

int __cdecl isdigit(int c)
{
    return c >= '0' && c <= '9';
}

int __cdecl isxdigit(int c)
{
    return isdigit(c) || (tolower(c) >= 'a' && tolower(c) <= 'f');
}

int __cdecl islower(int c)
{
    return c >= 'a' && c <= 'z';
}

int __cdecl isupper(int c)
{
    return c >= 'A' && c <= 'Z';
}

int __cdecl isspace(int c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

int __cdecl isprint(int c)
{
    return c >= ' ' && c < 0x7F;
}

size_t __cdecl strlen(const char *Text)
{
    const char *End = Text;
    while (*End) {
        End++;
    }
    return (size_t)(End - Text);
}

size_t __cdecl strnlen(const char *Text, size_t Limit)
{
    size_t Length = 0;
    while (Length < Limit && Text[Length]) {
        Length++;
    }
    return Length;
}

static int Compare(const char *A, const char *B, size_t Limit, int FoldCase)
{
    for (size_t i = 0; i < Limit; i++) {
        int a = (unsigned char)A[i], b = (unsigned char)B[i];
        if (FoldCase) {
            a = tolower(a);
            b = tolower(b);
        }
        if (a != b) {
            return a < b ? -1 : 1;
        }
        if (!a) {
            break;
        }
    }
    return 0;
}

int __cdecl strcmp(const char *A, const char *B)
{
    return Compare(A, B, (size_t)-1, 0);
}

int __cdecl strncmp(const char *A, const char *B, size_t Limit)
{
    return Compare(A, B, Limit, 0);
}

int __cdecl _stricmp(const char *A, const char *B)
{
    return Compare(A, B, (size_t)-1, 1);
}

int __cdecl _strnicmp(const char *A, const char *B, size_t Limit)
{
    return Compare(A, B, Limit, 1);
}

char *__cdecl strcpy(char *Target, const char *Source)
{
    memcpy(Target, Source, strlen(Source) + 1);
    return Target;
}

/* Pads with zeroes; no terminator if Source is Count long or longer. */
char *__cdecl strncpy(char *Target, const char *Source, size_t Count)
{
    size_t Length = strnlen(Source, Count);
    memcpy(Target, Source, Length);
    memset(Target + Length, 0, Count - Length);
    return Target;
}

char *__cdecl strcat(char *Target, const char *Source)
{
    strcpy(Target + strlen(Target), Source);
    return Target;
}

char *__cdecl strncat(char *Target, const char *Source, size_t Count)
{
    size_t Length = strnlen(Source, Count);
    char *End = Target + strlen(Target);
    memcpy(End, Source, Length);
    End[Length] = 0;
    return Target;
}

char *__cdecl strchr(const char *Text, int c)
{
    for (;; Text++) {
        if (*Text == (char)c) {
            return (char *)(ULONG_PTR)Text;
        }
        if (!*Text) {
            return NULL;
        }
    }
}

char *__cdecl strrchr(const char *Text, int c)
{
    const char *Found = NULL;
    for (;; Text++) {
        if (*Text == (char)c) {
            Found = Text;
        }
        if (!*Text) {
            return (char *)(ULONG_PTR)Found;
        }
    }
}

char *__cdecl strstr(const char *Text, const char *Part)
{
    size_t Length = strlen(Part);
    for (;; Text++) {
        if (strncmp(Text, Part, Length) == 0) {
            return (char *)(ULONG_PTR)Text;
        }
        if (!*Text) {
            return NULL;
        }
    }
}

size_t __cdecl strspn(const char *Text, const char *Set)
{
    size_t Length = 0;
    while (Text[Length] && strchr(Set, Text[Length])) {
        Length++;
    }
    return Length;
}

char *__cdecl _strupr(char *Text)
{
    for (char *p = Text; *p; p++) {
        *p = (char)toupper((unsigned char)*p);
    }
    return Text;
}

char *__cdecl _strlwr(char *Text)
{
    for (char *p = Text; *p; p++) {
        *p = (char)tolower((unsigned char)*p);
    }
    return Text;
}

char *__cdecl _strrev(char *Text)
{
    size_t Length = strlen(Text);
    for (size_t i = 0; i < Length / 2; i++) {
        char c = Text[i];
        Text[i] = Text[Length - 1 - i];
        Text[Length - 1 - i] = c;
    }
    return Text;
}
