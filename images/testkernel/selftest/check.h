/* SPDX-License-Identifier: MIT */
/* For drivers that test the kernel: one line a check on the console, a summary at the end. */
#ifndef SELFTEST_CHECK_H
#define SELFTEST_CHECK_H
#include <ntddk.h>

static LONG Checks, Failures;

/* PASSIVE_LEVEL to DISPATCH_LEVEL. */
#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        InterlockedIncrement(&Checks);                                                                                 \
        if (!(condition)) {                                                                                            \
            InterlockedIncrement(&Failures);                                                                           \
            DbgPrint("SELFTEST FAIL %s:%d %s\n", __FILE__, __LINE__, #condition);                                      \
        }                                                                                                              \
    } while (0)

static inline NTSTATUS Summary(PCSTR Name)
{
    DbgPrint("SELFTEST %s %s: %ld checks, %ld failed\n", Name, Failures ? "FAILED" : "PASSED", Checks, Failures);
    return Failures ? STATUS_UNSUCCESSFUL : STATUS_SUCCESS;
}

static inline LARGE_INTEGER Milliseconds(LONG Count)
{
    LARGE_INTEGER due = {.QuadPart = -10000LL * Count};
    return due;
}

/* KeWaitForSingleObject with a time limit; below DISPATCH_LEVEL unless Ms is 0. */
static inline NTSTATUS Wait(PVOID Object, LONG Ms)
{
    LARGE_INTEGER due = Milliseconds(Ms);
    return KeWaitForSingleObject(Object, Executive, KernelMode, FALSE, &due);
}

/* A system thread, to be waited for by Join. PASSIVE_LEVEL. */
static inline PKTHREAD Start(PKSTART_ROUTINE Routine, PVOID Context)
{
    HANDLE handle;
    PVOID thread = NULL;
    CHECK(NT_SUCCESS(PsCreateSystemThread(&handle, THREAD_ALL_ACCESS, NULL, NULL, NULL, Routine, Context)));
    CHECK(NT_SUCCESS(ObReferenceObjectByHandle(handle, THREAD_ALL_ACCESS, NULL, KernelMode, &thread, NULL)));
    CHECK(NT_SUCCESS(ZwClose(handle)));
    return thread;
}

static inline void Join(PKTHREAD Thread)
{
    CHECK(Wait(Thread, 5000) == STATUS_SUCCESS);
    ObDereferenceObject(Thread);
}

/* Runs Routine in a thread of its own to its end: DriverEntry runs in the PnP manager's critical region, a new thread in none. */
static inline void RunInThread(PKSTART_ROUTINE Routine, PVOID Context)
{
    Join(Start(Routine, Context));
}

#endif
