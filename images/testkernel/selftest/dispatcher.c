/* SPDX-License-Identifier: MIT */
/* Dispatcher objects, waits, threads, timers and DPCs as a driver uses them. */
#include "check.h"

static KEVENT Go, Done;
static KSEMAPHORE Semaphore;
static KMUTEX Mutex;
static volatile LONG Counter, DpcRuns, Order;
static KDPC Dpc;
static KTIMER Timer;

static void NTAPI Waiter(PVOID Context)
{
    CHECK(Wait(&Go, 5000) == STATUS_SUCCESS);
    InterlockedIncrement(&Counter);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static void Events(void)
{
    KeInitializeEvent(&Go, SynchronizationEvent, FALSE);
    CHECK(Wait(&Go, 0) == STATUS_TIMEOUT);
    CHECK(KeSetEvent(&Go, 0, FALSE) == 0);
    CHECK(KeSetEvent(&Go, 0, FALSE) != 0);
    CHECK(Wait(&Go, 0) == STATUS_SUCCESS);
    CHECK(Wait(&Go, 0) == STATUS_TIMEOUT); /* a synchronization event resets itself */

    PKTHREAD threads[3];
    for (int i = 0; i < 3; i++) {
        threads[i] = Start(Waiter, NULL);
    }
    CHECK(Wait(threads[0], 10) == STATUS_TIMEOUT);
    KeSetEvent(&Go, 0, FALSE);
    LARGE_INTEGER soon = Milliseconds(20);
    KeDelayExecutionThread(KernelMode, FALSE, &soon);
    CHECK(Counter == 1); /* exactly one waiter */
    KeSetEvent(&Go, 0, FALSE);
    KeDelayExecutionThread(KernelMode, FALSE, &soon);
    KeSetEvent(&Go, 0, FALSE);
    for (int i = 0; i < 3; i++) {
        Join(threads[i]);
    }
    CHECK(Counter == 3);

    KeInitializeEvent(&Go, NotificationEvent, FALSE);
    Counter = 0;
    for (int i = 0; i < 3; i++) {
        threads[i] = Start(Waiter, NULL);
    }
    KeSetEvent(&Go, 0, FALSE);
    for (int i = 0; i < 3; i++) {
        Join(threads[i]);
    }
    CHECK(Counter == 3); /* a notification event releases all */
    CHECK(KeResetEvent(&Go) != 0);
    CHECK(KeReadStateEvent(&Go) == 0);
}

static void NTAPI MutexHolder(PVOID Context)
{
    CHECK(Wait(&Mutex, 1000) == STATUS_SUCCESS);
    CHECK(Wait(&Mutex, 1000) == STATUS_SUCCESS); /* recursive */
    KeSetEvent(&Go, 0, FALSE);
    LARGE_INTEGER soon = Milliseconds(30);
    KeDelayExecutionThread(KernelMode, FALSE, &soon);
    InterlockedIncrement(&Order);
    CHECK(KeReleaseMutex(&Mutex, FALSE) < 0);
    KeReleaseMutex(&Mutex, FALSE);
}

static void MutexesAndSemaphores(void)
{
    KeInitializeMutex(&Mutex, 0);
    KeInitializeEvent(&Go, NotificationEvent, FALSE);
    PKTHREAD thread = Start(MutexHolder, NULL);
    CHECK(Wait(&Go, 1000) == STATUS_SUCCESS);
    CHECK(Wait(&Mutex, 0) == STATUS_TIMEOUT);
    CHECK(Wait(&Mutex, 1000) == STATUS_SUCCESS);
    CHECK(Order == 1);
    CHECK(KeReleaseMutex(&Mutex, FALSE) == 0);
    Join(thread);
    CHECK(KeReadStateMutex(&Mutex) == 1);

    KeInitializeSemaphore(&Semaphore, 2, 4);
    CHECK(Wait(&Semaphore, 0) == STATUS_SUCCESS);
    CHECK(Wait(&Semaphore, 0) == STATUS_SUCCESS);
    CHECK(Wait(&Semaphore, 0) == STATUS_TIMEOUT);
    CHECK(KeReleaseSemaphore(&Semaphore, 0, 3, FALSE) == 0);
    CHECK(KeReadStateSemaphore(&Semaphore) == 3);
}

static void NTAPI DpcRoutine(PKDPC TheDpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    CHECK(KeGetCurrentIrql() == DISPATCH_LEVEL);
    InterlockedIncrement(&DpcRuns);
    if (Context) {
        KeSetEvent(Context, 0, FALSE);
    }
}

static void Dpcs(void)
{
    KIRQL irql;
    KeInitializeDpc(&Dpc, DpcRoutine, NULL);
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    CHECK(KeInsertQueueDpc(&Dpc, NULL, NULL));
    CHECK(!KeInsertQueueDpc(&Dpc, NULL, NULL)); /* queued once only */
    CHECK(DpcRuns == 0);
    KeLowerIrql(irql); /* an inlined CR8 write: the DPC must run here */
    CHECK(DpcRuns == 1);
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    KeInsertQueueDpc(&Dpc, NULL, NULL);
    CHECK(KeRemoveQueueDpc(&Dpc));
    KeLowerIrql(irql);
    CHECK(DpcRuns == 1);
    KeInsertQueueDpc(&Dpc, NULL, NULL); /* at PASSIVE_LEVEL it runs at once */
    CHECK(DpcRuns == 2);
}

static ULONG64 Now(void)
{
    return (ULONG64)KeQueryPerformanceCounter(NULL).QuadPart / 10; /* microseconds */
}

static void Timers(void)
{
    KeInitializeEvent(&Done, SynchronizationEvent, FALSE);
    KeInitializeTimer(&Timer);
    KeInitializeDpc(&Dpc, DpcRoutine, &Done);
    DpcRuns = 0;
    ULONG64 start = Now();
    CHECK(!KeSetTimer(&Timer, Milliseconds(20), &Dpc));
    CHECK(Wait(&Done, 5000) == STATUS_SUCCESS);
    ULONG64 took = Now() - start;
    CHECK(took >= 20000);
    CHECK(DpcRuns == 1);
    CHECK(Wait(&Timer, 0) == STATUS_SUCCESS);

    CHECK(!KeSetTimer(&Timer, Milliseconds(1000), &Dpc));
    CHECK(KeCancelTimer(&Timer));
    CHECK(!KeCancelTimer(&Timer));

    KeInitializeTimerEx(&Timer, SynchronizationTimer);
    DpcRuns = 0;
    start = Now();
    KeSetTimerEx(&Timer, Milliseconds(5), 5, &Dpc);
    for (int i = 0; i < 5; i++) {
        CHECK(Wait(&Timer, 1000) == STATUS_SUCCESS);
    }
    CHECK(KeCancelTimer(&Timer));
    CHECK(Now() - start >= 25000);
    CHECK(DpcRuns >= 1); /* a DPC that is still queued when the period ends again runs once */

    start = Now();
    LARGE_INTEGER interval = Milliseconds(10);
    KeDelayExecutionThread(KernelMode, FALSE, &interval);
    CHECK(Now() - start >= 10000);
}

static void NTAPI SetBoth(PVOID Context)
{
    LARGE_INTEGER soon = Milliseconds(5);
    KeDelayExecutionThread(KernelMode, FALSE, &soon);
    KeSetEvent(&Go, 0, FALSE);
    KeDelayExecutionThread(KernelMode, FALSE, &soon);
    KeSetEvent(&Done, 0, FALSE);
}

static void WaitMultiple(void)
{
    PVOID objects[2] = {&Go, &Done};
    KeInitializeEvent(&Go, NotificationEvent, FALSE);
    KeInitializeEvent(&Done, SynchronizationEvent, FALSE);
    LARGE_INTEGER due = Milliseconds(5), zero = {.QuadPart = 0};
    CHECK(KeWaitForMultipleObjects(2, objects, WaitAny, Executive, KernelMode, FALSE, &due, NULL) == STATUS_TIMEOUT);
    KeSetEvent(&Done, 0, FALSE);
    CHECK(KeWaitForMultipleObjects(2, objects, WaitAny, Executive, KernelMode, FALSE, &zero, NULL) == STATUS_WAIT_1);
    PKTHREAD thread = Start(SetBoth, NULL);
    due = Milliseconds(5000);
    CHECK(KeWaitForMultipleObjects(2, objects, WaitAll, Executive, KernelMode, FALSE, &due, NULL) == STATUS_WAIT_0);
    CHECK(KeReadStateEvent(&Done) == 0);
    CHECK(KeReadStateEvent(&Go) != 0);
    Join(thread);
}

static void NTAPI Spin(PVOID Context)
{
    volatile LONG *stop = Context;
    while (!*stop) {
    }
    InterlockedIncrement(&Counter);
}

/* Threads that never wait must not keep one of equal priority, or of a higher one, from running. */
static void Preemption(void)
{
    static volatile LONG stop;
    PKTHREAD threads[2];
    Counter = 0;
    for (int i = 0; i < 2; i++) {
        threads[i] = Start(Spin, (PVOID)&stop);
    }
    LARGE_INTEGER due = Milliseconds(50);
    KeDelayExecutionThread(KernelMode, FALSE, &due);
    LARGE_INTEGER before, after;
    KeQueryTickCount(&before); /* an inlined read */
    KeDelayExecutionThread(KernelMode, FALSE, &due);
    KeQueryTickCount(&after);
    CHECK(after.QuadPart > before.QuadPart);
    stop = 1;
    Join(threads[0]);
    Join(threads[1]);
    CHECK(Counter == 2);
}

static KEVENT Elsewhere;
static volatile LONG IsElsewhere, Moves, Stop;

/* Waits at Go and then at Elsewhere, with the same wait block. */
static void NTAPI Mover(PVOID Context)
{
    KeSetPriorityThread(KeGetCurrentThread(), LOW_REALTIME_PRIORITY);
    while (!Stop) {
        Wait(&Go, 5000);
        Moves++;
        IsElsewhere = 1;
        Wait(&Elsewhere, 5000);
    }
}

static void NTAPI SetGo(PKDPC Object, PVOID Context, PVOID First, PVOID Second)
{
    LARGE_INTEGER soon = {.QuadPart = -500}; /* 50 us */
    KeSetEvent(&Go, 0, FALSE);
    if (!Stop) {
        KeSetTimer(&Timer, soon, &Dpc);
    }
}

/* A waiter that leaves while the event is looked at does not make it look uninitialized. */
static void WaitersThatLeave(void)
{
    KeInitializeEvent(&Go, SynchronizationEvent, FALSE);
    KeInitializeEvent(&Elsewhere, SynchronizationEvent, FALSE);
    KeInitializeDpc(&Dpc, SetGo, NULL);
    KeInitializeTimer(&Timer);
    PKTHREAD thread = Start(Mover, NULL);
    LARGE_INTEGER due = Milliseconds(1);
    KeSetTimer(&Timer, due, &Dpc);
    while (Moves < 3000) {
        KeClearEvent(&Go);
        if (InterlockedExchange(&IsElsewhere, 0)) {
            KeSetEvent(&Elsewhere, 0, FALSE);
        }
    }
    Stop = 1;
    KeCancelTimer(&Timer);
    KeFlushQueuedDpcs();
    KeSetEvent(&Go, 0, FALSE);
    KeSetEvent(&Elsewhere, 0, FALSE);
    Join(thread);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    Events();
    MutexesAndSemaphores();
    Dpcs();
    Timers();
    WaitMultiple();
    Preemption();
    WaitersThatLeave();
    return Summary("dispatcher");
}
