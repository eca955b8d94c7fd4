/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The multi-step transaction: BEGIN, DATA..., COMMIT. The device has one; a step of another client in between tears
 * it, which is how unsynchronised sharing shows.
 */
#include "qemu/osdep.h"
#include "buddy.h"
#include "journal.h"

static void record(Buddy *s, int client, const char *event)
{
    if (journal_begin(JOURNAL_EVENTS, function_id(BUDDY_FUNCTION(s)), "txn")) {
        journal_int("client", client);
        journal_name("event", event);
        journal_end();
    }
}

void buddy_txn_drop(Buddy *s)
{
    s->txn_client = 0;
    s->txn_sum = 0;
    s->txn_words = 0;
}

/* True if the step may go on; false if it tore the transaction of another client. */
static bool step(Buddy *s, int client)
{
    int victim = s->txn_client - 1;

    buddy_semaphore_held(s, client);
    if (victim < 0 || victim == client) {
        return true;
    }
    record(s, victim, "torn");
    violation(BUDDY_FUNCTION(s), RULE_TORN_TRANSACTION, client);
    buddy_txn_drop(s);
    buddy_error(s, victim, BIT_OF(BUDDY_CLIENT, ERROR, TXN_TORN));
    buddy_error(s, client, BIT_OF(BUDDY_CLIENT, ERROR, TXN_TORN));
    return false;
}

void buddy_txn_begin(Buddy *s, int client)
{
    if (!step(s, client)) {
        return;
    }
    buddy_txn_drop(s);
    s->txn_client = client + 1;
    record(s, client, "begin");
}

/* Without an open transaction (it was torn, and the client does not know yet) the word goes nowhere. */
void buddy_txn_data(Buddy *s, int client, uint32_t word)
{
    if (step(s, client) && s->txn_client) {
        s->txn_sum += word;
        s->txn_words++;
    }
}

void buddy_txn_commit(Buddy *s, int client, uint32_t words)
{
    if (!step(s, client) || !s->txn_client) {
        return;
    }
    if (words != s->txn_words) {
        violation(BUDDY_FUNCTION(s), RULE_TRANSACTION_WORD_COUNT, client);
        buddy_error(s, client, BIT_OF(BUDDY_CLIENT, ERROR, TXN_TORN));
    } else {
        s->client[client].txn_result = s->txn_sum;
        record(s, client, "commit");
    }
    buddy_txn_drop(s);
}
