/* SPDX-License-Identifier: MIT */
/* The local APIC: end of interrupt, self-IPIs that deliver DPCs and APCs, the one-shot timer. */
#ifndef HAL_APIC_H
#define HAL_APIC_H
#include "kernel.h"

#define VECTOR_APC      0x1F /* IRQL 1 */
#define VECTOR_DISPATCH 0x2F /* IRQL 2 */
#define VECTOR_CLOCK    0xD1 /* IRQL 13 */
#define VECTOR_SPURIOUS 0xFF

VOID HalApicInitialize(VOID);
/* After S3, interrupts off: programs the local APIC again as HalApicInitialize did. */
VOID HalApicRestore(VOID);
VOID HalApicEndOfInterrupt(VOID);
/* Any IRQL, interrupts off. Does an interrupt on Vector wait to be taken? */
BOOLEAN HalApicIsRequested(ULONG Vector);
/* Any IRQL. Raises Vector on this processor; it is taken when CR8 falls below Vector >> 4. */
VOID HalApicSelfInterrupt(ULONG Vector);
/* One-shot timer in nanoseconds from now (0 = stop); interrupt VECTOR_CLOCK. */
VOID HalApicArmTimer(ULONG64 Nanoseconds);
/* MSI address and data (Intel SDM 3A section 10.11) that raise Vector on processor 0. */
VOID HalMsiMessage(ULONG Vector, PULONG64 Address, PULONG Data);

#endif
