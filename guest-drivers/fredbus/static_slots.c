/* SPDX-License-Identifier: MIT */
/*
 * The slots of a bus without hardware: "The actual bus and its devices can be ... virtual hardware, or some abstract software construct" (the article).
 * Toasters are in the first half of the slots and ovens in the second, as many as the settings say; a timer does their work.
 */
#include "fredbus.h"

#define PER_KIND       (MAX_SLOTS / 2)
#define TOASTER_SLICES 2
#define OVEN_DEGREES   250
#define TOASTER_COLOUR 0xC0C0C0
#define OVEN_COLOUR    0x202020

typedef struct _STATIC_SLOT {
    PBUS Bus;
    ULONG Number;
    ULONG Kind;
    ULONG Generation;
    BOOLEAN Powered;
    ULONG WorkCount;
    KTIMER Timer;
    KDPC Dpc;
} STATIC_SLOT;

/* The work is done. DISPATCH_LEVEL. */
static VOID NTAPI TimerDone(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    STATIC_SLOT *slot = (STATIC_SLOT *)Context;
    BOOLEAN done;

    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);
    KeAcquireSpinLockAtDpcLevel(&slot->Bus->HardwareLock);
    done = slot->Powered; /* else it was switched off while the timer's DPC was on its way */
    if (done) {
        slot->WorkCount++;
    }
    KeReleaseSpinLockFromDpcLevel(&slot->Bus->HardwareLock);
    if (done) {
        ChildWorkDone(slot->Bus, slot->Number);
    }
}

NTSTATUS StaticSlotsCreate(PBUS Bus)
{
    ULONG index;

    Bus->Static = ExAllocatePoolWithTag(NonPagedPool, MAX_SLOTS * sizeof(STATIC_SLOT), POOL_TAG);
    if (Bus->Static == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    RtlZeroMemory(Bus->Static, MAX_SLOTS * sizeof(STATIC_SLOT));
    for (index = 0; index < MAX_SLOTS; index++) {
        STATIC_SLOT *slot = &Bus->Static[index];

        slot->Bus = Bus;
        slot->Number = index;
        KeInitializeTimer(&slot->Timer);
        KeInitializeDpc(&slot->Dpc, TimerDone, slot);
    }
    return STATUS_SUCCESS;
}

/* HardwareLock held. */
static VOID Empty(STATIC_SLOT *Slot)
{
    KeCancelTimer(&Slot->Timer);
    Slot->Kind = KindNone;
    Slot->Powered = FALSE;
}

/* Count of Kind in the slots from First on. HardwareLock held. */
static VOID FillKind(PBUS Bus, ULONG First, ULONG Kind, ULONG Count)
{
    ULONG index;

    for (index = 0; index < PER_KIND; index++) {
        STATIC_SLOT *slot = &Bus->Static[First + index];

        if (index < Count && slot->Kind == KindNone) {
            slot->Kind = Kind;
            slot->Generation++;
            slot->WorkCount = 0;
        } else if (index >= Count && slot->Kind != KindNone) {
            Empty(slot);
        }
    }
}

VOID StaticSlotsFill(PBUS Bus)
{
    KIRQL irql;

    KeAcquireSpinLock(&Bus->HardwareLock, &irql);
    FillKind(Bus, 0, KindToaster, Bus->Function.Settings[SettingStaticToasters]);
    FillKind(Bus, PER_KIND, KindOven, Bus->Function.Settings[SettingStaticOvens]);
    KeReleaseSpinLock(&Bus->HardwareLock, irql);
}

/* A timer's DPC may still be running: it must have ended before its memory goes. */
VOID StaticSlotsFree(PBUS Bus)
{
    ULONG index;

    for (index = 0; index < MAX_SLOTS; index++) {
        KeCancelTimer(&Bus->Static[index].Timer);
    }
    KeFlushQueuedDpcs();
    ExFreePoolWithTag(Bus->Static, POOL_TAG);
    Bus->Static = NULL;
}

static BOOLEAN Read(PBUS Bus, ULONG Slot, SLOT_CONTENT *Content)
{
    const STATIC_SLOT *slot = &Bus->Static[Slot];

    if (slot->Kind != KindNone) {
        Content->Kind = slot->Kind;
        Content->Serial = Slot + 1;
        Content->Generation = slot->Generation;
    }
    return TRUE;
}

static VOID ReadDetails(PBUS Bus, ULONG Slot, ULONG *Property, ULONG *Colour)
{
    BOOLEAN toaster = Bus->Static[Slot].Kind == KindToaster;

    *Property = toaster ? TOASTER_SLICES : OVEN_DEGREES;
    *Colour = toaster ? TOASTER_COLOUR : OVEN_COLOUR;
}

/* Changes are made by settings and ejects, each of which has the slots looked at. */
static VOID ClearChanged(PBUS Bus)
{
    UNREFERENCED_PARAMETER(Bus);
}

/* Nobody asks but the PnP manager. */
static ULONG EjectRequested(PBUS Bus)
{
    UNREFERENCED_PARAMETER(Bus);
    return 0;
}

static VOID AnswerEject(PBUS Bus, ULONG Slot, BOOLEAN Eject)
{
    if (Eject) {
        Empty(&Bus->Static[Slot]);
    }
}

static VOID Switch(PBUS Bus, ULONG Slot, BOOLEAN On)
{
    STATIC_SLOT *slot = &Bus->Static[Slot];

    slot->Powered = On;
    if (!On) {
        KeCancelTimer(&slot->Timer);
    }
}

static VOID StartWork(PBUS Bus, ULONG Slot, ULONG Microseconds)
{
    STATIC_SLOT *slot = &Bus->Static[Slot];
    LARGE_INTEGER due = {.QuadPart = -10LL * Microseconds}; /* relative, in units of 100 ns */

    KeSetTimer(&slot->Timer, due, &slot->Dpc);
}

static ULONG WorkCount(PBUS Bus, ULONG Slot)
{
    return Bus->Static[Slot].WorkCount;
}

const SLOT_OPERATIONS StaticSlots = {
    Read, ReadDetails, ClearChanged, EjectRequested, AnswerEject, Switch, StartWork, WorkCount,
};
