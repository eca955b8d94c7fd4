/* SPDX-License-Identifier: MIT */
/*
 * Choosing and installing a driver: what Windows' set-up does from the driver store, done here from the INF files among the boot modules.
 * https://learn.microsoft.com/windows-hardware/drivers/install/how-setup-selects-drivers
 * https://learn.microsoft.com/windows-hardware/drivers/install/inf-addservice-directive
 */
#include "pnp/install.h"
#include "boot/modules.h"
#include "kd/log.h"
#include "pnp/legacy.h"
#include "pnp/property.h"
#include "rtl/format.h"

#define CONFIGFLAG_DISABLED 1 /* regstr.h */

static ULONG NextDriverKey;

/* REG_MULTI_SZ as 8-bit list. */
static VOID Narrow(PCWSTR List, PSTR Out, ULONG Size)
{
    ULONG At = 0;
    while (List && *List && At + 2 < Size) {
        while (*List && At + 2 < Size) {
            Out[At++] = (CHAR)*List++;
        }
        Out[At++] = 0;
        List++;
    }
    Out[At] = 0;
}

static PCM_KEY ServiceKey(PCSTR Service)
{
    WCHAR Wide[INF_WIDE];
    return CmSubkey(CmSubkey(NULL, CM_SERVICES, TRUE), PnpWiden(Service, Wide), TRUE);
}

/* %12%\owner.sys or %13%\owner.sys: a file name, and the package's folder, is all that is needed to find the boot module. */
VOID PnpWriteService(const INF_FILE *File, PCSTR Service, PCSTR Section, INF_LINE *Line)
{
    static const struct {
        PCSTR Inf;
        PCWSTR Value;
    } Numbers[] = {{"ServiceType", L"Type"}, {"StartType", L"Start"}, {"ErrorControl", L"ErrorControl"}};
    PCM_KEY Key = ServiceKey(Service);
    WCHAR Wide[INF_WIDE];
    ULONG I;
    if (!Key) {
        return;
    }
    for (I = 0; I < COUNT_OF(Numbers); I++) {
        if (InfFind(File, Section, Numbers[I].Inf, Line) && Line->Count) {
            CmSetDword(Key, Numbers[I].Value, InfNumber(Line->Fields[0], 0));
        }
    }
    if (InfFind(File, Section, "DisplayName", Line) && Line->Count) {
        CmSetString(Key, L"DisplayName", PnpWiden(Line->Fields[0], Wide));
    }
    if (InfFind(File, Section, "ServiceBinary", Line) && Line->Count) {
        PCSTR Name = Line->Fields[0], At;
        CHAR Packaged[160], Path[240];
        for (At = Name; *At; At++) {
            if (*At == '\\') {
                Name = At + 1;
            }
        }
        RtlFormat(Packaged, sizeof(Packaged), "%s\\%s", File->Package, Name);
        if (File->Package[0] && BootFindModule(Packaged)) {
            RtlFormat(Path, sizeof(Path), "\\SystemRoot\\System32\\DriverStore\\FileRepository\\%s", Packaged);
        } else {
            RtlFormat(Path, sizeof(Path), "\\SystemRoot\\System32\\drivers\\%s", Name);
        }
        CmSetString(Key, L"ImagePath", PnpWiden(Path, Wide));
    }
    PnpAddReg(File, Section, Key);
}

/* The device's Enum key. Registry locked. */
static PCM_KEY DeviceKey(PDEVICE_NODE Node, BOOLEAN Create)
{
    return CmKey(CmSubkey(NULL, CM_ENUM, TRUE), &Node->InstancePath, Create);
}

/* A REG_SZ value, or NULL. Registry locked. */
static PCWSTR Text(PCM_KEY Key, PCWSTR ValueName)
{
    UNICODE_STRING Name;
    PCM_VALUE Value;
    RtlInitUnicodeString(&Name, ValueName);
    Value = Key ? CmValue(Key, &Name) : NULL;
    return Value && Value->Type == REG_SZ ? (PCWSTR)Value->Data : NULL;
}

/* The device's driver (software) key. Registry locked. */
static PCM_KEY DriverKey(PCM_KEY Enum)
{
    PCWSTR Path = Text(Enum, L"Driver");
    return Path ? CmSubkey(CmSubkey(NULL, CM_CLASS, TRUE), Path, TRUE) : NULL;
}

/* A driver key is given to a device once: {class}\0000, 0001, ... */
static VOID AssignDriverKey(PCM_KEY Enum, PCSTR ClassGuid)
{
    CHAR Path[64];
    WCHAR Wide[INF_WIDE];
    if (!Text(Enum, L"Driver")) {
        RtlFormat(Path, sizeof(Path), "%s\\%04u", ClassGuid, NextDriverKey++);
        CmSetString(Enum, L"Driver", PnpWiden(Path, Wide));
    }
}

static VOID WriteVersion(PCM_KEY Driver, const INF_FILE *File)
{
    INF_DRIVER_VERSION Version;
    CHAR Line[40];
    WCHAR Wide[INF_WIDE];
    InfDriverVersion(File, &Version);
    if (Version.Date) {
        RtlFormat(Line, sizeof(Line), "%u-%u-%u", Version.Date / 100 % 100, Version.Date % 100, Version.Date / 10000);
        CmSetString(Driver, L"DriverDate", PnpWiden(Line, Wide));
        RtlFormat(Line, sizeof(Line), "%u.%u.%u.%u", (ULONG)(Version.Version >> 48),
                  (ULONG)(Version.Version >> 32) & 0xFFFF, (ULONG)(Version.Version >> 16) & 0xFFFF,
                  (ULONG)Version.Version & 0xFFFF);
        CmSetString(Driver, L"DriverVersion", PnpWiden(Line, Wide));
    }
}

static VOID WriteDeviceKeys(PDEVICE_NODE Node, const INF_MATCH *Match, PCSTR Service, INF_LINE *Line)
{
    static const CHAR Unknown[] = "{4d36e97e-e325-11ce-bfc1-08002be10318}"; /* the class of devices without one */
    WCHAR Wide[INF_WIDE];
    CHAR Name[120];
    PCM_KEY Enum = DeviceKey(Node, TRUE), Driver;
    if (!Enum) {
        return;
    }
    CmSetString(Enum, L"Service", PnpWiden(Service, Wide));
    CmSetString(Enum, L"DeviceDesc", PnpWiden(Match->Description, Wide));
    if (InfFind(Match->File, "Version", "Class", Line) && Line->Count) {
        CmSetString(Enum, L"Class", PnpWiden(Line->Fields[0], Wide));
    }
    if (InfFind(Match->File, "Version", "Provider", Line) && Line->Count) {
        CmSetString(Enum, L"Mfg", PnpWiden(Line->Fields[0], Wide));
    }
    if (InfFind(Match->File, "Version", "ClassGuid", Line) && Line->Count) {
        CmSetString(Enum, L"ClassGUID", PnpWiden(Line->Fields[0], Wide));
        AssignDriverKey(Enum, Line->Fields[0]);
    } else {
        AssignDriverKey(Enum, Unknown);
    }
    Driver = DriverKey(Enum);
    if (Driver) {
        CmSetString(Driver, L"DriverDesc", PnpWiden(Match->Description, Wide));
        PnpInfPath(Match->File, Name, sizeof(Name));
        CmSetString(Driver, L"InfPath", PnpWiden(Name, Wide));
        CmSetString(Driver, L"InfSection", PnpWiden(Match->Install, Wide));
        CmSetString(Driver, L"MatchingDeviceId", PnpWiden(Match->DeviceId, Wide));
        WriteVersion(Driver, Match->File);
        PnpAddReg(Match->File, Match->Install, Driver);
    }
    /* In a .HW section HKR is the hardware key: filters stand in it directly, the rest under Device Parameters on query. */
    RtlFormat(Name, sizeof(Name), "%s.HW", Match->Install);
    PnpAddReg(Match->File, Name, CmSubkey(Enum, L"Device Parameters", TRUE));
}

static BOOLEAN FirstBuiltin(PCWSTR Ids, PWCHAR Service, ULONG Characters)
{
    for (; Ids && *Ids; Ids += wcslen(Ids) + 1) {
        if (PnpBuiltinService(Ids, Service, Characters)) {
            return TRUE;
        }
    }
    return FALSE;
}

/* Registry locked. */
static const INF_FILE *InstalledInf(PDEVICE_NODE Node)
{
    PCM_KEY Enum = DeviceKey(Node, FALSE);
    PCWSTR Path = Text(Enum, L"Service") ? Text(DriverKey(Enum), L"InfPath") : NULL;
    CHAR Narrowed[100];
    ULONG I;
    for (I = 0; Path && Path[I] && I + 1 < sizeof(Narrowed); I++) {
        Narrowed[I] = (CHAR)Path[I];
    }
    Narrowed[Path ? I : 0] = 0;
    return Path ? PnpFindInStore(Narrowed) : NULL;
}

const INF_FILE *PnpInstalledInf(PDEVICE_NODE Node)
{
    const INF_FILE *File;
    CmLock();
    File = InstalledInf(Node);
    CmUnlock();
    return File;
}

static VOID DeleteTree(PCM_KEY Key)
{
    while (!IsListEmpty(&Key->Keys)) {
        DeleteTree(CONTAINING_RECORD(Key->Keys.Flink, CM_KEY, Link));
    }
    CmDeleteKey(Key);
}

VOID PnpForgetInstallation(PDEVICE_NODE Node)
{
    PCM_KEY Enum, Driver;
    CmLock();
    Enum = DeviceKey(Node, FALSE);
    Driver = Enum ? DriverKey(Enum) : NULL;
    if (Driver) {
        DeleteTree(Driver);
    }
    if (Enum) {
        DeleteTree(Enum);
    }
    CmUnlock();
    PnpForgetProperties(Node);
}

VOID PnpSetDisabled(PDEVICE_NODE Node, BOOLEAN Disabled)
{
    PCM_KEY Enum;
    CmLock();
    Enum = DeviceKey(Node, Disabled);
    if (Enum) {
        CmSetDword(Enum, L"ConfigFlags", Disabled ? CONFIGFLAG_DISABLED : 0);
    }
    CmUnlock();
}

BOOLEAN PnpIsDisabled(PDEVICE_NODE Node)
{
    UNICODE_STRING Name;
    PCM_KEY Enum;
    PCM_VALUE Value;
    BOOLEAN Disabled;
    RtlInitUnicodeString(&Name, L"ConfigFlags");
    CmLock();
    Enum = DeviceKey(Node, FALSE);
    Value = Enum ? CmValue(Enum, &Name) : NULL;
    Disabled = Value && Value->Type == REG_DWORD && (*(ULONG *)Value->Data & CONFIGFLAG_DISABLED);
    CmUnlock();
    return Disabled;
}

BOOLEAN PnpChooseDriver(PDEVICE_NODE Node, const INF_FILE *File, PPNP_DRIVER_CHOICE Choice)
{
    RtlZeroMemory(Choice, sizeof(*Choice));
    Choice->Match.Rank = INF_NO_MATCH;
    Narrow(Node->HardwareIds, Choice->HardwareIds, sizeof(Choice->HardwareIds));
    Narrow(Node->CompatibleIds, Choice->CompatibleIds, sizeof(Choice->CompatibleIds));
    if (File) {
        InfMatchDevice(File, Choice->HardwareIds, Choice->CompatibleIds, &Choice->Match);
    } else {
        PnpMatchStore(Choice->HardwareIds, Choice->CompatibleIds, &Choice->Match);
    }
    if (Choice->Match.Rank == INF_NO_MATCH) {
        return FALSE;
    }
    if (!InfAssociatedService(&Choice->Match, Choice->Service, sizeof(Choice->Service), Choice->Section,
                              sizeof(Choice->Section))) {
        KdLog(LOG_WARNING, "%s matches %wZ by %s but [%s.Services] has no AddService with flag 0x2",
              Choice->Match.File->Name, &Node->InstancePath, Choice->Match.DeviceId, Choice->Match.Install);
        return FALSE;
    }
    return TRUE;
}

/* What the Enum key says about an installed device, in the devnode. */
static NTSTATUS TakeInstallation(PDEVICE_NODE Node)
{
    PCM_KEY Enum;
    PCWSTR Service, Description;
    NTSTATUS Status = STATUS_OBJECT_NAME_NOT_FOUND;
    CmLock();
    Enum = DeviceKey(Node, FALSE);
    Service = Text(Enum, L"Service");
    Description = Text(Enum, L"DeviceDesc");
    if (Service) {
        Status = PnpSetUnicode(&Node->ServiceName, Service);
    }
    if (Description) {
        PWSTR Copy = PnpCopyString(Description);
        if (Copy) {
            if (Node->Description) {
                ExFreePool(Node->Description);
            }
            Node->Description = Copy;
        }
    }
    CmUnlock();
    return Status;
}

NTSTATUS PnpInstall(PDEVICE_NODE Node, PPNP_DRIVER_CHOICE Choice)
{
    CHAR Services[96];
    CmLock();
    RtlFormat(Services, sizeof(Services), "%s.Services", Choice->Match.Install);
    PnpAddServices(Choice->Match.File, Services); /* the function driver's and those of its filters */
    WriteDeviceKeys(Node, &Choice->Match, Choice->Service, &Choice->Line);
    CmUnlock();
    KdLog(LOG_INFO, "%wZ: service %s by %s (%s)", &Node->InstancePath, Choice->Service, Choice->Match.File->Name,
          Choice->Match.DeviceId);
    return TakeInstallation(Node);
}

/*
 * Set-up runs once for a device: what its keys say afterwards, such as settings that were changed, survives restart, removal and return, and a better
 * driver is taken only by an update or after an uninstallation.
 */
NTSTATUS PnpFindDriver(PDEVICE_NODE Node)
{
    PPNP_DRIVER_CHOICE Choice;
    NTSTATUS Status = STATUS_OBJECT_NAME_NOT_FOUND;
    if (PnpInstalledInf(Node)) {
        return TakeInstallation(Node);
    }
    Choice = ExAllocatePoolWithTag(PagedPool, sizeof(*Choice), PNP_TAG);
    if (!Choice) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    BOOLEAN Found = PnpChooseDriver(Node, NULL, Choice);
    Node->Flags &= ~DNF_BUILTIN;
    if (Choice->Match.Rank >= 0x2000 &&
        (FirstBuiltin(Node->HardwareIds, Choice->Wide, INF_WIDE) ||
         (Choice->Match.Rank == INF_NO_MATCH && FirstBuiltin(Node->CompatibleIds, Choice->Wide, INF_WIDE)))) {
        Node->Flags |= DNF_BUILTIN;
        Status = PnpSetUnicode(&Node->ServiceName, Choice->Wide);
    } else if (Found) {
        Status = PnpInstall(Node, Choice);
    }
    ExFreePoolWithTag(Choice, PNP_TAG);
    return Status;
}

static PCM_VALUE FilterValue(PCM_KEY Key, PCWSTR ValueName)
{
    UNICODE_STRING Name;
    PCM_VALUE Value;
    RtlInitUnicodeString(&Name, ValueName);
    Value = Key ? CmValue(Key, &Name) : NULL;
    return Value && Value->Type == REG_MULTI_SZ ? Value : NULL;
}

/* Appends a REG_MULTI_SZ to Buffer at At (characters); returns where the next one goes. */
static ULONG AppendList(PCM_VALUE Value, PWCHAR Buffer, ULONG Characters, ULONG At)
{
    ULONG Count = Value ? Value->Size / sizeof(WCHAR) : 0;
    while (Count && ((PWCHAR)Value->Data)[Count - 1] == 0) {
        Count--;
    }
    if (Count == 0 || At + Count + 2 > Characters) {
        return At;
    }
    RtlCopyMemory(Buffer + At, Value->Data, Count * sizeof(WCHAR));
    Buffer[At + Count] = Buffer[At + Count + 1] = 0;
    return At + Count + 1;
}

/* Device filters before class filters: https://learn.microsoft.com/windows-hardware/drivers/install/device-filter-driver-ordering */
VOID PnpFilters(PDEVICE_NODE Node, PCWSTR ValueName, PWCHAR Buffer, ULONG Characters)
{
    PCM_KEY Key;
    PCM_VALUE Value, Class;
    UNICODE_STRING ClassName;
    ULONG At = 0;
    Buffer[0] = Buffer[1] = 0;
    RtlInitUnicodeString(&ClassName, L"ClassGUID");
    CmLock();
    Key = CmKey(CmSubkey(NULL, CM_ENUM, TRUE), &Node->InstancePath, FALSE);
    if (Key) {
        Value = FilterValue(Key, ValueName);
        if (!Value) {
            Value = FilterValue(CmSubkey(Key, L"Device Parameters", FALSE), ValueName);
        }
        At = AppendList(Value, Buffer, Characters, At);
        Class = CmValue(Key, &ClassName);
        if (Class && Class->Type == REG_SZ) {
            Key = CmSubkey(CmSubkey(NULL, CM_CLASS, TRUE), (PCWSTR)Class->Data, FALSE);
            AppendList(FilterValue(Key, ValueName), Buffer, Characters, At);
        }
    }
    CmUnlock();
}
