/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The journal's writer: takes chunks of records, makes lines of them and writes those to the chardev.
 *
 * A file is written by a thread of its own, so that neither formatting nor copying into the page cache costs the guest's processor
 * anything; the thread has a file descriptor of its own. A full disk is tried again ten times a second, and until there is room chunks wait. Sockets and
 * pipes are written from the main loop, which they call back when there is room.
 *
 * All functions are called with the big QEMU lock held; the thread never takes it.
 */
#ifndef BUDDY_JOURNAL_WRITER_H
#define BUDDY_JOURNAL_WRITER_H

#include "qemu/osdep.h"
#include "chardev/char-fe.h"
#include "journal_record.h"

/* At most `limit` bytes of chunks. `on_idle` is scheduled when the thread has done all its work after it did not want any. */
void journal_writer_start(CharBackend *chr, uint64_t limit, QEMUBH *on_idle);
/* Nothing is written any more. Returns how many records are lost by that. */
uint64_t journal_writer_stop(void);
/* A chunk to fill, or NULL when as many wait as may. */
JournalChunk *journal_writer_empty_chunk(void);
/* The writer gets a chunk with whole records. */
void journal_writer_push(JournalChunk *chunk);
/* It has nothing to do, so that a chunk may be pushed that is not full. If not, on_idle will be scheduled. */
bool journal_writer_wants(void);
/* Without a thread: write what the chardev takes. */
void journal_writer_run(void);
/* Wait until all is written. False and an error if the chardev does not take it. */
bool journal_writer_finish(Error **errp);

#endif
