/* SPDX-License-Identifier: MIT */
/*
 * `sleep`: to S3, without forcing: drivers and applications are asked. The answer comes after the wake-up. The orchestrator uses the guest agent's
 * guest-suspend-ram instead; this verb is for people and for guests without an agent.
 */
#include "verbs.h"
#include "answer.h"
#include <powrprof.h>

/* Windows lets nobody sleep the system who has not switched this on. */
static BOOL EnablePrivilege(const wchar_t *Name)
{
    TOKEN_PRIVILEGES wanted = {.PrivilegeCount = 1, .Privileges = {{.Attributes = SE_PRIVILEGE_ENABLED}}};
    HANDLE token;

    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_ADJUST_PRIVILEGES, &token) ||
        !LookupPrivilegeValueW(NULL, Name, &wanted.Privileges[0].Luid)) {
        return FALSE;
    }
    /* It succeeds without having done anything when the user does not have the privilege. */
    return AdjustTokenPrivileges(token, FALSE, &wanted, 0, NULL, NULL) && GetLastError() == ERROR_SUCCESS;
}

int VerbSleep(int Count, wchar_t **Arguments)
{
    SYSTEM_POWER_CAPABILITIES capabilities;

    UNREFERENCED_PARAMETER(Count);
    UNREFERENCED_PARAMETER(Arguments);
    if (!GetPwrCapabilities(&capabilities)) {
        return FailWin32(GetLastError(), L"reading the power capabilities");
    }
    if (!capabilities.SystemS3) {
        return FailStatus(STATUS_NOT_SUPPORTED, L"this system has no S3; `powercfg /a` names what switches it off");
    }
    if (!EnablePrivilege(SE_SHUTDOWN_NAME)) {
        return FailWin32(GetLastError(), L"enabling the shutdown privilege");
    }
    if (!SetSuspendState(FALSE, FALSE, FALSE)) {
        return FailWin32(GetLastError(), L"going to sleep");
    }
    return AnswerEmpty();
}
