/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Power states of a function: the PCI power management capability, D-state transitions, context loss, slot power.
 *
 * QEMU 7.2 has no D-state code, and later versions unmap the BARs outside D0, which would hide the very accesses that
 * the journal is about. So the capability is handled here: the BARs stay mapped and the access path looks at `power`.
 * Specification: PCI Bus Power Management Interface 1.2 (PCI Express Base 4.0, section 5.3).
 */
#include "qemu/osdep.h"
#include "function.h"
#include "journal.h"

const char *power_name(PowerState state)
{
    static const char *const names[] = {"D0", "D1", "D2", "D3hot", "D3cold"};

    return names[state];
}

static uint16_t pmcsr_reset_value(BuddyFunction *f)
{
    return f->no_soft_reset ? PCI_PM_CTRL_NO_SOFT_RESET : 0;
}

static uint8_t *pmcsr(BuddyFunction *f)
{
    return PCI_DEVICE(f)->config + FUNCTION_PM_OFFSET + PCI_PM_CTRL;
}

static void record_power(BuddyFunction *f, PowerState from, const char *cause)
{
    f->counters.power_changes++;
    if (journal_begin(JOURNAL_EVENTS, function_id(f), "power")) {
        journal_name("from", power_name(from));
        journal_name("to", power_name(f->power));
        journal_name("cause", cause);
        journal_end();
    }
}

void function_set_power(BuddyFunction *f, PowerState to, const char *cause)
{
    PowerState from = f->power;

    if (from == to) {
        return;
    }
    if (from == POWER_D0 && f->klass->power_down(f)) {
        violation_at(f, RULE_BUSY_AT_POWER_DOWN, NO_CLIENT, NULL, JOURNAL_NO_SEQ);
    }
    f->power = to;
    function_update_answers(f);
    record_power(f, from, cause);
    if (to != POWER_D0) {
        function_irq_clear(f);
    }
    f->klass->power_changed(f);
    if (to == POWER_D0) {
        f->klass->update_interrupts(f);
    }
}

bool function_ready(BuddyFunction *f)
{
    if (likely(!f->ready_at)) {
        return true;
    }
    if (qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) < f->ready_at) {
        return false;
    }
    f->ready_at = 0;
    function_update_answers(f);
    return true;
}

/* Registers stay silent for a while after D0 entry (PCI PM 1.2, table 5-6), or for longer when a fault says so. */
static void begin_recovery(BuddyFunction *f, PowerState from)
{
    uint64_t us = from == POWER_D3HOT ? f->d3hot_delay_us : from == POWER_D2 ? f->d2_delay_us : 0;

    f->late_by_fault = fault_fires(f, FAULT_D0_LATE, NO_CLIENT);
    if (f->late_by_fault) {
        us = fault_argument(f, FAULT_D0_LATE)->delay_us;
    }
    f->ready_at = us ? qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + us * SCALE_US : 0;
    function_update_answers(f);
}

/* D3hot to D0 without No_Soft_Reset: the function comes up as after a reset, configuration space included. */
static void soft_reset(BuddyFunction *f)
{
    f->reset_cause = RESET_D3;
    pci_device_reset(PCI_DEVICE(f));
    f->reset_cause = RESET_BUS;
}

void function_power_config_write(BuddyFunction *f, uint32_t address, int length)
{
    PowerState to = pci_get_word(pmcsr(f)) & PCI_PM_CTRL_STATE_MASK;
    PowerState from = f->power;

    if (!ranges_overlap(address, length, FUNCTION_PM_OFFSET + PCI_PM_CTRL, 2) || to == f->power) {
        return;
    }
    /* Unsupported states are ignored, and only D0 can be entered from a lower-power state. */
    if ((to != POWER_D0 && to < f->power) || ((to == POWER_D1 || to == POWER_D2) && !f->has_d1_d2)) {
        pci_set_word(pmcsr(f), (pci_get_word(pmcsr(f)) & ~PCI_PM_CTRL_STATE_MASK) | f->power);
        violation_at(f, RULE_ILLEGAL_POWER_TRANSITION, NO_CLIENT, "PMCSR", JOURNAL_NO_SEQ);
        return;
    }
    if (to == POWER_D0 && fault_fires(f, FAULT_D0_FAIL, NO_CLIENT)) {
        pci_set_word(pmcsr(f), (pci_get_word(pmcsr(f)) & ~PCI_PM_CTRL_STATE_MASK) | f->power);
        return;
    }
    if (f->power == POWER_D3HOT && to == POWER_D0 && !f->no_soft_reset) {
        soft_reset(f);
    } else {
        function_set_power(f, to, "pmcsr");
    }
    if (to == POWER_D0) {
        begin_recovery(f, from);
    }
}

void function_power_reset(BuddyFunction *f, ResetCause cause)
{
    static const char *const causes[] = {"reset", "reset", "reset", "pmcsr", "wake"};

    uint16_t sticky = 0;

    /* Auxiliary power keeps the wake-up bits through all but a cold machine reset. */
    if (cause != RESET_BUS || !pci_has_power_compat(PCI_DEVICE(f)) || f->power == POWER_D3COLD) {
        sticky = pci_get_word(pmcsr(f)) & (PCI_PM_CTRL_PME_ENABLE | PCI_PM_CTRL_PME_STATUS);
    }
    pci_set_word(pmcsr(f), pmcsr_reset_value(f) | sticky);
    /* The configuration space's command register is cleared by QEMU after this. */
    function_command_changed(f, false, false);
    if (pci_has_power_compat(PCI_DEVICE(f))) {
        function_set_power(f, POWER_D0, f->power == POWER_D3COLD ? "slot" : causes[cause]);
    } else {
        function_set_power(f, POWER_D3COLD, "slot");
    }
}

void function_power_notice(BuddyFunction *f)
{
    if (unlikely(f->power == POWER_D3COLD && pci_has_power_compat(PCI_DEVICE(f)))) {
        function_set_power(f, POWER_D0, "slot");
    }
}

static void record_bit(BuddyFunction *f, const char *kind, bool on)
{
    if (journal_begin(JOURNAL_EVENTS, function_id(f), kind)) {
        journal_int("on", on);
        journal_end();
    }
}

void function_command_changed(BuddyFunction *f, bool memory, bool bus_master)
{
    bool changed = memory != f->memory_enabled || bus_master != f->bus_master;

    if (memory != f->memory_enabled) {
        f->memory_enabled = memory;
        record_bit(f, "memory", memory);
    }
    if (bus_master != f->bus_master) {
        f->bus_master = bus_master;
        record_bit(f, "busmaster", bus_master);
    }
    if (changed) {
        f->klass->power_changed(f);
    }
}

void function_track_command(BuddyFunction *f)
{
    uint16_t command = pci_get_word(PCI_DEVICE(f)->config + PCI_COMMAND);

    function_command_changed(f, command & PCI_COMMAND_MEMORY, command & PCI_COMMAND_MASTER);
    if (f->memory_enabled) {
        void_remember(f);
    }
}

bool function_power_init(BuddyFunction *f, Error **errp)
{
    PCIDevice *pci = PCI_DEVICE(f);
    uint16_t capabilities = 3 | function_pme_capabilities(f); /* PCI power management 1.2 */

    if (pci_add_capability(pci, PCI_CAP_ID_PM, FUNCTION_PM_OFFSET, PCI_PM_SIZEOF, errp) < 0) {
        return false;
    }
    if (!f->d3hot_delay_us) {
        capabilities |= 1 << 4; /* Immediate_Readiness_on_Return_to_D0, PCI Express Base 4.0, section 7.5.2.1 */
    }
    if (f->has_d1_d2) {
        capabilities |= PCI_PM_CAP_D1 | PCI_PM_CAP_D2;
    }
    pci_set_word(pci->config + FUNCTION_PM_OFFSET + PCI_PM_PMC, capabilities);
    pci_set_word(pmcsr(f), pmcsr_reset_value(f));
    pci_set_word(pci->wmask + FUNCTION_PM_OFFSET + PCI_PM_CTRL, PCI_PM_CTRL_STATE_MASK | PCI_PM_CTRL_PME_ENABLE);
    pci_set_word(pci->w1cmask + FUNCTION_PM_OFFSET + PCI_PM_CTRL, PCI_PM_CTRL_PME_STATUS);
    return true;
}
