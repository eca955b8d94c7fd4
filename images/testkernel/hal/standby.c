/* SPDX-License-Identifier: MIT */
/*
 * ACPI S1: processor, chipset and devices lose no context (ACPI 6.4, 16.1.1), so nothing is restored. On hardware the write of SLP_EN stops the
 * processor until an enabled event sets WAK_STS (4.8.3.1.1). QEMU's PM1 control takes the write and goes on, and QEMU sets WAK_STS only after
 * S3: here the kernel halts in the platform's place, and the events themselves (PM1 status, PME at a root port) end the sleep. QEMU's clocks run
 * on; the time asleep is measured by them.
 *
 * Whatever else interrupts waits: lines are masked, and messages are raised again after the sleep, so that no service routine runs in S1.
 */
#include "hal/standby.h"
#include "hal/acpi.h"
#include "hal/apic.h"
#include "hal/hal.h"
#include "hal/ioapic.h"
#include "hal/vector.h"
#include "ke/clock.h"

#define WAKE_EVENTS (ACPI_PM1_WAK_STS | ACPI_PM1_PWRBTN_STS | ACPI_PM1_SLPBTN_STS | ACPI_PM1_RTC_STS)

BOOLEAN HalpStandby;
static ULONG HalpSciVector;
static ULONG HalpDeferred[256 / 32]; /* messages that came meanwhile */

static ULONG SciGsi(VOID)
{
    return HalAcpi.SciInterrupt < 16 ? HalAcpi.IrqOverride[HalAcpi.SciInterrupt] : HalAcpi.SciInterrupt;
}

/* MPS INTI flags: polarity 1 = high; the SCI is level, and active low unless the override says high. */
static VOID RouteSci(VOID)
{
    ULONG irq = HalAcpi.SciInterrupt;

    HalIoApicRoute(SciGsi(), HalpSciVector, TRUE, irq >= 16 || (HalAcpi.IrqFlags[irq] & 3) != 1);
}

VOID HalpDeferInterrupt(ULONG Vector)
{
    /* Its status is read and cleared later: until then it would be raised again and again. */
    if (Vector == HalpSciVector)
        HalIoApicMask(SciGsi(), TRUE);
    else if (!HalIoApicIsLevel(Vector))
        HalpDeferred[Vector / 32] |= 1u << Vector % 32;
    HalApicEndOfInterrupt();
}

/* Interrupts off, HIGH_LEVEL. */
static VOID RaiseDeferred(VOID)
{
    for (ULONG vector = 0; vector < 256; vector++) {
        if (HalpDeferred[vector / 32] >> vector % 32 & 1)
            HalApicSelfInterrupt(vector);
    }
    RtlZeroMemory(HalpDeferred, sizeof(HalpDeferred));
}

/* Interrupts off. Halts until an event that may end S1 is there; returns PM1's status. */
static USHORT HaltUntilWoken(BOOLEAN (*Woken)(VOID))
{
    USHORT status;

    HalpStandby = TRUE;
    __writecr8(DISPATCH_LEVEL);
    /* An interrupt between the look and the halt ends the halt: STI takes effect after the next instruction (Intel SDM 2B). */
    while (!((status = __inword(HalAcpi.Pm1aEvent)) & WAKE_EVENTS) && !Woken())
        __asm__ volatile("sti; hlt; cli" ::: "memory");
    __asm__ volatile("sti; nop; cli" ::: "memory"); /* the SCI, if the look came before it */
    __writecr8(HIGH_LEVEL);
    HalpStandby = FALSE;
    return status & WAKE_EVENTS;
}

NTSTATUS HalpSleepInPlace(USHORT SleepType, HAL_SLEEP_CONTEXT *Context)
{
    USHORT enabled, control;
    ULONG64 begin;
    KIRQL irql;

    if (HalAcpi.Pm1aEvent == 0 || (HalpSciVector == 0 && (HalpSciVector = HalAllocateVectors(0, 1)) == 0))
        return STATUS_NOT_SUPPORTED;
    KeRaiseIrql(HIGH_LEVEL, &irql);
    _disable();
    HalApicArmTimer(0);
    begin = HalNanoseconds();
    HalIoApicMaskLines(TRUE);
    RouteSci();
    /* An old wake status would end the sleep at once (4.8.3.1.1). */
    __outword(HalAcpi.Pm1aEvent, WAKE_EVENTS);
    enabled = __inword(HalAcpi.Pm1aEvent + 2);
    __outword(HalAcpi.Pm1aEvent + 2, ACPI_PM1_PWRBTN_STS);
    HalIoApicMask(SciGsi(), FALSE);
    Context->Save();
    control = (__inword(HalAcpi.Pm1aControl) & ~(ACPI_PM1_SLP_TYP | ACPI_PM1_SLP_EN)) | SleepType;
    __wbinvd();
    __outword(HalAcpi.Pm1aControl, control);
    __outword(HalAcpi.Pm1aControl, control | ACPI_PM1_SLP_EN);
    Context->WakeStatus = HaltUntilWoken(Context->Woken);
    __outword(HalAcpi.Pm1aEvent + 2, enabled);
    __outword(HalAcpi.Pm1aEvent, Context->WakeStatus);
    HalIoApicMask(SciGsi(), TRUE);
    HalIoApicMaskLines(FALSE);
    RaiseDeferred();
    KiTakeOffTimeAsleep(HalTakeOffSince(begin));
    _enable();
    KeLowerIrql(irql);
    return STATUS_SUCCESS;
}
