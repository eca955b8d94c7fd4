/* SPDX-License-Identifier: MIT */
/* GDT, IDT, TSS and model-specific registers; the same again after S3. Selectors are Windows': CS 0x10, SS 0x18, TR 0x40. */
#include "ke/processor.h"
#include "ke/trap.h"
#include "ke/xstate.h"
#include "hal/hal.h"
#include "hal/apic.h"

#pragma pack(push, 1)
typedef struct _TSS {
    ULONG Reserved0;
    ULONG64 Rsp[3];
    ULONG64 Reserved1;
    ULONG64 Ist[7];
    ULONG64 Reserved2;
    USHORT Reserved3, IoMap;
} TSS;

typedef struct _GATE {
    USHORT OffsetLow, Selector;
    UCHAR Ist, Attributes;
    USHORT OffsetMiddle;
    ULONG OffsetHigh, Reserved;
} GATE;

typedef struct _TABLE_POINTER {
    USHORT Limit;
    PVOID Base;
} TABLE_POINTER;
#pragma pack(pop)

#define IST_STACK  8192
#define VECTOR_NMI 2
#define VECTOR_DF  8
#define VECTOR_MC  18
#define MSR_PAT    0x277
/* Write-back, write-combining, uncached unless the MTRRs say write-combining, uncached; twice. Reset value: write-through as the second. */
#define PAT_VALUE   0x0007010600070106ULL
#define MSR_EFER    0xC0000080
#define MSR_GS_BASE 0xC0000101
#define MSR_FS_BASE 0xC0000100

PROCESSOR KiProcessor;
static ULONG64 KiGdt[10] = {0, 0, 0x00209B0000000000, 0x0000930000000000};
static GATE KiIdt[256];
static TSS KiTss;
static UCHAR KiIstStacks[3][IST_STACK] __attribute__((aligned(16)));

static ULONG64 KiSavedCr0, KiSavedCr4, KiSavedPat, KiSavedEfer;

static VOID LoadTables(VOID)
{
    TABLE_POINTER gdt = {sizeof(KiGdt) - 1, KiGdt}, idt = {sizeof(KiIdt) - 1, KiIdt};
    __asm__ volatile("lgdt %0" : : "m"(gdt));
    __asm__ volatile("lidt %0" : : "m"(idt));
    KiGdt[8] &= ~(1ULL << 41); /* TSS: available again, else LTR faults */
    __asm__ volatile("pushq $0x10\n\t"
                     "leaq 1f(%%rip), %%rax\n\t"
                     "pushq %%rax\n\t"
                     "lretq\n"
                     "1:\tmovl $0x18, %%eax\n\t"
                     "movl %%eax, %%ss\n\t"
                     "movl %%eax, %%ds\n\t"
                     "movl %%eax, %%es\n\t"
                     "xorl %%eax, %%eax\n\t"
                     "movl %%eax, %%fs\n\t"
                     "movl %%eax, %%gs\n\t"
                     "movl $0x40, %%eax\n\t"
                     "ltr %%ax"
                     :
                     :
                     : "rax", "memory");
    __writemsr(MSR_FS_BASE, 0);
    __writemsr(MSR_GS_BASE, (ULONG64)&KiProcessor);
}

VOID KiInitializeProcessor(VOID)
{
    ULONG64 tss = (ULONG64)&KiTss;
    KiGdt[8] = (sizeof(KiTss) - 1) | (tss & 0xFFFFFF) << 16 | 0x89ULL << 40 | (tss >> 24 & 0xFF) << 56;
    KiGdt[9] = tss >> 32;
    for (ULONG i = 0; i < 3; i++) {
        KiTss.Ist[i] = (ULONG64)&KiIstStacks[i][IST_STACK];
    }
    KiTss.IoMap = sizeof(KiTss);
    for (ULONG i = 0; i < 256; i++) {
        ULONG64 stub = (ULONG64)KiVectorStubs + i * 16;
        UCHAR ist = i == VECTOR_DF ? 1 : i == VECTOR_NMI ? 2 : i == VECTOR_MC ? 3 : 0;
        KiIdt[i] = (GATE){(USHORT)stub, 0x10, ist, 0x8E, (USHORT)(stub >> 16), (ULONG)(stub >> 32), 0};
    }
    KiProcessor.Self = &KiProcessor;
    KiProcessor.CurrentPrcb = &KiProcessor.MxCsr;
    KiProcessor.MxCsr = 0x1F80;
    InitializeListHead(&KiProcessor.DpcQueue);
    LoadTables();
    __writemsr(MSR_PAT, PAT_VALUE);
    KiInitializeExtendedState();
    __writecr8(HIGH_LEVEL);
}

VOID KiSaveProcessor(VOID)
{
    KiSavedCr0 = __readcr0();
    KiSavedCr4 = __readcr4();
    KiSavedPat = __readmsr(MSR_PAT);
    KiSavedEfer = __readmsr(MSR_EFER);
}

VOID KiRestoreProcessor(VOID)
{
    __writemsr(MSR_EFER, KiSavedEfer);
    __writemsr(MSR_PAT, KiSavedPat);
    __writecr4(KiSavedCr4);
    __writecr0(KiSavedCr0);
    KiInitializeExtendedState();
    __writecr3(KiKernelCr3);
    LoadTables();
    __writecr8(HIGH_LEVEL);
}

ULONG NTAPI KeQueryActiveProcessorCount(PKAFFINITY ActiveProcessors)
{
    if (ActiveProcessors) {
        *ActiveProcessors = 1;
    }
    return 1;
}

KAFFINITY NTAPI KeQueryActiveProcessors(VOID)
{
    return 1;
}

ULONG NTAPI KeQueryActiveProcessorCountEx(USHORT GroupNumber)
{
    return 1;
}

ULONG NTAPI KeQueryMaximumProcessorCount(VOID)
{
    return 1;
}

volatile CCHAR KeNumberProcessors = 1;
