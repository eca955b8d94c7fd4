/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What clients do to each other: interrupt causes, errors, the semaphore, doorbells, mail, and the owner's gates. */
#include "qemu/osdep.h"
#include "buddy.h"
#include "journal.h"

void buddy_update_interrupt(Buddy *s, int client)
{
    BuddyClient *c = &s->client[client];
    BuddyFunction *f = BUDDY_FUNCTION(s);

    function_irq_set(f, client, f->power == POWER_D0 && (c->int_status & c->int_enable));
}

void buddy_raise(Buddy *s, int client, uint32_t cause)
{
    s->client[client].int_status |= cause;
    buddy_update_interrupt(s, client);
}

void buddy_error(Buddy *s, int client, uint32_t cause)
{
    s->client[client].error |= cause;
    buddy_raise(s, client, BIT_OF(BUDDY_CLIENT, INT_STATUS, ERROR));
}

static void record_semaphore(Buddy *s, int client, const char *event)
{
    if (journal_begin(JOURNAL_EVENTS, function_id(BUDDY_FUNCTION(s)), "semaphore")) {
        journal_int("client", client);
        journal_name("event", event);
        journal_end();
    }
}

void buddy_semaphore_write(Buddy *s, int client, uint32_t value)
{
    uint32_t tag = client + 1;

    if (value & 1) {
        if (!s->sem) {
            s->sem = tag;
            record_semaphore(s, client, "taken");
        } else if (s->sem != tag) {
            record_semaphore(s, client, "busy");
        }
    } else if (s->sem == tag) {
        if (fault_fires(BUDDY_FUNCTION(s), FAULT_SEMAPHORE_STUCK, client)) {
            return;
        }
        s->sem = 0;
        record_semaphore(s, client, "released");
    } else {
        violation(BUDDY_FUNCTION(s), RULE_SEMAPHORE_NOT_HELD, client);
    }
}

void buddy_semaphore_break(Buddy *s)
{
    if (s->sem && !fault_fires(BUDDY_FUNCTION(s), FAULT_SEMAPHORE_STUCK, s->sem - 1)) {
        record_semaphore(s, s->sem - 1, "broken");
        s->sem = 0;
    }
}

bool buddy_semaphore_held(Buddy *s, int client)
{
    if (s->sem == client + 1) {
        return true;
    }
    violation(BUDDY_FUNCTION(s), RULE_NO_SEMAPHORE, client);
    return false;
}

void buddy_doorbell(Buddy *s, int client, uint32_t mask)
{
    for (int i = 0; i < s->clients; i++) {
        if (mask & (1u << i)) {
            s->client[i].doorbell_from |= 1u << client;
            buddy_raise(s, i, BIT_OF(BUDDY_CLIENT, INT_STATUS, DOORBELL));
        }
    }
}

void buddy_mail_send(Buddy *s, int client, uint32_t to)
{
    BuddyClient *receiver;

    to &= BIT_OF(BUDDY_CLIENT, MBOX_SEND, CLIENT);
    if (to >= s->clients) {
        return;
    }
    receiver = &s->client[to];
    if (receiver->mbox_status & BIT_OF(BUDDY_CLIENT, MBOX_STATUS, FULL)) {
        buddy_error(s, client, BIT_OF(BUDDY_CLIENT, ERROR, MBOX_FULL));
        return;
    }
    receiver->mbox_in = s->client[client].mbox_out;
    receiver->mbox_status = BIT_OF(BUDDY_CLIENT, MBOX_STATUS, FULL) | (client << BUDDY_CLIENT__MBOX_STATUS__FROM_bp);
    buddy_raise(s, to, BIT_OF(BUDDY_CLIENT, INT_STATUS, MAILBOX));
}

void buddy_gate_write(Buddy *s, uint32_t mask)
{
    uint32_t changed;

    mask = (mask | 1) & ((1u << s->clients) - 1);
    changed = mask ^ s->gate;
    s->gate = mask;
    function_update_answers(BUDDY_FUNCTION(s));
    for (int i = 0; i < s->clients; i++) {
        if ((changed & (1u << i)) && journal_begin(JOURNAL_EVENTS, function_id(BUDDY_FUNCTION(s)), "gate")) {
            journal_int("client", i);
            journal_int("open", (mask >> i) & 1);
            journal_end();
        }
    }
}
