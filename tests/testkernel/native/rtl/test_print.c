/* SPDX-License-Identifier: MIT */
/*
 * The printf family. What must hold: _sn forms leave the terminator out when the text fills the buffer and return -1 when it is longer; _s forms
 * always terminate. https://learn.microsoft.com/cpp/c-runtime-library/reference/vsnprintf-vsnprintf-vsnprintf-l-vsnwprintf-vsnwprintf-l
 */
#include "harness.h"

#define TRUNCATE ((size_t)-1)

typedef int NARROW(char *Buffer, size_t Count, const char *Format, va_list Arguments);
typedef int WIDE(wchar_t *Buffer, size_t Count, const wchar_t *Format, va_list Arguments);

static int Narrow(NARROW *Print, char *Buffer, size_t Count, const char *Format, ...)
{
    va_list arguments;
    va_start(arguments, Format);
    int result = Print(Buffer, Count, Format, arguments);
    va_end(arguments);
    return result;
}

static int Wide(WIDE *Print, wchar_t *Buffer, size_t Count, const wchar_t *Format, ...)
{
    va_list arguments;
    va_start(arguments, Format);
    int result = Print(Buffer, Count, Format, arguments);
    va_end(arguments);
    return result;
}

static int NarrowSafe(char *Buffer, size_t Size, size_t Count, const char *Format, ...)
{
    va_list arguments;
    va_start(arguments, Format);
    int result = _vsnprintf_s(Buffer, Size, Count, Format, arguments);
    va_end(arguments);
    return result;
}

static int WideSafe(wchar_t *Buffer, size_t Size, size_t Count, const wchar_t *Format, ...)
{
    va_list arguments;
    va_start(arguments, Format);
    int result = _vsnwprintf_s(Buffer, Size, Count, Format, arguments);
    va_end(arguments);
    return result;
}

static int WideUnbounded(wchar_t *Buffer, const wchar_t *Format, ...)
{
    va_list arguments;
    va_start(arguments, Format);
    int result = _vswprintf(Buffer, Format, arguments);
    va_end(arguments);
    return result;
}

static void SameWide(const wchar_t *Expected, const wchar_t *Actual)
{
    EQUAL(0, wcscmp(Expected, Actual));
}

TEST(counted_prints_end_as_the_crt_says)
{
    char text[6];
    memset(text, '#', sizeof(text));
    EQUAL(4, Narrow(_vsnprintf, text, 5, "%d", 1234));
    SAME_TEXT("1234", text);
    EQUAL(5, Narrow(_vsnprintf, text, 5, "%d", 12345)); /* no room for the terminator */
    EQUAL('#', text[5]);
    EQUAL(-1, Narrow(_vsnprintf, text, 5, "%d", 123456));
    EQUAL(0, memcmp(text, "12345#", 6));
    EQUAL(0, Narrow(_vsnprintf, text, 0, ""));

    wchar_t wide[6] = L"######";
    EQUAL(4, Wide(_vsnwprintf, wide, 5, L"%x", 0xB0DD));
    SameWide(L"b0dd", wide);
    EQUAL(5, Wide(_vsnwprintf, wide, 5, L"%s", L"buddy"));
    EQUAL('#', wide[5]);
    EQUAL(-1, Wide(_vsnwprintf, wide, 5, L"%s", L"buddies"));
}

TEST(safe_prints_always_terminate)
{
    char text[6];
    EQUAL(5, NarrowSafe(text, sizeof(text), TRUNCATE, "%s", "buddy"));
    SAME_TEXT("buddy", text);
    EQUAL(-1, NarrowSafe(text, sizeof(text), TRUNCATE, "%s", "buddies"));
    SAME_TEXT("buddi", text);
    EQUAL(-1, NarrowSafe(text, sizeof(text), 3, "%s", "buddies"));
    SAME_TEXT("bud", text);
    EQUAL(-1, NarrowSafe(text, sizeof(text), 10, "%s", "buddies")); /* the buffer is the limit: emptied */
    SAME_TEXT("", text);
    EQUAL(-1, NarrowSafe(NULL, 0, TRUNCATE, "x"));
    EQUAL(3, sprintf_s(text, sizeof(text), "%c-%c", 'a', 'b'));
    SAME_TEXT("a-b", text);
    EQUAL(-1, sprintf_s(text, sizeof(text), "%s", "too long"));
    SAME_TEXT("", text);
    EQUAL(2, Narrow(vsprintf_s, text, sizeof(text), "%02X", 10));
    SAME_TEXT("0A", text);

    wchar_t wide[6];
    EQUAL(-1, WideSafe(wide, 6, TRUNCATE, L"%s", L"buddies"));
    SameWide(L"buddi", wide);
    EQUAL(5, _snwprintf_s(wide, 6, TRUNCATE, L"%ws", L"buddy"));
    SameWide(L"buddy", wide);
    EQUAL(-1, _snwprintf_s(wide, 6, 2, L"%S", "buddy"));
    SameWide(L"bu", wide);
    EQUAL(4, swprintf_s(wide, 6, L"%I64d", -123LL));
    SameWide(L"-123", wide);
    EQUAL(-1, swprintf_s(wide, 6, L"%s", L"too long"));
    SameWide(L"", wide);
    EQUAL(3, Wide(vswprintf_s, wide, 6, L"%3u", 7));
    SameWide(L"  7", wide);
}

TEST(unbounded_prints_write_all_and_a_terminator)
{
    char text[32];
    wchar_t wide[32];
    EQUAL(9, sprintf(text, "%s/%d", "rp1/", 1234));
    SAME_TEXT("rp1//1234", text);
    EQUAL(6, _swprintf(wide, L"%06d", -42));
    SameWide(L"-00042", wide);
    EQUAL(8, WideUnbounded(wide, L"%08lX", 0xB0DDUL));
    SameWide(L"0000B0DD", wide);
}
