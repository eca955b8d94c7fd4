/* SPDX-License-Identifier: MIT */
/* What ke/entry.S leaves on the stack at an interrupt or exception. The layout is entry.S's. */
#ifndef KE_TRAP_H
#define KE_TRAP_H
#include "kernel.h"

typedef struct _TRAP_FRAME {
    ULONG64
    Xmm[6][2]; /* volatile registers only: the kernel's own code uses none, and switching threads saves the others */
    ULONG64 MxCsr;
    ULONG64 Reserved;
    ULONG64 R15, R14, R13, R12, R11, R10, R9, R8, Rbp, Rdi, Rsi, Rdx, Rcx, Rbx, Rax;
    ULONG64 Vector, ErrorCode, Rip, Cs, RFlags, Rsp, Ss;
} TRAP_FRAME, *PTRAP_FRAME;

/* Interrupt entry points, 16 bytes apart (entry.S). */
extern UCHAR KiVectorStubs[];
/* Called by entry.S, interrupts off. */
VOID KiTrap(PTRAP_FRAME Frame);
/* Exceptions: ke/exception.c. */
VOID KiException(PTRAP_FRAME Frame);

#endif
