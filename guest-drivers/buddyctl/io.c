/* SPDX-License-Identifier: MIT */
/*
 * `io` and `kill`: a process that keeps a device busy, and its violent end. buddyctl starts itself once more with the verb `work`; that process keeps one request
 * pending and sends others one after the other, until it is killed: Windows then cancels what is pending and closes the handles.
 */
#include "verbs.h"
#include "answer.h"
#include "device.h"
#include "keeper.h"
#include "number.h"
#include <winioctl.h>
#include "../include/buddy_ioctl.h"

int VerbWork(int Count, wchar_t **Arguments)
{
    OVERLAPPED overlapped = {0};
    BUDDY_EXERCISE_STATUS status;
    DEVICE device;
    HANDLE handle;
    HANDLE waiting;
    DWORD output;
    DWORD returned;
    int failure = FindDevice(Arguments[0], &device);

    UNREFERENCED_PARAMETER(Count);
    if (failure == 0) {
        failure = OpenDevice(&device, &handle);
    }
    if (failure == 0) {
        failure = OpenDeviceWith(&device, FILE_FLAG_OVERLAPPED, &waiting);
    }
    if (failure != 0) {
        return failure;
    }
    overlapped.hEvent = CreateEventW(NULL, TRUE, TRUE, NULL);
    if (overlapped.hEvent == NULL) {
        return FailWin32(GetLastError(), L"making an event");
    }
    KeeperAnswer("process");
    for (;;) {
        if (WaitForSingleObject(overlapped.hEvent, 0) == WAIT_OBJECT_0) {
            /* Answered (the driver has got or lost its hardware), or not sent yet. */
            DeviceIoControl(waiting, IOCTL_BUDDY_WAIT_POWER, NULL, 0, &output, sizeof(output), &returned, &overlapped);
        }
        if (!DeviceIoControl(handle, IOCTL_BUDDY_EXERCISE_STATUS, NULL, 0, &status, sizeof(status), &returned, NULL)) {
            Sleep(1); /* the device is gone or does not know the code: do not take the whole processor for it */
        }
    }
}

int VerbIo(int Count, wchar_t **Arguments)
{
    DEVICE device;
    int failure = FindDevice(Arguments[0], &device);

    UNREFERENCED_PARAMETER(Count);
    return failure != 0 ? failure : StartKeeper(L"work", device.Instance);
}

int VerbKill(int Count, wchar_t **Arguments)
{
    DWORD processId;
    HANDLE process;
    JSON json;

    UNREFERENCED_PARAMETER(Count);
    if (!ParseNumber(Arguments[0], &processId)) {
        return FailUsage(L"usage: buddyctl kill PROCESS; PROCESS is the number that `io` answered");
    }
    process = OpenProcess(SYNCHRONIZE | PROCESS_TERMINATE, FALSE, processId);
    /* One that has ended can be opened as long as somebody has a handle to it. */
    if (process == NULL || WaitForSingleObject(process, 0) == WAIT_OBJECT_0) {
        return FailAbsent(L"there is no such process; it may have been killed already");
    }
    if (!TerminateProcess(process, ExitDone)) {
        return FailWin32(GetLastError(), L"ending the process");
    }
    if (WaitForSingleObject(process, KEEPER_LIMIT_MS) != WAIT_OBJECT_0) {
        return FailStatus(
            STATUS_IO_TIMEOUT,
            L"the process does not end: a driver has not completed a request 10 s after it was cancelled");
    }
    JsonInit(&json);
    JsonBeginObject(&json);
    JsonKey(&json, "process");
    JsonUnsigned(&json, processId);
    JsonEndObject(&json);
    return AnswerDone(&json);
}
