/* SPDX-License-Identifier: MIT */
#include "answer.h"
#include <stdio.h>

int AnswerDone(JSON *Json)
{
    return JsonPrint(Json) ? ExitDone : ExitRefused;
}

int AnswerEmpty(void)
{
    JSON json;

    JsonInit(&json);
    JsonBeginObject(&json);
    JsonEndObject(&json);
    return AnswerDone(&json);
}

/* {"error": {…}, and leaves the outer object open for what else belongs to it. */
static void BeginError(JSON *Json, NTSTATUS Status, const wchar_t *Message)
{
    char name[STATUS_NAME_SIZE];

    JsonInit(Json);
    JsonBeginObject(Json);
    JsonKey(Json, "error");
    JsonBeginObject(Json);
    JsonKey(Json, "name");
    JsonAscii(Json, StatusName(Status, name));
    JsonKey(Json, "code");
    JsonUnsigned(Json, (ULONG)Status);
    JsonKey(Json, "message");
    JsonString(Json, Message);
    JsonEndObject(Json);
}

static int Fail(NTSTATUS Status, const wchar_t *Message, int ExitCode)
{
    JSON json;

    BeginError(&json, Status, Message);
    JsonEndObject(&json);
    JsonPrint(&json);
    return ExitCode;
}

int FailUsage(const wchar_t *Usage)
{
    return Fail(STATUS_INVALID_PARAMETER, Usage, ExitUsage);
}

int FailAbsent(const wchar_t *Message)
{
    return Fail(STATUS_NO_SUCH_DEVICE, Message, ExitAbsent);
}

int FailStatus(NTSTATUS Status, const wchar_t *Message)
{
    return Fail(Status, Message, ExitRefused);
}

int FailWin32(DWORD Error, const wchar_t *Doing)
{
    NTSTATUS status = StatusOfLastError(Error);
    wchar_t text[256];
    wchar_t message[512];
    DWORD length =
        FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS | FORMAT_MESSAGE_MAX_WIDTH_MASK, NULL,
                       Error, 0, text, ARRAYSIZE(text), NULL);

    while (length > 0 && text[length - 1] <= L' ') {
        length--;
    }
    text[length] = L'\0';
    _snwprintf(message, ARRAYSIZE(message) - 1, L"%ls failed: %ls (Win32 error %lu)", Doing,
               length > 0 ? text : L"no text", Error);
    message[ARRAYSIZE(message) - 1] = L'\0';
    return Fail(status, message, ExitRefused);
}

int FailConfig(CONFIGRET Result, const wchar_t *Doing)
{
    wchar_t message[512];
    const CONFIG_RESULT *known = FindConfigResult(Result);
    int exitCode = known->Status == STATUS_NO_SUCH_DEVICE ? ExitAbsent : ExitRefused;

    _snwprintf(message, ARRAYSIZE(message) - 1, L"%ls failed: %hs (CONFIGRET 0x%lx)", Doing, known->Name, Result);
    message[ARRAYSIZE(message) - 1] = L'\0';
    return Fail(known->Status, message, exitCode);
}

int FailVeto(PNP_VETO_TYPE Type, const wchar_t *Name, const wchar_t *Instance)
{
    /* In the order of PNP_VETO_TYPE (cfg.h). */
    static const char *const reasons[] = {
        "unknown",
        "legacy-device",
        "pending-close",
        "windows-application",
        "windows-service",
        "outstanding-open",
        "device",
        "driver",
        "illegal-device-request",
        "insufficient-power",
        "non-disableable",
        "legacy-driver",
        "insufficient-rights",
        "already-removed",
    };
    const char *reason = (size_t)Type < ARRAYSIZE(reasons) ? reasons[Type] : reasons[0];
    wchar_t message[512];
    JSON json;

    _snwprintf(message, ARRAYSIZE(message) - 1, L"the removal of %ls was vetoed (%hs) by %ls", Instance, reason,
               Name[0] != L'\0' ? Name : L"somebody whom Windows does not name");
    message[ARRAYSIZE(message) - 1] = L'\0';
    BeginError(&json, STATUS_PLUGPLAY_QUERY_VETOED, message);
    JsonKey(&json, "veto");
    JsonBeginObject(&json);
    JsonKey(&json, "by");
    JsonString(&json, Name);
    JsonKey(&json, "reason");
    JsonAscii(&json, reason);
    JsonEndObject(&json);
    JsonEndObject(&json);
    JsonPrint(&json);
    return ExitVetoed;
}
