/* SPDX-License-Identifier: MIT */
/* Waits that can never end: who waits for whom. See KeDeclareWaitOwner in bugcheck.h. */
#include "ke/deadlock.h"
#include "ke/bugcheck.h"
#include "ke/dispatch.h"
#include "boot/loader.h"
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

static PKTHREAD OwnerOf(PVOID Object, PCSTR *Why, const VOID **Culprit)
{
    DISPATCHER_HEADER *header = Object;
    *Culprit = NULL;
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
        PVOID object = waiter->WaitBlocks[0].Object;
        PKTHREAD owner = OwnerOf(object, &why, &culprit);
        first_why = i == 0 ? why : first_why;
        first_culprit = first_culprit ? first_culprit : culprit;
        if (!owner) {
            return;
        }
        if (owner == Thread) {
            SYMBOL here;
            LdrSymbolFromAddress(Thread->WaitCaller, &here);
            KeReportDeadlock(Thread->WaitBlocks[0].Object, Thread, first_culprit, "thread '%s' waits in %s!%s for an object that only %s '%s' can signal (%s)%s",
                             Thread->Name, here.Image, here.Name, i == 0 ? "itself," : "thread", i == 0 ? Thread->Name : waiter->Name, first_why,
                             i == 0 ? "" : ", and that thread waits for this one");
        }
        if (owner->State != ThreadWaiting) {
            return;
        }
        waiter = owner;
    }
}
