/* SPDX-License-Identifier: MIT */
/*
 * Time. The HPET's main counter (or the ACPI PM timer where there is no HPET) gives nanoseconds since boot; it stops for S3, so a
 * base is carried over. KUSER_SHARED_DATA is brought up to date by the clock interrupt and whenever the processor leaves idle,
 * because drivers read time and ticks from there with inlined loads.
 */
#include "hal/hal.h"
#include "hal/acpi.h"
#include "hal/apic.h"
#include "hal/ioapic.h"
#include "mm/mm.h"
#include "ke/clock.h"
#include "ke/idle.h"

#define HPET_PERIOD  0x004 /* high half of the capabilities: femtoseconds a tick */
#define HPET_CONFIG  0x010
#define HPET_COUNTER 0x0F0
#define PM_TIMER_HZ  3579545ULL

static volatile UCHAR *HalpHpet;
static ULONG64 HalpPeriod; /* HPET: femtoseconds */
static ULONG64 HalpBase;   /* nanoseconds before the counter's present run */
static ULONG64 HalpPmHigh, HalpPmLast;
static BOOLEAN HalpReady;

static ULONG64 ReadPmTimer(VOID)
{
    ULONG64 flags = __readeflags();
    _disable();
    ULONG64 mask = HalAcpi.PmTimer32 ? 0xFFFFFFFF : 0xFFFFFF;
    ULONG64 now = __indword(HalAcpi.PmTimer) & mask;
    if (now < HalpPmLast) {
        HalpPmHigh += mask + 1;
    }
    HalpPmLast = now;
    now += HalpPmHigh;
    if (flags & 0x200) {
        _enable();
    }
    return now;
}

ULONG64 HalNanoseconds(VOID)
{
    if (!HalpReady) {
        return 0;
    }
    if (HalpHpet) {
        ULONG64 ticks = *(volatile ULONG64 *)(HalpHpet + HPET_COUNTER);
        return HalpBase + ticks / 1000000 * HalpPeriod + ticks % 1000000 * HalpPeriod / 1000000;
    }
    ULONG64 ticks = ReadPmTimer();
    return HalpBase + ticks / PM_TIMER_HZ * 1000000000 + ticks % PM_TIMER_HZ * 1000000000 / PM_TIMER_HZ;
}

/* The PM timer alone (no HPET) must be read before it wraps: of a longer S1 it knows only the rest. */
ULONG64 HalTakeOffSince(ULONG64 Begin)
{
    ULONG64 units = (HalNanoseconds() - Begin) / 100;
    HalpBase -= units * 100;
    return units;
}

static VOID StartCounter(VOID)
{
    if (HalpHpet) {
        *(volatile ULONG *)(HalpHpet + HPET_CONFIG) &= ~3u;
        *(volatile ULONG64 *)(HalpHpet + HPET_COUNTER) = 0;
        *(volatile ULONG *)(HalpHpet + HPET_CONFIG) |= 1;
    } else {
        HalpPmHigh = 0;
        HalpPmLast = 0;
        HalpBase -= ReadPmTimer() * 1000000000 / PM_TIMER_HZ;
    }
}

/* A reset leaves the 8254 ticking at 18 Hz. Nobody needs it: one last, short count in mode 0. */
static VOID StopIntervalTimer(VOID)
{
    __outbyte(0x43, 0x30);
    __outbyte(0x40, 1);
    __outbyte(0x40, 0);
}

VOID HalClockInitialize(VOID)
{
    if (HalAcpi.Hpet) {
        PHYSICAL_ADDRESS base = {.QuadPart = (LONGLONG)HalAcpi.Hpet};
        HalpHpet = MmMapIoSpace(base, 0x400, MmNonCached);
        HalpPeriod = *(volatile ULONG *)(HalpHpet + HPET_PERIOD);
        if (!HalpPeriod || HalpPeriod > 100000000) { /* more than 100 ns: not a counter */
            HalpHpet = NULL;
        }
    }
    StopIntervalTimer();
    StartCounter();
    HalpReady = TRUE;
    KiInitializeClock();
}

/*
 * MC146818 register A, divider reset: the time of day stands still, and so does its timer, which otherwise may move virtual time on in the moment
 * that QEMU takes to stop (ke/idle.h). Under -icount no virtual time passes in S3, so at most half a second is lost.
 */
static VOID HoldTimeOfDay(BOOLEAN Hold)
{
    if (KiIdlePolls) {
        __outbyte(0x70, 0x0A);
        __outbyte(0x71, Hold ? 0x66 : 0x26); /* 32768 Hz, 1024 Hz square wave, as the firmware has it */
    }
}

static ULONG64 HalpSavedTime;

VOID HalSavePlatform(VOID)
{
    HoldTimeOfDay(TRUE);
    HalpSavedTime = HalNanoseconds();
}

VOID HalRestorePlatform(VOID)
{
    __outbyte(0x21, 0xFF);
    __outbyte(0xA1, 0xFF);
    StopIntervalTimer();
    HoldTimeOfDay(FALSE);
    HalApicRestore();
    HalIoApicRestore();
    HalpBase = HalpSavedTime;
    StartCounter();
    HalSerialInitialize(COM1);
    HalSerialInitialize(COM2);
    HalSerialEnableReceiveInterrupt(COM2);
    HalAcpiEnable();
    KiRestartClock();
}

/*
 * Any IRQL. The frequency is fixed at 10 MHz, as Windows 10 has it; "including the time when the machine was in a sleep state":
 * https://learn.microsoft.com/windows/win32/sysinfo/acquiring-high-resolution-time-stamps
 */
LARGE_INTEGER NTAPI KeQueryPerformanceCounter(PLARGE_INTEGER PerformanceFrequency)
{
    if (PerformanceFrequency) {
        PerformanceFrequency->QuadPart = 10000000;
    }
    LARGE_INTEGER now = {.QuadPart = (LONGLONG)(HalNanoseconds() / 100 + KiTimeAsleep())};
    return now;
}

/* Any IRQL. Busy-waits; Windows asks for at most 50 microseconds. */
VOID NTAPI KeStallExecutionProcessor(ULONG MicroSeconds)
{
    ULONG64 end = HalNanoseconds() + (ULONG64)MicroSeconds * 1000;
    while (HalNanoseconds() < end) {
        YieldProcessor();
    }
}
