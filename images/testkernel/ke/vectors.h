/* SPDX-License-Identifier: MIT */
#ifndef KE_VECTORS_H
#define KE_VECTORS_H
#include "kernel.h"
/* Interrupts on, IRQL = Vector >> 4. Runs the service routines that are connected to Vector. */
VOID KiDispatchVector(ULONG Vector);
#endif
