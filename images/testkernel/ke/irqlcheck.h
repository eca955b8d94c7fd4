/* SPDX-License-Identifier: MIT */
/* The levels at which drivers may call the exports: what tools/irql.py makes of ke/irql.txt, and the reports of what breaks them. */
#ifndef KE_IRQLCHECK_H
#define KE_IRQLCHECK_H
#include "kernel.h"

typedef struct _EXPORT_IRQL {
    PCSTR Name; /* what drivers call it */
    PVOID Function;
    UCHAR Minimum, Maximum;
    ULONG Code, Rule; /* bug check and its first parameter; RULE_ANY where that is the caller */
} EXPORT_IRQL;

/* Only of exports that are checked, sorted by the names they are exported under. */
extern const EXPORT_IRQL KiIrqlOfExport[];
extern const ULONG KiIrqlExportCount;

/*
 * Any IRQL. A driver called the export at a level that it may not be called at. Arguments are the call's first two; Caller is its return
 * address. Stops. With the boot option irql-check=log it writes a line and returns NULL: the call is not made and returns 0. When the system
 * has stopped already (bug check callbacks run at HIGH_LEVEL), it returns the function, which is called.
 */
PVOID KiReportWrongIrql(ULONG Index, PVOID Caller, ULONG_PTR Argument1, ULONG_PTR Argument2);

#endif
