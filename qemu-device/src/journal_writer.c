/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The journal's writer: the queue of chunks, the thread, and the two ways out. See journal_writer.h. */
#include "qemu/osdep.h"
#include "compat.h"
#include "qemu/thread.h"
#include "chardev/char.h"
#include "chardev/char-fd.h"
#include "io/channel-file.h"
#include "journal_format.h"
#include "journal_writer.h"

#define TEXT     (128 * 1024) /* lines that are written at once */
#define RETRY_MS 100

static struct {
    CharBackend *chr;
    QEMUBH *on_idle;

    QemuMutex lock;      /* of what follows */
    JournalChunk *first; /* to be written, oldest first */
    JournalChunk **last;
    JournalChunk *empty; /* the one that was used last comes first: it is still in the cache */
    unsigned chunks;     /* that there are */
    unsigned chunks_max;
    bool idle;   /* all is written */
    bool wanted; /* somebody waits for that: schedule on_idle */
    int error;   /* errno of the last attempt; 0: it went well */

    /* the formatting side's own */
    JournalChunk *chunk; /* being formatted */
    size_t done;         /* bytes of it */
    char *text;
    size_t text_size;
    size_t text_start; /* first byte that is not written */
    size_t text_end;

    bool threaded;
    QemuThread thread;
    QemuCond changed; /* work came, work is done, it failed, or the end */
    int fd;           /* the chardev's own, duplicated: it stays open when QEMU takes the chardev down at its end */
    bool stop;
    guint watch; /* the chardev said "not now" and will call back */
} writer;

/* ---- queue ---- */

JournalChunk *journal_writer_empty_chunk(void)
{
    JournalChunk *chunk;

    /* Asked for every record while all chunks wait: without the lock. */
    if (!qatomic_read(&writer.empty) && writer.chunks == writer.chunks_max) {
        return NULL;
    }
    qemu_mutex_lock(&writer.lock);
    chunk = writer.empty;
    if (chunk) {
        qatomic_set(&writer.empty, chunk->next);
    }
    qemu_mutex_unlock(&writer.lock);
    if (!chunk && writer.chunks < writer.chunks_max) {
        writer.chunks++;
        chunk = g_malloc(JOURNAL_CHUNK);
    }
    if (chunk) {
        chunk->fill = 0;
    }
    return chunk;
}

void journal_writer_push(JournalChunk *chunk)
{
    chunk->next = NULL;
    qemu_mutex_lock(&writer.lock);
    *writer.last = chunk;
    writer.last = &chunk->next;
    writer.idle = false;
    qemu_cond_broadcast(&writer.changed);
    qemu_mutex_unlock(&writer.lock);
    if (!writer.threaded) {
        qemu_bh_schedule(writer.on_idle);
    }
}

bool journal_writer_wants(void)
{
    bool idle;

    qemu_mutex_lock(&writer.lock);
    idle = writer.idle;
    writer.wanted = !idle;
    qemu_mutex_unlock(&writer.lock);
    return idle;
}

/* With the lock. The oldest chunk becomes the one at hand; none: the writer is idle. */
static void next_chunk(void)
{
    writer.chunk = writer.first;
    writer.done = 0;
    if (writer.chunk) {
        writer.first = writer.chunk->next;
        if (!writer.first) {
            writer.last = &writer.first;
        }
        return;
    }
    writer.idle = true;
    qemu_cond_broadcast(&writer.changed);
    if (writer.wanted) {
        writer.wanted = false;
        qemu_bh_schedule(writer.on_idle);
    }
}

/* ---- lines ---- */

static inline const JournalRecord *record_at(const JournalChunk *chunk, size_t offset)
{
    return (const JournalRecord *)(chunk->records + offset);
}

/* Make lines of the chunk at hand until it is done, or there are many. The text before is written. */
static void format_lines(void)
{
    char *at = writer.text;

    while (writer.done < writer.chunk->fill) {
        const JournalRecord *record = record_at(writer.chunk, writer.done);
        size_t room = journal_format_room(record);

        if (unlikely(at + room > writer.text + writer.text_size)) {
            if (at > writer.text) {
                break;
            }
            writer.text_size = 2 * room; /* the id of a device may be of any length */
            writer.text = at = g_realloc(writer.text, writer.text_size);
        }
        at = journal_format(at, record);
        writer.done += journal_record_size(record);
    }
    writer.text_start = 0;
    writer.text_end = at - writer.text;
    if (writer.done == writer.chunk->fill) {
        qemu_mutex_lock(&writer.lock);
        writer.chunk->next = writer.empty;
        qatomic_set(&writer.empty, writer.chunk);
        qemu_mutex_unlock(&writer.lock);
        writer.chunk = NULL;
    }
}

/* A line counts for itself, and for the records that it says are lost. */
static uint64_t count_line(const char *line, size_t length)
{
    const char *count = memmem(line, length, JOURNAL_DROPPED, sizeof(JOURNAL_DROPPED) - 1);

    return 1 + (count ? strtoull(count + sizeof(JOURNAL_DROPPED) - 1, NULL, 10) : 0);
}

/* Records in a chunk from an offset on. */
static uint64_t count_records(const JournalChunk *chunk, size_t offset)
{
    uint64_t count = 0;

    while (offset < chunk->fill) {
        const JournalRecord *record = record_at(chunk, offset);

        count += record->fixed ? 1 : count_line((const char *)(record + 1), record->length);
        offset += journal_record_size(record);
    }
    return count;
}

/* Records in the text that are not written, or not to their end. */
static uint64_t count_text(void)
{
    const char *line = writer.text + writer.text_start;
    const char *end = writer.text + writer.text_end;
    uint64_t count = 0;

    if (line == end) {
        return 0;
    }
    while (line > writer.text && line[-1] != '\n') {
        line--;
    }
    while (line < end) {
        const char *next = (const char *)memchr(line, '\n', end - line) + 1;

        count += count_line(line, next - line);
        line = next;
    }
    return count;
}

static uint64_t count_waiting(void)
{
    uint64_t count = count_text();

    if (writer.chunk) {
        count += count_records(writer.chunk, writer.done);
    }
    for (const JournalChunk *chunk = writer.first; chunk; chunk = chunk->next) {
        count += count_records(chunk, 0);
    }
    return count;
}

/* ---- files: the thread ---- */

/* Write the text. False: it cannot be written now, errno says why. */
static bool write_file(void)
{
    while (writer.text_start < writer.text_end) {
        ssize_t n = write(writer.fd, writer.text + writer.text_start, writer.text_end - writer.text_start);

        if (n > 0) {
            writer.text_start += n;
        } else if (n == 0 || errno != EINTR) {
            return false;
        }
    }
    return true;
}

/* With the lock: what the last attempt came to. */
static void note_error(int error)
{
    if (error != writer.error) {
        writer.error = error;
        qemu_cond_broadcast(&writer.changed);
    }
}

static void *writer_main(void *opaque)
{
    bool written;

    qemu_mutex_lock(&writer.lock);
    for (;;) {
        if (writer.text_start == writer.text_end && !writer.chunk) {
            next_chunk();
            if (writer.idle && writer.stop) {
                break;
            }
            if (writer.idle) {
                qemu_cond_wait(&writer.changed, &writer.lock);
                continue;
            }
        }
        qemu_mutex_unlock(&writer.lock);
        if (writer.text_start == writer.text_end) {
            format_lines();
        }
        written = write_file();
        qemu_mutex_lock(&writer.lock);
        note_error(written ? 0 : errno ? errno : EIO);
        if (!written && writer.stop) {
            break;
        }
        if (!written) {
            qemu_cond_timedwait(&writer.changed, &writer.lock, RETRY_MS);
        }
    }
    qemu_mutex_unlock(&writer.lock);
    return NULL;
}

/* ---- everything else: the main loop ---- */

static gboolean chardev_writable(void *source, GIOCondition condition, void *opaque)
{
    writer.watch = 0;
    journal_writer_run();
    return G_SOURCE_REMOVE;
}

static bool write_chardev(void)
{
    while (writer.text_start < writer.text_end) {
        int taken = qemu_chr_fe_write(writer.chr, (uint8_t *)writer.text + writer.text_start,
                                      writer.text_end - writer.text_start);

        if (taken <= 0) {
            writer.error = EAGAIN;
            if (!writer.watch) {
                writer.watch = qemu_chr_fe_add_watch(writer.chr, G_IO_OUT | G_IO_HUP, chardev_writable, NULL);
            }
            return false;
        }
        writer.text_start += taken;
    }
    writer.error = 0;
    return true;
}

static void write_all_to_chardev(void)
{
    while (write_chardev()) {
        if (!writer.chunk) {
            qemu_mutex_lock(&writer.lock);
            next_chunk();
            qemu_mutex_unlock(&writer.lock);
        }
        if (!writer.chunk) {
            return;
        }
        format_lines();
    }
}

void journal_writer_run(void)
{
    if (!writer.threaded && !writer.watch) {
        write_all_to_chardev();
    }
}

/* ---- both ---- */

void journal_writer_start(CharBackend *chr, uint64_t limit, QEMUBH *on_idle)
{
    memset(&writer, 0, sizeof(writer));
    writer.chr = chr;
    writer.on_idle = on_idle;
    writer.last = &writer.first;
    writer.chunks_max = limit / JOURNAL_CHUNK;
    writer.idle = true;
    writer.text_size = TEXT;
    writer.text = g_malloc(writer.text_size);
    qemu_mutex_init(&writer.lock);
    qemu_cond_init(&writer.changed);
    journal_format_start();
    if (!object_dynamic_cast(OBJECT(chr->chr), TYPE_CHARDEV_FILE)) {
        return;
    }
    writer.fd = dup(QIO_CHANNEL_FILE(FD_CHARDEV(chr->chr)->ioc_out)->fd);
    if (writer.fd < 0) {
        return;
    }
    writer.threaded = true;
    qemu_thread_create(&writer.thread, "buddy-journal", writer_main, NULL, QEMU_THREAD_JOINABLE);
}

bool journal_writer_finish(Error **errp)
{
    int error;

    if (writer.threaded) {
        qemu_mutex_lock(&writer.lock);
        writer.error = 0; /* wait for an attempt of its own */
        qemu_cond_broadcast(&writer.changed);
        while (!writer.idle && !writer.error) {
            qemu_cond_wait(&writer.changed, &writer.lock);
        }
        error = writer.error;
        qemu_mutex_unlock(&writer.lock);
    } else {
        write_all_to_chardev();
        error = writer.error;
    }
    if (error) {
        error_setg_errno(errp, error, "the journal cannot be written for now%s",
                         writer.threaded ? "" : " (its reader does not read)");
    }
    return !error;
}

uint64_t journal_writer_stop(void)
{
    uint64_t lost;

    if (writer.threaded) {
        qemu_mutex_lock(&writer.lock);
        writer.stop = true;
        qemu_cond_broadcast(&writer.changed);
        qemu_mutex_unlock(&writer.lock);
        qemu_thread_join(&writer.thread);
        writer.threaded = false;
        close(writer.fd);
    }
    g_clear_handle_id(&writer.watch, g_source_remove);
    lost = count_waiting();
    writer.text_start = writer.text_end = 0;
    return lost;
}
