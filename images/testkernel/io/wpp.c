/* SPDX-License-Identifier: MIT */
/*
 * What WPP software tracing imports. No session ever enables a provider here, so no message is ever delivered; a driver that traces anyway is
 * told that its logger handle is wrong, as on Windows.
 * https://learn.microsoft.com/windows-hardware/drivers/devtest/wpp-software-tracing
 */
#include "io/io.h"
#include <evntrace.h>

/* Any IRQL. */
NTSTATUS __cdecl WmiTraceMessage(TRACEHANDLE LoggerHandle, ULONG MessageFlags, LPGUID MessageGuid, USHORT MessageNumber,
                                 ...)
{
    return STATUS_INVALID_HANDLE;
}

NTSTATUS NTAPI WmiTraceMessageVa(TRACEHANDLE LoggerHandle, ULONG MessageFlags, LPGUID MessageGuid, USHORT MessageNumber,
                                 va_list MessageArgList)
{
    return STATUS_INVALID_HANDLE;
}

/* IRQL <= DISPATCH_LEVEL. There is no session to tell of: STATUS_NOT_FOUND for all that asks for one. */
NTSTATUS NTAPI WmiQueryTraceInformation(TRACE_INFORMATION_CLASS TraceInformationClass, PVOID TraceInformation,
                                        ULONG TraceInformationLength, PULONG RequiredLength, PVOID Buffer)
{
    if (RequiredLength) {
        *RequiredLength = 0;
    }
    switch (TraceInformationClass) {
    case TraceIdClass:
    case TraceHandleClass:
    case TraceEnableFlagsClass:
    case TraceEnableLevelClass:
    case GlobalLoggerHandleClass:
    case EventLoggerHandleClass:
    case AllLoggerHandlesClass:
    case TraceHandleByNameClass:
        return STATUS_NOT_FOUND;
    default:
        return STATUS_INVALID_INFO_CLASS;
    }
}
