/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Register decoding of buddy. The offsets are those of the generated structures, so the description in
 * registers/buddy.rdl is the only place where they are written down.
 */
#include "qemu/osdep.h"
#include "buddy.h"
#include "register_tables.h"

#define CLIENT_REG(name) offsetof(buddy_client_t, name)
#define OWNER_REG(name)  (BUDDY_OWNER_BASE + offsetof(buddy_owner_t, name))

/* By offset / 4 in a page; filled once. */
static const RegDesc *page_registers[BUDDY_PAGE / 4];

static void index_registers(void)
{
    for (int i = 0; i < ARRAY_SIZE(client_registers); i++) {
        page_registers[client_registers[i].offset / 4] = &client_registers[i];
    }
    for (int i = 0; i < ARRAY_SIZE(owner_registers); i++) {
        page_registers[(BUDDY_OWNER_BASE + owner_registers[i].offset) / 4] = &owner_registers[i];
    }
}

static const RegDesc *find_register(const RegisterMap *map, uint32_t offset, char *prefix, size_t size)
{
    uint32_t client = offset / BUDDY_PAGE;
    uint32_t in_page = offset % BUDDY_PAGE;

    if (client >= map->clients || (client && in_page >= BUDDY_OWNER_BASE)) {
        return NULL;
    }
    return page_registers[in_page / 4];
}

void buddy_registers_init(Buddy *s)
{
    index_registers();
    BUDDY_FUNCTION(s)->map = (RegisterMap){
        .size = pow2ceil(s->clients) * BUDDY_PAGE,
        .clients = s->clients,
        .find = find_register,
    };
}

static uint32_t capabilities(Buddy *s)
{
    uint32_t value = BIT_OF(BUDDY_CLIENT, CAPS, DMA);

    value |= s->clients << BUDDY_CLIENT__CAPS__CLIENTS_bp;
    value |= BUDDY_FUNCTION(s)->vectors << BUDDY_CLIENT__CAPS__VECTORS_bp;
    value |= (uint32_t)(s->ram_size / 4096) << BUDDY_CLIENT__CAPS__RAM_PAGES_bp;
    value |= s->ioport ? BIT_OF(BUDDY_CLIENT, CAPS, IOPORT) : 0;
    return value;
}

static uint32_t status(Buddy *s, int client)
{
    uint32_t value = 0;

    if (s->job_client) {
        value |= BIT_OF(BUDDY_CLIENT, STATUS, JOB_BUSY);
    }
    if (s->sem) {
        value |= BIT_OF(BUDDY_CLIENT, STATUS, SEM_TAKEN);
    }
    if (s->sem == client + 1) {
        value |= BIT_OF(BUDDY_CLIENT, STATUS, SEM_MINE);
    }
    if (s->txn_client) {
        value |= BIT_OF(BUDDY_CLIENT, STATUS, TXN_OPEN);
    }
    if (buddy_dma_busy(s, client)) {
        value |= BIT_OF(BUDDY_CLIENT, STATUS, DMA_BUSY);
    }
    if (s->client[client].int_status & s->client[client].int_enable) {
        value |= BIT_OF(BUDDY_CLIENT, STATUS, INT_ASSERTED);
    }
    return value;
}

uint32_t buddy_register_read(BuddyFunction *f, uint32_t offset)
{
    Buddy *s = (Buddy *)f;
    int client = offset / BUDDY_PAGE;
    BuddyClient *c = &s->client[client];

    switch (offset % BUDDY_PAGE) {
    case CLIENT_REG(ID):
        return BUDDY_CLIENT__ID__VALUE_reset;
    case CLIENT_REG(VERSION):
        return (BUDDY_CLIENT__VERSION__MAJOR_reset << BUDDY_CLIENT__VERSION__MAJOR_bp) |
               BUDDY_CLIENT__VERSION__MINOR_reset;
    case CLIENT_REG(CAPS):
        return capabilities(s);
    case CLIENT_REG(CLIENT):
        return client;
    case CLIENT_REG(SCRATCH):
        return c->scratch;
    case CLIENT_REG(STATUS):
        return status(s, client);
    case CLIENT_REG(INT_STATUS):
        return c->int_status;
    case CLIENT_REG(INT_ENABLE):
        return c->int_enable;
    case CLIENT_REG(SEM):
        return s->sem;
    case CLIENT_REG(ERROR):
        return c->error;
    case CLIENT_REG(DOORBELL_FROM):
        return c->doorbell_from;
    case CLIENT_REG(MBOX_OUT):
        return c->mbox_out;
    case CLIENT_REG(MBOX_IN):
        return c->mbox_in;
    case CLIENT_REG(MBOX_STATUS):
        return c->mbox_status;
    case CLIENT_REG(JOB_DURATION):
        return c->job_duration;
    case CLIENT_REG(JOB_ARG):
        return c->job_arg;
    case CLIENT_REG(JOB_RESULT):
        return c->job_result;
    case CLIENT_REG(JOB_COUNT):
        return c->job_count;
    case CLIENT_REG(TXN_RESULT):
        return c->txn_result;
    case CLIENT_REG(DMA_BASE_LO):
        return c->dma_base;
    case CLIENT_REG(DMA_BASE_HI):
        return c->dma_base >> 32;
    case CLIENT_REG(DMA_SIZE):
        return c->dma_size;
    case CLIENT_REG(DMA_HEAD):
        return c->dma_head;
    case CLIENT_REG(DMA_TAIL):
        return c->dma_tail;
    case CLIENT_REG(DMA_CTRL):
        return c->dma_ctrl;
    case OWNER_REG(GATE):
        return s->gate;
    case OWNER_REG(INT_PENDING):
        return f->asserted;
    case OWNER_REG(VIOLATIONS):
        return MIN(f->counters.violations, UINT32_MAX);
    default:
        return 0; /* write-only registers */
    }
}

static void owner_control(Buddy *s, uint32_t value)
{
    if (value & BIT_OF(BUDDY_OWNER, CONTROL, SEM_BREAK)) {
        buddy_semaphore_break(s);
    }
    if (value & BIT_OF(BUDDY_OWNER, CONTROL, SOFT_RESET)) {
        function_reset_registers(BUDDY_FUNCTION(s), RESET_SOFT);
    }
}

void buddy_register_write(BuddyFunction *f, uint32_t offset, uint32_t value)
{
    Buddy *s = (Buddy *)f;
    int client = offset / BUDDY_PAGE;
    BuddyClient *c = &s->client[client];

    switch (offset % BUDDY_PAGE) {
    case CLIENT_REG(SCRATCH):
        c->scratch = value;
        break;
    case CLIENT_REG(INT_STATUS):
        c->int_status &= ~value;
        buddy_update_interrupt(s, client);
        break;
    case CLIENT_REG(INT_ENABLE):
        c->int_enable = value & page_registers[CLIENT_REG(INT_ENABLE) / 4]->writable;
        buddy_update_interrupt(s, client);
        break;
    case CLIENT_REG(SEM):
        buddy_semaphore_write(s, client, value);
        break;
    case CLIENT_REG(ERROR):
        c->error &= ~value;
        break;
    case CLIENT_REG(DOORBELL):
        buddy_doorbell(s, client, value);
        break;
    case CLIENT_REG(DOORBELL_FROM):
        c->doorbell_from &= ~value;
        break;
    case CLIENT_REG(MBOX_OUT):
        c->mbox_out = value;
        break;
    case CLIENT_REG(MBOX_SEND):
        buddy_mail_send(s, client, value);
        break;
    case CLIENT_REG(MBOX_STATUS):
        if (value & BIT_OF(BUDDY_CLIENT, MBOX_STATUS, FULL)) {
            c->mbox_status &= ~BIT_OF(BUDDY_CLIENT, MBOX_STATUS, FULL);
        }
        break;
    case CLIENT_REG(JOB_DURATION):
        c->job_duration = value;
        break;
    case CLIENT_REG(JOB_CTRL):
        buddy_job_control(s, client, value);
        break;
    case CLIENT_REG(JOB_ARG):
        c->job_arg = value;
        break;
    case CLIENT_REG(TXN_BEGIN):
        buddy_txn_begin(s, client);
        break;
    case CLIENT_REG(TXN_DATA):
        buddy_txn_data(s, client, value);
        break;
    case CLIENT_REG(TXN_COMMIT):
        buddy_txn_commit(s, client, value);
        break;
    case CLIENT_REG(DMA_BASE_LO):
        c->dma_base = deposit64(c->dma_base, 0, 32, value & BUDDY_CLIENT__DMA_BASE_LO__VALUE_bm);
        break;
    case CLIENT_REG(DMA_BASE_HI):
        c->dma_base = deposit64(c->dma_base, 32, 32, value);
        break;
    case CLIENT_REG(DMA_SIZE):
        c->dma_size = value & BUDDY_CLIENT__DMA_SIZE__COUNT_bm;
        break;
    case CLIENT_REG(DMA_HEAD):
        buddy_dma_head_write(s, client, value);
        break;
    case CLIENT_REG(DMA_CTRL):
        buddy_dma_control(s, client, value);
        break;
    case OWNER_REG(GATE):
        buddy_gate_write(s, value);
        break;
    case OWNER_REG(CONTROL):
        owner_control(s, value);
        break;
    }
}
