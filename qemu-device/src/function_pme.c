/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Power management events: the QOM property `wake-event` is the world knocking at a sleeping device.
 *
 *     qom-set path=/machine/peripheral/buddy0 property=wake-event value=true
 *
 * PME_Status is set; if PME_En is set too, a PME message goes to the root port (whose root status and interrupt QEMU
 * leaves out; they are made to work here), and a machine in S3 wakes. PME_En and PME_Status are kept through every reset
 * but power-on, as of a device with auxiliary power.
 * Sources: PCI Bus Power Management Interface 1.2, sections 3.2.3, 3.2.4 and 7; PCI Express Base 4.0, sections 6.1.6 and 7.5.3.12.
 */
#include "qemu/osdep.h"
#include "hw/pci/msi.h"
#include "hw/pci/msix.h"
#include "hw/pci/pcie.h"
#include "function.h"
#include "journal.h"

#define PM_CAP_PME_D0     0x0800
#define PM_CAP_PME_D1     0x1000
#define PM_CAP_PME_D2     0x2000
#define PM_CAP_PME_D3HOT  0x4000
#define PM_CAP_PME_D3COLD 0x8000

uint16_t function_pme_capabilities(const BuddyFunction *f)
{
    return PM_CAP_PME_D0 | PM_CAP_PME_D3HOT | PM_CAP_PME_D3COLD | (f->has_d1_d2 ? PM_CAP_PME_D1 | PM_CAP_PME_D2 : 0);
}

void function_pme_widen(BuddyFunction *f)
{
    PCIDevice *port = function_root_port(f);

    if (port) {
        uint32_t exp = port->exp.exp_cap;

        pci_word_test_and_set_mask(port->wmask + exp + PCI_EXP_RTCTL, PCI_EXP_RTCTL_PMEIE);
        pci_long_test_and_set_mask(port->w1cmask + exp + PCI_EXP_RTSTA, PCI_EXP_RTSTA_PME);
        /* Who sent the message is state, not configuration: a migration must not insist on its being the same. */
        pci_set_long(port->cmask + exp + PCI_EXP_RTSTA, 0);
        if (port->exp.aer_cap) {
            pci_set_long(port->cmask + port->exp.aer_cap + PCI_ERR_ROOT_ERR_SRC, 0);
        }
    }
}

static void message_to_root_port(BuddyFunction *f)
{
    PCIDevice *port = function_root_port(f);
    uint8_t *exp;

    if (!port) {
        return;
    }
    exp = port->config + port->exp.exp_cap;
    if (pci_get_long(exp + PCI_EXP_RTSTA) & PCI_EXP_RTSTA_PME) {
        return; /* an earlier one is still waiting; PME_Status in the function tells the driver all the same */
    }
    pci_set_long(exp + PCI_EXP_RTSTA, PCI_EXP_RTSTA_PME | pci_requester_id(PCI_DEVICE(f)));
    if (!(pci_get_word(exp + PCI_EXP_RTCTL) & PCI_EXP_RTCTL_PMEIE)) {
        return;
    }
    if (msix_enabled(port)) {
        msix_notify(port, pcie_cap_flags_get_vector(port));
    } else if (msi_enabled(port)) {
        msi_notify(port, pcie_cap_flags_get_vector(port));
    } else {
        pci_irq_assert(port);
    }
}

static bool get_wake_event(Object *obj, Error **errp)
{
    BuddyFunction *f = BUDDY_FUNCTION(obj);
    uint16_t status = pci_get_word(PCI_DEVICE(f)->config + FUNCTION_PM_OFFSET + PCI_PM_CTRL);

    return status & PCI_PM_CTRL_PME_STATUS;
}

static void set_wake_event(Object *obj, bool value, Error **errp)
{
    BuddyFunction *f = BUDDY_FUNCTION(obj);
    uint8_t *pmcsr = PCI_DEVICE(f)->config + FUNCTION_PM_OFFSET + PCI_PM_CTRL;
    bool enabled;

    if (!DEVICE(obj)->realized) {
        error_setg(errp, "wake-event: the device is not plugged in yet");
        return;
    }
    if (!value) {
        return;
    }
    enabled = pci_get_word(pmcsr) & PCI_PM_CTRL_PME_ENABLE;
    pci_word_test_and_set_mask(pmcsr, PCI_PM_CTRL_PME_STATUS);
    if (journal_begin(JOURNAL_EVENTS, function_id(f), "pme")) {
        journal_name("event", enabled ? "sent" : "masked");
        journal_end();
    }
    if (!enabled) {
        return;
    }
    message_to_root_port(f);
    if (runstate_check(RUN_STATE_SUSPENDED)) {
        qemu_system_wakeup_request(QEMU_WAKEUP_REASON_OTHER, NULL);
    }
}

void function_pme_class_init(ObjectClass *klass)
{
    object_class_property_add_bool(klass, "wake-event", get_wake_event, set_wake_event);
    object_class_property_set_description(klass, "wake-event",
                                          "write true: the device has a reason to wake (PME); reads PME_Status");
}
