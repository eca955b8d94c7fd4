/* SPDX-License-Identifier: MIT */
/* ACPI S3 and S5 by the fixed hardware (ACPI 6.4: 4.8.3.2 PM1 control, 5.2.10 FACS, 16.1 sleeping, 16.3 waking); S1 is in standby.c. */
#include "hal/sleep.h"
#include "hal/acpi.h"
#include "hal/apic.h"
#include "hal/hal.h"
#include "hal/standby.h"
#include "kd/log.h"
#include "mm/mm.h"

#define FACS_WAKING_VECTOR   12
#define FACS_X_WAKING_VECTOR 24
#define SLEEP_TYPE_SHIFT     10

#pragma pack(push, 1)
typedef struct _WAKE_DATA {
    USHORT TableLimit;
    ULONG Table;
    ULONG LongOffset;
    USHORT LongSelector;
    ULONG Cr3;
} WAKE_DATA;
#pragma pack(pop)

extern UCHAR HalpWakeVector[], HalpWakeTable[], HalpWakeData[], HalpWakeLong[], HalpWakeEnd[];
ULONG HalpEnterSleep(VOID (*Sleep)(VOID));

static USHORT SleepType;

static ULONG AcpiState(SYSTEM_POWER_STATE State)
{
    return (ULONG)(State - PowerSystemWorking);
}

BOOLEAN HalSleepStateSupported(SYSTEM_POWER_STATE State)
{
    ULONG s = AcpiState(State);

    return HalAcpi.Pm1aControl != 0 && s < COUNT_OF(HalAcpi.SleepType) && HalAcpi.SleepType[s] != 0xFF;
}

/*
 * Where the waking code lies: a page below 1 MiB that neither SeaBIOS' resume code (stacks below 0x1000 and 0x7000) nor the multiboot loader
 * (from 0x9000 on) uses. The page allocator leaves the first MiB alone.
 */
#define WAKE_PAGE 0x2000u

static VOID PrepareWake(VOID)
{
    PUCHAR page = MiPhysicalToVirtual(WAKE_PAGE);
    WAKE_DATA *data = (WAKE_DATA *)(page + (HalpWakeData - HalpWakeVector));

    RtlCopyMemory(page, HalpWakeVector, (SIZE_T)(HalpWakeEnd - HalpWakeVector));
    data->TableLimit = (USHORT)(HalpWakeData - HalpWakeTable - 1);
    data->Table = WAKE_PAGE + (ULONG)(HalpWakeTable - HalpWakeVector);
    data->LongOffset = WAKE_PAGE + (ULONG)(HalpWakeLong - HalpWakeVector);
    data->LongSelector = 0x10;
    data->Cr3 = (ULONG)KiBootCr3;
    *(volatile ULONG *)(HalAcpi.Facs + FACS_WAKING_VECTOR) = WAKE_PAGE;
    *(volatile ULONG64 *)(HalAcpi.Facs + FACS_X_WAKING_VECTOR) = 0;
}

/* PM1a_CNT: type first, then SLP_EN (4.8.3.2.1). In S3 the processor is reset while it halts here. */
static VOID CutPower(VOID)
{
    USHORT control = (__inword(HalAcpi.Pm1aControl) & ~(ACPI_PM1_SLP_TYP | ACPI_PM1_SLP_EN)) | SleepType;

    __wbinvd();
    __outword(HalAcpi.Pm1aControl, control);
    __outword(HalAcpi.Pm1aControl, control | ACPI_PM1_SLP_EN);
    if (SleepType != (USHORT)HalAcpi.SleepType[3] << SLEEP_TYPE_SHIFT)
        return;
    for (;;)
        __asm__ volatile("hlt");
}

NTSTATUS HalSleep(SYSTEM_POWER_STATE State, HAL_SLEEP_CONTEXT *Context)
{
    ULONG woken;
    KIRQL irql;

    if (!HalSleepStateSupported(State))
        return STATUS_NOT_SUPPORTED;
    SleepType = (USHORT)(HalAcpi.SleepType[AcpiState(State)] << SLEEP_TYPE_SHIFT);
    if (State == PowerSystemSleeping1)
        return HalpSleepInPlace(SleepType, Context);
    if (HalAcpi.Facs == NULL || KiBootCr3 == 0)
        return STATUS_NOT_SUPPORTED;
    KeRaiseIrql(HIGH_LEVEL, &irql);
    _disable();
    PrepareWake();
    Context->Save();
    HalpSaveChipset();
    HalSavePlatform();
    KiSaveProcessor();
    /* The clock stops before the machine does: QEMU takes a moment to stop, in which a timer that is due would move virtual time on. */
    HalApicArmTimer(0);
    /* An old wake status would end the sleep at once (4.8.3.1.1). */
    __outword(HalAcpi.Pm1aEvent, ACPI_PM1_WAK_STS | ACPI_PM1_PWRBTN_STS | ACPI_PM1_SLPBTN_STS | ACPI_PM1_RTC_STS);
    woken = HalpEnterSleep(CutPower);
    if (woken) {
        KiRestoreProcessor();
        HalpRestoreChipset();
        Context->WakeStatus = __inword(HalAcpi.Pm1aEvent);
        __outword(HalAcpi.Pm1aEvent, Context->WakeStatus);
        HalRestorePlatform();
        Context->Restore();
    }
    _enable();
    KeLowerIrql(irql);
    return woken ? STATUS_SUCCESS : STATUS_UNSUCCESSFUL;
}

VOID HalPowerOff(VOID)
{
    if (!HalSleepStateSupported(PowerSystemShutdown))
        return;
    SleepType = (USHORT)(HalAcpi.SleepType[AcpiState(PowerSystemShutdown)] << SLEEP_TYPE_SHIFT);
    _disable();
    CutPower();
    for (;;)
        __asm__ volatile("hlt");
}
