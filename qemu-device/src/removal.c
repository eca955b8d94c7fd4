/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Surprise removal: the QOM property `yank`.
 *
 *     qom-set path=/machine/peripheral/buddy0 property=yank value=true
 *
 * The card is pulled: presence and link of the slot drop in one moment, the port interrupts, every later access answers
 * all ones (void.c), and QEMU's device object goes (event DEVICE_DELETED), so that device_add with the same id into
 * the same port works at once. Stock QEMU has no such thing; its device_del only asks the guest.
 *
 * A property setter must not destroy its own object, so the work is done in a bottom half. The virtual processors
 * are paused meanwhile: a processor that polls the device would otherwise see half of it removed.
 */
#include "qemu/osdep.h"
#include "qemu/rcu.h"
#include "hw/hotplug.h"
#include "function.h"
#include "removal.h"

void removal_destroy(DeviceState *dev)
{
    HotplugHandler *handler = qdev_get_hotplug_handler(dev);

    dev->pending_deleted_event = true;
    if (handler) {
        hotplug_handler_unplug(handler, dev, &error_abort);
    } else {
        qdev_unrealize(dev);
    }
    object_unparent(OBJECT(dev));
}

static void yank_bh(void *opaque)
{
    BuddyFunction *f = opaque;
    PCIDevice *port = function_slot_port(f);
    RemovalAcpiSlot acpi;
    bool by_acpi = removal_acpi_slot(f, &acpi);
    bool running = runstate_is_running();

    if (running) {
        pause_all_vcpus();
    }
    if (port) {
        function_port_removed(port);
    }
    void_device_gone(f);
    f->klass->before_yank(f);
    removal_destroy(DEVICE(f));
    if (port) {
        function_port_notify(port);
    }
    if (by_acpi) {
        removal_acpi_notify(&acpi);
    }
    if (running) {
        resume_all_vcpus();
    }
    object_unref(OBJECT(f));
    /* The memory regions go after a grace period; a device_add before that would find their RAM blocks and abort QEMU. */
    drain_call_rcu();
}

static bool get_yank(Object *obj, Error **errp)
{
    return BUDDY_FUNCTION(obj)->yank_pending;
}

static void set_yank(Object *obj, bool value, Error **errp)
{
    BuddyFunction *f = BUDDY_FUNCTION(obj);

    if (!DEVICE(obj)->realized) {
        error_setg(errp, "yank: the device is not plugged in yet");
        return;
    }
    if (!value || f->yank_pending) {
        return;
    }
    f->yank_pending = true;
    object_ref(obj);
    qemu_bh_schedule(f->yank_bh);
}

void removal_realize(BuddyFunction *f)
{
    PCIDevice *port = function_slot_port(f);

    f->yank_bh = qemu_bh_new(yank_bh, f);
    if (port) {
        function_port_widen(port);
    }
    function_pme_widen(f);
}

void removal_exit(BuddyFunction *f)
{
    qemu_bh_delete(f->yank_bh);
    if (!f->yank_pending) {
        void_device_gone(f);
    }
}

void removal_class_init(ObjectClass *klass)
{
    object_class_property_add_bool(klass, "yank", get_yank, set_yank);
    object_class_property_set_description(klass, "yank",
                                          "write true: surprise removal, as if the card were pulled out");
}
