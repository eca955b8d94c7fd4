/* SPDX-License-Identifier: MIT */
/* Bitmaps beyond the search for clear bits (test_numbers.c), bits of a word, blocks of memory, seconds. */
#include "harness.h"

#define NONE 0xFFFFFFFFu

TEST(single_bits_and_whole_maps)
{
    ULONG words[3] = {0, 0, 0x55555555};
    RTL_BITMAP map;
    RtlInitializeBitMap(&map, words, 40);
    RtlSetBit(&map, 0);
    RtlSetBit(&map, 33);
    EQUAL(1, words[0]);
    EQUAL(2, words[1]);
    EQUAL(38, RtlNumberOfClearBits(&map));
    RtlClearBit(&map, 33);
    CHECK(!RtlTestBit(&map, 33) && RtlTestBit(&map, 0));
    RtlSetAllBits(&map);
    EQUAL(0, RtlNumberOfClearBits(&map));
    CHECK(RtlAreBitsSet(&map, 0, 40));
    EQUAL(0x55555555, words[2]); /* no word beyond the map is touched */
}

TEST(set_bits_are_found_from_the_hint_on_and_around)
{
    ULONG word = 0x00F00C03; /* set: 0-1, 10-11, 20-23 */
    RTL_BITMAP map;
    RtlInitializeBitMap(&map, &word, 32);
    EQUAL(0, RtlFindSetBits(&map, 2, 0));
    EQUAL(10, RtlFindSetBits(&map, 2, 1)); /* only one of 0-1 is left */
    EQUAL(20, RtlFindSetBits(&map, 3, 0));
    EQUAL(0, RtlFindSetBits(&map, 1, 24)); /* nothing behind the hint: from the start */
    EQUAL(NONE, RtlFindSetBits(&map, 5, 0));
    EQUAL(20, RtlFindSetBitsAndClear(&map, 4, 0));
    EQUAL(0xC03, word);
    EQUAL(NONE, RtlFindSetBitsAndClear(&map, 4, 0));
    EQUAL(0xC03, word); /* nothing found, nothing cleared */
}

TEST(runs_of_clear_bits_one_after_the_other)
{
    ULONG word = 0x0000F0F3, where; /* clear: 2-3, 8-11, 16-31 */
    RTL_BITMAP map;
    RtlInitializeBitMap(&map, &word, 32);
    EQUAL(2, RtlFindFirstRunClear(&map, &where));
    EQUAL(2, where);
    EQUAL(4, RtlFindNextForwardRunClear(&map, 4, &where));
    EQUAL(8, where);
    EQUAL(2, RtlFindNextForwardRunClear(&map, 10, &where)); /* from the middle of a run */
    EQUAL(10, where);
    EQUAL(16, RtlFindNextForwardRunClear(&map, 12, &where));
    EQUAL(16, where);
    RtlSetAllBits(&map);
    EQUAL(0, RtlFindFirstRunClear(&map, &where));
}

TEST(bits_of_a_word)
{
    EQUAL(-1, RtlFindMostSignificantBit(0));
    EQUAL(-1, RtlFindLeastSignificantBit(0));
    for (int bit = 0; bit < 64; bit++) {
        EQUAL(bit, RtlFindMostSignificantBit(1ULL << bit | 1));
        EQUAL(bit, RtlFindLeastSignificantBit(1ULL << bit | 1ULL << 63));
        EQUAL(bit, RtlNumberOfSetBitsUlongPtr((1ULL << bit) - 1));
    }
}

TEST(blocks_of_memory_by_their_exported_names)
{
    UCHAR block[8] = {1, 2, 3, 4, 5, 6, 7, 8}, other[8];
    ULONG words[3] = {0xB0DD, 0xB0DD, 0xB0DE};
    RtlMoveMemory(block + 1, block, 7);
    EQUAL(0, memcmp(block, "\1\1\2\3\4\5\6\7", 8));
    RtlFillMemory(block + 2, 3, 0xEE);
    EQUAL(0, memcmp(block, "\1\1\xEE\xEE\xEE\5\6\7", 8));
    RtlCopyMemoryNonTemporal(other, block, 8);
    EQUAL(0, memcmp(other, block, 8));
    EQUAL(8, RtlCompareMemoryUlong(words, sizeof(words), 0xB0DD));
    EQUAL(8, RtlCompareMemoryUlong(words, 11, 0xB0DD)); /* an incomplete ULONG does not count */
    EQUAL(0, RtlCompareMemoryUlong(words, sizeof(words), 1));
}

TEST(seconds_since_1970_and_1980)
{
    LARGE_INTEGER time = {.QuadPart = 116444736000000000LL}; /* 1970-01-01 */
    ULONG seconds = 99;
    CHECK(RtlTimeToSecondsSince1970(&time, &seconds) && seconds == 0);
    CHECK(!RtlTimeToSecondsSince1980(&time, &seconds)); /* before its epoch */
    RtlSecondsSince1980ToTime(0, &time);
    CHECK(RtlTimeToSecondsSince1970(&time, &seconds) && seconds == 315532800);
    RtlSecondsSince1970ToTime(0xFFFFFFFF, &time);
    CHECK(RtlTimeToSecondsSince1970(&time, &seconds) && seconds == 0xFFFFFFFF);
    CHECK(RtlTimeToSecondsSince1980(&time, &seconds) && seconds == 0xFFFFFFFF - 315532800);
    time.QuadPart += 10000000;
    CHECK(!RtlTimeToSecondsSince1970(&time, &seconds)); /* more than 32 bits hold */
}

TEST(elapsed_time_has_days_but_no_months)
{
    TIME_FIELDS fields;
    LARGE_INTEGER time = {.QuadPart = (((400LL * 24 + 5) * 60 + 6) * 60 + 7) * 10000000LL + 89 * 10000};
    RtlTimeToElapsedTimeFields(&time, &fields);
    CHECK(fields.Year == 0 && fields.Month == 0 && fields.Day == 400 && fields.Hour == 5 && fields.Minute == 6);
    CHECK(fields.Second == 7 && fields.Milliseconds == 89);
}

TEST(the_old_generator_is_in_range_too)
{
    ULONG seed = 42, last = 0, same = 0;
    for (int i = 0; i < 1000; i++) {
        ULONG value = RtlRandom(&seed);
        CHECK(value < 0x7FFFFFFF);
        same += value == last;
        last = value;
    }
    EQUAL(0, same);
}

TEST(integers_of_64_bits_and_of_narrow_text)
{
    WCHAR buffer[21];
    UNICODE_STRING text = {0, sizeof(buffer), buffer};
    ULONG value;
    EQUAL(STATUS_SUCCESS, RtlInt64ToUnicodeString(0xFFFFFFFFFFFFFFFFULL, 10, &text));
    EQUAL(40, text.Length);
    EQUAL(0, memcmp(buffer, L"18446744073709551615", 42));
    EQUAL(STATUS_SUCCESS, RtlInt64ToUnicodeString(0xB0DDB0DDB0DDULL, 16, &text));
    EQUAL(0, memcmp(buffer, L"B0DDB0DDB0DD", 26));
    text.MaximumLength = 4;
    EQUAL(STATUS_BUFFER_OVERFLOW, RtlInt64ToUnicodeString(123, 10, &text));
    EQUAL(STATUS_INVALID_PARAMETER, RtlInt64ToUnicodeString(1, 3, &text));
    EQUAL(STATUS_SUCCESS, RtlCharToInteger("  -0x10z", 0, &value));
    EQUAL((ULONG)-16, value);
    EQUAL(STATUS_SUCCESS, RtlCharToInteger("0b101", 0, &value));
    EQUAL(5, value);
    EQUAL(STATUS_SUCCESS, RtlCharToInteger("777", 8, &value));
    EQUAL(0777, value);
    EQUAL(STATUS_SUCCESS, RtlCharToInteger("none", 0, &value));
    EQUAL(0, value);
    EQUAL(STATUS_INVALID_PARAMETER, RtlCharToInteger("1", 5, &value));
}

TEST(small_things)
{
    LUID one = {1, 2}, same = {1, 2}, other = {1, 3};
    ULONGLONG length = 0;
    char text[200];
    CHECK(RtlEqualLuid(&one, &same) && !RtlEqualLuid(&one, &other));
    RtlPrefetchMemoryNonTemporal(text, sizeof(text)); /* a hint only: nothing is read that is not there */
    EQUAL(STATUS_SUCCESS, RtlFindClosestEncodableLength(0x12345678, &length));
    EQUAL(0x12345678, length);
    EQUAL(STATUS_SUCCESS, RtlFindClosestEncodableLength(0x100000001ULL, &length));
    EQUAL(0x100000100ULL, length); /* units of 256 bytes */
    EQUAL(STATUS_SUCCESS, RtlFindClosestEncodableLength(0x1000000000001ULL, &length));
    EQUAL(0x1000100000000ULL, length); /* of 4 GiB */
    EQUAL(STATUS_UNSUCCESSFUL, RtlFindClosestEncodableLength(~0ULL, &length));
}
