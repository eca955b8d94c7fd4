/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The `buddy` device: properties, BARs, reset and power. See buddy.h. */
#include "qemu/osdep.h"
#include "buddy.h"

static void reset_client(Buddy *s, int client)
{
    s->client[client] = (BuddyClient){.job_duration = BUDDY_CLIENT__JOB_DURATION__US_reset};
}

static void buddy_reset_registers(BuddyFunction *f, ResetCause cause)
{
    Buddy *s = BUDDY(f);

    buddy_job_stop(s);
    buddy_dma_stop(s);
    buddy_txn_drop(s);
    s->sem = 0;
    for (int i = 0; i < BUDDY_MAX_CLIENTS; i++) {
        reset_client(s, i);
    }
    s->io_index = 0;
    buddy_gate_write(s, 0);
}

static bool buddy_power_down(BuddyFunction *f)
{
    Buddy *s = BUDDY(f);

    bool job = buddy_job_stop(s);
    bool dma = buddy_dma_stop(s);

    buddy_txn_drop(s);
    return job || dma;
}

static void buddy_power_changed(BuddyFunction *f)
{
    buddy_bars_enable(BUDDY(f), f->power == POWER_D0);
}

static void buddy_update_interrupts(BuddyFunction *f)
{
    Buddy *s = BUDDY(f);

    for (int i = 0; i < s->clients; i++) {
        buddy_update_interrupt(s, i);
    }
}

/* Pages that no client has are no gate's business: they are reserved. */
static uint8_t buddy_open_gates(BuddyFunction *f)
{
    Buddy *s = BUDDY(f);

    return s->gate | ~((1u << s->clients) - 1);
}

static bool buddy_setup(BuddyFunction *f, Error **errp)
{
    Buddy *s = BUDDY(f);

    if (s->clients < 2 || s->clients > BUDDY_MAX_CLIENTS) {
        error_setg(errp, "buddy: clients=%u, but 2 to %d are possible", s->clients, BUDDY_MAX_CLIENTS);
        return false;
    }
    f->vectors = s->clients;
    buddy_registers_init(s);
    if (!buddy_bars_init(s, errp)) {
        return false;
    }
    buddy_job_init(s);
    buddy_dma_init(s);
    s->gate = 1;
    return true;
}

static void buddy_teardown(BuddyFunction *f)
{
    buddy_job_exit(BUDDY(f));
    buddy_dma_exit(BUDDY(f));
}

static void buddy_before_yank(BuddyFunction *f)
{
}

static PropertyList buddy_properties[] = {DEFINE_PROP_UINT32("clients", Buddy, clients, 2),
                                          DEFINE_PROP_SIZE("ram-size", Buddy, ram_size, 64 * KiB),
                                          DEFINE_PROP_BOOL("ram-trace", Buddy, ram_trace, false),
                                          DEFINE_PROP_BOOL("ioport", Buddy, ioport, false),
                                          DEFINE_PROP_UINT32("extra-bars", Buddy, extra_bars, 0),
                                          DEFINE_PROP_SIZE("extra-bar-size", Buddy, extra_bar_size, 4096),
                                          PROPERTY_LIST_END};

static void buddy_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(klass);
    BuddyFunctionClass *fc = BUDDY_FUNCTION_CLASS(klass);

    pc->vendor_id = 0x1234;
    pc->device_id = 0xb0dd;
    pc->revision = 1;
    pc->class_id = PCI_CLASS_OTHERS;
    dc->desc = "shared resource for two to eight drivers; records all that is done to it";
    dc->vmsd = &vmstate_buddy;
    device_class_set_props(dc, buddy_properties);
    fc->setup = buddy_setup;
    fc->teardown = buddy_teardown;
    fc->open_gates = buddy_open_gates;
    fc->read = buddy_register_read;
    fc->write = buddy_register_write;
    fc->reset_registers = buddy_reset_registers;
    fc->power_down = buddy_power_down;
    fc->power_changed = buddy_power_changed;
    fc->update_interrupts = buddy_update_interrupts;
    fc->before_yank = buddy_before_yank;
}

static const TypeInfo buddy_info = {
    .name = TYPE_BUDDY,
    .parent = TYPE_BUDDY_FUNCTION,
    .instance_size = sizeof(Buddy),
    .class_init = buddy_class_init,
};

static void buddy_register_types(void)
{
    type_register_static(&buddy_info);
}

type_init(buddy_register_types)
