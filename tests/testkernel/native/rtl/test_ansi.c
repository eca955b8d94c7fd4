/* SPDX-License-Identifier: MIT */
/* Counted strings of bytes, and of UTF-16: copying, comparing, case, conversion by size. https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/ */
#include "harness.h"

#define STRING_OF(text)  ((STRING){sizeof(text) - 1, sizeof(text), (char *)(uintptr_t)(text)})
#define UNICODE_OF(text) ((UNICODE_STRING){sizeof(text) - 2, sizeof(text), (wchar_t *)(uintptr_t)(text)})

TEST(counted_strings_are_described_and_copied)
{
    STRING string;
    char buffer[4] = "xxx";
    STRING target = {0, 3, buffer}, source = STRING_OF("abcd");
    RtlInitString(&string, "Buddy");
    EQUAL(5, string.Length);
    EQUAL(6, string.MaximumLength);
    RtlInitString(&string, NULL);
    CHECK(string.Length == 0 && string.MaximumLength == 0 && string.Buffer == NULL);
    RtlCopyString(&target, &source); /* cut off, and no terminator */
    EQUAL(3, target.Length);
    EQUAL(0, memcmp(buffer, "abc", 4));
    RtlCopyString(&target, NULL);
    EQUAL(0, target.Length);
}

TEST(counted_strings_compare_by_bytes_and_length)
{
    STRING a = STRING_OF("Buddy"), b = STRING_OF("bUDDY"), shorter = STRING_OF("Budd"), high = STRING_OF("\xE4");
    STRING upper = STRING_OF("\xC4");
    CHECK(RtlCompareString(&a, &b, FALSE) < 0);
    EQUAL(0, RtlCompareString(&a, &b, TRUE));
    CHECK(RtlCompareString(&a, &shorter, TRUE) > 0);
    CHECK(RtlCompareString(&shorter, &a, TRUE) < 0);
    CHECK(RtlCompareString(&high, &a, FALSE) > 0); /* bytes are unsigned */
    EQUAL(0, RtlCompareString(&high, &upper, TRUE));
    EQUAL('A', RtlUpperChar('a'));
    EQUAL('1', RtlUpperChar('1'));
    EQUAL((char)0xC4, RtlUpperChar((char)0xE4));
    EQUAL((char)0xF7, RtlUpperChar((char)0xF7)); /* the division sign has no upper case */
    char buffer[4];
    STRING target = {0, sizeof(buffer), buffer};
    RtlUpperString(&target, &b);
    EQUAL(4, target.Length);
    EQUAL(0, memcmp(buffer, "BUDD", 4));
}

TEST(conversions_say_how_much_room_they_need)
{
    ANSI_STRING ansi = STRING_OF("Buddy");
    UNICODE_STRING unicode = UNICODE_OF(L"Buddy");
    EQUAL(12, RtlAnsiStringToUnicodeSize(&ansi)); /* with the terminator */
    EQUAL(12, RtlxAnsiStringToUnicodeSize(&ansi));
    EQUAL(6, RtlUnicodeStringToAnsiSize(&unicode));
    EQUAL(6, RtlxUnicodeStringToAnsiSize(&unicode));
}

TEST(conversion_without_room_for_the_terminator_overflows)
{
    WCHAR buffer[6] = L"#####";
    ANSI_STRING ansi = STRING_OF("Buddy");
    UNICODE_STRING target = {0, 10, buffer};
    EQUAL(STATUS_BUFFER_OVERFLOW, RtlAnsiStringToUnicodeString(&target, &ansi, FALSE));
    target.MaximumLength = 12;
    EQUAL(STATUS_SUCCESS, RtlAnsiStringToUnicodeString(&target, &ansi, FALSE));
    EQUAL(10, target.Length);
    EQUAL(0, buffer[5]);
}

TEST(oem_strings_are_freed)
{
    OEM_STRING oem;
    UNICODE_STRING unicode = UNICODE_OF(L"Buddy");
    EQUAL(STATUS_SUCCESS, RtlUnicodeStringToAnsiString(&oem, &unicode, TRUE));
    RtlFreeOemString(&oem); /* the leak checker of the sanitizer sees to it */
    CHECK(oem.Buffer == NULL && oem.Length == 0);
}

TEST(conversion_by_size_takes_what_fits)
{
    WCHAR wide[4];
    char narrow[4];
    ULONG bytes = 99;
    EQUAL(STATUS_SUCCESS, RtlMultiByteToUnicodeN(wide, sizeof(wide), &bytes,
                                                 "\x80"
                                                 "b",
                                                 2));
    EQUAL(4, bytes);
    EQUAL(0x20AC, wide[0]);
    EQUAL(STATUS_SUCCESS, RtlMultiByteToUnicodeN(wide, 5, &bytes, "abcdef", 6));
    EQUAL(4, bytes);
    EQUAL(STATUS_SUCCESS, RtlMultiByteToUnicodeN(wide, sizeof(wide), NULL, "abcd", 4));
    EQUAL('d', wide[3]);
    EQUAL(STATUS_SUCCESS, RtlUnicodeToMultiByteN(narrow, sizeof(narrow), &bytes, L"\x20AC\x4E00z", 6));
    EQUAL(3, bytes);
    EQUAL(0, memcmp(narrow, "\x80?z", 3));
    EQUAL(STATUS_SUCCESS, RtlUnicodeToMultiByteN(narrow, 2, &bytes, L"abc", 6));
    EQUAL(2, bytes);
    UCHAR text[] = {'a', 0x99, 0};
    UCHAR *next = text;
    EQUAL('a', RtlAnsiCharToUnicodeChar(&next));
    EQUAL(0x2122, RtlAnsiCharToUnicodeChar(&next)); /* the trademark sign */
    CHECK(next == text + 2);
}

TEST(unicode_strings_change_to_lower_case)
{
    WCHAR buffer[5];
    UNICODE_STRING source = UNICODE_OF(L"B\x00DC"
                                       L"DDY"),
                   target = {0, sizeof(buffer), buffer}, allocated;
    EQUAL(STATUS_SUCCESS, RtlDowncaseUnicodeString(&target, &source, FALSE));
    EQUAL(0, memcmp(buffer,
                    L"b\x00FC"
                    L"ddy",
                    10));
    target.MaximumLength = 8;
    EQUAL(STATUS_BUFFER_OVERFLOW, RtlDowncaseUnicodeString(&target, &source, FALSE));
    EQUAL(STATUS_SUCCESS, RtlDowncaseUnicodeString(&allocated, &source, TRUE));
    EQUAL(10, allocated.Length);
    RtlFreeUnicodeString(&allocated);
}

TEST(unicode_buffers_compare_by_characters)
{
    EQUAL(0, RtlCompareUnicodeStrings(L"Ab", 2, L"aB", 2, TRUE));
    CHECK(RtlCompareUnicodeStrings(L"Ab", 2, L"aB", 2, FALSE) < 0);
    CHECK(RtlCompareUnicodeStrings(L"abc", 3, L"ab", 2, TRUE) > 0);
    EQUAL(0, RtlCompareUnicodeStrings(L"abc", 2, L"abd", 2, FALSE));
    EQUAL(0, RtlCompareUnicodeStrings(NULL, 0, NULL, 0, FALSE));
}

TEST(ill_formed_unicode_strings_are_refused)
{
    UNICODE_STRING good = UNICODE_OF(L"ab"), odd = {3, 4, good.Buffer}, long_ = {6, 4, good.Buffer},
                   null = {0, 4, NULL};
    UNICODE_STRING empty = {0, 0, NULL};
    EQUAL(STATUS_SUCCESS, RtlValidateUnicodeString(0, &good));
    EQUAL(STATUS_SUCCESS, RtlValidateUnicodeString(0, &empty));
    EQUAL(STATUS_INVALID_PARAMETER, RtlValidateUnicodeString(0, &odd));
    EQUAL(STATUS_INVALID_PARAMETER, RtlValidateUnicodeString(0, &long_));
    EQUAL(STATUS_INVALID_PARAMETER, RtlValidateUnicodeString(0, &null));
    EQUAL(STATUS_INVALID_PARAMETER, RtlValidateUnicodeString(1, &good));
}
