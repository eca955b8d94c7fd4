/* SPDX-License-Identifier: MIT */
/*
 * `filter`: the upper filters of one device (SPDRP_UPPERFILTERS). A change counts from the device's next start: `restart`.
 * Source: Microsoft, "Installing a Filter Driver".
 */
#include "verbs.h"
#include "answer.h"
#include "device.h"

#define LIST_CHARACTERS 512

/* The place of Service in the list, or of the list's end. */
static wchar_t *Find(wchar_t *List, const wchar_t *Service)
{
    while (*List != L'\0' && _wcsicmp(List, Service) != 0) {
        List += wcslen(List) + 1;
    }
    return List;
}

/* List takes LIST_CHARACTERS. FALSE: Service is to be removed but is not there, or the list is full. */
static BOOL Change(wchar_t *List, BOOL Add, const wchar_t *Service)
{
    wchar_t *place = Find(List, Service);
    wchar_t *end = Find(List, L"");
    size_t length = wcslen(Service) + 1;

    if (Add && *place == L'\0') {
        if (end + length + 1 > List + LIST_CHARACTERS) {
            return FALSE;
        }
        memcpy(end, Service, length * sizeof(wchar_t));
        end += length;
    } else if (!Add) {
        if (*place == L'\0') {
            return FALSE;
        }
        memmove(place, place + length, (size_t)(end - (place + length)) * sizeof(wchar_t));
        end -= length;
    }
    *end = L'\0';
    return TRUE;
}

static DWORD ListBytes(const wchar_t *List)
{
    const wchar_t *end = List;

    while (*end != L'\0') {
        end += wcslen(end) + 1;
    }
    return (DWORD)((end + 1 - List) * sizeof(wchar_t));
}

static int AnswerList(const wchar_t *List)
{
    JSON json;

    JsonInit(&json);
    JsonBeginObject(&json);
    JsonKey(&json, "upper_filters");
    JsonBeginArray(&json);
    for (; *List != L'\0'; List += wcslen(List) + 1) {
        JsonString(&json, List);
    }
    JsonEndArray(&json);
    JsonEndObject(&json);
    return AnswerDone(&json);
}

/* Returns 0 or the exit code of the printed failure. Service NULL: only read. */
static int ReadAndChange(HDEVINFO Set, SP_DEVINFO_DATA *Info, wchar_t *List, BOOL Add, const wchar_t *Service)
{
    /* A device without filters has no such property, which is an error: the list stays empty. Two zeros are always left. */
    SetupDiGetDeviceRegistryPropertyW(Set, Info, SPDRP_UPPERFILTERS, NULL, (BYTE *)List,
                                      (LIST_CHARACTERS - 2) * sizeof(wchar_t), NULL);
    if (Service == NULL) {
        return 0;
    }
    if (!Change(List, Add, Service)) {
        return FailAbsent(L"the device does not have this filter, or has too many of them");
    }
    if (!SetupDiSetDeviceRegistryPropertyW(Set, Info, SPDRP_UPPERFILTERS, (const BYTE *)List, ListBytes(List))) {
        return FailWin32(GetLastError(), L"storing the device's upper filters");
    }
    return 0;
}

int VerbFilter(int Count, wchar_t **Arguments)
{
    wchar_t list[LIST_CHARACTERS] = {0};
    BOOL add = Count == 3 && wcscmp(Arguments[1], L"add") == 0;
    SP_DEVINFO_DATA info = {.cbSize = sizeof(info)};
    DEVICE device;
    HDEVINFO set;
    int failure;

    if (Count == 2 || (Count == 3 && ((!add && wcscmp(Arguments[1], L"remove") != 0) || Arguments[2][0] == L'\0'))) {
        return FailUsage(L"usage: buddyctl filter INSTANCE [add|remove SERVICE]");
    }
    failure = FindDevice(Arguments[0], &device);
    if (failure != 0) {
        return failure;
    }
    set = SetupDiCreateDeviceInfoList(NULL, NULL);
    if (set == INVALID_HANDLE_VALUE || !SetupDiOpenDeviceInfoW(set, device.Instance, NULL, 0, &info)) {
        return FailWin32(GetLastError(), L"opening the device's properties");
    }
    failure = ReadAndChange(set, &info, list, add, Count == 3 ? Arguments[2] : NULL);
    SetupDiDestroyDeviceInfoList(set);
    return failure != 0 ? failure : AnswerList(list);
}
