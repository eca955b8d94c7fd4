/* SPDX-License-Identifier: MIT */
/* The processor's control block. GS points to it; drivers read CurrentThread at gs:[0x188] and the number at gs:[0x184], as on Windows. */
#ifndef KE_PROCESSOR_H
#define KE_PROCESSOR_H
#include "ke/thread.h"

typedef struct _PROCESSOR {
    PVOID Header[3];
    struct _PROCESSOR *Self; /* 0x18: KPCR.Self */
    PVOID CurrentPrcb;       /* 0x20 */
    UCHAR Reserved[0x180 - 0x28];
    ULONG MxCsr;            /* 0x180 */
    USHORT Number, Group;   /* 0x184 */
    PKTHREAD CurrentThread; /* 0x188 */
    PKTHREAD NextThread;
    PKTHREAD IdleThread;
    /* Ours from here. */
    LIST_ENTRY DpcQueue; /* interrupts off */
    volatile ULONG DpcCount;
    volatile BOOLEAN DpcActive; /* draining: insertions need no interrupt */
    volatile BOOLEAN SwitchWanted;
    volatile BOOLEAN TimersDue;
    PKDPC CurrentDpc;
    PKDEFERRED_ROUTINE DpcRoutine; /* of CurrentDpc, which it may have freed */
    ULONG64 DpcSince;
    volatile ULONG InterruptDepth;
    ULONG64 ContextSwitches, Interrupts, Dpcs;
} PROCESSOR, *PPROCESSOR;

C_ASSERT(FIELD_OFFSET(PROCESSOR, Self) == 0x18);
C_ASSERT(FIELD_OFFSET(PROCESSOR, CurrentThread) == 0x188);

extern PROCESSOR KiProcessor;

static inline PKTHREAD KiCurrentThread(VOID)
{
    return (PKTHREAD)__readgsqword(0x188);
}

/* Boot: GDT, IDT, TSS with stacks of their own for double fault, NMI and machine check, GS base. */
VOID KiInitializeProcessor(VOID);

#endif
