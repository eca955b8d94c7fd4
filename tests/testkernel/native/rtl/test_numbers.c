/* SPDX-License-Identifier: MIT */
/* Numbers, printf, GUIDs, calendar, bitmaps, sorting, versions. The host's C library is the reference where it has the function. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <limits.h>
#include <time.h>
#include "harness.h"
#include "rtl/format.h"

static uint64_t AnyNumber(void)
{
    uint64_t value = (uint64_t)Random(0x7FFFFFFF) << 33 ^ (uint64_t)Random(0x7FFFFFFF) << 12 ^ Random(0x1000);
    return value >> Random(64);
}

TEST(integer_formats_agree_with_the_hosts)
{
    static const char *const flags[] = {"", "-", "+", " ", "#", "0", "-#", "+0", "#0"};
    static const char *const sizes[] = {"", "5", "12", ".3", "9.4", ".0"};
    static const char types[] = "diuxXo";
    for (size_t f = 0; f < COUNT_OF(flags); f++) {
        for (size_t s = 0; s < COUNT_OF(sizes); s++) {
            for (size_t t = 0; types[t]; t++) {
                for (int round = 0; round < 25; round++) {
                    char format[32], expected[64], actual[64];
                    uint64_t value = round ? AnyNumber() : 0;
                    if (Random(2)) {
                        value = 0 - value;
                    }
                    snprintf(format, sizeof(format), "[%%%s%sll%c]", flags[f], sizes[s], types[t]);
                    snprintf(expected, sizeof(expected), format, value);
                    EQUAL(strlen(expected), RtlFormat(actual, sizeof(actual), format, value));
                    SAME_TEXT(expected, actual);
                    snprintf(format, sizeof(format), "[%%%s%s%c]", flags[f], sizes[s], types[t]);
                    snprintf(expected, sizeof(expected), format, (unsigned)value);
                    RtlFormat(actual, sizeof(actual), format, (unsigned)value);
                    SAME_TEXT(expected, actual);
                }
            }
        }
    }
}

TEST(windows_own_formats)
{
    char text[80];
    UNICODE_STRING unicode;
    ANSI_STRING ansi;
    RtlInitUnicodeString(&unicode, L"\\Device\\Buddy0");
    RtlInitAnsiString(&ansi, "ansi");
    RtlFormat(text, sizeof(text), "%wZ|%Z|%ws|%S|%ls|%hs", &unicode, &ansi, L"ws", L"S", L"ls", "hs");
    SAME_TEXT("\\Device\\Buddy0|ansi|ws|S|ls|hs", text);
    RtlFormat(text, sizeof(text), "%I64x %I32u %Id %p %c%C", 0x123456789ABCULL, 7u, (int64_t)-1, (void *)0xBEEF, 'a',
              L'b');
    SAME_TEXT("123456789abc 7 -1 000000000000BEEF ab", text);
    RtlFormat(text, sizeof(text), "%hd %hhu %s %.2s %*d %%", 0x18000, 0x1FF, (char *)NULL, "abc", 4, 5);
    SAME_TEXT("-32768 255 (null) ab    5 %", text);
    EQUAL(5, RtlFormat(text, 4, "%s", "abcde"));
    SAME_TEXT("abc", text);
    EQUAL(5, RtlFormat(NULL, 0, "%s", "abcde"));
}

TEST(wide_printf_takes_wide_strings)
{
    WCHAR text[32];
    int length = _snwprintf(text, COUNT_OF(text), L"%s-%S-%u-%c\u0416", L"w\u00E9", "n", 42u, L'\u0434');
    EQUAL(10, length);
    EQUAL(0, memcmp(text, L"w\u00E9-n-42-\u0434\u0416", 20));
    EQUAL(-1, _snwprintf(text, 3, L"abcd"));
    EQUAL('c', text[2]);
}

TEST(snprintf_terminates_as_documented)
{
    char text[6] = "#####";
    EQUAL(4, _snprintf(text, 4, "abcd")); /* as long as the buffer: no terminator */
    EQUAL(0, memcmp(text, "abcd#", 6));
    EQUAL(-1, _snprintf(text, 4, "xyzuv"));
    EQUAL(0, memcmp(text, "xyzu#", 6));
    EQUAL(3, _snprintf(text, 4, "abc"));
    EQUAL(0, text[3]);
    EQUAL(-1, _snprintf_s(text, 4, (size_t)-1, "abcd"));
    SAME_TEXT("abc", text);
    EQUAL(2, _snprintf_s(text, 4, 3, "%d", 42));
}

TEST(integers_to_and_from_unicode)
{
    for (int round = 0; round < 2000; round++) {
        static const ULONG bases[] = {0, 2, 8, 10, 16};
        ULONG value = (ULONG)AnyNumber(), base = bases[Random(5)], back = 0;
        WCHAR buffer[40];
        UNICODE_STRING text = {0, sizeof(buffer), buffer};
        EQUAL(STATUS_SUCCESS, RtlIntegerToUnicodeString(value, base, &text));
        EQUAL(STATUS_SUCCESS, RtlUnicodeStringToInteger(&text, base, &back));
        EQUAL(value, back);
    }
    WCHAR buffer[4];
    UNICODE_STRING text = {0, sizeof(buffer), buffer};
    ULONG value;
    char narrow[8];
    EQUAL(STATUS_BUFFER_OVERFLOW, RtlIntegerToUnicodeString(12345, 10, &text));
    EQUAL(STATUS_INVALID_PARAMETER, RtlIntegerToUnicodeString(1, 7, &text));
    RtlInitUnicodeString(&text, L" -0x1Fz");
    EQUAL(STATUS_SUCCESS, RtlUnicodeStringToInteger(&text, 0, &value));
    EQUAL((ULONG)-0x1F, value);
    EQUAL(STATUS_SUCCESS, RtlIntegerToChar(0xAB, 16, -8, narrow));
    EQUAL(0, memcmp(narrow, "000000AB", 8));
    EQUAL(STATUS_BUFFER_OVERFLOW, RtlIntegerToChar(123, 10, 2, narrow));
    EQUAL(INT_MIN, atoi("-2147483648"));
    EQUAL(12, atoi(" \t+12x"));
    EQUAL(0, memcmp(_itow(-12, buffer, 10), L"-12", 8));
}

TEST(guids_to_and_from_text)
{
    static const GUID guid = {0x4D36E97D, 0xE325, 0x11CE, {0xBF, 0xC1, 0x08, 0x00, 0x2B, 0xE1, 0x03, 0x18}};
    GUID back;
    UNICODE_STRING text;
    EQUAL(STATUS_SUCCESS, RtlStringFromGUID(&guid, &text));
    EQUAL(76, text.Length);
    EQUAL(0, wcscmp(L"{4D36E97D-E325-11CE-BFC1-08002BE10318}", text.Buffer));
    EQUAL(STATUS_SUCCESS, RtlGUIDFromString(&text, &back));
    EQUAL(0, memcmp(&guid, &back, sizeof(guid)));
    text.Buffer[9] = '+';
    EQUAL(STATUS_INVALID_PARAMETER, RtlGUIDFromString(&text, &back));
    text.Buffer[9] = '-';
    text.Buffer[1] = 'g';
    EQUAL(STATUS_INVALID_PARAMETER, RtlGUIDFromString(&text, &back));
    RtlFreeUnicodeString(&text);
}

TEST(calendar_agrees_with_the_hosts)
{
    for (int round = 0; round < 5000; round++) {
        LARGE_INTEGER time = {(LONG64)(AnyNumber() % 0x7FFF35F4F06C58F0ULL)}, back; /* up to the year 30827 */
        TIME_FIELDS fields;
        time_t seconds = (time_t)(time.QuadPart / 10000000 - 11644473600LL);
        struct tm host;
        gmtime_r(&seconds, &host);
        RtlTimeToTimeFields(&time, &fields);
        EQUAL(host.tm_year + 1900, fields.Year);
        EQUAL(host.tm_mon + 1, fields.Month);
        EQUAL(host.tm_mday, fields.Day);
        EQUAL(host.tm_hour, fields.Hour);
        EQUAL(host.tm_min, fields.Minute);
        EQUAL(host.tm_sec, fields.Second);
        EQUAL(host.tm_wday, fields.Weekday);
        CHECK(RtlTimeFieldsToTime(&fields, &back));
        EQUAL(time.QuadPart / 10000 * 10000, back.QuadPart);
    }
    TIME_FIELDS none = {.Year = 2023, .Month = 2, .Day = 29};
    LARGE_INTEGER ignored;
    CHECK(!RtlTimeFieldsToTime(&none, &ignored));
}

TEST(bitmaps_agree_with_an_array_of_flags)
{
    enum { BITS = 75 };
    for (int round = 0; round < 1500; round++) {
        ULONG words[3];
        UCHAR flags[BITS] = {0};
        RTL_BITMAP map;
        RtlInitializeBitMap(&map, words, BITS);
        RtlClearAllBits(&map);
        for (int i = 0; i < 6; i++) {
            ULONG start = Random(BITS), count = Random(BITS - start + 1);
            UCHAR value = (UCHAR)Random(2);
            for (ULONG b = start; b < start + count; b++) {
                flags[b] = value;
            }
            if (value) {
                RtlSetBits(&map, start, count);
            } else {
                RtlClearBits(&map, start, count);
            }
        }
        ULONG set = 0, want = 1 + Random(12), hint = Random(BITS), longest = 0, run = 0, where, first = ~0u;
        for (ULONG b = 0; b < BITS; b++) {
            EQUAL(flags[b], RtlTestBit(&map, b));
            set += flags[b];
            run = flags[b] ? 0 : run + 1;
            longest = run > longest ? run : longest;
            if (run >= want && b + 1 - want >= hint && first == ~0u) {
                first = b + 1 - want;
            }
        }
        EQUAL(set, RtlNumberOfSetBits(&map));
        EQUAL(longest, RtlFindLongestRunClear(&map, &where));
        CHECK(!longest || RtlAreBitsClear(&map, where, longest));
        ULONG found = RtlFindClearBits(&map, want, hint);
        if (first != ~0u) {
            EQUAL(first, found);
        }
        EQUAL(longest >= want, found != ~0u);
        CHECK(found == ~0u || RtlAreBitsClear(&map, found, want));
        if (RtlFindClearBitsAndSet(&map, want, hint) != ~0u) {
            CHECK(RtlAreBitsSet(&map, found, want));
        }
    }
}

TEST(bitmap_runs)
{
    ULONG word = 0xFFFFFF00 & ~0x00F03000UL, where;
    RTL_BITMAP map;
    RTL_BITMAP_RUN runs[2];
    RtlInitializeBitMap(&map, &word, 32); /* clear: 0-7, 12-13, 20-23 */
    EQUAL(2, RtlFindClearRuns(&map, runs, 2, FALSE));
    EQUAL(0, runs[0].StartingIndex);
    EQUAL(12, runs[1].StartingIndex);
    EQUAL(2, RtlFindClearRuns(&map, runs, 2, TRUE));
    EQUAL(8, runs[0].NumberOfBits);
    EQUAL(20, runs[1].StartingIndex);
    EQUAL(4, RtlFindLastBackwardRunClear(&map, 31, &where));
    EQUAL(20, where);
}

static int CompareInts(const void *a, const void *b)
{
    const int *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

TEST(sorting_and_searching)
{
    for (int round = 0; round < 300; round++) {
        int values[50];
        size_t count = Random(51);
        long long sum = 0;
        for (size_t i = 0; i < count; i++) {
            values[i] = (int)Random(60);
            sum += values[i];
        }
        qsort(values, count, sizeof(int), CompareInts);
        for (size_t i = 0; i < count; i++) {
            sum -= values[i];
            CHECK(i == 0 || values[i - 1] <= values[i]);
            int *found = bsearch(&values[i], values, count, sizeof(int), CompareInts);
            CHECK(found && *found == values[i]);
        }
        EQUAL(0, sum);
        int absent = 99;
        CHECK(bsearch(&absent, values, count, sizeof(int), CompareInts) == NULL);
    }
}

static NTSTATUS Verify(ULONG major, ULONG minor, ULONG build, UCHAR condition)
{
    RTL_OSVERSIONINFOEXW info = {.dwMajorVersion = major, .dwMinorVersion = minor, .dwBuildNumber = build};
    ULONG mask = 3 | (build ? 4 : 0); /* VER_MAJORVERSION, VER_MINORVERSION, VER_BUILDNUMBER */
    return RtlVerifyVersionInfo(&info, mask, VerSetConditionMask(0, mask, condition));
}

TEST(version_is_windows_10_and_compares_major_before_minor)
{
    RTL_OSVERSIONINFOEXW info = {.dwOSVersionInfoSize = sizeof(info)};
    EQUAL(STATUS_SUCCESS, RtlGetVersion((PRTL_OSVERSIONINFOW)&info));
    EQUAL(10, info.dwMajorVersion);
    EQUAL(19041, info.dwBuildNumber);
    EQUAL(1, info.wProductType);
    EQUAL(STATUS_SUCCESS, Verify(6, 3, 0, 3));            /* >= 6.3: a bigger minor version does not matter */
    EQUAL(STATUS_REVISION_MISMATCH, Verify(10, 1, 0, 3)); /* >= 10.1 */
    EQUAL(STATUS_SUCCESS, Verify(10, 0, 19041, 1));
    EQUAL(STATUS_REVISION_MISMATCH, Verify(10, 0, 22000, 3));
}

TEST(random_numbers_stay_in_range_and_move)
{
    ULONG seed = 0, previous = ~0u;
    for (int i = 0; i < 10000; i++) {
        ULONG value = RtlRandomEx(&seed);
        CHECK(value < 0x7FFFFFFF && value != previous);
        previous = value;
    }
}
