/* SPDX-License-Identifier: MIT */
#include "device.h"
#include <initguid.h>
#include <winioctl.h>
#include "../include/buddy_ioctl.h"
#include "answer.h"
#include <stdio.h>
#include <stdlib.h>

void DeviceText(HDEVINFO Set, SP_DEVINFO_DATA *Info, DWORD Property, wchar_t *Text, DWORD Size)
{
    DWORD type;

    ZeroMemory(Text, Size * sizeof(*Text));
    if (!SetupDiGetDeviceRegistryPropertyW(Set, Info, Property, &type, (BYTE *)Text, (Size - 1) * sizeof(*Text),
                                           NULL)) {
        Text[0] = L'\0';
    }
}

static int FindByInstance(const wchar_t *Name, DEVICE *Device)
{
    HDEVINFO set = SetupDiCreateDeviceInfoList(NULL, NULL);
    SP_DEVINFO_DATA info = {.cbSize = sizeof(info)};
    wchar_t message[INSTANCE_SIZE + 128];

    if (set == INVALID_HANDLE_VALUE) {
        return FailWin32(GetLastError(), L"making a device information list");
    }
    /* SetupAPI's answer to a path that is no path at all varies; whatever it is, there is no such device. */
    if (!SetupDiOpenDeviceInfoW(set, Name, NULL, 0, &info) ||
        !SetupDiGetDeviceInstanceIdW(set, &info, Device->Instance, ARRAYSIZE(Device->Instance), NULL)) {
        SetupDiDestroyDeviceInfoList(set);
        _snwprintf(message, ARRAYSIZE(message) - 1, L"there is no device %.200ls; `buddyctl devices --all` lists them",
                   Name);
        message[ARRAYSIZE(message) - 1] = L'\0';
        return FailAbsent(message);
    }
    Device->Node = info.DevInst;
    SetupDiDestroyDeviceInfoList(set);
    return 0;
}

static int FindByService(const wchar_t *Name, DEVICE *Device)
{
    HDEVINFO set = SetupDiGetClassDevsW(NULL, NULL, NULL, DIGCF_ALLCLASSES | DIGCF_PRESENT);
    SP_DEVINFO_DATA info = {.cbSize = sizeof(info)};
    wchar_t message[512];
    DWORD index;
    unsigned found = 0;

    if (set == INVALID_HANDLE_VALUE) {
        return FailWin32(GetLastError(), L"listing the devices");
    }
    for (index = 0; SetupDiEnumDeviceInfo(set, index, &info); index++) {
        wchar_t service[256];

        DeviceText(set, &info, SPDRP_SERVICE, service, ARRAYSIZE(service));
        if (_wcsicmp(service, Name) == 0 &&
            SetupDiGetDeviceInstanceIdW(set, &info, Device->Instance, ARRAYSIZE(Device->Instance), NULL)) {
            Device->Node = info.DevInst;
            found++;
        }
    }
    SetupDiDestroyDeviceInfoList(set);
    if (found == 1) {
        return 0;
    }
    _snwprintf(
        message, ARRAYSIZE(message) - 1,
        found == 0
            ? L"no present device uses the service %.200ls; give a device instance path or see `buddyctl devices`"
            : L"the service %.200ls has %u devices; give the instance path of the one that is meant, see `buddyctl "
              L"devices`",
        Name, found);
    message[ARRAYSIZE(message) - 1] = L'\0';
    return FailAbsent(message);
}

int FindDevice(const wchar_t *Name, DEVICE *Device)
{
    return wcschr(Name, L'\\') != NULL ? FindByInstance(Name, Device) : FindByService(Name, Device);
}

/* The path of the device's enabled interface of the class, in memory that the caller frees; NULL if it has none. */
static SP_DEVICE_INTERFACE_DETAIL_DATA_W *FindInterface(const DEVICE *Device, const GUID *Class)
{
    HDEVINFO set = SetupDiGetClassDevsW(Class, Device->Instance, NULL, DIGCF_DEVICEINTERFACE | DIGCF_PRESENT);
    SP_DEVICE_INTERFACE_DATA found = {.cbSize = sizeof(found)};
    SP_DEVICE_INTERFACE_DETAIL_DATA_W *detail = NULL;
    DWORD size = 0;

    if (set == INVALID_HANDLE_VALUE) {
        return NULL;
    }
    if (SetupDiEnumDeviceInterfaces(set, NULL, Class, 0, &found)) {
        SetupDiGetDeviceInterfaceDetailW(set, &found, NULL, 0, &size, NULL);
        detail = size >= sizeof(*detail) ? calloc(1, size) : NULL;
        if (detail != NULL) {
            detail->cbSize = sizeof(*detail);
            if (!SetupDiGetDeviceInterfaceDetailW(set, &found, detail, size, NULL, NULL)) {
                free(detail);
                detail = NULL;
            }
        }
    }
    SetupDiDestroyDeviceInfoList(set);
    return detail;
}

int OpenDeviceWith(const DEVICE *Device, DWORD Flags, HANDLE *Handle)
{
    static const GUID *const classes[] = {
        &GUID_DEVINTERFACE_BUDDY_OWNER,
        &GUID_DEVINTERFACE_BUDDY_BORROWER,
        &GUID_DEVINTERFACE_FRED_CHILD,
        &GUID_DEVINTERFACE_FREDBUS,
    };
    SP_DEVICE_INTERFACE_DETAIL_DATA_W *detail = NULL;
    wchar_t message[INSTANCE_SIZE + 128];
    size_t index;

    for (index = 0; index < ARRAYSIZE(classes) && detail == NULL; index++) {
        detail = FindInterface(Device, classes[index]);
    }
    if (detail == NULL) {
        _snwprintf(message, ARRAYSIZE(message) - 1,
                   L"%ls has no enabled device interface of ours: it is not started, or not one of our drivers",
                   Device->Instance);
        message[ARRAYSIZE(message) - 1] = L'\0';
        return FailStatus(STATUS_DEVICE_NOT_READY, message);
    }
    *Handle = CreateFileW(detail->DevicePath, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL,
                          OPEN_EXISTING, Flags, NULL);
    /* free may set the last error */
    if (*Handle == INVALID_HANDLE_VALUE) {
        return FailWin32(GetLastError(), L"opening the device");
    }
    free(detail);
    return 0;
}

int OpenDevice(const DEVICE *Device, HANDLE *Handle)
{
    return OpenDeviceWith(Device, FILE_ATTRIBUTE_NORMAL, Handle);
}
