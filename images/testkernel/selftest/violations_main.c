/* SPDX-License-Identifier: MIT */
/* The frame of all drivers that break a rule: break_<case>.sys runs the case that it is named for. */
#include "violations.h"

PDRIVER_OBJECT Driver;
volatile ULONG Sink;
BOOLEAN Unload;

typedef struct _TEST_CASE {
    PCSTR Name;
    void (*Run)(void);
} TEST_CASE;

#define CASE(name) void Break_##name(void);
#include "cases.h"
#undef CASE
#define CASE(name) {#name, Break_##name},
static const TEST_CASE Cases[] = {
#include "cases.h"
};
#undef CASE

/* Does the service's registry path end in "break_<Name>"? */
static BOOLEAN IsNamedFor(PUNICODE_STRING Path, PCSTR Name)
{
    static const CHAR prefix[] = "break_";
    ULONG length = Path->Length / sizeof(WCHAR), i = length;
    while (i && Path->Buffer[i - 1] != L'\\') {
        i--;
    }
    for (ULONG n = 0; prefix[n]; n++, i++) {
        if (i >= length || Path->Buffer[i] != (UCHAR)prefix[n]) {
            return FALSE;
        }
    }
    for (; *Name && i < length && Path->Buffer[i] == (UCHAR)*Name; Name++, i++) {
    }
    return !*Name && i == length;
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    Driver = DriverObject;
    Prepare();
    for (ULONG i = 0; i < sizeof(Cases) / sizeof(Cases[0]); i++) {
        if (IsNamedFor(RegistryPath, Cases[i].Name)) {
            Cases[i].Run();
        }
    }
    return Unload ? STATUS_UNSUCCESSFUL : STATUS_SUCCESS;
}
