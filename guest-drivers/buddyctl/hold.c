/* SPDX-License-Identifier: MIT */
/*
 * `hold` and `release`: a handle that outlives the command. buddyctl starts itself once more as a detached process with the verb `keep`; that one opens the
 * device, answers through a pipe, and waits for its named event. The handle number is its process id, the event Global\buddyctl-hold-<id>.
 */
#include "verbs.h"
#include "answer.h"
#include "device.h"
#include "keeper.h"
#include "number.h"
#include <stdio.h>

#define EVENT_NAME_SIZE 48

static void EventName(wchar_t *Name, DWORD ProcessId)
{
    _snwprintf(Name, EVENT_NAME_SIZE, L"Global\\buddyctl-hold-%lu", ProcessId);
}

int VerbKeep(int Count, wchar_t **Arguments)
{
    wchar_t name[EVENT_NAME_SIZE];
    DEVICE device;
    HANDLE handle;
    HANDLE event;
    int failure;

    UNREFERENCED_PARAMETER(Count);
    EventName(name, GetCurrentProcessId());
    event = CreateEventW(NULL, TRUE, FALSE, name);
    if (event == NULL) {
        return FailWin32(GetLastError(), L"making the release event");
    }
    failure = FindDevice(Arguments[0], &device);
    if (failure == 0) {
        failure = OpenDevice(&device, &handle);
    }
    if (failure != 0) {
        return failure;
    }
    KeeperAnswer("handle");
    WaitForSingleObject(event, INFINITE);
    CloseHandle(handle);
    return ExitDone;
}

int VerbHold(int Count, wchar_t **Arguments)
{
    DEVICE device;
    int failure = FindDevice(Arguments[0], &device);

    UNREFERENCED_PARAMETER(Count);
    return failure != 0 ? failure : StartKeeper(L"keep", device.Instance);
}

int VerbRelease(int Count, wchar_t **Arguments)
{
    wchar_t name[EVENT_NAME_SIZE];
    DWORD processId;
    HANDLE event;
    HANDLE process;

    UNREFERENCED_PARAMETER(Count);
    if (!ParseNumber(Arguments[0], &processId)) {
        return FailUsage(L"usage: buddyctl release HANDLE; HANDLE is the number that `hold` answered");
    }
    EventName(name, processId);
    process = OpenProcess(SYNCHRONIZE, FALSE, processId);
    event = OpenEventW(EVENT_MODIFY_STATE, FALSE, name);
    if (event == NULL || process == NULL) {
        return FailAbsent(L"no process holds a device under this handle; it may have been released already");
    }
    if (!SetEvent(event)) {
        return FailWin32(GetLastError(), L"signalling the process that keeps the handle");
    }
    if (WaitForSingleObject(process, KEEPER_LIMIT_MS) != WAIT_OBJECT_0) {
        return FailStatus(STATUS_IO_TIMEOUT,
                          L"the process that keeps the handle did not end within 10 s: its close is stuck in a driver");
    }
    return AnswerEmpty();
}
