/* SPDX-License-Identifier: MIT */
/* Console log, DbgPrint and trace lines. */
#include "kd/log.h"
#include "boot/loader.h"
#include "hal/hal.h"
#include "rtl/format.h"

LOG_LEVEL KdLogLevel = LOG_INFO;
static volatile LONG KdPortLock;

/* The console's lock is taken with interrupts off, so that any IRQL may log. A bugcheck in the middle of a line breaks the lock. */
static BOOLEAN LockPort(PULONG64 Flags)
{
    *Flags = __readeflags();
    _disable();
    for (ULONG spins = 0; InterlockedExchange(&KdPortLock, 1) && spins < 1000000; spins++) {
        YieldProcessor();
    }
    return (*Flags & 0x200) != 0;
}

static VOID UnlockPort(BOOLEAN Enable)
{
    InterlockedExchange(&KdPortLock, 0);
    if (Enable) {
        _enable();
    }
}

VOID KdPrintRaw(PCSTR Text, SIZE_T Length)
{
    /* "\n" becomes "\r\n" for terminals. */
    SIZE_T start = 0;
    for (SIZE_T i = 0; i < Length; i++) {
        if (Text[i] == '\n') {
            HalSerialWrite(COM1, Text + start, i - start);
            HalSerialWrite(COM1, "\r\n", 2);
            start = i + 1;
        }
    }
    HalSerialWrite(COM1, Text + start, Length - start);
}

static VOID PrintLine(PCSTR Source, PCSTR Format, va_list Arguments)
{
    CHAR line[512];
    ULONG64 now = HalNanoseconds();
    SIZE_T used = RtlFormat(line, sizeof(line), "[%4I64u.%06I64u] ", now / 1000000000, now % 1000000000 / 1000);
    if (Source) {
        used += RtlFormat(line + used, sizeof(line) - used, "%s: ", Source);
    }
    used += RtlFormatV(line + used, sizeof(line) - used, Format, Arguments);
    if (used > sizeof(line) - 2) {
        used = sizeof(line) - 2;
    }
    while (used && line[used - 1] == '\n') {
        used--;
    }
    line[used++] = '\n';
    ULONG64 flags;
    BOOLEAN enable = LockPort(&flags);
    KdPrintRaw(line, used);
    UnlockPort(enable);
}

VOID KdLog(LOG_LEVEL Level, PCSTR Format, ...)
{
    if (Level > KdLogLevel) {
        return;
    }
    va_list arguments;
    va_start(arguments, Format);
    PrintLine(NULL, Format, arguments);
    va_end(arguments);
}

VOID KdTrace(PCSTR Format, ...)
{
    CHAR line[256] = "kernel ";
    va_list arguments;
    va_start(arguments, Format);
    SIZE_T used = 7 + RtlFormatV(line + 7, sizeof(line) - 8, Format, arguments);
    va_end(arguments);
    if (used > sizeof(line) - 2) {
        used = sizeof(line) - 2;
    }
    line[used++] = '\n';
    HalTraceWrite(line, used);
}

/* DbgPrint of a driver: the line names the driver, so that a log of several drivers can be read. */
static ULONG DebugPrint(PVOID Caller, PCSTR Format, va_list Arguments)
{
    PLOADED_IMAGE image = LdrImageFromAddress(Caller);
    PrintLine(image && !image->Kernel ? image->Name : NULL, Format, Arguments);
    return (ULONG)STATUS_SUCCESS;
}

ULONG __cdecl DbgPrint(PCSTR Format, ...)
{
    va_list arguments;
    va_start(arguments, Format);
    ULONG status = DebugPrint(__builtin_return_address(0), Format, arguments);
    va_end(arguments);
    return status;
}

/* Windows hides components' messages below their filter; here everything but INFO and above of unknown components is shown. */
ULONG __cdecl DbgPrintEx(ULONG ComponentId, ULONG Level, PCSTR Format, ...)
{
    va_list arguments;
    va_start(arguments, Format);
    ULONG status = DebugPrint(__builtin_return_address(0), Format, arguments);
    va_end(arguments);
    return status;
}

ULONG NTAPI vDbgPrintEx(ULONG ComponentId, ULONG Level, PCCH Format, va_list Arguments)
{
    return DebugPrint(__builtin_return_address(0), Format, Arguments);
}
