/* SPDX-License-Identifier: MIT */
/*
 * Zw*Key: the registry for drivers.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/using-the-registry-in-a-driver
 */
#include "cm/registry.h"
#include "ob/object.h"
#include "io/verify.h"

/* "ZwCreateKey … creates only the last key of the path": what lies before it must be there. Registry locked. */
static BOOLEAN ParentExists(PCM_KEY Root, PCUNICODE_STRING Path)
{
    UNICODE_STRING Parent = *Path;
    while (Parent.Length && Parent.Buffer[Parent.Length / sizeof(WCHAR) - 1] != L'\\') {
        Parent.Length -= sizeof(WCHAR);
    }
    return CmKey(Root, &Parent, FALSE) != NULL;
}

/* Not in mingw's wdm.h. */
typedef struct _KEY_NAME_INFORMATION {
    ULONG NameLength;
    WCHAR Name[1];
} KEY_NAME_INFORMATION, *PKEY_NAME_INFORMATION;

static NTSTATUS OpenKey(PHANDLE Handle, ACCESS_MASK Access, POBJECT_ATTRIBUTES Attributes, BOOLEAN Create,
                        PULONG Disposition)
{
    PCM_KEY Root = NULL, Key;
    PVOID Body = NULL;
    NTSTATUS Status;
    if (Attributes->RootDirectory) {
        Status = CmKeyOfHandle(Attributes->RootDirectory, &Root, &Body);
        if (!NT_SUCCESS(Status)) {
            return Status;
        }
    }
    CmLock();
    Key = CmKey(Root, Attributes->ObjectName, FALSE);
    if (Disposition) {
        *Disposition = Key ? REG_OPENED_EXISTING_KEY : REG_CREATED_NEW_KEY;
    }
    if (!Key && Create && ParentExists(Root, Attributes->ObjectName)) {
        Key = CmKey(Root, Attributes->ObjectName, TRUE);
    }
    Status = Key ? CmOpenHandle(Key, Access, Handle) : STATUS_OBJECT_NAME_NOT_FOUND;
    CmUnlock();
    if (Body) {
        ObfDereferenceObject(Body);
    }
    return Status;
}

NTSTATUS NTAPI ZwOpenKey(PHANDLE KeyHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes)
{
    IoCheckZwAttributes("ZwOpenKey", ObjectAttributes, _ReturnAddress());
    return OpenKey(KeyHandle, DesiredAccess, ObjectAttributes, FALSE, NULL);
}

NTSTATUS NTAPI ZwOpenKeyEx(PHANDLE KeyHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
                           ULONG OpenOptions)
{
    IoCheckZwAttributes("ZwOpenKeyEx", ObjectAttributes, _ReturnAddress());
    return ZwOpenKey(KeyHandle, DesiredAccess, ObjectAttributes);
}

NTSTATUS NTAPI ZwCreateKey(PHANDLE KeyHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
                           ULONG TitleIndex, PUNICODE_STRING Class, ULONG CreateOptions, PULONG Disposition)
{
    IoCheckZwAttributes("ZwCreateKey", ObjectAttributes, _ReturnAddress());
    return OpenKey(KeyHandle, DesiredAccess, ObjectAttributes, TRUE, Disposition);
}

NTSTATUS NTAPI ZwDeleteKey(HANDLE KeyHandle)
{
    PCM_KEY Key;
    PVOID Body;
    NTSTATUS Status = CmKeyOfHandle(KeyHandle, &Key, &Body);
    if (NT_SUCCESS(Status)) {
        CmLock();
        Status = CmDeleteKey(Key);
        CmUnlock();
        ObfDereferenceObject(Body);
    }
    return Status;
}

NTSTATUS NTAPI ZwFlushKey(HANDLE KeyHandle)
{
    PCM_KEY Key;
    PVOID Body;
    NTSTATUS Status = CmKeyOfHandle(KeyHandle, &Key, &Body);
    if (NT_SUCCESS(Status)) {
        ObfDereferenceObject(Body);
    }
    return Status;
}

NTSTATUS NTAPI ZwSetValueKey(HANDLE KeyHandle, PUNICODE_STRING ValueName, ULONG TitleIndex, ULONG Type, PVOID Data,
                             ULONG DataSize)
{
    PCM_KEY Key;
    PVOID Body;
    NTSTATUS Status;
    Status = CmKeyOfHandle(KeyHandle, &Key, &Body);
    if (NT_SUCCESS(Status)) {
        CmLock();
        Status = CmSetValue(Key, ValueName, Type, Data, DataSize);
        CmUnlock();
        ObfDereferenceObject(Body);
    }
    return Status;
}

NTSTATUS NTAPI ZwDeleteValueKey(HANDLE KeyHandle, PUNICODE_STRING ValueName)
{
    PCM_KEY Key;
    PVOID Body;
    NTSTATUS Status = CmKeyOfHandle(KeyHandle, &Key, &Body);
    if (NT_SUCCESS(Status)) {
        PCM_VALUE Value;
        CmLock();
        Value = CmValue(Key, ValueName);
        if (Value) {
            CmDeleteValue(Value);
        } else {
            Status = STATUS_OBJECT_NAME_NOT_FOUND;
        }
        CmUnlock();
        ObfDereferenceObject(Body);
    }
    return Status;
}

/* Copies what fits of a variable part at Offset, and says whether all of it did. */
static NTSTATUS CopyTail(PVOID Buffer, ULONG Length, ULONG Offset, const VOID *Data, ULONG Size)
{
    if (Length > Offset) {
        RtlCopyMemory((PUCHAR)Buffer + Offset, Data, min(Size, Length - Offset));
    }
    return Length >= Offset + Size ? STATUS_SUCCESS : STATUS_BUFFER_OVERFLOW;
}

static NTSTATUS DescribeValue(PCM_VALUE Value, KEY_VALUE_INFORMATION_CLASS Class, PVOID Buffer, ULONG Length,
                              PULONG ResultLength)
{
    NTSTATUS Status;
    switch (Class) {
    case KeyValueBasicInformation: {
        PKEY_VALUE_BASIC_INFORMATION Basic = Buffer;
        *ResultLength = FIELD_OFFSET(KEY_VALUE_BASIC_INFORMATION, Name) + Value->Name.Length;
        if (Length < FIELD_OFFSET(KEY_VALUE_BASIC_INFORMATION, Name)) {
            return STATUS_BUFFER_TOO_SMALL;
        }
        Basic->TitleIndex = 0;
        Basic->Type = Value->Type;
        Basic->NameLength = Value->Name.Length;
        return CopyTail(Buffer, Length, FIELD_OFFSET(KEY_VALUE_BASIC_INFORMATION, Name), Value->Name.Buffer,
                        Value->Name.Length);
    }
    case KeyValuePartialInformation: {
        PKEY_VALUE_PARTIAL_INFORMATION Partial = Buffer;
        *ResultLength = FIELD_OFFSET(KEY_VALUE_PARTIAL_INFORMATION, Data) + Value->Size;
        if (Length < FIELD_OFFSET(KEY_VALUE_PARTIAL_INFORMATION, Data)) {
            return STATUS_BUFFER_TOO_SMALL;
        }
        Partial->TitleIndex = 0;
        Partial->Type = Value->Type;
        Partial->DataLength = Value->Size;
        return CopyTail(Buffer, Length, FIELD_OFFSET(KEY_VALUE_PARTIAL_INFORMATION, Data), Value->Data, Value->Size);
    }
    case KeyValueFullInformation: {
        PKEY_VALUE_FULL_INFORMATION Full = Buffer;
        ULONG DataAt = (FIELD_OFFSET(KEY_VALUE_FULL_INFORMATION, Name) + Value->Name.Length + 7) & ~7u;
        *ResultLength = DataAt + Value->Size;
        if (Length < FIELD_OFFSET(KEY_VALUE_FULL_INFORMATION, Name)) {
            return STATUS_BUFFER_TOO_SMALL;
        }
        Full->TitleIndex = 0;
        Full->Type = Value->Type;
        Full->DataOffset = DataAt;
        Full->DataLength = Value->Size;
        Full->NameLength = Value->Name.Length;
        Status = CopyTail(Buffer, Length, FIELD_OFFSET(KEY_VALUE_FULL_INFORMATION, Name), Value->Name.Buffer,
                          Value->Name.Length);
        return NT_SUCCESS(Status) ? CopyTail(Buffer, Length, DataAt, Value->Data, Value->Size) : Status;
    }
    default:
        return STATUS_INVALID_PARAMETER;
    }
}

NTSTATUS NTAPI ZwQueryValueKey(HANDLE KeyHandle, PUNICODE_STRING ValueName,
                               KEY_VALUE_INFORMATION_CLASS KeyValueInformationClass, PVOID KeyValueInformation,
                               ULONG Length, PULONG ResultLength)
{
    PCM_KEY Key;
    PVOID Body;
    NTSTATUS Status;
    Status = CmKeyOfHandle(KeyHandle, &Key, &Body);
    if (NT_SUCCESS(Status)) {
        PCM_VALUE Value;
        CmLock();
        Value = CmValue(Key, ValueName);
        Status = Value ? DescribeValue(Value, KeyValueInformationClass, KeyValueInformation, Length, ResultLength)
                       : STATUS_OBJECT_NAME_NOT_FOUND;
        CmUnlock();
        ObfDereferenceObject(Body);
    }
    return Status;
}

static PLIST_ENTRY Nth(PLIST_ENTRY Head, ULONG Index)
{
    PLIST_ENTRY Entry;
    for (Entry = Head->Flink; Entry != Head; Entry = Entry->Flink) {
        if (Index-- == 0) {
            return Entry;
        }
    }
    return NULL;
}

NTSTATUS NTAPI ZwEnumerateValueKey(HANDLE KeyHandle, ULONG Index, KEY_VALUE_INFORMATION_CLASS KeyValueInformationClass,
                                   PVOID KeyValueInformation, ULONG Length, PULONG ResultLength)
{
    PCM_KEY Key;
    PVOID Body;
    NTSTATUS Status = CmKeyOfHandle(KeyHandle, &Key, &Body);
    if (NT_SUCCESS(Status)) {
        PLIST_ENTRY Entry;
        CmLock();
        Entry = Nth(&Key->Values, Index);
        Status = Entry ? DescribeValue(CONTAINING_RECORD(Entry, CM_VALUE, Link), KeyValueInformationClass,
                                       KeyValueInformation, Length, ResultLength)
                       : STATUS_NO_MORE_ENTRIES;
        CmUnlock();
        ObfDereferenceObject(Body);
    }
    return Status;
}

static ULONG CountOf(PLIST_ENTRY Head)
{
    ULONG Count = 0;
    PLIST_ENTRY Entry;
    for (Entry = Head->Flink; Entry != Head; Entry = Entry->Flink) {
        Count++;
    }
    return Count;
}

static NTSTATUS DescribeKey(PCM_KEY Key, KEY_INFORMATION_CLASS Class, PVOID Buffer, ULONG Length, PULONG ResultLength)
{
    if (Class == KeyBasicInformation) {
        PKEY_BASIC_INFORMATION Basic = Buffer;
        *ResultLength = FIELD_OFFSET(KEY_BASIC_INFORMATION, Name) + Key->Name.Length;
        if (Length < FIELD_OFFSET(KEY_BASIC_INFORMATION, Name)) {
            return STATUS_BUFFER_TOO_SMALL;
        }
        RtlZeroMemory(Basic, FIELD_OFFSET(KEY_BASIC_INFORMATION, Name));
        Basic->NameLength = Key->Name.Length;
        return CopyTail(Buffer, Length, FIELD_OFFSET(KEY_BASIC_INFORMATION, Name), Key->Name.Buffer, Key->Name.Length);
    }
    if (Class == KeyNodeInformation) {
        PKEY_NODE_INFORMATION Node = Buffer;
        *ResultLength = FIELD_OFFSET(KEY_NODE_INFORMATION, Name) + Key->Name.Length;
        if (Length < FIELD_OFFSET(KEY_NODE_INFORMATION, Name)) {
            return STATUS_BUFFER_TOO_SMALL;
        }
        RtlZeroMemory(Node, FIELD_OFFSET(KEY_NODE_INFORMATION, Name));
        Node->ClassOffset = (ULONG)-1;
        Node->NameLength = Key->Name.Length;
        return CopyTail(Buffer, Length, FIELD_OFFSET(KEY_NODE_INFORMATION, Name), Key->Name.Buffer, Key->Name.Length);
    }
    if (Class == KeyNameInformation) {
        WCHAR Path[256];
        ULONG Size = CmPathOf(Key, Path, COUNT_OF(Path)) * sizeof(WCHAR);
        *ResultLength = FIELD_OFFSET(KEY_NAME_INFORMATION, Name) + Size;
        if (Length < FIELD_OFFSET(KEY_NAME_INFORMATION, Name)) {
            return STATUS_BUFFER_TOO_SMALL;
        }
        ((PKEY_NAME_INFORMATION)Buffer)->NameLength = Size;
        return CopyTail(Buffer, Length, FIELD_OFFSET(KEY_NAME_INFORMATION, Name), Path, Size);
    }
    if (Class == KeyFullInformation) {
        PKEY_FULL_INFORMATION Full = Buffer;
        *ResultLength = FIELD_OFFSET(KEY_FULL_INFORMATION, Class);
        if (Length < FIELD_OFFSET(KEY_FULL_INFORMATION, Class)) {
            return STATUS_BUFFER_TOO_SMALL;
        }
        RtlZeroMemory(Full, FIELD_OFFSET(KEY_FULL_INFORMATION, Class));
        Full->ClassOffset = (ULONG)-1;
        Full->SubKeys = CountOf(&Key->Keys);
        Full->Values = CountOf(&Key->Values);
        for (PLIST_ENTRY Entry = Key->Keys.Flink; Entry != &Key->Keys; Entry = Entry->Flink) {
            Full->MaxNameLen = max(Full->MaxNameLen, CONTAINING_RECORD(Entry, CM_KEY, Link)->Name.Length);
        }
        for (PLIST_ENTRY Entry = Key->Values.Flink; Entry != &Key->Values; Entry = Entry->Flink) {
            PCM_VALUE Value = CONTAINING_RECORD(Entry, CM_VALUE, Link);
            Full->MaxValueNameLen = max(Full->MaxValueNameLen, Value->Name.Length);
            Full->MaxValueDataLen = max(Full->MaxValueDataLen, Value->Size);
        }
        return STATUS_SUCCESS;
    }
    return STATUS_INVALID_PARAMETER;
}

NTSTATUS NTAPI ZwQueryKey(HANDLE KeyHandle, KEY_INFORMATION_CLASS KeyInformationClass, PVOID KeyInformation,
                          ULONG Length, PULONG ResultLength)
{
    PCM_KEY Key;
    PVOID Body;
    NTSTATUS Status = CmKeyOfHandle(KeyHandle, &Key, &Body);
    if (NT_SUCCESS(Status)) {
        CmLock();
        Status = DescribeKey(Key, KeyInformationClass, KeyInformation, Length, ResultLength);
        CmUnlock();
        ObfDereferenceObject(Body);
    }
    return Status;
}

NTSTATUS NTAPI ZwEnumerateKey(HANDLE KeyHandle, ULONG Index, KEY_INFORMATION_CLASS KeyInformationClass,
                              PVOID KeyInformation, ULONG Length, PULONG ResultLength)
{
    PCM_KEY Key;
    PVOID Body;
    NTSTATUS Status = CmKeyOfHandle(KeyHandle, &Key, &Body);
    if (NT_SUCCESS(Status)) {
        PLIST_ENTRY Entry;
        CmLock();
        Entry = Nth(&Key->Keys, Index);
        Status = Entry ? DescribeKey(CONTAINING_RECORD(Entry, CM_KEY, Link), KeyInformationClass, KeyInformation,
                                     Length, ResultLength)
                       : STATUS_NO_MORE_ENTRIES;
        CmUnlock();
        ObfDereferenceObject(Body);
    }
    return Status;
}
