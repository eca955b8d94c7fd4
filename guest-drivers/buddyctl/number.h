/* SPDX-License-Identifier: MIT */
/* Numbers on the command line: decimal, or hexadecimal after 0x; the same for every guest. */
#ifndef BUDDYCTL_NUMBER_H
#define BUDDYCTL_NUMBER_H
#include "status.h"

/* False: not a number of up to 32 bits, digits only. */
BOOL ParseNumber(const wchar_t *Text, DWORD *Number);
/* Value of a hexadecimal digit, or -1. */
int HexDigit(wchar_t Character);

#endif
