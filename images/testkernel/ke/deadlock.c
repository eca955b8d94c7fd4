/* SPDX-License-Identifier: MIT */
/* Waits that can never end: who waits for whom. See KeDeclareWaitOwner in bugcheck.h. */
#include "ke/deadlock.h"
#include "ke/bugcheck.h"
#include "ke/dispatch.h"
#include "boot/loader.h"
#include "ex/ex.h"
#include "rtl/format.h"

#define MAX_CHAIN 16

static LIST_ENTRY KiWaitOwners = {&KiWaitOwners, &KiWaitOwners};

VOID KeDeclareWaitOwner(PWAIT_OWNER Owner, PVOID Object, PKTHREAD Thread, PCSTR Why, const VOID *Culprit)
{
    *Owner = (WAIT_OWNER){.Object = Object, .Thread = Thread, .Why = Why, .Culprit = Culprit};
    KIRQL irql = KiLockDispatcher();
    InsertHeadList(&KiWaitOwners, &Owner->Link);
    KiUnlockDispatcher(irql);
}

VOID KeRetractWaitOwner(PWAIT_OWNER Owner)
{
    KIRQL irql = KiLockDispatcher();
    RemoveEntryList(&Owner->Link);
    KiUnlockDispatcher(irql);
}

static PKTHREAD OwnerOf(PKTHREAD Waiter, PCSTR *Why, const VOID **Culprit)
{
    PVOID Object = Waiter->WaitBlocks[0].Object;
    DISPATCHER_HEADER *header = Object;
    *Culprit = NULL;
    if (Waiter->WaitReason == WrFastMutex) {
        *Why = "owns the fast mutex";
        return CONTAINER(header, FAST_MUTEX, Event.Header)->Owner;
    }
    if (Waiter->WaitReason == WrGuardedMutex) {
        *Why = "owns the guarded mutex";
        return CONTAINER(header, KGUARDED_MUTEX, Gate.Header)->Owner;
    }
    if (Waiter->WaitReason == WrResource) {
        PERESOURCE resource = ExResourceOfWaitObject(Object);
        *Why = "owns the ERESOURCE";
        return resource ? ExResourceOwner(resource) : NULL;
    }
    if (header->Type == ObjectMutant) {
        *Why = "owns the mutex";
        return CONTAINER(header, KMUTANT, Header)->OwnerThread;
    }
    for (PLIST_ENTRY e = KiWaitOwners.Flink; e != &KiWaitOwners; e = e->Flink) {
        PWAIT_OWNER owner = CONTAINER(e, WAIT_OWNER, Link);
        if (owner->Object == Object) {
            *Why = owner->Why;
            *Culprit = owner->Culprit;
            return owner->Thread;
        }
    }
    return NULL;
}

VOID KiCheckDeadlock(PKTHREAD Thread)
{
    /* Only single-object waits without time-out can be part of a cycle that never opens by itself. */
    PKTHREAD waiter = Thread;
    PCSTR why = NULL, first_why = NULL;
    const VOID *culprit = NULL, *first_culprit = NULL;
    for (ULONG i = 0; i < MAX_CHAIN; i++) {
        if (waiter->WaitCount != 1 || waiter->WaitTimer.Header.Inserted) {
            return;
        }
        PKTHREAD owner = OwnerOf(waiter, &why, &culprit);
        first_why = i == 0 ? why : first_why;
        first_culprit = first_culprit ? first_culprit : culprit;
        if (!owner) {
            return;
        }
        if (owner == Thread) {
            SYMBOL here;
            LdrSymbolFromAddress(Thread->WaitCaller, &here);
            KeReportDeadlock(Thread->WaitBlocks[0].Object, Thread, first_culprit,
                             "thread '%s' waits in %s!%s for an object that only %s '%s' can signal (%s)%s",
                             Thread->Name, here.Image, here.Name, i == 0 ? "itself," : "thread",
                             i == 0 ? Thread->Name : waiter->Name, first_why,
                             i == 0 ? "" : ", and that thread waits for this one");
        }
        if (owner->State != ThreadWaiting) {
            return;
        }
        waiter = owner;
    }
}
