/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Violations: counted always, recorded when the journal takes events. The rules are described in rules.yaml. */
#include "qemu/osdep.h"
#include "function.h"
#include "journal.h"

const char *const rule_names[RULE_COUNT] = {RULE_NAMES};

uint64_t violations_total;

static void record(const char *id, Rule rule, int client, const char *reg, PowerState power, int64_t ref)
{
    violations_total++;
    if (journal_begin(JOURNAL_EVENTS, id, "violation")) {
        journal_name("rule", rule_names[rule]);
        journal_int("client", client);
        if (reg) {
            journal_name("reg", reg);
        }
        journal_name("power", power_name(power));
        if (ref != JOURNAL_NO_SEQ) {
            journal_int("ref", ref);
        }
        journal_end();
    }
}

void violation_at(BuddyFunction *f, Rule rule, int client, const char *reg, int64_t ref)
{
    f->counters.violations++;
    f->counters.rule[rule]++;
    record(function_id(f), rule, client, reg, f->power, ref);
}

void violation(BuddyFunction *f, Rule rule, int client)
{
    violation_at(f, rule, client, register_map_name(&f->map, f->access_offset), f->access_seq);
}

void violation_gone(const char *id, Rule rule, int client, const char *reg, int64_t ref)
{
    record(id, rule, client, reg, POWER_D3COLD, ref);
}
