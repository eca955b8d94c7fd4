/* SPDX-License-Identifier: MIT */
/* ACPI tables (ACPI 6.4 section 5.2) and the fixed hardware registers (section 4.8) of QEMU's q35. No AML interpreter. */
#ifndef HAL_ACPI_H
#define HAL_ACPI_H
#include "kernel.h"

typedef struct _ACPI_INFO {
    ULONG64 McfgBase; /* physical ECAM base, 0 if none */
    UCHAR McfgStartBus, McfgEndBus;
    USHORT Pm1aEvent;   /* PM1a_EVT_BLK port: status, enable at +2 */
    USHORT Pm1aControl; /* PM1a_CNT_BLK port */
    USHORT PmTimer;     /* PM_TMR_BLK port, 3.579545 MHz */
    BOOLEAN PmTimer32;  /* 32 instead of 24 bits */
    USHORT Gpe0;        /* GPE0_BLK port */
    UCHAR Gpe0Length;
    USHORT SmiCommand; /* SMI_CMD port */
    UCHAR AcpiEnable, AcpiDisable;
    USHORT SciInterrupt; /* GSI */
    PUCHAR Facs;         /* mapped FACS, NULL if none */
    ULONG64 FacsPhysical;
    UCHAR SleepType[6]; /* SLP_TYPa for S0..S5 from \_Sx in the DSDT and SSDTs; 0xFF = not supported */
    ULONG64 LocalApic;  /* physical */
    ULONG64 IoApic;     /* physical */
    ULONG IoApicGsiBase;
    ULONG64 Hpet;    /* physical, 0 if none */
    ULONG ResetPort; /* FADT reset register (I/O port), 0 if none */
    UCHAR ResetValue;
    ULONG IrqOverride[16]; /* GSI of ISA IRQ n */
    USHORT IrqFlags[16];   /* MPS INTI flags of ISA IRQ n (0 = bus default: edge, high) */
} ACPI_INFO;

extern ACPI_INFO HalAcpi;

/* Boot, before the scheduler. Finds the tables; FALSE if there are none. */
BOOLEAN HalAcpiInitialize(VOID);
/* Any IRQL. Switches the chipset to ACPI mode (SMI_CMD := ACPI_ENABLE) if it is not; needed again after S3. */
VOID HalAcpiEnable(VOID);
/* PASSIVE_LEVEL. A table by signature ("MCFG"), mapped, checksum checked; NULL if absent. */
const VOID *HalAcpiTable(PCSTR Signature, PULONG Length);

#define ACPI_PM1_PWRBTN_STS 0x0100
#define ACPI_PM1_SLPBTN_STS 0x0200
#define ACPI_PM1_RTC_STS    0x0400
#define ACPI_PM1_WAK_STS    0x8000
#define ACPI_PM1_SCI_EN     0x0001
#define ACPI_PM1_SLP_TYP    0x1C00
#define ACPI_PM1_SLP_EN     0x2000

#endif
