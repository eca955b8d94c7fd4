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

#endif
