/* SPDX-License-Identifier: MIT */
/* System time and ticks, kept in KUSER_SHARED_DATA where drivers read them with inlined loads. */
#include "ke/clock.h"
#include "ke/bugcheck.h"
#include "ke/dispatch.h"
#include "ke/perturb.h"
#include "ke/processor.h"
#include "ke/timer.h"
#include "hal/apic.h"
#include "hal/hal.h"
#include "mm/mm.h"

#define DISPATCH_LIMIT   (20ULL * 10000000) /* generous: the host may be busy */
#define SHARED_DATA      0xFFFFF78000000000ULL
#define SHARED_INTERRUPT 0x008
#define SHARED_SYSTEM    0x014
#define SHARED_TICKS     0x320
#define SHARED_BIAS      0x3B0
#define TICKS_1601_1970  116444736000000000ULL
#define RTC_SECOND       10000000LL

static PUCHAR KiShared;      /* writable alias */
static ULONG64 KiSystemBase; /* system time, less the time awake since boot */
static ULONG64 KiAsleep;     /* 100 ns in all sleeps since boot */
static ULONG64 KiNextTick;   /* interrupt time, 100 ns */
static ULONG KiPeriod = TICK_100NS;
static ULONG KiTicksOfQuantum;  /* short ticks since the quantum was counted */
static ULONG64 KiDispatchSince; /* first of the ticks in a row that interrupted DISPATCH_LEVEL or above; 0 = none */

ULONG64 KiInterruptTime(VOID)
{
    return HalNanoseconds() / 100;
}

static UCHAR ReadCmos(UCHAR Index)
{
    __outbyte(0x70, Index);
    return __inbyte(0x71);
}

static ULONG FromBcd(UCHAR Value)
{
    return (ULONG)(Value >> 4) * 10 + (Value & 15);
}

/* Days since 1970 of a Gregorian date (years from 2000). */
static ULONG64 DaysFrom1970(ULONG Year, ULONG Month, ULONG Day)
{
    static const USHORT before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    ULONG64 days = 10957 + (ULONG64)Year * 365 + (Year + 3) / 4 + before[(Month - 1) % 12] + Day - 1;
    return days + (Year % 4 == 0 && Month > 2);
}

/* 100 ns since 1601, from the RTC (UTC). */
static ULONG64 ReadRtc(VOID)
{
    ULONG second, again;
    ULONG64 seconds;
    do {
        while (ReadCmos(0x0A) & 0x80) { /* update in progress */
        }
        second = FromBcd(ReadCmos(0));
        seconds = (DaysFrom1970(FromBcd(ReadCmos(9)), FromBcd(ReadCmos(8)), FromBcd(ReadCmos(7))) * 24 +
                   FromBcd(ReadCmos(4))) *
                      3600 +
                  FromBcd(ReadCmos(2)) * 60 + second;
        again = FromBcd(ReadCmos(0));
    } while (second != again);
    return seconds * 10000000 + TICKS_1601_1970;
}

static VOID Store(ULONG Offset, ULONG64 Value)
{
    /* KSYSTEM_TIME: 64-bit readers take the first 8 bytes, 32-bit ones compare the two high halves. */
    *(volatile ULONG *)(KiShared + Offset + 8) = (ULONG)(Value >> 32);
    *(volatile ULONG64 *)(KiShared + Offset) = Value;
}

VOID KiUpdateTime(VOID)
{
    ULONG64 now = KiInterruptTime();
    Store(SHARED_INTERRUPT, now + KiAsleep);
    Store(SHARED_SYSTEM, KiSystemBase + now);
    Store(SHARED_TICKS, (now + KiAsleep) / TICK_100NS);
    *(volatile ULONG64 *)(KiShared + SHARED_BIAS) = KiAsleep;
}

VOID KiInitializeClock(VOID)
{
    ULONG64 page = MiAllocatePages(1, ~0ULL);
    KiShared = MiPhysicalToVirtual(page);
    MiMap((PVOID)SHARED_DATA, page, 1, PTE_NX | PTE_GLOBAL);
    *(ULONG *)(KiShared + 4) = 0x0FA00000; /* TickCountMultiplier: 15.625 ms in 24-bit fixed point */
    *(ULONG *)(KiShared + 0x26C) = 10;     /* NtMajorVersion */
    *(ULONG *)(KiShared + 0x270) = 0;      /* NtMinorVersion */
    KiSystemBase = ReadRtc() - KiInterruptTime();
    KiUpdateTime();
}

ULONG64 KiTimeAsleep(VOID)
{
    return KiAsleep;
}

VOID KiTakeOffTimeAsleep(ULONG64 Asleep)
{
    KiSystemBase += Asleep;
    KiAsleep += Asleep;
    KiSystemTimeMoved(Asleep);
    KiUpdateTime();
    KiArmClock(FALSE);
}

VOID KiRestartClock(VOID)
{
    LONG64 asleep = (LONG64)(ReadRtc() - KiInterruptTime() - KiSystemBase);
    /* The RTC tells whole seconds: less than one is no sign of a sleep. The system time never goes back. */
    KiTakeOffTimeAsleep(asleep >= RTC_SECOND ? (ULONG64)asleep : 0);
}

ULONG KiTickPeriod(VOID)
{
    return KiPeriod;
}

VOID KiSetTickPeriod(ULONG Period)
{
    if (Period != KiPeriod) {
        KiPeriod = Period;
        KiArmClock(KiProcessor.CurrentThread == KiProcessor.IdleThread);
    }
}

VOID KiArmClock(BOOLEAN Idle)
{
    if (Idle) {
        KiDispatchSince = 0; /* no tick will say so */
    }
    ULONG64 due = KiNextTimerDue(), now = KiInterruptTime();
    if (!Idle) {
        /* With a scheduler seed a tick comes earlier than the period says, so that preemption hits other places. */
        KiNextTick = (now / KiPeriod + 1) * KiPeriod - KiPerturb(KiPeriod);
        KiNextTick = KiNextTick > now ? KiNextTick : now + 1000;
        due = KiNextTick < due ? KiNextTick : due;
    }
    if (due == ~0ULL) {
        HalApicArmTimer(0);
        return;
    }
    HalApicArmTimer(due > now ? (due - now) * 100 : 1);
}

/*
 * The clock interrupts DISPATCH_LEVEL too. Code that stays there for long keeps everything else from running:
 * https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0x133-dpc-watchdog-violation (P1 = 0: one DPC; 1: in all).
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/introduction-to-spin-locks: "hold spin locks for as short a time as possible".
 */
static VOID WatchDispatchLevel(KIRQL Interrupted, ULONG64 Now)
{
    PKTHREAD thread = KiProcessor.CurrentThread;
    PKDPC dpc = KiProcessor.CurrentDpc;
    ULONG64 since = KiDispatchSince;
    if (Interrupted < DISPATCH_LEVEL) {
        KiDispatchSince = 0;
        return;
    }
    if (!since) {
        KiDispatchSince = Now;
        return;
    }
    if (dpc && Now - KiProcessor.DpcSince / 100 > DISPATCH_LIMIT) {
        KeBugCheckReason(0x133, 0, (Now - KiProcessor.DpcSince / 100) / TICK_100NS, DISPATCH_LIMIT / TICK_100NS, 0,
                         (PVOID)KiProcessor.DpcRoutine, "a DPC has been running for %I64u s",
                         (Now - KiProcessor.DpcSince / 100) / 10000000);
    }
    if (Now - since > DISPATCH_LIMIT) {
        const HELD_SPIN_LOCK *held = thread->DriverLockCount ? &thread->DriverLocks[0] : NULL;
        KeBugCheckReason(0x133, 1, (Now - since) / TICK_100NS, DISPATCH_LIMIT / TICK_100NS, 0,
                         held ? held->Caller : NULL,
                         "the processor has been at IRQL %u or above for %I64u s without a break%s", DISPATCH_LEVEL,
                         (Now - since) / 10000000, held ? ", since spin lock was acquired by the blamed function" : "");
    }
}

VOID KiClockInterrupt(KIRQL Interrupted)
{
    KiUpdateTime();
    ULONG64 now = KiInterruptTime();
    WatchDispatchLevel(Interrupted, now);
    BOOLEAN idle = KiProcessor.CurrentThread == KiProcessor.IdleThread;
    if (!idle && now >= KiNextTick && ++KiTicksOfQuantum >= TICK_100NS / KiPeriod) {
        KiTicksOfQuantum = 0; /* quanta do not shrink with the ticks */
        KiCountQuantum();
    }
    if (KiNextTimerDue() <= now) {
        KiProcessor.TimersDue = TRUE;
        HalApicSelfInterrupt(VECTOR_DISPATCH);
        /* Expiry arms the clock; a tick is armed here in case DISPATCH_LEVEL lasts. */
        if (idle) {
            return;
        }
    }
    if (KiProcessor.TimersDue) {
        KiNextTick = (now / KiPeriod + 1) * KiPeriod;
        HalApicArmTimer((KiNextTick - now) * 100);
    } else {
        KiArmClock(idle);
    }
}

ULONG64 KiAbsoluteDue(LARGE_INTEGER DueTime)
{
    ULONG64 now = KiInterruptTime();
    if (DueTime.QuadPart <= 0) {
        return now + (ULONG64)(-DueTime.QuadPart);
    }
    return (ULONG64)DueTime.QuadPart > KiSystemBase + now ? (ULONG64)DueTime.QuadPart - KiSystemBase : now;
}

#undef KeQueryInterruptTime
#undef KeQuerySystemTime
#undef KeQueryTickCount

/*
 * The interrupt time is biased, "by adding a bias count to the raw interrupt-time count"; the unbiased one does not go on in a sleep:
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kequeryunbiasedinterrupttime
 */
ULONGLONG NTAPI KeQueryInterruptTime(VOID)
{
    return KiInterruptTime() + KiAsleep;
}

ULONGLONG NTAPI KeQueryInterruptTimePrecise(PULONG64 QpcTimeStamp)
{
    *QpcTimeStamp = (ULONG64)KeQueryPerformanceCounter(NULL).QuadPart;
    return KiInterruptTime() + KiAsleep;
}

ULONGLONG NTAPI KeQueryUnbiasedInterruptTime(VOID)
{
    return KiInterruptTime();
}

VOID NTAPI KeQuerySystemTime(PLARGE_INTEGER CurrentTime)
{
    CurrentTime->QuadPart = (LONGLONG)(KiSystemBase + KiInterruptTime());
}

VOID NTAPI KeQuerySystemTimePrecise(PLARGE_INTEGER CurrentTime)
{
    KeQuerySystemTime(CurrentTime);
}

VOID NTAPI KeQueryTickCount(PLARGE_INTEGER CurrentCount)
{
    CurrentCount->QuadPart = (LONGLONG)((KiInterruptTime() + KiAsleep) / TICK_100NS);
}

ULONG NTAPI KeQueryTimeIncrement(VOID)
{
    return TICK_100NS;
}
