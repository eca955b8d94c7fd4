/* SPDX-License-Identifier: MIT */
/*
 * The borrower (B): a PnP stack of its own (ROOT\BORROWER) that finds the owner, borrows its resources, and touches them only while the owner says
 * that there is power.
 *
 *   finder.c                  which owners exist (interface notification), and the work item that connects to one
 *   connection.c              one open of one owner: target-device notification, closing
 *   borrow.c                  borrowing and returning, by the mechanism that the settings name
 *   talk.c                    callback object and named event
 *   shared_context.c          the shared context block
 *   ../borrower_core          the power callbacks, the interrupt callback, the exercise
 *
 * Locks, outermost first: FINDER.WorkLock, CONNECTION.Lock, (the owner's own lock), HARDWARE gate. Power callbacks come with the owner's lock held and
 * so take nothing but the gate. No lock is held while PnP notifications are registered or unregistered, except WorkLock, which no notification
 * callback takes.
 */
#ifndef BORROWER_H
#define BORROWER_H

#include "function_device.h"
#include "hardware.h"

/* Settings, by their index in FUNCTION_DEVICE.Settings. */
enum {
    SettingTraceDetail,
    SettingMechanism,
    SettingTalk,
    SettingPattern,
    SettingAutoStart,
    SettingInterrupt,
    SettingPowerUpMilliseconds,
    SettingCount
};

/* One open of one owner. Made and freed by the finder's work item; closed there or in a notification callback. */
typedef struct _CONNECTION {
    struct _BORROWER *Borrower;
    ULONG Mechanism;
    KMUTEX Lock;
    PDEVICE_OBJECT Device; /* top of the owner's stack; NULL: closed */
    PFILE_OBJECT
    FileObject;            /* what keeps Device; NULL with BUDDY_MECHANISM_DIRECT, where Device itself is referenced */
    EX_RUNDOWN_REF Waking; /* held over a WAKE: without an open the owner's last call waits for it */
    ULONG Client;          /* 0: nothing borrowed */
    BOOLEAN OwnerLeft;     /* the owner has taken the resources back itself (see BUDDY_MECHANISM_DIRECT) */
    BUDDY_LENDER_INTERFACE Lender; /* with BUDDY_MECHANISM_INTERFACE, while Client is not 0 */
    PBUDDY_SHARED_CONTEXT Shared;  /* with BUDDY_TALK_SHARED_CONTEXT */
    PVOID Notification;            /* target-device change; NULL: not registered */
    BOOLEAN Finished;              /* nothing more to expect: unregister and free */
} CONNECTION, *PCONNECTION;

typedef struct _FINDER {
    KSPIN_LOCK Lock;    /* Links */
    LIST_ENTRY Links;   /* LINK: symbolic links of owners that are there */
    BOOLEAN Stopping;   /* no new connection; under WorkLock */
    BOOLEAN Reconnect;  /* give the connection up and make a new one: settings have changed */
    PVOID Notification; /* interface change */
    PIO_WORKITEM WorkItem;
    volatile LONG Queued; /* the work item is queued and has not begun */
    KMUTEX WorkLock;      /* one work item routine at a time; Connection */
    PCONNECTION Connection;
} FINDER, *PFINDER;

#define CALLBACK_REGISTRANTS 2

/* Callback object and named event. */
typedef struct _TALK {
    PCALLBACK_OBJECT Object;
    PVOID Registrations[CALLBACK_REGISTRANTS];
    ULONG Order; /* registrants are called in the order of their registration */
    volatile LONG Doorbells;
    HANDLE EventHandle;
    PKEVENT Event;
} TALK, *PTALK;

typedef struct _BORROWER {
    FUNCTION_DEVICE Function; /* first */
    FINDER Finder;
    HARDWARE Hardware;
    TALK Talk;
    /* The shared context of the connection, for the exerciser; under the gate, and gone before the connection. */
    PBUDDY_SHARED_CONTEXT Shared;
    KEVENT Answered; /* synchronization */
} BORROWER, *PBORROWER;

static inline PBORROWER Borrower(PFUNCTION_DEVICE Device)
{
    return (PBORROWER)Device;
}

/* finder.c. PASSIVE_LEVEL. */
NTSTATUS FinderInitialize(PBORROWER Borrower);
/* From now on arrivals and existing owners are followed. */
NTSTATUS FinderStart(PBORROWER Borrower);
/* Lets go of the owner; no notification callback and no work item is running afterwards. */
VOID FinderStop(PBORROWER Borrower);
VOID FinderUninitialize(PBORROWER Borrower);
/* EXERCISER.Wake: asks the owner, if there is one, for power. PASSIVE_LEVEL. */
VOID FinderWakeOwner(PEXERCISER Exerciser, PVOID User);
/* Has the work item look at the state of things again. IRQL <= DISPATCH_LEVEL. */
VOID FinderQueueWork(PBORROWER Borrower);

/* connection.c. PASSIVE_LEVEL. */
/* Opens the owner behind Link and borrows. On success *Connection is to be freed by ConnectionFree. */
NTSTATUS ConnectionOpen(PBORROWER Borrower, PUNICODE_STRING Link, PCONNECTION *Connection);
/* Returns what was borrowed and drops the references, so that the owner can be removed. Harmless when closed already. */
VOID ConnectionClose(PCONNECTION Connection);
/* Asks the owner for power, unless closed. */
VOID ConnectionWake(PCONNECTION Connection);
/* Closes, unregisters the notification and frees. Not from a notification callback. */
VOID ConnectionFree(PCONNECTION Connection);

/* borrow.c. Connection->Lock held. PASSIVE_LEVEL. */
NTSTATUS Borrow(PCONNECTION Connection);
VOID Return(PCONNECTION Connection);

/* talk.c. PASSIVE_LEVEL. */
VOID TalkStart(PBORROWER Borrower);
VOID TalkStop(PBORROWER Borrower);
/* PAGE_USER.Talk */
VOID TalkRound(PPAGE_USER User);

/* shared_context.c. PASSIVE_LEVEL. Connection->Lock held. */
VOID SharedOpen(PCONNECTION Connection);
VOID SharedClose(PCONNECTION Connection);
/* One question and its answer. FALSE: no answer, or a wrong one. Inside the gate. */
BOOLEAN SharedAsk(PBORROWER Borrower, ULONG Question);

#endif
