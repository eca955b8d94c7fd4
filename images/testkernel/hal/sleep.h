/* SPDX-License-Identifier: MIT */
/* ACPI sleep states (ACPI 6.4, chapter 7 and section 16). */
#ifndef HAL_SLEEP_H
#define HAL_SLEEP_H
#include "kernel.h"

/*
 * What HalSleep calls with interrupts off. Save: before the power goes, when wake events are armed. Restore, in S3 only: after it is back. Woken,
 * in S1 only: has a device signalled PME?
 */
typedef struct _HAL_SLEEP_CONTEXT {
    VOID (*Save)(VOID);
    VOID (*Restore)(VOID);
    BOOLEAN (*Woken)(VOID);
    USHORT WakeStatus; /* out: PM1 status at wake, ACPI_PM1_*_STS */
} HAL_SLEEP_CONTEXT;

/*
 * PASSIVE_LEVEL. Sleeps in S1 or S3 and returns after wake. All devices must be asleep. STATUS_NOT_SUPPORTED: the platform has no such
 * state. STATUS_UNSUCCESSFUL: the platform did not go to sleep.
 */
NTSTATUS HalSleep(SYSTEM_POWER_STATE State, HAL_SLEEP_CONTEXT *Context);
/* PASSIVE_LEVEL. S5: returns only if the platform has none. */
VOID HalPowerOff(VOID);
/* Any IRQL. TRUE when the DSDT or an SSDT has the \_Sx object of State. */
BOOLEAN HalSleepStateSupported(SYSTEM_POWER_STATE State);

/* chipset.c, interrupts off: the registers of q35's MCH and ICH9 that make ECAM, the power management ports and the RCBA reachable. */
VOID HalpSaveChipset(VOID);
VOID HalpRestoreChipset(VOID);

#endif
