/* SPDX-License-Identifier: MIT */
/* `start` and `stop`: drivers without devices (NT4 style), which are services and nothing else. */
#include "verbs.h"
#include "answer.h"

static int AnswerService(const wchar_t *Service)
{
    JSON json;

    JsonInit(&json);
    JsonBeginObject(&json);
    JsonKey(&json, "service");
    JsonString(&json, Service);
    JsonEndObject(&json);
    return AnswerDone(&json);
}

/* Opens Service and, if Start, starts it, else stops it. A driver's start and stop are over when the call returns. */
static int Control(const wchar_t *Service, BOOL Start)
{
    SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);
    SC_HANDLE service = manager != NULL ? OpenServiceW(manager, Service, Start ? SERVICE_START : SERVICE_STOP) : NULL;
    SERVICE_STATUS status;
    BOOL done = FALSE;
    DWORD error;

    if (service != NULL) {
        done = Start ? StartServiceW(service, 0, NULL) : ControlService(service, SERVICE_CONTROL_STOP, &status);
    }
    error = done ? ERROR_SUCCESS : GetLastError();
    if (service != NULL) {
        CloseServiceHandle(service);
    }
    if (manager != NULL) {
        CloseServiceHandle(manager);
    }
    if (error == ERROR_SERVICE_DOES_NOT_EXIST) {
        return FailAbsent(L"there is no such service");
    }
    return done ? AnswerService(Service) : FailWin32(error, Start ? L"starting the service" : L"stopping the service");
}

int VerbStart(int Count, wchar_t **Arguments)
{
    UNREFERENCED_PARAMETER(Count);
    return Control(Arguments[0], TRUE);
}

int VerbStop(int Count, wchar_t **Arguments)
{
    UNREFERENCED_PARAMETER(Count);
    return Control(Arguments[0], FALSE);
}
