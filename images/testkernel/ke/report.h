/* SPDX-License-Identifier: MIT */
/* What a stop report is made from. */
#ifndef KE_REPORT_H
#define KE_REPORT_H
#include "ke/unwind.h"
#include "ke/trap.h"

typedef struct _BUGCHECK {
    ULONG Code;
    ULONG_PTR Parameters[4];
    const VOID *Culprit; /* address in the driver to blame, or NULL */
    PCSTR Reason;
    UNWIND_STATE State;     /* where the backtrace starts */
    const TRAP_FRAME *Trap; /* of an exception, else NULL */
    KIRQL Irql;
} BUGCHECK;

/* Interrupts off. Reports and halts. */
DECLSPEC_NORETURN VOID KiStopSystem(const BUGCHECK *Stop);
/* Bugcheck: registers, backtrace, processor and images, then the BUGCHECK line (docs/guest-interface.md). */
VOID KiReportStop(const BUGCHECK *Stop);
/* Raw printf on COM1 for reports; no locks. */
VOID KiSay(PCSTR Format, ...);
/* "  n  address  driver!function+offset". */
VOID KiSayFrame(ULONG Number, PVOID Address);
/* Threads, locks, devices and the last IRPs (ke/tables.c). */
VOID KiSayTables(VOID);

#endif
