/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arming, counting and telling of faults. What each fault does stands where it strikes. See fault.h. */
#include "qemu/osdep.h"
#include "qapi/visitor.h"
#include "qemu/cutils.h"
#include "function.h"
#include "journal.h"
#include "register_tables.h"

static const char *const fault_names[FAULT_COUNT] = {
    [FAULT_INTERRUPT_LOST] = "interrupt-lost",
    [FAULT_INTERRUPT_LATE] = "interrupt-late",
    [FAULT_INTERRUPT_SPURIOUS] = "interrupt-spurious",
    [FAULT_STUCK_BUSY] = "stuck-busy",
    [FAULT_READ_CORRUPT] = "read-corrupt",
    [FAULT_D0_LATE] = "d0-late",
    [FAULT_D0_FAIL] = "d0-fail",
    [FAULT_DMA_FAIL] = "dma-fail",
    [FAULT_DMA_PARTIAL] = "dma-partial",
    [FAULT_LINK_DOWN] = "link-down",
    [FAULT_AER_CORRECTABLE] = "aer-correctable",
    [FAULT_AER_FATAL] = "aer-fatal",
    [FAULT_RESET_STICKY] = "reset-sticky",
    [FAULT_SEMAPHORE_STUCK] = "semaphore-stuck",
};

static void record(BuddyFunction *f, FaultKind kind, const char *event)
{
    if (journal_begin(JOURNAL_EVENTS, function_id(f), "fault")) {
        journal_name("name", fault_names[kind]);
        journal_name("event", event);
        journal_end();
    }
}

static void disarm(BuddyFunction *f, FaultKind kind)
{
    PCIDevice *port = function_slot_port(PCI_DEVICE(f));

    if (!f->faults[kind].armed) {
        return;
    }
    f->faults[kind].armed = false;
    f->faults_armed &= ~(1u << kind);
    function_update_answers(f);
    record(f, kind, "disarm");
    if (kind == FAULT_LINK_DOWN && port) {
        function_port_link(port, true);
    }
}

bool fault_consider(BuddyFunction *f, FaultKind kind, int client, int64_t offset)
{
    Fault *fault = &f->faults[kind];

    if ((fault->client >= 0 && client >= 0 && fault->client != client) ||
        (fault->reg >= 0 && offset >= 0 && fault->reg != offset)) {
        return false;
    }
    fault->fired++;
    record(f, kind, "fire");
    if (fault->remaining > 0 && --fault->remaining == 0) {
        disarm(f, kind);
    }
    return true;
}

const Fault *fault_argument(BuddyFunction *f, FaultKind kind)
{
    return &f->faults[kind];
}

/* The faults that are events rather than conditions strike when they are armed, `count` times (default once). */
static void strike(BuddyFunction *f, FaultKind kind)
{
    Fault *fault = &f->faults[kind];
    int client = fault->client < 0 ? 0 : fault->client;
    PCIDevice *port = function_slot_port(PCI_DEVICE(f));

    switch (kind) {
    case FAULT_LINK_DOWN:
        fault->fired++;
        record(f, kind, "fire");
        if (port) {
            function_port_link(port, false);
        }
        return;
    case FAULT_INTERRUPT_SPURIOUS:
    case FAULT_AER_CORRECTABLE:
    case FAULT_AER_FATAL:
        break;
    default:
        return;
    }
    if (fault->remaining < 0) {
        fault->remaining = 1;
    }
    while (fault->armed && fault_consider(f, kind, client, -1)) {
        if (kind == FAULT_INTERRUPT_SPURIOUS) {
            function_irq_spurious(f, client);
        } else {
            function_aer_report(f, kind == FAULT_AER_FATAL);
        }
    }
}

static int64_t register_offset(const char *name)
{
    static const struct {
        const RegDesc *registers;
        int count;
        uint32_t base;
    } blocks[] = {
        {client_registers, ARRAY_SIZE(client_registers), 0},
        {owner_registers, ARRAY_SIZE(owner_registers), 0x800},
        {bus_registers, ARRAY_SIZE(bus_registers), 0},
    };

    for (int b = 0; b < ARRAY_SIZE(blocks); b++) {
        for (int i = 0; i < blocks[b].count; i++) {
            if (strcmp(blocks[b].registers[i].name, name) == 0) {
                return blocks[b].base + blocks[b].registers[i].offset;
            }
        }
    }
    return -1;
}

/* One `key=value` of a fault's specification. */
static bool parse_argument(Fault *fault, const char *item, Error **errp)
{
    const char *value = strchr(item, '=');
    size_t length = value ? value - item : 0;
    uint64_t number = 0;
    bool is_number;

    if (!value) {
        error_setg(errp, "fault: '%s' is not key=value", item);
        return false;
    }
    value++;
    is_number = qemu_strtou64(value, NULL, 0, &number) == 0;
    if (length == 3 && strncmp(item, "reg", 3) == 0) {
        fault->reg = is_number ? (int64_t)number : register_offset(value);
        if (fault->reg < 0) {
            error_setg(errp, "fault: there is no register '%s'", value);
            return false;
        }
        return true;
    }
    if (!is_number) {
        error_setg(errp, "fault: '%s' wants a number", item);
        return false;
    }
    if (length == 5 && strncmp(item, "count", 5) == 0 && number > 0) {
        fault->remaining = number;
    } else if (length == 6 && strncmp(item, "client", 6) == 0 && number < FUNCTION_MAX_CLIENTS) {
        fault->client = number;
    } else if (length == 5 && strncmp(item, "delay", 5) == 0) {
        fault->delay_us = number;
    } else if (length == 3 && strncmp(item, "xor", 3) == 0) {
        fault->xor = number;
    } else {
        error_setg(errp,
                   "fault: '%s' is not understood; there are count=N (from 1), client=N, delay=MICROSECONDS, xor=MASK, "
                   "reg=NAME",
                   item);
        return false;
    }
    return true;
}

static bool find_fault(const char *name, FaultKind *kind, Error **errp)
{
    char *names[FAULT_COUNT + 1] = {NULL};
    g_autofree char *all = NULL;

    for (int i = 0; i < FAULT_COUNT; i++) {
        if (strcmp(fault_names[i], name) == 0) {
            *kind = i;
            return true;
        }
    }
    for (int i = 0; i < FAULT_COUNT; i++) {
        names[i] = (char *)fault_names[i];
    }
    all = g_strjoinv(", ", names);
    error_setg(errp, "fault: there is no '%s'; there are %s", name, all);
    return false;
}

/* "NAME[,key=value...]" arms, "NAME,off" disarms, "off" disarms all. */
static void set_fault(Object *obj, const char *text, Error **errp)
{
    BuddyFunction *f = BUDDY_FUNCTION(obj);
    g_auto(GStrv) items = g_strsplit(text, ",", -1);
    Fault fault = {.armed = true, .remaining = -1, .client = -1, .reg = -1, .delay_us = 1000, .xor = 0xffffffff};
    FaultKind kind;

    if (strcmp(text, "off") == 0) {
        for (int i = 0; i < FAULT_COUNT; i++) {
            disarm(f, i);
        }
        return;
    }
    if (!items[0] || !find_fault(items[0], &kind, errp)) {
        return;
    }
    if (items[1] && strcmp(items[1], "off") == 0) {
        disarm(f, kind);
        return;
    }
    for (int i = 1; items[i]; i++) {
        if (!parse_argument(&fault, items[i], errp)) {
            return;
        }
    }
    if (!DEVICE(obj)->realized) {
        error_setg(errp, "fault: the device is not plugged in yet");
        return;
    }
    disarm(f, kind);
    fault.fired = f->faults[kind].fired;
    f->faults[kind] = fault;
    f->faults_armed |= 1u << kind;
    function_update_answers(f);
    record(f, kind, "arm");
    strike(f, kind);
}

static char *get_fault(Object *obj, Error **errp)
{
    return g_strdup("");
}

static void get_faults(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp)
{
    BuddyFunction *f = BUDDY_FUNCTION(obj);

    if (!visit_start_struct(v, name, NULL, 0, errp)) {
        return;
    }
    for (int i = 0; i < FAULT_COUNT; i++) {
        Fault *fault = &f->faults[i];

        if (!fault->armed && !fault->fired) {
            continue;
        }
        if (!visit_start_struct(v, fault_names[i], NULL, 0, errp)) {
            break;
        }
        visit_type_bool(v, "armed", &fault->armed, &error_abort);
        visit_type_int64(v, "remaining", &fault->remaining, &error_abort);
        visit_type_uint64(v, "fired", &fault->fired, &error_abort);
        visit_end_struct(v, NULL);
    }
    visit_end_struct(v, NULL);
}

void fault_class_init(ObjectClass *klass)
{
    object_class_property_add_str(klass, "fault", get_fault, set_fault);
    object_class_property_set_description(
        klass, "fault", "arm NAME[,count=N][,client=N][,delay=US][,xor=MASK][,reg=NAME], or NAME,off, or off");
    object_class_property_add(klass, "faults", "BuddyFaults", get_faults, NULL, NULL, NULL);
    object_class_property_set_description(klass, "faults", "armed faults, occurrences left (-1: no limit) and fired");
}
