/* SPDX-License-Identifier: MIT */
/* `exercise`: makes the driver work its hardware, and reads its counters. */
#include "verbs.h"
#include "answer.h"
#include "device.h"
#include <winioctl.h>
#include "../include/buddy_ioctl.h"

static const struct {
    const wchar_t *Name;
    ULONG Pattern;
} patterns[] = {
    {L"mixed", BUDDY_PATTERN_MIXED}, {L"registers", BUDDY_PATTERN_REGISTERS},
    {L"jobs", BUDDY_PATTERN_JOBS},   {L"transactions", BUDDY_PATTERN_TRANSACTIONS},
    {L"talk", BUDDY_PATTERN_TALK},   {L"resources", BUDDY_PATTERN_RESOURCES},
};

static int AnswerStatus(HANDLE Handle)
{
    BUDDY_EXERCISE_STATUS status;
    DWORD returned = 0;
    JSON json;

    if (!DeviceIoControl(Handle, IOCTL_BUDDY_EXERCISE_STATUS, NULL, 0, &status, sizeof(status), &returned, NULL)) {
        return FailWin32(GetLastError(), L"reading the exercise status");
    }
    if (returned != sizeof(status)) {
        return FailStatus(STATUS_INFO_LENGTH_MISMATCH,
                          L"the driver's exercise status has another size: driver and buddyctl do not match");
    }
    JsonInit(&json);
    JsonBeginObject(&json);
    JsonKey(&json, "running");
    JsonBool(&json, status.Running != 0);
    JsonKey(&json, "powered");
    JsonBool(&json, status.Powered != 0);
    JsonKey(&json, "operations");
    JsonUnsigned(&json, status.Operations);
    JsonKey(&json, "errors");
    JsonUnsigned(&json, status.Errors);
    JsonKey(&json, "power_ups");
    JsonUnsigned(&json, status.PowerUps);
    JsonKey(&json, "power_downs");
    JsonUnsigned(&json, status.PowerDowns);
    JsonEndObject(&json);
    return AnswerDone(&json);
}

static int Start(HANDLE Handle, const wchar_t *PatternName)
{
    BUDDY_EXERCISE exercise = {BUDDY_PATTERN_MIXED};
    DWORD returned;
    size_t index;

    for (index = 0; PatternName != NULL; index++) {
        if (_wcsicmp(patterns[index].Name, PatternName) == 0) { /* the caller has checked that it is there */
            exercise.Pattern = patterns[index].Pattern;
            break;
        }
    }
    if (!DeviceIoControl(Handle, IOCTL_BUDDY_EXERCISE_START, &exercise, PatternName != NULL ? sizeof(exercise) : 0,
                         NULL, 0, &returned, NULL)) {
        return FailWin32(GetLastError(), L"starting the exercise");
    }
    return 0;
}

static BOOL IsPattern(const wchar_t *Name)
{
    size_t index;

    for (index = 0; index < ARRAYSIZE(patterns); index++) {
        if (_wcsicmp(patterns[index].Name, Name) == 0) {
            return TRUE;
        }
    }
    return FALSE;
}

int VerbExercise(int Count, wchar_t **Arguments)
{
    const wchar_t *action = Arguments[1];
    BOOL start = wcscmp(action, L"start") == 0;
    BOOL stop = wcscmp(action, L"stop") == 0;
    DEVICE device;
    HANDLE handle;
    DWORD returned;
    int failure = 0;

    if ((!start && !stop && wcscmp(action, L"status") != 0) || (Count == 3 && (!start || !IsPattern(Arguments[2])))) {
        return FailUsage(L"usage: buddyctl exercise INSTANCE start [mixed|registers|jobs|transactions|talk|resources] "
                         L"| stop | status");
    }
    failure = FindDevice(Arguments[0], &device);
    if (failure == 0) {
        failure = OpenDevice(&device, &handle);
    }
    if (failure != 0) {
        return failure;
    }
    if (start) {
        failure = Start(handle, Count == 3 ? Arguments[2] : NULL);
    } else if (stop && !DeviceIoControl(handle, IOCTL_BUDDY_EXERCISE_STOP, NULL, 0, NULL, 0, &returned, NULL)) {
        failure = FailWin32(GetLastError(), L"stopping the exercise");
    }
    return failure != 0 ? failure : AnswerStatus(handle);
}
