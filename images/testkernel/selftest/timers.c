/* SPDX-License-Identifier: MIT */
/* Timers, times, DPCs of other kinds and pulsed events, beyond dispatcher.c; I/O timers. */
#include "check.h"
#include "undeclared.h"

static KEVENT Event, Reached;
static KTIMER Timer;
static KDPC First, Second;
static volatile LONG DpcRuns, Woken, Ticks;
static CHAR Order[4];

static void NTAPI Deferred(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    KIRQL irql = KeGetCurrentIrql();
    CHECK(irql == DISPATCH_LEVEL || (irql == PASSIVE_LEVEL && Context == (PVOID)'t'));
    CHECK(KeGetCurrentProcessorNumber() == 0);
    Order[DpcRuns++ & 3] = (CHAR)(ULONG_PTR)Context;
    KeSetEvent(&Event, 0, FALSE);
}

static void Timers(void)
{
    ULONG64 qpc, start = KeQueryInterruptTimePrecise(&qpc);
    KeInitializeEvent(&Event, SynchronizationEvent, FALSE);
    KeInitializeDpc(&First, Deferred, (PVOID)'1');
    KeInitializeTimer(&Timer);
    CHECK(!KeReadStateTimer(&Timer));
    CHECK(!KeSetCoalescableTimer(&Timer, Milliseconds(5000), 0, 2, &First));
    CHECK(KeSetCoalescableTimer(&Timer, Milliseconds(10), 0, 0, &First)); /* TRUE: it was set; now it is set anew */
    CHECK(!KeReadStateTimer(&Timer));
    CHECK(Wait(&Event, 5000) == STATUS_SUCCESS);
    CHECK(KeReadStateTimer(&Timer) && DpcRuns == 1);
    CHECK(KeQueryInterruptTimePrecise(&qpc) - start >= 100000);
    DpcRuns = 0;
    CHECK(!KeSetCoalescableTimer(&Timer, Milliseconds(1), 2, 1, &First)); /* periodic */
    CHECK(Wait(&Event, 5000) == STATUS_SUCCESS && Wait(&Event, 5000) == STATUS_SUCCESS);
    CHECK(KeCancelTimer(&Timer));
    KeFlushQueuedDpcs();
    KeClearEvent(&Event);

    LARGE_INTEGER absolute;
    KeQuerySystemTime(&absolute);
    absolute.QuadPart -= 10000000; /* the past: at once */
    DpcRuns = 0;
    CHECK(!KeSetTimer(&Timer, absolute, &First));
    CHECK(Wait(&Event, 5000) == STATUS_SUCCESS && DpcRuns == 1);
}

static void Times(void)
{
    LARGE_INTEGER system, local, back;
    ULONG resolution;
    ULONG64 qpc = 0, unbiased = KeQueryUnbiasedInterruptTime(), biased = KeQueryInterruptTimePrecise(&qpc);
    CHECK(biased >= unbiased); /* time asleep is in the biased one only */
    KeStallExecutionProcessor(50);
    CHECK(KeQueryInterruptTimePrecise(&qpc) - biased >= 500);
    CHECK(qpc <= (ULONG64)KeQueryPerformanceCounter(NULL).QuadPart && qpc != 0);
    LARGE_INTEGER tick = Milliseconds(16);
    KeDelayExecutionThread(KernelMode, FALSE, &tick);
    CHECK(KeQueryUnbiasedInterruptTime() > unbiased); /* this one may advance by ticks */
    KeQuerySystemTimePrecise(&system);
    ExSystemTimeToLocalTime(&system, &local);
    ExLocalTimeToSystemTime(&local, &back);
    CHECK(back.QuadPart == system.QuadPart);
    CHECK((local.QuadPart - system.QuadPart) % (15 * 60 * 10000000LL) == 0); /* zones are quarters of hours */
    resolution = ExSetTimerResolution(10000, TRUE);
    CHECK(resolution && resolution <= KeQueryTimeIncrement());
    ExSetTimerResolution(0, FALSE);
}

/* High importance goes to the front of the queue; the others keep their order. */
static void Importance(void)
{
    KIRQL irql;
    KeInitializeDpc(&First, Deferred, (PVOID)'1');
    KeInitializeDpc(&Second, Deferred, (PVOID)'2');
    KeSetImportanceDpc(&Second, HighImportance);
    KeSetTargetProcessorDpc(&Second, 0);
    DpcRuns = 0;
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    KeInsertQueueDpc(&First, NULL, NULL);
    KeInsertQueueDpc(&Second, NULL, NULL);
    KeLowerIrql(irql);
    CHECK(DpcRuns == 2 && Order[0] == '2' && Order[1] == '1'); /* whatever the scheduler's seed */
    KeInitializeThreadedDpc(&First, Deferred, (PVOID)'t');
    DpcRuns = 0;
    KeClearEvent(&Event);
    CHECK(KeInsertQueueDpc(&First, NULL, NULL));
    CHECK(Wait(&Event, 5000) == STATUS_SUCCESS && DpcRuns == 1 && Order[0] == 't');
}

static void NTAPI Waiter(PVOID Context)
{
    KeSetEvent(&Reached, 0, FALSE);
    if (Wait(&Event, 5000) == STATUS_SUCCESS) {
        InterlockedIncrement(&Woken);
    }
}

static PKTHREAD StartWaiter(void)
{
    PKTHREAD thread = Start(Waiter, NULL);
    CHECK(Wait(&Reached, 5000) == STATUS_SUCCESS);
    CHECK(Wait(thread, 5) == STATUS_TIMEOUT);
    return thread;
}

/* A pulse releases who waits now and nobody later. */
static void Pulses(void)
{
    PKTHREAD threads[2];
    KeInitializeEvent(&Reached, SynchronizationEvent, FALSE);
    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    CHECK(KePulseEvent(&Event, 0, FALSE) == 0);
    CHECK(KeReadStateEvent(&Event) == 0 && Wait(&Event, 0) == STATUS_TIMEOUT);
    threads[0] = StartWaiter();
    threads[1] = StartWaiter();
    KePulseEvent(&Event, 0, FALSE);
    Join(threads[0]);
    Join(threads[1]);
    CHECK(Woken == 2 && KeReadStateEvent(&Event) == 0);
    KeInitializeEvent(&Event, SynchronizationEvent, FALSE);
    threads[0] = StartWaiter();
    threads[1] = StartWaiter();
    KePulseEvent(&Event, 0, FALSE);
    CHECK(Wait(threads[0], 20) == STATUS_SUCCESS || Wait(threads[1], 20) == STATUS_SUCCESS);
    CHECK(Woken == 3); /* one only */
    KeSetEvent(&Event, 0, FALSE);
    Join(threads[0]);
    Join(threads[1]);
}

static VOID NTAPI Tick(PDEVICE_OBJECT DeviceObject, PVOID Context)
{
    CHECK(KeGetCurrentIrql() == DISPATCH_LEVEL && Context == &Ticks);
    InterlockedIncrement(&Ticks);
    KeSetEvent(&Event, 0, FALSE);
}

static void IoTimer(PDRIVER_OBJECT DriverObject)
{
    PDEVICE_OBJECT device;
    ULONG64 start, qpc;
    CHECK(NT_SUCCESS(IoCreateDevice(DriverObject, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &device)));
    CHECK(NT_SUCCESS(IoInitializeTimer(device, Tick, (PVOID)&Ticks)));
    KeInitializeEvent(&Event, SynchronizationEvent, FALSE);
    start = KeQueryInterruptTimePrecise(&qpc);
    IoStartTimer(device);
    CHECK(Wait(&Event, 10000) == STATUS_SUCCESS);
    CHECK(KeQueryInterruptTimePrecise(&qpc) - start >= 9000000); /* once a second */
    IoStopTimer(device);
    LONG seen = Ticks;
    CHECK(seen == 1 && Wait(&Event, 1100) == STATUS_TIMEOUT && Ticks == seen);
    IoDeleteDevice(device);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    Timers();
    Times();
    Importance();
    Pulses();
    IoTimer(DriverObject);
    return Summary("timers");
}
