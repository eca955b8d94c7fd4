/* SPDX-License-Identifier: MIT */
/*
 * `filter`: the upper filters of one device, a REG_MULTI_SZ beside its other properties, as SetupDiSetDeviceRegistryProperty (SPDRP_UPPERFILTERS) writes
 * it. A change counts from the device's next AddDevice: `buddyctl restart`.
 * https://learn.microsoft.com/windows-hardware/drivers/install/installing-a-filter-driver
 */
#include "agent/verb.h"
#include "cm/registry.h"

#define LIST_CHARACTERS 256

/* Reads the list into Buffer, with its second zero; registry locked. */
static VOID ReadList(PCM_KEY Key, PWCHAR Buffer)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"UpperFilters");
    PCM_VALUE value = CmValue(Key, &name);

    RtlZeroMemory(Buffer, LIST_CHARACTERS * sizeof(WCHAR));
    if (value && value->Type == REG_MULTI_SZ && value->Size <= (LIST_CHARACTERS - 2) * sizeof(WCHAR)) {
        RtlCopyMemory(Buffer, value->Data, value->Size);
    }
}

/* The place of Service in the list, or of the list's end. */
static PWCHAR Find(PWCHAR List, PCWSTR Service)
{
    while (*List && _wcsicmp(List, Service) != 0) {
        List += wcslen(List) + 1;
    }
    return List;
}

static NTSTATUS Change(PCM_KEY Key, PWCHAR List, BOOLEAN Add, PCWSTR Service)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"UpperFilters");
    PWCHAR place = Find(List, Service);
    PWCHAR end = Find(List, L"");
    SIZE_T length = wcslen(Service) + 1;

    if (Add && !*place) {
        if (end + length + 1 > List + LIST_CHARACTERS) {
            return STATUS_BUFFER_OVERFLOW;
        }
        RtlCopyMemory(end, Service, length * sizeof(WCHAR));
        end += length;
    } else if (!Add && *place) {
        RtlMoveMemory(place, place + length, (PUCHAR)end - (PUCHAR)(place + length));
        end -= length;
    } else if (!Add) {
        return STATUS_NOT_FOUND;
    }
    *end = 0;
    return CmSetValue(Key, &name, REG_MULTI_SZ, List, (ULONG)((PUCHAR)(end + 1) - (PUCHAR)List));
}

static VOID Answer(PCWSTR List, JSON_WRITER *Out)
{
    JsonBeginObject(Out);
    JsonKey(Out, "upper_filters");
    JsonBeginArray(Out);
    for (; *List; List += wcslen(List) + 1) {
        JsonWide(Out, (const uint16_t *)List, wcslen(List));
    }
    JsonEndArray(Out);
    JsonEndObject(Out);
}

int VerbFilter(int Count, const char *const *Arguments, JSON_WRITER *Out)
{
    VERB_DEVICE device;
    WCHAR list[LIST_CHARACTERS], service[64];
    BOOLEAN add = Count == 3 && strcmp(Arguments[1], "add") == 0;
    SIZE_T length = Count == 3 ? strlen(Arguments[2]) : 0;

    if (Count == 2 ||
        (Count == 3 && ((!add && strcmp(Arguments[1], "remove") != 0) || !length || length >= COUNT_OF(service)))) {
        return VerbUsage(Out, "usage: buddyctl filter INSTANCE [add|remove SERVICE]");
    }
    int code = VerbFindDevice(Arguments[0], &device, Out);
    if (code != EXIT_DONE) {
        return code;
    }
    for (SIZE_T i = 0; Count == 3 && i <= length; i++) {
        service[i] = (UCHAR)Arguments[2][i]; /* service names are ASCII */
    }
    CmLock();
    PCM_KEY key = CmSubkey(CmSubkey(NULL, CM_ENUM, TRUE), device.Instance, TRUE);
    NTSTATUS status = key ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
    if (key) {
        ReadList(key, list);
        status = Count == 3 ? Change(key, list, add, service) : STATUS_SUCCESS;
    }
    CmUnlock();
    ObDereferenceObject(device.Pdo);
    if (!NT_SUCCESS(status)) {
        return VerbFail(Out, status == STATUS_NOT_FOUND ? EXIT_ABSENT : EXIT_FAILED, status,
                        "the device's list of upper filters could not be changed");
    }
    Answer(list, Out);
    return EXIT_DONE;
}
