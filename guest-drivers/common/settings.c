/* SPDX-License-Identifier: MIT */
#include "settings.h"

/* One REG_DWORD of an open key; FALSE: absent, or of another type. */
static BOOLEAN ReadNumber(HANDLE Key, PCWSTR Name, ULONG *Value)
{
    union {
        KEY_VALUE_PARTIAL_INFORMATION Information;
        UCHAR Space[sizeof(KEY_VALUE_PARTIAL_INFORMATION) + sizeof(ULONG)];
    } buffer;
    UNICODE_STRING name;
    ULONG length;

    RtlInitUnicodeString(&name, Name);
    if (!NT_SUCCESS(ZwQueryValueKey(Key, &name, KeyValuePartialInformation, &buffer, sizeof(buffer), &length)) ||
        buffer.Information.Type != REG_DWORD || buffer.Information.DataLength != sizeof(ULONG)) {
        return FALSE;
    }
    RtlCopyMemory(Value, buffer.Information.Data, sizeof(ULONG));
    return TRUE;
}

VOID SettingsRead(PDEVICE_OBJECT Pdo, const SETTING *Settings, ULONG Count, ULONG *Values)
{
    HANDLE key = NULL;
    NTSTATUS status = IoOpenDeviceRegistryKey(Pdo, PLUGPLAY_REGKEY_DEVICE, KEY_READ, &key);
    ULONG index;

    for (index = 0; index < Count; index++) {
        ULONG value;

        Values[index] = Settings[index].Default;
        if (NT_SUCCESS(status) && ReadNumber(key, Settings[index].Name, &value) && value <= Settings[index].Maximum) {
            Values[index] = value;
        }
    }
    if (NT_SUCCESS(status)) {
        ZwClose(key);
    }
}
