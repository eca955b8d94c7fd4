/* SPDX-License-Identifier: MIT */
/* Drivers inside the kernel (the PCI bus driver and its like): which IDs they serve. */
#include "pnp/internal.h"

typedef struct _BUILTIN {
    WCHAR Service[40];
    WCHAR Id[80];
    PDRIVER_INITIALIZE Entry;
} BUILTIN;

static BUILTIN Builtins[16];
static ULONG Count;

static VOID Widen(const char *Text, PWCHAR Wide, ULONG Characters)
{
    ULONG I;
    for (I = 0; Text[I] && I + 1 < Characters; I++) {
        Wide[I] = (UCHAR)Text[I];
    }
    Wide[I] = 0;
}

NTSTATUS PnpRegisterBuiltinDriver(const char *ServiceName, PDRIVER_INITIALIZE DriverEntry, const char *Id)
{
    if (Count == COUNT_OF(Builtins)) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Widen(ServiceName, Builtins[Count].Service, COUNT_OF(Builtins[0].Service));
    Widen(Id, Builtins[Count].Id, COUNT_OF(Builtins[0].Id));
    Builtins[Count++].Entry = DriverEntry;
    return STATUS_SUCCESS;
}

BOOLEAN PnpBuiltinService(PCWSTR Id, PWCHAR Service, ULONG Characters)
{
    UNICODE_STRING Wanted, Have;
    ULONG I, J;
    RtlInitUnicodeString(&Wanted, Id);
    for (I = 0; I < Count; I++) {
        RtlInitUnicodeString(&Have, Builtins[I].Id);
        if (ObpEqualNames(&Wanted, &Have)) {
            for (J = 0; Builtins[I].Service[J] && J + 1 < Characters; J++) {
                Service[J] = Builtins[I].Service[J];
            }
            Service[J] = 0;
            return TRUE;
        }
    }
    return FALSE;
}

PDRIVER_INITIALIZE PnpBuiltinEntry(PCUNICODE_STRING ServiceName)
{
    UNICODE_STRING Have;
    ULONG I;
    for (I = 0; I < Count; I++) {
        RtlInitUnicodeString(&Have, Builtins[I].Service);
        if (ObpEqualNames(ServiceName, &Have)) {
            return Builtins[I].Entry;
        }
    }
    return NULL;
}

PWSTR PnpCopyString(PCWSTR Text)
{
    SIZE_T Size = (wcslen(Text) + 1) * sizeof(WCHAR);
    PWSTR Copy = ExAllocatePoolWithTag(NonPagedPool, Size, PNP_TAG);
    if (Copy) {
        RtlCopyMemory(Copy, Text, Size);
    }
    return Copy;
}

NTSTATUS PnpSetUnicode(PUNICODE_STRING String, PCWSTR Text)
{
    PWSTR Copy = PnpCopyString(Text);
    if (!Copy) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    if (String->Buffer) {
        ExFreePool(String->Buffer);
    }
    RtlInitUnicodeString(String, Copy);
    return STATUS_SUCCESS;
}
