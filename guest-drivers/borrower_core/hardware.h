/* SPDX-License-Identifier: MIT */
/*
 * The borrower's side of the borrowed hardware: the callbacks that the owner calls, and the resources that it hands over. Shared by the PnP borrower and the
 * legacy one.
 */
#ifndef HARDWARE_H
#define HARDWARE_H

#include "page_user.h"

typedef struct _HARDWARE {
    PAGE_USER User; /* its gate is open between the owner's PowerUp and PowerDown */
    /* The owner is going away for good (reason remove or surprise). In the owner's callback: only queue work. May be NULL. */
    VOID (*OwnerLeft)(struct _HARDWARE *Hardware);
    BOOLEAN UseLine; /* connect to the interrupt line that was handed over, instead of being called by the owner */
    ULONG
    PowerUpMilliseconds; /* what PowerUp takes longer than it needs, for tests of what happens meanwhile */

    /* Mapped by PowerUp, unmapped when the resources have been returned. */
    SIZE_T PageLength;
    PHYSICAL_ADDRESS PageAddress;
    SIZE_T MemoryLength[MAX_MEMORIES];
    PKINTERRUPT Line; /* between PowerUp and PowerDown, with UseLine; else NULL */
    /* The interrupt service touches the page only while InterruptsOn; InterruptUsers lets PowerDown wait for one that is under way. */
    volatile LONG InterruptsOn;
    volatile LONG InterruptUsers;
} HARDWARE, *PHARDWARE;

/* PASSIVE_LEVEL. */
VOID HardwareInitialize(PHARDWARE Hardware);
/* What to send with BORROW. */
VOID HardwareDescribe(PHARDWARE Hardware, PBUDDY_BORROW Borrow);
/* The resources have been returned, PowerDown is over: unmap. PASSIVE_LEVEL. */
VOID HardwareForget(PHARDWARE Hardware);

/* resources.c, for PowerUp. PASSIVE_LEVEL. */
/* Maps what was handed over. FALSE: no hardware for us. What is mapped at that very address already stays so (after a PnP stop it may have moved). */
BOOLEAN HardwareMap(PHARDWARE Hardware, const BUDDY_RESOURCES *Resources);
VOID HardwareUnmap(PHARDWARE Hardware);
/* The shared interrupt line among the resources, NULL without. */
const CM_PARTIAL_RESOURCE_DESCRIPTOR *HardwareFindLine(const BUDDY_RESOURCES *Resources);

#endif
