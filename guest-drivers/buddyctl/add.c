/* SPDX-License-Identifier: MIT */
/*
 * `add`: a device without hardware, below the root enumerator, as `devcon install` makes one. Its driver must be in the driver store already.
 * Source: Microsoft, "SetupDiCreateDeviceInfo" (DICD_GENERATE_ID), "DIF_REGISTERDEVICE", "DiInstallDevice".
 */
#include "verbs.h"
#include "answer.h"
#include "device.h"
#include <newdev.h>

#define PREFIX L"ROOT\\"

/* Registers the device and lets Windows choose its driver. Returns 0 or the exit code of the printed failure. */
static int Install(HDEVINFO Set, SP_DEVINFO_DATA *Info, const wchar_t *Id)
{
    static const GUID unclassified;       /* its driver says of which class it is */
    wchar_t ids[INSTANCE_SIZE + 1] = {0}; /* REG_MULTI_SZ: two zeros at the end */
    BOOL restart;

    wcsncpy(ids, Id, INSTANCE_SIZE - 1);
    if (!SetupDiCreateDeviceInfoW(Set, Id + wcslen(PREFIX), &unclassified, NULL, NULL, DICD_GENERATE_ID, Info) ||
        !SetupDiSetDeviceRegistryPropertyW(Set, Info, SPDRP_HARDWAREID, (const BYTE *)ids,
                                           (DWORD)((wcslen(ids) + 2) * sizeof(wchar_t))) ||
        !SetupDiCallClassInstaller(DIF_REGISTERDEVICE, Set, Info)) {
        return FailWin32(GetLastError(), L"making the device");
    }
    if (!DiInstallDevice(NULL, Set, Info, NULL, 0, &restart)) {
        return FailWin32(GetLastError(), L"installing the device's driver");
    }
    return 0;
}

int VerbAdd(int Count, wchar_t **Arguments)
{
    SP_DEVINFO_DATA info = {.cbSize = sizeof(info)};
    wchar_t instance[INSTANCE_SIZE];
    HDEVINFO set;
    JSON json;
    int failure;

    UNREFERENCED_PARAMETER(Count);
    if (_wcsnicmp(Arguments[0], PREFIX, wcslen(PREFIX)) != 0 || wcslen(Arguments[0]) <= wcslen(PREFIX) ||
        wcslen(Arguments[0]) + 6 >= INSTANCE_SIZE || wcschr(Arguments[0] + wcslen(PREFIX), L'\\') != NULL) {
        return FailUsage(L"usage: buddyctl add ROOT\\ID");
    }
    set = SetupDiCreateDeviceInfoList(NULL, NULL);
    if (set == INVALID_HANDLE_VALUE) {
        return FailWin32(GetLastError(), L"listing the devices");
    }
    failure = Install(set, &info, Arguments[0]);
    if (failure == 0 && !SetupDiGetDeviceInstanceIdW(set, &info, instance, ARRAYSIZE(instance), NULL)) {
        failure = FailWin32(GetLastError(), L"reading the device's instance path");
    }
    SetupDiDestroyDeviceInfoList(set);
    if (failure != 0) {
        return failure;
    }
    JsonInit(&json);
    JsonBeginObject(&json);
    JsonKey(&json, "instance");
    JsonString(&json, instance);
    JsonEndObject(&json);
    return AnswerDone(&json);
}
