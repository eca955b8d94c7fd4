/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The children of the Fred Bus: a toaster and an oven. Both work for a set virtual time and then interrupt. */
#include "qemu/osdep.h"
#include "fredbus.h"
#include "removal.h"

FredBus *fred_child_bus(FredChild *child)
{
    return FREDBUS(qdev_get_parent_bus(DEVICE(child))->parent);
}

static void work_done(void *opaque)
{
    FredChild *child = opaque;

    child->working = false;
    child->work_count++;
    child->int_status |= BIT_OF(FRED_SLOT, INT_STATUS, DONE);
    fredbus_update_interrupt(fred_child_bus(child));
}

bool fred_child_stop(FredChild *child)
{
    bool was_working = child->working;

    timer_del(child->work_timer);
    child->working = false;
    child->powered = false;
    child->int_status = 0;
    child->int_enable = 0;
    child->work_us = 0;
    return was_working;
}

void fred_child_power(FredChild *child, bool on)
{
    if (on) {
        child->powered = true;
    } else {
        fred_child_stop(child);
    }
    fredbus_update_interrupt(fred_child_bus(child));
}

void fred_child_work(FredChild *child, uint32_t us)
{
    child->work_us = us;
    child->working = true;
    timer_mod_ns(child->work_timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + (int64_t)MAX(us, 1) * SCALE_US);
}

/* The property `yank`: the child is pulled out of its slot. */
static void yank_bh(void *opaque)
{
    FredChild *child = opaque;
    bool running = runstate_is_running();

    if (running) {
        pause_all_vcpus();
    }
    removal_destroy(DEVICE(child));
    if (running) {
        resume_all_vcpus();
    }
    object_unref(OBJECT(child));
}

static bool get_yank(Object *obj, Error **errp)
{
    return FRED_CHILD(obj)->yank_pending;
}

static void set_yank(Object *obj, bool value, Error **errp)
{
    FredChild *child = FRED_CHILD(obj);

    if (!DEVICE(obj)->realized) {
        error_setg(errp, "yank: the child is not plugged in yet");
        return;
    }
    if (!value || child->yank_pending) {
        return;
    }
    child->yank_pending = true;
    object_ref(obj);
    qemu_bh_schedule(child->yank_bh);
}

static bool get_eject_button(Object *obj, Error **errp)
{
    return false;
}

/* The button on the child: the same question to the guest as device_del, but nobody waits for the answer. */
static void set_eject_button(Object *obj, bool value, Error **errp)
{
    FredChild *child = FRED_CHILD(obj);

    if (!DEVICE(obj)->realized) {
        error_setg(errp, "eject-button: the child is not plugged in yet");
    } else if (value) {
        fred_slot_request(fred_child_bus(child), child->slot);
    }
}

static void fred_child_realize(DeviceState *dev, Error **errp)
{
    FredChild *child = FRED_CHILD(dev);

    if (child->property == 0 || (child->colour & ~0xffffffu)) {
        error_setg(errp, "%s: slices or temperature must not be 0, and colour is 0xRRGGBB",
                   FRED_CHILD_GET_CLASS(child)->name);
        return;
    }
    child->work_timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, work_done, child);
    child->yank_bh = qemu_bh_new(yank_bh, child);
}

static void fred_child_unrealize(DeviceState *dev)
{
    FredChild *child = FRED_CHILD(dev);
    FredBus *s = fred_child_bus(child);

    timer_free(child->work_timer);
    qemu_bh_delete(child->yank_bh);
    if (s->child[child->slot] == child) {
        /* The whole controller goes, and the child with it: management is to hear of both. */
        s->child[child->slot] = NULL;
        dev->pending_deleted_event = true;
    }
}

/* Children are reset by their bus controller, which resets them in the order of its own registers. */
static PropertyList fred_child_properties[] = {DEFINE_PROP_INT32("slot", FredChild, slot, -1),
                                               DEFINE_PROP_UINT32("serial", FredChild, serial, 1), PROPERTY_LIST_END};

static PropertyList toaster_properties[] = {DEFINE_PROP_UINT32("colour", FredChild, colour, 0xc0c0c0),
                                            DEFINE_PROP_UINT32("slices", FredChild, property, 2), PROPERTY_LIST_END};

static PropertyList oven_properties[] = {DEFINE_PROP_UINT32("colour", FredChild, colour, 0xffffff),
                                         DEFINE_PROP_UINT32("temperature", FredChild, property, 250),
                                         PROPERTY_LIST_END};

static void fred_child_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);

    dc->vmsd = &vmstate_fred_child;
    dc->bus_type = TYPE_FRED_BUS;
    dc->realize = fred_child_realize;
    dc->unrealize = fred_child_unrealize;
    dc->hotpluggable = true;
    device_class_set_props(dc, fred_child_properties);
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    object_class_property_add_bool(klass, "eject-button", get_eject_button, set_eject_button);
    object_class_property_set_description(klass, "eject-button", "write true: press the child's eject button");
    object_class_property_add_bool(klass, "yank", get_yank, set_yank);
    object_class_property_set_description(klass, "yank", "write true: the child is pulled out without asking");
}

static void toaster_class_init(ObjectClass *klass, void *data)
{
    FRED_CHILD_CLASS(klass)->kind = FRED_TOASTER;
    FRED_CHILD_CLASS(klass)->name = "toaster";
    DEVICE_CLASS(klass)->desc = "toaster for the Fred Bus";
    device_class_set_props(DEVICE_CLASS(klass), toaster_properties);
}

static void oven_class_init(ObjectClass *klass, void *data)
{
    FRED_CHILD_CLASS(klass)->kind = FRED_OVEN;
    FRED_CHILD_CLASS(klass)->name = "oven";
    DEVICE_CLASS(klass)->desc = "oven for the Fred Bus";
    device_class_set_props(DEVICE_CLASS(klass), oven_properties);
}

static const TypeInfo fred_child_infos[] = {
    {
        .name = TYPE_FRED_CHILD,
        .parent = TYPE_DEVICE,
        .abstract = true,
        .instance_size = sizeof(FredChild),
        .class_size = sizeof(FredChildClass),
        .class_init = fred_child_class_init,
    },
    {
        .name = TYPE_FRED_TOASTER,
        .parent = TYPE_FRED_CHILD,
        .class_init = toaster_class_init,
    },
    {
        .name = TYPE_FRED_OVEN,
        .parent = TYPE_FRED_CHILD,
        .class_init = oven_class_init,
    },
};

DEFINE_TYPES(fred_child_infos)
