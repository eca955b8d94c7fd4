/* SPDX-License-Identifier: MIT */
/* `ioctl` with any code, and `rebalance`, which is one code with a name. */
#include "verbs.h"
#include "answer.h"
#include "device.h"
#include "number.h"
#include <winioctl.h>
#include "../include/buddy_ioctl.h"
#include <stdlib.h>

#define OUTPUT_SIZE 4096

/* Decodes Text into Bytes, which takes wcslen(Text) / 2. False: not an even number of hexadecimal digits. */
static BOOL DecodeHex(const wchar_t *Text, BYTE *Bytes)
{
    for (; *Text != L'\0'; Text += 2) {
        int high = HexDigit(Text[0]);
        int low = high >= 0 ? HexDigit(Text[1]) : -1;

        if (low < 0) {
            return FALSE;
        }
        *Bytes++ = (BYTE)(high << 4 | low);
    }
    return TRUE;
}

/* By the path of a device interface, as SetupAPI and notifications give it. */
static int OpenPath(const wchar_t *Path, HANDLE *Handle)
{
    *Handle = CreateFileW(Path, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_EXISTING,
                          FILE_ATTRIBUTE_NORMAL, NULL);
    return *Handle != INVALID_HANDLE_VALUE ? 0 : FailWin32(GetLastError(), L"opening the path");
}

static int OpenNamed(const wchar_t *Name, HANDLE *Handle)
{
    DEVICE device;
    int failure = FindDevice(Name, &device);

    return failure == 0 ? OpenDevice(&device, Handle) : failure;
}

int VerbIoctl(int Count, wchar_t **Arguments)
{
    const wchar_t *hex = Count == 3 ? Arguments[2] : L"";
    DWORD inputLength = (DWORD)(wcslen(hex) / 2);
    BYTE *input = calloc(inputLength + 1, 1);
    BYTE *output = calloc(OUTPUT_SIZE, 1);
    DWORD code;
    DWORD returned = 0;
    HANDLE handle;
    JSON json;
    int failure;

    if (input == NULL || output == NULL) {
        return FailStatus(STATUS_NO_MEMORY, L"not enough memory for the buffers");
    }
    if (!ParseNumber(Arguments[1], &code) || !DecodeHex(hex, input)) {
        return FailUsage(L"usage: buddyctl ioctl INSTANCE CODE [HEX]; CODE is a number (0x… or decimal), HEX an even "
                         L"number of hexadecimal digits");
    }
    failure =
        wcsncmp(Arguments[0], L"\\\\?\\", 4) == 0 ? OpenPath(Arguments[0], &handle) : OpenNamed(Arguments[0], &handle);
    if (failure != 0) {
        return failure;
    }
    if (!DeviceIoControl(handle, code, input, inputLength, output, OUTPUT_SIZE, &returned, NULL)) {
        return FailWin32(GetLastError(), L"the I/O control");
    }
    JsonInit(&json);
    JsonBeginObject(&json);
    JsonKey(&json, "output");
    JsonHex(&json, output, returned);
    JsonEndObject(&json);
    return AnswerDone(&json);
}

/*
 * User mode cannot ask for a rebalance; the driver can: it reports its resource requirements as changed (PNP_RESOURCE_REQUIREMENTS_CHANGED), and the PnP
 * manager stops and starts it. That happens after the answer.
 */
int VerbRebalance(int Count, wchar_t **Arguments)
{
    DEVICE device;
    HANDLE handle;
    DWORD returned;
    JSON json;
    int failure = FindDevice(Arguments[0], &device);

    UNREFERENCED_PARAMETER(Count);
    if (failure == 0) {
        failure = OpenDevice(&device, &handle);
    }
    if (failure != 0) {
        return failure;
    }
    if (!DeviceIoControl(handle, IOCTL_BUDDY_REBALANCE, NULL, 0, NULL, 0, &returned, NULL)) {
        return FailWin32(GetLastError(), L"asking the driver for a rebalance");
    }
    JsonInit(&json);
    JsonBeginObject(&json);
    JsonKey(&json, "instance");
    JsonString(&json, device.Instance);
    JsonEndObject(&json);
    return AnswerDone(&json);
}
