/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the journal's compact records to JSON Lines. See journal_format.h.
 *
 * A guest that exercises its device flat out makes millions of records a second, so this is written for speed: numbers are formatted
 * by hand, what changes slowly (sequence number, milliseconds) is kept as text, and constant parts are copied in whole
 * vector registers, beyond their end if need be.
 */
#include "qemu/osdep.h"
#include "journal_format.h"

#define HEAD "{\"seq\":"
#define TIME ",\"t\":"
#define TAIL ",\"power\":\"D0\"}\n"

/* Head, two numbers of at most 20 digits, the value, the tail, and what copies write beyond their end. */
#define JOURNAL_LINE_REST (sizeof(HEAD) + 20 + sizeof(TIME) + 20 + 20 + sizeof(TAIL) + 2 * JOURNAL_COPY + SEQ_END)

#define SEQ_END 24 /* more than the 20 digits of the largest number, and a good size to copy */

static struct {
    char digits[2 * SEQ_END]; /* the next sequence number in decimal, ending at SEQ_END */
    unsigned first;           /* index of its first digit */
    uint64_t ms;              /* milliseconds whose digits are kept */
    char ms_digits[SEQ_END];
    unsigned ms_length;
} format;

static const char digit_pairs[201] = "0001020304050607080910111213141516171819"
                                     "2021222324252627282930313233343536373839"
                                     "4041424344454647484950515253545556575859"
                                     "6061626364656667686970717273747576777879"
                                     "8081828384858687888990919293949596979899";

void journal_format_start(void)
{
    format.first = SEQ_END - 1;
    format.digits[format.first] = '0';
    format.ms = 0;
    format.ms_length = 0;
}

size_t journal_format_room(const JournalRecord *record)
{
    return JOURNAL_LINE_REST + record->length;
}

char *journal_format_uint(char *at, uint64_t value)
{
    char digits[20];
    char *p = digits + sizeof(digits);

    while (value >= 100) {
        p -= 2;
        memcpy(p, digit_pairs + 2 * (value % 100), 2);
        value /= 100;
    }
    if (value >= 10) {
        p -= 2;
        memcpy(p, digit_pairs + 2 * value, 2);
    } else {
        *--p = '0' + value;
    }
    memcpy(at, p, digits + sizeof(digits) - p);
    return at + (digits + sizeof(digits) - p);
}

/* Values are 32 bits, and mostly small. */
static inline char *put_value(char *at, uint32_t value)
{
    if (value < 10) {
        *at = '0' + value;
        return at + 1;
    }
    return journal_format_uint(at, value);
}

/* The sequence number is counted in decimal digits: adding one is cheaper than converting. */
static inline char *put_seq(char *at)
{
    unsigned length = SEQ_END - format.first;
    char *digit = format.digits + SEQ_END - 1;

    memcpy(at, format.digits + format.first, SEQ_END);
    while (*digit == '9') {
        *digit-- = '0';
    }
    if (digit < format.digits + format.first) {
        format.first--;
        *digit = '0';
    }
    ++*digit;
    return at + length;
}

static inline char *put_time(char *at, uint64_t ns)
{
    uint64_t ms = ns / 1000000;
    uint32_t rest = ns % 1000000;

    if (unlikely(ms == 0)) {
        return journal_format_uint(at, rest);
    }
    if (unlikely(ms != format.ms)) {
        format.ms = ms;
        format.ms_length = journal_format_uint(format.ms_digits, ms) - format.ms_digits;
    }
    memcpy(at, format.ms_digits, sizeof(format.ms_digits));
    at += format.ms_length;
    memcpy(at, digit_pairs + 2 * (rest / 10000), 2);
    memcpy(at + 2, digit_pairs + 2 * (rest / 100 % 100), 2);
    memcpy(at + 4, digit_pairs + 2 * (rest % 100), 2);
    return at + 6;
}

char *journal_format(char *at, const JournalRecord *record)
{
    memcpy(at, HEAD, 8); /* with the zero at its end: eight bytes are one move */
    at = put_seq(at + sizeof(HEAD) - 1);
    memcpy(at, TIME, sizeof(TIME) - 1);
    at = put_time(at + sizeof(TIME) - 1, record->t);
    if (unlikely(!record->fixed)) {
        memcpy(at, record + 1, record->length);
        return at + record->length;
    }
    for (uint32_t i = 0; i < record->length; i += JOURNAL_COPY) {
        memcpy(at + i, record->fixed + i, JOURNAL_COPY);
    }
    at = put_value(at + record->length, record->value);
    memcpy(at, TAIL, sizeof(TAIL));
    return at + sizeof(TAIL) - 1;
}

const char *journal_intern(const char *text)
{
    static GHashTable *known;
    char *copy;

    if (!known) {
        known = g_hash_table_new(g_str_hash, g_str_equal);
    }
    copy = g_hash_table_lookup(known, text);
    if (!copy) {
        copy = g_malloc0(ROUND_UP(strlen(text) + 1, JOURNAL_COPY));
        strcpy(copy, text);
        g_hash_table_add(known, copy);
    }
    return copy;
}
