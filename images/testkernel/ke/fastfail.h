/* SPDX-License-Identifier: MIT */
/* INT 29h. */
#ifndef KE_FASTFAIL_H
#define KE_FASTFAIL_H
#include "kernel.h"

#define TRAP_FAST_FAIL 0x29

/* Any IRQL. What __fastfail(Code) says in words. */
PCSTR KiFastFailReason(ULONG Code);

#endif
