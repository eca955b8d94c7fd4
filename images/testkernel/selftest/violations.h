/* SPDX-License-Identifier: MIT */
/*
 * What the drivers share that each break one rule. A set is the files <set>*.c with <set>.txt, whose lines say how the kernel must stop: the
 * function Break_<case> is run in DriverEntry and must be blamed (or one whose name begins like it).
 */
#ifndef SELFTEST_VIOLATIONS_H
#define SELFTEST_VIOLATIONS_H
#include <ntifs.h>
#include <ntddk.h>

#define TAG 'tseT'

/* The function of a line of the set's .txt. */
#define BROKEN(name)                                                                                                   \
    void Break_##name(void);                                                                                           \
    __attribute__((noinline)) void Break_##name(void)
/* A dispatch or other routine that does the wrong thing and is to be blamed for it. */
#define BAD(name, suffix) __attribute__((noinline, used)) Break_##name##suffix

/* Of each set: what all of its cases start from. */
void Prepare(void);

extern PDRIVER_OBJECT Driver;
extern volatile ULONG Sink;
extern BOOLEAN Unload; /* DriverEntry fails, so the driver is unloaded */

static inline KIRQL Raise(KIRQL Irql)
{
    KIRQL old;
    KeRaiseIrql(Irql, &old);
    return old;
}

static inline PUCHAR Allocate(SIZE_T Size)
{
    return ExAllocatePoolWithTag(NonPagedPool, Size, TAG);
}

/* Long enough for what another thread breaks. */
static inline void Forever(void)
{
    LARGE_INTEGER due = {.QuadPart = -600000000LL};
    KeDelayExecutionThread(KernelMode, FALSE, &due);
}

/* DriverEntry runs in the PnP manager's critical region; a thread of its own does not. */
static inline void InThread(PKSTART_ROUTINE Routine)
{
    HANDLE thread;
    PsCreateSystemThread(&thread, THREAD_ALL_ACCESS, NULL, NULL, NULL, Routine, NULL);
    Forever();
}

#endif
