/* SPDX-License-Identifier: MIT */
/* Processes that stay when the command has ended: those of `hold` and of `io`. */
#include "keeper.h"
#include "answer.h"
#include "device.h"
#include <stdio.h>
#include <stdlib.h>

void KeeperAnswer(const char *Key)
{
    JSON json;

    JsonInit(&json);
    JsonBeginObject(&json);
    JsonKey(&json, Key);
    JsonUnsigned(&json, GetCurrentProcessId());
    JsonEndObject(&json);
    AnswerDone(&json);
    CloseHandle(GetStdHandle(STD_OUTPUT_HANDLE)); /* the starter reads until here */
}

/*
 * Starts `buddyctl Verb Instance` with its output going to Output and nothing else inherited: whoever started us (qemu-ga) reads our own
 * output until its last holder has closed it, which must not be the process that stays.
 */
static BOOL StartProcess(const wchar_t *Verb, const wchar_t *Instance, HANDLE Output, PROCESS_INFORMATION *Process)
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
    _snwprintf(command, ARRAYSIZE(command) - 1, L"\"%ls\" %ls \"%ls\"", program, Verb, Instance);
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

int StartKeeper(const wchar_t *Verb, const wchar_t *Instance)
{
    SECURITY_ATTRIBUTES inheritable = {.nLength = sizeof(inheritable), .bInheritHandle = TRUE};
    PROCESS_INFORMATION process;
    HANDLE answer;
    HANDLE output;
    char text[1024];
    DWORD length;
    DWORD total = 0;
    DWORD exitCode = ExitDone;

    if (!CreatePipe(&answer, &output, &inheritable, 0) || !SetHandleInformation(answer, HANDLE_FLAG_INHERIT, 0)) {
        return FailWin32(GetLastError(), L"making a pipe");
    }
    if (!StartProcess(Verb, Instance, output, &process)) {
        return FailWin32(GetLastError(), L"starting the process that stays");
    }
    CloseHandle(output);
    while (total < sizeof(text) - 1 && ReadFile(answer, text + total, sizeof(text) - 1 - total, &length, NULL) &&
           length > 0) {
        total += length;
    }
    text[total] = '\0';
    if (total == 0) {
        return FailStatus(STATUS_UNSUCCESSFUL, L"the process that was to stay ended without an answer");
    }
    WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), text, total, &length, NULL);
    /* A keeper that failed has said why and ends; one that holds the device stays. */
    if (strstr(text, "\"error\"") != NULL && WaitForSingleObject(process.hProcess, KEEPER_LIMIT_MS) == WAIT_OBJECT_0) {
        GetExitCodeProcess(process.hProcess, &exitCode);
    }
    return (int)exitCode;
}
