/* SPDX-License-Identifier: MIT */
/* Verbs that change a devnode: disable, enable, restart, remove, eject, undock, rescan. All ask first and report who vetoed; none shows a window. */
#include "verbs.h"
#include "answer.h"
#include "device.h"

/* Windows 10; missing from mingw's cfgmgr32.h. Disables the devnode in the same step as its removal, so that nothing can start it in between. */
#ifndef CM_REMOVE_DISABLE
#define CM_REMOVE_DISABLE 0x00000004
#endif

/* {"instance": …, "problem": n}. A devnode that is gone has no problem any more. */
static int AnswerProblem(const DEVICE *Device)
{
    ULONG flags = 0;
    ULONG problem = 0;
    JSON json;

    if (CM_Get_DevNode_Status(&flags, &problem, Device->Node, 0) != CR_SUCCESS || (flags & DN_HAS_PROBLEM) == 0) {
        problem = 0;
    }
    JsonInit(&json);
    JsonBeginObject(&json);
    JsonKey(&json, "instance");
    JsonString(&json, Device->Instance);
    JsonKey(&json, "problem");
    JsonUnsigned(&json, problem);
    JsonEndObject(&json);
    return AnswerDone(&json);
}

/* Queries and removes the devnode with its children. Returns 0 or the exit code of the failure that it has printed. */
static int QueryAndRemove(const DEVICE *Device, ULONG Flags, const wchar_t *Doing)
{
    PNP_VETO_TYPE type = PNP_VetoTypeUnknown;
    wchar_t name[MAX_PATH] = L"";
    CONFIGRET result =
        CM_Query_And_Remove_SubTreeW(Device->Node, &type, name, ARRAYSIZE(name), CM_REMOVE_UI_NOT_OK | Flags);

    if (result == CR_REMOVE_VETOED) {
        return FailVeto(type, name, Device->Instance);
    }
    return result == CR_SUCCESS ? 0 : FailConfig(result, Doing);
}

int VerbDisable(int Count, wchar_t **Arguments)
{
    DEVICE device;
    int failure = FindDevice(Arguments[0], &device);

    UNREFERENCED_PARAMETER(Count);
    if (failure == 0) {
        failure = QueryAndRemove(&device, CM_REMOVE_DISABLE, L"disabling the device");
    }
    return failure != 0 ? failure : AnswerProblem(&device);
}

int VerbEnable(int Count, wchar_t **Arguments)
{
    DEVICE device;
    CONFIGRET result;
    int failure = FindDevice(Arguments[0], &device);

    UNREFERENCED_PARAMETER(Count);
    if (failure != 0) {
        return failure;
    }
    result = CM_Enable_DevNode(device.Node, 0);
    return result == CR_SUCCESS ? AnswerProblem(&device) : FailConfig(result, L"enabling the device");
}

/* Removed and started again, as Device Manager does after a change of properties. */
int VerbRestart(int Count, wchar_t **Arguments)
{
    DEVICE device;
    CONFIGRET result;
    int failure = FindDevice(Arguments[0], &device);

    UNREFERENCED_PARAMETER(Count);
    if (failure == 0) {
        failure = QueryAndRemove(&device, CM_REMOVE_NO_RESTART, L"stopping the device");
    }
    if (failure != 0) {
        return failure;
    }
    /* RESET undoes NO_RESTART and lets the devnode start; the new state is there when it returns. */
    result = CM_Setup_DevNode(device.Node, CM_SETUP_DEVNODE_RESET);
    if (result == CR_SUCCESS) {
        result = CM_Setup_DevNode(device.Node, CM_SETUP_DEVNODE_READY);
    }
    return result == CR_SUCCESS ? AnswerProblem(&device) : FailConfig(result, L"starting the device again");
}

/* Uninstalls the devnode, as Device Manager's "Uninstall device" does: a rescan finds the hardware anew, but no root-enumerated device. */
int VerbRemove(int Count, wchar_t **Arguments)
{
    DEVICE device;
    CONFIGRET result;
    int failure = FindDevice(Arguments[0], &device);

    UNREFERENCED_PARAMETER(Count);
    if (failure == 0) {
        failure = QueryAndRemove(&device, CM_REMOVE_NO_RESTART, L"removing the device");
    }
    if (failure != 0) {
        return failure;
    }
    result = CM_Uninstall_DevNode(device.Node, 0);
    return result == CR_SUCCESS ? AnswerProblem(&device) : FailConfig(result, L"uninstalling the device");
}

int VerbEject(int Count, wchar_t **Arguments)
{
    DEVICE device;
    PNP_VETO_TYPE type = PNP_VetoTypeUnknown;
    wchar_t name[MAX_PATH] = L"";
    CONFIGRET result;
    JSON json;
    int failure = FindDevice(Arguments[0], &device);

    UNREFERENCED_PARAMETER(Count);
    if (failure != 0) {
        return failure;
    }
    result = CM_Request_Device_EjectW(device.Node, &type, name, ARRAYSIZE(name), 0);
    if (result == CR_REMOVE_VETOED) {
        return FailVeto(type, name, device.Instance);
    }
    if (result != CR_SUCCESS) {
        return FailConfig(result, L"ejecting the device");
    }
    JsonInit(&json);
    JsonBeginObject(&json);
    JsonKey(&json, "instance");
    JsonString(&json, device.Instance);
    JsonEndObject(&json);
    return AnswerDone(&json);
}

/* The computer leaves its docking station: a change of the hardware profile, which drivers may refuse. Windows does not say who did. */
int VerbUndock(int Count, wchar_t **Arguments)
{
    CONFIGRET result = CM_Request_Eject_PC();

    UNREFERENCED_PARAMETER(Count);
    UNREFERENCED_PARAMETER(Arguments);
    if (result == CR_REMOVE_VETOED) {
        return FailVeto(PNP_VetoTypeUnknown, L"", L"the docking station");
    }
    return result == CR_SUCCESS ? AnswerEmpty() : FailConfig(result, L"undocking");
}

int VerbRescan(int Count, wchar_t **Arguments)
{
    DEVINST root;
    CONFIGRET result = CM_Locate_DevNodeW(&root, NULL, CM_LOCATE_DEVNODE_NORMAL);

    UNREFERENCED_PARAMETER(Count);
    UNREFERENCED_PARAMETER(Arguments);
    if (result == CR_SUCCESS) {
        result = CM_Reenumerate_DevNode(root, CM_REENUMERATE_SYNCHRONOUS);
    }
    return result == CR_SUCCESS ? AnswerEmpty() : FailConfig(result, L"scanning for hardware changes");
}
