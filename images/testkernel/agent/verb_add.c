/* SPDX-License-Identifier: MIT */
/*
 * `add`: a device without hardware, below the root enumerator, as `devcon install` or the Add Hardware wizard make one: a devnode ROOT\<id>\<number>, for
 * which the driver with that hardware ID is then installed and started.
 * https://learn.microsoft.com/windows-hardware/drivers/install/adding-a-root-enumerated-device
 */
#include "agent/verb.h"
#include "pnp/internal.h"
#include "rtl/format.h"

#define MAX_SAME 10000 /* instance numbers have four digits */

typedef struct SAME {
    WCHAR Prefix[INSTANCE_LENGTH]; /* "ROOT\FREDBUS\" */
    ULONG Next;
} SAME;

/* One more than the highest number that is taken. */
static BOOLEAN TakeNumber(PDEVICE_NODE Node, PVOID Context)
{
    SAME *same = Context;
    SIZE_T length = wcslen(same->Prefix);
    ULONG number = 0;

    if (Node->InstancePath.Length / sizeof(WCHAR) <= length ||
        _wcsnicmp(Node->InstancePath.Buffer, same->Prefix, length) != 0) {
        return TRUE;
    }
    for (SIZE_T i = length; i < Node->InstancePath.Length / sizeof(WCHAR); i++) {
        number = number * 10 + (ULONG)(Node->InstancePath.Buffer[i] - L'0');
    }
    same->Next = max(same->Next, number + 1);
    return TRUE;
}

int VerbAdd(int Count, const char *const *Arguments, JSON_WRITER *Out)
{
    SAME same = {.Next = 0};
    CHAR instance[INSTANCE_LENGTH];
    SIZE_T length = strlen(Arguments[0]);

    if (_strnicmp(Arguments[0], "ROOT\\", 5) != 0 || length <= 5 || length + 6 >= INSTANCE_LENGTH ||
        strchr(Arguments[0] + 5, '\\')) {
        return VerbUsage(Out, "usage: buddyctl add ROOT\\ID");
    }
    for (SIZE_T i = 0; i < length; i++) {
        same.Prefix[i] = (UCHAR)Arguments[0][i];
    }
    same.Prefix[length] = L'\\';
    PnpLockTree();
    PnpWalkParentsFirst(PnpRootDevnode(), TakeNumber, &same);
    RtlFormat(instance, sizeof(instance), "%s\\%04lu", Arguments[0], same.Next);
    NTSTATUS status = same.Next < MAX_SAME ? PnpAddSoftwareDevice(instance) : STATUS_INSUFFICIENT_RESOURCES;
    PnpUnlockTree();
    if (!NT_SUCCESS(status)) {
        return VerbFail(Out, EXIT_FAILED, status, "the device could not be made; there may be too many of its kind");
    }
    IoInvalidateDeviceRelations(PnpRootDevnode()->PhysicalDeviceObject, BusRelations);
    PnpWaitIdle();
    JsonBeginObject(Out);
    JsonPutString(Out, "instance", instance);
    JsonEndObject(Out);
    return EXIT_DONE;
}
