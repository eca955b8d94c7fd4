/* SPDX-License-Identifier: MIT */
/* The verbs that change a devnode: disable, enable, restart, remove, eject, rebalance, rescan, update. */
#include "agent/verb.h"
#include "rtl/format.h"

static VOID PutInstance(JSON_WRITER *Out, const VERB_DEVICE *Device)
{
    JsonPutWide(Out, "instance", (const uint16_t *)Device->Instance, wcslen(Device->Instance));
}

/* {"instance": …, "problem": n}. A devnode that is gone has no problem any more. */
static int AnswerProblem(const VERB_DEVICE *Device, JSON_WRITER *Out)
{
    ULONG problem = 0;

    PnpLockTree();
    PDEVICE_NODE node = PnpDevnodeOfPdo(Device->Pdo);
    if (node) {
        problem = node->Problem;
    }
    PnpUnlockTree();
    JsonBeginObject(Out);
    PutInstance(Out, Device);
    JsonPutUnsigned(Out, "problem", problem);
    JsonEndObject(Out);
    return EXIT_DONE;
}

static int FailStatus(JSON_WRITER *Out, NTSTATUS Status, PCSTR Action)
{
    CHAR message[100];
    RtlFormat(message, sizeof(message), "%s failed", Action);
    return VerbFail(Out, EXIT_FAILED, Status, message);
}

static int RemoveAs(PNP_REMOVE_KIND Kind, PCSTR Action, const char *const *Arguments, JSON_WRITER *Out)
{
    VERB_DEVICE device;
    PNP_VETO veto = {.Type = PNP_VetoTypeUnknown};
    int code = VerbFindDevice(Arguments[0], &device, Out);

    if (code != EXIT_DONE) {
        return code;
    }
    NTSTATUS status = PnpQueryRemoveAndRemove(device.Pdo, Kind, &veto);
    if (status == STATUS_PLUGPLAY_QUERY_VETOED) {
        code = VerbVetoed(Out, &veto, Action);
    } else if (!NT_SUCCESS(status)) {
        code = FailStatus(Out, status, Action);
    } else if (Kind == PnpRemoveEject) {
        JsonBeginObject(Out);
        PutInstance(Out, &device);
        JsonEndObject(Out);
    } else {
        code = AnswerProblem(&device, Out);
    }
    ObDereferenceObject(device.Pdo);
    return code;
}

int VerbDisable(int Count, const char *const *Arguments, JSON_WRITER *Out)
{
    return RemoveAs(PnpRemoveDisable, "disabling the device", Arguments, Out);
}

int VerbRestart(int Count, const char *const *Arguments, JSON_WRITER *Out)
{
    return RemoveAs(PnpRemoveRestart, "restarting the device", Arguments, Out);
}

int VerbRemove(int Count, const char *const *Arguments, JSON_WRITER *Out)
{
    return RemoveAs(PnpRemoveUninstall, "removing the device", Arguments, Out);
}

int VerbEject(int Count, const char *const *Arguments, JSON_WRITER *Out)
{
    return RemoveAs(PnpRemoveEject, "ejecting the device", Arguments, Out);
}

int VerbEnable(int Count, const char *const *Arguments, JSON_WRITER *Out)
{
    VERB_DEVICE device;
    int code = VerbFindDevice(Arguments[0], &device, Out);

    if (code != EXIT_DONE) {
        return code;
    }
    NTSTATUS status = PnpEnable(device.Pdo);
    code = NT_SUCCESS(status) ? AnswerProblem(&device, Out) : FailStatus(Out, status, "enabling the device");
    ObDereferenceObject(device.Pdo);
    return code;
}

int VerbRebalance(int Count, const char *const *Arguments, JSON_WRITER *Out)
{
    VERB_DEVICE device;
    PNP_VETO veto = {.Type = PNP_VetoTypeUnknown};
    int code = VerbFindDevice(Arguments[0], &device, Out);

    if (code != EXIT_DONE) {
        return code;
    }
    NTSTATUS status = PnpRebalance(device.Pdo, &veto);
    if (status == STATUS_PLUGPLAY_QUERY_VETOED) {
        code = VerbVetoed(Out, &veto, "the rebalance");
    } else if (!NT_SUCCESS(status)) {
        code = FailStatus(Out, status, "the rebalance");
    } else {
        JsonBeginObject(Out);
        PutInstance(Out, &device);
        JsonEndObject(Out);
    }
    ObDereferenceObject(device.Pdo);
    return code;
}

int VerbRescan(int Count, const char *const *Arguments, JSON_WRITER *Out)
{
    IoInvalidateDeviceRelations(PnpRootDevnode()->PhysicalDeviceObject, BusRelations);
    PnpWaitIdle();
    JsonBeginObject(Out);
    JsonEndObject(Out);
    return EXIT_DONE;
}

static BOOLEAN FindDock(PDEVICE_NODE Node, PVOID Context)
{
    PDEVICE_OBJECT *pdo = Context;
    if (Node->Flags & DNF_DOCKED) {
        *pdo = Node->PhysicalDeviceObject;
        ObReferenceObject(*pdo);
    }
    return *pdo == NULL;
}

/* As CM_Request_Eject_PC: the docking station is ejected. */
int VerbUndock(int Count, const char *const *Arguments, JSON_WRITER *Out)
{
    PDEVICE_OBJECT pdo = NULL;
    PNP_VETO veto = {.Type = PNP_VetoTypeUnknown};
    NTSTATUS status;

    PnpLockTree();
    PnpWalkParentsFirst(PnpRootDevnode(), FindDock, &pdo);
    PnpUnlockTree();
    if (!pdo) {
        return VerbFail(Out, EXIT_ABSENT, STATUS_NO_SUCH_DEVICE, "there is no docking station");
    }
    status = PnpQueryRemoveAndRemove(pdo, PnpRemoveEject, &veto);
    ObDereferenceObject(pdo);
    if (status == STATUS_PLUGPLAY_QUERY_VETOED) {
        return VerbVetoed(Out, &veto, "undocking");
    }
    if (!NT_SUCCESS(status)) {
        return FailStatus(Out, status, "undocking");
    }
    JsonBeginObject(Out);
    JsonEndObject(Out);
    return EXIT_DONE;
}

int VerbUpdate(int Count, const char *const *Arguments, JSON_WRITER *Out)
{
    BOOLEAN restart;
    NTSTATUS status;

    if (Count == 2 && strcmp(Arguments[1], "force") != 0) {
        return VerbUsage(Out, "usage: buddyctl update INF [force]");
    }
    status = PnpUpdateDriver(Arguments[0], Count == 2, &restart);
    if (status == STATUS_NO_MORE_ENTRIES) {
        return VerbFail(Out, EXIT_FAILED, status,
                        "no present device takes this driver: none matches, or what they have is as good or newer");
    }
    if (!NT_SUCCESS(status)) {
        return VerbFail(Out, EXIT_FAILED, status, "the driver package could not be added to the driver store");
    }
    JsonBeginObject(Out);
    JsonPutBool(Out, "restart", restart);
    JsonEndObject(Out);
    return EXIT_DONE;
}
