/* SPDX-License-Identifier: MIT */
/*
 * `settings`: the numbers under the device's hardware key ("Device Parameters"), where the INF's DDInstall.HW AddReg put them and where drivers read them by
 * IoOpenDeviceRegistryKey(PLUGPLAY_REGKEY_DEVICE). After a change the driver is told, so that it takes effect at once.
 */
#include "verbs.h"
#include "answer.h"
#include "device.h"
#include "number.h"
#include <winioctl.h>
#include "../include/buddy_ioctl.h"
#include <stdlib.h>

#define NAME_SIZE 64

static int AnswerSettings(HKEY Key)
{
    wchar_t name[NAME_SIZE];
    char key[NAME_SIZE];
    DWORD index;
    LSTATUS result = ERROR_SUCCESS;
    JSON json;

    JsonInit(&json);
    JsonBeginObject(&json);
    JsonKey(&json, "settings");
    JsonBeginObject(&json);
    for (index = 0; result != ERROR_NO_MORE_ITEMS; index++) {
        DWORD length = NAME_SIZE;
        DWORD value = 0;
        DWORD size = sizeof(value);
        DWORD type;

        /* Values that are no numbers, or have longer names, belong to others. */
        result = RegEnumValueW(Key, index, name, &length, NULL, &type, (BYTE *)&value, &size);
        if (result == ERROR_SUCCESS && type == REG_DWORD &&
            WideCharToMultiByte(CP_UTF8, 0, name, -1, key, sizeof(key), NULL, NULL) > 0) {
            JsonKey(&json, key);
            JsonUnsigned(&json, value);
        }
    }
    JsonEndObject(&json);
    JsonEndObject(&json);
    return AnswerDone(&json);
}

/* Tells the driver that its settings have changed; a device that is not started reads them when it starts. */
static int TellDriver(const DEVICE *Device)
{
    ULONG flags = 0;
    ULONG problem;
    HANDLE handle;
    DWORD returned;
    int failure;

    if (CM_Get_DevNode_Status(&flags, &problem, Device->Node, 0) != CR_SUCCESS || (flags & DN_STARTED) == 0) {
        return 0;
    }
    failure = OpenDevice(Device, &handle);
    if (failure == 0 && !DeviceIoControl(handle, IOCTL_BUDDY_SETTINGS_CHANGED, NULL, 0, NULL, 0, &returned, NULL)) {
        failure = FailWin32(GetLastError(),
                            L"the value is stored and counts from the next start; telling the driver about it now");
    }
    return failure;
}

/* Opens the device's hardware key, for writing as well: then it is made if it is not there. Returns 0 or the exit code of the printed failure. */
static int OpenSettings(const DEVICE *Device, BOOL Write, HKEY *Key)
{
    HDEVINFO set = SetupDiCreateDeviceInfoList(NULL, NULL);
    SP_DEVINFO_DATA info = {.cbSize = sizeof(info)};
    int failure = 0;

    *Key = INVALID_HANDLE_VALUE;
    if (set != INVALID_HANDLE_VALUE && SetupDiOpenDeviceInfoW(set, Device->Instance, NULL, 0, &info)) {
        *Key =
            SetupDiOpenDevRegKey(set, &info, DICS_FLAG_GLOBAL, 0, DIREG_DEV, Write ? KEY_READ | KEY_WRITE : KEY_READ);
        if (*Key == INVALID_HANDLE_VALUE && Write) {
            *Key = SetupDiCreateDevRegKeyW(set, &info, DICS_FLAG_GLOBAL, 0, DIREG_DEV, NULL, NULL);
        }
    }
    if (*Key == INVALID_HANDLE_VALUE) {
        failure = FailWin32(GetLastError(), L"opening the device's settings in the registry");
    }
    SetupDiDestroyDeviceInfoList(set);
    return failure;
}

int VerbSettings(int Count, wchar_t **Arguments)
{
    DEVICE device;
    HKEY key;
    DWORD value = 0;
    int failure;

    if (Count == 2 || (Count == 3 && (!ParseNumber(Arguments[2], &value) || wcslen(Arguments[1]) >= NAME_SIZE))) {
        return FailUsage(L"usage: buddyctl settings INSTANCE [NAME NUMBER]");
    }
    failure = FindDevice(Arguments[0], &device);
    if (failure != 0) {
        return failure;
    }
    failure = OpenSettings(&device, Count == 3, &key);
    if (failure != 0) {
        return failure;
    }
    if (Count == 3) {
        LSTATUS result = RegSetValueExW(key, Arguments[1], 0, REG_DWORD, (const BYTE *)&value, sizeof(value));

        if (result != ERROR_SUCCESS) {
            SetLastError((DWORD)result);
            return FailWin32((DWORD)result, L"storing the value");
        }
        failure = TellDriver(&device);
    }
    return failure != 0 ? failure : AnswerSettings(key);
}
