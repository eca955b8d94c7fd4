/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counters over QMP: qom-get path=/machine/peripheral/buddy0 property=counters. They are exact at any journal detail.
 */
#include "qemu/osdep.h"
#include "qapi/visitor.h"
#include "function.h"

static bool visit_list(Visitor *v, const char *name, uint64_t *values, int count, Error **errp)
{
    char item[12];

    if (!visit_start_struct(v, name, NULL, 0, errp)) {
        return false;
    }
    for (int i = 0; i < count; i++) {
        snprintf(item, sizeof(item), "%d", i);
        if (!visit_type_uint64(v, item, &values[i], errp)) {
            return false;
        }
    }
    visit_end_struct(v, NULL);
    return true;
}

static bool visit_rules(Visitor *v, FunctionCounters *c, Error **errp)
{
    if (!visit_start_struct(v, "rules", NULL, 0, errp)) {
        return false;
    }
    for (int i = 0; i < RULE_COUNT; i++) {
        if (c->rule[i] && !visit_type_uint64(v, rule_names[i], &c->rule[i], errp)) {
            return false;
        }
    }
    visit_end_struct(v, NULL);
    return true;
}

static void get_counters(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp)
{
    BuddyFunction *f = BUDDY_FUNCTION(obj);
    FunctionCounters *c = &f->counters;
    int clients = f->map.clients ? f->map.clients : 1;

    if (!visit_start_struct(v, name, NULL, 0, errp)) {
        return;
    }
    if (visit_list(v, "reads", c->reads, clients, errp) && visit_list(v, "writes", c->writes, clients, errp) &&
        visit_list(v, "interrupts", c->interrupts, clients, errp) && visit_type_uint64(v, "resets", &c->resets, errp) &&
        visit_type_uint64(v, "power-changes", &c->power_changes, errp) &&
        visit_type_uint64(v, "violations", &c->violations, errp)) {
        visit_rules(v, c, errp);
    }
    visit_end_struct(v, NULL);
}

static char *get_power(Object *obj, Error **errp)
{
    return g_strdup(power_name(BUDDY_FUNCTION(obj)->power));
}

void function_counters_class_init(ObjectClass *klass)
{
    object_class_property_add(klass, "counters", "BuddyCounters", get_counters, NULL, NULL, NULL);
    object_class_property_set_description(klass, "counters", "accesses by client, interrupts, violations by rule");
    object_class_property_add_str(klass, "power", get_power, NULL);
    object_class_property_set_description(klass, "power", "present power state: D0, D1, D2, D3hot, D3cold");
}
