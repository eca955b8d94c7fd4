/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The machine's resets and sleep, as the devices see them (`machine` records).
 *
 * QEMU ends S3 by an ordinary device reset, and says nothing of the cause to the devices. The suspend notifier tells
 * that the machine sleeps; a reset that comes while it sleeps and is already marked as running again is the wake.
 */
#include "qemu/osdep.h"
#include "function.h"
#include "journal.h"
#include "machine_reset.h"

static struct {
    bool followed;
    bool suspended;
    Notifier suspend;
    Notifier wakeup;
} machine;

static void record(const char *event)
{
    if (journal_begin(JOURNAL_EVENTS, "machine", "machine")) {
        journal_name("event", event);
        journal_end();
    }
}

static void on_suspend(Notifier *notifier, void *data)
{
    machine.suspended = true;
    record("suspend");
}

/* Comes after the reset that ends S3. */
static void on_wakeup(Notifier *notifier, void *data)
{
    machine.suspended = false;
}

bool machine_is_waking(void)
{
    return machine.suspended && runstate_is_running();
}

static void on_reset(void *opaque)
{
    record(machine_is_waking() ? "wakeup" : "reset");
    if (!machine_is_waking()) {
        machine.suspended = false;
    }
    void_forget_gone();
}

void machine_follow(void)
{
    if (machine.followed) {
        return;
    }
    machine.followed = true;
    machine.suspend.notify = on_suspend;
    machine.wakeup.notify = on_wakeup;
    qemu_register_suspend_notifier(&machine.suspend);
    qemu_register_wakeup_notifier(&machine.wakeup);
    qemu_register_reset(on_reset, NULL);
    machine_reset_hurry();
}
