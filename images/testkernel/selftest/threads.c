/* SPDX-License-Identifier: MIT */
/* Threads: identity, priority, affinity, processor numbers and groups, stacks, saved states, back traces. */
#include "check.h"
#include "undeclared.h"

#undef KeGetCurrentThread
#undef PsGetCurrentThread
#undef PsGetCurrentProcess
#undef PsGetCurrentThreadId
PKTHREAD NTAPI KeGetCurrentThread(VOID);
PEPROCESS NTAPI PsGetCurrentProcess(VOID);
PETHREAD NTAPI PsGetCurrentThread(VOID);

static KEVENT Proceed;

static void NTAPI Sleeper(PVOID Context)
{
    CHECK(Wait(&Proceed, 5000) == STATUS_SUCCESS);
}

static void Identity(void)
{
    ULONG major = 0, minor = 99, build = 0;
    WCHAR buffer[8] = L"x";
    UNICODE_STRING pack = {2, sizeof(buffer), buffer};
    RTL_OSVERSIONINFOW version = {.dwOSVersionInfoSize = sizeof(version)};
    HANDLE handle;
    CLIENT_ID client;
    PETHREAD thread = NULL;

    CHECK(KeGetCurrentThread() == (PKTHREAD)PsGetCurrentThread());
    CHECK(PsGetCurrentProcess() == PsInitialSystemProcess && IoGetCurrentProcess() == PsInitialSystemProcess);
    CHECK(PsGetProcessId(PsInitialSystemProcess) == PsGetCurrentProcessId());
    CHECK(PsGetThreadId(PsGetCurrentThread()) == PsGetCurrentThreadId());
    CHECK(PsGetThreadProcessId(PsGetCurrentThread()) == PsGetCurrentProcessId());
    LARGE_INTEGER now;
    KeQuerySystemTime(&now);
    LONGLONG created = PsGetProcessCreateTimeQuadPart(PsInitialSystemProcess);
    CHECK(created > 0 && created <= now.QuadPart &&
          now.QuadPart - created <= (LONGLONG)KeQueryInterruptTime() + 1000000);
    CHECK(PsIsSystemThread(PsGetCurrentThread()) && !PsIsThreadTerminating(PsGetCurrentThread()));
    CHECK(NT_SUCCESS(RtlGetVersion(&version)));
    PsGetVersion(&major, &minor, &build, &pack);
    CHECK(major == version.dwMajorVersion && minor == version.dwMinorVersion && build == version.dwBuildNumber);
    CHECK(pack.Length == 0);

    KeInitializeEvent(&Proceed, NotificationEvent, FALSE);
    CHECK(NT_SUCCESS(PsCreateSystemThread(&handle, THREAD_ALL_ACCESS, NULL, NULL, &client, Sleeper, NULL)));
    CHECK(NT_SUCCESS(
        ObReferenceObjectByHandle(handle, THREAD_ALL_ACCESS, *PsThreadType, KernelMode, (PVOID *)&thread, NULL)));
    CHECK(PsGetThreadId(thread) == client.UniqueThread && client.UniqueProcess == PsGetCurrentProcessId());
    CHECK(client.UniqueThread != PsGetCurrentThreadId());
    CHECK(!PsIsThreadTerminating(thread));
    KeSetEvent(&Proceed, 0, FALSE);
    CHECK(Wait(thread, 5000) == STATUS_SUCCESS);
    CHECK(PsIsThreadTerminating(thread));
    ZwClose(handle);
    ObDereferenceObject(thread);
}

static void NTAPI Priority(PVOID Context)
{
    PKTHREAD thread = KeGetCurrentThread();
    CHECK(KeQueryPriorityThread(thread) == 8); /* a system thread's normal priority */
    CHECK(KeSetPriorityThread(thread, LOW_REALTIME_PRIORITY) == 8);
    CHECK(KeQueryPriorityThread(thread) == LOW_REALTIME_PRIORITY);
    CHECK(KeSetPriorityThread(thread, 8) == LOW_REALTIME_PRIORITY);
    CHECK(KeSetBasePriorityThread(thread, 2) == 0); /* the increment from before */
    CHECK(KeQueryPriorityThread(thread) == 10);
    CHECK(KeSetBasePriorityThread(thread, 0) == 2);
    CHECK(KeQueryPriorityThread(thread) == 8);
}

/* KeSetSystemAffinityThreadEx: "the previous system affinity …, or zero to indicate that there was no previous system affinity". */
static void NTAPI Affinity(PVOID Context)
{
    KAFFINITY all = KeQueryActiveProcessors();
    GROUP_AFFINITY group = {.Mask = 1, .Group = 0}, previous = {.Mask = 99, .Group = 99};
    CHECK(KeSetSystemAffinityThreadEx(all) == 0);
    CHECK(KeSetSystemAffinityThreadEx(1) == all);
    KeRevertToUserAffinityThreadEx(all);
    KeRevertToUserAffinityThreadEx(0);
    CHECK(KeSetSystemAffinityThreadEx(1) == 0);
    KeRevertToUserAffinityThreadEx(0);
    KeSetSystemAffinityThread(1);
    CHECK(KeGetCurrentProcessorNumber() == 0);
    KeRevertToUserAffinityThread();
    KeSetSystemGroupAffinityThread(&group, &previous);
    CHECK(previous.Mask == 0 && previous.Group == 0); /* no affinity was set before */
    KeRevertToUserGroupAffinityThread(&previous);
}

static void Processors(void)
{
    KAFFINITY active = 0;
    PROCESSOR_NUMBER number = {.Group = 9};
    ULONG count = KeQueryActiveProcessorCount(&active);
    CHECK(count >= 1 && active == KeQueryActiveProcessors() && active == ((KAFFINITY)1 << count) - 1);
    CHECK(KeQueryActiveProcessorCount(NULL) == count);
    CHECK(KeQueryMaximumProcessorCount() >= count && KeQueryMaximumProcessorCountEx(ALL_PROCESSOR_GROUPS) >= count);
    CHECK(KeQueryMaximumProcessorCountEx(7) == 0);
    CHECK(KeQueryMaximumGroupCount() >= KeQueryActiveGroupCount());
    CHECK(KeQueryGroupAffinity(0) == active && KeQueryGroupAffinity(7) == 0);
    CHECK(NT_SUCCESS(KeGetProcessorNumberFromIndex(0, &number)) && number.Group == 0 && number.Number == 0);
    CHECK(KeGetProcessorNumberFromIndex(count, &number) == STATUS_INVALID_PARAMETER);
    CHECK(KeGetCurrentNodeNumber() <= KeQueryHighestNodeNumber());
    ULONG line = KeGetRecommendedSharedDataAlignment();
    CHECK(line && (line & (line - 1)) == 0);
    CHECK(KeInvalidateAllCaches());
    KeFlushWriteBuffer();
}

static ULONG Changes;

static VOID NTAPI ProcessorChanged(PVOID Context, PKE_PROCESSOR_CHANGE_NOTIFY_CONTEXT Change, PNTSTATUS Status)
{
    CHECK(Context == &Changes && NT_SUCCESS(Change->Status));
    CHECK(Change->State == (Changes % 2 ? KeProcessorAddCompleteNotify : KeProcessorAddStartNotify));
    Changes++;
}

static void Nodes(void)
{
    GROUP_AFFINITY affinity = {.Mask = 99};
    USHORT count = 99;
    KDPC dpc;
    PROCESSOR_NUMBER number = {.Number = 0}, wrong = {.Number = 63};
    KDPC_WATCHDOG_INFORMATION watchdog;
    KIRQL irql;
    KeQueryNodeActiveAffinity(0, &affinity, &count);
    CHECK(affinity.Mask == KeQueryActiveProcessors() && affinity.Group == 0);
    CHECK(count == KeQueryActiveProcessorCount(NULL) && KeQueryNodeMaximumProcessorCount(0) >= count);
    KeQueryNodeActiveAffinity(77, &affinity, &count);
    CHECK(affinity.Mask == 0 && count == 0 && KeQueryNodeMaximumProcessorCount(77) == 0); /* no such node */
    KeInitializeDpc(&dpc, NULL, NULL);
    CHECK(KeSetTargetProcessorDpcEx(&dpc, &number) == STATUS_SUCCESS);
    CHECK(KeSetTargetProcessorDpcEx(&dpc, &wrong) == STATUS_INVALID_PARAMETER);
    PVOID handle = KeRegisterProcessorChangeCallback(ProcessorChanged, &Changes, KE_PROCESSOR_CHANGE_ADD_EXISTING);
    CHECK(handle && Changes == 2 * KeQueryActiveProcessorCount(NULL)); /* start and completion of each */
    KeDeregisterProcessorChangeCallback(handle);
    CHECK(KeQueryDpcWatchdogInformation(&watchdog) == STATUS_UNSUCCESSFUL); /* only a DPC may ask */
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    CHECK(KeQueryDpcWatchdogInformation(&watchdog) == STATUS_SUCCESS);
    KeLowerIrql(irql);
}

static void SavedStates(void)
{
    KFLOATING_SAVE floating;
    XSTATE_SAVE extended;
    CHECK(KeSaveFloatingPointState(&floating) == STATUS_SUCCESS);
    volatile double half = 0.5;
    CHECK(half * 4 == 2.0);
    CHECK(KeRestoreFloatingPointState(&floating) == STATUS_SUCCESS);
    CHECK(KeSaveExtendedProcessorState(3, &extended) == STATUS_SUCCESS); /* x87 and SSE */
    KeRestoreExtendedProcessorState(&extended);
    ULONG64 enabled = RtlGetEnabledExtendedFeatures(~0ULL);
    CHECK((enabled & 3) == 3);
    CHECK(RtlGetEnabledExtendedFeatures(1) == 1);
    CHECK((enabled & 4) || KeSaveExtendedProcessorState(4, &extended) == STATUS_NOT_SUPPORTED); /* AVX */
    CHECK(ExIsProcessorFeaturePresent(PF_XMMI64_INSTRUCTIONS_AVAILABLE)); /* x64 always has SSE2 … */
    CHECK(ExIsProcessorFeaturePresent(PF_RDTSC_INSTRUCTION_AVAILABLE));
    CHECK(!ExIsProcessorFeaturePresent(PF_FLOATING_POINT_PRECISION_ERRATA) && !ExIsProcessorFeaturePresent(9999));
}

static __attribute__((noinline)) USHORT Inner(PVOID *Frames, ULONG Skip, PULONG Hash)
{
    USHORT count = RtlCaptureStackBackTrace(Skip, 4, Frames, Hash);
    __asm__ volatile("");
    return count;
}

static BOOLEAN Within(PVOID Address, PVOID Function, ULONG Size)
{
    return (ULONG_PTR)Address - (ULONG_PTR)Function < Size;
}

static __attribute__((noinline)) void BackTraces(void)
{
    PVOID frames[4], skipped[4], walked[8];
    ULONG hash = 0, other = 0;
    ULONG_PTR low, high;
    CONTEXT context;
    CHECK(Inner(frames, 0, &hash) == 4);
    CHECK(Within(frames[0], Inner, 0x100) && Within(frames[1], BackTraces, 0x1000));
    CHECK(Inner(skipped, 1, &other) == 4 && Within(skipped[0], BackTraces, 0x1000));
    CHECK(hash == (ULONG)((ULONG_PTR)frames[0] + (ULONG_PTR)frames[1] + (ULONG_PTR)frames[2] + (ULONG_PTR)frames[3]));
    CHECK(RtlWalkFrameChain(walked, 8, 0) >= 2 && Within(walked[0], BackTraces, 0x1000));
    CHECK(RtlWalkFrameChain(walked, 8, 1) == 0); /* no user-mode frames */
    context.ContextFlags = 0;
    RtlCaptureContext(&context);
    IoGetStackLimits(&low, &high);
    CHECK(Within((PVOID)context.Rip, BackTraces, 0x1000) && context.Rsp >= low && context.Rsp < high);
    CHECK(context.SegCs == 0x10); /* as on Windows */
    CHECK((ULONG_PTR)IoGetInitialStack() == high);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    Identity();
    RunInThread(Priority, NULL);
    RunInThread(Affinity, NULL);
    Processors();
    Nodes();
    SavedStates();
    BackTraces();
    return Summary("threads");
}
