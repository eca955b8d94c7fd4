/* SPDX-License-Identifier: MIT */
/* Names of the NTSTATUS codes that drivers and the kernel answer; the same list as the Win32 buddyctl's. */
#include "agent/verb.h"

#define NAMED(Status)                                                                                                  \
    {                                                                                                                  \
        Status, #Status                                                                                                \
    }

static const struct {
    NTSTATUS Status;
    PCSTR Name;
} Names[] = {
    NAMED(STATUS_SUCCESS),
    NAMED(STATUS_PENDING),
    NAMED(STATUS_BUFFER_OVERFLOW),
    NAMED(STATUS_NO_MORE_ENTRIES),
    NAMED(STATUS_UNSUCCESSFUL),
    NAMED(STATUS_NOT_IMPLEMENTED),
    NAMED(STATUS_INVALID_HANDLE),
    NAMED(STATUS_INVALID_PARAMETER),
    NAMED(STATUS_NO_SUCH_DEVICE),
    NAMED(STATUS_NO_SUCH_FILE),
    NAMED(STATUS_INVALID_DEVICE_REQUEST),
    NAMED(STATUS_NO_MEMORY),
    NAMED(STATUS_ACCESS_DENIED),
    NAMED(STATUS_BUFFER_TOO_SMALL),
    NAMED(STATUS_OBJECT_NAME_INVALID),
    NAMED(STATUS_OBJECT_NAME_NOT_FOUND),
    NAMED(STATUS_OBJECT_NAME_COLLISION),
    NAMED(STATUS_OBJECT_PATH_NOT_FOUND),
    NAMED(STATUS_SHARING_VIOLATION),
    NAMED(STATUS_DELETE_PENDING),
    NAMED(STATUS_PRIVILEGE_NOT_HELD),
    NAMED(STATUS_INSUFFICIENT_RESOURCES),
    NAMED(STATUS_DEVICE_NOT_READY),
    NAMED(STATUS_DEVICE_POWERED_OFF),
    NAMED(STATUS_IO_TIMEOUT),
    NAMED(STATUS_NOT_SUPPORTED),
    NAMED(STATUS_DEVICE_DOES_NOT_EXIST),
    NAMED(STATUS_INVALID_BUFFER_SIZE),
    NAMED(STATUS_DEVICE_NOT_CONNECTED),
    NAMED(STATUS_CANCELLED),
    NAMED(STATUS_IO_DEVICE_ERROR),
    NAMED(STATUS_INVALID_DEVICE_STATE),
    NAMED(STATUS_DEVICE_BUSY),
    NAMED(STATUS_PLUGPLAY_NO_DEVICE),
    NAMED(STATUS_PLUGPLAY_QUERY_VETOED),
    NAMED(STATUS_POWER_STATE_INVALID),
    NAMED(STATUS_DEVICE_REMOVED),
    NAMED(STATUS_NOT_FOUND),
    NAMED(STATUS_REVISION_MISMATCH),
    NAMED(STATUS_INFO_LENGTH_MISMATCH),
    NAMED(STATUS_DEVICE_CONFIGURATION_ERROR),
};

PCSTR VerbStatusName(NTSTATUS Status)
{
    for (ULONG i = 0; i < COUNT_OF(Names); i++) {
        if (Names[i].Status == Status) {
            return Names[i].Name;
        }
    }
    return NULL;
}
