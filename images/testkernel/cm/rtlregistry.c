/* SPDX-License-Identifier: MIT */
/*
 * RtlQueryRegistryValues and its relatives.
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlqueryregistryvalues
 */
#include "cm/registry.h"
#include "ob/object.h"

/* Windows 8's addition: the expected type in the upper byte of DefaultType. */
#ifndef RTL_QUERY_REGISTRY_TYPECHECK
#define RTL_QUERY_REGISTRY_TYPECHECK 0x00000100
#endif
#ifndef RTL_QUERY_REGISTRY_TYPECHECK_SHIFT
#define RTL_QUERY_REGISTRY_TYPECHECK_SHIFT 24
#endif

/* The key that RelativeTo and Path name; Body is set when it came from a handle. Registry locked. */
static PCM_KEY Locate(ULONG RelativeTo, PCWSTR Path, BOOLEAN Create, PVOID *Body)
{
    static const PCWSTR Roots[] = {NULL,
                                   CM_SERVICES,
                                   L"\\Registry\\Machine\\System\\CurrentControlSet\\Control",
                                   L"\\Registry\\Machine\\Software\\Microsoft\\Windows NT\\CurrentVersion",
                                   L"\\Registry\\Machine\\Hardware\\DeviceMap",
                                   L"\\Registry\\User\\.Default"};
    PCM_KEY Root = NULL;
    *Body = NULL;
    if (RelativeTo & RTL_REGISTRY_HANDLE) {
        return NT_SUCCESS(CmKeyOfHandle((HANDLE)Path, &Root, Body)) ? Root : NULL;
    }
    RelativeTo &= ~(RTL_REGISTRY_OPTIONAL | RTL_REGISTRY_HANDLE);
    if (RelativeTo >= COUNT_OF(Roots)) {
        return NULL;
    }
    if (RelativeTo != RTL_REGISTRY_ABSOLUTE) {
        Root = CmSubkey(NULL, Roots[RelativeTo], Create);
        if (!Root) {
            return NULL;
        }
    }
    return CmSubkey(Root, Path, Create);
}

static VOID Release(PVOID Body)
{
    if (Body) {
        ObfDereferenceObject(Body);
    }
}

static NTSTATUS StoreDirect(PRTL_QUERY_REGISTRY_TABLE Entry, ULONG Type, const VOID *Data, ULONG Size)
{
    if (Type == REG_SZ || Type == REG_EXPAND_SZ || Type == REG_MULTI_SZ) {
        PUNICODE_STRING String = Entry->EntryContext;
        ULONG Length = Size >= sizeof(WCHAR) ? Size - sizeof(WCHAR) : 0;
        if (!String->Buffer) {
            String->Buffer = ExAllocatePoolWithTag(PagedPool, Size, CM_TAG);
            String->MaximumLength = (USHORT)Size;
            if (!String->Buffer) {
                return STATUS_INSUFFICIENT_RESOURCES;
            }
        }
        if (Size > String->MaximumLength) {
            return STATUS_BUFFER_TOO_SMALL;
        }
        RtlCopyMemory(String->Buffer, Data, Size);
        String->Length = (USHORT)Length;
        return STATUS_SUCCESS;
    }
    if (Size <= sizeof(ULONG)) {
        RtlCopyMemory(Entry->EntryContext, Data, Size);
        return STATUS_SUCCESS;
    }
    {
        /* A buffer of a negative size gets the plain data; a positive one gets size and type in front. */
        LONG Room = *(PLONG)Entry->EntryContext;
        if (Room < 0) {
            if (Size > (ULONG)-Room) {
                return STATUS_BUFFER_TOO_SMALL;
            }
            RtlCopyMemory(Entry->EntryContext, Data, Size);
        } else {
            if (Size + 2 * sizeof(ULONG) > (ULONG)Room) {
                return STATUS_BUFFER_TOO_SMALL;
            }
            ((PULONG)Entry->EntryContext)[0] = Size;
            ((PULONG)Entry->EntryContext)[1] = Type;
            RtlCopyMemory((PULONG)Entry->EntryContext + 2, Data, Size);
        }
    }
    return STATUS_SUCCESS;
}

static NTSTATUS Deliver(PRTL_QUERY_REGISTRY_TABLE Entry, PCWSTR Name, ULONG Type, PVOID Data, ULONG Size, PVOID Context)
{
    if (Entry->Flags & RTL_QUERY_REGISTRY_DIRECT) {
        return StoreDirect(Entry, Type, Data, Size);
    }
    return Entry->QueryRoutine((PWSTR)Name, Type, Data, Size, Context, Entry->EntryContext);
}

static NTSTATUS QueryOne(PCM_KEY Key, PRTL_QUERY_REGISTRY_TABLE Entry, PVOID Context)
{
    UNICODE_STRING Name;
    PCM_VALUE Value;
    ULONG Expected = Entry->DefaultType >> RTL_QUERY_REGISTRY_TYPECHECK_SHIFT;
    RtlInitUnicodeString(&Name, Entry->Name);
    Value = CmValue(Key, &Name);
    if (!Value) {
        ULONG Default = Entry->DefaultType & 0xFF;
        if (Default != REG_NONE) {
            ULONG Size = Entry->DefaultLength;
            if (Size == 0 && (Default == REG_SZ || Default == REG_EXPAND_SZ)) {
                Size = (ULONG)(wcslen(Entry->DefaultData) + 1) * sizeof(WCHAR);
            }
            return Deliver(Entry, Entry->Name, Default, Entry->DefaultData, Size, Context);
        }
        return Entry->Flags & RTL_QUERY_REGISTRY_REQUIRED ? STATUS_OBJECT_NAME_NOT_FOUND : STATUS_SUCCESS;
    }
    if ((Entry->Flags & RTL_QUERY_REGISTRY_TYPECHECK) && Expected != Value->Type) {
        return STATUS_OBJECT_TYPE_MISMATCH;
    }
    if (Value->Type == REG_MULTI_SZ && !(Entry->Flags & (RTL_QUERY_REGISTRY_NOEXPAND | RTL_QUERY_REGISTRY_DIRECT))) {
        PWCHAR At = (PWCHAR)Value->Data;
        NTSTATUS Status = STATUS_SUCCESS;
        while (NT_SUCCESS(Status) && (PUCHAR)At < Value->Data + Value->Size && *At) {
            ULONG Length = (ULONG)(wcslen(At) + 1);
            Status = Deliver(Entry, Entry->Name, REG_SZ, At, Length * sizeof(WCHAR), Context);
            At += Length;
        }
        return Status;
    }
    return Deliver(Entry, Entry->Name, Value->Type, Value->Data, Value->Size, Context);
}

NTSTATUS NTAPI RtlQueryRegistryValues(ULONG RelativeTo, PCWSTR Path, PRTL_QUERY_REGISTRY_TABLE QueryTable,
                                      PVOID Context, PVOID Environment)
{
    PVOID Body;
    PCM_KEY Top, Key;
    NTSTATUS Status = STATUS_SUCCESS;
    CmLock();
    Top = Key = Locate(RelativeTo, Path, FALSE, &Body);
    if (!Key) {
        CmUnlock();
        return RelativeTo & RTL_REGISTRY_OPTIONAL ? STATUS_SUCCESS : STATUS_OBJECT_NAME_NOT_FOUND;
    }
    for (; NT_SUCCESS(Status) && (QueryTable->QueryRoutine || QueryTable->Name); QueryTable++) {
        if (QueryTable->Flags & RTL_QUERY_REGISTRY_TOPKEY) {
            Key = Top;
        }
        if (QueryTable->Flags & RTL_QUERY_REGISTRY_SUBKEY) {
            Key = CmSubkey(Top, QueryTable->Name, FALSE);
            if (!Key) {
                Status =
                    QueryTable->Flags & RTL_QUERY_REGISTRY_REQUIRED ? STATUS_OBJECT_NAME_NOT_FOUND : STATUS_SUCCESS;
                Key = Top;
                continue;
            }
            if (!QueryTable->QueryRoutine) {
                continue;
            }
        }
        if (QueryTable->Flags & RTL_QUERY_REGISTRY_NOVALUE) {
            Status = QueryTable->QueryRoutine(NULL, REG_NONE, NULL, 0, Context, QueryTable->EntryContext);
        } else if (QueryTable->Name && !(QueryTable->Flags & RTL_QUERY_REGISTRY_SUBKEY)) {
            Status = QueryOne(Key, QueryTable, Context);
        } else {
            PLIST_ENTRY Entry, Next;
            for (Entry = Key->Values.Flink; NT_SUCCESS(Status) && Entry != &Key->Values; Entry = Next) {
                PCM_VALUE Value = CONTAINING_RECORD(Entry, CM_VALUE, Link);
                WCHAR Name[128];
                ULONG Length = min(Value->Name.Length / sizeof(WCHAR), COUNT_OF(Name) - 1);
                Next = Entry->Flink;
                RtlCopyMemory(Name, Value->Name.Buffer, Length * sizeof(WCHAR));
                Name[Length] = 0;
                Status = QueryTable->QueryRoutine(Name, Value->Type, Value->Data, Value->Size, Context,
                                                  QueryTable->EntryContext);
            }
        }
    }
    CmUnlock();
    Release(Body);
    return Status;
}

NTSTATUS NTAPI RtlWriteRegistryValue(ULONG RelativeTo, PCWSTR Path, PCWSTR ValueName, ULONG ValueType, PVOID ValueData,
                                     ULONG ValueLength)
{
    PVOID Body;
    PCM_KEY Key;
    UNICODE_STRING Name;
    NTSTATUS Status = STATUS_OBJECT_NAME_NOT_FOUND;
    RtlInitUnicodeString(&Name, ValueName);
    CmLock();
    Key = Locate(RelativeTo, Path, TRUE, &Body);
    if (Key) {
        Status = CmSetValue(Key, &Name, ValueType, ValueData, ValueLength);
    }
    CmUnlock();
    Release(Body);
    return Status;
}

NTSTATUS NTAPI RtlDeleteRegistryValue(ULONG RelativeTo, PCWSTR Path, PCWSTR ValueName)
{
    PVOID Body;
    PCM_KEY Key;
    UNICODE_STRING Name;
    NTSTATUS Status = STATUS_OBJECT_NAME_NOT_FOUND;
    RtlInitUnicodeString(&Name, ValueName);
    CmLock();
    Key = Locate(RelativeTo, Path, FALSE, &Body);
    if (Key && CmValue(Key, &Name)) {
        CmDeleteValue(CmValue(Key, &Name));
        Status = STATUS_SUCCESS;
    }
    CmUnlock();
    Release(Body);
    return Status;
}

NTSTATUS NTAPI RtlCreateRegistryKey(ULONG RelativeTo, PWSTR Path)
{
    PVOID Body;
    PCM_KEY Key;
    CmLock();
    Key = Locate(RelativeTo, Path, TRUE, &Body);
    CmUnlock();
    Release(Body);
    return Key ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

NTSTATUS NTAPI RtlCheckRegistryKey(ULONG RelativeTo, PWSTR Path)
{
    PVOID Body;
    PCM_KEY Key;
    CmLock();
    Key = Locate(RelativeTo, Path, FALSE, &Body);
    CmUnlock();
    Release(Body);
    return Key ? STATUS_SUCCESS : STATUS_OBJECT_NAME_NOT_FOUND;
}
