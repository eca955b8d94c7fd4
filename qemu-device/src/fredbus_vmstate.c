/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Snapshots and migration of the Fred Bus. The controller and each child carry their own state; as with any QEMU bus, the
 * destination is started with the same children in the same slots.
 */
#include "qemu/osdep.h"
#include "fredbus.h"

const VMStateDescription vmstate_fredbus = {
    .name = "fredbus",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields =
        (VMStateField[]){
            VMSTATE_STRUCT(parent_obj, FredBus, 1, vmstate_buddy_function, BuddyFunction),
            VMSTATE_UINT32_EQUAL(slots, FredBus, NULL),
            VMSTATE_UINT8_ARRAY(generation, FredBus, FREDBUS_MAX_SLOTS),
            VMSTATE_UINT32(scratch, FredBus),
            VMSTATE_UINT32(int_status, FredBus),
            VMSTATE_UINT32(int_enable, FredBus),
            VMSTATE_UINT32(changed, FredBus),
            VMSTATE_UINT32(eject_requested, FredBus),
            VMSTATE_END_OF_LIST(),
        },
};

const VMStateDescription vmstate_fred_child = {
    .name = "fred-child",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields =
        (VMStateField[]){
            VMSTATE_BOOL(powered, FredChild),
            VMSTATE_UINT32(int_status, FredChild),
            VMSTATE_UINT32(int_enable, FredChild),
            VMSTATE_UINT32(work_us, FredChild),
            VMSTATE_UINT32(work_count, FredChild),
            VMSTATE_BOOL(working, FredChild),
            VMSTATE_TIMER_PTR(work_timer, FredChild),
            VMSTATE_END_OF_LIST(),
        },
};
