/* SPDX-License-Identifier: MIT */
/* Keys and values by handle and by path. https://learn.microsoft.com/windows-hardware/drivers/kernel/using-the-registry-in-a-driver */
#include "check.h"
#include "undeclared.h"

#define ROOT L"\\Registry\\Machine\\Software\\SelfTest"

static UCHAR Buffer[512];

static HANDLE Create(HANDLE Root, PCWSTR Path, PULONG Disposition, NTSTATUS Expected)
{
    OBJECT_ATTRIBUTES attributes;
    UNICODE_STRING name;
    HANDLE key = NULL;
    RtlInitUnicodeString(&name, Path);
    InitializeObjectAttributes(&attributes, &name, OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE, Root, NULL);
    CHECK(ZwCreateKey(&key, KEY_ALL_ACCESS, &attributes, 0, NULL, REG_OPTION_VOLATILE, Disposition) == Expected);
    return key;
}

static NTSTATUS Open(PHANDLE Key, PCWSTR Path)
{
    OBJECT_ATTRIBUTES attributes;
    UNICODE_STRING name;
    RtlInitUnicodeString(&name, Path);
    InitializeObjectAttributes(&attributes, &name, OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE, NULL, NULL);
    return ZwOpenKeyEx(Key, KEY_READ, &attributes, 0);
}

static void Set(HANDLE Key, PCWSTR Name, ULONG Type, PVOID Data, ULONG Size)
{
    UNICODE_STRING name;
    RtlInitUnicodeString(&name, Name);
    CHECK(NT_SUCCESS(ZwSetValueKey(Key, &name, 0, Type, Data, Size)));
}

static void Keys(HANDLE Top)
{
    PKEY_BASIC_INFORMATION basic = (PVOID)Buffer;
    PKEY_NODE_INFORMATION node = (PVOID)Buffer;
    PKEY_FULL_INFORMATION full = (PVOID)Buffer;
    PKEY_NAME_INFORMATION name = (PVOID)Buffer;
    ULONG disposition = 0, length;
    HANDLE child = Create(Top, L"Child", &disposition, STATUS_SUCCESS), again;
    CHECK(disposition == REG_CREATED_NEW_KEY);
    again = Create(Top, L"CHILD", &disposition, STATUS_SUCCESS);
    CHECK(disposition == REG_OPENED_EXISTING_KEY);
    CHECK(Create(Top, L"Missing\\Child", NULL, STATUS_OBJECT_NAME_NOT_FOUND) == NULL); /* parents are not created */
    HANDLE second = Create(Top, L"Longer name", NULL, STATUS_SUCCESS);

    CHECK(NT_SUCCESS(ZwEnumerateKey(Top, 0, KeyBasicInformation, basic, sizeof(Buffer), &length)));
    CHECK(basic->NameLength == 10 && RtlCompareMemory(basic->Name, L"Child", 10) == 10);
    CHECK(length == FIELD_OFFSET(KEY_BASIC_INFORMATION, Name) + 10);
    CHECK(ZwEnumerateKey(Top, 0, KeyBasicInformation, basic, length - 2, &length) == STATUS_BUFFER_OVERFLOW);
    CHECK(ZwEnumerateKey(Top, 0, KeyBasicInformation, basic, 4, &length) == STATUS_BUFFER_TOO_SMALL);
    CHECK(ZwEnumerateKey(Top, 2, KeyBasicInformation, basic, sizeof(Buffer), &length) == STATUS_NO_MORE_ENTRIES);
    CHECK(NT_SUCCESS(ZwEnumerateKey(Top, 1, KeyNodeInformation, node, sizeof(Buffer), &length)));
    CHECK(node->NameLength == 22 && node->ClassLength == 0);
    CHECK(NT_SUCCESS(ZwQueryKey(Top, KeyFullInformation, full, sizeof(Buffer), &length)));
    CHECK(full->SubKeys == 2 && full->Values == 0 && full->MaxNameLen == 22 && full->MaxValueNameLen == 0);
    CHECK(NT_SUCCESS(ZwQueryKey(child, KeyBasicInformation, basic, sizeof(Buffer), &length)) &&
          basic->NameLength == 10);
    CHECK(NT_SUCCESS(ZwQueryKey(child, (KEY_INFORMATION_CLASS)3, name, sizeof(Buffer), &length)));
    CHECK(name->NameLength == sizeof(ROOT L"\\Child") - 2);
    CHECK(RtlCompareMemory(name->Name, L"\\REGISTRY", 18) >= 4);
    CHECK(ZwQueryKey(Top, (KEY_INFORMATION_CLASS)99, Buffer, sizeof(Buffer), &length) == STATUS_INVALID_PARAMETER);
    CHECK(NT_SUCCESS(ZwFlushKey(child)));
    CHECK(ZwFlushKey((HANDLE)0x1234) == STATUS_INVALID_HANDLE);

    CHECK(ZwDeleteKey(Top) == STATUS_CANNOT_DELETE); /* it has subkeys */
    CHECK(NT_SUCCESS(ZwDeleteKey(second)));
    CHECK(ZwEnumerateKey(Top, 1, KeyBasicInformation, basic, sizeof(Buffer), &length) == STATUS_NO_MORE_ENTRIES);
    ZwClose(second);
    ZwClose(again);
    CHECK(NT_SUCCESS(ZwDeleteKey(child)));
    CHECK(ZwQueryKey(child, KeyBasicInformation, basic, sizeof(Buffer), &length) == STATUS_KEY_DELETED);
    ZwClose(child);
    CHECK(Open(&child, ROOT L"\\Child") == STATUS_OBJECT_NAME_NOT_FOUND);
    CHECK(NT_SUCCESS(Open(&child, L"\\registry\\MACHINE\\Software\\SELFTEST")));
    ZwClose(child);
}

static void Values(HANDLE Top)
{
    PKEY_VALUE_BASIC_INFORMATION basic = (PVOID)Buffer;
    PKEY_VALUE_FULL_INFORMATION full = (PVOID)Buffer;
    PKEY_FULL_INFORMATION key = (PVOID)Buffer;
    UNICODE_STRING number = RTL_CONSTANT_STRING(L"Number"), none = RTL_CONSTANT_STRING(L"None");
    ULONG data = 0xB0DD, length;
    Set(Top, L"Number", REG_DWORD, &data, sizeof(data));
    Set(Top, L"Text", REG_SZ, L"Buddy", 12);
    CHECK(NT_SUCCESS(ZwEnumerateValueKey(Top, 0, KeyValueFullInformation, full, sizeof(Buffer), &length)));
    CHECK(full->Type == REG_DWORD && full->NameLength == 12 && full->DataLength == 4);
    CHECK(*(PULONG)(Buffer + full->DataOffset) == 0xB0DD);
    CHECK(NT_SUCCESS(ZwEnumerateValueKey(Top, 1, KeyValueBasicInformation, basic, sizeof(Buffer), &length)));
    CHECK(basic->Type == REG_SZ && basic->NameLength == 8);
    CHECK(ZwEnumerateValueKey(Top, 2, KeyValueBasicInformation, basic, sizeof(Buffer), &length) ==
          STATUS_NO_MORE_ENTRIES);
    CHECK(ZwEnumerateValueKey(Top, 0, KeyValueFullInformation, full, 8, &length) == STATUS_BUFFER_TOO_SMALL);
    CHECK(NT_SUCCESS(ZwQueryKey(Top, KeyFullInformation, key, sizeof(Buffer), &length)));
    CHECK(key->Values == 2 && key->MaxValueNameLen == 12 && key->MaxValueDataLen == 12);
    CHECK(NT_SUCCESS(ZwDeleteValueKey(Top, &number)));
    CHECK(ZwDeleteValueKey(Top, &number) == STATUS_OBJECT_NAME_NOT_FOUND);
    CHECK(ZwDeleteValueKey(Top, &none) == STATUS_OBJECT_NAME_NOT_FOUND);
}

static void ByPath(void)
{
    static RTL_QUERY_REGISTRY_TABLE table[2];
    ULONG data = 7, read = 0;
    HANDLE key;
    CHECK(RtlCheckRegistryKey(RTL_REGISTRY_ABSOLUTE, (PWSTR)ROOT L"\\Made") == STATUS_OBJECT_NAME_NOT_FOUND);
    CHECK(NT_SUCCESS(RtlCreateRegistryKey(RTL_REGISTRY_ABSOLUTE, (PWSTR)ROOT L"\\Made")));
    CHECK(NT_SUCCESS(RtlCreateRegistryKey(RTL_REGISTRY_ABSOLUTE, (PWSTR)ROOT L"\\Made"))); /* there already: fine */
    CHECK(NT_SUCCESS(RtlCheckRegistryKey(RTL_REGISTRY_ABSOLUTE, (PWSTR)ROOT L"\\Made")));
    CHECK(NT_SUCCESS(RtlCheckRegistryKey(RTL_REGISTRY_SERVICES, (PWSTR)L"registry"))); /* this driver's own key */
    CHECK(!NT_SUCCESS(RtlCheckRegistryKey(RTL_REGISTRY_CONTROL, (PWSTR)L"No such key")));

    CHECK(NT_SUCCESS(RtlWriteRegistryValue(RTL_REGISTRY_ABSOLUTE, ROOT L"\\Made", L"Count", REG_DWORD, &data, 4)));
    table[0].Flags = RTL_QUERY_REGISTRY_DIRECT | RTL_QUERY_REGISTRY_REQUIRED;
    table[0].Name = (PWSTR)L"Count";
    table[0].EntryContext = &read;
    CHECK(NT_SUCCESS(RtlQueryRegistryValues(RTL_REGISTRY_ABSOLUTE, ROOT L"\\Made", table, NULL, NULL)) && read == 7);
    CHECK(NT_SUCCESS(RtlDeleteRegistryValue(RTL_REGISTRY_ABSOLUTE, ROOT L"\\Made", L"Count")));
    CHECK(RtlDeleteRegistryValue(RTL_REGISTRY_ABSOLUTE, ROOT L"\\Made", L"Count") == STATUS_OBJECT_NAME_NOT_FOUND);
    CHECK(!NT_SUCCESS(RtlQueryRegistryValues(RTL_REGISTRY_ABSOLUTE, ROOT L"\\Made", table, NULL, NULL)));
    /* RtlWriteRegistryValue makes the key that it writes to. */
    CHECK(NT_SUCCESS(RtlWriteRegistryValue(RTL_REGISTRY_ABSOLUTE, ROOT L"\\Also", L"Count", REG_DWORD, &data, 4)));
    CHECK(NT_SUCCESS(RtlQueryRegistryValues(RTL_REGISTRY_ABSOLUTE, ROOT L"\\Also", table, NULL, NULL)));
    CHECK(NT_SUCCESS(Open(&key, ROOT L"\\Also")));
    CHECK(NT_SUCCESS(RtlWriteRegistryValue(RTL_REGISTRY_HANDLE, (PCWSTR)key, L"Count", REG_DWORD, &read, 4)));
    ZwDeleteKey(key);
    ZwClose(key);
    CHECK(NT_SUCCESS(Open(&key, ROOT L"\\Made")) && NT_SUCCESS(ZwDeleteKey(key)));
    ZwClose(key);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    HANDLE top = Create(NULL, ROOT, NULL, STATUS_SUCCESS);
    Keys(top);
    Values(top);
    ByPath();
    CHECK(NT_SUCCESS(ZwDeleteKey(top)));
    ZwClose(top);
    return Summary("registry");
}
