/* SPDX-License-Identifier: MIT */
/* pci/windows.c - the address ranges that a bridge forwards, and who has which part of them. */
#include "pci.h"

static void Open(PCI_RANGE *Window, ULONGLONG First, ULONGLONG Last)
{
    Window->First = First;
    Window->Last = Last;
}

/* Take a range. STATUS_CONFLICTING_ADDRESSES: outside the window, or another function's. PASSIVE_LEVEL, bus lock held. */
static NTSTATUS Claim(PCI_FUNCTION *Function, PCI_WINDOW_KIND Kind, ULONGLONG First, ULONGLONG Length,
                      BOOLEAN Forwarded)
{
    PCI_BUS *bus = Function->Bus;
    ULONGLONG last = First + Length - 1;
    PLIST_ENTRY head = &bus->Allocated[Kind], e;
    PCI_RANGE *range;

    if (Length == 0 || last < First || First < bus->Window[Kind].First || last > bus->Window[Kind].Last)
        return STATUS_CONFLICTING_ADDRESSES;
    for (e = head->Flink; e != head; e = e->Flink) {
        range = CONTAINING_RECORD(e, PCI_RANGE, Link);
        if (range->First > last)
            break;
        if (range->Last >= First)
            return STATUS_CONFLICTING_ADDRESSES;
    }
    range = ExAllocatePoolWithTag(NonPagedPool, sizeof(*range), PCI_TAG);
    if (range == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    range->Owner = Function;
    range->Forwarded = Forwarded;
    range->First = First;
    range->Last = last;
    InsertTailList(e, &range->Link); /* before the next higher one: the list stays sorted */
    return STATUS_SUCCESS;
}

/* Read the windows of a bridge (PCI-to-PCI Bridge Architecture 1.2, 3.2.5). A base above the limit means closed. Any IRQL. */
static void ReadBridge(PCI_ADDRESS At, PCI_RANGE *Window)
{
    ULONG io = PciRead16(At, PCI_IO_BASE), memory = PciRead32(At, PCI_MEMORY_BASE),
          prefetch = PciRead32(At, PCI_PREFETCH_BASE);
    ULONGLONG first = (io & 0xF0) << 8, last = (io & 0xF000) | 0xFFF;

    if ((io & 0xF) == 1) {
        ULONG upper = PciRead32(At, PCI_IO_UPPER);

        first |= (upper & 0xFFFF) << 16;
        last |= upper & 0xFFFF0000;
    }
    Open(&Window[PciWindowIo], first, last);
    Open(&Window[PciWindowMemory], (memory & 0xFFF0) << 16, (memory & 0xFFF00000) | 0xFFFFF);

    first = (prefetch & 0xFFF0) << 16;
    last = (prefetch & 0xFFF00000) | 0xFFFFF;
    if ((prefetch & 0xF) == 1) {
        first |= (ULONGLONG)PciRead32(At, PCI_PREFETCH_UPPER) << 32;
        last |= (ULONGLONG)PciRead32(At, PCI_PREFETCH_UPPER + 4) << 32;
    }
    Open(&Window[PciWindowPrefetch], first, last);
}

/* What can be given to the functions of a bus; the root bus has what the chipset leaves to PCI. PASSIVE_LEVEL. */
VOID PciReadWindows(PCI_BUS *Bus)
{
    if (Bus->Bridge != NULL) {
        ReadBridge(Bus->Bridge->At, Bus->Window);
    } else {
        Open(&Bus->Window[PciWindowIo], 0x1000, 0xFFFF);
        Open(&Bus->Window[PciWindowMemory], 0x80000000ull, 0xFEBFFFFFull);
        Open(&Bus->Window[PciWindowPrefetch], 0x80000000ull, ~0ull);
    }
}

/* What a bridge forwards cannot be given to its neighbours. PASSIVE_LEVEL, bus lock held. */
VOID PciClaimWindows(PCI_FUNCTION *Bridge)
{
    PCI_RANGE window[PciWindows];

    ReadBridge(Bridge->At, window);
    for (PCI_WINDOW_KIND kind = 0; kind < PciWindows; kind++) {
        if (window[kind].First <= window[kind].Last)
            Claim(Bridge, kind, window[kind].First, window[kind].Last - window[kind].First + 1, TRUE);
    }
}

NTSTATUS PciClaim(PCI_FUNCTION *Function, PCI_WINDOW_KIND Kind, ULONGLONG First, ULONGLONG Length)
{
    return Claim(Function, Kind, First, Length, FALSE);
}

static ULONGLONG AlignUp(ULONGLONG Value, ULONGLONG Alignment)
{
    return (Value + Alignment - 1) & ~(Alignment - 1);
}

/* Find and take the lowest free range that begins elsewhere than Avoid (0: anywhere). Alignment is a power of two.
 * STATUS_CONFLICTING_ADDRESSES: no room. PASSIVE_LEVEL, bus lock held. */
NTSTATUS PciFindSpace(PCI_FUNCTION *Function, PCI_WINDOW_KIND Kind, ULONGLONG Length, ULONGLONG Alignment,
                      ULONGLONG Minimum, ULONGLONG Maximum, ULONGLONG Avoid, ULONGLONG *First)
{
    PCI_BUS *bus = Function->Bus;
    PLIST_ENTRY head = &bus->Allocated[Kind], e = head->Flink;
    ULONGLONG end = min(Maximum, bus->Window[Kind].Last);
    ULONGLONG at = AlignUp(max(Minimum, bus->Window[Kind].First), Alignment);

    while (at <= end && Length - 1 <= end - at) {
        PCI_RANGE *range = e == head ? NULL : CONTAINING_RECORD(e, PCI_RANGE, Link);

        if (range != NULL && range->Last < at) {
            e = e->Flink;
        } else if (range != NULL && range->First <= at + Length - 1) {
            at = AlignUp(range->Last + 1, Alignment);
        } else if (Avoid != 0 && at == Avoid) {
            at += Alignment;
        } else {
            *First = at;
            return PciClaim(Function, Kind, at, Length);
        }
    }
    return STATUS_CONFLICTING_ADDRESSES;
}

/* Give back what the function has for itself; the windows of a bridge only when it goes (Forwarded). PASSIVE_LEVEL, bus lock held. */
VOID PciReleaseSpace(PCI_FUNCTION *Function, BOOLEAN Forwarded)
{
    for (int kind = 0; kind < PciWindows; kind++) {
        PLIST_ENTRY head = &Function->Bus->Allocated[kind], e = head->Flink;

        while (e != head) {
            PCI_RANGE *range = CONTAINING_RECORD(e, PCI_RANGE, Link);

            e = e->Flink;
            if (range->Owner == Function && (Forwarded || !range->Forwarded)) {
                RemoveEntryList(&range->Link);
                ExFreePoolWithTag(range, PCI_TAG);
            }
        }
    }
    Function->BarsAssigned = FALSE;
}
