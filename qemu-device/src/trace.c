/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `buddy-trace`: an I/O port through which guest drivers write trace lines, and the owner of the journal.
 *
 * A driver writes the bytes of a line and a newline, at any IRQL and in any power state of anything else. Lines are
 * assembled per virtual processor, so drivers need no lock: it is enough that interrupts are off for the length of
 * a line. 16- and 32-bit writes carry two and four bytes, lowest first.
 */
#include "qemu/osdep.h"
#include "compat.h"
#include "qemu/error-report.h"
#include "hw/core/cpu.h"
#include "hw/isa/isa.h"
#include "qapi/util.h"
#include "qapi/visitor.h"
#include "function.h"
#include "journal.h"
#include "journal_clock.h"
#include "version.h"

#define TYPE_BUDDY_TRACE "buddy-trace"
OBJECT_DECLARE_SIMPLE_TYPE(BuddyTrace, BUDDY_TRACE)

typedef struct TraceLine {
    uint32_t length;
    char bytes[JOURNAL_TEXT];
} TraceLine;

struct BuddyTrace {
    ISADevice parent_obj;

    MemoryRegion io;
    uint32_t iobase;
    CharBackend chr;
    uint64_t limit;    /* property: bytes that may wait for the journal's reader */
    int detail;        /* JournalDetail, kept here until realize opens the journal */
    TraceLine **lines; /* by cpu_index + 1; [0] is for writes without a processor (qtest) */
    uint32_t line_count;
    uint64_t lines_written;
    CPUState *cpu_last; /* the processor that wrote last, and its number */
    int cpu_last_index;
};

static const char *const detail_names[] = {"counters", "events", "full"};
static const QEnumLookup detail_lookup = {.array = detail_names, .size = ARRAY_SIZE(detail_names)};

/*
 * The number of the processor that writes, -1 for none (qtest). CPUState must not be looked into: its layout depends on
 * how QEMU was configured (plugins), unlike that of everything else that the devices use.
 */
static int trace_port_cpu(BuddyTrace *s)
{
    CPUState *cpu;

    if (!current_cpu) {
        return -1;
    }
    if (s->cpu_last && s->cpu_last == current_cpu) {
        return s->cpu_last_index;
    }
    for (int i = 0; (cpu = qemu_get_cpu(i)); i++) {
        if (cpu == current_cpu) {
            s->cpu_last = cpu;
            s->cpu_last_index = i;
            return i;
        }
    }
    return -1;
}

static TraceLine *trace_port_line(BuddyTrace *s, int cpu)
{
    uint32_t i = cpu + 1;

    if (i >= s->line_count) {
        s->lines = g_renew(TraceLine *, s->lines, i + 1);
        memset(s->lines + s->line_count, 0, (i + 1 - s->line_count) * sizeof(*s->lines));
        s->line_count = i + 1;
    }
    if (!s->lines[i]) {
        s->lines[i] = g_new0(TraceLine, 1);
    }
    return s->lines[i];
}

static void trace_port_emit(BuddyTrace *s, TraceLine *line, int cpu)
{
    s->lines_written++;
    if (journal_begin(JOURNAL_EVENTS, "trace", "trace")) {
        journal_int("cpu", cpu);
        journal_text("line", line->bytes, line->length);
        journal_end();
    }
    line->length = 0;
}

static void trace_port_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    BuddyTrace *s = opaque;
    int cpu = trace_port_cpu(s);
    TraceLine *line = trace_port_line(s, cpu);

    for (; size; size--, value >>= 8) {
        char c = value;

        if (c == '\n') {
            trace_port_emit(s, line, cpu);
        } else if (c && line->length < sizeof(line->bytes)) {
            line->bytes[line->length++] = c;
        }
    }
}

/* Reading 0x62 ('b') tells a driver that the trace port is there: an absent port reads 0xff. */
static uint64_t trace_port_read(void *opaque, hwaddr addr, unsigned size)
{
    return 0x62;
}

static const MemoryRegionOps trace_port_ops = {
    .read = trace_port_read,
    .write = trace_port_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = {.min_access_size = 1, .max_access_size = 4, .unaligned = true},
    .impl = {.min_access_size = 1, .max_access_size = 4, .unaligned = true},
};

static void trace_port_realize(DeviceState *dev, Error **errp)
{
    BuddyTrace *s = BUDDY_TRACE(dev);

    if (qemu_chr_fe_backend_connected(&s->chr)) {
        if (!journal_open(&s->chr, s->detail, s->limit, errp)) {
            return;
        }
        if (journal_begin(JOURNAL_COUNTERS, "journal", "open")) {
            journal_name("qemu", buddy_built_for);
            journal_name("module", buddy_module_version);
            journal_name("detail", detail_names[s->detail]);
            journal_end();
        }
        machine_follow();
        /* Devices that stand before buddy-trace on the command line have not been told yet. */
        function_journal_present();
    }
    memory_region_init_io(&s->io, OBJECT(s), &trace_port_ops, s, TYPE_BUDDY_TRACE, 4);
    isa_register_ioport(ISA_DEVICE(dev), &s->io, s->iobase);
}

static void trace_port_unrealize(DeviceState *dev)
{
    BuddyTrace *s = BUDDY_TRACE(dev);

    if (qemu_chr_fe_backend_connected(&s->chr)) {
        journal_close();
    }
    for (uint32_t i = 0; i < s->line_count; i++) {
        g_free(s->lines[i]);
    }
    g_free(s->lines);
}

/* A machine reset forgets half lines: the guest that began them is gone. */
static void trace_port_reset(DeviceState *dev)
{
    BuddyTrace *s = BUDDY_TRACE(dev);

    for (uint32_t i = 0; i < s->line_count; i++) {
        if (s->lines[i]) {
            s->lines[i]->length = 0;
        }
    }
}

static int trace_port_get_detail(Object *obj, Error **errp)
{
    return BUDDY_TRACE(obj)->detail;
}

static void trace_port_set_detail(Object *obj, int value, Error **errp)
{
    BuddyTrace *s = BUDDY_TRACE(obj);

    s->detail = value;
    if (DEVICE(obj)->realized) {
        journal_set_detail(value);
    }
}

static void trace_port_get_written(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp)
{
    uint64_t value = journal_written();

    visit_type_uint64(v, name, &value, errp);
}

static void trace_port_get_dropped(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp)
{
    uint64_t value = journal_dropped();

    visit_type_uint64(v, name, &value, errp);
}

static void trace_port_get_clock_error(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp)
{
    uint64_t value = journal_clock_error();

    visit_type_uint64(v, name, &value, errp);
}

static void trace_port_get_lines(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp)
{
    visit_type_uint64(v, name, &BUDDY_TRACE(obj)->lines_written, errp);
}

static void trace_port_get_violations(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp)
{
    visit_type_uint64(v, name, &violations_total, errp);
}

static bool trace_port_get_flush(Object *obj, Error **errp)
{
    return false;
}

static void trace_port_set_flush(Object *obj, bool value, Error **errp)
{
    if (value && qemu_chr_fe_backend_connected(&BUDDY_TRACE(obj)->chr)) {
        journal_flush(errp);
    }
}

static PropertyList trace_port_properties[] = {
    DEFINE_PROP_CHR("chardev", BuddyTrace, chr), DEFINE_PROP_SIZE("limit", BuddyTrace, limit, 64 * MiB),
    DEFINE_PROP_UINT32("iobase", BuddyTrace, iobase, 0xB00), PROPERTY_LIST_END};

static void trace_port_init(Object *obj)
{
    BUDDY_TRACE(obj)->detail = JOURNAL_FULL;
}

static void trace_port_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);

    dc->desc = "trace port for guest drivers, and the journal of buddy and fredbus";
    dc->realize = trace_port_realize;
    dc->unrealize = trace_port_unrealize;
    device_class_set_legacy_reset(dc, trace_port_reset);
    device_class_set_props(dc, trace_port_properties);
    dc->hotpluggable = false;
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    object_class_property_add_enum(klass, "detail", "BuddyDetail", &detail_lookup, trace_port_get_detail,
                                   trace_port_set_detail);
    object_class_property_set_description(klass, "detail", "how much is journaled: counters, events or full");
    object_class_property_add_bool(klass, "flush", trace_port_get_flush, trace_port_set_flush);
    object_class_property_set_description(klass, "flush", "write true: hand all buffered records to the chardev now");
    object_class_property_add(klass, "written", "uint64", trace_port_get_written, NULL, NULL, NULL);
    object_class_property_add(klass, "dropped", "uint64", trace_port_get_dropped, NULL, NULL, NULL);
    object_class_property_add(klass, "violations", "uint64", trace_port_get_violations, NULL, NULL, NULL);
    object_class_property_add(klass, "clock-error", "uint64", trace_port_get_clock_error, NULL, NULL, NULL);
    object_class_property_set_description(klass, "clock-error",
                                          "the largest error found so far in the time of a register access, ns");
    object_class_property_add(klass, "lines", "uint64", trace_port_get_lines, NULL, NULL, NULL);
}

static const TypeInfo trace_port_info = {
    .name = TYPE_BUDDY_TRACE,
    .parent = TYPE_ISA_DEVICE,
    .instance_size = sizeof(BuddyTrace),
    .instance_init = trace_port_init,
    .class_init = trace_port_class_init,
};

static void trace_port_register_types(void)
{
    type_register_static(&trace_port_info);
}

type_init(trace_port_register_types)
