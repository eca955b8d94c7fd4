/* SPDX-License-Identifier: MIT */
#include "status.h"
#include "../include/status_names.h"
#include <setupapi.h> /* its error codes */
#include <stdio.h>

/* ntdll: the status from which the last Win32 error of this thread was made. Not declared by mingw's headers. */
NTSYSAPI NTSTATUS NTAPI RtlGetLastNtStatus(VOID);

/* What drivers and the I/O and PnP managers answer. */
static const struct {
    NTSTATUS Status;
    const char *Name;
} statusNames[] = {STATUS_NAMES};

/* Win32 errors of functions that do not come by an NTSTATUS themselves (SetupAPI, registry). */
static const struct {
    DWORD Error;
    NTSTATUS Status;
} usualStatus[] = {
    {ERROR_INVALID_FUNCTION, STATUS_INVALID_DEVICE_REQUEST},
    {ERROR_FILE_NOT_FOUND, STATUS_OBJECT_NAME_NOT_FOUND},
    {ERROR_PATH_NOT_FOUND, STATUS_OBJECT_PATH_NOT_FOUND},
    {ERROR_ACCESS_DENIED, STATUS_ACCESS_DENIED},
    {ERROR_INVALID_HANDLE, STATUS_INVALID_HANDLE},
    {ERROR_NOT_ENOUGH_MEMORY, STATUS_NO_MEMORY},
    {ERROR_GEN_FAILURE, STATUS_UNSUCCESSFUL},
    {ERROR_NOT_READY, STATUS_DEVICE_NOT_READY},
    {ERROR_NOT_SUPPORTED, STATUS_NOT_SUPPORTED},
    {ERROR_INVALID_PARAMETER, STATUS_INVALID_PARAMETER},
    {ERROR_INSUFFICIENT_BUFFER, STATUS_BUFFER_TOO_SMALL},
    {ERROR_BUSY, STATUS_DEVICE_BUSY},
    {ERROR_MORE_DATA, STATUS_BUFFER_OVERFLOW},
    {ERROR_NO_MORE_ITEMS, STATUS_NO_MORE_ENTRIES},
    {ERROR_PRIVILEGE_NOT_HELD, STATUS_PRIVILEGE_NOT_HELD},
    {ERROR_NOT_ALL_ASSIGNED, STATUS_PRIVILEGE_NOT_HELD},
    {ERROR_NO_SUCH_DEVINST, STATUS_NO_SUCH_DEVICE},
    {ERROR_NO_SUCH_DEVICE_INTERFACE, STATUS_NO_SUCH_DEVICE},
};

#define CONFIG(Result, Status)                                                                                         \
    {                                                                                                                  \
        Result, #Result, Status                                                                                        \
    }

static const CONFIG_RESULT configResults[] = {
    CONFIG(CR_OUT_OF_MEMORY, STATUS_NO_MEMORY),
    CONFIG(CR_INVALID_POINTER, STATUS_INVALID_PARAMETER),
    CONFIG(CR_INVALID_FLAG, STATUS_INVALID_PARAMETER),
    CONFIG(CR_INVALID_DEVNODE, STATUS_NO_SUCH_DEVICE),
    CONFIG(CR_NO_SUCH_DEVNODE, STATUS_NO_SUCH_DEVICE),
    CONFIG(CR_FAILURE, STATUS_UNSUCCESSFUL),
    CONFIG(CR_BUFFER_SMALL, STATUS_BUFFER_TOO_SMALL),
    CONFIG(CR_INVALID_DEVICE_ID, STATUS_NO_SUCH_DEVICE),
    CONFIG(CR_NEED_RESTART, STATUS_DEVICE_BUSY),
    CONFIG(CR_NOT_DISABLEABLE, STATUS_NOT_SUPPORTED),
    CONFIG(CR_REMOVE_VETOED, STATUS_PLUGPLAY_QUERY_VETOED),
    CONFIG(CR_NO_SUCH_REGISTRY_KEY, STATUS_OBJECT_NAME_NOT_FOUND),
    CONFIG(CR_NO_SUCH_VALUE, STATUS_OBJECT_NAME_NOT_FOUND),
    CONFIG(CR_ACCESS_DENIED, STATUS_ACCESS_DENIED),
    CONFIG(CR_CALL_NOT_IMPLEMENTED, STATUS_NOT_IMPLEMENTED),
    CONFIG(CR_DEVICE_NOT_THERE, STATUS_NO_SUCH_DEVICE),
    CONFIG(CR_INVALID_DATA, STATUS_INVALID_PARAMETER),
};

const char *StatusName(NTSTATUS Status, char *Buffer)
{
    size_t index;

    for (index = 0; index < ARRAYSIZE(statusNames); index++) {
        if (statusNames[index].Status == Status) {
            return statusNames[index].Name;
        }
    }
    snprintf(Buffer, STATUS_NAME_SIZE, "STATUS_0x%08lX", (ULONG)Status);
    return Buffer;
}

NTSTATUS StatusOfLastError(DWORD Error)
{
    NTSTATUS last = RtlGetLastNtStatus();
    size_t index;

    /* ntdll's status may be an older one: several functions set the Win32 error alone. */
    if (!NT_SUCCESS(last) && RtlNtStatusToDosError(last) == Error) {
        return last;
    }
    for (index = 0; index < ARRAYSIZE(usualStatus); index++) {
        if (usualStatus[index].Error == Error) {
            return usualStatus[index].Status;
        }
    }
    return (NTSTATUS)(0xC0070000 | (Error & 0xFFFF));
}

const CONFIG_RESULT *FindConfigResult(CONFIGRET Result)
{
    static const CONFIG_RESULT other = {0, "an unexpected result", STATUS_UNSUCCESSFUL};
    size_t index;

    for (index = 0; index < ARRAYSIZE(configResults); index++) {
        if (configResults[index].Result == Result) {
            return &configResults[index];
        }
    }
    return &other;
}
