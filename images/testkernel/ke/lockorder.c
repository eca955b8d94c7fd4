/* SPDX-License-Identifier: MIT */
/* Lock order, see lockorder.h. One processor, interrupts off while the tables are used. */
#include "ke/lockorder.h"
#include "ke/bugcheck.h"
#include "ke/processor.h"
#include "boot/loader.h"

#define MAX_EDGES 256

typedef struct _LOCK_EDGE {
    PKSPIN_LOCK First, Second;
    PVOID FirstCaller, SecondCaller; /* who took them in this order */
} LOCK_EDGE;

static LOCK_EDGE KiEdges[MAX_EDGES]; /* First == NULL: free */
static ULONG KiEdgeCount;            /* entries ever used */

static const LOCK_EDGE *FindEdge(PKSPIN_LOCK First, PKSPIN_LOCK Second)
{
    for (ULONG i = 0; i < KiEdgeCount; i++) {
        if (KiEdges[i].First == First && KiEdges[i].Second == Second) {
            return &KiEdges[i];
        }
    }
    return NULL;
}

/* The first edge of a path From -> … -> To, or NULL. Depth bounds the recursion; real hierarchies are shallow. */
static const LOCK_EDGE *FindPath(PKSPIN_LOCK From, PKSPIN_LOCK To, ULONG Depth)
{
    for (ULONG i = 0; i < KiEdgeCount && Depth; i++) {
        if (KiEdges[i].First == From && (KiEdges[i].Second == To || FindPath(KiEdges[i].Second, To, Depth - 1))) {
            return &KiEdges[i];
        }
    }
    return NULL;
}

static VOID AddEdge(const HELD_SPIN_LOCK *Held, PKSPIN_LOCK Lock, PVOID Caller)
{
    ULONG i = 0;
    while (i < KiEdgeCount && KiEdges[i].First) {
        i++;
    }
    if (i < MAX_EDGES) {
        KiEdges[i] = (LOCK_EDGE){Held->Lock, Lock, Held->Caller, Caller};
        KiEdgeCount = i == KiEdgeCount ? i + 1 : KiEdgeCount;
    }
}

static VOID ReportInversion(const LOCK_EDGE *Before, const HELD_SPIN_LOCK *Held, PKSPIN_LOCK Lock, PVOID Caller)
{
    SYMBOL here, there;
    LdrSymbolFromAddress(Caller, &here);
    LdrSymbolFromAddress(Before->SecondCaller, &there);
    KeReportDeadlock(Lock, KiCurrentThread(), Caller,
                     "%s!%s takes lock %p while it holds %p, but %s!%s+0x%I64x took them (or locks between them) in "
                     "the opposite order; two threads that do so at the same time wait for each other forever",
                     here.Image, here.Name, Lock, Held->Lock, there.Image, there.Name, there.Offset);
}

VOID KiNoteLockTaken(PKSPIN_LOCK Lock, PVOID Caller)
{
    PKTHREAD thread = KiCurrentThread();
    ULONG64 flags = __readeflags();
    _disable();
    for (ULONG i = 0; i < thread->DriverLockCount; i++) {
        const HELD_SPIN_LOCK *held = &thread->DriverLocks[i];
        if (held->Lock == Lock || FindEdge(held->Lock, Lock)) {
            continue;
        }
        const LOCK_EDGE *before = FindPath(Lock, held->Lock, 6);
        if (before) {
            ReportInversion(before, held, Lock, Caller);
        }
        AddEdge(held, Lock, Caller);
    }
    if (thread->DriverLockCount < COUNT_OF(thread->DriverLocks)) {
        thread->DriverLocks[thread->DriverLockCount++] = (HELD_SPIN_LOCK){Lock, Caller};
    }
    if (flags & 0x200) {
        _enable();
    }
}

VOID KiNoteLockDropped(PKSPIN_LOCK Lock)
{
    KiNoteLockDroppedBy(KiCurrentThread(), Lock);
}

VOID KiNoteLockDroppedBy(PKTHREAD Thread, PKSPIN_LOCK Lock)
{
    ULONG64 flags = __readeflags();
    if (!Thread->DriverLockCount) {
        return;
    }
    _disable();
    for (ULONG i = Thread->DriverLockCount; i-- > 0;) {
        if (Thread->DriverLocks[i].Lock == Lock) {
            for (ULONG j = i + 1; j < Thread->DriverLockCount; j++) {
                Thread->DriverLocks[j - 1] = Thread->DriverLocks[j];
            }
            Thread->DriverLockCount--;
            break;
        }
    }
    if (flags & 0x200) {
        _enable();
    }
}

VOID KiForgetLocks(const VOID *Base, SIZE_T Size)
{
    ULONG64 flags = __readeflags();
    if (!KiEdgeCount) {
        return;
    }
    _disable();
    for (ULONG i = 0; i < KiEdgeCount; i++) {
        if ((ULONG64)KiEdges[i].First - (ULONG64)Base < Size || (ULONG64)KiEdges[i].Second - (ULONG64)Base < Size) {
            KiEdges[i] = (LOCK_EDGE){0};
        }
    }
    while (KiEdgeCount && !KiEdges[KiEdgeCount - 1].First) {
        KiEdgeCount--;
    }
    if (flags & 0x200) {
        _enable();
    }
}
