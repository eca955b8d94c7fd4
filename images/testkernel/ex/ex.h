/* SPDX-License-Identifier: MIT */
/* Executive support: worker threads, fast mutexes, resources, lookaside lists, rundown protection. ex/ is written by K4. */
#ifndef EX_EX_H
#define EX_EX_H
#include "kernel.h"
#include "ke/bugcheck.h"
#include "ke/thread.h"

/* Sub-codes of bug check 0xC4 for lock rules (Microsoft's page on 0xC4 where it has one, deadlock detection's 0x1000 range). */
#define RULE_RECURSIVE_ACQUIRE  0x1000 /* self-deadlock */
#define RULE_RELEASED_BY_OTHER  0x1003
#define RULE_RELEASE_NOT_OWNED  0x1004
#define RULE_RELEASE_BAD_IRQL   0x37   /* ExReleaseFastMutex not at APC_LEVEL */
#define RULE_APCS_NOT_DISABLED  0x39

/* Boot, PASSIVE_LEVEL, when threads can be created: starts the system worker threads. */
VOID ExInitWorkers(VOID);
/* DISPATCH_LEVEL or bugcheck. The first queued work item whose memory or routine lies in the range, or NULL. */
PWORK_QUEUE_ITEM ExFindWorkItem(const VOID *Base, SIZE_T Size);
/* DISPATCH_LEVEL or bugcheck. Does a worker thread run a routine that starts in the range? */
BOOLEAN ExIsWorkerRunning(const VOID *Base, SIZE_T Size);

/*
 * IRQL <= DISPATCH_LEVEL. Stops if the current thread still owns a fast mutex or an ERESOURCE; What says what has just happened ("a worker
 * routine returned"), Culprit is the code to blame.
 */
VOID ExCheckLocksReleased(PCSTR What, const VOID *Culprit);
/* DISPATCH_LEVEL or bugcheck. The first initialized ERESOURCE in the range, or NULL. */
PERESOURCE ExFindResource(const VOID *Base, SIZE_T Size);

#endif
