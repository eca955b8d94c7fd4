/* SPDX-License-Identifier: MIT */
/*
 * `update`: a driver package for devices that are running. The package is put into the driver store and becomes the driver of the present devices that it fits
 * better than what they have; with `force`, of all that it fits. https://learn.microsoft.com/windows/win32/api/newdev/nf-newdev-diinstalldriverw
 */
#include "verbs.h"
#include "answer.h"
#include <setupapi.h>
#include <newdev.h>

int VerbUpdate(int Count, wchar_t **Arguments)
{
    wchar_t path[MAX_PATH];
    BOOL restart = FALSE;
    DWORD length;
    JSON json;

    if (Count == 2 && wcscmp(Arguments[1], L"force") != 0) {
        return FailUsage(L"usage: buddyctl update INF [force]");
    }
    /* "A fully qualified path"; SetupAPI would look for a bare name in Windows' own INF folder. */
    length = GetFullPathNameW(Arguments[0], ARRAYSIZE(path), path, NULL);
    if (length == 0 || length >= ARRAYSIZE(path)) {
        return FailUsage(L"usage: buddyctl update INF [force]; INF is the path of a file");
    }
    if (!DiInstallDriverW(NULL, path, Count == 2 ? DIIRFLAG_FORCE_INF : 0, &restart)) {
        return FailWin32(GetLastError(), L"updating the driver");
    }
    JsonInit(&json);
    JsonBeginObject(&json);
    JsonKey(&json, "restart");
    JsonBool(&json, restart);
    JsonEndObject(&json);
    return AnswerDone(&json);
}
