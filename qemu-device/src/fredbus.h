/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `fredbus`, the Fred Bus controller (PCI 1234:f4ed), its QEMU bus `fred-bus`, and the children on it.
 *
 * Children are hot-pluggable: device_add driver=fred-toaster,id=t0,bus=<fredbus id>.0[,slot=n]; device_del asks the guest, which
 * answers by CONTROL.eject or CONTROL.keep; the property `yank` pulls a child out without asking.
 * Registers: registers/fredbus.rdl; datasheet: docs/device.md.
 */
#ifndef BUDDY_FREDBUS_H
#define BUDDY_FREDBUS_H

#include "function.h"
#include "fredbus_regs.h"

#define TYPE_FREDBUS "fredbus"
OBJECT_DECLARE_SIMPLE_TYPE(FredBus, FREDBUS)

#define TYPE_FRED_BUS "fred-bus"

#define TYPE_FRED_CHILD   "fred-child"
#define TYPE_FRED_TOASTER "fred-toaster"
#define TYPE_FRED_OVEN    "fred-oven"
OBJECT_DECLARE_TYPE(FredChild, FredChildClass, FRED_CHILD)

#define FREDBUS_MAX_SLOTS 32

/* KIND of a slot's STATUS. */
typedef enum FredKind {
    FRED_NONE,
    FRED_TOASTER,
    FRED_OVEN,
} FredKind;

struct FredChild {
    DeviceState parent_obj;

    /* properties */
    int32_t slot; /* -1: the first free one */
    uint32_t serial;
    uint32_t colour;
    uint32_t property; /* slices, or highest temperature */

    bool powered;
    uint32_t int_status;
    uint32_t int_enable;
    uint32_t work_us;
    uint32_t work_count;
    bool working;
    bool yank_pending;
    QEMUTimer *work_timer;
    QEMUBH *yank_bh;
};

struct FredChildClass {
    DeviceClass parent_class;

    FredKind kind;
    const char *name;
};

struct FredBus {
    BuddyFunction parent_obj;

    uint32_t slots; /* property */

    BusState *bus;
    FredChild *child[FREDBUS_MAX_SLOTS];
    uint8_t generation[FREDBUS_MAX_SLOTS];
    uint32_t scratch;
    uint32_t int_status; /* change and eject; child follows the children */
    uint32_t int_enable;
    uint32_t changed;
    uint32_t eject_requested;
};

#define BIT_OF(block, reg, field) (block##__##reg##__##field##_bm)

/* fredbus_vmstate.c */
extern const VMStateDescription vmstate_fredbus;
extern const VMStateDescription vmstate_fred_child;

/* fredbus.c */
void fredbus_update_interrupt(FredBus *s);
/* Mask of the slots whose child asserts its interrupt. */
uint32_t fredbus_children_pending(FredBus *s);

/* fredbus_regs.c */
void fredbus_registers_init(FredBus *s);
uint32_t fredbus_register_read(BuddyFunction *f, uint32_t offset);
void fredbus_register_write(BuddyFunction *f, uint32_t offset, uint32_t value);

/* fred_slot.c: what is plugged where, and the eject handshake */
void fred_slot_class_init(ObjectClass *klass);
/* Somebody asks for the child: device_del, or its eject button. */
void fred_slot_request(FredBus *s, int slot);
void fred_slot_eject(FredBus *s, int slot);
void fred_slot_keep(FredBus *s, int slot);
void fred_slot_record(FredBus *s, int slot, const char *event);

/* fred_child.c */
FredBus *fred_child_bus(FredChild *child);
void fred_child_power(FredChild *child, bool on);
/* Start a piece of work; the child must be switched on. */
void fred_child_work(FredChild *child, uint32_t us);
/* Registers as after power-on, work stopped. True if work was under way. */
bool fred_child_stop(FredChild *child);

#endif
