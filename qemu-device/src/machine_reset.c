/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMU resets the machine's devices one after the other, and each that closes a window or a base address makes the whole memory map anew: ten times
 * 0.15 ms with the processors stopped, in every wake from S3. Nobody looks at the map before the last of them is done, so
 * here it is made once: a memory transaction around the reset of the bus that all devices are on (hw/core/machine.c, qdev_machine_creation_done).
 */
#include "qemu/osdep.h"
#include "exec/memory.h"
#include "sysemu/reset.h"
#include "sysemu/sysemu.h"
#include "machine_reset.h"

static Notifier created;

static void begin(void *opaque)
{
    memory_region_transaction_begin();
}

static void commit(void *opaque)
{
    memory_region_transaction_commit();
}

/* Reset handlers run in the order of their registration. QEMU has just registered that of the bus; those of ROMs, which write to memory, follow. */
static void on_created(Notifier *notifier, void *data)
{
    qemu_register_reset(commit, NULL);
}

void machine_reset_hurry(void)
{
    qemu_register_reset(begin, NULL);
    created.notify = on_created;
    /* Is the machine there already (the first of our devices was plugged in), both lie side by side and do nothing. */
    qemu_add_machine_init_done_notifier(&created);
}
