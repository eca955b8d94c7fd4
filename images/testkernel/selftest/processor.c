/* SPDX-License-Identifier: MIT */
/* Processor features, extended state across thread switches, larger stacks, clock interrupts, and APCs that interrupt a wait. */
#include "check.h"
#include "undeclared.h"

#define LEGACY ((ULONG64)3) /* XSTATE_MASK_LEGACY */
#define AVX    ((ULONG64)4) /* XSTATE_MASK_AVX */

static void Cpuid(ULONG Leaf, ULONG Registers[4])
{
    __asm__ volatile("cpuid"
                     : "=a"(Registers[0]), "=b"(Registers[1]), "=c"(Registers[2]), "=d"(Registers[3])
                     : "a"(Leaf), "c"(0));
}

static BOOLEAN Has(ULONG Feature)
{
    return ExIsProcessorFeaturePresent(Feature) != FALSE;
}

static void Features(void)
{
    ULONG basic[4], extended[4];
    Cpuid(1, basic);
    Cpuid(0x80000001, extended);
    CHECK(Has(PF_XMMI64_INSTRUCTIONS_AVAILABLE) && Has(PF_COMPARE_EXCHANGE128) && Has(23 /* PF_FASTFAIL_AVAILABLE */));
    CHECK(Has(36 /* PF_SSSE3 */) == (basic[2] >> 9 & 1) && Has(38 /* PF_SSE4_2 */) == (basic[2] >> 20 & 1));
    CHECK(Has(28 /* PF_RDRAND */) == (basic[2] >> 30 & 1) && Has(32 /* PF_RDTSCP */) == (extended[3] >> 27 & 1));
    CHECK(Has(PF_XSAVE_ENABLED) == (basic[2] >> 26 & 1)); /* if there is XSAVE, it is enabled */
    CHECK(Has(39 /* PF_AVX */) == (basic[2] >> 28 & 1) && Has(39) == (RtlGetEnabledExtendedFeatures(AVX) == AVX));
    CHECK(!Has(PF_FLOATING_POINT_EMULATED) && !Has(19 /* PF_ARM_NEON */) && !Has(200));
}

/* One 256-bit register, filled with and compared to a value. */
static void Fill(ULONG64 Value)
{
    ULONG64 quad[4] = {Value, Value + 1, Value + 2, Value + 3};
    __asm__ volatile("vmovups %0, %%ymm7" : : "m"(quad));
}

static BOOLEAN Holds(ULONG64 Value)
{
    ULONG64 quad[4];
    __asm__ volatile("vmovups %%ymm7, %0" : "=m"(quad));
    return quad[0] == Value && quad[1] == Value + 1 && quad[2] == Value + 2 && quad[3] == Value + 3;
}

static KEVENT Turn[2];

/* Two threads that use the same registers and take turns. */
static void NTAPI UseAvx(PVOID Context)
{
    ULONG_PTR self = (ULONG_PTR)Context;
    XSTATE_SAVE save;
    CHECK(NT_SUCCESS(KeSaveExtendedProcessorState(LEGACY | AVX, &save)));
    CHECK(save.Thread == KeGetCurrentThread() && save.XStateContext.Mask == (LEGACY | AVX));
    for (ULONG i = 0; i < 20; i++) {
        Fill(self * 1000 + i);
        KeSetEvent(&Turn[1 - self], 0, FALSE);
        CHECK(Wait(&Turn[self], 5000) == STATUS_SUCCESS);
        CHECK(Holds(self * 1000 + i));
    }
    KeSetEvent(&Turn[1 - self], 0, FALSE);
    KeRestoreExtendedProcessorState(&save);
}

static void ExtendedState(void)
{
    XSTATE_SAVE save, inner;
    CHECK(RtlGetEnabledExtendedFeatures(~0ULL) >= LEGACY && RtlGetEnabledExtendedFeatures(LEGACY) == LEGACY);
    CHECK(KeSaveExtendedProcessorState(1ULL << 62, &save) == STATUS_NOT_SUPPORTED);
    CHECK(NT_SUCCESS(KeSaveExtendedProcessorState(LEGACY, &save)));
    KeRestoreExtendedProcessorState(&save);
    if (RtlGetEnabledExtendedFeatures(AVX) != AVX) {
        CHECK(KeSaveExtendedProcessorState(AVX, &save) == STATUS_NOT_SUPPORTED);
        DbgPrint("processor: without AVX\n");
        return;
    }
    CHECK(NT_SUCCESS(KeSaveExtendedProcessorState(LEGACY | AVX, &save)));
    Fill(1);
    CHECK(NT_SUCCESS(KeSaveExtendedProcessorState(AVX | LEGACY, &inner)));
    Fill(2);
    KeRestoreExtendedProcessorState(&inner);
    CHECK(Holds(1));
    KeInitializeEvent(&Turn[0], SynchronizationEvent, FALSE);
    KeInitializeEvent(&Turn[1], SynchronizationEvent, FALSE);
    PKTHREAD one = Start(UseAvx, (PVOID)0), two = Start(UseAvx, (PVOID)1);
    Join(one);
    Join(two);
    CHECK(Holds(1)); /* this thread waited all the while */
    KeRestoreExtendedProcessorState(&save);
    DbgPrint("processor: with AVX\n");
}

static BOOLEAN Outside;

static VOID NTAPI OnLargeStack(PVOID Parameter)
{
    volatile UCHAR big[60000];
    ULONG_PTR low, high;
    PVOID frames[8];
    big[0] = big[sizeof(big) - 1] = 1;
    IoGetStackLimits(&low, &high);
    CHECK((ULONG_PTR)big >= low && (ULONG_PTR)big + sizeof(big) < high);
    Outside = (ULONG_PTR)Parameter < low || (ULONG_PTR)Parameter >= high; /* the caller's local variable */
    LARGE_INTEGER soon = Milliseconds(1);
    KeDelayExecutionThread(KernelMode, FALSE, &soon);         /* other threads run meanwhile */
    CHECK(RtlCaptureStackBackTrace(0, 8, frames, NULL) >= 4); /* across the two stacks */
    *(PULONG)Parameter = big[0] + KeGetCurrentIrql();
}

static VOID NTAPI Again(PVOID Parameter)
{
    CHECK(NT_SUCCESS(KeExpandKernelStackAndCallout(OnLargeStack, Parameter, MAXIMUM_EXPANSION_SIZE)));
}

static VOID NTAPI AtDispatch(PVOID Parameter)
{
    *(PULONG)Parameter = KeGetCurrentIrql();
}

static void Stacks(void)
{
    ULONG called = 0;
    ULONG_PTR low, high, after;
    KIRQL irql;
    IoGetStackLimits(&low, &high);
    CHECK(NT_SUCCESS(KeExpandKernelStackAndCallout(OnLargeStack, &called, MAXIMUM_EXPANSION_SIZE)));
    CHECK(called == 1 && Outside);
    CHECK(NT_SUCCESS(KeExpandKernelStackAndCallout(Again, &called, MAXIMUM_EXPANSION_SIZE)));
    IoGetStackLimits(&after, &high);
    CHECK(after == low); /* the old one again */
    CHECK(KeExpandKernelStackAndCallout(Again, &called, MAXIMUM_EXPANSION_SIZE + 1) == STATUS_INVALID_PARAMETER_3);
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    CHECK(KeExpandKernelStackAndCalloutEx(AtDispatch, &called, 40000, TRUE, NULL) == STATUS_INVALID_PARAMETER_4);
    CHECK(NT_SUCCESS(KeExpandKernelStackAndCalloutEx(AtDispatch, &called, 40000, FALSE, NULL)) && called == 2);
    KeLowerIrql(irql);
    CHECK(KeExpandKernelStackAndCalloutEx(AtDispatch, &called, 0, TRUE, &called) == STATUS_INVALID_PARAMETER_5);
}

/* How often the clock interrupts: it writes the time that drivers read inlined. */
static ULONG TicksWithin(LONG Ms)
{
    LARGE_INTEGER frequency, start = KeQueryPerformanceCounter(&frequency), now;
    volatile ULONG64 *shared = (volatile ULONG64 *)0xFFFFF78000000008ULL;
    ULONG64 last = *shared;
    ULONG ticks = 0;
    do {
        now = KeQueryPerformanceCounter(NULL);
        if (*shared != last) {
            last = *shared;
            ticks++;
        }
    } while ((now.QuadPart - start.QuadPart) * 1000 / frequency.QuadPart < Ms);
    return ticks;
}

static void Clock(void)
{
    ULONG slowest, fastest, current, before = TicksWithin(60), during;
    ExQueryTimerResolution(&slowest, &fastest, &current);
    CHECK(slowest == KeQueryTimeIncrement() && fastest == 10000 && current == slowest);
    CHECK(ExSetTimerResolution(20000, TRUE) == 20000);
    CHECK(ExSetTimerResolution(50000, TRUE) == 20000); /* never slower than another asked for */
    during = TicksWithin(60);
    CHECK(during > before + 10);
    CHECK(ExSetTimerResolution(1, TRUE) == fastest);
    ExQueryTimerResolution(&slowest, &fastest, &current);
    CHECK(current == fastest && KeQueryTimeIncrement() == slowest); /* tick counts keep their unit */
    CHECK(ExSetTimerResolution(0, FALSE) == fastest && ExSetTimerResolution(0, FALSE) == fastest);
    CHECK(ExSetTimerResolution(0, FALSE) == slowest); /* the last request is withdrawn */
    CHECK(TicksWithin(60) < during - 5);
}

static KEVENT Waiting, Never, Ran;
static KAPC Apc;
static PKTHREAD ApcThread;

static VOID NTAPI ApcKernel(PRKAPC Queued, APC_NORMAL *NormalRoutine, PVOID *Context, PVOID *Argument1,
                            PVOID *Argument2)
{
    CHECK(Queued == &Apc && KeGetCurrentIrql() == APC_LEVEL && KeGetCurrentThread() == ApcThread);
    if (!*NormalRoutine) {
        KeSetEvent(&Ran, 0, FALSE);
    }
}

static VOID NTAPI ApcNormal(PVOID Context, PVOID Argument1, PVOID Argument2)
{
    CHECK(KeGetCurrentIrql() == PASSIVE_LEVEL && KeGetCurrentThread() == ApcThread && Argument1 == &Ran);
    KeSetEvent(&Ran, 0, FALSE);
}

/* Waits once for all of it: the APCs do not end the wait. */
static void NTAPI WaitThrough(PVOID Context)
{
    BOOLEAN alertable = Context != NULL;
    LARGE_INTEGER limit = Milliseconds(5000);
    KeSetEvent(&Waiting, 0, FALSE);
    CHECK(KeWaitForSingleObject(&Never, Executive, KernelMode, alertable, &limit) == STATUS_SUCCESS);
}

static void NTAPI WaitAtApcLevel(PVOID Context)
{
    KIRQL irql;
    KeRaiseIrql(APC_LEVEL, &irql);
    WaitThrough(Context);
    CHECK(KeReadStateEvent(&Ran) == 0);
    KeLowerIrql(irql);
    CHECK(KeReadStateEvent(&Ran) != 0); /* at once when the IRQL allows it */
}

static void Interrupt(PKSTART_ROUTINE Routine, PVOID Context, APC_NORMAL Normal, BOOLEAN AtOnce)
{
    KeInitializeEvent(&Waiting, SynchronizationEvent, FALSE);
    KeInitializeEvent(&Never, SynchronizationEvent, FALSE);
    KeInitializeEvent(&Ran, NotificationEvent, FALSE);
    ApcThread = Start(Routine, Context);
    PKTHREAD thread = ApcThread;
    CHECK(Wait(&Waiting, 5000) == STATUS_SUCCESS);
    KeInitializeApc(&Apc, thread, 0, ApcKernel, NULL, Normal, KernelMode, NULL);
    CHECK(KeInsertQueueApc(&Apc, &Ran, NULL, 2));
    CHECK(Wait(&Ran, AtOnce ? 5000 : 5) == (AtOnce ? STATUS_SUCCESS : STATUS_TIMEOUT));
    KeSetEvent(&Never, 0, FALSE);
    Join(thread);
}

static void Apcs(void)
{
    Interrupt(WaitThrough, NULL, NULL, TRUE);
    Interrupt(WaitThrough, NULL, ApcNormal, TRUE);
    Interrupt(WaitThrough, (PVOID)1, ApcNormal, TRUE); /* an alertable wait is no different */
    Interrupt(WaitAtApcLevel, NULL, NULL, FALSE);
    CHECK(!KeInsertQueueApc(&Apc, NULL, NULL, 0)); /* the thread has ended */
}

static void NTAPI All(PVOID Context)
{
    Features();
    ExtendedState();
    Stacks();
    Clock();
    Apcs();
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    RunInThread(All, NULL);
    return Summary("processor");
}
