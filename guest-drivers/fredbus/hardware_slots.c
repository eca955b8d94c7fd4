/* SPDX-License-Identifier: MIT */
/* The slots of a controller: its registers. */
#include "fredbus.h"

static BOOLEAN Read(PBUS Bus, ULONG Slot, SLOT_CONTENT *Content)
{
    ULONG status = SlotRead(Bus, Slot, STATUS);

    if (status == ALL_ONES) {
        return FALSE;
    }
    if (status & FRED_SLOT__STATUS__PRESENT_bm) {
        Content->Kind = (status & FRED_SLOT__STATUS__KIND_bm) >> FRED_SLOT__STATUS__KIND_bp;
        Content->Generation = (status & FRED_SLOT__STATUS__GENERATION_bm) >> FRED_SLOT__STATUS__GENERATION_bp;
        Content->Serial = SlotRead(Bus, Slot, SERIAL);
    }
    return TRUE;
}

static VOID ReadDetails(PBUS Bus, ULONG Slot, ULONG *Property, ULONG *Colour)
{
    *Property = SlotRead(Bus, Slot, PROPERTY);
    *Colour = SlotRead(Bus, Slot, COLOUR);
}

static VOID ClearChanged(PBUS Bus)
{
    BusWrite(Bus, CHANGED, ALL_ONES);
}

static ULONG EjectRequested(PBUS Bus)
{
    return BusRead(Bus, EJECT_REQUESTED);
}

static VOID AnswerEject(PBUS Bus, ULONG Slot, BOOLEAN Eject)
{
    SlotWrite(Bus, Slot, CONTROL, Eject ? FRED_SLOT__CONTROL__EJECT_bm : FRED_SLOT__CONTROL__KEEP_bm);
}

static VOID Switch(PBUS Bus, ULONG Slot, BOOLEAN On)
{
    SlotWrite(Bus, Slot, CONTROL, On ? FRED_SLOT__CONTROL__POWER_ON_bm : FRED_SLOT__CONTROL__POWER_OFF_bm);
    SlotWrite(Bus, Slot, INT_ENABLE, On ? FRED_SLOT__INT_ENABLE__DONE_bm : 0);
}

static VOID StartWork(PBUS Bus, ULONG Slot, ULONG Microseconds)
{
    SlotWrite(Bus, Slot, WORK, Microseconds);
}

static ULONG WorkCount(PBUS Bus, ULONG Slot)
{
    return SlotRead(Bus, Slot, WORK_COUNT);
}

const SLOT_OPERATIONS HardwareSlots = {
    Read, ReadDetails, ClearChanged, EjectRequested, AnswerEject, Switch, StartWork, WorkCount,
};
