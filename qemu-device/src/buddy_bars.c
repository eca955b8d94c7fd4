/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * BARs of buddy beyond the registers: shared RAM, the I/O-port window, and extra BARs whose number and size are
 * properties, because sharing a varying number of resources is one of the seeds' problems.
 *
 *   BAR 0   registers                              BAR 2+3 shared RAM (64-bit, prefetchable) or extra
 *   BAR 1   I/O ports (ioport=on) or extra         BAR 4   MSI-X (msix=on) or extra
 *                                                  BAR 5   extra
 */
#include "qemu/osdep.h"
#include "buddy.h"
#include "journal.h"

#define IO_SIZE 8

/* ---- recorded memory ---- */

static void record_ram(BuddyMemory *m, hwaddr addr, bool is_write, uint64_t value, unsigned size)
{
    if (journal_begin(JOURNAL_FULL, function_id(BUDDY_FUNCTION(m->owner)), "ram")) {
        journal_int("bar", m->bar);
        journal_uint("offset", addr);
        journal_uint("size", size);
        journal_uint("value", value);
        journal_int("write", is_write);
        journal_end();
    }
}

static uint64_t memory_read(void *opaque, hwaddr addr, unsigned size)
{
    BuddyMemory *m = opaque;
    uint64_t value = 0;

    memcpy(&value, (uint8_t *)memory_region_get_ram_ptr(&m->ram) + addr, size);
    record_ram(m, addr, false, value, size);
    return value;
}

static void memory_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    BuddyMemory *m = opaque;

    memcpy((uint8_t *)memory_region_get_ram_ptr(&m->ram) + addr, &value, size);
    memory_region_set_dirty(&m->ram, addr, size);
    record_ram(m, addr, true, value, size);
}

static const MemoryRegionOps memory_ops = {
    .read = memory_read,
    .write = memory_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = {.min_access_size = 1, .max_access_size = 8, .unaligned = true},
    .impl = {.min_access_size = 1, .max_access_size = 8, .unaligned = true},
};

/* With ram-trace the guest reaches the memory through recording accesses, else directly. */
static bool memory_init(Buddy *s, BuddyMemory *m, int bar, uint64_t size, uint8_t type, Error **errp)
{
    g_autofree char *name = g_strdup_printf("buddy-bar%d", bar);

    m->owner = s;
    m->bar = bar;
    if (!memory_region_init_ram_compat(&m->ram, OBJECT(s), name, size, errp)) {
        return false;
    }
    if (s->ram_trace) {
        memory_region_init_io(&m->traced, OBJECT(s), &memory_ops, m, "buddy-traced-memory", size);
    }
    m->used = true;
    pci_register_bar(PCI_DEVICE(s), bar, type, s->ram_trace ? &m->traced : &m->ram);
    return true;
}

/* ---- the I/O window ---- */

typedef struct IoAccess {
    bool is_write;
    unsigned offset;
    unsigned size;
    uint32_t value;
} IoAccess;

static const char *io_name(const IoAccess *a)
{
    return a->offset < 4 ? "IO_INDEX" : "IO_DATA";
}

/* Record an access to the window itself. Returns the record's number. */
static int64_t io_record(Buddy *s, const IoAccess *a)
{
    if (!journal_begin(JOURNAL_FULL, function_id(BUDDY_FUNCTION(s)), a->is_write ? "write" : "read")) {
        return JOURNAL_NO_SEQ;
    }
    journal_int("client", NO_CLIENT);
    journal_name("reg", io_name(a));
    journal_uint("offset", a->offset);
    journal_uint("size", a->size);
    journal_uint("value", a->value);
    journal_name("power", power_name(BUDDY_FUNCTION(s)->power));
    return journal_end();
}

static bool io_bad_access(Buddy *s, const IoAccess *a)
{
    BuddyFunction *f = BUDDY_FUNCTION(s);
    Rule rule = RULE_ACCESS_NOT_IN_D0;

    if (f->power == POWER_D0) {
        if (a->size == 4 && (a->offset & 3) == 0) {
            return false;
        }
        rule = RULE_ACCESS_SIZE;
    }
    violation_at(f, rule, NO_CLIENT, io_name(a), io_record(s, a));
    return true;
}

static uint64_t io_read(void *opaque, hwaddr addr, unsigned size)
{
    Buddy *s = opaque;
    IoAccess a = {.offset = addr, .size = size, .value = UINT32_MAX >> (32 - 8 * size)};

    if (io_bad_access(s, &a)) {
        return a.value;
    }
    if (addr == 0) {
        a.value = s->io_index;
        io_record(s, &a);
        return s->io_index;
    }
    return function_register_access(BUDDY_FUNCTION(s), s->io_index, false, 0, 4);
}

static void io_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    Buddy *s = opaque;
    IoAccess a = {.is_write = true, .offset = addr, .size = size, .value = value};

    if (io_bad_access(s, &a)) {
        return;
    }
    if (addr == 0) {
        io_record(s, &a);
        s->io_index = value & (BUDDY_FUNCTION(s)->map.size - 1) & ~3u;
    } else {
        function_register_access(BUDDY_FUNCTION(s), s->io_index, true, value, 4);
    }
}

static const MemoryRegionOps io_ops = {
    .read = io_read,
    .write = io_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = {.min_access_size = 1, .max_access_size = 4, .unaligned = true},
    .impl = {.min_access_size = 1, .max_access_size = 4, .unaligned = true},
};

/* ---- all of them ---- */

static bool is_size(uint64_t size, uint64_t largest)
{
    return is_power_of_2(size) && size >= 4096 && size <= largest;
}

static bool extra_init(Buddy *s, Error **errp)
{
    int candidates[5];
    int count = 0;

    if (!s->ioport) {
        candidates[count++] = 1;
    }
    candidates[count++] = 5;
    if (!s->ram_size) {
        candidates[count++] = 2;
        candidates[count++] = 3;
    }
    if (!BUDDY_FUNCTION(s)->use_msix) {
        candidates[count++] = 4;
    }
    if (s->extra_bars > count) {
        error_setg(errp,
                   "buddy: extra-bars=%u, but with these properties %d BARs are free (ioport=off, ram-size=0 and "
                   "msix=off free more)",
                   s->extra_bars, count);
        return false;
    }
    if (s->extra_bars && !is_size(s->extra_bar_size, 256 * MiB)) {
        error_setg(errp, "buddy: extra-bar-size=%" PRIu64 ", but it must be a power of two from 4 KiB to 256 MiB",
                   s->extra_bar_size);
        return false;
    }
    for (int i = 0; i < s->extra_bars; i++) {
        if (!memory_init(s, &s->extra[i], candidates[i], s->extra_bar_size, PCI_BASE_ADDRESS_SPACE_MEMORY, errp)) {
            return false;
        }
    }
    return true;
}

bool buddy_bars_init(Buddy *s, Error **errp)
{
    if (s->ram_size && !is_size(s->ram_size, 8 * MiB)) {
        error_setg(errp, "buddy: ram-size=%" PRIu64 ", but it must be 0 or a power of two from 4 KiB to 8 MiB",
                   s->ram_size);
        return false;
    }
    if (s->ram_size &&
        !memory_init(s, &s->memory, BUDDY_BAR_RAM, s->ram_size,
                     PCI_BASE_ADDRESS_SPACE_MEMORY | PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH,
                     errp)) {
        return false;
    }
    if (s->ioport) {
        memory_region_init_io(&s->io, OBJECT(s), &io_ops, s, "buddy-io", IO_SIZE);
        pci_register_bar(PCI_DEVICE(s), 1, PCI_BASE_ADDRESS_SPACE_IO, &s->io);
    }
    return extra_init(s, errp);
}

static void enable(BuddyMemory *m, bool on)
{
    if (m->used) {
        memory_region_set_enabled(m->owner->ram_trace ? &m->traced : &m->ram, on);
    }
}

void buddy_bars_enable(Buddy *s, bool on)
{
    enable(&s->memory, on);
    for (int i = 0; i < s->extra_bars; i++) {
        enable(&s->extra[i], on);
    }
}
