/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A thread that writes the journal into a file, so that copying into the page cache costs the guest's processor nothing.
 *
 * Only for file chardevs: they never wait for a reader. The thread has a file descriptor of its own. Sockets and pipes are written from the main loop, which they call back when there is room.
 *
 * All functions are called with the big QEMU lock held; the thread never takes it.
 */
#ifndef BUDDY_JOURNAL_WRITER_H
#define BUDDY_JOURNAL_WRITER_H

#include "qemu/osdep.h"
#include "chardev/char-fe.h"

/* Start the thread if the chardev is a file. `on_idle` is scheduled whenever a buffer has been written. */
bool journal_writer_start(CharBackend *chr, QEMUBH *on_idle);
void journal_writer_stop(void);
bool journal_writer_running(void);
/*
 * Give the thread a buffer to write and take an empty one for it (same rules as g_realloc: both belong to whoever holds
 * them). False: the thread is still busy with the last one.
 */
bool journal_writer_swap(char **buffer, size_t *size, size_t length);
/* Wait until the thread has nothing to do. */
void journal_writer_wait(void);
/* Records that could not be written (disk full). */
uint64_t journal_writer_lost(void);

#endif
