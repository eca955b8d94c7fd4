/* SPDX-License-Identifier: MIT */
/* What the owner handed over, by its kind: how many of each there are differs from device to device. */
#include "hardware.h"

static VOID UnmapMemories(PHARDWARE Hardware)
{
    while (Hardware->User.MemoryCount > 0) {
        ULONG index = --Hardware->User.MemoryCount;

        MmUnmapIoSpace((PVOID)Hardware->User.Memory[index], Hardware->MemoryLength[index]);
    }
}

static VOID UnmapPage(PHARDWARE Hardware)
{
    if (Hardware->User.Page != NULL) {
        MmUnmapIoSpace(Hardware->User.Page, Hardware->PageLength);
        Hardware->User.Page = NULL;
    }
}

VOID HardwareUnmap(PHARDWARE Hardware)
{
    UnmapMemories(Hardware);
    UnmapPage(Hardware);
    Hardware->User.Port = NULL;
}

static VOID MapPage(PHARDWARE Hardware, const CM_PARTIAL_RESOURCE_DESCRIPTOR *Descriptor)
{
    if (Hardware->User.Page != NULL &&
        (MUTANT(BORROWER_KEEPS_OLD_ADDRESS) || Hardware->PageAddress.QuadPart == Descriptor->u.Memory.Start.QuadPart)) {
        return;
    }
    UnmapPage(Hardware);
    Hardware->PageAddress = Descriptor->u.Memory.Start;
    Hardware->PageLength = Descriptor->u.Memory.Length;
    Hardware->User.Page = MmMapIoSpace(Hardware->PageAddress, Hardware->PageLength, MmNonCached);
}

/* A memory resource that does not fit, or cannot be mapped, is left alone. */
static VOID MapMemory(PHARDWARE Hardware, const CM_PARTIAL_RESOURCE_DESCRIPTOR *Descriptor)
{
    ULONG index = Hardware->User.MemoryCount;

    if (index < MAX_MEMORIES) {
        Hardware->MemoryLength[index] = Descriptor->u.Memory.Length;
        Hardware->User.Memory[index] =
            MmMapIoSpace(Descriptor->u.Memory.Start, Descriptor->u.Memory.Length, MmNonCached);
        if (Hardware->User.Memory[index] != NULL) {
            Hardware->User.MemoryCount++;
        }
    }
}

BOOLEAN HardwareMap(PHARDWARE Hardware, const BUDDY_RESOURCES *Resources)
{
    BOOLEAN pageFound = FALSE;
    ULONG index;

    UnmapMemories(Hardware);
    Hardware->User.Port = NULL;
    for (index = 0; index < Resources->Count; index++) {
        const CM_PARTIAL_RESOURCE_DESCRIPTOR *descriptor = BUDDY_TRANSLATED(Resources, index);

        if (MUTANT(BORROWER_COUNTS_ON_THE_ORDER) ? index == 0
                                                 : descriptor->Type == CmResourceTypeMemory && !pageFound) {
            MapPage(Hardware, descriptor);
            pageFound = TRUE;
        } else if (MUTANT(BORROWER_COUNTS_ON_THE_ORDER) ? index == 1 : descriptor->Type == CmResourceTypeMemory) {
            MapMemory(Hardware, descriptor);
        } else if (descriptor->Type == CmResourceTypePort) {
            Hardware->User.Port = (PULONG)(ULONG_PTR)descriptor->u.Port.Start.QuadPart;
        }
    }
    return Hardware->User.Page != NULL;
}

const CM_PARTIAL_RESOURCE_DESCRIPTOR *HardwareFindLine(const BUDDY_RESOURCES *Resources)
{
    ULONG index;

    for (index = 0; index < Resources->Count; index++) {
        if (BUDDY_TRANSLATED(Resources, index)->Type == CmResourceTypeInterrupt) {
            return BUDDY_TRANSLATED(Resources, index);
        }
    }
    return NULL;
}
