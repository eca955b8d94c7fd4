/* SPDX-License-Identifier: MIT */
/* Small questions to the executive: previous mode, processor features, time zone, unique ids, timer resolution. */
#include "ex/ex.h"
#include "ke/clock.h"

#undef ExGetPreviousMode

/* Any IRQL. There is no user mode here: every caller is the kernel. */
KPROCESSOR_MODE NTAPI ExGetPreviousMode(VOID)
{
    return KernelMode;
}

static VOID Cpuid(ULONG Leaf, ULONG Registers[4])
{
    __asm__ volatile("cpuid"
                     : "=a"(Registers[0]), "=b"(Registers[1]), "=c"(Registers[2]), "=d"(Registers[3])
                     : "a"(Leaf), "c"(0));
}

/* Any IRQL. PF_* features that CPUID reports. Partial: features newer than CMPXCHG16B are said to be absent. */
BOOLEAN NTAPI ExIsProcessorFeaturePresent(ULONG ProcessorFeature)
{
    ULONG Basic[4], Extended[4];
    Cpuid(1, Basic);
    Cpuid(0x80000001, Extended);
    switch (ProcessorFeature) {
    case PF_COMPARE_EXCHANGE_DOUBLE:
        return Basic[3] >> 8 & 1;
    case PF_MMX_INSTRUCTIONS_AVAILABLE:
        return Basic[3] >> 23 & 1;
    case PF_XMMI_INSTRUCTIONS_AVAILABLE:
        return Basic[3] >> 25 & 1;
    case PF_XMMI64_INSTRUCTIONS_AVAILABLE:
        return Basic[3] >> 26 & 1;
    case PF_RDTSC_INSTRUCTION_AVAILABLE:
        return Basic[3] >> 4 & 1;
    case PF_PAE_ENABLED:
        return TRUE;
    case PF_NX_ENABLED:
        return Extended[3] >> 20 & 1;
    case PF_SSE3_INSTRUCTIONS_AVAILABLE:
        return Basic[2] & 1;
    case PF_COMPARE_EXCHANGE128:
        return Basic[2] >> 13 & 1;
    default:
        return FALSE;
    }
}

/* Any IRQL. The kernel's time zone is UTC. */
VOID NTAPI ExSystemTimeToLocalTime(PLARGE_INTEGER SystemTime, PLARGE_INTEGER LocalTime)
{
    *LocalTime = *SystemTime;
}

VOID NTAPI ExLocalTimeToSystemTime(PLARGE_INTEGER LocalTime, PLARGE_INTEGER SystemTime)
{
    *SystemTime = *LocalTime;
}

/* IRQL <= APC_LEVEL. Returns the tick in 100 ns. Partial: the tick does not change; timers are exact whatever it is. */
ULONG NTAPI ExSetTimerResolution(ULONG DesiredTime, BOOLEAN SetResolution)
{
    KeAssertIrql(APC_LEVEL, "ExSetTimerResolution");
    return TICK_100NS;
}

/* PASSIVE_LEVEL. A version 1 UUID of time and a per-boot node with the multicast bit (no network card's address). */
NTSTATUS NTAPI ExUuidCreate(UUID *Uuid)
{
    static volatile LONG64 Last;
    LARGE_INTEGER Now;
    LONG64 Time, Old;
    LARGE_INTEGER Node;
    KeAssertIrql(APC_LEVEL, "ExUuidCreate");
    KeQuerySystemTime(&Now);
    do {
        Old = Last;
        Time = Now.QuadPart > Old ? Now.QuadPart : Old + 1; /* never the same twice */
    } while (InterlockedCompareExchange64(&Last, Time, Old) != Old);
    Node = KeQueryPerformanceCounter(NULL);
    Time += 0x01B21DD213814000LL - 0x019DB1DED53E8000LL; /* since 1582 instead of 1601 */
    Uuid->Data1 = (ULONG)Time;
    Uuid->Data2 = (USHORT)(Time >> 32);
    Uuid->Data3 = (USHORT)((Time >> 48 & 0x0FFF) | 0x1000);
    Uuid->Data4[0] = 0x80;
    Uuid->Data4[1] = 0x01;
    Uuid->Data4[2] = 0x01; /* multicast bit */
    for (ULONG i = 0; i < 5; i++) {
        Uuid->Data4[3 + i] = (UCHAR)((ULONG64)(Node.QuadPart * 0x9E3779B97F4A7C15LL) >> (8 * (i + 3)));
    }
    return STATUS_SUCCESS;
}
