/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The scatter-gather DMA engine: one engine that serves the descriptor rings of all clients in turn.
 *
 * A descriptor takes DMA_SETUP_NS and a nanosecond a byte of virtual time. It is fetched when its time begins and copied
 * when its time ends; what the guest changes in between shows, as on a real bus. A client whose ring failed is halted
 * until its driver writes DMA_CTRL.reset. The descriptor's layout is in include/buddy_dma.h.
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "buddy.h"
#include "buddy_dma.h"
#include "journal.h"

#define DMA_SETUP_NS 1000
#define DMA_CHUNK    4096

static void record(Buddy *s, int client, const char *event, uint64_t address, uint64_t length)
{
    if (journal_begin(JOURNAL_EVENTS, function_id(BUDDY_FUNCTION(s)), "dma")) {
        journal_int("client", client);
        journal_name("event", event);
        journal_uint("address", address);
        journal_uint("length", length);
        journal_end();
    }
}

static uint64_t descriptor_address(const BuddyClient *c)
{
    return c->dma_base + (uint64_t)c->dma_tail * sizeof(BuddyDescriptor);
}

static void halt(Buddy *s, int client, uint32_t error, Rule rule, const char *reg, int64_t ref)
{
    s->client[client].dma_halted = true;
    record(s, client, "error", descriptor_address(&s->client[client]), 0);
    violation_at(BUDDY_FUNCTION(s), rule, client, reg, ref);
    buddy_error(s, client, error);
}

static bool has_work(const BuddyClient *c)
{
    return (c->dma_ctrl & BIT_OF(BUDDY_CLIENT, DMA_CTRL, ENABLE)) && !c->dma_halted && c->dma_tail != c->dma_head;
}

bool buddy_dma_busy(const Buddy *s, int client)
{
    return s->dma_client == client + 1 || has_work(&s->client[client]);
}

/* Read the descriptor at the tail. False: the client is halted. */
static bool fetch(Buddy *s, int client)
{
    PCIDevice *pci = PCI_DEVICE(s);
    BuddyClient *c = &s->client[client];
    uint64_t address = descriptor_address(c);
    BuddyDescriptor d;

    if (!BUDDY_FUNCTION(s)->bus_master) {
        halt(s, client, BIT_OF(BUDDY_CLIENT, ERROR, DMA_MASTER), RULE_DMA_WITHOUT_BUS_MASTER, "DMA_HEAD",
             JOURNAL_NO_SEQ);
        return false;
    }
    if (pci_dma_read(pci, address, &d, sizeof(d)) != MEMTX_OK) {
        halt(s, client, BIT_OF(BUDDY_CLIENT, ERROR, DMA_ADDRESS), RULE_DMA_BAD_ADDRESS, "DMA_BASE_LO", JOURNAL_NO_SEQ);
        return false;
    }
    record(s, client, "fetch", address, sizeof(d));
    s->dma_source = le64_to_cpu(d.source);
    s->dma_destination = le64_to_cpu(d.destination);
    s->dma_length = le32_to_cpu(d.length);
    s->dma_control = le32_to_cpu(d.control);
    return true;
}

/* Give the engine to the next client that has work, if it is idle. */
static void dispatch(Buddy *s)
{
    while (!s->dma_client) {
        int client = -1;

        for (int i = 1; i <= s->clients && client < 0; i++) {
            int candidate = (s->dma_last + i) % s->clients;

            client = has_work(&s->client[candidate]) ? candidate : -1;
        }
        if (client < 0) {
            return;
        }
        s->dma_last = client;
        if (fetch(s, client)) {
            s->dma_client = client + 1;
            timer_mod_ns(s->dma_timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + DMA_SETUP_NS +
                                           MIN(s->dma_length, BUDDY_DMA_MAX_LENGTH));
        }
    }
}

static bool ram_access(Buddy *s, bool write, uint64_t offset, void *buffer, uint32_t length)
{
    if (offset > s->ram_size || length > s->ram_size - offset) {
        return false;
    }
    if (write) {
        memcpy((uint8_t *)memory_region_get_ram_ptr(&s->memory.ram) + offset, buffer, length);
        memory_region_set_dirty(&s->memory.ram, offset, length);
    } else {
        memcpy(buffer, (uint8_t *)memory_region_get_ram_ptr(&s->memory.ram) + offset, length);
    }
    return true;
}

/* Copy up to `length` bytes of the current descriptor. Returns how many were copied. */
static uint32_t copy(Buddy *s, uint32_t length)
{
    PCIDevice *pci = PCI_DEVICE(s);
    uint8_t buffer[DMA_CHUNK];
    uint32_t done = 0;

    while (done < length) {
        uint32_t n = MIN(length - done, DMA_CHUNK);
        bool read = s->dma_control & BUDDY_DMA_CONTROL_SOURCE_RAM
                        ? ram_access(s, false, s->dma_source + done, buffer, n)
                        : pci_dma_read(pci, s->dma_source + done, buffer, n) == MEMTX_OK;

        if (!read || !(s->dma_control & BUDDY_DMA_CONTROL_DESTINATION_RAM
                           ? ram_access(s, true, s->dma_destination + done, buffer, n)
                           : pci_dma_write(pci, s->dma_destination + done, buffer, n) == MEMTX_OK)) {
            break;
        }
        done += n;
    }
    return done;
}

/* Write the result into the descriptor: `done` first, so that a driver that sees `status` may read it. */
static bool write_back(Buddy *s, int client, uint32_t done, uint32_t status)
{
    PCIDevice *pci = PCI_DEVICE(s);
    uint64_t address = descriptor_address(&s->client[client]);
    uint32_t words[2] = {cpu_to_le32(done), cpu_to_le32(status)};

    return pci_dma_write(pci, address + offsetof(BuddyDescriptor, done), &words[0], 4) == MEMTX_OK &&
           pci_dma_write(pci, address + offsetof(BuddyDescriptor, status), &words[1], 4) == MEMTX_OK;
}

static void complete(void *opaque)
{
    Buddy *s = opaque;
    BuddyFunction *f = BUDDY_FUNCTION(s);
    int client = s->dma_client - 1;
    BuddyClient *c = &s->client[client];
    uint32_t wanted = s->dma_length;
    uint32_t done = 0;
    bool failed, partial, good;

    s->dma_client = 0;
    if (!f->bus_master) {
        halt(s, client, BIT_OF(BUDDY_CLIENT, ERROR, DMA_MASTER), RULE_DMA_WITHOUT_BUS_MASTER, "DMA_HEAD",
             JOURNAL_NO_SEQ);
        dispatch(s);
        return;
    }
    failed = fault_fires(f, FAULT_DMA_FAIL, client) || function_link_down(f);
    partial = !failed && fault_fires(f, FAULT_DMA_PARTIAL, client);
    if (wanted && wanted <= BUDDY_DMA_MAX_LENGTH && !failed) {
        done = copy(s, partial ? wanted / 2 : wanted);
    }
    good = done == wanted && wanted;
    if (done) {
        record(s, client, "copy", s->dma_destination, done);
    }
    if (!write_back(s, client, done, good ? BUDDY_DMA_STATUS_DONE : BUDDY_DMA_STATUS_DONE | BUDDY_DMA_STATUS_ERROR)) {
        good = false;
    }
    if (!good) {
        if (failed || partial) { /* the hardware's mistake, not the driver's */
            c->dma_halted = true;
            record(s, client, "error", descriptor_address(c), 0);
            buddy_error(s, client, BIT_OF(BUDDY_CLIENT, ERROR, DMA_ADDRESS));
        } else {
            halt(s, client, BIT_OF(BUDDY_CLIENT, ERROR, DMA_ADDRESS), RULE_DMA_BAD_ADDRESS, NULL, JOURNAL_NO_SEQ);
        }
        dispatch(s);
        return;
    }
    record(s, client, "complete", descriptor_address(c), wanted);
    c->dma_tail = (c->dma_tail + 1) & (c->dma_size - 1);
    if (s->dma_control & BUDDY_DMA_CONTROL_INTERRUPT) {
        buddy_raise(s, client, BIT_OF(BUDDY_CLIENT, INT_STATUS, DMA));
    }
    dispatch(s);
}

void buddy_dma_head_write(Buddy *s, int client, uint32_t head)
{
    BuddyFunction *f = BUDDY_FUNCTION(s);
    BuddyClient *c = &s->client[client];

    if (c->dma_size < 2 || c->dma_size > 1024 || !is_power_of_2(c->dma_size) ||
        !(c->dma_ctrl & BIT_OF(BUDDY_CLIENT, DMA_CTRL, ENABLE))) {
        violation(f, RULE_DMA_BAD_RING, client);
        buddy_error(s, client, BIT_OF(BUDDY_CLIENT, ERROR, DMA_RING));
        return;
    }
    c->dma_head = head & (c->dma_size - 1);
    if (!f->bus_master && has_work(c)) {
        halt(s, client, BIT_OF(BUDDY_CLIENT, ERROR, DMA_MASTER), RULE_DMA_WITHOUT_BUS_MASTER, "DMA_HEAD",
             f->access_seq);
        return;
    }
    dispatch(s);
}

/* Take the engine away from a client. True if it was working for it. */
static bool stop_client(Buddy *s, int client)
{
    if (s->dma_client != client + 1) {
        return false;
    }
    timer_del(s->dma_timer);
    s->dma_client = 0;
    return true;
}

void buddy_dma_control(Buddy *s, int client, uint32_t value)
{
    BuddyClient *c = &s->client[client];

    c->dma_ctrl = value & BIT_OF(BUDDY_CLIENT, DMA_CTRL, ENABLE);
    if (value & BIT_OF(BUDDY_CLIENT, DMA_CTRL, RESET)) {
        stop_client(s, client);
        c->dma_head = c->dma_tail = 0;
        c->dma_halted = false;
    } else if (!c->dma_ctrl) {
        stop_client(s, client); /* the descriptor is not completed; it is fetched again after enabling */
    }
    dispatch(s);
}

bool buddy_dma_stop(Buddy *s)
{
    bool was_busy = false;

    for (int i = 0; i < s->clients; i++) {
        was_busy |= stop_client(s, i);
    }
    return was_busy;
}

void buddy_dma_init(Buddy *s)
{
    s->dma_timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, complete, s);
}

void buddy_dma_exit(Buddy *s)
{
    timer_free(s->dma_timer);
}
