/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMU says DEVICE_DELETED when nothing refers to a removed device any more, which takes an RCU grace period. Its RCU thread waits up to five times 10 ms
 * for "a decent number of callbacks to pile up", RCU_CALL_MIN_SIZE of them (util/rcu.c, call_rcu_thread), so the event comes 50 ms after the removal.
 * Whoever waits for it may have it at once: that number of callbacks that do nothing makes the thread go on. Nothing else changes; what is freed
 * is freed in the same order, after the same grace period.
 */
#include "qemu/osdep.h"
#include "qemu/rcu.h"
#include "qemu/thread.h"
#include "hw/core/cpu.h"
#include "block/aio.h"
#include "qemu/main-loop.h"
#include "removal.h"

#define ENOUGH_CALLBACKS 30 /* util/rcu.c: RCU_CALL_MIN_SIZE */
#define KICK_AFTER_MS    20
#define KICK_AGAIN_MS    5

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

/*
 * A processor is an RCU reader for as long as it stays in the guest's code, and what makes it leave that are mostly timers, which the main loop
 * serves. drain_call_rcu lets the RCU thread call the processors out, but not when the thread had begun to wait before: with the main loop in
 * the drain and the guest in a loop without an exit, nothing moved any more. So the processors are called out from here if it takes long.
 */
static void *kick(void *drained)
{
    CPUState *cpu;
    int wait = KICK_AFTER_MS;

    rcu_register_thread();
    while (qemu_sem_timedwait(drained, wait) != 0) {
        rcu_read_lock();
        CPU_FOREACH(cpu)
        {
            cpu_exit(cpu);
        }
        rcu_read_unlock();
        wait = KICK_AGAIN_MS;
    }
    rcu_unregister_thread();
    return NULL;
}

void removal_drain(void)
{
    QemuSemaphore drained;
    QemuThread kicker;

    qemu_sem_init(&drained, 0);
    qemu_thread_create(&kicker, "buddy-kick", kick, &drained, QEMU_THREAD_JOINABLE);
    removal_hurry();
    drain_call_rcu();
    qemu_sem_post(&drained);
    qemu_thread_join(&kicker);
    qemu_sem_destroy(&drained);
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
