/* SPDX-License-Identifier: MIT */
/* I/O APIC (Intel 82093AA datasheet, section 3.2). */
#include "hal/ioapic.h"
#include "hal/acpi.h"

#define IOREGSEL    0x00
#define IOWIN       0x10
#define IOAPICVER   1
#define IOREDTBL(n) (0x10 + 2 * (n))
#define RED_LEVEL   0x8000
#define RED_LOW     0x2000
#define RED_MASKED  0x10000
#define MAX_LINES   64

static volatile UCHAR *HalpIoApic;
static ULONG HalpLines;
static ULONG HalpEntries[MAX_LINES]; /* low halves as last written: the hardware forgets them in S3 */
static volatile LONG HalpIoApicLock;

static VOID Write(ULONG Register, ULONG Value)
{
    *(volatile ULONG *)(HalpIoApic + IOREGSEL) = Register;
    *(volatile ULONG *)(HalpIoApic + IOWIN) = Value;
}

/* The index register is shared, also with ISRs: interrupts are off while the lock is held. */
static ULONG64 LockPair(VOID)
{
    ULONG64 flags = __readeflags();
    _disable();
    while (InterlockedExchange(&HalpIoApicLock, 1)) {
        YieldProcessor();
    }
    return flags;
}

static VOID UnlockPair(ULONG64 Flags)
{
    InterlockedExchange(&HalpIoApicLock, 0);
    if (Flags & 0x200) {
        _enable();
    }
}

VOID HalIoApicInitialize(VOID)
{
    PHYSICAL_ADDRESS base = {.QuadPart = (LONGLONG)HalAcpi.IoApic};
    HalpIoApic = MmMapIoSpace(base, PAGE_SIZE, MmNonCached);
    *(volatile ULONG *)(HalpIoApic + IOREGSEL) = IOAPICVER;
    HalpLines = (*(volatile ULONG *)(HalpIoApic + IOWIN) >> 16 & 0xFF) + 1;
    if (HalpLines > MAX_LINES) {
        HalpLines = MAX_LINES;
    }
    for (ULONG i = 0; i < HalpLines; i++) {
        HalpEntries[i] = RED_MASKED;
    }
    HalIoApicRestore();
}

VOID HalIoApicRestore(VOID)
{
    for (ULONG i = 0; i < HalpLines; i++) {
        Write(IOREDTBL(i) + 1, 0); /* destination: APIC 0 */
        Write(IOREDTBL(i), HalpEntries[i]);
    }
}

VOID HalIoApicRoute(ULONG Gsi, ULONG Vector, BOOLEAN LevelTriggered, BOOLEAN ActiveLow)
{
    ULONG line = Gsi - HalAcpi.IoApicGsiBase;
    if (line >= HalpLines) {
        return;
    }
    ULONG64 flags = LockPair();
    HalpEntries[line] = Vector | (LevelTriggered ? RED_LEVEL : 0) | (ActiveLow ? RED_LOW : 0) | RED_MASKED;
    Write(IOREDTBL(line), HalpEntries[line]);
    UnlockPair(flags);
}

VOID HalIoApicMask(ULONG Gsi, BOOLEAN Masked)
{
    ULONG line = Gsi - HalAcpi.IoApicGsiBase;
    if (line >= HalpLines) {
        return;
    }
    ULONG64 flags = LockPair();
    HalpEntries[line] = (HalpEntries[line] & ~RED_MASKED) | (Masked ? RED_MASKED : 0);
    Write(IOREDTBL(line), HalpEntries[line]);
    UnlockPair(flags);
}

VOID HalIoApicMaskLines(BOOLEAN Masked)
{
    for (ULONG i = 0; i < HalpLines; i++) {
        if (HalpEntries[i] & RED_LEVEL) {
            Write(IOREDTBL(i), HalpEntries[i] | (Masked ? RED_MASKED : 0));
        }
    }
}

BOOLEAN HalIoApicIsLevel(ULONG Vector)
{
    for (ULONG i = 0; i < HalpLines; i++) {
        if ((HalpEntries[i] & 0xFF) == Vector && (HalpEntries[i] & RED_LEVEL)) {
            return TRUE;
        }
    }
    return FALSE;
}

ULONG HalIoApicLines(VOID)
{
    return HalpLines;
}
