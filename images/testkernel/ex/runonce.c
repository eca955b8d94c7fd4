/* SPDX-License-Identifier: MIT */
/*
 * One-time initialization. The pointer's two low bits are the state, the rest is the chain of waiting threads while it is under way, then the
 * context. IRQL <= APC_LEVEL for all but RtlRunOnceInitialize.
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-rtlrunoncebegininitialize
 */
#include "ex/ex.h"

#define STATE_BITS  3ULL
#define STATE_BEGUN 1ULL /* somebody must finish it */
#define STATE_DONE  2ULL
#define STATE_ASYNC 3ULL /* several may try; the first that completes wins */

/* On the stack of a waiting thread. */
typedef struct _WAITER {
    struct _WAITER *Next;
    KEVENT Done;
} WAITER, *PWAITER;

static ULONG_PTR Exchange(PRTL_RUN_ONCE RunOnce, ULONG_PTR Old, ULONG_PTR New)
{
    return (ULONG_PTR)InterlockedCompareExchangePointer(&RunOnce->Ptr, (PVOID)New, (PVOID)Old);
}

static ULONG_PTR Value(PRTL_RUN_ONCE RunOnce)
{
    return (ULONG_PTR) * (PVOID volatile *)&RunOnce->Ptr;
}

/* Until the initialization that is under way ends. */
static VOID WaitForEnd(PRTL_RUN_ONCE RunOnce)
{
    WAITER Waiter;
    ULONG_PTR Old;
    KeInitializeEvent(&Waiter.Done, NotificationEvent, FALSE);
    do {
        Old = Value(RunOnce);
        if ((Old & STATE_BITS) != STATE_BEGUN) {
            return;
        }
        Waiter.Next = (PWAITER)(Old & ~STATE_BITS);
    } while (Exchange(RunOnce, Old, (ULONG_PTR)&Waiter | STATE_BEGUN) != Old);
    KeWaitForSingleObject(&Waiter.Done, Executive, KernelMode, FALSE, NULL);
}

/* Any IRQL. */
VOID NTAPI RtlRunOnceInitialize(PRTL_RUN_ONCE RunOnce)
{
    RunOnce->Ptr = NULL;
}

/* STATUS_PENDING: the caller initializes, then calls RtlRunOnceComplete. STATUS_SUCCESS: done, *Context is what it gave. */
NTSTATUS NTAPI RtlRunOnceBeginInitialize(PRTL_RUN_ONCE RunOnce, ULONG Flags, PVOID *Context)
{
    BOOLEAN Check = (Flags & RTL_RUN_ONCE_CHECK_ONLY) != 0, Async = (Flags & RTL_RUN_ONCE_ASYNC) != 0;
    if ((Flags & ~(ULONG)(RTL_RUN_ONCE_CHECK_ONLY | RTL_RUN_ONCE_ASYNC)) || (Check && Async)) {
        return STATUS_INVALID_PARAMETER;
    }
    for (;;) {
        ULONG_PTR Old = Value(RunOnce);
        ULONG_PTR State = Old & STATE_BITS;
        if (State == STATE_DONE) {
            if (Context) {
                *Context = (PVOID)(Old & ~STATE_BITS);
            }
            return STATUS_SUCCESS;
        }
        if (Check) {
            return STATUS_UNSUCCESSFUL;
        }
        if (State == 0) {
            if (Exchange(RunOnce, 0, Async ? STATE_ASYNC : STATE_BEGUN) == 0) {
                return STATUS_PENDING;
            }
        } else if (Async != (State == STATE_ASYNC)) {
            return STATUS_INVALID_PARAMETER; /* all callers of one structure use the same mode */
        } else if (Async) {
            return STATUS_PENDING;
        } else {
            WaitForEnd(RunOnce);
        }
    }
}

/* Context must have its two low bits clear. RTL_RUN_ONCE_INIT_FAILED: the next one tries anew. */
NTSTATUS NTAPI RtlRunOnceComplete(PRTL_RUN_ONCE RunOnce, ULONG Flags, PVOID Context)
{
    BOOLEAN Failed = (Flags & RTL_RUN_ONCE_INIT_FAILED) != 0, Async = (Flags & RTL_RUN_ONCE_ASYNC) != 0;
    ULONG_PTR Old, New = Failed ? 0 : (ULONG_PTR)Context | STATE_DONE;
    if ((Flags & ~(ULONG)(RTL_RUN_ONCE_INIT_FAILED | RTL_RUN_ONCE_ASYNC)) || (Failed && (Async || Context)) ||
        ((ULONG_PTR)Context & STATE_BITS)) {
        return STATUS_INVALID_PARAMETER;
    }
    do {
        Old = Value(RunOnce);
        if ((Old & STATE_BITS) != (Async ? STATE_ASYNC : STATE_BEGUN)) {
            return STATUS_UNSUCCESSFUL;
        }
    } while (Exchange(RunOnce, Old, New) != Old);
    for (PWAITER Waiter = (PWAITER)(Old & ~STATE_BITS); Waiter;) {
        PWAITER Next = Waiter->Next; /* gone as soon as its thread goes on */
        KeSetEvent(&Waiter->Done, IO_NO_INCREMENT, FALSE);
        Waiter = Next;
    }
    return STATUS_SUCCESS;
}

/* InitFn is called by one thread at a time until it returns TRUE once; its FALSE is STATUS_UNSUCCESSFUL here. */
NTSTATUS NTAPI RtlRunOnceExecuteOnce(PRTL_RUN_ONCE RunOnce, PRTL_RUN_ONCE_INIT_FN InitFn, PVOID Parameter,
                                     PVOID *Context)
{
    PVOID Made = NULL;
    NTSTATUS Status = RtlRunOnceBeginInitialize(RunOnce, 0, Context);
    if (Status != STATUS_PENDING) {
        return Status;
    }
    if (!InitFn(RunOnce, Parameter, &Made)) {
        RtlRunOnceComplete(RunOnce, RTL_RUN_ONCE_INIT_FAILED, NULL);
        return STATUS_UNSUCCESSFUL;
    }
    Status = RtlRunOnceComplete(RunOnce, 0, Made);
    if (NT_SUCCESS(Status) && Context) {
        *Context = Made;
    }
    return Status;
}
