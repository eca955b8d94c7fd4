/* SPDX-License-Identifier: MIT */
/* Walking whole stacks. */
#include "ke/backtrace.h"
#include "ke/bugcheck.h"
#include "boot/loader.h"

ULONG KiWalkStack(UNWIND_STATE *State, PVOID *Frames, ULONG Count)
{
    ULONG found = 0;
    while (found < Count) {
        ULONG64 stack = State->Registers[UNWIND_RSP];
        Frames[found++] = (PVOID)State->Rip;
        if (!KiUnwindFrame(State) || (State->Registers[UNWIND_RSP] == stack)) {
            break;
        }
    }
    return found;
}

VOID KiStateFromTrap(UNWIND_STATE *State, const TRAP_FRAME *Frame)
{
    *State =
        (UNWIND_STATE){{Frame->Rax, Frame->Rcx, Frame->Rdx, Frame->Rbx, Frame->Rsp, Frame->Rbp, Frame->Rsi, Frame->Rdi,
                        Frame->R8, Frame->R9, Frame->R10, Frame->R11, Frame->R12, Frame->R13, Frame->R14, Frame->R15},
                       Frame->Rip};
}

VOID KiStateFromContext(UNWIND_STATE *State, const CONTEXT *Context)
{
    *State = (UNWIND_STATE){.Rip = Context->Rip};
    RtlCopyMemory(State->Registers, &Context->Rax, sizeof(State->Registers));
}

VOID KiStateFromThread(UNWIND_STATE *State, PKTHREAD Thread)
{
    /* KiSwapContext's frame: xmm and mxcsr, r15 r14 r13 r12 rdi rsi rbp rbx, return address. */
    PULONG64 saved = (PULONG64)((PUCHAR)Thread->StackPointer + 0xA8);
    *State = (UNWIND_STATE){.Rip = saved[8]};
    static const UCHAR order[] = {15, 14, 13, 12, 7, 6, 5, 3};
    for (ULONG i = 0; i < 8; i++) {
        State->Registers[order[i]] = saved[i];
    }
    State->Registers[UNWIND_RSP] = (ULONG64)(saved + 9);
}

ULONG KeCaptureBacktrace(PVOID *Frames, ULONG Count, ULONG Skip)
{
    CONTEXT context;
    UNWIND_STATE state;
    RtlCaptureContext(&context);
    KiStateFromContext(&state, &context);
    for (ULONG i = 0; i < Skip + 1 && KiUnwindFrame(&state); i++) {
    }
    return KiWalkStack(&state, Frames, Count);
}

PVOID KeDriverCaller(VOID)
{
    PVOID frames[32];
    ULONG count = KeCaptureBacktrace(frames, COUNT_OF(frames), 0);
    for (ULONG i = 0; i < count; i++) {
        PLOADED_IMAGE image = LdrImageFromAddress(frames[i]);
        if (image && !image->Kernel) {
            return frames[i];
        }
    }
    return NULL;
}

/* Any IRQL. The first frame (of FramesToSkip 0) is the place of this call. */
USHORT NTAPI RtlCaptureStackBackTrace(ULONG FramesToSkip, ULONG FramesToCapture, PVOID *BackTrace, PULONG BackTraceHash)
{
    ULONG count = KeCaptureBacktrace(BackTrace, FramesToCapture, FramesToSkip + 1);
    if (BackTraceHash) {
        *BackTraceHash = 0;
        for (ULONG i = 0; i < count; i++) {
            *BackTraceHash += (ULONG)(ULONG64)BackTrace[i];
        }
    }
    return (USHORT)count;
}
