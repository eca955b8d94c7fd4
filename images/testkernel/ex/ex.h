/* SPDX-License-Identifier: MIT */
/* Executive support: worker threads, fast mutexes, resources, lookaside lists, rundown protection. ex/ is written by K4. */
#ifndef EX_EX_H
#define EX_EX_H
#include "kernel.h"
#include "ke/bugcheck.h"
#include "ke/rules.h"
#include "ke/thread.h"

/* Boot, PASSIVE_LEVEL, when threads can be created: starts the system worker threads. */
VOID ExInitWorkers(VOID);
/* DISPATCH_LEVEL or bugcheck. The first queued work item whose memory or routine lies in the range, or NULL. */
PWORK_QUEUE_ITEM ExFindWorkItem(const VOID *Base, SIZE_T Size);
/* DISPATCH_LEVEL or bugcheck. Does a worker thread run a routine that starts in the range? */
BOOLEAN ExIsWorkerRunning(const VOID *Base, SIZE_T Size);

/* A fast mutex or ERESOURCE that a thread holds. */
typedef struct _HELD_LOCK {
    PVOID Lock;
    PCSTR Kind; /* "fast mutex", "ERESOURCE" */
    PKTHREAD Owner;
    const VOID *Caller; /* who acquired it */
} HELD_LOCK, *PHELD_LOCK;

/* Any IRQL <= DISPATCH_LEVEL. Notes who acquired and released a lock. Beyond MAX_HELD locks at a time nothing is noted (and nothing claimed). */
VOID ExpTrackAcquire(PVOID Lock, PCSTR Kind, PKTHREAD Owner, const VOID *Caller);
VOID ExpTrackRelease(PVOID Lock, PKTHREAD Owner);
/* IRQL <= APC_LEVEL, the lock is held. A driver waited (or would have) for it: its order after the locks held already is noted and checked. */
VOID ExpNoteOrder(PVOID Lock, const VOID *Caller);
/* Any IRQL. The first held lock that lies in the range (Base NULL: anywhere) and belongs to Owner (NULL: anyone). */
BOOLEAN ExFindHeldLock(PKTHREAD Owner, const VOID *Base, SIZE_T Size, PHELD_LOCK Held);
/*
 * IRQL <= DISPATCH_LEVEL. Stops if the current thread still owns a fast mutex or an ERESOURCE. What says what has just happened ("a worker
 * routine returned"), Culprit is the code to blame.
 */
VOID ExCheckLocksReleased(PCSTR What, const VOID *Culprit);
/* DISPATCH_LEVEL or bugcheck. The first initialized ERESOURCE in the range, or NULL. */
PERESOURCE ExFindResource(const VOID *Base, SIZE_T Size);
/* Any IRQL. The thread that owns the resource exclusively (or its only shared owner) and so must release it; NULL if none or many. */
PKTHREAD ExResourceOwner(PERESOURCE Resource);

/* DISPATCH_LEVEL or bugcheck. The first initialized lookaside list in the range, or NULL. */
PVOID ExFindLookasideList(const VOID *Base, SIZE_T Size);

/* DISPATCH_LEVEL or bugcheck. The ERESOURCE whose waiters wait for Object (a semaphore or event), or NULL. */
PERESOURCE ExResourceOfWaitObject(const VOID *Object);

/* IRQL <= DISPATCH_LEVEL. Who in the range called EtwRegister for a provider that is still registered (*Handle), or NULL. */
PVOID ExFindEtwProvider(const VOID *Base, SIZE_T Size, unsigned __int64 *Handle);

#endif
