/* SPDX-License-Identifier: MIT */
/* `devices`: what the PnP manager knows, with the interfaces that are enabled. */
#include "verbs.h"
#include "answer.h"
#include "device.h"
#include "problem.h"
#include <rpc.h>
#include <stdio.h>
#include <stdlib.h>

/* Windows 7; missing from mingw's setupapi.h. */
#ifndef SPDRP_BASE_CONTAINERID
#define SPDRP_BASE_CONTAINERID 0x24
#endif

#define LIST_SIZE 4096 /* characters of a REG_MULTI_SZ */

typedef struct INTERFACES {
    struct {
        wchar_t Instance[INSTANCE_SIZE];
        GUID Class;
    } * Items;
    size_t Count;
    size_t Size;
} INTERFACES;

static void AddInterface(INTERFACES *Interfaces, const wchar_t *Instance, const GUID *Class)
{
    if (Interfaces->Count == Interfaces->Size) {
        Interfaces->Size = Interfaces->Size * 2 + 64;
        Interfaces->Items = realloc(Interfaces->Items, Interfaces->Size * sizeof(*Interfaces->Items));
        if (Interfaces->Items == NULL) {
            ExitProcess(ExitRefused);
        }
    }
    wcscpy(Interfaces->Items[Interfaces->Count].Instance, Instance);
    Interfaces->Items[Interfaces->Count].Class = *Class;
    Interfaces->Count++;
}

/* Adds those devices of the set that have an enabled interface of the class. */
static void CollectClass(INTERFACES *Interfaces, HDEVINFO Set, const GUID *Class)
{
    SP_DEVINFO_DATA info = {.cbSize = sizeof(info)};
    DWORD index;

    for (index = 0; SetupDiEnumDeviceInfo(Set, index, &info); index++) {
        SP_DEVICE_INTERFACE_DATA found = {.cbSize = sizeof(found)};
        wchar_t instance[INSTANCE_SIZE];

        if (SetupDiEnumDeviceInterfaces(Set, &info, Class, 0, &found) && (found.Flags & SPINT_ACTIVE) != 0 &&
            SetupDiGetDeviceInstanceIdW(Set, &info, instance, ARRAYSIZE(instance), NULL)) {
            AddInterface(Interfaces, instance, Class);
        }
    }
}

/*
 * Collects the enabled interfaces of all devices, out of one set that has them all: asking the system about each device and each class would take
 * seconds on a real machine.
 */
static void CollectInterfaces(INTERFACES *Interfaces)
{
    HDEVINFO set = SetupDiGetClassDevsW(NULL, NULL, NULL, DIGCF_ALLCLASSES | DIGCF_DEVICEINTERFACE | DIGCF_PRESENT);
    HKEY classes = SetupDiOpenClassRegKeyExW(NULL, KEY_READ, DIOCR_INTERFACE, NULL, NULL);
    wchar_t name[64];
    DWORD index;

    for (index = 0; RegEnumKeyW(classes, index, name, ARRAYSIZE(name)) == ERROR_SUCCESS; index++) {
        UUID class;

        name[wcslen(name) > 0 ? wcslen(name) - 1 : 0] = L'\0'; /* the closing brace */
        if (UuidFromStringW((RPC_WSTR)(name + 1), &class) == RPC_S_OK) {
            CollectClass(Interfaces, set, &class);
        }
    }
    RegCloseKey(classes);
    SetupDiDestroyDeviceInfoList(set);
}

static void PutInterfaces(JSON *Json, const INTERFACES *Interfaces, const wchar_t *Instance)
{
    size_t index;

    JsonKey(Json, "interfaces");
    JsonBeginArray(Json);
    for (index = 0; index < Interfaces->Count; index++) {
        if (_wcsicmp(Interfaces->Items[index].Instance, Instance) == 0) {
            const GUID *class = &Interfaces->Items[index].Class;
            char text[40];

            snprintf(text, sizeof(text), "{%08lx-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x}", class->Data1,
                     class->Data2, class->Data3, class->Data4[0], class->Data4[1], class->Data4[2], class->Data4[3],
                     class->Data4[4], class->Data4[5], class->Data4[6], class->Data4[7]);
            JsonAscii(Json, text);
        }
    }
    JsonEndArray(Json);
}

static void PutList(JSON *Json, const char *Key, HDEVINFO Set, SP_DEVINFO_DATA *Info, DWORD Property)
{
    wchar_t list[LIST_SIZE];
    const wchar_t *text;

    JsonKey(Json, Key);
    JsonBeginArray(Json);
    /* Two terminators may be missing in a damaged registry: DeviceText leaves the rest of the buffer zero. */
    DeviceText(Set, Info, Property, list, ARRAYSIZE(list) - 1);
    list[ARRAYSIZE(list) - 1] = L'\0';
    for (text = list; *text != L'\0'; text += wcslen(text) + 1) {
        JsonString(Json, text);
    }
    JsonEndArray(Json);
}

static void PutText(JSON *Json, const char *Key, HDEVINFO Set, SP_DEVINFO_DATA *Info, DWORD Property)
{
    wchar_t text[512];

    DeviceText(Set, Info, Property, text, ARRAYSIZE(text));
    JsonKey(Json, Key);
    JsonString(Json, text[0] != L'\0' ? text : NULL);
}

static void PutParent(JSON *Json, DEVINST Node)
{
    wchar_t instance[INSTANCE_SIZE];
    DEVINST parent;

    JsonKey(Json, "parent");
    if (CM_Get_Parent(&parent, Node, 0) == CR_SUCCESS &&
        CM_Get_Device_IDW(parent, instance, ARRAYSIZE(instance), 0) == CR_SUCCESS) {
        JsonString(Json, instance);
    } else {
        JsonString(Json, NULL);
    }
}

/* Interfaces is NULL for a brief answer. */
static void PutDevice(JSON *Json, HDEVINFO Set, SP_DEVINFO_DATA *Info, const INTERFACES *Interfaces)
{
    wchar_t instance[INSTANCE_SIZE];
    ULONG flags = 0;
    ULONG problem = 0;

    if (!SetupDiGetDeviceInstanceIdW(Set, Info, instance, ARRAYSIZE(instance), NULL)) {
        return; /* it has gone since the list was made */
    }
    if (CM_Get_DevNode_Status(&flags, &problem, Info->DevInst, 0) != CR_SUCCESS) {
        flags = DN_HAS_PROBLEM; /* a phantom: known from the registry alone */
        problem = CM_PROB_PHANTOM;
    }
    problem = (flags & DN_HAS_PROBLEM) != 0 ? problem : 0;
    JsonBeginObject(Json);
    JsonKey(Json, "instance");
    JsonString(Json, instance);
    PutText(Json, "service", Set, Info, SPDRP_SERVICE);
    JsonKey(Json, "started");
    JsonBool(Json, (flags & DN_STARTED) != 0);
    JsonKey(Json, "problem");
    JsonUnsigned(Json, problem);
    JsonKey(Json, "problem_name");
    JsonAscii(Json, ProblemName(problem));
    PutParent(Json, Info->DevInst);
    if (Interfaces != NULL) {
        PutList(Json, "hardware_ids", Set, Info, SPDRP_HARDWAREID);
        PutList(Json, "compatible_ids", Set, Info, SPDRP_COMPATIBLEIDS);
        PutText(Json, "description", Set, Info, SPDRP_DEVICEDESC);
        PutText(Json, "location", Set, Info, SPDRP_LOCATION_INFORMATION);
        PutText(Json, "container", Set, Info, SPDRP_BASE_CONTAINERID);
        JsonKey(Json, "hidden");
        JsonBool(Json, (flags & DN_NO_SHOW_IN_DM) != 0);
        PutInterfaces(Json, Interfaces, instance);
    }
    JsonEndObject(Json);
}

int VerbDevices(int Count, wchar_t **Arguments)
{
    HDEVINFO set;
    SP_DEVINFO_DATA info = {.cbSize = sizeof(info)};
    INTERFACES interfaces = {0};
    DWORD index;
    JSON json;
    BOOL all = Count == 1 && wcscmp(Arguments[0], L"--all") == 0;
    BOOL brief = Count == 1 && wcscmp(Arguments[0], L"--brief") == 0;

    if (Count == 1 && !all && !brief) {
        return FailUsage(L"usage: buddyctl devices [--all|--brief]");
    }
    set = SetupDiGetClassDevsW(NULL, NULL, NULL, DIGCF_ALLCLASSES | (all ? 0 : DIGCF_PRESENT));
    if (set == INVALID_HANDLE_VALUE) {
        return FailWin32(GetLastError(), L"listing the devices");
    }
    if (!brief) {
        CollectInterfaces(&interfaces);
    }
    JsonInit(&json);
    JsonBeginObject(&json);
    JsonKey(&json, "devices");
    JsonBeginArray(&json);
    for (index = 0; SetupDiEnumDeviceInfo(set, index, &info); index++) {
        PutDevice(&json, set, &info, brief ? NULL : &interfaces);
    }
    JsonEndArray(&json);
    JsonEndObject(&json);
    SetupDiDestroyDeviceInfoList(set);
    return AnswerDone(&json);
}
