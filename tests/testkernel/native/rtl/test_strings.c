/* SPDX-License-Identifier: MIT */
/* Narrow, wide, ANSI and Unicode strings. */
#include "harness.h"

TEST(memory_moves_agree_with_a_byte_loop)
{
    for (int round = 0; round < 3000; round++) {
        UCHAR block[64], expected[64], copy[64];
        uint32_t length = Random(33), from = Random(32), to = Random(32);
        for (int i = 0; i < 64; i++) {
            block[i] = copy[i] = (UCHAR)Random(256);
        }
        for (int i = 0; i < 64; i++) {
            expected[i] = (uint32_t)i >= to && (uint32_t)i < to + length ? copy[from + (uint32_t)i - to] : copy[i];
        }
        memmove(block + to, block + from, length);
        EQUAL(0, memcmp(block, expected, 64));
        EQUAL(64, RtlCompareMemory(block, expected, 64));
    }
}

TEST(memory_fill_stays_inside_its_block)
{
    for (size_t length = 0; length < 40; length++) {
        UCHAR block[64];
        for (int i = 0; i < 64; i++) {
            block[i] = 0x11;
        }
        memset(block + 7, 0xAB, length);
        for (size_t i = 0; i < 64; i++) {
            EQUAL(i >= 7 && i < 7 + length ? 0xAB : 0x11, block[i]);
        }
    }
}

TEST(overlapping_memcpy_is_reported_and_equal_or_adjacent_blocks_are_not)
{
    char text[32] = "0123456789abcdef";
    memcpy(text + 16, text, 16);
    memcpy(text, text, 16);
    EQUAL(0, Overlaps);
    memcpy(text + 1, text, 4);
    EQUAL(1, Overlaps);
    memcpy(text, text + 3, 4);
    EQUAL(2, Overlaps);
}

TEST(comparison_stops_at_the_difference)
{
    EQUAL(-1, memcmp("abc", "abd", 3));
    EQUAL(1, memcmp("\xFF", "\x01", 1));
    EQUAL(0, memcmp("abc", "abd", 2));
    EQUAL(2, RtlCompareMemory("abc", "abd", 3));
}

TEST(narrow_strings)
{
    char text[16] = "Buddy";
    EQUAL(5, strlen(text));
    EQUAL(3, strnlen(text, 3));
    SAME_TEXT("Buddy.sys", strcat(text, ".sys"));
    CHECK(strchr(text, '.') == text + 5);
    CHECK(strchr(text, 0) == text + 9);
    CHECK(strrchr("a/b/c", '/')[1] == 'c');
    CHECK(strstr(text, "dy") == text + 3);
    CHECK(strstr(text, "") == text);
    CHECK(strstr(text, "dyz") == NULL);
    EQUAL(2, strspn("aabc", "a"));
    EQUAL(0, _stricmp("OWNER.SYS", "owner.sys"));
    CHECK(_strnicmp("ownerX", "OWNERy", 6) < 0);
    EQUAL(0, _strnicmp("ownerX", "OWNERy", 5));
    CHECK(strcmp("a", "\xE4") < 0);
    strncpy(text, "ab", 4);
    EQUAL(0, memcmp(text, "ab\0\0y.sys", 9));
    SAME_TEXT("cba", _strrev(strcpy(text, "abc")));
}

TEST(wide_strings)
{
    wchar_t text[16] = L"Buddy";
    wchar_t *end;
    EQUAL(5, wcslen(text));
    EQUAL(0, _wcsicmp(L"B\u00DCDDY", L"b\u00FCddy"));
    CHECK(wcscmp(L"abc", L"abd") < 0);
    EQUAL(0, wcsncmp(L"abc", L"abd", 2));
    CHECK(wcsstr(text, L"dd") == text + 2);
    CHECK(wcschr(text, L'z') == NULL);
    wcsncpy(text, L"xy", 4);
    EQUAL(0, memcmp(text, L"xy\0\0y", 10));
    EQUAL(0xBEEF, wcstoul(L" 0xBeefg", &end, 0));
    EQUAL('g', *end);
    EQUAL(0xFFFFFFFF, wcstoul(L"99999999999", NULL, 10));
    EQUAL(0xFFFFFFFF, wcstoul(L"-1", NULL, 10));
    EQUAL(0, wcstoul(L"0x", &end, 16));
    EQUAL('x', *end);
}

TEST(unicode_string_initialization_cuts_what_a_ushort_cannot_count)
{
    static WCHAR huge[40000];
    UNICODE_STRING string;
    for (int i = 0; i < 39999; i++) {
        huge[i] = 'x';
    }
    RtlInitUnicodeString(&string, huge);
    EQUAL(0xFFFC, string.Length);
    EQUAL(0xFFFE, string.MaximumLength);
    EQUAL(STATUS_NAME_TOO_LONG, RtlInitUnicodeStringEx(&string, huge));
    RtlInitUnicodeString(&string, NULL);
    EQUAL(0, string.Length);
    EQUAL(0, string.MaximumLength);
    CHECK(string.Buffer == NULL);
}

TEST(unicode_copies_and_appends_respect_the_buffer)
{
    WCHAR buffer[6] = {'#', '#', '#', '#', '#', '#'};
    UNICODE_STRING target = {0, 4 * sizeof(WCHAR), buffer}, source;
    RtlInitUnicodeString(&source, L"abcdef");
    RtlCopyUnicodeString(&target, &source);
    EQUAL(4 * sizeof(WCHAR), target.Length);
    EQUAL('d', buffer[3]);
    EQUAL('#', buffer[4]); /* no room, no terminator */
    RtlInitUnicodeString(&source, L"ab");
    RtlCopyUnicodeString(&target, &source);
    EQUAL(0, buffer[2]);
    EQUAL(STATUS_BUFFER_TOO_SMALL, RtlAppendUnicodeToString(&target, L"cde"));
    EQUAL(2 * sizeof(WCHAR), target.Length);
    EQUAL(STATUS_SUCCESS, RtlAppendUnicodeStringToString(&target, &source));
    EQUAL(0, memcmp(buffer, L"abab", 8));
    EQUAL('#', buffer[4]);
}

TEST(unicode_comparison_and_hash_ignore_case_only_when_asked)
{
    UNICODE_STRING a, b, longer;
    ULONG hash_a, hash_b;
    RtlInitUnicodeString(&a, L"\\Device\\Bu\u00DFy\u0414");
    RtlInitUnicodeString(&b, L"\\DEVICE\\BU\u00DFY\u0434");
    RtlInitUnicodeString(&longer, L"\\device\\bu\u00DFy\u0414\\x");
    CHECK(!RtlEqualUnicodeString(&a, &b, FALSE));
    CHECK(RtlEqualUnicodeString(&a, &b, TRUE));
    CHECK(RtlCompareUnicodeString(&a, &b, FALSE) > 0);
    CHECK(RtlCompareUnicodeString(&a, &longer, TRUE) < 0);
    CHECK(RtlPrefixUnicodeString(&a, &longer, TRUE));
    CHECK(!RtlPrefixUnicodeString(&a, &longer, FALSE));
    CHECK(!RtlPrefixUnicodeString(&longer, &a, TRUE));
    EQUAL(STATUS_SUCCESS, RtlHashUnicodeString(&a, TRUE, HASH_STRING_ALGORITHM_DEFAULT, &hash_a));
    RtlHashUnicodeString(&b, TRUE, HASH_STRING_ALGORITHM_X65599, &hash_b);
    EQUAL(hash_a, hash_b);
    RtlHashUnicodeString(&b, FALSE, HASH_STRING_ALGORITHM_X65599, &hash_b);
    CHECK(hash_a != hash_b);
    RtlInitUnicodeString(&a, L"ab");
    RtlHashUnicodeString(&a, FALSE, HASH_STRING_ALGORITHM_X65599, &hash_a);
    EQUAL('a' * 65599 + 'b', hash_a);
    EQUAL(STATUS_INVALID_PARAMETER, RtlHashUnicodeString(&a, FALSE, 7, &hash_a));
}

TEST(unicode_strings_that_rtl_allocates_are_freed_by_rtl)
{
    UNICODE_STRING source, copy;
    RtlInitUnicodeString(&source, L"fred\u00E9");
    EQUAL(STATUS_SUCCESS, RtlUpcaseUnicodeString(&copy, &source, TRUE));
    EQUAL(0, memcmp(copy.Buffer, L"FRED\u00C9", copy.Length));
    RtlFreeUnicodeString(&copy);
    CHECK(copy.Buffer == NULL && copy.Length == 0);
    CHECK(RtlCreateUnicodeString(&copy, L"x"));
    EQUAL(2, copy.Length);
    EQUAL(4, copy.MaximumLength);
    RtlFreeUnicodeString(&copy);
    EQUAL(STATUS_SUCCESS, RtlDuplicateUnicodeString(1, &source, &copy));
    EQUAL(0, copy.Buffer[5]);
    RtlFreeUnicodeString(&copy);
    source.Length = 0;
    EQUAL(STATUS_SUCCESS, RtlDuplicateUnicodeString(0, &source, &copy));
    CHECK(copy.Buffer == NULL);
    EQUAL(STATUS_INVALID_PARAMETER, RtlDuplicateUnicodeString(2, &source, &copy));
}

TEST(every_ansi_byte_survives_the_way_to_unicode_and_back)
{
    char bytes[256], back[256];
    WCHAR wide[256];
    ANSI_STRING ansi = {255, 255, bytes}, result = {0, 256, back};
    UNICODE_STRING unicode = {0, sizeof(wide), wide};
    for (int i = 0; i < 255; i++) {
        bytes[i] = (char)(i + 1);
    }
    EQUAL(STATUS_SUCCESS, RtlAnsiStringToUnicodeString(&unicode, &ansi, FALSE));
    EQUAL(0x20AC, wide[0x80 - 1]); /* the euro sign of Windows-1252 */
    EQUAL(510, unicode.Length);
    EQUAL(0, wide[255]);
    EQUAL(STATUS_SUCCESS, RtlUnicodeStringToAnsiString(&result, &unicode, FALSE));
    EQUAL(0, memcmp(bytes, back, 255));
    EQUAL(0, back[255]);
}

TEST(ansi_conversion_marks_what_it_cannot_say_and_what_it_cut)
{
    char buffer[4];
    ANSI_STRING ansi = {0, sizeof(buffer), buffer};
    UNICODE_STRING unicode;
    WCHAR small[2];
    RtlInitUnicodeString(&unicode, L"a\u0416b");
    EQUAL(STATUS_SUCCESS, RtlUnicodeStringToAnsiString(&ansi, &unicode, FALSE));
    SAME_TEXT("a?b", buffer);
    RtlInitUnicodeString(&unicode, L"abcdef");
    EQUAL(STATUS_BUFFER_OVERFLOW, RtlUnicodeStringToAnsiString(&ansi, &unicode, FALSE));
    SAME_TEXT("abc", buffer);
    RtlInitAnsiString(&ansi, "abc");
    unicode = (UNICODE_STRING){0, sizeof(small), small};
    EQUAL(STATUS_BUFFER_OVERFLOW, RtlAnsiStringToUnicodeString(&unicode, &ansi, FALSE));
    EQUAL(STATUS_SUCCESS, RtlAnsiStringToUnicodeString(&unicode, &ansi, TRUE));
    EQUAL(0, memcmp(unicode.Buffer, L"abc", 8));
    RtlFreeUnicodeString(&unicode);
    ANSI_STRING other;
    RtlInitAnsiString(&other, "ABC");
    CHECK(RtlEqualString(&ansi, &other, TRUE) && !RtlEqualString(&ansi, &other, FALSE));
}

TEST(utf8_holds_every_code_point)
{
    for (uint32_t c = 0; c <= 0x10FFFF; c += c < 0x900 ? 1 : 37) {
        WCHAR units[2] = {(WCHAR)c, 0}, back[2] = {0, 0};
        char bytes[4];
        ULONG size = 2, byte_count, unit_bytes;
        if (c >= 0xD800 && c < 0xE000) {
            continue;
        }
        if (c >= 0x10000) {
            units[0] = (WCHAR)(0xD7C0 + (c >> 10));
            units[1] = (WCHAR)(0xDC00 + (c & 0x3FF));
            size = 4;
        }
        EQUAL(STATUS_SUCCESS, RtlUnicodeToUTF8N(bytes, sizeof(bytes), &byte_count, units, size));
        EQUAL(c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4, byte_count);
        EQUAL(STATUS_SUCCESS, RtlUTF8ToUnicodeN(back, sizeof(back), &unit_bytes, bytes, byte_count));
        EQUAL(size, unit_bytes);
        EQUAL(0, memcmp(units, back, size));
    }
}

TEST(ill_formed_utf8_becomes_replacement_characters)
{
    /* Table 3-8 of the Unicode Standard, "U+FFFD for truncated sequences", and 3-7's overlong forms and surrogates. */
    static const char truncated[] = "\x61\xF1\x80\x80\xE1\x80\xC2\x62\x80\x63\x80\xBF\x64";
    static const WCHAR expected[] = {0x61, 0xFFFD, 0xFFFD, 0xFFFD, 0x62, 0xFFFD, 0x63, 0xFFFD, 0xFFFD, 0x64};
    static const char bad[] = "\xC0\xAF\xED\xA0\x80\xF4\x91\x92\x93\xFF";
    WCHAR units[16], lone = 0xDC00;
    char bytes[4];
    ULONG size;
    EQUAL(STATUS_SOME_NOT_MAPPED, RtlUTF8ToUnicodeN(units, sizeof(units), &size, truncated, sizeof(truncated) - 1));
    EQUAL(sizeof(expected), size);
    EQUAL(0, memcmp(expected, units, size));
    EQUAL(STATUS_SOME_NOT_MAPPED, RtlUTF8ToUnicodeN(units, sizeof(units), &size, bad, sizeof(bad) - 1));
    EQUAL(10 * sizeof(WCHAR), size);
    EQUAL(STATUS_SOME_NOT_MAPPED, RtlUnicodeToUTF8N(bytes, sizeof(bytes), &size, &lone, 2));
    EQUAL(0, memcmp("\xEF\xBF\xBD", bytes, 3));
    EQUAL(STATUS_BUFFER_TOO_SMALL, RtlUTF8ToUnicodeN(units, 2, &size, "ab", 2));
    EQUAL(2, size);
}
