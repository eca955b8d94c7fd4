/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The devices' side of the journal: records are numbered, timed and put into a chunk of memory. See journal.h.
 *
 * A guest that exercises its device flat out makes millions of records a second. So the record of a register access is three
 * words, and its line is made by the writer (journal_writer.h), which is handed a chunk when it is full, after an event,
 * and from a 1 ms host timer after register accesses.
 */
#include "qemu/osdep.h"
#include "compat.h"
#include "qemu/error-report.h"
#include "journal.h"
#include "journal_clock.h"
#include "journal_format.h"
#include "journal_writer.h"

#define JOURNAL_EVENT (6 * JOURNAL_TEXT + 2048) /* more than any event takes: a byte of text becomes up to six */

JournalDetail journal_detail = JOURNAL_COUNTERS;

static struct {
    bool is_open;
    JournalChunk *chunk; /* the one that is being filled; NULL: none */
    char *at;            /* where the next record goes */
    char *end;           /* of the chunk */
    char *text;          /* where the event being built goes on */
    int64_t seq;
    uint64_t dropped;      /* all losses */
    uint64_t dropped_told; /* losses that a `dropped` record has told */
    QEMUBH *flush_bh;
    QEMUTimer *flush_timer; /* host time: flushing must not disturb the guest's clock */
    bool flush_soon;        /* the timer is under way */
    Notifier exit;
    VMChangeStateEntry *state_entry;
} journal;

static void put_bytes(const char *bytes, size_t length)
{
    memcpy(journal.text, bytes, length);
    journal.text += length;
}

static void put_string(const char *string)
{
    put_bytes(string, strlen(string));
}

static void put_key(const char *key)
{
    put_bytes(",\"", 2);
    put_string(key);
    put_bytes("\":", 2);
}

/* The chunk with all its records; the next record begins another. */
static JournalChunk *close_chunk(void)
{
    JournalChunk *chunk = journal.chunk;

    chunk->fill = journal.at - chunk->records;
    journal.chunk = NULL;
    journal.at = journal.end = NULL;
    return chunk;
}

static void use_chunk(JournalChunk *chunk)
{
    journal.chunk = chunk;
    journal.at = chunk->records + chunk->fill;
    journal.end = chunk->records + JOURNAL_CHUNK_ROOM;
}

static void begin_event(void)
{
    journal.text = journal.at + sizeof(JournalRecord);
}

static int64_t end_event(void)
{
    JournalRecord *record = (JournalRecord *)journal.at;

    put_bytes("}\n", 2);
    record->t = journal_clock_exact();
    record->fixed = NULL;
    record->length = journal.text - (char *)(record + 1);
    journal.at += journal_record_size(record);
    return journal.seq++;
}

/* See that what was just recorded gets out, in a moment. */
static inline void flush_later(void)
{
    if (unlikely(!journal.flush_soon)) {
        journal.flush_soon = true;
        timer_mod(journal.flush_timer, qemu_clock_get_ms(QEMU_CLOCK_REALTIME) + 1);
    }
}

/* The chunk at hand has no room for `need` bytes: get another. False: as much waits as may, and a record is lost. */
static __attribute__((noinline)) bool next_chunk(size_t need)
{
    JournalChunk *chunk;

    if (journal.chunk) {
        journal_writer_push(close_chunk());
    }
    chunk = journal_writer_empty_chunk();
    if (!chunk) {
        journal.dropped++;
        return false;
    }
    use_chunk(chunk);
    if (journal.dropped != journal.dropped_told) {
        begin_event();
        put_string(JOURNAL_DROPPED);
        journal.text = journal_format_uint(journal.text, journal.dropped - journal.dropped_told);
        end_event();
        journal.dropped_told = journal.dropped;
    }
    return true;
}

static inline bool journal_room(size_t need)
{
    return likely(journal.end - journal.at >= (ptrdiff_t)need) || next_chunk(need);
}

bool journal_begin(JournalDetail detail, const char *dev, const char *kind)
{
    if (!journal_wants(detail) || !journal.is_open || !journal_room(JOURNAL_EVENT)) {
        return false;
    }
    begin_event();
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
    journal.text = journal_format_uint(journal.text, value);
}

void journal_uint(const char *key, uint64_t value)
{
    put_key(key);
    journal.text = journal_format_uint(journal.text, value);
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
            journal.text += sprintf(journal.text, "\\u%04x", c);
        } else {
            *journal.text++ = c;
        }
    }
    put_bytes("\"", 1);
}

int64_t journal_end(void)
{
    int64_t seq = end_event();

    /* A bottom half may be late: the main loop gets hardly a turn while a processor accesses devices. */
    if (journal_writer_wants()) {
        journal_writer_push(close_chunk());
    }
    return seq;
}

int64_t journal_access(const char *fixed, uint32_t length, uint32_t value)
{
    JournalRecord *record;

    if (unlikely(!journal_room(sizeof(*record)))) {
        return JOURNAL_NO_SEQ;
    }
    record = (JournalRecord *)journal.at;
    record->t = journal_clock_access();
    record->fixed = fixed;
    record->length = length;
    record->value = value;
    journal.at += sizeof(*record);
    flush_later();
    return journal.seq++;
}

/* From the main loop: give the writer what there is, unless it has enough to do; then it calls this when it is done. */
static void hand_over(void *opaque)
{
    journal.flush_soon = false;
    if (journal.chunk && journal.at != journal.chunk->records && journal_writer_wants()) {
        journal_writer_push(close_chunk());
    }
    journal_writer_run();
}

bool journal_flush(Error **errp)
{
    if (journal.chunk) {
        journal_writer_push(close_chunk());
    }
    return journal_writer_finish(errp);
}

/* The end of the journal. What the chardev does not take now is lost. */
static void finish(void)
{
    Error *error = NULL;
    uint64_t lost;

    if (journal_begin(JOURNAL_COUNTERS, "journal", "close")) {
        journal_end();
    }
    if (!journal_flush(&error)) {
        error_report("buddy-trace: %s", error_get_pretty(error));
        error_free(error);
    }
    journal.dropped += journal_writer_stop();
    lost = journal.dropped - journal.dropped_told;
    if (lost) {
        error_report("buddy-trace: the last %" PRIu64 " records of the journal are lost", lost);
    }
    journal_detail = JOURNAL_COUNTERS;
    journal.is_open = false;
}

static void journal_exit(Notifier *notifier, void *data)
{
    finish();
}

/* Sockets and pipes are gone when exit notifiers run, so what waits for them is handed over when the machine stops. */
static void journal_vm_state(void *opaque, bool running, RunState state)
{
    if (!running) {
        journal_flush(NULL);
    }
}

bool journal_open(CharBackend *chr, JournalDetail detail, uint64_t limit, Error **errp)
{
    if (journal.is_open) {
        error_setg(errp, "there is one journal: a second buddy-trace cannot have a chardev");
        return false;
    }
    if (limit < 2 * JOURNAL_CHUNK) {
        error_setg(errp, "limit=%" PRIu64 ", but at least %d bytes are needed", limit, 2 * JOURNAL_CHUNK);
        return false;
    }
    journal.seq = 0;
    journal.dropped = journal.dropped_told = 0;
    journal.flush_bh = qemu_bh_new(hand_over, NULL);
    journal.flush_timer = timer_new_ms(QEMU_CLOCK_REALTIME, hand_over, NULL);
    journal.exit.notify = journal_exit;
    qemu_add_exit_notifier(&journal.exit);
    journal.state_entry = qemu_add_vm_change_state_handler(journal_vm_state, NULL);
    journal_clock_start();
    journal_writer_start(chr, limit, journal.flush_bh);
    journal.is_open = true;
    journal_detail = detail;
    return true;
}

void journal_close(void)
{
    if (!journal.is_open) {
        return;
    }
    finish();
    journal_clock_stop();
    qemu_remove_exit_notifier(&journal.exit);
    qemu_del_vm_change_state_handler(journal.state_entry);
    qemu_bh_delete(journal.flush_bh);
    timer_free(journal.flush_timer);
}

void journal_set_detail(JournalDetail detail)
{
    if (journal.is_open) {
        journal_detail = detail;
    }
}

uint64_t journal_written(void)
{
    return journal.seq;
}

uint64_t journal_dropped(void)
{
    return journal.dropped;
}
