/* SPDX-License-Identifier: MIT */
/* Local APIC (Intel SDM 3A chapter 11). One processor is used. */
#include "hal/apic.h"
#include "hal/acpi.h"
#include "ke/bugcheck.h"

#define APIC_ID         0x020
#define APIC_EOI        0x0B0
#define APIC_SPURIOUS   0x0F0
#define APIC_IRR        0x200 /* 256 bits, 32 every 16 bytes */
#define APIC_ICR_LOW    0x300
#define APIC_ICR_HIGH   0x310
#define APIC_LVT_TIMER  0x320
#define APIC_LVT_LINT0  0x350
#define APIC_LVT_LINT1  0x360
#define APIC_LVT_ERROR  0x370
#define APIC_TIMER_INIT 0x380
#define APIC_TIMER_DIV  0x3E0

#define LVT_MASKED  0x10000
#define LVT_NMI     0x400
#define TIMER_DIV_1 0xB
#define SELF        0x40000 /* destination shorthand */

static volatile UCHAR *HalpApic;

static VOID Write(ULONG Register, ULONG Value)
{
    *(volatile ULONG *)(HalpApic + Register) = Value;
}

static ULONG Read(ULONG Register)
{
    return *(volatile ULONG *)(HalpApic + Register);
}

VOID HalApicRestore(VOID)
{
    __writemsr(0x1B, (__readmsr(0x1B) & 0xFFF) | 0x800 | HalAcpi.LocalApic);
    Write(APIC_SPURIOUS, 0x100 | VECTOR_SPURIOUS);
    Write(APIC_LVT_TIMER, LVT_MASKED);
    Write(APIC_LVT_LINT0, LVT_MASKED);
    Write(APIC_LVT_LINT1, LVT_NMI);
    Write(APIC_LVT_ERROR, LVT_MASKED);
    Write(APIC_TIMER_DIV, TIMER_DIV_1);
    Write(APIC_LVT_TIMER, VECTOR_CLOCK);
}

VOID HalApicInitialize(VOID)
{
    PHYSICAL_ADDRESS base = {.QuadPart = (LONGLONG)HalAcpi.LocalApic};
    HalpApic = MmMapIoSpace(base, PAGE_SIZE, MmNonCached);
    /* Everything comes through the I/O APIC: both 8259s are initialized (spurious vectors out of the way) and masked. */
    __outbyte(0x20, 0x11);
    __outbyte(0xA0, 0x11);
    __outbyte(0x21, 0x20);
    __outbyte(0xA1, 0x28);
    __outbyte(0x21, 4);
    __outbyte(0xA1, 2);
    __outbyte(0x21, 1);
    __outbyte(0xA1, 1);
    __outbyte(0x21, 0xFF);
    __outbyte(0xA1, 0xFF);
    HalApicRestore();
}

VOID HalApicEndOfInterrupt(VOID)
{
    Write(APIC_EOI, 0);
}

BOOLEAN HalApicIsRequested(ULONG Vector)
{
    return (Read(APIC_IRR + (Vector >> 5) * 0x10) >> (Vector & 31) & 1) != 0;
}

VOID HalApicSelfInterrupt(ULONG Vector)
{
    Write(APIC_ICR_LOW, SELF | Vector);
}

/* QEMU's timer counts 1 GHz at divide 1, whatever the accelerator; calibrating it was 30% off under load (reference/testkernel-notes.md). */
VOID HalApicArmTimer(ULONG64 Nanoseconds)
{
    Write(APIC_TIMER_INIT, Nanoseconds > 0xFFFFFFFF ? 0xFFFFFFFF : (ULONG)Nanoseconds);
}

VOID HalMsiMessage(ULONG Vector, PULONG64 Address, PULONG Data)
{
    *Address = 0xFEE00000 | (Read(APIC_ID) >> 24) << 12;
    *Data = Vector; /* fixed, edge */
}
