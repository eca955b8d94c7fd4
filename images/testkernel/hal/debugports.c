/* SPDX-License-Identifier: MIT */
/* Ports that only QEMU has: buddy-trace, pvpanic, isa-debug-exit; and the reset register. */
#include "hal/hal.h"
#include "hal/acpi.h"
#include "boot/options.h"

#define TRACE_PORT      0xB00
#define PVPANIC_PORT    0x505
#define DEBUG_EXIT_PORT 0xF4

VOID HalTraceWrite(PCSTR Line, SIZE_T Length)
{
    static USHORT port;
    if (!port) {
        port = (USHORT)KeBootOptionNumber("trace-port", TRACE_PORT);
    }
    /* A port without a device swallows what is written. Interrupts off, so that lines of ISRs do not mix with this one. */
    ULONG64 flags = __readeflags();
    _disable();
    __outbytestring(port, (PUCHAR)Line, (ULONG)Length);
    if (flags & 0x200) {
        _enable();
    }
}

VOID HalPvpanic(VOID)
{
    UCHAR events = __inbyte(PVPANIC_PORT);
    if (events != 0xFF && (events & 1)) {
        __outbyte(PVPANIC_PORT, 1);
    }
}

VOID HalDebugExit(ULONG Code)
{
    __outdword(DEBUG_EXIT_PORT, Code);
}

VOID HalReset(VOID)
{
    if (HalAcpi.ResetPort) {
        __outbyte((USHORT)HalAcpi.ResetPort, HalAcpi.ResetValue);
    }
    __outbyte(0xCF9, 6);
    for (;;) {
        _disable();
        __asm__ volatile("hlt");
    }
}
