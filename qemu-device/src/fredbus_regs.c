/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Register decoding of fredbus. Offsets are those of the structures generated from registers/fredbus.rdl. */
#include "qemu/osdep.h"
#include "fredbus.h"
#include "register_tables.h"

#define BUS_REG(name)  offsetof(fredbus_t, name)
#define SLOT_REG(name) offsetof(__typeof__(((fredbus_t *)0)->slot[0]), name)
#define SLOT_BASE      offsetof(fredbus_t, slot)
#define SLOT_SIZE      sizeof(((fredbus_t *)0)->slot[0])

/* By offset / 4; filled once. */
static const RegDesc *bus_by_offset[SLOT_BASE / 4];
static const RegDesc *slot_by_offset[SLOT_SIZE / 4];

static const RegDesc *find_register(const RegisterMap *map, uint32_t offset, char *prefix, size_t size)
{
    uint32_t slot;

    prefix[0] = 0;
    if (offset < SLOT_BASE) {
        return bus_by_offset[offset / 4];
    }
    slot = (offset - SLOT_BASE) / SLOT_SIZE;
    if (slot >= map->slots) {
        return NULL;
    }
    snprintf(prefix, size, "slot[%u].", slot);
    return slot_by_offset[(offset - SLOT_BASE) % SLOT_SIZE / 4];
}

void fredbus_registers_init(FredBus *s)
{
    for (int i = 0; i < ARRAY_SIZE(bus_registers); i++) {
        bus_by_offset[bus_registers[i].offset / 4] = &bus_registers[i];
    }
    for (int i = 0; i < ARRAY_SIZE(slot_registers); i++) {
        slot_by_offset[slot_registers[i].offset / 4] = &slot_registers[i];
    }
    BUDDY_FUNCTION(s)->map = (RegisterMap){
        .size = 4096,
        .slots = s->slots,
        .find = find_register,
    };
}

static uint32_t slot_status(FredBus *s, int slot)
{
    FredChild *child = s->child[slot];
    uint32_t value = (uint32_t)s->generation[slot] << FRED_SLOT__STATUS__GENERATION_bp;

    if (child) {
        value |= BIT_OF(FRED_SLOT, STATUS, PRESENT);
        value |= FRED_CHILD_GET_CLASS(child)->kind << FRED_SLOT__STATUS__KIND_bp;
        value |= child->powered ? BIT_OF(FRED_SLOT, STATUS, POWERED) : 0;
    }
    if (s->eject_requested & (1u << slot)) {
        value |= BIT_OF(FRED_SLOT, STATUS, EJECT_REQUEST);
    }
    return value;
}

static uint32_t slot_read(FredBus *s, int slot, uint32_t offset)
{
    FredChild *child = s->child[slot];

    if (offset == SLOT_REG(STATUS)) {
        return slot_status(s, slot);
    }
    if (!child) {
        return 0;
    }
    switch (offset) {
    case SLOT_REG(SERIAL):
        return child->serial;
    case SLOT_REG(PROPERTY):
        return child->property;
    case SLOT_REG(COLOUR):
        return child->colour;
    case SLOT_REG(INT_STATUS):
        return child->int_status;
    case SLOT_REG(INT_ENABLE):
        return child->int_enable;
    case SLOT_REG(WORK):
        return child->work_us;
    case SLOT_REG(WORK_COUNT):
        return child->work_count;
    default:
        return 0;
    }
}

uint32_t fredbus_register_read(BuddyFunction *f, uint32_t offset)
{
    FredBus *s = (FredBus *)f;
    uint32_t pending;

    if (offset >= SLOT_BASE) {
        return slot_read(s, (offset - SLOT_BASE) / SLOT_SIZE, (offset - SLOT_BASE) % SLOT_SIZE);
    }
    switch (offset) {
    case BUS_REG(ID):
        return FREDBUS__ID__VALUE_reset;
    case BUS_REG(VERSION):
        return (FREDBUS__VERSION__MAJOR_reset << FREDBUS__VERSION__MAJOR_bp) | FREDBUS__VERSION__MINOR_reset;
    case BUS_REG(SLOTS):
        return s->slots;
    case BUS_REG(SCRATCH):
        return s->scratch;
    case BUS_REG(INT_STATUS):
        pending = fredbus_children_pending(s);
        return s->int_status | (pending ? BIT_OF(FREDBUS, INT_STATUS, CHILD) : 0);
    case BUS_REG(INT_ENABLE):
        return s->int_enable;
    case BUS_REG(CHANGED):
        return s->changed;
    case BUS_REG(EJECT_REQUESTED):
        return s->eject_requested;
    case BUS_REG(CHILD_PENDING):
        return fredbus_children_pending(s);
    default:
        return 0;
    }
}

static void slot_control(FredBus *s, int slot, uint32_t value)
{
    FredChild *child = s->child[slot];

    if (value & BIT_OF(FRED_SLOT, CONTROL, KEEP)) {
        fred_slot_keep(s, slot);
    }
    if (child && (value & BIT_OF(FRED_SLOT, CONTROL, POWER_ON))) {
        fred_child_power(child, true);
    }
    if (child && (value & BIT_OF(FRED_SLOT, CONTROL, POWER_OFF))) {
        fred_child_power(child, false);
    }
    if (value & BIT_OF(FRED_SLOT, CONTROL, EJECT)) {
        fred_slot_eject(s, slot);
    }
}

static void slot_write(FredBus *s, int slot, uint32_t offset, uint32_t value)
{
    FredChild *child = s->child[slot];

    if (!child) {
        violation(BUDDY_FUNCTION(s), RULE_CHILD_NOT_PRESENT, NO_CLIENT);
        return;
    }
    switch (offset) {
    case SLOT_REG(CONTROL):
        slot_control(s, slot, value);
        break;
    case SLOT_REG(INT_STATUS):
        child->int_status &= ~value;
        fredbus_update_interrupt(s);
        break;
    case SLOT_REG(INT_ENABLE):
        child->int_enable = value & BIT_OF(FRED_SLOT, INT_ENABLE, DONE);
        fredbus_update_interrupt(s);
        break;
    case SLOT_REG(WORK):
        if (child->powered) {
            fred_child_work(child, value);
        } else {
            violation(BUDDY_FUNCTION(s), RULE_CHILD_NOT_POWERED, NO_CLIENT);
        }
        break;
    }
}

void fredbus_register_write(BuddyFunction *f, uint32_t offset, uint32_t value)
{
    FredBus *s = (FredBus *)f;

    if (offset >= SLOT_BASE) {
        slot_write(s, (offset - SLOT_BASE) / SLOT_SIZE, (offset - SLOT_BASE) % SLOT_SIZE, value);
        return;
    }
    switch (offset) {
    case BUS_REG(SCRATCH):
        s->scratch = value;
        break;
    case BUS_REG(INT_STATUS):
        s->int_status &= ~value;
        fredbus_update_interrupt(s);
        break;
    case BUS_REG(INT_ENABLE):
        s->int_enable = value & (BIT_OF(FREDBUS, INT_ENABLE, CHANGE) | BIT_OF(FREDBUS, INT_ENABLE, EJECT) |
                                 BIT_OF(FREDBUS, INT_ENABLE, CHILD));
        fredbus_update_interrupt(s);
        break;
    case BUS_REG(CHANGED):
        s->changed &= ~value;
        break;
    }
}
