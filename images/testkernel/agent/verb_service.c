/* SPDX-License-Identifier: MIT */
/* start, stop: drivers without devices, as `sc start` and `sc stop` do it. */
#include "agent/verb.h"
#include "cm/registry.h"
#include "rtl/format.h"

static int Control(NTSTATUS(NTAPI *Routine)(PUNICODE_STRING), PCSTR Service, PCSTR Failed, JSON_WRITER *Out)
{
    static const WCHAR folder[] = L"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\";
    WCHAR path[COUNT_OF(folder) + 40];
    UNICODE_STRING name;
    SIZE_T length = strlen(Service);
    ULONG start;

    if (length > 40) {
        return VerbFail(Out, EXIT_ABSENT, STATUS_NO_SUCH_DEVICE, "there is no such service");
    }
    RtlCopyMemory(path, folder, sizeof(folder));
    for (SIZE_T i = 0; i <= length; i++) {
        path[COUNT_OF(folder) - 1 + i] = (UCHAR)Service[i];
    }
    RtlInitUnicodeString(&name, path + COUNT_OF(folder) - 1);
    if (!CmServiceValue(&name, "Start", &start)) {
        return VerbFail(Out, EXIT_ABSENT, STATUS_NO_SUCH_DEVICE, "there is no such service");
    }
    RtlInitUnicodeString(&name, path);
    NTSTATUS status = Routine(&name);
    if (!NT_SUCCESS(status)) {
        return VerbFail(Out, EXIT_FAILED, status, Failed);
    }
    JsonBeginObject(Out);
    JsonPutString(Out, "service", Service);
    JsonEndObject(Out);
    return EXIT_DONE;
}

int VerbStart(int Count, const char *const *Arguments, JSON_WRITER *Out)
{
    UNREFERENCED_PARAMETER(Count);
    return Control(ZwLoadDriver, Arguments[0], "starting the service failed", Out);
}

int VerbStop(int Count, const char *const *Arguments, JSON_WRITER *Out)
{
    UNREFERENCED_PARAMETER(Count);
    return Control(ZwUnloadDriver, Arguments[0], "stopping the service failed", Out);
}
