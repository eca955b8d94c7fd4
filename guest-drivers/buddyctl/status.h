/* SPDX-License-Identifier: MIT */
/* Names for error codes. Everything is reported as an NTSTATUS, so that an answer reads the same from every guest. */
#ifndef BUDDYCTL_STATUS_H
#define BUDDYCTL_STATUS_H
/* ntstatus.h has all STATUS_ codes; windows.h would bring a few of its own, which clash. */
#define WIN32_NO_STATUS
#include <windows.h>
#undef WIN32_NO_STATUS
#include <ntstatus.h>
#include <winternl.h>
#include <cfgmgr32.h>

#define STATUS_NAME_SIZE 48

typedef struct CONFIG_RESULT {
    CONFIGRET Result;
    const char *Name; /* CR_… */
    NTSTATUS Status;  /* the nearest NTSTATUS */
} CONFIG_RESULT;

/* "STATUS_DELETE_PENDING", or "STATUS_0xC0001234" for a code that is not in the table. Buffer takes STATUS_NAME_SIZE bytes. */
const char *StatusName(NTSTATUS Status, char *Buffer);

/*
 * The NTSTATUS behind a Win32 error that has just been returned on this thread: the one that ntdll remembers, if it belongs to Error; else
 * the usual one for Error; else Error in the NTWIN32 facility (0xC007nnnn).
 */
NTSTATUS StatusOfLastError(DWORD Error);

/* Never NULL: an unknown result is described by an entry of its own. */
const CONFIG_RESULT *FindConfigResult(CONFIGRET Result);

#endif
