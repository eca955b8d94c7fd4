/* SPDX-License-Identifier: MIT */
/* Finding one device and opening it. */
#ifndef BUDDYCTL_DEVICE_H
#define BUDDYCTL_DEVICE_H
#include "status.h"
#include <setupapi.h>

#define INSTANCE_SIZE 201 /* MAX_DEVICE_ID_LEN and the terminator, in characters */

typedef struct DEVICE {
    DEVINST Node;
    wchar_t Instance[INSTANCE_SIZE];
} DEVICE;

/*
 * Finds the device that Name means: a device instance path (present or not), or the name of a service that exactly one present device uses.
 * Returns 0, or the exit code of the failure that it has printed.
 */
int FindDevice(const wchar_t *Name, DEVICE *Device);

/*
 * Opens the device by the first of its interfaces that buddy_ioctl.h defines and that is enabled. Returns 0 and the handle, or the exit code of
 * the failure that it has printed. The caller closes the handle.
 */
int OpenDevice(const DEVICE *Device, HANDLE *Handle);
/* The same with CreateFile's Flags, such as FILE_FLAG_OVERLAPPED. */
int OpenDeviceWith(const DEVICE *Device, DWORD Flags, HANDLE *Handle);

/* Text property of a device (SPDRP_SERVICE, …): REG_SZ or the first of a REG_MULTI_SZ's strings; the empty string if it has none. */
void DeviceText(HDEVINFO Set, SP_DEVINFO_DATA *Info, DWORD Property, wchar_t *Text, DWORD Size);

#endif
