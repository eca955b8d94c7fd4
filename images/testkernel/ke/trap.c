/* SPDX-License-Identifier: MIT */
/* Where every interrupt arrives: exceptions, the two software interrupts, the clock, devices. */
#include "ke/trap.h"
#include "ke/processor.h"
#include "ke/dispatch.h"
#include "ke/dpc.h"
#include "ke/clock.h"
#include "ke/fastfail.h"
#include "ke/interrupt.h"
#include "ke/vectors.h"
#include "hal/apic.h"
#include "hal/standby.h"

/*
 * DPCs, timers and thread switches. The interrupt is acknowledged first: the thread that is switched to must be able to take the next
 * one. On return CR8 is the interrupted code's again.
 */
static VOID DispatchInterrupt(VOID)
{
    HalApicEndOfInterrupt();
    KIRQL old = (KIRQL)__readcr8();
    __writecr8(DISPATCH_LEVEL);
    _enable();
    KiDispatchInterrupt();
    _disable();
    __writecr8(old);
}

static VOID ApcInterrupt(VOID)
{
    HalApicEndOfInterrupt();
    KIRQL old = (KIRQL)__readcr8();
    __writecr8(APC_LEVEL);
    _enable();
    KiDeliverApcs();
    _disable();
    __writecr8(old);
}

static VOID HardwareInterrupt(ULONG Vector)
{
    KIRQL old = (KIRQL)__readcr8();
    __writecr8(Vector >> 4);
    KiProcessor.InterruptDepth++;
    KiProcessor.Interrupts++;
    if (KiProcessor.CurrentThread == KiProcessor.IdleThread) {
        KiUpdateTime(); /* no ticks while idle */
    }
    _enable();
    if (Vector == VECTOR_CLOCK) {
        KiClockInterrupt(old);
    } else {
        KiDispatchVector(Vector);
    }
    _disable();
    KiProcessor.InterruptDepth--;
    HalApicEndOfInterrupt();
    if (Vector != VECTOR_CLOCK) {
        KiCheckStorm(Vector);
    }
    __writecr8(old);
}

VOID KiTrap(PTRAP_FRAME Frame)
{
    ULONG vector = (ULONG)Frame->Vector & 0xFF;
    if (vector == VECTOR_DISPATCH) {
        DispatchInterrupt();
    } else if (vector == VECTOR_APC) {
        ApcInterrupt();
    } else if (vector < 32 || vector == TRAP_FAST_FAIL || vector == 0x2C || vector == 0x2D) {
        /* 0x29: fast failure, 0x2C: assertion failure, 0x2D: debug service, all by INT instructions */
        KiException(Frame);
    } else if (HalpStandby && vector != VECTOR_SPURIOUS) {
        HalpDeferInterrupt(vector);
    } else if (vector != VECTOR_SPURIOUS) {
        HardwareInterrupt(vector);
    }
}
