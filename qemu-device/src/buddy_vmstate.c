/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Snapshots and migration of buddy's registers and engines. */
#include "qemu/osdep.h"
#include "buddy.h"

static const VMStateDescription vmstate_client = {
    .name = "buddy-client",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields =
        (VMStateField[]){
            VMSTATE_UINT32(scratch, BuddyClient),       VMSTATE_UINT32(int_status, BuddyClient),
            VMSTATE_UINT32(int_enable, BuddyClient),    VMSTATE_UINT32(error, BuddyClient),
            VMSTATE_UINT32(doorbell_from, BuddyClient), VMSTATE_UINT32(mbox_out, BuddyClient),
            VMSTATE_UINT32(mbox_in, BuddyClient),       VMSTATE_UINT32(mbox_status, BuddyClient),
            VMSTATE_UINT32(job_duration, BuddyClient),  VMSTATE_UINT32(job_arg, BuddyClient),
            VMSTATE_UINT32(job_result, BuddyClient),    VMSTATE_UINT32(job_count, BuddyClient),
            VMSTATE_UINT32(txn_result, BuddyClient),    VMSTATE_UINT64(dma_base, BuddyClient),
            VMSTATE_UINT32(dma_size, BuddyClient),      VMSTATE_UINT32(dma_head, BuddyClient),
            VMSTATE_UINT32(dma_tail, BuddyClient),      VMSTATE_UINT32(dma_ctrl, BuddyClient),
            VMSTATE_BOOL(dma_halted, BuddyClient),      VMSTATE_END_OF_LIST(),
        },
};

/* A stream from elsewhere must not make the device index beyond its clients. */
static int post_load(void *opaque, int version_id)
{
    Buddy *s = opaque;

    if (s->job_client > s->clients || s->txn_client > s->clients || s->dma_client > s->clients ||
        s->dma_last >= s->clients || s->sem > s->clients || s->io_index >= BUDDY_FUNCTION(s)->map.size) {
        return -EINVAL;
    }
    function_update_answers(BUDDY_FUNCTION(s)); /* the gates are loaded only now */
    return 0;
}

const VMStateDescription vmstate_buddy = {
    .name = "buddy",
    .version_id = 1,
    .minimum_version_id = 1,
    .post_load = post_load,
    .fields =
        (VMStateField[]){
            VMSTATE_STRUCT(parent_obj, Buddy, 1, vmstate_buddy_function, BuddyFunction),
            VMSTATE_UINT32_EQUAL(clients, Buddy, NULL),
            VMSTATE_STRUCT_ARRAY(client, Buddy, BUDDY_MAX_CLIENTS, 1, vmstate_client, BuddyClient),
            VMSTATE_UINT32(gate, Buddy),
            VMSTATE_UINT32(sem, Buddy),
            VMSTATE_UINT32(io_index, Buddy),
            VMSTATE_UINT32(job_client, Buddy),
            VMSTATE_UINT32(job_operand, Buddy),
            VMSTATE_TIMER_PTR(job_timer, Buddy),
            VMSTATE_UINT32(txn_client, Buddy),
            VMSTATE_UINT32(txn_sum, Buddy),
            VMSTATE_UINT32(txn_words, Buddy),
            VMSTATE_UINT32(dma_client, Buddy),
            VMSTATE_UINT32(dma_last, Buddy),
            VMSTATE_UINT64(dma_source, Buddy),
            VMSTATE_UINT64(dma_destination, Buddy),
            VMSTATE_UINT32(dma_length, Buddy),
            VMSTATE_UINT32(dma_control, Buddy),
            VMSTATE_TIMER_PTR(dma_timer, Buddy),
            VMSTATE_END_OF_LIST(),
        },
};
