/* SPDX-License-Identifier: MIT */
/*
 * CfgMgr32 functions that Wine lacks, linked into buddyctl in place of the imports. Each call is a line in the file that FAKE_CM_LOG names; results come from
 * the environment: FAKE_CM_RESULT (CONFIGRET, default success), FAKE_CM_VETO_TYPE and FAKE_CM_VETO_NAME, FAKE_CM_PROBLEM (0: started).
 */
#include <windows.h>
#include <setupapi.h>
#include <cfgmgr32.h>
#include <stdio.h>
#include <stdlib.h>

static void Log(const char *Function, ULONG Flags)
{
    FILE *file = fopen(getenv("FAKE_CM_LOG"), "a");

    fprintf(file, "%s 0x%lx\n", Function, Flags);
    fclose(file);
}

static ULONG Number(const char *Name)
{
    const char *text = getenv(Name);

    return text != NULL ? strtoul(text, NULL, 0) : 0;
}

static CONFIGRET Ask(const char *Function, ULONG Flags, PPNP_VETO_TYPE Type, LPWSTR Name, ULONG Length)
{
    const char *by = getenv("FAKE_CM_VETO_NAME");

    Log(Function, Flags);
    if (by != NULL) {
        *Type = (PNP_VETO_TYPE)Number("FAKE_CM_VETO_TYPE");
        MultiByteToWideChar(CP_UTF8, 0, by, -1, Name, (int)Length);
    }
    return Number("FAKE_CM_RESULT");
}

static CONFIGRET WINAPI QueryAndRemove(DEVINST Node, PPNP_VETO_TYPE Type, LPWSTR Name, ULONG Length, ULONG Flags)
{
    (void)Node;
    return Ask("CM_Query_And_Remove_SubTreeW", Flags, Type, Name, Length);
}

static CONFIGRET WINAPI Eject(DEVINST Node, PPNP_VETO_TYPE Type, LPWSTR Name, ULONG Length, ULONG Flags)
{
    (void)Node;
    return Ask("CM_Request_Device_EjectW", Flags, Type, Name, Length);
}

static CONFIGRET WINAPI Enable(DEVINST Node, ULONG Flags)
{
    (void)Node;
    Log("CM_Enable_DevNode", Flags);
    return Number("FAKE_CM_RESULT");
}

static CONFIGRET WINAPI Setup(DEVINST Node, ULONG Flags)
{
    (void)Node;
    Log("CM_Setup_DevNode", Flags);
    return Number("FAKE_CM_RESULT");
}

static CONFIGRET WINAPI Uninstall(DEVINST Node, ULONG Flags)
{
    (void)Node;
    Log("CM_Uninstall_DevNode", Flags);
    return Number("FAKE_CM_RESULT");
}

static CONFIGRET WINAPI Reenumerate(DEVINST Node, ULONG Flags)
{
    (void)Node;
    Log("CM_Reenumerate_DevNode", Flags);
    return Number("FAKE_CM_RESULT");
}

static CONFIGRET WINAPI Locate(PDEVINST Node, DEVINSTID_W Id, ULONG Flags)
{
    (void)Id;
    Log("CM_Locate_DevNodeW", Flags);
    *Node = 1;
    return CR_SUCCESS;
}

static CONFIGRET WINAPI GetStatus(PULONG Status, PULONG Problem, DEVINST Node, ULONG Flags)
{
    (void)Node;
    (void)Flags;
    *Problem = Number("FAKE_CM_PROBLEM");
    *Status = *Problem != 0 ? DN_HAS_PROBLEM : DN_STARTED;
    return CR_SUCCESS;
}

static CONFIGRET WINAPI EjectPc(void)
{
    Log("CM_Request_Eject_PC", 0);
    return Number("FAKE_CM_RESULT");
}

/* newdev.h: FAKE_CM_RESULT is the error of a failure, FAKE_CM_PROBLEM is not 0 when a restart is needed. */
BOOL WINAPI DiInstallDriverW(HWND Parent, LPCWSTR Inf, DWORD Flags, BOOL *Restart)
{
    char function[MAX_PATH + 40];
    char path[MAX_PATH];

    WideCharToMultiByte(CP_UTF8, 0, Inf, -1, path, sizeof(path), NULL, NULL);
    snprintf(function, sizeof(function), "DiInstallDriverW %s%s", Parent ? "with a window " : "", path);
    Log(function, Flags);
    *Restart = Number("FAKE_CM_PROBLEM") != 0;
    SetLastError(Number("FAKE_CM_RESULT"));
    return Number("FAKE_CM_RESULT") == 0;
}

/* newdev.h: as above. Set is the caller's and real: Wine has made the device in it. */
BOOL WINAPI DiInstallDevice(HWND Parent, HDEVINFO Set, SP_DEVINFO_DATA *Info, SP_DRVINFO_DATA_W *Driver, DWORD Flags,
                            BOOL *Restart)
{
    wchar_t ids[MAX_PATH] = {0};
    char function[MAX_PATH + 40];

    SetupDiGetDeviceRegistryPropertyW(Set, Info, SPDRP_HARDWAREID, NULL, (BYTE *)ids, sizeof(ids), NULL);
    snprintf(function, sizeof(function), "DiInstallDevice %s%s%ls", Parent ? "with a window " : "",
             Driver ? "with a driver " : "", ids);
    Log(function, Flags);
    *Restart = FALSE;
    SetLastError(Number("FAKE_CM_RESULT"));
    return Number("FAKE_CM_RESULT") == 0;
}

/* What the compiler calls through for a dllimport function; with these defined the linker takes nothing from the import library. */
void *__imp_CM_Query_And_Remove_SubTreeW = QueryAndRemove;
void *__imp_CM_Request_Device_EjectW = Eject;
void *__imp_CM_Enable_DevNode = Enable;
void *__imp_CM_Setup_DevNode = Setup;
void *__imp_CM_Uninstall_DevNode = Uninstall;
void *__imp_CM_Reenumerate_DevNode = Reenumerate;
void *__imp_CM_Locate_DevNodeW = Locate;
void *__imp_CM_Get_DevNode_Status = GetStatus;
void *__imp_CM_Request_Eject_PC = EjectPc;
