/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupts of a function: INTx, MSI, MSI-X, and the watch for interrupts that nobody acknowledges.
 *
 * Each client has one interrupt, asserted while its cause bits are set and enabled. A message goes out on the edge
 * from not asserted to asserted, and again when the guest switches MSI or MSI-X on while causes are waiting.
 */
#include "qemu/osdep.h"
#include "hw/pci/msi.h"
#include "hw/pci/msix.h"
#include "function.h"
#include "journal.h"

#define MSI_PENDING_64 0x14 /* in the 64-bit MSI capability with masks */

static const char mode_msix[] = "msix";
static const char mode_msi[] = "msi";
static const char mode_intx[] = "intx";

const char *function_irq_mode(const BuddyFunction *f)
{
    const PCIDevice *pci = (const PCIDevice *)f;

    if (msix_enabled((PCIDevice *)pci)) {
        return mode_msix;
    }
    return msi_enabled(pci) ? mode_msi : mode_intx;
}

/* Vector n is client n, reduced to what the guest granted: MSI grants a power of two. */
static unsigned vector_of(BuddyFunction *f, const char *mode, int client)
{
    if (mode == mode_msix) {
        return client < f->vectors ? client : 0;
    }
    if (mode == mode_msi) {
        return client & (msi_nr_vectors_allocated(PCI_DEVICE(f)) - 1);
    }
    return 0;
}

static void record(BuddyFunction *f, int client, const char *mode, unsigned vector, bool level)
{
    if (journal_begin(JOURNAL_EVENTS, function_id(f), "interrupt")) {
        journal_int("client", client);
        journal_name("mode", mode);
        journal_int("vector", vector);
        journal_int("level", level);
        journal_end();
    }
}

/* INTx follows the asserted interrupts, but for those that a fault has swallowed or holds back. */
static void set_intx(BuddyFunction *f)
{
    pci_set_irq(PCI_DEVICE(f), (f->asserted & ~(f->lost_clients | f->late_clients)) != 0);
}

/*
 * A message that a mask holds back is not to be sent when its cause goes away before the mask does (PCI 3.0, 6.8.3.5). QEMU keeps
 * it pending until the function says so. Vectors may be shared.
 */
static void withdraw_message(BuddyFunction *f, const char *mode, unsigned vector)
{
    PCIDevice *pci = PCI_DEVICE(f);
    uint8_t *msi_pending = pci->config + FUNCTION_MSI_OFFSET + MSI_PENDING_64;

    for (int i = 0; i < FUNCTION_MAX_CLIENTS; i++) {
        if ((f->asserted & (1 << i)) && vector_of(f, mode, i) == vector) {
            return;
        }
    }
    if (mode == mode_msix) {
        msix_clr_pending(pci, vector);
    } else {
        pci_set_long(msi_pending, pci_get_long(msi_pending) & ~(1u << vector));
    }
}

/* Arm the one timer for the earliest deadline. */
static void rearm(BuddyFunction *f)
{
    int64_t next = INT64_MAX;

    for (int i = 0; i < FUNCTION_MAX_CLIENTS; i++) {
        if (f->ack_deadline[i]) {
            next = MIN(next, f->ack_deadline[i]);
        }
    }
    if (next == INT64_MAX) {
        timer_del(f->ack_timer);
    } else if (!timer_pending(f->ack_timer) || timer_expire_time_ns(f->ack_timer) > next) {
        timer_mod_ns(f->ack_timer, next);
    }
}

/*
 * The time for an acknowledgement runs from when the interrupt goes out: one that a fault swallows or delays is nobody's mistake. The timer is left
 * running when it is acknowledged: moving it costs more than a late look.
 */
static void expect_acknowledgement(BuddyFunction *f, int client)
{
    if (f->ack_timeout_ms && !f->ack_deadline[client]) {
        f->ack_deadline[client] = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + (int64_t)f->ack_timeout_ms * SCALE_MS;
        rearm(f);
    }
}

static void send_interrupt(BuddyFunction *f, int client, bool level)
{
    PCIDevice *pci = PCI_DEVICE(f);
    const char *mode = function_irq_mode(f);
    unsigned vector = vector_of(f, mode, client);

    record(f, client, mode, vector, level);
    if (level) {
        expect_acknowledgement(f, client);
    }
    if (mode == mode_intx) {
        set_intx(f);
        return;
    }
    if (!level) {
        withdraw_message(f, mode, vector);
        return;
    }
    if (!f->bus_master) {
        violation_at(f, RULE_INTERRUPT_WITHOUT_BUS_MASTER, client, NULL, JOURNAL_NO_SEQ);
    }
    if (mode == mode_msix) {
        msix_notify(pci, vector);
    } else {
        msi_notify(pci, vector);
    }
}

static void late_expired(void *opaque)
{
    BuddyFunction *f = opaque;
    uint8_t clients = f->late_clients;

    f->late_clients = 0;
    for (int i = 0; i < FUNCTION_MAX_CLIENTS; i++) {
        if (clients & f->asserted & (1 << i)) {
            send_interrupt(f, i, true);
        }
    }
}

static void signal_client(BuddyFunction *f, int client, bool level)
{
    uint8_t bit = 1 << client;

    f->lost_clients &= ~bit;
    f->late_clients &= ~bit;
    if (level && (function_link_down(f) || fault_fires(f, FAULT_INTERRUPT_LOST, client))) {
        f->lost_clients |= bit;
        return;
    }
    if (level && fault_fires(f, FAULT_INTERRUPT_LATE, client)) {
        f->late_clients |= bit;
        timer_mod_ns(f->late_timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
                                        fault_argument(f, FAULT_INTERRUPT_LATE)->delay_us * SCALE_US);
        return;
    }
    send_interrupt(f, client, level);
}

void function_irq_spurious(BuddyFunction *f, int client)
{
    const char *mode = function_irq_mode(f);
    unsigned vector = vector_of(f, mode, client);

    record(f, client, mode, vector, true);
    if (mode == mode_intx) {
        pci_set_irq(PCI_DEVICE(f), 1);
        set_intx(f);
    } else if (mode == mode_msix) {
        msix_notify(PCI_DEVICE(f), vector);
    } else {
        msi_notify(PCI_DEVICE(f), vector);
    }
}

static void ack_expired(void *opaque)
{
    BuddyFunction *f = opaque;
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);

    for (int i = 0; i < FUNCTION_MAX_CLIENTS; i++) {
        if (f->ack_deadline[i] && f->ack_deadline[i] <= now) {
            f->ack_deadline[i] = 0;
            violation_at(f, RULE_INTERRUPT_UNACKNOWLEDGED, i, "INT_STATUS", JOURNAL_NO_SEQ);
        }
    }
    rearm(f);
}

void function_irq_set(BuddyFunction *f, int client, bool level)
{
    bool was = f->asserted & (1 << client);

    if (level == was) {
        return;
    }
    f->asserted ^= 1 << client;
    if (level) {
        f->counters.interrupts[client]++;
    } else {
        f->ack_deadline[client] = 0;
    }
    signal_client(f, client, level);
}

void function_irq_clear(BuddyFunction *f)
{
    for (int i = 0; i < FUNCTION_MAX_CLIENTS; i++) {
        function_irq_set(f, i, false);
    }
    rearm(f); /* a sleeping machine has nothing that its virtual time waits for */
}

void function_irq_mode_changed(BuddyFunction *f)
{
    if (function_irq_mode(f) == mode_intx) {
        set_intx(f);
        return;
    }
    for (int i = 0; i < FUNCTION_MAX_CLIENTS; i++) {
        if (f->asserted & (1 << i)) {
            signal_client(f, i, true);
        }
    }
}

bool function_irq_init(BuddyFunction *f, Error **errp)
{
    PCIDevice *pci = PCI_DEVICE(f);

    f->ack_timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, ack_expired, f);
    f->late_timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, late_expired, f);
    if (f->use_msi) {
        /* Fails only where the interrupt controller knows no messages; then there is INTx. */
        msi_init(pci, FUNCTION_MSI_OFFSET, pow2ceil(f->vectors), true, true, NULL);
    }
    if (f->use_msix) {
        memory_region_init(&f->msix_bar, OBJECT(f), "buddy-msix", 4096);
        if (msix_init(pci, f->vectors, &f->msix_bar, FUNCTION_BAR_MSIX, 0, &f->msix_bar, FUNCTION_BAR_MSIX, 0x800,
                      FUNCTION_MSIX_OFFSET, NULL) == 0) {
            for (unsigned i = 0; i < f->vectors; i++) {
                msix_vector_use(pci, i);
            }
            pci_register_bar(pci, FUNCTION_BAR_MSIX, PCI_BASE_ADDRESS_SPACE_MEMORY, &f->msix_bar);
        }
    }
    return true;
}

void function_irq_exit(BuddyFunction *f)
{
    PCIDevice *pci = PCI_DEVICE(f);

    timer_free(f->ack_timer);
    timer_free(f->late_timer);
    if (msix_present(pci)) {
        msix_unuse_all_vectors(pci);
        msix_uninit(pci, &f->msix_bar, &f->msix_bar);
    }
    msi_uninit(pci);
}
