/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a record waits for the journal's writer: compact, in chunks of memory. Only journal.c writes them, only
 * journal_format.c reads them.
 */
#ifndef BUDDY_JOURNAL_RECORD_H
#define BUDDY_JOURNAL_RECORD_H

#include "qemu/osdep.h"

/* A register access in D0 is its number and a pointer to the rest; any other record brings its text. */
typedef struct JournalRecord {
    uint64_t t;        /* virtual ns */
    const char *fixed; /* an access: what journal_intern() gave. NULL: `length` bytes of text follow, padded to 8 */
    uint32_t length;   /* of `fixed`, or of the text */
    uint32_t value;    /* of an access */
} JournalRecord;

/* Sequence numbers are not kept: the writer sees every record, in order, and counts as the devices' side does. */

typedef struct JournalChunk {
    struct JournalChunk *next;
    size_t fill;
    char records[];
} JournalChunk;

#define JOURNAL_CHUNK      (64 * 1024) /* bytes of a chunk with its head: small enough to stay in a processor's cache */
#define JOURNAL_CHUNK_ROOM (JOURNAL_CHUNK - sizeof(JournalChunk))

/* How the text of a record begins that says how many are lost before it: then the number follows. */
#define JOURNAL_DROPPED ",\"dev\":\"journal\",\"kind\":\"dropped\",\"count\":"

/* Bytes that a record takes in its chunk. */
static inline size_t journal_record_size(const JournalRecord *record)
{
    return sizeof(*record) + (record->fixed ? 0 : ROUND_UP(record->length, 8));
}

#endif
