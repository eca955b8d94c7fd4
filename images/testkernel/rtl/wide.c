/* SPDX-License-Identifier: MIT */
/* The C run-time's wide string functions that ntoskrnl exports. Case by Windows' table (rtl/case.c). Any IRQL. */
#include "rtl/rtl.h"

wint_t __cdecl towlower(wint_t c)
{
    return RtlDowncaseUnicodeChar(c);
}

wint_t __cdecl towupper(wint_t c)
{
    return RtlUpcaseUnicodeChar(c);
}

size_t __cdecl wcslen(const wchar_t *Text)
{
    const wchar_t *End = Text;
    while (*End) {
        End++;
    }
    return (size_t)(End - Text);
}

size_t __cdecl wcsnlen(const wchar_t *Text, size_t Limit)
{
    size_t Length = 0;
    while (Length < Limit && Text[Length]) {
        Length++;
    }
    return Length;
}

static int Compare(const wchar_t *A, const wchar_t *B, size_t Limit, int FoldCase)
{
    for (size_t i = 0; i < Limit; i++) {
        wchar_t a = A[i], b = B[i];
        if (FoldCase) {
            a = RtlDowncaseUnicodeChar(a);
            b = RtlDowncaseUnicodeChar(b);
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

int __cdecl wcscmp(const wchar_t *A, const wchar_t *B)
{
    return Compare(A, B, (size_t)-1, 0);
}

int __cdecl wcsncmp(const wchar_t *A, const wchar_t *B, size_t Limit)
{
    return Compare(A, B, Limit, 0);
}

int __cdecl _wcsicmp(const wchar_t *A, const wchar_t *B)
{
    return Compare(A, B, (size_t)-1, 1);
}

int __cdecl _wcsnicmp(const wchar_t *A, const wchar_t *B, size_t Limit)
{
    return Compare(A, B, Limit, 1);
}

wchar_t *__cdecl wcscpy(wchar_t *Target, const wchar_t *Source)
{
    memcpy(Target, Source, (wcslen(Source) + 1) * sizeof(wchar_t));
    return Target;
}

/* Pads with zeroes; no terminator if Source is Count long or longer. */
wchar_t *__cdecl wcsncpy(wchar_t *Target, const wchar_t *Source, size_t Count)
{
    size_t Length = wcsnlen(Source, Count);
    memcpy(Target, Source, Length * sizeof(wchar_t));
    memset(Target + Length, 0, (Count - Length) * sizeof(wchar_t));
    return Target;
}

wchar_t *__cdecl wcscat(wchar_t *Target, const wchar_t *Source)
{
    wcscpy(Target + wcslen(Target), Source);
    return Target;
}

wchar_t *__cdecl wcsncat(wchar_t *Target, const wchar_t *Source, size_t Count)
{
    size_t Length = wcsnlen(Source, Count);
    wchar_t *End = Target + wcslen(Target);
    memcpy(End, Source, Length * sizeof(wchar_t));
    End[Length] = 0;
    return Target;
}

wchar_t *__cdecl wcschr(const wchar_t *Text, wchar_t c)
{
    for (;; Text++) {
        if (*Text == c) {
            return (wchar_t *)(ULONG_PTR)Text;
        }
        if (!*Text) {
            return NULL;
        }
    }
}

wchar_t *__cdecl wcsrchr(const wchar_t *Text, wchar_t c)
{
    const wchar_t *Found = NULL;
    for (;; Text++) {
        if (*Text == c) {
            Found = Text;
        }
        if (!*Text) {
            return (wchar_t *)(ULONG_PTR)Found;
        }
    }
}

wchar_t *__cdecl wcsstr(const wchar_t *Text, const wchar_t *Part)
{
    size_t Length = wcslen(Part);
    for (;; Text++) {
        if (wcsncmp(Text, Part, Length) == 0) {
            return (wchar_t *)(ULONG_PTR)Text;
        }
        if (!*Text) {
            return NULL;
        }
    }
}

size_t __cdecl wcsspn(const wchar_t *Text, const wchar_t *Set)
{
    size_t Length = 0;
    while (Text[Length] && wcschr(Set, Text[Length])) {
        Length++;
    }
    return Length;
}

size_t __cdecl wcscspn(const wchar_t *Text, const wchar_t *Set)
{
    size_t Length = 0;
    while (Text[Length] && !wcschr(Set, Text[Length])) {
        Length++;
    }
    return Length;
}

wchar_t *__cdecl _wcsupr(wchar_t *Text)
{
    for (wchar_t *p = Text; *p; p++) {
        *p = RtlUpcaseUnicodeChar(*p);
    }
    return Text;
}

wchar_t *__cdecl _wcslwr(wchar_t *Text)
{
    for (wchar_t *p = Text; *p; p++) {
        *p = RtlDowncaseUnicodeChar(*p);
    }
    return Text;
}

wchar_t *__cdecl _wcsrev(wchar_t *Text)
{
    size_t Length = wcslen(Text);
    for (size_t i = 0; i < Length / 2; i++) {
        wchar_t c = Text[i];
        Text[i] = Text[Length - 1 - i];
        Text[Length - 1 - i] = c;
    }
    return Text;
}
