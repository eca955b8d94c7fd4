/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way of a register access through BAR0: it is counted, attributed to a client, recorded, checked (size, power,
 * gate, whether there is such a register) and only then carried out.
 *
 * A write is recorded before it is carried out, so that its record stands before those of its consequences.
 */
#include "qemu/osdep.h"
#include "function.h"
#include "journal.h"

typedef struct Access {
    bool is_write;
    unsigned size;
    uint32_t offset;
    uint64_t value;
    int client;
    bool swallowed_by_gate;
} Access;

static uint64_t all_ones(unsigned size)
{
    return size == 8 ? UINT64_MAX : (1ull << (8 * size)) - 1;
}

int register_map_client(const RegisterMap *map, uint32_t offset)
{
    return map->clients ? (int)(offset >> 12) : NO_CLIENT;
}

static void register_name(const RegisterMap *map, uint32_t offset, char *name, size_t size)
{
    char prefix[16] = "";
    const RegDesc *reg = map->find(map, offset & ~3u, prefix, sizeof(prefix));

    if (reg && (offset & 3) == 0) {
        snprintf(name, size, "%s%s", prefix, reg->name);
    } else if (reg) {
        snprintf(name, size, "%s%s+%u", prefix, reg->name, offset & 3);
    } else {
        snprintf(name, size, "+0x%x", map->clients ? offset & 0xfff : offset);
    }
}

const char *register_map_name(const RegisterMap *map, uint32_t offset)
{
    char name[48];

    register_name(map, offset, name, sizeof(name));
    return g_intern_string(name);
}

static const char *format_fixed(BuddyFunction *f, bool is_write, int client, uint32_t offset)
{
    g_autofree char *text = g_strdup_printf(
        ",\"dev\":\"%s\",\"kind\":\"%s\",\"client\":%d,\"reg\":\"%s\",\"offset\":%u,\"size\":4,\"value\":",
        function_id(f), is_write ? "write" : "read", client, register_map_name(&f->map, offset), offset);

    return journal_intern(text);
}

/* The word's entry, filled in at its first use. */
static RegisterWord *register_word(BuddyFunction *f, uint32_t offset)
{
    RegisterWord *word = &f->words[offset / 4];
    char prefix[16];
    int client;

    if (likely(word->read)) {
        return word;
    }
    client = register_map_client(&f->map, offset);
    word->reg = f->map.find(&f->map, offset, prefix, sizeof(prefix));
    word->client_bit = client == NO_CLIENT ? 1 : 1 << client;
    word->counter = client == NO_CLIENT ? 0 : client;
    word->read = format_fixed(f, false, client, offset);
    word->read_length = strlen(word->read);
    word->write = format_fixed(f, true, client, offset);
    word->write_length = strlen(word->write);
    return word;
}

void function_update_answers(BuddyFunction *f)
{
    f->answers = f->power == POWER_D0 && !f->ready_at && !f->faults_armed ? f->klass->open_gates(f) : 0;
}

static void record_members(const RegisterMap *map, const Access *a)
{
    journal_int("client", a->client);
    journal_name("reg", register_map_name(map, a->offset));
    journal_uint("offset", a->offset);
    journal_uint("size", a->size);
    journal_uint("value", a->value);
}

/* Write the record of an access. Leaves its number in access_seq for violations. */
static void record(BuddyFunction *f, const Access *a)
{
    f->access_seq = JOURNAL_NO_SEQ;
    if (!journal_begin(JOURNAL_FULL, function_id(f), a->is_write ? "write" : "read")) {
        return;
    }
    record_members(&f->map, a);
    journal_name("power", power_name(f->power));
    if (a->swallowed_by_gate) {
        journal_int("gate", 0);
    }
    f->access_seq = journal_end();
}

static void count(BuddyFunction *f, const Access *a)
{
    int i = a->client == NO_CLIENT ? 0 : MIN(a->client, FUNCTION_MAX_CLIENTS - 1);

    if (a->is_write) {
        f->counters.writes[i]++;
    } else {
        f->counters.reads[i]++;
    }
}

static inline uint64_t function_access(BuddyFunction *f, Access *a)
{
    const RegDesc *reg;
    char prefix[16];

    a->client = register_map_client(&f->map, a->offset);
    f->access_client = a->client;
    f->access_offset = a->offset;
    count(f, a);

    if (f->power != POWER_D0) {
        a->value = a->is_write ? a->value : all_ones(a->size);
        record(f, a);
        violation(f, RULE_ACCESS_NOT_IN_D0, a->client);
        return a->value;
    }
    if (unlikely(function_link_down(f) || !function_ready(f))) {
        a->value = a->is_write ? a->value : all_ones(a->size);
        record(f, a);
        if (!function_link_down(f) && !f->late_by_fault) {
            violation(f, RULE_ACCESS_BEFORE_READY, a->client);
        }
        return a->value;
    }
    if (!(f->klass->open_gates(f) & (a->client == NO_CLIENT ? 1 : 1 << a->client))) {
        a->value = a->is_write ? a->value : all_ones(a->size);
        a->swallowed_by_gate = true;
        record(f, a);
        violation(f, RULE_GATE_CLOSED, a->client);
        return a->value;
    }
    if (a->size != 4 || (a->offset & 3)) {
        a->value = a->is_write ? a->value : all_ones(a->size);
        record(f, a);
        violation(f, RULE_ACCESS_SIZE, a->client);
        return a->value;
    }
    reg = f->map.find(&f->map, a->offset, prefix, sizeof(prefix));
    if (!reg) {
        a->value = a->is_write ? a->value : 0;
        record(f, a);
        violation(f, RULE_ACCESS_RESERVED, a->client);
        return a->value;
    }
    if (a->is_write) {
        record(f, a);
        if (!register_takes_writes(reg)) {
            violation(f, RULE_WRITE_READ_ONLY, a->client);
        } else {
            f->klass->write(f, a->offset, a->value);
        }
    } else {
        a->value = f->klass->read(f, a->offset);
        if (fault_fires_at(f, FAULT_READ_CORRUPT, a->client, f->map.clients ? a->offset & 0xfff : a->offset)) {
            a->value ^= (uint32_t)fault_argument(f, FAULT_READ_CORRUPT)->xor ;
        }
        record(f, a);
    }
    return a->value;
}

uint64_t function_register_access(BuddyFunction *f, uint32_t offset, bool is_write, uint64_t value, unsigned size)
{
    Access a = {.is_write = is_write, .size = size, .offset = offset, .value = value};

    return function_access(f, &a);
}

/* An access that takes the short way: a register that exists, accessed as it should be, by a client whose page answers. */
static inline RegisterWord *short_way(BuddyFunction *f, hwaddr addr, unsigned size)
{
    RegisterWord *word;

    if (unlikely(size != 4 || (addr & 3))) {
        return NULL;
    }
    word = register_word(f, addr);
    return likely((f->answers & word->client_bit) && word->reg) ? word : NULL;
}

static uint64_t bar0_read(void *opaque, hwaddr addr, unsigned size)
{
    BuddyFunction *f = opaque;
    RegisterWord *word = short_way(f, addr, size);
    uint32_t value;

    if (unlikely(!word)) {
        return function_register_access(f, addr, false, 0, size);
    }
    f->counters.reads[word->counter]++;
    value = f->klass->read(f, addr);
    if (journal_wants(JOURNAL_FULL)) {
        journal_access(word->read, word->read_length, value);
    }
    return value;
}

static void bar0_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    BuddyFunction *f = opaque;
    RegisterWord *word = short_way(f, addr, size);

    if (unlikely(!word || !register_takes_writes(word->reg))) {
        function_register_access(f, addr, true, value, size);
        return;
    }
    f->counters.writes[word->counter]++;
    f->access_client = word->counter;
    f->access_offset = addr;
    f->access_seq =
        journal_wants(JOURNAL_FULL) ? journal_access(word->write, word->write_length, value) : JOURNAL_NO_SEQ;
    f->klass->write(f, addr, value);
}

/* Wrong sizes reach the handlers, because they are to be recorded rather than swallowed by QEMU. */
static const MemoryRegionOps bar0_ops = {
    .read = bar0_read,
    .write = bar0_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = {.min_access_size = 1, .max_access_size = 8, .unaligned = true},
    .impl = {.min_access_size = 1, .max_access_size = 8, .unaligned = true},
};

int64_t function_record_unanswered(BuddyFunction *f, const char *id, const RegisterMap *map, PowerState power,
                                   uint32_t offset, bool is_write, uint64_t value, unsigned size)
{
    Access a = {.is_write = is_write, .size = size, .offset = offset, .value = is_write ? value : all_ones(size)};

    a.client = register_map_client(map, offset);
    if (f) {
        count(f, &a);
    }
    if (!journal_begin(JOURNAL_FULL, id, is_write ? "write" : "read")) {
        return JOURNAL_NO_SEQ;
    }
    record_members(map, &a);
    journal_name("power", power_name(power));
    return journal_end();
}

void function_mmio_init(BuddyFunction *f)
{
    f->words = g_new0(RegisterWord, f->map.size / 4);
    memory_region_init_io(&f->bar0, OBJECT(f), &bar0_ops, f, "buddy-registers", f->map.size);
    pci_register_bar(PCI_DEVICE(f), FUNCTION_BAR_REGISTERS, PCI_BASE_ADDRESS_SPACE_MEMORY, &f->bar0);
}

void function_mmio_exit(BuddyFunction *f)
{
    g_free(f->words);
}
