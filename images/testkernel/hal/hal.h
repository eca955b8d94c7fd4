/* SPDX-License-Identifier: MIT */
/* The rest of the platform: serial ports, time, the ports that only QEMU has, the state to put back after S3. */
#ifndef HAL_HAL_H
#define HAL_HAL_H
#include "kernel.h"

#define COM1 0x3F8
#define COM2 0x2F8

VOID HalSerialInitialize(USHORT Port);
VOID HalSerialWrite(USHORT Port, const VOID *Bytes, SIZE_T Length); /* polls the FIFO; any IRQL */
SIZE_T HalSerialRead(USHORT Port, PVOID Bytes, SIZE_T Size);        /* what the FIFO holds now */
VOID HalSerialEnableReceiveInterrupt(USHORT Port);

/* Writes a complete line to the buddy-trace port (docs/journal.md) with interrupts off; does nothing when there is no such device. */
VOID HalTraceWrite(PCSTR Line, SIZE_T Length);
/* QEMU's pvpanic device (port 0x505): the event GUEST_PANICKED. */
VOID HalPvpanic(VOID);
/* QEMU's isa-debug-exit (port 0xF4), if present: QEMU exits with (Code << 1) | 1. */
VOID HalDebugExit(ULONG Code);
DECLSPEC_NORETURN VOID HalReset(VOID);

/* Before S3, interrupts off: what HalRestorePlatform needs. */
VOID HalSavePlatform(VOID);

/* Any IRQL. Nanoseconds since boot, monotonic, S1 and S3 not counted. */
ULONG64 HalNanoseconds(VOID);
/* S1, interrupts off: nanoseconds since Begin (HalNanoseconds), in units of 100, which HalNanoseconds then counts no more. */
ULONG64 HalTakeOffSince(ULONG64 Begin);
VOID HalClockInitialize(VOID);

/*
 * After S3, HIGH_LEVEL, interrupts off, kernel page tables, GDT, IDT and TSS loaded (KiRestoreProcessor): puts back PIC, local APIC,
 * I/O APIC, ACPI mode, clock and serial ports.
 */
VOID HalRestorePlatform(VOID);
/* Processor control state around S3: GDTR, IDTR, TR, GS base, EFER, PAT, CR0/CR3/CR4/CR8. Save before, restore first thing in long mode. */
VOID KiSaveProcessor(VOID);
VOID KiRestoreProcessor(VOID);
/*
 * Physical address of the boot page tables (below 4 GiB): identity map of the first 1 GiB plus KERNEL_BASE, what a waking vector needs
 * on its way from real mode to the kernel. Then load KiKernelCr3.
 */
extern ULONG64 KiBootCr3;
extern ULONG64 KiKernelCr3;

#endif
