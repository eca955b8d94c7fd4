/* SPDX-License-Identifier: MIT */
/* The kernel command line (-append "key=value key=value"). */
#ifndef BOOT_OPTIONS_H
#define BOOT_OPTIONS_H
#include "kernel.h"

/* Any IRQL. Copies the value of key into Buffer (always terminated, truncated if need be) and returns TRUE; FALSE (and an empty
 * Buffer) if the key is absent. A key without '=' has the value "". */
BOOLEAN KeBootOption(PCSTR Key, PSTR Buffer, SIZE_T Size);
/* Any IRQL. The numeric value (decimal or 0x…) of key, or Default. */
ULONG64 KeBootOptionNumber(PCSTR Key, ULONG64 Default);

#endif
