/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The journal's buffer and record formatting. See journal.h.
 *
 * A guest that exercises its device flat out makes some 300,000 records a second, so numbers are formatted by hand
 * and bytes go to the chardev in large pieces: from a bottom half after an event, from a 1 ms host timer after
 * register accesses, when the buffer has grown past JOURNAL_CHUNK, and at exit. Files are written by a thread of their own.
 */
#include "qemu/osdep.h"
#include "compat.h"
#include "journal.h"
#include "journal_writer.h"

#define JOURNAL_CHUNK  (256 * 1024)              /* hand over at once when this much waits */
#define JOURNAL_RECORD (6 * JOURNAL_TEXT + 2048) /* more than any record takes: a byte of text becomes up to six */

JournalDetail journal_detail = JOURNAL_COUNTERS;

static struct {
    CharBackend *chr;
    char *buffer;
    size_t limit; /* lose records rather than hold more bytes than this */
    size_t size;  /* of the buffer */
    size_t start; /* first byte that the chardev has not taken */
    size_t fill;  /* end of the whole records */
    char *at;     /* where the record being built goes on */
    uint64_t seq;
    char seq_digits[20]; /* the same in decimal, right-aligned from seq_first */
    unsigned seq_first;
    uint64_t ms; /* virtual milliseconds whose digits are kept */
    char ms_digits[20];
    unsigned ms_length;
    uint64_t dropped;      /* all losses */
    uint64_t dropped_told; /* losses that a `dropped` record has told */
    QEMUBH *flush_bh;
    QEMUTimer *flush_timer; /* host time: flushing must not disturb the guest's clock */
    bool flush_soon;        /* the timer or the bottom half is under way */
    bool is_event;          /* the record being built is not a register access */
    guint watch;            /* the chardev said "not now" and will call back */
    Notifier exit;
    VMChangeStateEntry *state_entry;
} journal;

static inline __attribute__((always_inline)) void put_bytes(const char *bytes, size_t length)
{
    memcpy(journal.at, bytes, length);
    journal.at += length;
}

static inline __attribute__((always_inline)) void put_string(const char *string)
{
    put_bytes(string, strlen(string));
}

static const char digit_pairs[201] = "0001020304050607080910111213141516171819"
                                     "2021222324252627282930313233343536373839"
                                     "4041424344454647484950515253545556575859"
                                     "6061626364656667686970717273747576777879"
                                     "8081828384858687888990919293949596979899";

static void put_uint(uint64_t value)
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
    put_bytes(p, digits + sizeof(digits) - p);
}

static void put_key(const char *key)
{
    put_bytes(",\"", 2);
    put_string(key);
    put_bytes("\":", 2);
}

/* Make sure that `need` bytes are free after the whole records. False: the limit is reached. */
static bool journal_room(size_t need)
{
    if (likely(journal.fill + need <= journal.size)) {
        return true;
    }
    if (journal.start) {
        memmove(journal.buffer, journal.buffer + journal.start, journal.fill - journal.start);
        journal.fill -= journal.start;
        journal.start = 0;
    }
    if (journal.fill + need > journal.limit) {
        return false;
    }
    while (journal.fill + need > journal.size) {
        journal.size *= 2;
        journal.buffer = g_realloc(journal.buffer, journal.size);
    }
    return true;
}

/* Sequence numbers are counted in decimal digits: adding one is cheaper than converting. */
static void put_seq(void)
{
    put_bytes(journal.seq_digits + journal.seq_first, sizeof(journal.seq_digits) - journal.seq_first);
}

static void next_seq(void)
{
    char *digit = journal.seq_digits + sizeof(journal.seq_digits) - 1;

    journal.seq++;
    while (*digit == '9') {
        *digit-- = '0';
    }
    if (digit < journal.seq_digits + journal.seq_first) {
        journal.seq_first--;
        *digit = '0';
    }
    ++*digit;
}

/* Times: the milliseconds are converted once and kept, since many records fall into the same one. */
static void put_time(void)
{
    uint64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    uint64_t ms = now / 1000000;
    uint32_t rest = now % 1000000;

    if (ms == 0) {
        put_uint(rest);
        return;
    }
    if (unlikely(ms != journal.ms)) {
        journal.ms = ms;
        journal.ms_length = snprintf(journal.ms_digits, sizeof(journal.ms_digits), "%" PRIu64, ms);
    }
    put_bytes(journal.ms_digits, journal.ms_length);
    memcpy(journal.at, digit_pairs + 2 * (rest / 10000), 2);
    memcpy(journal.at + 2, digit_pairs + 2 * (rest / 100 % 100), 2);
    memcpy(journal.at + 4, digit_pairs + 2 * (rest % 100), 2);
    journal.at += 6;
}

static void put_head(void)
{
    journal.at = journal.buffer + journal.fill;
    put_bytes("{\"seq\":", 7);
    put_seq();
    put_bytes(",\"t\":", 5);
    put_time();
}

static int64_t put_tail(void)
{
    put_bytes("}\n", 2);
    journal.fill = journal.at - journal.buffer;
    next_seq();
    return journal.seq - 1;
}

static bool journal_start(void)
{
    if (unlikely(!journal_room(2 * JOURNAL_RECORD))) {
        journal.dropped++;
        return false;
    }
    if (unlikely(journal.dropped != journal.dropped_told)) {
        put_head();
        put_string(",\"dev\":\"journal\",\"kind\":\"dropped\",\"count\":");
        put_uint(journal.dropped - journal.dropped_told);
        put_tail();
        journal.dropped_told = journal.dropped;
    }
    put_head();
    return true;
}

bool journal_begin(JournalDetail detail, const char *dev, const char *kind)
{
    if (!journal_wants(detail) || !journal.chr || !journal_start()) {
        return false;
    }
    journal.is_event = detail < JOURNAL_FULL;
    put_string(",\"dev\":\"");
    put_string(dev);
    put_string("\",\"kind\":\"");
    put_string(kind);
    put_bytes("\"", 1);
    return true;
}

void journal_int(const char *key, int64_t value)
{
    put_key(key);
    if (value < 0) {
        put_bytes("-", 1);
        value = -value;
    }
    put_uint(value);
}

void journal_uint(const char *key, uint64_t value)
{
    put_key(key);
    put_uint(value);
}

void journal_name(const char *key, const char *value)
{
    put_key(key);
    put_bytes("\"", 1);
    put_string(value);
    put_bytes("\"", 1);
}

void journal_text(const char *key, const char *bytes, size_t length)
{
    length = MIN(length, (size_t)JOURNAL_TEXT);
    put_key(key);
    put_bytes("\"", 1);
    for (size_t i = 0; i < length; i++) {
        unsigned char c = bytes[i];

        if (c == '"' || c == '\\') {
            put_bytes("\\", 1);
            put_bytes((char *)&c, 1);
        } else if (c < 0x20 || c > 0x7e) {
            journal.at += sprintf(journal.at, "\\u%04x", c);
        } else {
            *journal.at++ = c;
        }
    }
    put_bytes("\"", 1);
}

static void flush(void);

/* A record is whole: see that it gets out. */
static inline void journal_ended(void)
{
    if (journal.fill - journal.start >= JOURNAL_CHUNK && !journal.watch) {
        flush();
    } else if (journal.is_event) {
        qemu_bh_schedule(journal.flush_bh);
    } else if (!journal.flush_soon) {
        journal.flush_soon = true;
        timer_mod(journal.flush_timer, qemu_clock_get_ms(QEMU_CLOCK_REALTIME) + 1);
    }
}

int64_t journal_end(void)
{
    int64_t seq = put_tail();

    journal_ended();
    return seq;
}

int64_t journal_access(const char *fixed, size_t length, uint32_t value)
{
    int64_t seq;

    if (unlikely(!journal_start())) {
        return JOURNAL_NO_SEQ;
    }
    journal.is_event = false;
    put_bytes(fixed, length);
    put_uint(value);
    put_bytes(",\"power\":\"D0\"", 13);
    seq = put_tail();
    journal_ended();
    return seq;
}

static gboolean journal_writable(void *source, GIOCondition condition, void *opaque)
{
    journal.watch = 0;
    flush();
    return G_SOURCE_REMOVE;
}

static void flush(void)
{
    journal.flush_soon = false;
    if (journal_writer_running()) {
        /* A busy writer calls back when it is done; until then records wait here. */
        if (journal.fill && journal_writer_swap(&journal.buffer, &journal.size, journal.fill)) {
            journal.fill = 0;
        }
        return;
    }
    while (journal.start < journal.fill) {
        size_t length = MIN(journal.fill - journal.start, (size_t)INT_MAX);
        int taken = qemu_chr_fe_write(journal.chr, (uint8_t *)journal.buffer + journal.start, length);

        if (taken <= 0) {
            if (!journal.watch) {
                journal.watch = qemu_chr_fe_add_watch(journal.chr, G_IO_OUT | G_IO_HUP, journal_writable, NULL);
            }
            return;
        }
        journal.start += taken;
    }
    journal.start = journal.fill = 0;
}

void journal_flush(void)
{
    flush();
    if (!journal_writer_running()) {
        return;
    }
    journal_writer_wait();
    flush();
    journal_writer_wait();
}

static void journal_flush_bh(void *opaque)
{
    if (journal.chr && !journal.watch) {
        flush();
    }
}

static void journal_exit(Notifier *notifier, void *data)
{
    if (journal.chr) {
        journal_flush();
    }
}

/* Sockets and pipes are gone when exit notifiers run, so what waits for them is handed over when the machine stops. */
static void journal_vm_state(void *opaque, bool running, RunState state)
{
    if (!running && journal.chr) {
        journal_flush();
    }
}

bool journal_open(CharBackend *chr, JournalDetail detail, uint64_t limit, Error **errp)
{
    if (journal.chr) {
        error_setg(errp, "there is one journal: a second buddy-trace cannot have a chardev");
        return false;
    }
    if (limit < 4 * JOURNAL_RECORD) {
        error_setg(errp, "limit=%" PRIu64 ", but at least %d bytes are needed", limit, 4 * JOURNAL_RECORD);
        return false;
    }
    journal.limit = limit;
    journal.size = 4 * JOURNAL_RECORD;
    journal.buffer = g_malloc(journal.size);
    journal.start = journal.fill = 0;
    journal.seq = 0;
    journal.seq_first = sizeof(journal.seq_digits) - 1;
    journal.seq_digits[journal.seq_first] = '0';
    journal.flush_bh = qemu_bh_new(journal_flush_bh, NULL);
    journal.flush_timer = timer_new_ms(QEMU_CLOCK_REALTIME, journal_flush_bh, NULL);
    journal.exit.notify = journal_exit;
    qemu_add_exit_notifier(&journal.exit);
    journal.state_entry = qemu_add_vm_change_state_handler(journal_vm_state, NULL);
    journal_writer_start(chr, journal.flush_bh);
    journal.chr = chr;
    journal_detail = detail;
    return true;
}

void journal_close(void)
{
    if (!journal.chr) {
        return;
    }
    journal_flush();
    journal_writer_stop();
    journal_detail = JOURNAL_COUNTERS;
    qemu_remove_exit_notifier(&journal.exit);
    qemu_del_vm_change_state_handler(journal.state_entry);
    g_clear_handle_id(&journal.watch, g_source_remove);
    qemu_bh_delete(journal.flush_bh);
    timer_free(journal.flush_timer);
    g_free(journal.buffer);
    journal.chr = NULL;
}

void journal_set_detail(JournalDetail detail)
{
    if (journal.chr) {
        journal_detail = detail;
    }
}

uint64_t journal_written(void)
{
    return journal.seq;
}

uint64_t journal_dropped(void)
{
    return journal.dropped + journal_writer_lost();
}
