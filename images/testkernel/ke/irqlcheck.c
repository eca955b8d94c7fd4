/* SPDX-License-Identifier: MIT */
/*
 * A function called at the wrong IRQL. Drivers' imports are bound to checks that tools/irql.py makes from ke/irql.txt; a function whose levels
 * depend on its arguments checks those itself (KeAssertIrql).
 * https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc4--driver-verifier-detected-violation (0x30 and on, 0xE5, 0xE6)
 */
#include "ke/irqlcheck.h"
#include "boot/loader.h"
#include "boot/options.h"
#include "kd/log.h"
#include "ke/bugcheck.h"
#include "ke/rules.h"
#include "rtl/format.h"

static const EXPORT_IRQL *Find(PCSTR Name)
{
    for (ULONG i = 0; i < KiIrqlExportCount; i++) {
        if (!strcmp(KiIrqlOfExport[i].Name, Name)) {
            return &KiIrqlOfExport[i];
        }
    }
    return NULL;
}

/* "<= 2", ">= 2" or "2". */
static PCSTR Describe(KIRQL Minimum, KIRQL Maximum)
{
    static CHAR text[20]; /* the system stops, or logs one line at a time */
    if (Minimum == Maximum && Minimum) {
        RtlFormat(text, sizeof(text), "%u", Maximum);
    } else if (Maximum == HIGH_LEVEL) {
        RtlFormat(text, sizeof(text), ">= %u", Minimum);
    } else if (Minimum) {
        RtlFormat(text, sizeof(text), "%u to %u", Minimum, Maximum);
    } else {
        RtlFormat(text, sizeof(text), "<= %u", Maximum);
    }
    return text;
}

/* Parameters as Microsoft's page has them: the IRQL, then what the function was called with; where it names none, the caller. */
static DECLSPEC_NORETURN VOID Stop(PCSTR Name, ULONG Code, ULONG Rule, PCSTR Allowed, PVOID Caller, ULONG_PTR Argument1,
                                   ULONG_PTR Argument2)
{
    KIRQL irql = KeGetCurrentIrql();
    ULONG_PTR parameters[4] = {Rule, irql, Argument1, Argument2};
    if (Rule == RULE_ANY) { /* 0x09: address, IRQL, 0 = read, address */
        parameters[0] = (ULONG_PTR)Caller;
        parameters[2] = parameters[3] = 0;
    } else if (Code == DRIVER_VERIFIER_DETECTED_VIOLATION && Rule == RULE_ZW_IRQL) {
        parameters[1] = (ULONG_PTR)Caller;
        parameters[2] = irql;
        parameters[3] = 0;
    } else if (Code == DRIVER_VERIFIER_DETECTED_VIOLATION && Rule == RULE_IRQL) {
        parameters[2] = (ULONG_PTR)Caller;
        parameters[3] = 0;
    }
    PLOADED_IMAGE image = LdrImageFromAddress(Caller);
    KeBugCheckReason(Code, parameters[0], parameters[1], parameters[2], parameters[3],
                     image && !image->Kernel ? Caller : NULL, "%s called at IRQL %u (allowed: %s)", Name, irql,
                     Allowed);
}

PVOID KiReportWrongIrql(ULONG Index, PVOID Caller, ULONG_PTR Argument1, ULONG_PTR Argument2)
{
    const EXPORT_IRQL *export = &KiIrqlOfExport[Index];
    PCSTR allowed = Describe(export->Minimum, export->Maximum);
    CHAR option[8];
    if (KeIsStopped()) {
        return export->Function;
    }
    if (KeBootOption("irql-check", option, sizeof(option)) && !strcmp(option, "log")) {
        KdLog(LOG_ERROR, "%s called at IRQL %u (allowed: %s)", export->Name, KeGetCurrentIrql(), allowed);
        return NULL;
    }
    Stop(export->Name, export->Code, export->Rule, allowed, Caller, Argument1, Argument2);
}

VOID KiIrqlTooHigh(PCSTR Function, KIRQL Maximum, PVOID Caller)
{
    const EXPORT_IRQL *export = Find(Function);
    ULONG rule = export ? export->Rule : strncmp(Function, "Zw", 2) ? RULE_IRQL : RULE_ZW_IRQL;
    Stop(Function, export ? export->Code : DRIVER_VERIFIER_DETECTED_VIOLATION, rule, Describe(PASSIVE_LEVEL, Maximum),
         Caller, (ULONG_PTR)Caller, 0);
}
