/* SPDX-License-Identifier: MIT */
/* The I/O APIC (82093AA): which vector a global system interrupt (GSI) raises. */
#ifndef HAL_IOAPIC_H
#define HAL_IOAPIC_H
#include "kernel.h"

VOID HalIoApicInitialize(VOID);
/* Any IRQL; takes the I/O APIC's lock at HIGH_LEVEL. Routes Gsi to Vector on processor 0, masked until HalIoApicMask(…, FALSE). */
VOID HalIoApicRoute(ULONG Gsi, ULONG Vector, BOOLEAN LevelTriggered, BOOLEAN ActiveLow);
VOID HalIoApicMask(ULONG Gsi, BOOLEAN Masked);
/* Number of GSIs. */
ULONG HalIoApicLines(VOID);
/* Any IRQL, interrupts off. Masks all level-triggered lines (S1), or gives them their own mask back. */
VOID HalIoApicMaskLines(BOOLEAN Masked);
/* Any IRQL. Does a level-triggered line raise Vector? Such an interrupt comes again until it is served. */
BOOLEAN HalIoApicIsLevel(ULONG Vector);
/* After S3, interrupts off: writes all redirection entries again. */
VOID HalIoApicRestore(VOID);

#endif
