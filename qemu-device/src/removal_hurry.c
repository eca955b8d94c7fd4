/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMU says DEVICE_DELETED when nothing refers to a removed device any more, which takes an RCU grace period. Its RCU thread waits up to five times 10 ms
 * for "a decent number of callbacks to pile up", RCU_CALL_MIN_SIZE of them (util/rcu.c, call_rcu_thread), so the event comes 50 ms after the removal.
 * Whoever waits for it may have it at once: that number of callbacks that do nothing makes the thread go on. Nothing else changes; what is freed
 * is freed in the same order, after the same grace period.
 */
#include "qemu/osdep.h"
#include "qemu/rcu.h"
#include "block/aio.h"
#include "qemu/main-loop.h"
#include "removal.h"

#define ENOUGH_CALLBACKS 30 /* util/rcu.c: RCU_CALL_MIN_SIZE */

static void nothing(struct rcu_head *head)
{
}

/* Callbacks run in the order of their registration: the last one frees them all. */
static void release(struct rcu_head *head)
{
    g_free(head - (ENOUGH_CALLBACKS - 1));
}

void removal_hurry(void)
{
    struct rcu_head *heads = g_new0(struct rcu_head, ENOUGH_CALLBACKS);

    for (int i = 0; i < ENOUGH_CALLBACKS; i++) {
        call_rcu1(&heads[i], i == ENOUGH_CALLBACKS - 1 ? release : nothing);
    }
}

static void hurry_bh(void *opaque)
{
    removal_hurry();
}

void removal_hurry_later(void)
{
    /* The removal that is going on now must have registered its own callbacks first. */
    aio_bh_schedule_oneshot(qemu_get_aio_context(), hurry_bh, NULL);
}
