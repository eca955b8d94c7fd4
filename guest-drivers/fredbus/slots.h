/* SPDX-License-Identifier: MIT */
/*
 * Where the slots are: in a controller's registers (hardware_slots.c), or nowhere at all, as in the article, whose bus is a virtual one
 * (static_slots.c). Everything here is called with BUS.HardwareLock held while the bus has power, and must not block.
 */
#ifndef SLOTS_H
#define SLOTS_H

#include "ddk_compat.h"

struct _BUS;

enum { KindNone, KindToaster, KindOven };

/* What is in a slot. Two children are the same one when all members are equal. */
typedef struct _SLOT_CONTENT {
    ULONG Kind; /* KindNone: empty */
    ULONG Serial;
    ULONG Generation;
} SLOT_CONTENT;

typedef struct _SLOT_OPERATIONS {
    /* FALSE: cannot be said, the bus is gone. */
    BOOLEAN (*Read)(struct _BUS *Bus, ULONG Slot, SLOT_CONTENT *Content);
    /* FRED_CHILD_INFO.Property and Colour of what is in the slot. */
    VOID (*ReadDetails)(struct _BUS *Bus, ULONG Slot, ULONG *Property, ULONG *Colour);
    /* Changes from here on are told again. */
    VOID (*ClearChanged)(struct _BUS *Bus);
    /* Mask of the slots whose child is asked for. */
    ULONG (*EjectRequested)(struct _BUS *Bus);
    VOID (*AnswerEject)(struct _BUS *Bus, ULONG Slot, BOOLEAN Eject);
    VOID (*Switch)(struct _BUS *Bus, ULONG Slot, BOOLEAN On);
    /* The end of the work is told by ChildWorkDone. */
    VOID (*StartWork)(struct _BUS *Bus, ULONG Slot, ULONG Microseconds);
    ULONG (*WorkCount)(struct _BUS *Bus, ULONG Slot);
} SLOT_OPERATIONS;

extern const SLOT_OPERATIONS HardwareSlots;
extern const SLOT_OPERATIONS StaticSlots;

/* static_slots.c. PASSIVE_LEVEL, HardwareLock not held. */
/* Makes empty slots. */
NTSTATUS StaticSlotsCreate(struct _BUS *Bus);
/* Fills or empties slots until there are as many toasters and ovens as the settings say. */
VOID StaticSlotsFill(struct _BUS *Bus);
VOID StaticSlotsFree(struct _BUS *Bus);

#endif
