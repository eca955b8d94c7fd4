/* SPDX-License-Identifier: MIT */
/*
 * The contract between the owner (A) of a buddy device and a borrower (B) in another PnP stack.
 * Source: seed article "How to share HW resources with another driver not in the same PnP hierarchy".
 *
 *   B opens A (from a work item) and sends IOCTL_INTERNAL_BUDDY_BORROW with its context and callbacks.
 *   A, in ONE step under one lock: allots a client number, registers the callbacks, answers with the resources.
 *   A calls PowerUp when the device has power: right after completing BORROW, and again after every loss of power.
 *   A calls PowerDown before the device loses power, for whatever reason (see BUDDY_POWER_DOWN_REASON).
 *   B sends IOCTL_INTERNAL_BUDDY_WAKE when it wants to work and the last PowerDown was for idleness; PowerUp follows.
 *   B sends IOCTL_INTERNAL_BUDDY_RETURN, or closes its file object, which returns everything that was borrowed through it.
 *
 * Rules for B
 *   - Until the first PowerUp the device counts as being in low power. PowerUp may come before BORROW has returned to B's code: B's
 *     context must be ready before BORROW is sent.
 *   - The resources are valid between PowerUp and PowerDown only. After a PnP stop they may have moved: use those that the last
 *     PowerUp passed.
 *   - PowerDown returns only once B no longer touches the hardware, in any thread, DPC or interrupt callback.
 *   - PowerUp and PowerDown are called at PASSIVE_LEVEL, one at a time for each client, with A's client lock held (a mutex): they must not
 *     send BORROW or RETURN, open or close A, or wait for a thread that does.
 *   - A client without an open gets a last PowerDown when A is removed, also while it is down: it has no other notice.
 *   - B tells A that it uses the device (BUDDY_SERVICES.Busy), else A takes it for idle.
 *   - After RETURN has completed no callback runs and none will be called.
 */
#ifndef BUDDY_PROTOCOL_H
#define BUDDY_PROTOCOL_H

#include "ddk_compat.h"
#include "buddy_ioctl.h"

/* Why power goes. Only BuddyPowerDownSurprise means that the hardware is gone already: then B must not even switch its interrupt off. */
typedef enum _BUDDY_POWER_DOWN_REASON {
    BuddyPowerDownSleep, /* device power IRP because of system sleep */
    BuddyPowerDownIdle, /* device power IRP because nobody used the device for a while: IOCTL_INTERNAL_BUDDY_WAKE brings it back */
    BuddyPowerDownStop,     /* PnP stop: the resources may move */
    BuddyPowerDownRemove,   /* PnP remove: this owner does not come back */
    BuddyPowerDownSurprise, /* PnP surprise removal */
    BuddyPowerDownReturn,   /* B itself returned the resources, or closed its handle, while the device had power */
} BUDDY_POWER_DOWN_REASON;

/*
 * What A does for B beside lending. The functions may be called between PowerUp and PowerDown only: in that time A is there.
 */
typedef struct _BUDDY_SERVICES {
    PVOID Context;
    /*
     * The software lock: held over everything that takes more than one access and that another client must not come between. PASSIVE_LEVEL; the thread
     * that acquired it releases it, and soon: A and the other clients wait. Both NULL: the hardware semaphore coordinates.
     */
    VOID(NTAPI *Acquire)(PVOID Context);
    VOID(NTAPI *Release)(PVOID Context);
    /* B uses the device: it is not idle. IRQL <= DISPATCH_LEVEL. */
    VOID(NTAPI *Busy)(PVOID Context);
} BUDDY_SERVICES, *PBUDDY_SERVICES;

/*
 * A varying number of resources of all kinds. Descriptors holds Count raw ones and after them Count translated ones, in the same order:
 *   memory     first B's register page; then whole BARs (shared RAM, extra BARs), of which each client has the 32-bit word at the index of its number
 *   port       the I/O window (BUDDY_IO_*), one for all clients
 *   interrupt  the line, shared (level-sensitive): B may connect to it itself, see BUDDY_BORROW.Interrupt. Messages are exclusive to A's device object and
 *              are never handed over
 */
typedef struct _BUDDY_RESOURCES {
    ULONG Size;   /* bytes of the whole structure, also when only this header was answered */
    ULONG Client; /* the client number: the index of B's register page, 1 and up */
    ULONG Count;
    BUDDY_SERVICES Services;
    CM_PARTIAL_RESOURCE_DESCRIPTOR Descriptors[1];
} BUDDY_RESOURCES, *PBUDDY_RESOURCES;

#define BUDDY_RESOURCES_SIZE(count)                                                                                    \
    (FIELD_OFFSET(BUDDY_RESOURCES, Descriptors) + 2 * (count) * sizeof(CM_PARTIAL_RESOURCE_DESCRIPTOR))

/* The I/O window, in 32-bit ports: offset of a register in BAR0, and that register. Source: qemu-device/registers/buddy.rdl. */
#define BUDDY_IO_INDEX 0
#define BUDDY_IO_DATA  1

/* The n-th raw (bus) and translated (processor) descriptor. */
#define BUDDY_RAW(resources, n)        (&(resources)->Descriptors[n])
#define BUDDY_TRANSLATED(resources, n) (&(resources)->Descriptors[(resources)->Count + (n)])

/* PASSIVE_LEVEL. The gate of B's page is open. Resources stays valid during the call only. */
typedef VOID(NTAPI BUDDY_POWER_UP)(PVOID Context, const BUDDY_RESOURCES *Resources);
/* PASSIVE_LEVEL. The gate closes after the return. */
typedef VOID(NTAPI BUDDY_POWER_DOWN)(PVOID Context, BUDDY_POWER_DOWN_REASON Reason);
/*
 * DIRQL, inside A's interrupt service routine with its interrupt spin lock held; only between PowerUp's begin and PowerDown's end.
 * B acknowledges its own page's INT_STATUS (A never touches B's page), queues its own DPC, and says whether the interrupt was its own.
 */
typedef BOOLEAN(NTAPI BUDDY_INTERRUPT)(PVOID Context);

#define BUDDY_PROTOCOL_VERSION 2

typedef struct _BUDDY_BORROW {
    ULONG Size; /* sizeof(BUDDY_BORROW) */
    ULONG Version;
    PVOID Context;
    BUDDY_POWER_UP *PowerUp;
    BUDDY_POWER_DOWN *PowerDown;
    BUDDY_INTERRUPT
    *Interrupt; /* NULL: A passes no interrupts on; B connects to the line that it was handed, or does without */
} BUDDY_BORROW, *PBUDDY_BORROW;

/*
 * Input: BUDDY_BORROW. Output: BUDDY_RESOURCES.
 * STATUS_BUFFER_OVERFLOW: too small; only the header came back, Size says how much is needed, and nothing was borrowed.
 * STATUS_INSUFFICIENT_RESOURCES: no free client page. STATUS_DELETE_PENDING: A is being removed. STATUS_REVISION_MISMATCH: Version.
 */
#define IOCTL_INTERNAL_BUDDY_BORROW CTL_CODE(FILE_DEVICE_BUDDY, 0x900, METHOD_BUFFERED, FILE_ANY_ACCESS)

/* Input: ULONG client number. PowerDown is called first if the client has power. STATUS_NOT_FOUND: not borrowed through this file object. */
#define IOCTL_INTERNAL_BUDDY_RETURN CTL_CODE(FILE_DEVICE_BUDDY, 0x901, METHOD_BUFFERED, FILE_ANY_ACCESS)

/* No buffers. Asks for D0 if A has switched the device off for idleness; does not wait for it: PowerUp follows. Harmless at any other time. */
#define IOCTL_INTERNAL_BUDDY_WAKE CTL_CODE(FILE_DEVICE_BUDDY, 0x904, METHOD_BUFFERED, FILE_ANY_ACCESS)

#endif
