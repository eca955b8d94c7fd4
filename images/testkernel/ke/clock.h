/* SPDX-License-Identifier: MIT */
/* System time, ticks and timer expiration. */
#ifndef KE_CLOCK_H
#define KE_CLOCK_H
#include "kernel.h"

#define TICK_100NS         156250 /* 15.625 ms, Windows' default clock interrupt; the unit of tick counts */
#define FASTEST_TICK_100NS 10000

/* Boot: maps KUSER_SHARED_DATA and reads the RTC. */
VOID KiInitializeClock(VOID);
/* After S3, interrupts off: reads the RTC again (system time went on), arms the timer. */
VOID KiRestartClock(VOID);
/* After S1, interrupts off: the time asleep, 100 ns, is over; arms the timer. */
VOID KiTakeOffTimeAsleep(ULONG64 Asleep);
/* Any IRQL. Writes the present time and tick count into KUSER_SHARED_DATA. */
VOID KiUpdateTime(VOID);
/* 100 ns units awake since boot, exact: timers run by it, so that what is due in a second is not due by a sleep. Any IRQL. */
ULONG64 KiInterruptTime(VOID);
/* 100 ns units asleep since boot, for S3 as far as the real-time clock can tell (whole seconds). Any IRQL. */
ULONG64 KiTimeAsleep(VOID);
/* Clock vector: IRQL CLOCK_LEVEL. Interrupted: the IRQL of the interrupted code. */
VOID KiClockInterrupt(KIRQL Interrupted);
/* Any IRQL. The time between ticks, 100 ns; see ExSetTimerResolution. */
ULONG KiTickPeriod(VOID);
/* DISPATCH_LEVEL. */
VOID KiSetTickPeriod(ULONG Period);
/* DISPATCH_LEVEL. Arms the clock for the next due timer, and for the next tick unless Idle. */
VOID KiArmClock(BOOLEAN Idle);

#endif
