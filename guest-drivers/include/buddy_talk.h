/* SPDX-License-Identifier: MIT */
/*
 * The other ways in which owner (A) and borrower (B) talk, beside the borrowing itself (buddy_protocol.h):
 * a direct-call interface, a shared context block, a callback object, a named event.
 * Sources: seed articles "Beyond IRPs: Driver to Driver Communications" and "Buddy Drivers".
 */
#ifndef BUDDY_TALK_H
#define BUDDY_TALK_H

#include "buddy_protocol.h"

/* Setting Mechanism of the borrower: how it borrows. */
#define BUDDY_MECHANISM_IOCTL 0 /* internal IOCTL through an open, with target-device notification */
#define BUDDY_MECHANISM_DIRECT                                                                                         \
    1 /* the same IRP sent without an open: the owner's power-down call is the only notice of its end */
#define BUDDY_MECHANISM_INTERFACE 2 /* IRP_MN_QUERY_INTERFACE with the callbacks as input */

/* Setting Coordination of the owner: what keeps the clients' multi-step accesses apart. */
#define BUDDY_COORDINATION_SEMAPHORE 0 /* the hardware semaphore */
#define BUDDY_COORDINATION_LOCK      1 /* the owner's software lock (BUDDY_SERVICES) */

/* Setting Interrupt of the borrower. */
#define BUDDY_INTERRUPT_BY_OWNER 0 /* the owner's service routine calls the borrower */
#define BUDDY_INTERRUPT_BY_LINE  1 /* the borrower connects to the line that it was handed */

/* Setting Talk of owner and borrower: a mask of what they use beside. */
#define BUDDY_TALK_SHARED_CONTEXT 1
#define BUDDY_TALK_CALLBACK       2
#define BUDDY_TALK_EVENT          4

/*
 * Direct-call interface of the owner. B sends IRP_MN_QUERY_INTERFACE to the top of A's stack with Borrow filled in; on success the resources are lent and
 * the interface is referenced. B must have A open meanwhile: a reference keeps the device object, only an open keeps the driver's code.
 * {6F4B0D31-5A5C-4E0B-9E6B-B0DD00000012}
 */
DEFINE_GUID(GUID_BUDDY_LENDER_INTERFACE, 0x6f4b0d31, 0x5a5c, 0x4e0b, 0x9e, 0x6b, 0xb0, 0xdd, 0, 0, 0, 0x12);
#define BUDDY_LENDER_VERSION 1

typedef struct _BUDDY_LENDER_INTERFACE {
    INTERFACE Header;    /* out */
    BUDDY_BORROW Borrow; /* in */
    ULONG Client;        /* out */
    /* As BORROW's answer; STATUS_DELETE_PENDING once A is being removed. PASSIVE_LEVEL. */
    NTSTATUS(NTAPI *GetResources)(PVOID Context, ULONG Client, PBUDDY_RESOURCES Resources, ULONG Length);
    /* As IOCTL_INTERNAL_BUDDY_RETURN. PASSIVE_LEVEL. */
    VOID(NTAPI *Return)(PVOID Context, ULONG Client);
} BUDDY_LENDER_INTERFACE, *PBUDDY_LENDER_INTERFACE;

/*
 * The shared context block: non-paged pool of B's, whose address is Irp->UserBuffer of IOCTL_INTERNAL_BUDDY_SHARE. A fills in its side; from then on both
 * use the queues under the lock and call each other through the pointers, IRQL <= DISPATCH_LEVEL, without the lock held.
 * B calls A inside OwnerCalls. A runs that protection down before it goes away, and on UNSHARE: then no call is under way and none can begin, and A
 * does not touch the block any more.
 */
typedef struct _BUDDY_MESSAGE {
    LIST_ENTRY Entry;
    ULONG Question;
    ULONG Answer; /* A's: the complement of Question */
} BUDDY_MESSAGE, *PBUDDY_MESSAGE;

typedef struct _BUDDY_SHARED_CONTEXT {
    ULONG Size; /* sizeof(BUDDY_SHARED_CONTEXT) */
    ULONG Version;
    KSPIN_LOCK Lock;
    LIST_ENTRY Questions; /* BUDDY_MESSAGE, from B to A */
    LIST_ENTRY Answers;   /* from A to B */
    PVOID OwnerContext;
    VOID(NTAPI *NotifyOwner)(struct _BUDDY_SHARED_CONTEXT *Shared);
    EX_RUNDOWN_REF OwnerCalls; /* held over each call of NotifyOwner; initialized by B */
    PVOID BorrowerContext;
    VOID(NTAPI *NotifyBorrower)(struct _BUDDY_SHARED_CONTEXT *Shared);
} BUDDY_SHARED_CONTEXT, *PBUDDY_SHARED_CONTEXT;

#define BUDDY_SHARED_VERSION 2

/* METHOD_NEITHER: only Irp->UserBuffer counts. UNSHARE ends what SHARE began. */
#define IOCTL_INTERNAL_BUDDY_SHARE   CTL_CODE(FILE_DEVICE_BUDDY, 0x902, METHOD_NEITHER, FILE_ANY_ACCESS)
#define IOCTL_INTERNAL_BUDDY_UNSHARE CTL_CODE(FILE_DEVICE_BUDDY, 0x903, METHOD_NEITHER, FILE_ANY_ACCESS)

/* The callback object. Argument1 = BUDDY_EVENT, Argument2 = number of the owner's device. Doorbell comes at DISPATCH_LEVEL, the rest at PASSIVE_LEVEL. */
#define BUDDY_CALLBACK_NAME L"\\Callback\\Buddy"
typedef enum _BUDDY_EVENT {
    BuddyEventPowerUp = 1,
    BuddyEventPowerDown,
    BuddyEventDoorbell, /* somebody rang the owner's doorbell */
    BuddyEventHello,    /* from a borrower: it is there */
} BUDDY_EVENT;

/* The named event (notification type): signalled while an owner's device has power. */
#define BUDDY_EVENT_NAME L"\\BaseNamedObjects\\BuddyPowered"

/* The device name that an owner with setting DeviceName = 1 gives its device object; its number follows. */
#define BUDDY_OWNER_DEVICE_NAME L"\\Device\\BuddyOwner"

#endif
