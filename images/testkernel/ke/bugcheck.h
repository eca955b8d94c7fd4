/* SPDX-License-Identifier: MIT */
/* Stopping the system with a report: KeBugCheckEx plus what a reader wants to know. */
#ifndef KE_BUGCHECK_H
#define KE_BUGCHECK_H
#include "kernel.h"

#ifndef DRIVER_VERIFIER_DETECTED_VIOLATION
#define DRIVER_VERIFIER_DETECTED_VIOLATION 0xC4
#endif

/*
 * Any IRQL. KeBugCheckEx with a sentence that says what was expected, what came and what to do ("reason" in the BUGCHECK line).
 * Culprit (may be NULL) is an address inside the driver to blame: when given, its driver and function are named instead of those of
 * the first driver frame of the backtrace.
 */
DECLSPEC_NORETURN VOID KeBugCheckReason(ULONG Code, ULONG_PTR P1, ULONG_PTR P2, ULONG_PTR P3, ULONG_PTR P4,
                                        const VOID *Culprit, PCSTR Format, ...);

/* Any IRQL. Return addresses of the current stack, innermost first, found by unwind data (.pdata/.xdata). */
ULONG KeCaptureBacktrace(PVOID *Frames, ULONG Count, ULONG Skip);
/* Any IRQL. The first frame of the current stack that lies in a driver image (not the kernel), or NULL. */
PVOID KeDriverCaller(VOID);

/* "DRIVER_IRQL_NOT_LESS_OR_EQUAL"; "?" if unknown. */
PCSTR KeBugCheckName(ULONG Code);

/*
 * Wait that can never end. The description names both sides; stops with 0xC4 (DRIVER_VERIFIER_DETECTED_VIOLATION), sub-code 0x1001
 * (deadlock detected), P2 = object, P3 = waiting thread.
 */
DECLSPEC_NORETURN VOID KeReportDeadlock(PVOID Object, PKTHREAD Waiter, const VOID *Culprit, PCSTR Format, ...);

/*
 * Wait graph. "Only Thread can ever signal Object": declared by those who know (a notification callback that runs on the PnP thread, a
 * device whose removal holds the lock). When a thread blocks without time-out, the chain thread -> object -> owner -> object … is
 * followed; a cycle is a deadlock and is reported with both sides. Mutexes, fast mutexes and resources are known by themselves.
 */
typedef struct _WAIT_OWNER {
    LIST_ENTRY Link;
    PVOID Object;
    PKTHREAD Thread;
    PCSTR Why; /* "the owner's interface notification to borrower.sys must return first" */
    const VOID *Culprit;
} WAIT_OWNER, *PWAIT_OWNER;

VOID KeDeclareWaitOwner(PWAIT_OWNER Owner, PVOID Object, PKTHREAD Thread, PCSTR Why, const VOID *Culprit);
VOID KeRetractWaitOwner(PWAIT_OWNER Owner);

/* Any IRQL. A stop is being reported, or was. */
BOOLEAN KeIsStopped(VOID);

/*
 * Bugcheck unless IRQL <= Maximum: 0xC4/… as Driver Verifier does, naming Function and the driver that called it. For what depends on a
 * function's arguments: drivers' calls are checked against ke/irql.txt before they reach the function.
 */
#define KeAssertIrql(Maximum, Function)                                                                                \
    do {                                                                                                               \
        if (__readcr8() > (Maximum))                                                                                   \
            KiIrqlTooHigh((Function), (Maximum), __builtin_return_address(0));                                         \
    } while (0)
DECLSPEC_NORETURN VOID KiIrqlTooHigh(PCSTR Function, KIRQL Maximum, PVOID Caller);

/* bugcheckreason.c: HIGH_LEVEL, once, when the system has stopped. */
VOID KiRunBugCheckReasonCallbacks(ULONG Code);

#endif
