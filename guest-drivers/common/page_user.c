/* SPDX-License-Identifier: MIT */
#include "page_user.h"

/* DISPATCH_LEVEL. Touches no hardware, so it may run late. */
static VOID NTAPI Dpc(PKDPC Object, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    PPAGE_USER user = (PPAGE_USER)Context;

    UNREFERENCED_PARAMETER(Object);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);
    if (InterlockedExchange(&user->Causes, 0) & BUDDY_CLIENT__INT_STATUS__JOB_bm) {
        KeSetEvent(&user->JobDone, IO_NO_INCREMENT, FALSE);
    }
}

VOID PageUserInitialize(PPAGE_USER User)
{
    RtlZeroMemory(User, sizeof(*User));
    GateInitialize(&User->Gate);
    ExerciserInitialize(&User->Exerciser, &User->Gate, PageExercise, User);
    KeInitializeDpc(&User->Dpc, Dpc, User);
    KeInitializeEvent(&User->JobDone, SynchronizationEvent, FALSE);
}

VOID PageUserInterrupted(PPAGE_USER User, ULONG Causes)
{
    InterlockedOr(&User->Causes, (LONG)Causes);
    KeInsertQueueDpc(&User->Dpc, NULL, NULL);
}
