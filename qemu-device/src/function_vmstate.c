/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Snapshots and migration of what both functions have in common. Everything that a guest can see is carried, also armed
 * faults and counters; the journal is not: it belongs to the QEMU process.
 */
#include "qemu/osdep.h"
#include "hw/pci/msix.h"
#include "hw/pci/pcie.h"
#include "function.h"

static int post_load(void *opaque, int version_id)
{
    BuddyFunction *f = opaque;

    if (f->power > POWER_D3COLD) {
        return -EINVAL;
    }
    f->klass->power_changed(f);
    function_update_answers(f);
    if (f->memory_enabled) {
        void_remember(f);
    }
    return 0;
}

static bool is_express(void *opaque, int version_id)
{
    return pci_is_express(PCI_DEVICE(opaque));
}

static bool has_msix(void *opaque, int version_id)
{
    return msix_present(PCI_DEVICE(opaque));
}

static const VMStateDescription vmstate_fault = {
    .name = "buddy-fault",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields =
        (VMStateField[]){
            VMSTATE_BOOL(armed, Fault),
            VMSTATE_INT64(remaining, Fault),
            VMSTATE_UINT64(fired, Fault),
            VMSTATE_INT64(client, Fault),
            VMSTATE_UINT64(delay_us, Fault),
            VMSTATE_UINT64(xor, Fault),
            VMSTATE_INT64(reg, Fault),
            VMSTATE_END_OF_LIST(),
        },
};

static const VMStateDescription vmstate_counters = {
    .name = "buddy-counters",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields =
        (VMStateField[]){
            VMSTATE_UINT64_ARRAY(reads, FunctionCounters, FUNCTION_MAX_CLIENTS),
            VMSTATE_UINT64_ARRAY(writes, FunctionCounters, FUNCTION_MAX_CLIENTS),
            VMSTATE_UINT64_ARRAY(interrupts, FunctionCounters, FUNCTION_MAX_CLIENTS),
            VMSTATE_UINT64(resets, FunctionCounters),
            VMSTATE_UINT64(power_changes, FunctionCounters),
            VMSTATE_UINT64(violations, FunctionCounters),
            VMSTATE_UINT64_ARRAY(rule, FunctionCounters, RULE_COUNT),
            VMSTATE_END_OF_LIST(),
        },
};

const VMStateDescription vmstate_buddy_function = {
    .name = "buddy-function",
    .version_id = 1,
    .minimum_version_id = 1,
    .post_load = post_load,
    .fields =
        (VMStateField[]){
            VMSTATE_PCI_DEVICE(parent_obj, BuddyFunction),
            VMSTATE_STRUCT_TEST(parent_obj.exp.aer_log, BuddyFunction, is_express, 1, vmstate_pcie_aer_log, PCIEAERLog),
            VMSTATE_MSIX_TEST(parent_obj, BuddyFunction, has_msix),
            VMSTATE_UINT32(power, BuddyFunction),
            VMSTATE_BOOL(bus_master, BuddyFunction),
            VMSTATE_BOOL(memory_enabled, BuddyFunction),
            VMSTATE_INT64(ready_at, BuddyFunction),
            VMSTATE_BOOL(late_by_fault, BuddyFunction),
            VMSTATE_UINT8(asserted, BuddyFunction),
            VMSTATE_INT64_ARRAY(ack_deadline, BuddyFunction, FUNCTION_MAX_CLIENTS),
            VMSTATE_TIMER_PTR(ack_timer, BuddyFunction),
            VMSTATE_UINT32(faults_armed, BuddyFunction),
            VMSTATE_STRUCT_ARRAY(faults, BuddyFunction, FAULT_COUNT, 1, vmstate_fault, Fault),
            VMSTATE_UINT8(late_clients, BuddyFunction),
            VMSTATE_UINT8(lost_clients, BuddyFunction),
            VMSTATE_TIMER_PTR(late_timer, BuddyFunction),
            VMSTATE_STRUCT(counters, BuddyFunction, 1, vmstate_counters, FunctionCounters),
            VMSTATE_END_OF_LIST(),
        },
};
