/* SPDX-License-Identifier: MIT */
/* The registry's tree. */
#include "cm/registry.h"
#include "ob/object.h"

static CM_KEY RootKey;
static KMUTEX Mutex;
static UNICODE_STRING HardwarePath;

static VOID DeleteKeyBody(PVOID Object)
{
    PCM_KEY Key = ((PCM_KEY_BODY)Object)->Key;
    CmLock();
    Key->Opens--;
    CmUnlock();
}

static VOID NameKey(PVOID Object, PWCHAR Text, ULONG Characters)
{
    CmLock();
    Text[CmPathOf(((PCM_KEY_BODY)Object)->Key, Text, Characters - 1)] = 0;
    CmUnlock();
}

static struct _OBJECT_TYPE KeyType = {OB_TYPE_LIST(KeyType), .Name = "Key", .Delete = DeleteKeyBody,
                                      .NameForReport = NameKey};
POBJECT_TYPE *CmKeyObjectType = (POBJECT_TYPE *)&KeyType;

VOID CmLock(VOID)
{
    KeWaitForSingleObject(&Mutex, Executive, KernelMode, FALSE, NULL);
}

VOID CmUnlock(VOID)
{
    KeReleaseMutex(&Mutex, FALSE);
}

static PCM_KEY NewKey(PCM_KEY Parent, PCUNICODE_STRING Name)
{
    PCM_KEY Key = ExAllocatePoolWithTag(PagedPool, sizeof(*Key) + Name->Length, CM_TAG);
    if (!Key) {
        return NULL;
    }
    RtlZeroMemory(Key, sizeof(*Key));
    Key->Name.Buffer = (PWCHAR)(Key + 1);
    Key->Name.Length = Key->Name.MaximumLength = Name->Length;
    RtlCopyMemory(Key->Name.Buffer, Name->Buffer, Name->Length);
    InitializeListHead(&Key->Keys);
    InitializeListHead(&Key->Values);
    Key->Parent = Parent;
    InsertTailList(&Parent->Keys, &Key->Link);
    return Key;
}

PCM_KEY CmKey(PCM_KEY Root, PCUNICODE_STRING Path, BOOLEAN Create)
{
    PCM_KEY Key = Root ? Root : &RootKey;
    USHORT I = 0, Count = Path->Length / sizeof(WCHAR);
    while (I < Count) {
        UNICODE_STRING Name;
        PLIST_ENTRY Entry;
        PCM_KEY Found = NULL;
        USHORT Start;
        while (I < Count && Path->Buffer[I] == L'\\') {
            I++;
        }
        Start = I;
        while (I < Count && Path->Buffer[I] != L'\\') {
            I++;
        }
        if (I == Start) {
            break;
        }
        Name.Buffer = Path->Buffer + Start;
        Name.Length = Name.MaximumLength = (I - Start) * sizeof(WCHAR);
        for (Entry = Key->Keys.Flink; Entry != &Key->Keys; Entry = Entry->Flink) {
            PCM_KEY Child = CONTAINING_RECORD(Entry, CM_KEY, Link);
            if (ObpEqualNames(&Child->Name, &Name)) {
                Found = Child;
                break;
            }
        }
        if (!Found && Create) {
            Found = NewKey(Key, &Name);
        }
        if (!Found) {
            return NULL;
        }
        Key = Found;
    }
    return Key;
}

PCM_KEY CmSubkey(PCM_KEY Root, PCWSTR Path, BOOLEAN Create)
{
    UNICODE_STRING Name;
    RtlInitUnicodeString(&Name, Path);
    return CmKey(Root, &Name, Create);
}

PCM_VALUE CmValue(PCM_KEY Key, PCUNICODE_STRING Name)
{
    PLIST_ENTRY Entry;
    for (Entry = Key->Values.Flink; Entry != &Key->Values; Entry = Entry->Flink) {
        PCM_VALUE Value = CONTAINING_RECORD(Entry, CM_VALUE, Link);
        if (ObpEqualNames(&Value->Name, Name)) {
            return Value;
        }
    }
    return NULL;
}

VOID CmDeleteValue(PCM_VALUE Value)
{
    RemoveEntryList(&Value->Link);
    ExFreePoolWithTag(Value, CM_TAG);
}

NTSTATUS CmSetValue(PCM_KEY Key, PCUNICODE_STRING Name, ULONG Type, const VOID *Data, ULONG Size)
{
    PCM_VALUE Old = CmValue(Key, Name);
    PCM_VALUE Value = ExAllocatePoolWithTag(PagedPool, sizeof(*Value) + Size + Name->Length, CM_TAG);
    if (!Value) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Value->Type = Type;
    Value->Size = Size;
    RtlCopyMemory(Value->Data, Data, Size);
    Value->Name.Buffer = (PWCHAR)(Value->Data + Size);
    Value->Name.Length = Value->Name.MaximumLength = Name->Length;
    RtlCopyMemory(Value->Name.Buffer, Name->Buffer, Name->Length);
    if (Old) {
        CmDeleteValue(Old);
    }
    InsertTailList(&Key->Values, &Value->Link);
    return STATUS_SUCCESS;
}

NTSTATUS CmSetDword(PCM_KEY Key, PCWSTR Name, ULONG Value)
{
    UNICODE_STRING ValueName;
    RtlInitUnicodeString(&ValueName, Name);
    return CmSetValue(Key, &ValueName, REG_DWORD, &Value, sizeof(Value));
}

NTSTATUS CmSetString(PCM_KEY Key, PCWSTR Name, PCWSTR Value)
{
    UNICODE_STRING ValueName, Data;
    RtlInitUnicodeString(&ValueName, Name);
    RtlInitUnicodeString(&Data, Value);
    return CmSetValue(Key, &ValueName, REG_SZ, Data.Buffer, Data.Length + sizeof(WCHAR));
}

NTSTATUS CmDeleteKey(PCM_KEY Key)
{
    if (!IsListEmpty(&Key->Keys) || !Key->Parent) {
        return STATUS_CANNOT_DELETE;
    }
    while (!IsListEmpty(&Key->Values)) {
        CmDeleteValue(CONTAINING_RECORD(Key->Values.Flink, CM_VALUE, Link));
    }
    RemoveEntryList(&Key->Link);
    Key->Deleted = TRUE; /* handles on it fail from now on with STATUS_KEY_DELETED; the memory stays */
    return STATUS_SUCCESS;
}

ULONG CmPathOf(PCM_KEY Key, PWCHAR Text, ULONG Characters)
{
    ULONG At = Key->Parent ? CmPathOf(Key->Parent, Text, Characters) : 0;
    ULONG Count = Key->Name.Length / sizeof(WCHAR);
    if (Key->Parent && At + 1 + Count <= Characters) {
        Text[At] = L'\\';
        RtlCopyMemory(&Text[At + 1], Key->Name.Buffer, Key->Name.Length);
        At += 1 + Count;
    }
    return At;
}

NTSTATUS CmOpenHandle(PCM_KEY Key, ACCESS_MASK Access, PHANDLE Handle)
{
    PVOID Object;
    NTSTATUS Status = ObpCreateObject(&KeyType, sizeof(CM_KEY_BODY), &Object);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    ((PCM_KEY_BODY)Object)->Key = Key;
    Key->Opens++;
    Status = ObpCreateHandle(Object, Access, Handle);
    ObfDereferenceObject(Object);
    return Status;
}

NTSTATUS CmKeyOfHandle(HANDLE Handle, PCM_KEY *Key, PVOID *Body)
{
    NTSTATUS Status = ObReferenceObjectByHandle(Handle, 0, &KeyType, KernelMode, Body, NULL);
    if (NT_SUCCESS(Status)) {
        *Key = ((PCM_KEY_BODY)*Body)->Key;
        if ((*Key)->Deleted) {
            ObfDereferenceObject(*Body);
            return STATUS_KEY_DELETED;
        }
    }
    return Status;
}

PWCHAR CmServicePath(PCUNICODE_STRING Service, PWCHAR Text, ULONG Characters)
{
    static const WCHAR Prefix[] = CM_SERVICES L"\\";
    ULONG At = 0, I;
    for (I = 0; Prefix[I] && At + 1 < Characters; I++) {
        Text[At++] = Prefix[I];
    }
    for (I = 0; I < Service->Length / sizeof(WCHAR) && At + 1 < Characters; I++) {
        Text[At++] = Service->Buffer[I];
    }
    Text[At] = 0;
    return Text;
}

static PCM_VALUE ServiceValue(PCUNICODE_STRING Service, PCWSTR Name)
{
    WCHAR Path[160];
    UNICODE_STRING ValueName;
    PCM_KEY Key = CmSubkey(NULL, CmServicePath(Service, Path, COUNT_OF(Path)), FALSE);
    RtlInitUnicodeString(&ValueName, Name);
    return Key ? CmValue(Key, &ValueName) : NULL;
}

BOOLEAN CmServiceValue(PCUNICODE_STRING Service, PCSTR Name, PULONG Value)
{
    WCHAR Wide[40];
    PCM_VALUE Found;
    BOOLEAN Ok;
    ULONG I;
    for (I = 0; I + 1 < COUNT_OF(Wide) && Name[I]; I++) {
        Wide[I] = Name[I];
    }
    Wide[I] = 0;
    CmLock();
    Found = ServiceValue(Service, Wide);
    Ok = Found && Found->Type == REG_DWORD;
    if (Ok) {
        *Value = *(PULONG)Found->Data;
    }
    CmUnlock();
    return Ok;
}

BOOLEAN CmServiceImage(PCUNICODE_STRING Service, PSTR Module, ULONG Size)
{
    PCM_VALUE Found;
    ULONG I, Start = 0, Count, At = 0;
    BOOLEAN InStore = FALSE;
    CmLock();
    Found = ServiceValue(Service, L"ImagePath");
    if (!Found) {
        CmUnlock();
        return FALSE;
    }
    Count = Found->Size / sizeof(WCHAR);
    for (I = 0; I < Count; I++) {
        if (((PWCHAR)Found->Data)[I] == L'\\' && !InStore) {
            Start = I + 1;
            /* The file of a driver package keeps its folder: DIRID 13, \SystemRoot\System32\DriverStore\FileRepository\owner-2\owner.sys. */
            InStore = Count - Start > COUNT_OF(CM_STORE) &&
                      RtlCompareMemory((PWCHAR)Found->Data + Start, CM_STORE, sizeof(CM_STORE) - sizeof(WCHAR)) ==
                          sizeof(CM_STORE) - sizeof(WCHAR);
            Start += InStore ? COUNT_OF(CM_STORE) - 1 : 0;
        }
    }
    for (I = Start; I < Count && ((PWCHAR)Found->Data)[I] && At + 1 < Size; I++) {
        Module[At++] = (CHAR)((PWCHAR)Found->Data)[I];
    }
    Module[At] = 0;
    CmUnlock();
    return At != 0;
}

PUNICODE_STRING CmHardwareDatabase(VOID)
{
    return &HardwarePath;
}

VOID CmInitSystem(VOID)
{
    KeInitializeMutex(&Mutex, 0);
    InitializeListHead(&RootKey.Keys);
    InitializeListHead(&RootKey.Values);
    RtlInitUnicodeString(&HardwarePath, L"\\Registry\\Machine\\Hardware\\Description\\System");
    CmLock();
    CmKey(NULL, &HardwarePath, TRUE);
    CmSubkey(NULL, CM_SERVICES, TRUE);
    CmSubkey(NULL, CM_ENUM, TRUE);
    CmSubkey(NULL, CM_CLASS, TRUE);
    CmSubkey(NULL, L"\\Registry\\Machine\\Software\\Microsoft\\Windows NT\\CurrentVersion", TRUE);
    CmSubkey(NULL, L"\\Registry\\Machine\\Hardware\\DeviceMap", TRUE);
    CmSubkey(NULL, L"\\Registry\\User\\.Default", TRUE);
    CmUnlock();
}
