/* SPDX-License-Identifier: MIT */
/* Small questions to the executive: previous mode, processor features, time zone, unique ids, timer resolution. */
#include "ex/ex.h"
#include "ke/clock.h"
#include "ke/xstate.h"

#undef ExGetPreviousMode

/* Any IRQL. There is no user mode here: every caller is the kernel. */
KPROCESSOR_MODE NTAPI ExGetPreviousMode(VOID)
{
    return KernelMode;
}

/* What mingw's DDK headers lack (winnt.h). */
#define PF_RDRAND_INSTRUCTION_AVAILABLE   28
#define PF_RDTSCP_INSTRUCTION_AVAILABLE   32
#define PF_RDPID_INSTRUCTION_AVAILABLE    33
#define PF_MONITORX_INSTRUCTION_AVAILABLE 35
#define PF_SSSE3_INSTRUCTIONS_AVAILABLE   36
#define PF_SSE4_1_INSTRUCTIONS_AVAILABLE  37
#define PF_SSE4_2_INSTRUCTIONS_AVAILABLE  38
#define PF_AVX_INSTRUCTIONS_AVAILABLE     39
#define PF_AVX2_INSTRUCTIONS_AVAILABLE    40
#define PF_AVX512F_INSTRUCTIONS_AVAILABLE 41
#define PF_ERMS_AVAILABLE                 42
#ifndef PF_FASTFAIL_AVAILABLE
#define PF_FASTFAIL_AVAILABLE 23
#endif

typedef struct _FEATURE {
    ULONG Leaf;    /* CPUID leaf */
    UCHAR Output;  /* 0 to 3: EAX to EDX */
    UCHAR Bit;     /* of it */
    UCHAR Enabled; /* XCR0 bits that the kernel must have enabled, too */
} FEATURE;

/*
 * By PF_* number; those without an entry are absent: other processors', and what this kernel does not enable (RDWRFSGSBASE, hypervisor).
 * https://learn.microsoft.com/windows/win32/api/processthreadsapi/nf-processthreadsapi-isprocessorfeaturepresent
 */
static const FEATURE Features[] = {
    [PF_COMPARE_EXCHANGE_DOUBLE] = {1, 3, 8, 0},
    [PF_MMX_INSTRUCTIONS_AVAILABLE] = {1, 3, 23, 0},
    [PF_XMMI_INSTRUCTIONS_AVAILABLE] = {1, 3, 25, 0},
    [PF_3DNOW_INSTRUCTIONS_AVAILABLE] = {0x80000001, 3, 31, 0},
    [PF_RDTSC_INSTRUCTION_AVAILABLE] = {1, 3, 4, 0},
    [PF_PAE_ENABLED] = {1, 3, 6, 0},
    [PF_XMMI64_INSTRUCTIONS_AVAILABLE] = {1, 3, 26, 0},
    [PF_NX_ENABLED] = {0x80000001, 3, 20, 0},
    [PF_SSE3_INSTRUCTIONS_AVAILABLE] = {1, 2, 0, 0},
    [PF_COMPARE_EXCHANGE128] = {1, 2, 13, 0},
    [PF_COMPARE64_EXCHANGE128] = {1, 2, 13, 0},
    [PF_XSAVE_ENABLED] = {1, 2, 27, 0}, /* OSXSAVE: enabled */
    [PF_RDRAND_INSTRUCTION_AVAILABLE] = {1, 2, 30, 0},
    [PF_RDTSCP_INSTRUCTION_AVAILABLE] = {0x80000001, 3, 27, 0},
    [PF_RDPID_INSTRUCTION_AVAILABLE] = {7, 2, 22, 0},
    [PF_MONITORX_INSTRUCTION_AVAILABLE] = {0x80000001, 2, 29, 0},
    [PF_SSSE3_INSTRUCTIONS_AVAILABLE] = {1, 2, 9, 0},
    [PF_SSE4_1_INSTRUCTIONS_AVAILABLE] = {1, 2, 19, 0},
    [PF_SSE4_2_INSTRUCTIONS_AVAILABLE] = {1, 2, 20, 0},
    [PF_AVX_INSTRUCTIONS_AVAILABLE] = {1, 2, 28, XSTATE_MASK_AVX},
    [PF_AVX2_INSTRUCTIONS_AVAILABLE] = {7, 1, 5, XSTATE_MASK_AVX},
    [PF_AVX512F_INSTRUCTIONS_AVAILABLE] = {7, 1, 16, XSTATE_MASK_AVX512},
    [PF_ERMS_AVAILABLE] = {7, 1, 9, 0},
};

/* Any IRQL. What CPUID reports and, where the kernel must save more state for it, has enabled; __fastfail is the kernel's. */
BOOLEAN NTAPI ExIsProcessorFeaturePresent(ULONG ProcessorFeature)
{
    ULONG Registers[4];
    if (ProcessorFeature == PF_FASTFAIL_AVAILABLE) {
        return TRUE;
    }
    if (ProcessorFeature >= COUNT_OF(Features) || !Features[ProcessorFeature].Leaf) {
        return FALSE;
    }
    const FEATURE *Feature = &Features[ProcessorFeature];
    KiCpuid(Feature->Leaf & 0x80000000, 0, Registers);
    if (Feature->Leaf > Registers[0]) {
        return FALSE; /* the highest leaf */
    }
    KiCpuid(Feature->Leaf, 0, Registers);
    return (Registers[Feature->Output] >> Feature->Bit & 1) &&
           (KiExtendedFeatures & Feature->Enabled) == Feature->Enabled;
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

/*
 * IRQL <= APC_LEVEL. The time between clock interrupts, in 100 ns: 1 ms at the least, TICK_100NS when nobody asks for less. "The system does not restore
 * the default frequency until all of these drivers have called this routine" with FALSE: the calls are counted.
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exsettimerresolution
 */
ULONG NTAPI ExSetTimerResolution(ULONG DesiredTime, BOOLEAN SetResolution)
{
    static LONG Requests;
    KIRQL Irql = KeRaiseIrqlToDpcLevel();
    if (SetResolution) {
        Requests++;
        KiSetTickPeriod(min(max(DesiredTime, FASTEST_TICK_100NS), KiTickPeriod()));
    } else if (Requests && --Requests == 0) {
        KiSetTickPeriod(TICK_100NS);
    }
    KeLowerIrql(Irql);
    return KiTickPeriod();
}

/* Any IRQL. In 100 ns: the slowest (the default), the fastest, the present time between clock interrupts. */
VOID NTAPI ExQueryTimerResolution(PULONG MaximumTime, PULONG MinimumTime, PULONG CurrentTime);
VOID NTAPI ExQueryTimerResolution(PULONG MaximumTime, PULONG MinimumTime, PULONG CurrentTime)
{
    *MaximumTime = TICK_100NS;
    *MinimumTime = FASTEST_TICK_100NS;
    *CurrentTime = KiTickPeriod();
}

/* PASSIVE_LEVEL. A version 1 UUID of time and a per-boot node with the multicast bit (no network card's address). */
NTSTATUS NTAPI ExUuidCreate(UUID *Uuid)
{
    static volatile LONG64 Last;
    LARGE_INTEGER Now;
    LONG64 Time, Old;
    LARGE_INTEGER Node;
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
