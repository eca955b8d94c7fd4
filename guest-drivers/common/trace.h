/* SPDX-License-Identifier: MIT */
/* Trace lines to the buddy-trace I/O port. The vocabulary is fixed by docs/journal.md. */
#ifndef TRACE_H
#define TRACE_H

#include "ddk_compat.h"

/* Setting TraceDetail: 0 nothing, 1 (the default) the vocabulary of docs/journal.md. For all devices of the driver. */
extern ULONG TraceDetail;

/* The name before every line; each driver defines it. */
extern const CHAR TraceDriverName[];

/*
 * Writes "<driver> <formatted text>\n" as one unbroken line. Any IRQL, any power state; never blocks, never fails, touches no pageable memory
 * (Format and %s arguments must be resident).
 * Formats: %s (ASCII), %S (counted UNICODE_STRING pointer, printed as ASCII), %u, %x (ULONG; %x with 0x and 8 digits).
 */
VOID Trace(const CHAR *Format, ...);

#endif
