/* SPDX-License-Identifier: MIT */
/*
 * Choosing and installing a driver: what Windows' set-up does from the driver store, done here from the INF files among the boot modules.
 * https://learn.microsoft.com/windows-hardware/drivers/install/inf-addservice-directive
 * https://learn.microsoft.com/windows-hardware/drivers/install/inf-addreg-directive
 */
#include "pnp/internal.h"
#include "boot/modules.h"
#include "cm/registry.h"
#include "kd/log.h"
#include "pnp/inf.h"
#include "pnp/legacy.h"
#include "rtl/format.h"

#define MAX_INFS  64
#define MAX_WIDE  512
#define ID_BUFFER 2048

static INF_FILE Infs[MAX_INFS];
static ULONG InfCount;
static ULONG NextDriverKey;

static PCWSTR Widen(PCSTR Text, PWCHAR Wide)
{
    ULONG I;
    for (I = 0; Text[I] && I + 1 < MAX_WIDE; I++) {
        Wide[I] = (UCHAR)Text[I];
    }
    Wide[I] = 0;
    return Wide;
}

VOID PnpReadInfs(VOID)
{
    const BOOT_MODULE *Module;
    ULONG I;
    for (I = 0; (Module = BootModule(I)) != NULL && InfCount < MAX_INFS; I++) {
        SIZE_T Length = strlen(Module->Name);
        char *Buffer = NULL;
        if (Length < 4 || !InfEqual(Module->Name + Length - 4, ".inf")) {
            continue;
        }
        if (Module->Size >= 2 && *(const USHORT *)Module->Base == 0xFEFF) {
            Buffer = ExAllocatePoolWithTag(PagedPool, Module->Size / 2,
                                           PNP_TAG); /* kept: the INF is used whenever a device comes */
        }
        if (InfOpen(&Infs[InfCount], Module->Name, Module->Base, Module->Size, Buffer, Buffer ? Module->Size / 2 : 0)) {
            INF_LINE *Line = ExAllocatePoolWithTag(PagedPool, sizeof(*Line), PNP_TAG);
            if (Line && !InfFind(&Infs[InfCount], "Version", "Signature", Line)) {
                KdLog(LOG_WARNING, "%s is ignored: an INF file needs [Version] with Signature", Module->Name);
            } else {
                PnpInstallServices(&Infs[InfCount++]);
            }
            if (Line) {
                ExFreePoolWithTag(Line, PNP_TAG);
            }
        }
    }
    KdLog(LOG_DEBUG, "%u INF files", InfCount);
}

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
    WCHAR Wide[MAX_WIDE];
    return CmSubkey(CmSubkey(NULL, CM_SERVICES, TRUE), Widen(Service, Wide), TRUE);
}

/* One AddReg line: reg-root, subkey, value name, flags, data... Root is where HKR points. */
static VOID AddRegLine(PCM_KEY Root, const INF_LINE *Line)
{
    WCHAR Wide[MAX_WIDE], NameBuffer[MAX_WIDE];
    UNICODE_STRING Name;
    PCM_KEY Key = Root;
    ULONG Flags = Line->Count > 3 ? InfNumber(Line->Fields[3], 0) : 0;
    int I;
    if (!InfEqual(Line->Fields[0], "HKR")) {
        static const WCHAR Machine[] = L"\\Registry\\Machine";
        if (!InfEqual(Line->Fields[0], "HKLM")) {
            return;
        }
        Key = CmSubkey(NULL, Machine, TRUE);
    }
    if (Line->Count > 1 && Line->Fields[1][0]) {
        Key = CmSubkey(Key, Widen(Line->Fields[1], Wide), TRUE);
    }
    if (!Key || (Flags & 0x10) || Line->Count < 3) {
        return; /* FLG_ADDREG_KEYONLY */
    }
    RtlInitUnicodeString(&Name, Widen(Line->Fields[2], NameBuffer));
    switch (Flags & 0x000F0001) {
    case 0x00010001: { /* REG_DWORD: one number, or four bytes */
        ULONG Value = 0;
        for (I = 4; I < Line->Count; I++) {
            Value |= Line->Count == 5 ? InfNumber(Line->Fields[I], 0) : InfNumber(Line->Fields[I], 0) << (8 * (I - 4));
        }
        CmSetValue(Key, &Name, REG_DWORD, &Value, sizeof(Value));
        break;
    }
    case 0x00000001: { /* REG_BINARY */
        UCHAR Bytes[INF_FIELDS];
        for (I = 4; I < Line->Count; I++) {
            CHAR Hex[16] = "0x";
            ULONG J;
            for (J = 0; Line->Fields[I][J] && J + 3 < sizeof(Hex); J++) {
                Hex[2 + J] = Line->Fields[I][J];
            }
            Hex[2 + J] = 0;
            Bytes[I - 4] = (UCHAR)InfNumber(Hex, 0);
        }
        CmSetValue(Key, &Name, REG_BINARY, Bytes, Line->Count > 4 ? (ULONG)(Line->Count - 4) : 0);
        break;
    }
    case 0x00010000: { /* REG_MULTI_SZ; FLG_ADDREG_APPEND keeps what is there */
        WCHAR Multi[MAX_WIDE];
        ULONG At = 0;
        PCM_VALUE Old = CmValue(Key, &Name);
        if ((Flags & 0x8) && Old && Old->Type == REG_MULTI_SZ && Old->Size > sizeof(WCHAR)) {
            At = Old->Size / sizeof(WCHAR) - 1;
            At = min(At, MAX_WIDE / 2);
            RtlCopyMemory(Multi, Old->Data, At * sizeof(WCHAR));
        }
        for (I = 4; I < Line->Count; I++) {
            PCSTR Text;
            for (Text = Line->Fields[I]; *Text && At + 3 < MAX_WIDE; Text++) {
                Multi[At++] = (UCHAR)*Text;
            }
            Multi[At++] = 0;
        }
        Multi[At++] = 0;
        CmSetValue(Key, &Name, REG_MULTI_SZ, Multi, At * sizeof(WCHAR));
        break;
    }
    default:
        Widen(Line->Count > 4 ? Line->Fields[4] : "", Wide);
        CmSetValue(Key, &Name, (Flags & 0x000F0000) == 0x00020000 ? REG_EXPAND_SZ : REG_SZ, Wide,
                   (ULONG)(wcslen(Wide) + 1) * sizeof(WCHAR));
        break;
    }
}

/* All AddReg sections that Section names, with HKR = Root. Scratch is a line buffer. */
static VOID AddReg(const INF_FILE *File, PCSTR Section, PCM_KEY Root)
{
    INF_CURSOR *Cursors = ExAllocatePoolWithTag(PagedPool, 2 * sizeof(INF_CURSOR), PNP_TAG);
    INF_LINE *Lines = ExAllocatePoolWithTag(PagedPool, 2 * sizeof(INF_LINE), PNP_TAG);
    int I;
    if (Cursors && Lines && Root) {
        InfSeek(&Cursors[0], File, Section);
        while (InfNext(&Cursors[0], &Lines[0])) {
            if (!InfEqual(Lines[0].Key, "AddReg")) {
                continue;
            }
            for (I = 0; I < Lines[0].Count; I++) {
                InfSeek(&Cursors[1], File, Lines[0].Fields[I]);
                while (InfNext(&Cursors[1], &Lines[1])) {
                    AddRegLine(Root, &Lines[1]);
                }
            }
        }
    }
    if (Cursors) {
        ExFreePoolWithTag(Cursors, PNP_TAG);
    }
    if (Lines) {
        ExFreePoolWithTag(Lines, PNP_TAG);
    }
}

/* %12%\owner.sys or %13%\owner.sys: a file name is all that is needed to find the boot module. */
VOID PnpWriteService(const INF_FILE *File, PCSTR Service, PCSTR Section, INF_LINE *Line)
{
    static const struct {
        PCSTR Inf;
        PCWSTR Value;
    } Numbers[] = {{"ServiceType", L"Type"}, {"StartType", L"Start"}, {"ErrorControl", L"ErrorControl"}};
    PCM_KEY Key = ServiceKey(Service);
    WCHAR Wide[MAX_WIDE];
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
        CmSetString(Key, L"DisplayName", Widen(Line->Fields[0], Wide));
    }
    if (InfFind(File, Section, "ServiceBinary", Line) && Line->Count) {
        static const WCHAR Folder[] = L"\\SystemRoot\\System32\\drivers\\";
        PCSTR Name = Line->Fields[0], At;
        for (At = Name; *At; At++) {
            if (*At == '\\') {
                Name = At + 1;
            }
        }
        RtlCopyMemory(Wide, Folder, sizeof(Folder));
        for (I = 0; Name[I] && COUNT_OF(Folder) + I < MAX_WIDE; I++) {
            Wide[COUNT_OF(Folder) - 1 + I] = (UCHAR)Name[I];
        }
        Wide[COUNT_OF(Folder) - 1 + I] = 0;
        CmSetString(Key, L"ImagePath", Wide);
    }
    AddReg(File, Section, Key);
}

static VOID WriteDeviceKeys(PDEVICE_NODE Node, const INF_MATCH *Match, PCSTR Service, INF_LINE *Line)
{
    WCHAR Wide[MAX_WIDE], DriverKey[64];
    CHAR Section[96], Number[8];
    UNICODE_STRING Name;
    PCM_KEY Enum, Class;
    BOOLEAN Installed;
    ULONG I;
    Enum = CmKey(CmSubkey(NULL, CM_ENUM, TRUE), &Node->InstancePath, TRUE);
    if (!Enum) {
        return;
    }
    CmSetString(Enum, L"Service", Widen(Service, Wide));
    CmSetString(Enum, L"DeviceDesc", Widen(Match->Description, Wide));
    if (InfFind(Match->File, "Version", "Class", Line) && Line->Count) {
        CmSetString(Enum, L"Class", Widen(Line->Fields[0], Wide));
    }
    if (InfFind(Match->File, "Version", "Provider", Line) && Line->Count) {
        CmSetString(Enum, L"Mfg", Widen(Line->Fields[0], Wide));
    }
    RtlInitUnicodeString(&Name, L"Driver");
    Installed = CmValue(Enum, &Name) != NULL;
    if (InfFind(Match->File, "Version", "ClassGuid", Line) && Line->Count && !Installed) {
        CmSetString(Enum, L"ClassGUID", Widen(Line->Fields[0], Wide));
        for (I = 0; I < 4; I++) {
            Number[I] = (CHAR)('0' + NextDriverKey / (I == 0 ? 1000u : I == 1 ? 100u : I == 2 ? 10u : 1u) % 10u);
        }
        Number[4] = 0;
        NextDriverKey++;
        for (I = 0; Line->Fields[0][I] && I < 40; I++) {
            DriverKey[I] = (UCHAR)Line->Fields[0][I];
        }
        DriverKey[I++] = L'\\';
        for (ULONG J = 0; J < 5; J++) {
            DriverKey[I + J] = (UCHAR)Number[J];
        }
        CmSetString(Enum, L"Driver", DriverKey);
        Class = CmSubkey(CmSubkey(NULL, CM_CLASS, TRUE), DriverKey, TRUE);
        if (Class) {
            CmSetString(Class, L"DriverDesc", Widen(Match->Description, Wide));
            CmSetString(Class, L"InfPath", Widen(Match->File->Name, Wide));
            CmSetString(Class, L"MatchingDeviceId", Widen(Match->DeviceId, Wide));
            AddReg(Match->File, Match->Install, Class);
        }
    }
    if (Installed) {
        return; /* a device that is only started again keeps what was changed since its installation (buddyctl settings) */
    }
    for (I = 0; Match->Install[I]; I++) {
        Section[I] = Match->Install[I];
    }
    RtlCopyMemory(Section + I, ".HW", 4);
    /* In a .HW section HKR is the hardware key: filters stand in it directly, the rest under Device Parameters on query. */
    AddReg(Match->File, Section, CmSubkey(Enum, L"Device Parameters", TRUE));
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

/*
 * Set-up runs once for a device: what its keys say afterwards, such as settings that were changed, survives restart, removal and return.
 */
static BOOLEAN IsInstalled(PDEVICE_NODE Node, PCSTR Service)
{
    WCHAR Wide[MAX_WIDE];
    UNICODE_STRING Name, Have, Wanted;
    PCM_KEY Enum = CmKey(CmSubkey(NULL, CM_ENUM, TRUE), &Node->InstancePath, FALSE);
    PCM_VALUE Value;
    RtlInitUnicodeString(&Name, L"Service");
    Value = Enum ? CmValue(Enum, &Name) : NULL;
    if (!Value || Value->Type != REG_SZ) {
        return FALSE;
    }
    RtlInitUnicodeString(&Have, (PCWSTR)Value->Data);
    RtlInitUnicodeString(&Wanted, Widen(Service, Wide));
    return ObpEqualNames(&Have, &Wanted);
}

VOID PnpForgetInstallation(PDEVICE_NODE Node)
{
    UNICODE_STRING Name;
    PCM_KEY Enum;
    PCM_VALUE Value;
    RtlInitUnicodeString(&Name, L"Service");
    CmLock();
    Enum = CmKey(CmSubkey(NULL, CM_ENUM, TRUE), &Node->InstancePath, FALSE);
    Value = Enum ? CmValue(Enum, &Name) : NULL;
    if (Value) {
        CmDeleteValue(Value);
    }
    CmUnlock();
}

typedef struct _FIND {
    INF_MATCH Match;
    INF_LINE Line;
    CHAR HardwareIds[ID_BUFFER];
    CHAR CompatibleIds[ID_BUFFER];
    CHAR Service[64];
    CHAR Section[80];
    WCHAR Wide[MAX_WIDE];
} FIND;

NTSTATUS PnpFindDriver(PDEVICE_NODE Node)
{
    FIND *Find = ExAllocatePoolWithTag(PagedPool, sizeof(*Find), PNP_TAG);
    NTSTATUS Status = STATUS_OBJECT_NAME_NOT_FOUND;
    ULONG I;
    if (!Find) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    RtlZeroMemory(Find, sizeof(*Find));
    Find->Match.Rank = INF_NO_MATCH;
    Narrow(Node->HardwareIds, Find->HardwareIds, ID_BUFFER);
    Narrow(Node->CompatibleIds, Find->CompatibleIds, ID_BUFFER);
    for (I = 0; I < InfCount; I++) {
        InfMatchDevice(&Infs[I], Find->HardwareIds, Find->CompatibleIds, &Find->Match);
    }
    Node->Flags &= ~DNF_BUILTIN;
    if (Find->Match.Rank >= 0x2000 &&
        (FirstBuiltin(Node->HardwareIds, Find->Wide, MAX_WIDE) ||
         (Find->Match.Rank == INF_NO_MATCH && FirstBuiltin(Node->CompatibleIds, Find->Wide, MAX_WIDE)))) {
        Node->Flags |= DNF_BUILTIN;
        Status = PnpSetUnicode(&Node->ServiceName, Find->Wide);
    } else if (Find->Match.Rank != INF_NO_MATCH) {
        if (!InfAssociatedService(&Find->Match, Find->Service, sizeof(Find->Service), Find->Section,
                                  sizeof(Find->Section))) {
            KdLog(LOG_WARNING, "%s matches %wZ by %s but [%s.Services] has no AddService with flag 0x2",
                  Find->Match.File->Name, &Node->InstancePath, Find->Match.DeviceId, Find->Match.Install);
        } else {
            PWSTR Description;
            CmLock();
            if (!IsInstalled(Node, Find->Service)) {
                CHAR Services[96];
                RtlFormat(Services, sizeof(Services), "%s.Services", Find->Match.Install);
                PnpAddServices(Find->Match.File, Services); /* the function driver's and those of its filters */
                WriteDeviceKeys(Node, &Find->Match, Find->Service, &Find->Line);
            }
            CmUnlock();
            KdLog(LOG_INFO, "%wZ: service %s by %s (%s)", &Node->InstancePath, Find->Service, Find->Match.File->Name,
                  Find->Match.DeviceId);
            Status = PnpSetUnicode(&Node->ServiceName, Widen(Find->Service, Find->Wide));
            Description = PnpCopyString(Widen(Find->Match.Description, Find->Wide));
            if (Description) {
                if (Node->Description) {
                    ExFreePool(Node->Description);
                }
                Node->Description = Description;
            }
        }
    }
    ExFreePoolWithTag(Find, PNP_TAG);
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
