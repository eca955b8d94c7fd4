/* SPDX-License-Identifier: MIT */
/* Stack unwinding by .pdata/.xdata (x64 exception handling, https://learn.microsoft.com/cpp/build/exception-handling-x64). */
#ifndef KE_UNWIND_H
#define KE_UNWIND_H
#include "kernel.h"

typedef struct _UNWIND_STATE {
    ULONG64 Registers[16]; /* rax rcx rdx rbx rsp rbp rsi rdi r8-r15: the numbering of unwind codes */
    ULONG64 Rip;
} UNWIND_STATE;

enum { UNWIND_RSP = 4, UNWIND_RBP = 5 };

/* Any IRQL. One frame up; FALSE at the end of the stack (or when it makes no sense). Reads only mapped memory. */
BOOLEAN KiUnwindFrame(UNWIND_STATE *State);

#endif
