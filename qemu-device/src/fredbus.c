/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The `fredbus` device: its QEMU bus, properties, reset, power and the one interrupt. See fredbus.h. */
#include "qemu/osdep.h"
#include "hw/hotplug.h"
#include "fredbus.h"
#include "removal.h"

uint32_t fredbus_children_pending(FredBus *s)
{
    uint32_t pending = 0;

    for (int i = 0; i < s->slots; i++) {
        if (s->child[i] && (s->child[i]->int_status & s->child[i]->int_enable)) {
            pending |= 1u << i;
        }
    }
    return pending;
}

void fredbus_update_interrupt(FredBus *s)
{
    BuddyFunction *f = BUDDY_FUNCTION(s);
    uint32_t status = s->int_status | (fredbus_children_pending(s) ? BIT_OF(FREDBUS, INT_STATUS, CHILD) : 0);

    function_irq_set(f, 0, f->power == POWER_D0 && (status & s->int_enable));
}

/* The children stay in their slots, but the guest has yet to learn of them: CHANGED starts at 0 all the same. */
static void fredbus_reset_registers(BuddyFunction *f, ResetCause cause)
{
    FredBus *s = FREDBUS(f);

    s->scratch = 0;
    s->int_status = 0;
    s->int_enable = 0;
    s->changed = 0;
    for (int i = 0; i < s->slots; i++) {
        if (s->child[i]) {
            fred_child_stop(s->child[i]);
        }
    }
    /* An eject request outlives a reset: whoever asked is still waiting. */
    s->int_status = s->eject_requested ? BIT_OF(FREDBUS, INT_STATUS, EJECT) : 0;
}

static bool fredbus_power_down(BuddyFunction *f)
{
    FredBus *s = FREDBUS(f);
    bool was_working = false;

    for (int i = 0; i < s->slots; i++) {
        if (s->child[i]) {
            was_working |= fred_child_stop(s->child[i]);
        }
    }
    return was_working;
}

static void fredbus_power_changed(BuddyFunction *f)
{
}

static void fredbus_update_interrupts(BuddyFunction *f)
{
    fredbus_update_interrupt(FREDBUS(f));
}

static uint8_t fredbus_open_gates(BuddyFunction *f)
{
    return 1;
}

static bool fredbus_setup(BuddyFunction *f, Error **errp)
{
    FredBus *s = FREDBUS(f);

    if (s->slots < 1 || s->slots > FREDBUS_MAX_SLOTS) {
        error_setg(errp, "fredbus: slots=%u, but 1 to %d are possible", s->slots, FREDBUS_MAX_SLOTS);
        return false;
    }
    f->vectors = 1;
    fredbus_registers_init(s);
    s->bus = qbus_new(TYPE_FRED_BUS, DEVICE(s), NULL);
    qbus_set_hotplug_handler(s->bus, OBJECT(s));
    return true;
}

static void destroy_children(FredBus *s)
{
    for (int i = 0; i < s->slots; i++) {
        if (s->child[i]) {
            s->child[i]->yank_pending = true;
            removal_destroy(DEVICE(s->child[i]));
        }
    }
}

/* QEMU unrealizes the child buses before it calls the device's exit; only the hot-plug handler is left to drop. */
static void fredbus_teardown(BuddyFunction *f)
{
    qbus_set_hotplug_handler(FREDBUS(f)->bus, NULL);
}

static void fredbus_before_yank(BuddyFunction *f)
{
    destroy_children(FREDBUS(f));
}

static PropertyList fredbus_properties[] = {DEFINE_PROP_UINT32("slots", FredBus, slots, 8), PROPERTY_LIST_END};

static void fredbus_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(klass);
    BuddyFunctionClass *fc = BUDDY_FUNCTION_CLASS(klass);

    pc->vendor_id = 0x1234;
    pc->device_id = 0xf4ed;
    pc->revision = 1;
    pc->class_id = PCI_CLASS_OTHERS;
    dc->desc = "Fred Bus controller; takes fred-toaster and fred-oven";
    dc->vmsd = &vmstate_fredbus;
    device_class_set_props(dc, fredbus_properties);
    fc->setup = fredbus_setup;
    fc->teardown = fredbus_teardown;
    fc->open_gates = fredbus_open_gates;
    fc->read = fredbus_register_read;
    fc->write = fredbus_register_write;
    fc->reset_registers = fredbus_reset_registers;
    fc->power_down = fredbus_power_down;
    fc->power_changed = fredbus_power_changed;
    fc->update_interrupts = fredbus_update_interrupts;
    fc->before_yank = fredbus_before_yank;
    fred_slot_class_init(klass);
}

static char *fred_bus_get_dev_path(DeviceState *dev)
{
    g_autofree char *controller = qdev_get_dev_path(qdev_get_parent_bus(dev)->parent);

    return g_strdup_printf("%s/slot%d", controller ?: "", FRED_CHILD(dev)->slot);
}

static void fred_bus_class_init(ObjectClass *klass, void *data)
{
    BusClass *bc = BUS_CLASS(klass);

    bc->max_dev = FREDBUS_MAX_SLOTS;
    bc->get_dev_path = fred_bus_get_dev_path;
}

static const TypeInfo fredbus_infos[] = {
    {
        .name = TYPE_FRED_BUS,
        .parent = TYPE_BUS,
        .instance_size = sizeof(BusState),
        .class_init = fred_bus_class_init,
    },
    {
        .name = TYPE_FREDBUS,
        .parent = TYPE_BUDDY_FUNCTION,
        .instance_size = sizeof(FredBus),
        .class_init = fredbus_class_init,
        .interfaces = (InterfaceInfo[]){{TYPE_HOTPLUG_HANDLER}, {}},
    },
};

DEFINE_TYPES(fredbus_infos)
