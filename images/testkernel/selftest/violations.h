/* SPDX-License-Identifier: MIT */
/* What the files of broken rules share. */
#ifndef SELFTEST_VIOLATIONS_H
#define SELFTEST_VIOLATIONS_H
#include <ntddk.h>

#define TAG 'tseT'

/* The function of a line of violations.txt. */
#define BROKEN(name)                                                                                                   \
    void Break_##name(void);                                                                                           \
    __attribute__((noinline)) void Break_##name(void)

extern PDRIVER_OBJECT Driver;
extern volatile ULONG Sink;
extern BOOLEAN Unload; /* DriverEntry fails, so the driver is unloaded */

static inline void Raise(KIRQL Irql)
{
    KIRQL old;
    KeRaiseIrql(Irql, &old);
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
