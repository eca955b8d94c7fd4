/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The slots of the Fred Bus: the controller is the hot-plug handler of its own QEMU bus.
 *
 * device_add puts a child in and raises `change`. device_del raises `eject`; the guest's driver answers by CONTROL.eject
 * (the child goes, DEVICE_DELETED) or CONTROL.keep (DEVICE_UNPLUG_GUEST_ERROR). A child that was never seen by a guest,
 * because the controller is not in D0, waits like any other: device_del must not cut off a driver that is asleep.
 */
#include "qemu/osdep.h"
#include "hw/hotplug.h"
#include "qapi/qapi-events-qdev.h"
#include "fredbus.h"
#include "journal.h"
#include "removal.h"

void fred_slot_record(FredBus *s, int slot, const char *event)
{
    FredChild *child = s->child[slot];

    if (journal_begin(JOURNAL_EVENTS, function_id(BUDDY_FUNCTION(s)), "child")) {
        journal_int("slot", slot);
        journal_name("event", event);
        journal_name("child", FRED_CHILD_GET_CLASS(child)->name);
        journal_uint("serial", child->serial);
        journal_end();
    }
}

static void raise_change(FredBus *s, int slot)
{
    s->changed |= 1u << slot;
    s->int_status |= BIT_OF(FREDBUS, INT_STATUS, CHANGE);
    fredbus_update_interrupt(s);
}

static void clear_request(FredBus *s, int slot)
{
    s->eject_requested &= ~(1u << slot);
}

static void pre_plug(HotplugHandler *handler, DeviceState *dev, Error **errp)
{
    FredBus *s = FREDBUS(handler);
    FredChild *child = FRED_CHILD(dev);

    if (child->slot == -1) {
        for (int i = 0; i < s->slots && child->slot == -1; i++) {
            child->slot = s->child[i] ? -1 : i;
        }
        if (child->slot == -1) {
            error_setg(errp, "all %u slots of %s are taken", s->slots, function_id(BUDDY_FUNCTION(s)));
        }
        return;
    }
    if (child->slot < 0 || child->slot >= s->slots) {
        error_setg(errp, "slot=%d, but %s has slots 0 to %u", child->slot, function_id(BUDDY_FUNCTION(s)),
                   s->slots - 1);
    } else if (s->child[child->slot]) {
        error_setg(errp, "slot %d of %s is taken by '%s'", child->slot, function_id(BUDDY_FUNCTION(s)),
                   DEVICE(s->child[child->slot])->id ?: "a device without id");
    }
}

static void plug(HotplugHandler *handler, DeviceState *dev, Error **errp)
{
    FredBus *s = FREDBUS(handler);
    FredChild *child = FRED_CHILD(dev);

    s->child[child->slot] = child;
    s->generation[child->slot]++;
    fred_slot_record(s, child->slot, "plug");
    raise_change(s, child->slot);
}

void fred_slot_request(FredBus *s, int slot)
{
    s->eject_requested |= 1u << slot;
    s->int_status |= BIT_OF(FREDBUS, INT_STATUS, EJECT);
    fred_slot_record(s, slot, "eject-request");
    fredbus_update_interrupt(s);
}

static void unplug_request(HotplugHandler *handler, DeviceState *dev, Error **errp)
{
    dev->pending_deleted_event = true;
    fred_slot_request(FREDBUS(handler), FRED_CHILD(dev)->slot);
}

/* The child goes, for whatever reason; the caller has recorded which. */
static void unplug(HotplugHandler *handler, DeviceState *dev, Error **errp)
{
    FredBus *s = FREDBUS(handler);
    FredChild *child = FRED_CHILD(dev);
    int slot = child->slot;

    if (child->yank_pending) {
        fred_slot_record(s, slot, "yank");
    }
    fred_child_stop(child);
    clear_request(s, slot);
    s->child[slot] = NULL;
    raise_change(s, slot);
    qdev_unrealize(dev);
}

void fred_slot_eject(FredBus *s, int slot)
{
    FredChild *child = s->child[slot];

    if (!child) {
        violation(BUDDY_FUNCTION(s), RULE_CHILD_NOT_PRESENT, NO_CLIENT);
        return;
    }
    fred_slot_record(s, slot, "eject");
    removal_destroy(DEVICE(child));
}

void fred_slot_keep(FredBus *s, int slot)
{
    FredChild *child = s->child[slot];
    DeviceState *dev = DEVICE(child);

    if (!child || !(s->eject_requested & (1u << slot))) {
        violation(BUDDY_FUNCTION(s), RULE_EJECT_NOT_REQUESTED, NO_CLIENT);
        return;
    }
    fred_slot_record(s, slot, "keep");
    clear_request(s, slot);
    if (dev->pending_deleted_event) {
        dev->pending_deleted_event = false;
        unplug_guest_error_compat(dev->id, dev->canonical_path);
    }
}

void fred_slot_class_init(ObjectClass *klass)
{
    HotplugHandlerClass *hc = HOTPLUG_HANDLER_CLASS(klass);

    hc->pre_plug = pre_plug;
    hc->plug = plug;
    hc->unplug_request = unplug_request;
    hc->unplug = unplug;
}
