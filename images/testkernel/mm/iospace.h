/* SPDX-License-Identifier: MIT */
/* Reports about device memory mappings. */
#ifndef MM_IOSPACE_H
#define MM_IOSPACE_H
#include "kernel.h"
#include "rtl/format.h"

/* Any IRQL, no lock (used at bugcheck). Describes an address that lies in a mapping or was in one lately; FALSE if in none. */
BOOLEAN MiDescribeIoAddress(const VOID *Address, PSTR Text, SIZE_T Size);
/* Mappings still held by an image's code; logs each. */
ULONG MiReportIoMappings(PVOID Base, SIZE_T Size);

#endif
