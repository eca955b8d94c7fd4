/* SPDX-License-Identifier: MIT */
/* One-time initialization and push locks. */
#include "check.h"
#include "undeclared.h"

static RTL_RUN_ONCE Once;
static KEVENT Begun, Proceed;
static volatile LONG Calls, Got;
static BOOLEAN Succeed;
static EX_PUSH_LOCK PushLock;
static CHAR Order[4];
static volatile LONG OrderAt;

static ULONG NTAPI Initialize(PRTL_RUN_ONCE RunOnce, PVOID Parameter, PVOID *Context)
{
    CHECK(RunOnce == &Once && Parameter == &Calls);
    InterlockedIncrement(&Calls);
    KeSetEvent(&Begun, 0, FALSE);
    CHECK(Wait(&Proceed, 5000) == STATUS_SUCCESS);
    *Context = (PVOID)&Got;
    return Succeed;
}

static void NTAPI Runner(PVOID Parameter)
{
    PVOID context = NULL;
    NTSTATUS status = RtlRunOnceExecuteOnce(&Once, Initialize, (PVOID)&Calls, &context);
    if (NT_SUCCESS(status)) {
        CHECK(context == &Got);
        InterlockedIncrement(&Got);
    }
}

static void OneTime(void)
{
    PVOID context = NULL;
    PKTHREAD threads[3];
    KeInitializeEvent(&Begun, NotificationEvent, FALSE);
    KeInitializeEvent(&Proceed, NotificationEvent, TRUE);
    RtlRunOnceInitialize(&Once);
    CHECK(RtlRunOnceBeginInitialize(&Once, RTL_RUN_ONCE_CHECK_ONLY, &context) == STATUS_UNSUCCESSFUL);
    Succeed = FALSE;
    CHECK(RtlRunOnceExecuteOnce(&Once, Initialize, (PVOID)&Calls, &context) == STATUS_UNSUCCESSFUL && Calls == 1);
    Succeed = TRUE; /* a failed one is tried again */
    KeClearEvent(&Begun);
    KeClearEvent(&Proceed);
    for (int i = 0; i < 3; i++) {
        threads[i] = Start(Runner, NULL);
    }
    CHECK(Wait(&Begun, 5000) == STATUS_SUCCESS);
    CHECK(Wait(threads[0], 10) == STATUS_TIMEOUT && Wait(threads[1], 0) == STATUS_TIMEOUT && Got == 0);
    KeSetEvent(&Proceed, 0, FALSE);
    for (int i = 0; i < 3; i++) {
        Join(threads[i]);
    }
    CHECK(Calls == 2 && Got == 3); /* once for all three */
    CHECK(RtlRunOnceBeginInitialize(&Once, RTL_RUN_ONCE_CHECK_ONLY, &context) == STATUS_SUCCESS && context == &Got);
    CHECK(RtlRunOnceComplete(&Once, 0, NULL) == STATUS_UNSUCCESSFUL); /* it is complete */

    RtlRunOnceInitialize(&Once); /* several may try; the first that completes wins */
    CHECK(RtlRunOnceBeginInitialize(&Once, RTL_RUN_ONCE_ASYNC, &context) == STATUS_PENDING);
    CHECK(RtlRunOnceBeginInitialize(&Once, RTL_RUN_ONCE_ASYNC, &context) == STATUS_PENDING);
    CHECK(RtlRunOnceBeginInitialize(&Once, 0, &context) == STATUS_INVALID_PARAMETER);
    CHECK(RtlRunOnceComplete(&Once, RTL_RUN_ONCE_ASYNC, (PVOID)1) == STATUS_INVALID_PARAMETER); /* reserved bits */
    CHECK(RtlRunOnceComplete(&Once, RTL_RUN_ONCE_ASYNC, (PVOID)&Calls) == STATUS_SUCCESS);
    CHECK(RtlRunOnceComplete(&Once, RTL_RUN_ONCE_ASYNC, (PVOID)&Got) == STATUS_UNSUCCESSFUL);
    CHECK(RtlRunOnceBeginInitialize(&Once, RTL_RUN_ONCE_ASYNC, &context) == STATUS_SUCCESS && context == &Calls);
    CHECK(RtlRunOnceBeginInitialize(&Once, 0x80, &context) == STATUS_INVALID_PARAMETER);
}

static void NTAPI Writer(PVOID Context)
{
    KeEnterCriticalRegion();
    ExAcquirePushLockExclusiveEx(&PushLock, 0);
    Order[InterlockedIncrement(&OrderAt) - 1] = 'w';
    ExReleasePushLockExclusiveEx(&PushLock, 0);
    KeLeaveCriticalRegion();
}

static void NTAPI Reader(PVOID Context)
{
    KeEnterCriticalRegion();
    ExAcquirePushLockSharedEx(&PushLock, 0);
    Order[InterlockedIncrement(&OrderAt) - 1] = 'r';
    ExReleasePushLockSharedEx(&PushLock, 0);
    KeLeaveCriticalRegion();
}

static void PushLocks(void)
{
    PKTHREAD writer, reader;
    ExInitializePushLock(&PushLock);
    KeEnterCriticalRegion();
    ExAcquirePushLockSharedEx(&PushLock, 0);
    RunInThread(Reader, NULL); /* beside another reader */
    CHECK(OrderAt == 1);
    OrderAt = 0;
    writer = Start(Writer, NULL);
    CHECK(Wait(writer, 10) == STATUS_TIMEOUT);
    reader = Start(Reader, NULL);
    CHECK(Wait(reader, 10) == STATUS_TIMEOUT && OrderAt == 0); /* behind the waiting writer */
    ExReleasePushLockSharedEx(&PushLock, 0);
    Join(writer);
    Join(reader);
    CHECK(OrderAt == 2 && Order[0] == 'w' && Order[1] == 'r');
    OrderAt = 0;
    ExAcquirePushLockExclusiveEx(&PushLock, 0);
    reader = Start(Reader, NULL);
    CHECK(Wait(reader, 10) == STATUS_TIMEOUT && OrderAt == 0);
    ExReleasePushLockExclusiveEx(&PushLock, 0);
    Join(reader);
    CHECK(OrderAt == 1);
    ExAcquirePushLockExclusiveEx(&PushLock, 0); /* free: at once */
    ExReleasePushLockExclusiveEx(&PushLock, 0);
    KeLeaveCriticalRegion();
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    OneTime();
    PushLocks();
    return Summary("once");
}
