/* SPDX-License-Identifier: MIT */
/* Processor state beyond x87 and SSE: CPUID, XCR0, and what a thread switch does with it. */
#ifndef KE_XSTATE_H
#define KE_XSTATE_H
#include "kernel.h"

#define XSTATE_MASK_AVX    0x04ULL
#define XSTATE_MASK_AVX512 0xE0ULL /* opmask, upper halves, upper registers */

/* XCR0: the features whose state XSAVE keeps; 0 without XSAVE. */
extern ULONG64 KiExtendedFeatures;

/* Any IRQL. EAX, EBX, ECX, EDX of a CPUID leaf. */
static inline VOID KiCpuid(ULONG Leaf, ULONG Subleaf, ULONG Registers[4])
{
    __asm__ volatile("cpuid"
                     : "=a"(Registers[0]), "=b"(Registers[1]), "=c"(Registers[2]), "=d"(Registers[3])
                     : "a"(Leaf), "c"(Subleaf));
}

/* Boot, and after S3 with CR4 restored: enables XSAVE and all states that the processor has and Windows 10 uses (AVX, AVX-512). */
VOID KiInitializeExtendedState(VOID);
/* DISPATCH_LEVEL, before and after a thread switch: only for a thread that is between KeSave… and KeRestoreExtendedProcessorState. */
VOID KiKeepExtendedState(PXSTATE_SAVE Save);
VOID KiTakeExtendedState(PXSTATE_SAVE Save);

#endif
