/* SPDX-License-Identifier: MIT */
/*
 * Calls each export that is not for all levels (ke/irql.txt) just above its highest level, and just below its lowest one, with worthless arguments.
 * With irql-check=log the kernel writes a line for each call and does not make it: tests/testkernel/test_irql.py compares. Without, the first one stops.
 */
#include "check.h"

/* The slots of this driver's import table: the functions' own names are taken by the DDK's prototypes. */
#define CALL(name, minimum, maximum) extern PVOID const Slot_##name __asm__("__imp_" #name);
#include "irqlcalls.h"
#undef CALL
#define CALL(name, minimum, maximum) {L## #name, &Slot_##name, minimum, maximum},
static const struct {
    PCWSTR Name;
    PVOID const *Slot;
    KIRQL Minimum, Maximum;
} Calls[] = {
#include "irqlcalls.h"
};

typedef ULONG_PTR(NTAPI *FUNCTION)(ULONG_PTR, ULONG_PTR, ULONG_PTR, ULONG_PTR, ULONG_PTR, ULONG_PTR);

static ULONG_PTR CallAt(KIRQL Irql, PVOID Function)
{
    KIRQL old = (KIRQL)__readcr8();
    __writecr8(Irql);
    ULONG_PTR result = ((FUNCTION)Function)(1, 2, 3, 4, 5, 6);
    __writecr8(old);
    return result;
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    for (ULONG i = 0; i < RTL_NUMBER_OF(Calls); i++) {
        PVOID function = *Calls[i].Slot;
        UNICODE_STRING name;
        RtlInitUnicodeString(&name, Calls[i].Name);
        CHECK(MmGetSystemRoutineAddress(&name) == function); /* drivers compare addresses of functions */
        if (Calls[i].Maximum < HIGH_LEVEL) {
            CHECK(CallAt(Calls[i].Maximum + 1, function) == 0);
        }
        if (Calls[i].Minimum > PASSIVE_LEVEL) {
            CHECK(CallAt(Calls[i].Minimum - 1, function) == 0);
        }
    }
    return Summary("irqlcalls");
}
