/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `buddy`, the shared resource (PCI 1234:b0dd). Registers: registers/buddy.rdl; datasheet: docs/device.md.
 *
 * Each client has a page of registers with the same layout; what the device has once (semaphore, job engine,
 * transaction) belongs to the device and says which client uses it.
 */
#ifndef BUDDY_BUDDY_H
#define BUDDY_BUDDY_H

#include "function.h"
#include "buddy_regs.h"

#define TYPE_BUDDY "buddy"
OBJECT_DECLARE_SIMPLE_TYPE(Buddy, BUDDY)

#define BUDDY_PAGE        0x1000
#define BUDDY_OWNER_BASE  0x800 /* of the owner's registers in page 0 */
#define BUDDY_MAX_CLIENTS FUNCTION_MAX_CLIENTS
#define BUDDY_BAR_RAM     2

/* The registers of one client page that hold something. */
typedef struct BuddyClient {
    uint32_t scratch;
    uint32_t int_status;
    uint32_t int_enable;
    uint32_t error;
    uint32_t doorbell_from;
    uint32_t mbox_out;
    uint32_t mbox_in;
    uint32_t mbox_status;
    uint32_t job_duration;
    uint32_t job_arg;
    uint32_t job_result;
    uint32_t job_count;
    uint32_t txn_result;
    uint64_t dma_base;
    uint32_t dma_size;
    uint32_t dma_head;
    uint32_t dma_tail;
    uint32_t dma_ctrl;
    bool dma_halted; /* after an error, until DMA_CTRL.reset */
} BuddyClient;

/* Memory behind a BAR. */
typedef struct BuddyMemory {
    Buddy *owner;
    int bar;
    bool used;
    MemoryRegion ram;
    MemoryRegion traced; /* in front of it when ram-trace=on */
} BuddyMemory;

#define BUDDY_MAX_EXTRA_BARS 5

struct Buddy {
    BuddyFunction parent_obj;

    /* properties */
    uint32_t clients;
    uint64_t ram_size;
    bool ram_trace;
    bool ioport;
    uint32_t extra_bars;
    uint64_t extra_bar_size;

    BuddyMemory memory; /* the shared RAM */
    BuddyMemory extra[BUDDY_MAX_EXTRA_BARS];
    MemoryRegion io;
    uint32_t io_index;

    BuddyClient client[BUDDY_MAX_CLIENTS];
    uint32_t gate; /* mask of the open pages; bit 0 is always set */
    uint32_t sem;  /* tag of the holder (client + 1), 0: free */

    /* the job engine */
    uint32_t job_client; /* client + 1, 0: idle */
    uint32_t job_operand;
    QEMUTimer *job_timer;

    /* the transaction */
    uint32_t txn_client; /* client + 1, 0: none open */
    uint32_t txn_sum;
    uint32_t txn_words;

    /* the DMA engine: the descriptor that is being worked on */
    uint32_t dma_client; /* client + 1, 0: idle */
    uint32_t dma_last;   /* client that had the engine last */
    uint64_t dma_source;
    uint64_t dma_destination;
    uint32_t dma_length;
    uint32_t dma_control;
    QEMUTimer *dma_timer;
};

#define BIT_OF(block, reg, field) (block##__##reg##__##field##_bm)

/* buddy_vmstate.c */
extern const VMStateDescription vmstate_buddy;

/* buddy_bars.c */
bool buddy_bars_init(Buddy *s, Error **errp);
/* Outside D0 the memory BARs do not answer: below them all ones come from void.c. */
void buddy_bars_enable(Buddy *s, bool on);

/* buddy_regs.c */
void buddy_registers_init(Buddy *s);
uint32_t buddy_register_read(BuddyFunction *f, uint32_t offset);
void buddy_register_write(BuddyFunction *f, uint32_t offset, uint32_t value);

/* buddy_client.c: causes, errors, semaphore, doorbells, mail */
void buddy_raise(Buddy *s, int client, uint32_t cause);
void buddy_error(Buddy *s, int client, uint32_t cause);
void buddy_update_interrupt(Buddy *s, int client);
void buddy_semaphore_write(Buddy *s, int client, uint32_t value);
void buddy_semaphore_break(Buddy *s);
/* True if the client holds the semaphore; records a violation if it does not. */
bool buddy_semaphore_held(Buddy *s, int client);
void buddy_doorbell(Buddy *s, int client, uint32_t mask);
void buddy_mail_send(Buddy *s, int client, uint32_t to);
void buddy_gate_write(Buddy *s, uint32_t mask);

/* buddy_job.c */
void buddy_job_init(Buddy *s);
void buddy_job_exit(Buddy *s);
void buddy_job_control(Buddy *s, int client, uint32_t value);
/* Stop the engine. True if a job was running. */
bool buddy_job_stop(Buddy *s);

/* buddy_dma.c */
void buddy_dma_init(Buddy *s);
void buddy_dma_exit(Buddy *s);
bool buddy_dma_busy(const Buddy *s, int client);
void buddy_dma_head_write(Buddy *s, int client, uint32_t head);
void buddy_dma_control(Buddy *s, int client, uint32_t value);
/* Stop the engine. True if it was working. */
bool buddy_dma_stop(Buddy *s);

/* buddy_txn.c */
void buddy_txn_begin(Buddy *s, int client);
void buddy_txn_data(Buddy *s, int client, uint32_t word);
void buddy_txn_commit(Buddy *s, int client, uint32_t words);
void buddy_txn_drop(Buddy *s);

#endif
