/* SPDX-License-Identifier: MIT */
/*
 * A test is a function TEST(name); each runs in a process of its own, started by tests/testkernel/test_rtl_native.py. Host functions
 * are included before kernel.h renames the kernel's, so both can be compared.
 */
#ifndef NATIVE_HARNESS_H
#define NATIVE_HARNESS_H
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "kernel.h"
#include "rtl/rtl.h"

typedef struct TEST_CASE {
    const char *Name;
    void (*Run)(void);
    struct TEST_CASE *Next;
} TEST_CASE;

void RegisterTest(TEST_CASE *Test);
/* Ends the process with exit status 1. */
_Noreturn void Failed(const char *File, int Line, const char *Format, ...) __attribute__((format(printf, 3, 4)));
/* A repeatable pseudo-random number below Limit. */
uint32_t Random(uint32_t Limit);
/* Overlapping memcpy calls that the kernel would have reported. */
extern unsigned Overlaps;

#define TEST(name)                                                                                                     \
    static void name(void);                                                                                            \
    static TEST_CASE Case_##name = {#name, name, NULL};                                                                \
    __attribute__((constructor)) static void Register_##name(void)                                                     \
    {                                                                                                                  \
        RegisterTest(&Case_##name);                                                                                    \
    }                                                                                                                  \
    static void name(void)

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            Failed(__FILE__, __LINE__, "expected %s", #condition);                                                     \
        }                                                                                                              \
    } while (0)
#define EQUAL(expected, actual)                                                                                        \
    do {                                                                                                               \
        long long expected_ = (long long)(expected), actual_ = (long long)(actual);                                    \
        if (expected_ != actual_) {                                                                                    \
            Failed(__FILE__, __LINE__, "%s: expected %lld (0x%llx), got %lld (0x%llx)", #actual, expected_, expected_, \
                   actual_, actual_);                                                                                  \
        }                                                                                                              \
    } while (0)
#define SAME_TEXT(expected, actual)                                                                                    \
    do {                                                                                                               \
        const char *expected_ = (expected), *actual_ = (actual);                                                       \
        if (strcmp(expected_, actual_) != 0) {                                                                         \
            Failed(__FILE__, __LINE__, "%s: expected \"%s\", got \"%s\"", #actual, expected_, actual_);                \
        }                                                                                                              \
    } while (0)

#endif
