/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The abstract PCI function behind buddy and fredbus: configuration space, life and reset. See function.h. */
#include "qemu/osdep.h"
#include "hw/pci/msi.h"
#include "hw/pci/msix.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pcie.h"
#include "function.h"
#include "journal.h"
#include "removal.h"

static QLIST_HEAD(, BuddyFunction) functions = QLIST_HEAD_INITIALIZER(functions);

const char *function_id(const BuddyFunction *f)
{
    const DeviceState *dev = (const DeviceState *)f;

    return dev->id ? dev->id : object_get_typename(OBJECT(f));
}

void function_slot_event(BuddyFunction *f, const char *event)
{
    if (journal_begin(JOURNAL_EVENTS, function_id(f), "slot")) {
        journal_name("event", event);
        journal_end();
    }
}

void function_journal_present(void)
{
    BuddyFunction *f;

    QLIST_FOREACH(f, &functions, link)
    {
        function_slot_event(f, "plug");
    }
}

static const char *reset_name(ResetCause cause)
{
    static const char *const names[] = {"bus", "flr", "soft", "d3", "wake"};

    return names[cause];
}

void function_reset_registers(BuddyFunction *f, ResetCause cause)
{
    f->counters.resets++;
    if (journal_begin(JOURNAL_EVENTS, function_id(f), "reset")) {
        journal_name("cause", reset_name(cause));
        journal_end();
    }
    if (fault_fires(f, FAULT_RESET_STICKY, NO_CLIENT)) {
        return;
    }
    f->ready_at = 0;
    function_update_answers(f);
    f->klass->reset_registers(f, cause);
    function_irq_clear(f);
}

/* Every reset that reaches the configuration space comes here: machine, bus, FLR, D3hot to D0, slot power. */
static void function_reset(DeviceState *dev)
{
    BuddyFunction *f = BUDDY_FUNCTION(dev);
    PCIDevice *pci = PCI_DEVICE(dev);
    ResetCause cause = f->reset_cause == RESET_BUS && machine_is_waking() ? RESET_WAKE : f->reset_cause;

    function_reset_registers(f, cause);
    if (pci_is_express(pci)) {
        pcie_cap_deverr_reset(pci);
        pcie_cap_lnkctl_reset(pci);
    }
    function_power_reset(f, cause);
}

static uint32_t function_config_read(PCIDevice *pci, uint32_t address, int length)
{
    BuddyFunction *f = BUDDY_FUNCTION(pci);

    function_power_notice(f);
    if (function_link_down(f)) {
        return UINT32_MAX;
    }
    return pci_default_read_config(pci, address, length);
}

static void function_config_write(PCIDevice *pci, uint32_t address, uint32_t value, int length)
{
    BuddyFunction *f = BUDDY_FUNCTION(pci);
    const char *mode = function_irq_mode(f);

    function_power_notice(f);
    if (function_link_down(f)) {
        return;
    }
    /* All BARs that come or go with the command register make one new memory map, not one each. */
    memory_region_transaction_begin();
    pci_default_write_config(pci, address, value, length);
    memory_region_transaction_commit();
    if (pci_is_express(pci)) {
        f->reset_cause = RESET_FLR;
        pcie_cap_flr_write_config(pci, address, value, length);
        f->reset_cause = RESET_BUS;
        pcie_aer_write_config(pci, address, value, length);
    }
    function_power_config_write(f, address, length);
    function_track_command(f);
    if (mode != function_irq_mode(f)) {
        function_irq_mode_changed(f);
    }
}

static bool function_express_init(BuddyFunction *f, Error **errp)
{
    PCIDevice *pci = PCI_DEVICE(f);

    if (!pci_is_express(pci)) {
        return true;
    }
    if (pcie_endpoint_cap_init(pci, FUNCTION_EXP_OFFSET) < 0) {
        error_setg(errp, "cannot add the PCI Express capability");
        return false;
    }
    pcie_cap_deverr_init(pci);
    pcie_cap_flr_init(pci);
    pci->exp.aer_log.log_max = PCIE_AER_LOG_MAX_DEFAULT;
    if (pcie_aer_init(pci, PCI_ERR_VER, FUNCTION_AER_OFFSET, PCI_ERR_SIZEOF, errp) < 0) {
        return false;
    }
    if (f->serial) {
        pcie_dev_ser_num_init(pci, FUNCTION_DSN_OFFSET, f->serial);
    }
    return true;
}

static void function_exit(PCIDevice *pci)
{
    BuddyFunction *f = BUDDY_FUNCTION(pci);

    removal_exit(f);
    QLIST_REMOVE(f, link);
    function_slot_event(f, removal_pending(pci) ? "yank" : "unplug");
    f->klass->teardown(f);
    function_irq_exit(f);
    if (pci_is_express(pci)) {
        pcie_aer_exit(pci);
        pcie_cap_exit(pci);
    }
    function_mmio_exit(f);
}

static void function_realize(PCIDevice *pci, Error **errp)
{
    BuddyFunction *f = BUDDY_FUNCTION(pci);

    f->klass = BUDDY_FUNCTION_GET_CLASS(f);
    machine_follow();
    QLIST_INSERT_HEAD(&functions, f, link);
    pci_config_set_interrupt_pin(pci->config, 1);
    if (!f->klass->setup(f, errp)) {
        QLIST_REMOVE(f, link);
        return;
    }
    function_mmio_init(f);
    if (!function_power_init(f, errp) || !function_irq_init(f, errp) || !function_express_init(f, errp)) {
        QLIST_REMOVE(f, link);
        return;
    }
    void_attach(f);
    removal_realize(f);
    function_slot_event(f, "plug");
}

/* The PCI Express capability is there exactly when the bus is PCI Express; QEMU asks to say so before realize. */
static void function_dc_realize(DeviceState *dev, Error **errp)
{
    PCIDevice *pci = PCI_DEVICE(dev);
    BusState *bus = qdev_get_parent_bus(dev);

    if (pci_bus_is_express(PCI_BUS(bus))) {
        pci->cap_present |= QEMU_PCI_CAP_EXPRESS;
    }
    BUDDY_FUNCTION_GET_CLASS(dev)->parent_dc_realize(dev, errp);
}

static PropertyList function_properties[] = {DEFINE_PROP_UINT64("serial", BuddyFunction, serial, 0),
                                             DEFINE_PROP_BOOL("msi", BuddyFunction, use_msi, true),
                                             DEFINE_PROP_BOOL("msix", BuddyFunction, use_msix, true),
                                             DEFINE_PROP_BOOL("no-soft-reset", BuddyFunction, no_soft_reset, false),
                                             DEFINE_PROP_BOOL("d1d2", BuddyFunction, has_d1_d2, false),
                                             DEFINE_PROP_UINT32("d3hot-delay", BuddyFunction, d3hot_delay_us, 0),
                                             DEFINE_PROP_UINT32("d2-delay", BuddyFunction, d2_delay_us, 0),
                                             DEFINE_PROP_UINT32("ack-timeout", BuddyFunction, ack_timeout_ms, 1000),
                                             PROPERTY_LIST_END};

static void function_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(klass);
    BuddyFunctionClass *fc = BUDDY_FUNCTION_CLASS(klass);

    pc->realize = function_realize;
    pc->exit = function_exit;
    pc->config_read = function_config_read;
    pc->config_write = function_config_write;
    device_class_set_legacy_reset(dc, function_reset);
    device_class_set_parent_realize(dc, function_dc_realize, &fc->parent_dc_realize);
    device_class_set_props(dc, function_properties);
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    function_counters_class_init(klass);
    removal_class_init();
    fault_class_init(klass);
    function_pme_class_init(klass);
}

static const TypeInfo function_info = {
    .name = TYPE_BUDDY_FUNCTION,
    .parent = TYPE_PCI_DEVICE,
    .abstract = true,
    .instance_size = sizeof(BuddyFunction),
    .class_size = sizeof(BuddyFunctionClass),
    .class_init = function_class_init,
    .interfaces =
        (InterfaceInfo[]){
            {INTERFACE_PCIE_DEVICE},
            {INTERFACE_CONVENTIONAL_PCI_DEVICE},
            {},
        },
};

static void function_register_types(void)
{
    type_register_static(&function_info);
}

type_init(function_register_types)
