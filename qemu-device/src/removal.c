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
#include "hw/hotplug.h"
#include "hw/pci/msi.h"
#include "hw/pci/msix.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pcie.h"
#include "hw/pci/pcie_port.h"
#include "function.h"
#include "removal.h"

/* The hot-plug slot that the function is in, or NULL (root complex, conventional bus). */
static PCIDevice *slot_port(BuddyFunction *f)
{
    PCIDevice *port = pci_get_bus(PCI_DEVICE(f))->parent_dev;

    return port && object_dynamic_cast(OBJECT(port), TYPE_PCIE_SLOT) ? port : NULL;
}

/*
 * QEMU's port has no Data Link Layer State Changed event. Its status bit and enable bit are made writable here, as
 * PCI Express Base 4.0, sections 7.5.3.10 and 7.5.3.11 want; link changes other than ours are not signalled by them.
 */
static void widen_port(PCIDevice *port)
{
    uint32_t exp = port->exp.exp_cap;

    pci_word_test_and_set_mask(port->wmask + exp + PCI_EXP_SLTCTL, PCI_EXP_SLTCTL_DLLSCE);
    pci_word_test_and_set_mask(port->w1cmask + exp + PCI_EXP_SLTSTA, PCI_EXP_SLTSTA_DLLSC);
}

static void notify_port(PCIDevice *port)
{
    uint8_t *exp = port->config + port->exp.exp_cap;
    uint16_t control = pci_get_word(exp + PCI_EXP_SLTCTL);
    uint16_t status = pci_get_word(exp + PCI_EXP_SLTSTA);
    uint16_t enabled = control & (PCI_EXP_SLTCTL_PDCE | PCI_EXP_SLTCTL_DLLSCE);
    uint16_t events = ((status & PCI_EXP_SLTSTA_PDC) ? PCI_EXP_SLTCTL_PDCE : 0) |
                      ((status & PCI_EXP_SLTSTA_DLLSC) ? PCI_EXP_SLTCTL_DLLSCE : 0);

    if (!(control & PCI_EXP_SLTCTL_HPIE) || !(enabled & events)) {
        return;
    }
    /* An event that is still being handled counts as the same one: the guest loops until the status is clear. */
    port->exp.hpev_notified = true;
    if (msix_enabled(port)) {
        msix_notify(port, pcie_cap_flags_get_vector(port));
    } else if (msi_enabled(port)) {
        msi_notify(port, pcie_cap_flags_get_vector(port));
    } else if (pci_intx(port) != -1) {
        pci_set_irq(port, 1);
    }
}

static void drop_presence(PCIDevice *port)
{
    uint8_t *exp = port->config + port->exp.exp_cap;

    pci_word_test_and_clear_mask(exp + PCI_EXP_SLTSTA, PCI_EXP_SLTSTA_PDS);
    pci_word_test_and_clear_mask(exp + PCI_EXP_LNKSTA, PCI_EXP_LNKSTA_DLLLA);
    pci_word_test_and_set_mask(exp + PCI_EXP_SLTSTA, PCI_EXP_SLTSTA_PDC | PCI_EXP_SLTSTA_DLLSC);
}

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
    PCIDevice *port = slot_port(f);
    bool running = runstate_is_running();

    if (running) {
        pause_all_vcpus();
    }
    if (port) {
        drop_presence(port);
    }
    void_device_gone(f);
    f->klass->before_yank(f);
    removal_destroy(DEVICE(f));
    if (port) {
        notify_port(port);
    }
    if (running) {
        resume_all_vcpus();
    }
    object_unref(OBJECT(f));
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
    PCIDevice *port = slot_port(f);

    f->yank_bh = qemu_bh_new(yank_bh, f);
    if (port) {
        widen_port(port);
    }
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
