/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The job engine: one job at a time, which takes a set virtual time and then interrupts the client that started it. */
#include "qemu/osdep.h"
#include "buddy.h"
#include "journal.h"

static void record(Buddy *s, int client, const char *event, uint32_t us)
{
    if (journal_begin(JOURNAL_EVENTS, function_id(BUDDY_FUNCTION(s)), "job")) {
        journal_int("client", client);
        journal_name("event", event);
        journal_uint("us", us);
        journal_end();
    }
}

static void job_done(void *opaque)
{
    Buddy *s = opaque;
    int client = s->job_client - 1;
    BuddyClient *c = &s->client[client];

    s->job_client = 0;
    c->job_result = ~s->job_operand;
    c->job_count++;
    record(s, client, "done", c->job_duration);
    buddy_raise(s, client, BIT_OF(BUDDY_CLIENT, INT_STATUS, JOB));
}

static void start_job(Buddy *s, int client)
{
    BuddyClient *c = &s->client[client];
    uint32_t us = MAX(c->job_duration, 1);

    if (!buddy_semaphore_held(s, client) || s->job_client) {
        record(s, client, "refused", us);
        buddy_error(s, client, BIT_OF(BUDDY_CLIENT, ERROR, JOB_REFUSED));
        return;
    }
    s->job_client = client + 1;
    s->job_operand = c->job_arg;
    record(s, client, "start", us);
    if (fault_fires(BUDDY_FUNCTION(s), FAULT_STUCK_BUSY, client)) {
        return;
    }
    timer_mod_ns(s->job_timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + (int64_t)us * SCALE_US);
}

bool buddy_job_stop(Buddy *s)
{
    if (!s->job_client) {
        return false;
    }
    timer_del(s->job_timer);
    record(s, s->job_client - 1, "abort", s->client[s->job_client - 1].job_duration);
    s->job_client = 0;
    return true;
}

void buddy_job_control(Buddy *s, int client, uint32_t value)
{
    if ((value & BIT_OF(BUDDY_CLIENT, JOB_CTRL, ABORT)) && s->job_client == client + 1) {
        buddy_job_stop(s);
    }
    if (value & BIT_OF(BUDDY_CLIENT, JOB_CTRL, START)) {
        start_job(s, client);
    }
}

void buddy_job_init(Buddy *s)
{
    s->job_timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, job_done, s);
}

void buddy_job_exit(Buddy *s)
{
    timer_free(s->job_timer);
}
