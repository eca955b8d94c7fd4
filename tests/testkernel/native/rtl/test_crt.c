/* SPDX-License-Identifier: MIT */
/* Small functions of the C run-time: case, numbers, bounds-checked copies, searches. The C standard and Microsoft's CRT reference. */
#include "harness.h"

static void SameWide(const wchar_t *Expected, const wchar_t *Actual)
{
    EQUAL(0, wcscmp(Expected, Actual));
}

TEST(characters_have_the_classes_of_the_c_locale)
{
    for (int c = 0; c < 128; c++) {
        int lower = c >= 'a' && c <= 'z', upper = c >= 'A' && c <= 'Z', digit = c >= '0' && c <= '9';
        EQUAL(lower, islower(c) != 0);
        EQUAL(upper, isupper(c) != 0);
        EQUAL(digit, isdigit(c) != 0);
        EQUAL(digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'), isxdigit(c) != 0);
        EQUAL(c == ' ' || (c >= 9 && c <= 13), isspace(c) != 0);
        EQUAL(c >= 32 && c < 127, isprint(c) != 0);
        EQUAL(upper ? c + 32 : c, tolower(c));
        EQUAL(lower ? c - 32 : c, toupper(c));
    }
    EQUAL(0xE4, towlower(0xC4));
    EQUAL(0x42F, towupper(0x44F)); /* Cyrillic */
}

TEST(case_changes_in_place)
{
    char text[] = "BuddY.sys 1\xC4";
    SAME_TEXT("BUDDY.SYS 1\xC4", _strupr(text));
    SAME_TEXT("buddy.sys 1\xC4", _strlwr(text)); /* the C locale: ASCII only */
    wchar_t wide[] = L"BuddY \x00E4";
    CHECK(_wcsupr(wide) == wide);
    SameWide(L"BUDDY \x00C4", wide);
    SameWide(L"buddy \x00E4", _wcslwr(wide));
    SameWide(L"\x00E4 yddub", _wcsrev(wide));
    wchar_t empty[] = L"";
    SameWide(L"", _wcsrev(empty));
    EQUAL(0, _wcsnicmp(L"OWNERx", L"ownerY", 5));
    CHECK(_wcsnicmp(L"OWNERx", L"ownerY", 6) < 0);
    EQUAL(0, _wcsnicmp(L"a", L"b", 0));
}

TEST(text_becomes_numbers)
{
    EQUAL(-12, atoi(" \t-12x"));
    EQUAL(12, atol("+12"));
    EQUAL(0, atoi("x"));
    EQUAL(-2147483647 - 1, atol("-2147483648"));
    EQUAL(-12, _wtoi(L" \t-12x"));
    EQUAL(2147483647, _wtol(L"+2147483647"));
    EQUAL(0, _wtol(L""));
}

TEST(numbers_become_text)
{
    char text[40];
    SAME_TEXT("-255", _itoa(-255, text, 10));
    SAME_TEXT("ffffff01", _itoa(-255, text, 16)); /* the sign is shown in base 10 only */
    SAME_TEXT("11111111", _itoa(255, text, 2));
    SAME_TEXT("-2147483648", _itoa(-2147483647 - 1, text, 10));
    SAME_TEXT("0", _itoa(0, text, 36));
    SAME_TEXT("zz", _itoa(36 * 36 - 1, text, 36));
}

TEST(joined_and_searched_wide_strings)
{
    wchar_t text[16] = L"ab";
    SameWide(L"abcd", wcscat(text, L"cd"));
    SameWide(L"abcdef", wcsncat(text, L"efgh", 2));
    SameWide(L"abcdefx", wcsncat(text, L"x", 5));
    CHECK(wcsrchr(L"a\\b\\c", L'\\')[1] == L'c');
    CHECK(wcsrchr(L"abc", L'x') == NULL);
    EQUAL(3, wcsspn(L"aabxa", L"ab"));
    EQUAL(3, wcscspn(L"aab\\a", L"\\x"));
    EQUAL(4, wcscspn(L"abcd", L""));
    char narrow[16] = "ab";
    SAME_TEXT("abcd", strncat(narrow, "cdef", 2));
    EQUAL(0, strncmp("abcd", "abce", 3));
    CHECK(strncmp("abcd", "abce", 4) < 0);
    CHECK(memchr("buddy", 'd', 5) != NULL);
    CHECK(memchr("buddy", 'y', 4) == NULL);
}

TEST(bounded_copies_of_memory)
{
    char text[8] = "0123456";
    EQUAL(0, memmove_s(text + 1, 7, text, 6)); /* overlapping is allowed */
    SAME_TEXT("0012345", text);
    EQUAL(34, memmove_s(text, 4, "abcdefgh", 5)); /* ERANGE: the target is left as it was */
    SAME_TEXT("0012345", text);
    EQUAL(22, memmove_s(NULL, 4, text, 1));
    EQUAL(22, memmove_s(text, 4, NULL, 1));
    EQUAL(0, memmove_s(NULL, 0, NULL, 0));
}

TEST(bounded_copies_of_strings)
{
    char text[6] = "ab";
    wchar_t wide[6] = L"ab";
    EQUAL(0, strncat_s(text, sizeof(text), "cdef", 3));
    SAME_TEXT("abcde", text);
    EQUAL(80, strncat_s(text, sizeof(text), "f", (size_t)-1));
    SAME_TEXT("abcde", text);
    EQUAL(34, strncat_s(text, sizeof(text), "f", 1));
    SAME_TEXT("", text);
    EQUAL(0, wcsncat_s(wide, 6, L"cdef", 3));
    SameWide(L"abcde", wide);
    EQUAL(34, wcsncat_s(wide, 6, L"f", 1));
    SameWide(L"", wide);
    EQUAL(0, wcscpy_s(wide, 6, L"12345"));
    SameWide(L"12345", wide);
    EQUAL(34, wcscpy_s(wide, 6, L"123456"));
    SameWide(L"", wide);
    EQUAL(22, wcscpy_s(wide, 6, NULL));
    EQUAL(22, wcscpy_s(NULL, 6, L""));
    EQUAL(0, wcsncpy_s(wide, 6, L"123456", 3));
    SameWide(L"123", wide);
    EQUAL(80, wcsncpy_s(wide, 6, L"123456", (size_t)-1));
    SameWide(L"12345", wide);
    EQUAL(22, wcsncpy_s(wide, 0, L"1", 1));
}
