/* SPDX-License-Identifier: MIT */
/* Runs one test by name; "--list" prints the names, "--case" the case mapping table. Stands in for rtl/support.c. */
#include "harness.h"

static TEST_CASE *Tests;
unsigned Overlaps;

void RegisterTest(TEST_CASE *Test)
{
    Test->Next = Tests;
    Tests = Test;
}

void Failed(const char *File, int Line, const char *Format, ...)
{
    va_list arguments;
    va_start(arguments, Format);
    fprintf(stderr, "%s:%d: ", File, Line);
    vfprintf(stderr, Format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    exit(1);
}

uint32_t Random(uint32_t Limit)
{
    static uint64_t state = 0x853C49E6748FEA9BULL;
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(((state >> 33) * Limit) >> 31);
}

VOID RtlRequireIrql(PCSTR Function, KIRQL Maximum, PVOID Caller)
{
    (void)Function, (void)Maximum, (void)Caller;
}

VOID RtlReportOverlap(PVOID Destination, const VOID *Source, SIZE_T Length, PVOID Caller)
{
    (void)Destination, (void)Source, (void)Length, (void)Caller;
    Overlaps++;
}

PVOID RtlAllocateString(SIZE_T Size, PVOID Caller)
{
    (void)Caller;
    return malloc(Size);
}

VOID RtlFreeString(PVOID Buffer, PVOID Caller)
{
    (void)Caller;
    free(Buffer);
}

int main(int argc, char **argv)
{
    const char *want = argc == 2 ? argv[1] : "";
    if (strcmp(want, "--list") == 0) {
        for (TEST_CASE *test = Tests; test; test = test->Next) {
            puts(test->Name);
        }
        return 0;
    }
    if (strcmp(want, "--case") == 0) {
        for (uint32_t c = 0; c < 0x10000; c++) {
            printf("%04x %04x %04x\n", c, RtlUpcaseUnicodeChar((WCHAR)c), RtlDowncaseUnicodeChar((WCHAR)c));
        }
        return 0;
    }
    for (TEST_CASE *test = Tests; test; test = test->Next) {
        if (strcmp(test->Name, want) == 0) {
            test->Run();
            return 0;
        }
    }
    fprintf(stderr, "no test \"%s\"; --list names them\n", want);
    return 2;
}
