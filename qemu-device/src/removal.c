/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Surprise removal: the QOM property `yank` of every PCI device, ours or QEMU's own.
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
#include "journal.h"
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
    removal_hurry_later();
}

/* A removal that has been asked for and not been done yet. */
typedef struct Removal {
    QLIST_ENTRY(Removal) link;
    PCIDevice *pci;
    QEMUBH *bh;
} Removal;

static QLIST_HEAD(, Removal) removals = QLIST_HEAD_INITIALIZER(removals);

bool removal_pending(PCIDevice *pci)
{
    Removal *removal;

    QLIST_FOREACH(removal, &removals, link)
    {
        if (removal->pci == pci) {
            return true;
        }
    }
    return false;
}

/* One of our functions, or NULL for a device of QEMU's own. */
static BuddyFunction *ours(PCIDevice *pci)
{
    return (BuddyFunction *)object_dynamic_cast(OBJECT(pci), TYPE_BUDDY_FUNCTION);
}

static void device_gone(PCIDevice *pci)
{
    BuddyFunction *f = ours(pci);

    if (f) {
        void_device_gone(f);
        f->klass->before_yank(f);
    } else {
        if (journal_begin(JOURNAL_EVENTS, DEVICE(pci)->id ? DEVICE(pci)->id : object_get_typename(OBJECT(pci)),
                          "slot")) {
            journal_name("event", "yank");
            journal_end();
        }
        void_cover(pci);
    }
}

static void remove_now(PCIDevice *pci)
{
    PCIDevice *port = function_slot_port(pci);
    RemovalAcpiSlot acpi;
    bool by_acpi = removal_acpi_slot(pci, &acpi);
    bool running = runstate_is_running();

    if (running) {
        pause_all_vcpus();
    }
    if (port) {
        function_port_widen(port); /* else the guest could never clear what is set now */
        function_port_removed(port);
    }
    device_gone(pci);
    removal_destroy(DEVICE(pci));
    if (port) {
        function_port_notify(port);
    }
    if (by_acpi) {
        removal_acpi_notify(&acpi);
    }
    if (running) {
        resume_all_vcpus();
    }
}

static void yank_bh(void *opaque)
{
    Removal *removal = opaque;
    PCIDevice *pci = removal->pci;

    if (DEVICE(pci)->realized) { /* else a device_del was quicker */
        remove_now(pci);
    }
    QLIST_REMOVE(removal, link);
    qemu_bh_delete(removal->bh);
    g_free(removal);
    object_unref(OBJECT(pci));
    /* The memory regions go after a grace period; a device_add before that would find their RAM blocks and abort QEMU. */
    removal_drain();
}

static bool get_yank(Object *obj, Error **errp)
{
    return removal_pending(PCI_DEVICE(obj));
}

static void set_yank(Object *obj, bool value, Error **errp)
{
    PCIDevice *pci = PCI_DEVICE(obj);
    RemovalAcpiSlot acpi;
    Removal *removal;

    if (!DEVICE(obj)->realized) {
        error_setg(errp, "yank: the device is not plugged in yet");
        return;
    }
    if (!ours(pci) && !function_slot_port(pci) && !removal_acpi_slot(pci, &acpi)) {
        error_setg(errp, "yank: the device is in no slot: put it on a pcie-root-port (bus=...)");
        return;
    }
    if (!value || removal_pending(pci)) {
        return;
    }
    removal = g_new0(Removal, 1);
    removal->pci = pci;
    removal->bh = qemu_bh_new(yank_bh, removal);
    QLIST_INSERT_HEAD(&removals, removal, link);
    object_ref(obj);
    qemu_bh_schedule(removal->bh);
}

void removal_realize(BuddyFunction *f)
{
    PCIDevice *port = function_slot_port(PCI_DEVICE(f));

    if (port) {
        function_port_widen(port);
    }
    function_pme_widen(f);
}

void removal_exit(BuddyFunction *f)
{
    if (!removal_pending(PCI_DEVICE(f))) {
        void_device_gone(f);
        removal_hurry_later();
    }
}

/* On the class of all PCI devices, which is there before ours. */
void removal_class_init(void)
{
    ObjectClass *klass = object_class_by_name(TYPE_PCI_DEVICE);

    object_class_property_add_bool(klass, "yank", get_yank, set_yank);
    object_class_property_set_description(klass, "yank",
                                          "write true: surprise removal, as if the card were pulled out");
    removal_request_class_init(klass);
}
