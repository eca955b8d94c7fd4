/* SPDX-License-Identifier: MIT */
/* S1, the sleep in which nothing loses its context (ACPI 6.4, 16.1.1). */
#ifndef HAL_STANDBY_H
#define HAL_STANDBY_H
#include "hal/sleep.h"

/* The processor halts in S1: interrupts go to HalpDeferInterrupt. */
extern BOOLEAN HalpStandby;

/* PASSIVE_LEVEL. Sleeps in S1 with SLP_TYP (in place) SleepType. STATUS_NOT_SUPPORTED: no PM1 events, or no vector for the SCI. */
NTSTATUS HalpSleepInPlace(USHORT SleepType, HAL_SLEEP_CONTEXT *Context);
/* Interrupt entry while HalpStandby, interrupts off. Ends the interrupt, and keeps a message for after the sleep. */
VOID HalpDeferInterrupt(ULONG Vector);

#endif
