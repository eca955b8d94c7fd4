/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Advanced error reporting: what a function and the root port above it show and signal when an error happens.
 *
 * QEMU has this too, but only for its HMP command and not exported in 7.2. Sources: PCI Express Base 4.0, section 6.2
 * (figure 6-2, the flow of an error) and 7.8.4.
 */
#include "qemu/osdep.h"
#include "hw/pci/msi.h"
#include "hw/pci/msix.h"
#include "hw/pci/pcie.h"
#include "hw/pci/pcie_port.h"
#include "function.h"

static void interrupt(PCIDevice *port)
{
    unsigned vector = (pci_get_long(port->config + port->exp.aer_cap + PCI_ERR_ROOT_STATUS) & PCI_ERR_ROOT_IRQ) >>
                      ctz32(PCI_ERR_ROOT_IRQ);

    if (msix_enabled(port)) {
        msix_notify(port, vector);
    } else if (msi_enabled(port)) {
        msi_notify(port, vector);
    } else {
        pci_irq_assert(port);
    }
}

/* An error message arrives at the root port. */
static void root_message(PCIDevice *port, uint16_t requester, bool fatal)
{
    uint8_t *aer = port->config + port->exp.aer_cap;
    uint32_t status = pci_get_long(aer + PCI_ERR_ROOT_STATUS);
    uint32_t command = pci_get_long(aer + PCI_ERR_ROOT_COMMAND);

    if (fatal) {
        if (status & PCI_ERR_ROOT_UNCOR_RCV) {
            status |= PCI_ERR_ROOT_MULTI_UNCOR_RCV;
        } else {
            status |= PCI_ERR_ROOT_UNCOR_RCV | PCI_ERR_ROOT_FIRST_FATAL;
            pci_set_word(aer + PCI_ERR_ROOT_ERR_SRC + 2, requester);
        }
        status |= PCI_ERR_ROOT_FATAL_RCV;
    } else {
        if (status & PCI_ERR_ROOT_COR_RCV) {
            status |= PCI_ERR_ROOT_MULTI_COR_RCV;
        } else {
            pci_set_word(aer + PCI_ERR_ROOT_ERR_SRC, requester);
        }
        status |= PCI_ERR_ROOT_COR_RCV;
    }
    pci_set_long(aer + PCI_ERR_ROOT_STATUS, status);
    if (command & (fatal ? PCI_ERR_ROOT_CMD_FATAL_EN : PCI_ERR_ROOT_CMD_COR_EN)) {
        interrupt(port);
    }
}

void function_aer_report(BuddyFunction *f, bool fatal)
{
    PCIDevice *pci = PCI_DEVICE(f);
    PCIDevice *port = function_root_port(f);
    uint8_t *aer = pci->config + pci->exp.aer_cap;
    uint8_t *exp = pci->config + pci->exp.exp_cap;
    uint32_t bit = fatal ? PCI_ERR_UNC_MALF_TLP : PCI_ERR_COR_BAD_TLP;
    uint16_t control;

    if (!pci_is_express(pci)) {
        return;
    }
    control = pci_get_word(exp + PCI_EXP_DEVCTL);
    pci_word_test_and_set_mask(exp + PCI_EXP_DEVSTA, fatal ? PCI_EXP_DEVSTA_FED : PCI_EXP_DEVSTA_CED);
    if (fatal) {
        pci_long_test_and_set_mask(aer + PCI_ERR_UNCOR_STATUS, bit);
        if ((pci_get_long(aer + PCI_ERR_UNCOR_MASK) & bit) || !(control & PCI_EXP_DEVCTL_FERE)) {
            return;
        }
    } else {
        pci_long_test_and_set_mask(aer + PCI_ERR_COR_STATUS, bit);
        if ((pci_get_long(aer + PCI_ERR_COR_MASK) & bit) || !(control & PCI_EXP_DEVCTL_CERE)) {
            return;
        }
    }
    if (port && port->exp.aer_cap) {
        root_message(port, pci_requester_id(pci), fatal);
    }
}
