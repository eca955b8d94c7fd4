/* SPDX-License-Identifier: MIT */
/* pci/pm.h - the power management registers of a function (PM 3.2), for the files that deal with D-states and wake-up. */
#ifndef PCI_PM_H
#define PCI_PM_H
#include "pci.h"

#define PMC_READY_AT_D0  0x0010 /* Immediate_Readiness_on_Return_to_D0 (PCIe 7.5.2.1) */
#define PMC_D1           0x0200
#define PMC_D2           0x0400
#define PMC_PME_ANY      0xF800
#define PMC_PME(state)   (0x0800u << (state)) /* 0: D0 ... 3: D3hot, 4: D3cold */
#define PMCSR_STATE      0x0003
#define PMCSR_PME_ENABLE 0x0100
#define PMCSR_PME_STATUS 0x8000

/* Any IRQL. All ones: the function is not there. */
static inline USHORT PciReadPmcsr(const PCI_FUNCTION *Function)
{
    return PciRead16(Function->At, Function->PmCap + 4u);
}

/* Any IRQL. PME_Status, which is cleared by writing 1, stays as it is. */
static inline VOID PciWritePmcsr(const PCI_FUNCTION *Function, USHORT Value)
{
    PciWrite16(Function->At, Function->PmCap + 4u, Value & ~PMCSR_PME_STATUS);
}

/* As PciWritePmcsr, and PME_Status is cleared. */
static inline VOID PciClearPme(const PCI_FUNCTION *Function, USHORT Value)
{
    PciWrite16(Function->At, Function->PmCap + 4u, Value | PMCSR_PME_STATUS);
}

#endif
