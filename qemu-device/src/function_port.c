/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The slot registers of the PCI Express port above a function: presence, link, and the port's hot-plug interrupt. */
#include "qemu/osdep.h"
#include "hw/pci/msi.h"
#include "hw/pci/msix.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pcie.h"
#include "hw/pci/pcie_port.h"
#include "function.h"

/* The hot-plug slot that a device is in, or NULL (root complex, conventional bus). */
PCIDevice *function_slot_port(PCIDevice *pci)
{
    PCIDevice *port = pci_get_bus(pci)->parent_dev;

    return port && object_dynamic_cast(OBJECT(port), TYPE_PCIE_SLOT) ? port : NULL;
}

PCIDevice *function_root_port(BuddyFunction *f)
{
    PCIDevice *port = pci_get_bus(PCI_DEVICE(f))->parent_dev;

    while (port && pci_is_express(port) && pcie_cap_get_type(port) != PCI_EXP_TYPE_ROOT_PORT) {
        port = pci_get_bus(port)->parent_dev;
    }
    return port && pci_is_express(port) ? port : NULL;
}

/*
 * QEMU's port has no Data Link Layer State Changed event. Its status bit and enable bit are made writable here, as
 * PCI Express Base 4.0, sections 7.5.3.10 and 7.5.3.11 want; link changes other than ours are not signalled by them.
 */
void function_port_widen(PCIDevice *port)
{
    uint32_t exp = port->exp.exp_cap;

    pci_word_test_and_set_mask(port->wmask + exp + PCI_EXP_SLTCTL, PCI_EXP_SLTCTL_DLLSCE);
    pci_word_test_and_set_mask(port->w1cmask + exp + PCI_EXP_SLTSTA, PCI_EXP_SLTSTA_DLLSC);
}

void function_port_notify(PCIDevice *port)
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

void function_port_removed(PCIDevice *port)
{
    uint8_t *exp = port->config + port->exp.exp_cap;

    pci_word_test_and_clear_mask(exp + PCI_EXP_SLTSTA, PCI_EXP_SLTSTA_PDS);
    pci_word_test_and_clear_mask(exp + PCI_EXP_LNKSTA, PCI_EXP_LNKSTA_DLLLA);
    pci_word_test_and_set_mask(exp + PCI_EXP_SLTSTA, PCI_EXP_SLTSTA_PDC | PCI_EXP_SLTSTA_DLLSC);
}

void function_port_link(PCIDevice *port, bool up)
{
    uint8_t *exp = port->config + port->exp.exp_cap;

    if (up) {
        pci_word_test_and_set_mask(exp + PCI_EXP_LNKSTA, PCI_EXP_LNKSTA_DLLLA);
    } else {
        pci_word_test_and_clear_mask(exp + PCI_EXP_LNKSTA, PCI_EXP_LNKSTA_DLLLA);
    }
    pci_word_test_and_set_mask(exp + PCI_EXP_SLTSTA, PCI_EXP_SLTSTA_DLLSC);
    function_port_notify(port);
}
