/* SPDX-License-Identifier: MIT */
/* See idle.h. */
#include "ke/idle.h"
#include "boot/options.h"
#include "ke/processor.h"

BOOLEAN KiIdlePolls;

VOID KiInitializeIdle(VOID)
{
    CHAR how[8];

    KiIdlePolls = KeBootOption("idle", how, sizeof(how)) && how[0] == 'p';
}

/* A no-op costs the emulator nothing but takes its nanosecond of virtual time, so this is some fifty times faster than it looks. */
VOID KiPollIdle(VOID)
{
    ULONG64 before = KiProcessor.ContextSwitches;

    _enable();
    while (*(volatile ULONG64 *)&KiProcessor.ContextSwitches == before) {
        __asm__ volatile(".fill 400, 1, 0x90" : : : "memory");
    }
}
