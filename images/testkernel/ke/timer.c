/* SPDX-License-Identifier: MIT */
/*
 * Timers: a list sorted by due time, under the dispatcher lock. Due times are unbiased interrupt time (100 ns since boot, without sleeps).
 * "Absolute expiration times track any changes in the system time; relative expiration times are not affected by system time changes":
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kesettimerex
 */
#include "ke/timer.h"
#include "ke/dispatch.h"
#include "ke/bugcheck.h"
#include "ke/clock.h"
#include "ke/processor.h"
#include "hal/hal.h"

static LIST_ENTRY KiTimers = {&KiTimers, &KiTimers};
static volatile ULONG64 KiFirstDue = ~0ULL;

static VOID UpdateFirst(VOID)
{
    KiFirstDue = IsListEmpty(&KiTimers) ? ~0ULL : CONTAINER(KiTimers.Flink, KTIMER, TimerListEntry)->DueTime.QuadPart;
}

ULONG64 KiNextTimerDue(VOID)
{
    return KiFirstDue;
}

static VOID Place(PKTIMER Timer, ULONG64 Due)
{
    PLIST_ENTRY before = KiTimers.Blink; /* new timers are mostly the latest */
    Timer->DueTime.QuadPart = Due;
    while (before != &KiTimers && CONTAINER(before, KTIMER, TimerListEntry)->DueTime.QuadPart > Due) {
        before = before->Blink;
    }
    InsertHeadList(before, &Timer->TimerListEntry);
}

VOID KiInsertTimer(PKTIMER Timer, ULONG64 Due, BOOLEAN Absolute)
{
    Place(Timer, Due);
    Timer->Header.Inserted = TRUE;
    Timer->Header.Absolute = Absolute;
    if (KiTimers.Flink == &Timer->TimerListEntry) {
        UpdateFirst();
        KiArmClock(KiProcessor.CurrentThread == KiProcessor.IdleThread);
    }
}

BOOLEAN KiRemoveTimer(PKTIMER Timer)
{
    BOOLEAN inserted = Timer->Header.Inserted;
    if (inserted) {
        RemoveEntryList(&Timer->TimerListEntry);
        Timer->Header.Inserted = FALSE;
        UpdateFirst();
    }
    return inserted;
}

VOID KiSystemTimeMoved(ULONG64 Forward)
{
    LIST_ENTRY absolute = {&absolute, &absolute};
    for (PLIST_ENTRY e = KiTimers.Flink, next; e != &KiTimers; e = next) {
        next = e->Flink;
        if (CONTAINER(e, KTIMER, TimerListEntry)->Header.Absolute) {
            RemoveEntryList(e);
            InsertTailList(&absolute, e);
        }
    }
    while (!IsListEmpty(&absolute)) {
        PKTIMER timer = CONTAINER(RemoveHeadList(&absolute), KTIMER, TimerListEntry);
        ULONG64 due = (ULONG64)timer->DueTime.QuadPart;
        Place(timer, due > Forward ? due - Forward : 0);
    }
    UpdateFirst();
}

VOID KiExpireTimers(VOID)
{
    KIRQL irql = KiLockDispatcher();
    for (;;) {
        ULONG64 now = KiInterruptTime();
        if (KiFirstDue > now) {
            break;
        }
        PKTIMER timer = CONTAINER(KiTimers.Flink, KTIMER, TimerListEntry);
        KiRemoveTimer(timer);
        if (timer->Header.Type == TIMER_OF_WAIT) {
            KiWaitTimedOut(CONTAINER(timer, KTHREAD, WaitTimer));
            continue;
        }
        timer->Header.SignalState = 1;
        PKDPC dpc = timer->Dpc;
        if (timer->Period) {
            /* Missed periods (a busy host, S3) are dropped, not made up for. */
            ULONG64 period = (ULONG64)timer->Period * 10000, next = timer->DueTime.QuadPart + period;
            KiInsertTimer(timer, next > now ? next : now + period, FALSE);
        }
        KiSignalWaiters(&timer->Header);
        if (dpc) {
            KeInsertQueueDpc(dpc, (PVOID)(ULONG64)(ULONG)now, (PVOID)(now >> 32));
        }
    }
    KiUnlockDispatcher(irql);
    KiArmClock(KiProcessor.CurrentThread == KiProcessor.IdleThread);
}

PKTIMER KiFindTimer(PVOID Base, SIZE_T Size)
{
    PKTIMER found = NULL;
    KIRQL irql = KiLockDispatcher();
    for (PLIST_ENTRY e = KiTimers.Flink; e != &KiTimers && !found; e = e->Flink) {
        PKTIMER timer = CONTAINER(e, KTIMER, TimerListEntry);
        BOOLEAN hit = (ULONG64)timer - (ULONG64)Base < Size;
        if (timer->Header.Type != TIMER_OF_WAIT && timer->Dpc) {
            hit = hit || (ULONG64)timer->Dpc - (ULONG64)Base < Size ||
                  (ULONG64)timer->Dpc->DeferredRoutine - (ULONG64)Base < Size;
        }
        found = hit ? timer : NULL;
    }
    KiUnlockDispatcher(irql);
    return found;
}

VOID NTAPI KeInitializeTimerEx(PKTIMER Timer, TIMER_TYPE Type)
{
    RtlZeroMemory(Timer, sizeof(*Timer));
    Timer->Header.Type = (UCHAR)(ObjectTimerNotification + Type);
    Timer->Header.Size = sizeof(KTIMER) / sizeof(LONG);
    InitializeListHead(&Timer->Header.WaitListHead);
}

VOID NTAPI KeInitializeTimer(PKTIMER Timer)
{
    KeInitializeTimerEx(Timer, NotificationTimer);
}

static VOID CheckTimer(PKTIMER Timer, PVOID Caller)
{
    if (Timer->Header.Type != ObjectTimerNotification && Timer->Header.Type != ObjectTimerSynchronization) {
        KeBugCheckReason(0xC7, 0, (ULONG_PTR)Timer, 0, 0, Caller, "timer %p is used but was never initialized", Timer);
    }
}

/* IRQL <= DISPATCH_LEVEL. DueTime: 100 ns, negative = from now, else system time. Period in ms. TRUE if it was set already. */
BOOLEAN NTAPI KeSetTimerEx(PKTIMER Timer, LARGE_INTEGER DueTime, LONG Period, PKDPC Dpc)
{
    CheckTimer(Timer, __builtin_return_address(0));
    KIRQL irql = KiLockDispatcher();
    BOOLEAN was = KiRemoveTimer(Timer);
    Timer->Header.SignalState = 0;
    Timer->Dpc = Dpc;
    Timer->Period = (ULONG)Period;
    KiInsertTimer(Timer, KiAbsoluteDue(DueTime), DueTime.QuadPart > 0);
    KiUnlockDispatcher(irql);
    return was;
}

BOOLEAN NTAPI KeSetTimer(PKTIMER Timer, LARGE_INTEGER DueTime, PKDPC Dpc)
{
    CheckTimer(Timer, __builtin_return_address(0));
    return KeSetTimerEx(Timer, DueTime, 0, Dpc);
}

BOOLEAN NTAPI KeSetCoalescableTimer(PKTIMER Timer, LARGE_INTEGER DueTime, ULONG Period, ULONG TolerableDelay, PKDPC Dpc)
{
    return KeSetTimerEx(Timer, DueTime, (LONG)Period, Dpc);
}

/* IRQL <= DISPATCH_LEVEL. TRUE if it was set. Its DPC may be queued or running all the same. */
BOOLEAN NTAPI KeCancelTimer(PKTIMER Timer)
{
    CheckTimer(Timer, __builtin_return_address(0));
    KIRQL irql = KiLockDispatcher();
    BOOLEAN was = KiRemoveTimer(Timer);
    if (was && Timer->Dpc && !Timer->Period) {
        KeRemoveQueueDpc(Timer->Dpc);
    }
    KiUnlockDispatcher(irql);
    return was;
}

BOOLEAN NTAPI KeReadStateTimer(PKTIMER Timer)
{
    return Timer->Header.SignalState != 0;
}
