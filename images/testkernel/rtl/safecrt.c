/* SPDX-License-Identifier: MIT */
/*
 * The C run-time's bounds-checked copies that ntoskrnl exports. A violated bound empties the target and returns ERANGE (34), a NULL
 * argument EINVAL (22); count _TRUNCATE (-1) cuts off and returns STRUNCATE (80). Any IRQL.
 * https://learn.microsoft.com/cpp/c-runtime-library/security-enhanced-versions-of-crt-functions
 */
#include "rtl/rtl.h"

#define INVALID   22
#define RANGE     34
#define TRUNCATED 80
#define TRUNCATE  ((size_t)-1)

typedef int errno_type;

errno_type __cdecl memcpy_s(void *Target, size_t Size, const void *Source, size_t Count)
{
    if (!Count) {
        return 0;
    }
    if (!Target) {
        return INVALID;
    }
    if (!Source || Size < Count) {
        memset(Target, 0, Size);
        return Source ? RANGE : INVALID;
    }
    memcpy(Target, Source, Count);
    return 0;
}

errno_type __cdecl memmove_s(void *Target, size_t Size, const void *Source, size_t Count)
{
    if (!Count) {
        return 0;
    }
    if (!Target || !Source) {
        return INVALID;
    }
    if (Size < Count) {
        return RANGE;
    }
    memmove(Target, Source, Count);
    return 0;
}

/* Source, at most Count characters of it, behind the first Used characters of Target. */
static errno_type Place(char *Target, size_t Size, size_t Used, const char *Source, size_t Count)
{
    size_t Length;
    if (!Target || !Size) {
        return INVALID;
    }
    if (!Source || Used >= Size) {
        Target[0] = 0;
        return INVALID;
    }
    Length = strnlen(Source, Count);
    if (Length >= Size - Used) {
        if (Count != TRUNCATE) {
            Target[0] = 0;
            return RANGE;
        }
        memcpy(Target + Used, Source, Size - Used - 1);
        Target[Size - 1] = 0;
        return TRUNCATED;
    }
    memcpy(Target + Used, Source, Length);
    Target[Used + Length] = 0;
    return 0;
}

static errno_type PlaceWide(wchar_t *Target, size_t Size, size_t Used, const wchar_t *Source, size_t Count)
{
    size_t Length;
    if (!Target || !Size) {
        return INVALID;
    }
    if (!Source || Used >= Size) {
        Target[0] = 0;
        return INVALID;
    }
    Length = wcsnlen(Source, Count);
    if (Length >= Size - Used) {
        if (Count != TRUNCATE) {
            Target[0] = 0;
            return RANGE;
        }
        memcpy(Target + Used, Source, (Size - Used - 1) * sizeof(wchar_t));
        Target[Size - 1] = 0;
        return TRUNCATED;
    }
    memcpy(Target + Used, Source, Length * sizeof(wchar_t));
    Target[Used + Length] = 0;
    return 0;
}

/* strcpy_s and strcat_s know no truncation: a count beyond any text, but not _TRUNCATE. */
#define ALL (TRUNCATE - 1)

errno_type __cdecl strcpy_s(char *Target, size_t Size, const char *Source)
{
    return Place(Target, Size, 0, Source, ALL);
}

errno_type __cdecl strncpy_s(char *Target, size_t Size, const char *Source, size_t Count)
{
    return Place(Target, Size, 0, Source, Count);
}

errno_type __cdecl strcat_s(char *Target, size_t Size, const char *Source)
{
    return Place(Target, Size, Target ? strnlen(Target, Size) : 0, Source, ALL);
}

errno_type __cdecl strncat_s(char *Target, size_t Size, const char *Source, size_t Count)
{
    return Place(Target, Size, Target ? strnlen(Target, Size) : 0, Source, Count);
}

errno_type __cdecl wcscpy_s(wchar_t *Target, size_t Size, const wchar_t *Source)
{
    return PlaceWide(Target, Size, 0, Source, ALL);
}

errno_type __cdecl wcsncpy_s(wchar_t *Target, size_t Size, const wchar_t *Source, size_t Count)
{
    return PlaceWide(Target, Size, 0, Source, Count);
}

errno_type __cdecl wcscat_s(wchar_t *Target, size_t Size, const wchar_t *Source)
{
    return PlaceWide(Target, Size, Target ? wcsnlen(Target, Size) : 0, Source, ALL);
}

errno_type __cdecl wcsncat_s(wchar_t *Target, size_t Size, const wchar_t *Source, size_t Count)
{
    return PlaceWide(Target, Size, Target ? wcsnlen(Target, Size) : 0, Source, Count);
}
