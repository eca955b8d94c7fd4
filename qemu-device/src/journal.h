/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The journal: one JSON Lines stream that all devices write (format: docs/journal.md).
 *
 * There is one journal a QEMU process. Every function here is called with the big QEMU lock held, so records never mix and
 * their order is the order of the events. They wait in a compact form for the writer, which makes lines of them elsewhere:
 * journal_writer.h.
 *
 * A record is built in place:
 *
 *     if (journal_begin(JOURNAL_EVENTS, "buddy0", "gate")) {
 *         journal_int("client", 1);
 *         journal_int("open", 1);
 *         seq = journal_end();
 *     }
 *
 * The reader, or the disk, may be slow or full. Up to `limit` bytes (64 MiB) wait for it; after that records are lost, counted, and
 * the loss itself is recorded (`dropped`). The guest never waits.
 */
#ifndef BUDDY_JOURNAL_H
#define BUDDY_JOURNAL_H

#include "qemu/osdep.h"
#include "chardev/char-fe.h"

typedef enum JournalDetail {
    JOURNAL_COUNTERS, /* nothing is written but `open` and `dropped` */
    JOURNAL_EVENTS,   /* all but read, write, ram */
    JOURNAL_FULL,
} JournalDetail;

/* No record was written for this event (the detail is too low or the reader too slow). */
#define JOURNAL_NO_SEQ (-1)

/* The detail in force; JOURNAL_COUNTERS while there is no journal. Read it through journal_wants(). */
extern JournalDetail journal_detail;

static inline bool journal_wants(JournalDetail detail)
{
    return unlikely(journal_detail >= detail);
}

/* Start a record if the detail in force is at least `detail`. `dev` and `kind` are plain ASCII without quotes. */
bool journal_begin(JournalDetail detail, const char *dev, const char *kind);
void journal_int(const char *key, int64_t value);
void journal_uint(const char *key, uint64_t value);
/* A string that needs no escaping (register names, states). */
void journal_name(const char *key, const char *value);
/* Any bytes, at most JOURNAL_TEXT of them: escaped to JSON, bytes above 0x7e as \u00XX. */
#define JOURNAL_TEXT 1000
void journal_text(const char *key, const char *bytes, size_t length);
/* End the record. Returns its sequence number. */
int64_t journal_end(void);

/*
 * A whole record of a register access in D0 in one go: `fixed` is its constant middle part, from `,"dev":` to `"value":`, as
 * journal_intern() gave it. To be called only if journal_wants(JOURNAL_FULL). Returns its sequence number.
 */
int64_t journal_access(const char *fixed, uint32_t length, uint32_t value);
const char *journal_intern(const char *text);

/* The chardev side, used by buddy-trace only. */
/* `limit`: bytes that may wait for the reader before records are lost. */
bool journal_open(CharBackend *chr, JournalDetail detail, uint64_t limit, Error **errp);
void journal_close(void);
void journal_set_detail(JournalDetail detail);
uint64_t journal_written(void);
uint64_t journal_dropped(void);
/*
 * Hand everything that waits to the chardev now. False and an error if it does not take all of it: a full disk, a reader that does
 * not read. What it has not taken goes on waiting.
 */
bool journal_flush(Error **errp);

#endif
