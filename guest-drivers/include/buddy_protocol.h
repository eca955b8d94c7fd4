/* SPDX-License-Identifier: MIT */
/*
 * The contract between the owner (A) of a buddy device and a borrower (B) in another PnP stack.
 * Source: seed article "How to share HW resources with another driver not in the same PnP hierarchy".
 *
 *   B opens A (from a work item) and sends IOCTL_INTERNAL_BUDDY_BORROW with its context and callbacks.
 *   A, in ONE step under one lock: allots a client number, registers the callbacks, answers with the resources.
 *   A calls PowerUp when the device has power: right after completing BORROW, and again after every loss of power.
 *   A calls PowerDown before the device loses power, for whatever reason (see BUDDY_POWER_DOWN_REASON).
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
 *   - After RETURN has completed no callback runs and none will be called.
 */
#ifndef BUDDY_PROTOCOL_H
#define BUDDY_PROTOCOL_H

#include "ddk_compat.h"
#include "buddy_ioctl.h"

/* Why power goes. Only BuddyPowerDownSurprise means that the hardware is gone already: then B must not even switch its interrupt off. */
typedef enum _BUDDY_POWER_DOWN_REASON {
    BuddyPowerDownSleep,    /* device power IRP: system sleep, or runtime idle */
    BuddyPowerDownStop,     /* PnP stop: the resources may move */
    BuddyPowerDownRemove,   /* PnP remove: this owner does not come back */
    BuddyPowerDownSurprise, /* PnP surprise removal */
    BuddyPowerDownReturn,   /* B itself returned the resources, or closed its handle, while the device had power */
} BUDDY_POWER_DOWN_REASON;

/* A varying number of resources. Descriptors holds Count raw ones and after them Count translated ones, in the same order. */
typedef struct _BUDDY_RESOURCES {
    ULONG Size;   /* bytes of the whole structure, also when only this header was answered */
    ULONG Client; /* the client number: the index of B's register page, 1 and up */
    ULONG Count;
    ULONG Reserved;
    CM_PARTIAL_RESOURCE_DESCRIPTOR Descriptors[1];
} BUDDY_RESOURCES, *PBUDDY_RESOURCES;

#define BUDDY_RESOURCES_SIZE(count)                                                                                    \
    (FIELD_OFFSET(BUDDY_RESOURCES, Descriptors) + 2 * (count) * sizeof(CM_PARTIAL_RESOURCE_DESCRIPTOR))

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

#define BUDDY_PROTOCOL_VERSION 1

typedef struct _BUDDY_BORROW {
    ULONG Size; /* sizeof(BUDDY_BORROW) */
    ULONG Version;
    PVOID Context;
    BUDDY_POWER_UP *PowerUp;
    BUDDY_POWER_DOWN *PowerDown;
    BUDDY_INTERRUPT *Interrupt; /* may be NULL */
} BUDDY_BORROW, *PBUDDY_BORROW;

/*
 * Input: BUDDY_BORROW. Output: BUDDY_RESOURCES.
 * STATUS_BUFFER_OVERFLOW: too small; only the header came back, Size says how much is needed, and nothing was borrowed.
 * STATUS_INSUFFICIENT_RESOURCES: no free client page. STATUS_DELETE_PENDING: A is being removed. STATUS_REVISION_MISMATCH: Version.
 */
#define IOCTL_INTERNAL_BUDDY_BORROW CTL_CODE(FILE_DEVICE_BUDDY, 0x900, METHOD_BUFFERED, FILE_ANY_ACCESS)

/* Input: ULONG client number. PowerDown is called first if the client has power. STATUS_NOT_FOUND: not borrowed through this file object. */
#define IOCTL_INTERNAL_BUDDY_RETURN CTL_CODE(FILE_DEVICE_BUDDY, 0x901, METHOD_BUFFERED, FILE_ANY_ACCESS)

#endif
