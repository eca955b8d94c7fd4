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
    WCHAR Instance[INSTANCE_LENGTH];
    BOOLEAN Found;
} SAME;

static BOOLEAN Match(PDEVICE_NODE Node, PVOID Context)
{
    SAME *same = Context;
    UNICODE_STRING instance;

    RtlInitUnicodeString(&instance, same->Instance);
    same->Found = RtlEqualUnicodeString(&Node->InstancePath, &instance, TRUE);
    return !same->Found;
}

/* The first number that no devnode has. Tree locked. FALSE: all are taken. */
static BOOLEAN TakeNumber(PCSTR Id, PSTR Instance, ULONG Size)
{
    SAME same;

    for (ULONG number = 0; number < MAX_SAME; number++) {
        RtlFormat(Instance, Size, "%s\\%04lu", Id, number);
        for (SIZE_T i = 0; i <= strlen(Instance); i++) {
            same.Instance[i] = (UCHAR)Instance[i];
        }
        same.Found = FALSE;
        PnpWalkParentsFirst(PnpRootDevnode(), Match, &same);
        if (!same.Found) {
            return TRUE;
        }
    }
    return FALSE;
}

int VerbAdd(int Count, const char *const *Arguments, JSON_WRITER *Out)
{
    CHAR instance[INSTANCE_LENGTH];
    SIZE_T length = strlen(Arguments[0]);

    if (_strnicmp(Arguments[0], "ROOT\\", 5) != 0 || length <= 5 || length + 6 >= INSTANCE_LENGTH ||
        strchr(Arguments[0] + 5, '\\')) {
        return VerbUsage(Out, "usage: buddyctl add ROOT\\ID");
    }
    PnpLockTree();
    NTSTATUS status = TakeNumber(Arguments[0], instance, sizeof(instance)) ? PnpAddSoftwareDevice(instance)
                                                                           : STATUS_INSUFFICIENT_RESOURCES;
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
