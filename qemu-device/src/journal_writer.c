/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The journal's writer thread. See journal_writer.h. */
#include "qemu/osdep.h"
#include "compat.h"
#include "qemu/error-report.h"
#include "qemu/thread.h"
#include "chardev/char.h"
#include "chardev/char-fd.h"
#include "io/channel-file.h"
#include "journal_writer.h"

static struct {
    bool running;
    QemuThread thread;
    QemuMutex lock;
    QemuCond changed; /* work came, work is done, or the end */
    int fd;           /* the chardev's own, duplicated: it stays open when QEMU takes the chardev down at its end */
    QEMUBH *on_idle;
    char *buffer; /* the thread's while `length` is not 0, else the spare one */
    size_t size;
    size_t length; /* to write; 0: idle */
    bool stop;
    uint64_t lost;
} writer;

static void write_out(const char *buffer, size_t length)
{
    static bool told;
    size_t done = 0;

    while (done < length) {
        ssize_t n = write(writer.fd, buffer + done, length - done);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            break;
        }
        done += n;
    }
    if (done == length) {
        return;
    }
    for (const char *p = buffer + done; (p = memchr(p, '\n', buffer + length - p)); p++) {
        writer.lost++;
    }
    if (!told) {
        told = true;
        error_report("buddy-trace: cannot write the journal: %s; records are lost (see the property `dropped`)",
                     strerror(errno));
    }
}

static void *writer_main(void *opaque)
{
    qemu_mutex_lock(&writer.lock);
    while (!writer.stop || writer.length) {
        if (!writer.length) {
            qemu_cond_wait(&writer.changed, &writer.lock);
            continue;
        }
        qemu_mutex_unlock(&writer.lock);
        write_out(writer.buffer, writer.length);
        qemu_mutex_lock(&writer.lock);
        writer.length = 0;
        qemu_cond_broadcast(&writer.changed);
        qemu_bh_schedule(writer.on_idle);
    }
    qemu_mutex_unlock(&writer.lock);
    return NULL;
}

bool journal_writer_start(CharBackend *chr, QEMUBH *on_idle)
{
    if (!object_dynamic_cast(OBJECT(chr->chr), TYPE_CHARDEV_FILE)) {
        return false;
    }
    writer.fd = dup(QIO_CHANNEL_FILE(FD_CHARDEV(chr->chr)->ioc_out)->fd);
    if (writer.fd < 0) {
        return false;
    }
    writer.on_idle = on_idle;
    writer.stop = false;
    qemu_mutex_init(&writer.lock);
    qemu_cond_init(&writer.changed);
    qemu_thread_create(&writer.thread, "buddy-journal", writer_main, NULL, QEMU_THREAD_JOINABLE);
    writer.running = true;
    return true;
}

void journal_writer_stop(void)
{
    if (!writer.running) {
        return;
    }
    qemu_mutex_lock(&writer.lock);
    writer.stop = true;
    qemu_cond_broadcast(&writer.changed);
    qemu_mutex_unlock(&writer.lock);
    qemu_thread_join(&writer.thread);
    writer.running = false;
    close(writer.fd);
    g_free(writer.buffer);
    writer.buffer = NULL;
    writer.size = 0;
}

bool journal_writer_running(void)
{
    return writer.running;
}

bool journal_writer_swap(char **buffer, size_t *size, size_t length)
{
    char *spare;
    size_t spare_size;

    if (qatomic_read(&writer.length)) {
        return false; /* asked for every record while the buffer is full: without the lock */
    }
    qemu_mutex_lock(&writer.lock);
    if (writer.length) {
        qemu_mutex_unlock(&writer.lock);
        return false;
    }
    spare = writer.buffer;
    spare_size = writer.size;
    writer.buffer = *buffer;
    writer.size = *size;
    writer.length = length;
    qemu_cond_broadcast(&writer.changed);
    qemu_mutex_unlock(&writer.lock);
    if (!spare) {
        spare_size = *size;
        spare = g_malloc(spare_size);
    }
    *buffer = spare;
    *size = spare_size;
    return true;
}

void journal_writer_wait(void)
{
    qemu_mutex_lock(&writer.lock);
    while (writer.length) {
        qemu_cond_wait(&writer.changed, &writer.lock);
    }
    qemu_mutex_unlock(&writer.lock);
}

uint64_t journal_writer_lost(void)
{
    return qatomic_read(&writer.lost);
}
