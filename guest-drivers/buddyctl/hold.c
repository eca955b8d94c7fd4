/* SPDX-License-Identifier: MIT */
/*
 * `hold` and `release`: a handle that outlives the command. buddyctl starts itself once more as a detached process with the verb `keep`; that one opens the
 * device, answers through a pipe, and waits for its named event. The handle number is its process id, the event Global\buddyctl-hold-<id>.
 */
#include "verbs.h"
#include "answer.h"
#include "device.h"
#include "number.h"
#include <stdio.h>
#include <stdlib.h>

#define EVENT_NAME_SIZE 48
#define KEEPER_LIMIT_MS 10000

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
    JSON json;
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
    JsonInit(&json);
    JsonBeginObject(&json);
    JsonKey(&json, "handle");
    JsonUnsigned(&json, GetCurrentProcessId());
    JsonEndObject(&json);
    AnswerDone(&json);
    CloseHandle(GetStdHandle(STD_OUTPUT_HANDLE)); /* the starter reads until here */
    WaitForSingleObject(event, INFINITE);
    CloseHandle(handle);
    return ExitDone;
}

/*
 * Starts `buddyctl keep Instance` with its output going to Output and nothing else inherited: whoever started us (qemu-ga) reads our own
 * output until its last holder has closed it, which must not be the process that stays.
 */
static BOOL StartKeeper(const wchar_t *Instance, HANDLE Output, PROCESS_INFORMATION *Process)
{
    STARTUPINFOEXW startup = {
        .StartupInfo = {.cb = sizeof(startup), .dwFlags = STARTF_USESTDHANDLES, .hStdOutput = Output}};
    wchar_t program[MAX_PATH];
    wchar_t command[MAX_PATH + INSTANCE_SIZE + 16];
    SIZE_T size = 0;
    BOOL started;

    if (GetModuleFileNameW(NULL, program, ARRAYSIZE(program)) == ARRAYSIZE(program)) {
        return FALSE;
    }
    /* An instance path has neither quotes nor blanks at its end, so that quoting is enough. */
    _snwprintf(command, ARRAYSIZE(command) - 1, L"\"%ls\" keep \"%ls\"", program, Instance);
    command[ARRAYSIZE(command) - 1] = L'\0';
    InitializeProcThreadAttributeList(NULL, 1, 0, &size);
    startup.lpAttributeList = calloc(1, size);
    if (startup.lpAttributeList == NULL || !InitializeProcThreadAttributeList(startup.lpAttributeList, 1, 0, &size) ||
        !UpdateProcThreadAttribute(startup.lpAttributeList, 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, &Output,
                                   sizeof(Output), NULL, NULL)) {
        return FALSE;
    }
    started = CreateProcessW(program, command, NULL, NULL, TRUE, DETACHED_PROCESS | EXTENDED_STARTUPINFO_PRESENT, NULL,
                             NULL, &startup.StartupInfo, Process);
    return started;
}

int VerbHold(int Count, wchar_t **Arguments)
{
    SECURITY_ATTRIBUTES inheritable = {.nLength = sizeof(inheritable), .bInheritHandle = TRUE};
    PROCESS_INFORMATION process;
    DEVICE device;
    HANDLE answer;
    HANDLE output;
    char text[1024];
    DWORD length;
    DWORD total = 0;
    DWORD exitCode = ExitDone;
    int failure = FindDevice(Arguments[0], &device);

    UNREFERENCED_PARAMETER(Count);
    if (failure != 0) {
        return failure;
    }
    if (!CreatePipe(&answer, &output, &inheritable, 0) || !SetHandleInformation(answer, HANDLE_FLAG_INHERIT, 0)) {
        return FailWin32(GetLastError(), L"making a pipe");
    }
    if (!StartKeeper(device.Instance, output, &process)) {
        return FailWin32(GetLastError(), L"starting the process that keeps the handle");
    }
    CloseHandle(output);
    while (total < sizeof(text) - 1 && ReadFile(answer, text + total, sizeof(text) - 1 - total, &length, NULL) &&
           length > 0) {
        total += length;
    }
    text[total] = '\0';
    if (total == 0) {
        return FailStatus(STATUS_UNSUCCESSFUL, L"the process that keeps the handle ended without an answer");
    }
    WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), text, total, &length, NULL);
    /* A keeper that failed has said why and ends; one that holds the device stays. */
    if (strstr(text, "\"error\"") != NULL && WaitForSingleObject(process.hProcess, KEEPER_LIMIT_MS) == WAIT_OBJECT_0) {
        GetExitCodeProcess(process.hProcess, &exitCode);
    }
    return (int)exitCode;
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
