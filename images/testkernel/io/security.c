/* SPDX-License-Identifier: MIT */
/*
 * Who may open a device. There is one identity, the system's (also a member of Administrators, Authenticated Users and Everyone), for programs as for
 * kernel code: what counts of a security descriptor is what it grants to that one, and that is all that is kept of it. Opens from kernel mode are not
 * checked unless they ask for it (OBJ_FORCE_ACCESS_CHECK), opens by a program (the agent's) are.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/securing-device-objects
 */
#include "io/security.h"
#include "cm/registry.h"
#include "ob/object.h"

#define RIGHTS_READ    0x00120089 /* FILE_GENERIC_READ */
#define RIGHTS_WRITE   0x00120116
#define RIGHTS_EXECUTE 0x001200A0

/* The generic rights of a file object. */
ACCESS_MASK IopMapFileAccess(ACCESS_MASK Access)
{
    ACCESS_MASK Mapped = Access & ~(GENERIC_READ | GENERIC_WRITE | GENERIC_EXECUTE | GENERIC_ALL);
    Mapped |= Access & GENERIC_READ ? RIGHTS_READ : 0;
    Mapped |= Access & GENERIC_WRITE ? RIGHTS_WRITE : 0;
    Mapped |= Access & GENERIC_EXECUTE ? RIGHTS_EXECUTE : 0;
    return Mapped | (Access & GENERIC_ALL ? SECURITY_ALL : 0);
}

static BOOLEAN StartsWith(PCWSTR Text, PCWSTR Part)
{
    return Text[0] == Part[0] && Text[0] && Text[1] == Part[1];
}

/* SDDL rights: pairs of letters, or 0x… */
static BOOLEAN ParseRights(PCWSTR Text, PCWSTR End, ACCESS_MASK *Access)
{
    static const struct {
        PCWSTR Name;
        ACCESS_MASK Access;
    } Rights[] = {{L"GA", GENERIC_ALL},  {L"GR", GENERIC_READ}, {L"GW", GENERIC_WRITE}, {L"GX", GENERIC_EXECUTE},
                  {L"FA", SECURITY_ALL}, {L"FR", RIGHTS_READ},  {L"FW", RIGHTS_WRITE},  {L"FX", RIGHTS_EXECUTE},
                  {L"RC", READ_CONTROL}, {L"SD", DELETE},       {L"WD", WRITE_DAC},     {L"WO", WRITE_OWNER}};
    *Access = 0;
    if (StartsWith(Text, L"0x")) {
        for (Text += 2; Text < End; Text++) {
            WCHAR Digit = *Text | 0x20;
            *Access = *Access << 4 | (ULONG)(Digit >= L'a' ? Digit - L'a' + 10 : Digit - L'0');
        }
        return TRUE;
    }
    for (; Text + 1 < End; Text += 2) {
        ULONG I = 0;
        while (I < COUNT_OF(Rights) && !StartsWith(Text, Rights[I].Name)) {
            I++;
        }
        if (I == COUNT_OF(Rights)) {
            return FALSE;
        }
        *Access |= Rights[I].Access;
    }
    return Text == End;
}

/* Does the system's token hold the SID? By its SDDL name or its text. */
static BOOLEAN IsOurs(PCWSTR Sid)
{
    static const PCWSTR Ours[] = {L"SY", L"BA", L"WD", L"AU", L"LA", L"SU"};
    static const PCWSTR Texts[] = {L"S-1-5-18)", L"S-1-5-32-544)", L"S-1-1-0)", L"S-1-5-11)"};
    for (ULONG I = 0; I < COUNT_OF(Ours); I++) {
        if (StartsWith(Sid, Ours[I]) && Sid[2] == L')') {
            return TRUE;
        }
    }
    for (ULONG I = 0; I < COUNT_OF(Texts); I++) {
        if (wcsncmp(Sid, Texts[I], wcslen(Texts[I])) == 0) {
            return TRUE;
        }
    }
    return FALSE;
}

/* One "(A;flags;rights;;;SID)"; earlier entries win. Returns what follows it, NULL when malformed. */
static PCWSTR ParseEntry(PCWSTR Text, ACCESS_MASK *Allowed, ACCESS_MASK *Denied)
{
    PCWSTR Fields[6], End = Text;
    ULONG Count = 0;
    ACCESS_MASK Access;
    for (PCWSTR At = Text; *At && Count < COUNT_OF(Fields); At++) {
        if (*At == L'(' || *At == L';') {
            Fields[Count++] = At + 1;
        }
    }
    while (*End && *End != L')') {
        End++;
    }
    if (*Text != L'(' || Count != COUNT_OF(Fields) || !*End || Fields[5] > End ||
        (Fields[0][0] != L'A' && Fields[0][0] != L'D') || Fields[0][1] != L';' ||
        !ParseRights(Fields[2], Fields[3] - 1, &Access)) {
        return NULL;
    }
    if (IsOurs(Fields[5])) {
        if (Fields[0][0] == L'A') {
            *Allowed |= IopMapFileAccess(Access) & ~*Denied;
        } else {
            *Denied |= IopMapFileAccess(Access) & ~*Allowed;
        }
    }
    return End + 1;
}

NTSTATUS IopParseSddl(PCWSTR Sddl, ACCESS_MASK *Granted)
{
    ACCESS_MASK Allowed = 0, Denied = 0;
    PCWSTR At = Sddl;
    while (*At && !(At[0] == L'D' && At[1] == L':')) {
        At++; /* owner and group do not matter here */
    }
    if (!*At) {
        return STATUS_INVALID_SECURITY_DESCR;
    }
    for (At += 2; *At == L'P' || *At == L'A' || *At == L'I' || *At == L'R'; At++) {
    }
    while (At && *At == L'(') {
        At = ParseEntry(At, &Allowed, &Denied);
    }
    if (!At || (*At && *At != L'S')) {
        return STATUS_INVALID_SECURITY_DESCR;
    }
    *Granted = Allowed;
    return STATUS_SUCCESS;
}

/* The value Security that the INF wrote for the device (HKR,,Security,,"D:…"); it counts for all device objects of the stack. */
static BOOLEAN SecurityOfDevnode(PDEVICE_OBJECT DeviceObject, ACCESS_MASK *Granted)
{
    static const UNICODE_STRING Name = RTL_CONSTANT_STRING(L"Security");
    PDEVICE_NODE Node = PnpDevnodeOfDeviceObject(DeviceObject);
    BOOLEAN Found = FALSE;
    if (!Node || !Node->InstancePath.Length) {
        return FALSE;
    }
    CmLock();
    PCM_KEY Key = CmKey(CmSubkey(NULL, CM_ENUM, TRUE), &Node->InstancePath, FALSE);
    /* An INF's .HW section writes into the hardware key. */
    PCM_KEY Hardware = Key ? CmSubkey(Key, L"Device Parameters", FALSE) : NULL;
    PCM_VALUE Value = Hardware ? CmValue(Hardware, (PUNICODE_STRING)&Name) : NULL;
    Value = !Value && Key ? CmValue(Key, (PUNICODE_STRING)&Name) : Value;
    if (Value && Value->Type == REG_SZ && Value->Size >= sizeof(WCHAR)) {
        Found = NT_SUCCESS(IopParseSddl((PCWSTR)Value->Data, Granted));
    }
    CmUnlock();
    return Found;
}

NTSTATUS IopCheckAccess(PDEVICE_OBJECT DeviceObject, ACCESS_MASK Access, BOOLEAN HasTrailingName)
{
    ACCESS_MASK Granted = IoExtra(DeviceObject)->Granted, Wanted = IopMapFileAccess(Access & ~MAXIMUM_ALLOWED);
    if (HasTrailingName && !(DeviceObject->Characteristics & FILE_DEVICE_SECURE_OPEN)) {
        return STATUS_SUCCESS; /* what lies in the device's namespace is its driver's business */
    }
    SecurityOfDevnode(DeviceObject, &Granted);
    if ((Access & MAXIMUM_ALLOWED) && !Granted) {
        return STATUS_ACCESS_DENIED;
    }
    return Wanted & ~Granted & ~SYNCHRONIZE ? STATUS_ACCESS_DENIED : STATUS_SUCCESS;
}

/*
 * PASSIVE_LEVEL. A named device object with a security descriptor in SDDL; DeviceClassGuid's override in the registry is not looked for. The DDK has it as a
 * static library (wdmsec.lib); drivers built with mingw import it.
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/wdmsec/nf-wdmsec-wdmlibiocreatedevicesecure
 */
NTSTATUS NTAPI WdmlibIoCreateDeviceSecure(PDRIVER_OBJECT DriverObject, ULONG DeviceExtensionSize,
                                          PUNICODE_STRING DeviceName, DEVICE_TYPE DeviceType,
                                          ULONG DeviceCharacteristics, BOOLEAN Exclusive,
                                          PCUNICODE_STRING DefaultSDDLString, LPCGUID DeviceClassGuid,
                                          PDEVICE_OBJECT *DeviceObject);
NTSTATUS NTAPI WdmlibIoCreateDeviceSecure(PDRIVER_OBJECT DriverObject, ULONG DeviceExtensionSize,
                                          PUNICODE_STRING DeviceName, DEVICE_TYPE DeviceType,
                                          ULONG DeviceCharacteristics, BOOLEAN Exclusive,
                                          PCUNICODE_STRING DefaultSDDLString, LPCGUID DeviceClassGuid,
                                          PDEVICE_OBJECT *DeviceObject)
{
    WCHAR Text[256];
    ACCESS_MASK Granted;
    NTSTATUS Status;
    if (!DeviceName || !DeviceName->Length || DefaultSDDLString->Length >= sizeof(Text)) {
        return STATUS_INVALID_PARAMETER; /* only a name can be opened */
    }
    RtlCopyMemory(Text, DefaultSDDLString->Buffer, DefaultSDDLString->Length);
    Text[DefaultSDDLString->Length / sizeof(WCHAR)] = 0;
    Status = IopParseSddl(Text, &Granted);
    if (NT_SUCCESS(Status)) {
        Status = IoCreateDevice(DriverObject, DeviceExtensionSize, DeviceName, DeviceType, DeviceCharacteristics,
                                Exclusive, DeviceObject);
    }
    if (NT_SUCCESS(Status)) {
        IoExtra(*DeviceObject)->Granted = Granted;
        IoExtra(*DeviceObject)->Creator = _ReturnAddress();
    }
    return Status;
}
