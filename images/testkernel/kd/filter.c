/* SPDX-License-Identifier: MIT */
/* Debug prints with a prefix, filters by component and level, and whether a debugger is there (it never is, to the kernel: gdb needs no help of it). */
#include "kernel.h"
#include "rtl/format.h"
#include "ke/bugcheck.h"

#define COMPONENTS     256
#define DEFAULT_FILTER 1u /* errors */

BOOLEAN KdDebuggerEnabled = FALSE;
BOOLEAN KdDebuggerNotPresent = TRUE;

static ULONG Masks[COMPONENTS];

/* Any IRQL. As vDbgPrintEx, with Prefix before the text. */
ULONG NTAPI vDbgPrintExWithPrefix(PCCH Prefix, ULONG ComponentId, ULONG Level, PCCH Format, va_list Arguments)
{
    CHAR Text[512]; /* the longest message that Windows sends to the debugger */
    SIZE_T Used = strnlen(Prefix, sizeof(Text) - 1);
    memcpy(Text, Prefix, Used);
    RtlFormatV(Text + Used, sizeof(Text) - Used, Format, Arguments);
    return DbgPrintEx(ComponentId, Level, "%s", Text);
}

static ULONG BitOf(ULONG Level)
{
    return Level < 32 ? 1u << Level : Level; /* a number, or a mask */
}

/* IRQL <= DIRQL. TRUE if the level passes the component's filter. The console shows all prints anyway. */
NTSTATUS NTAPI DbgQueryDebugFilterState(ULONG ComponentId, ULONG Level)
{
    ULONG Mask = Masks[ComponentId % COMPONENTS] | DEFAULT_FILTER;
    return (Mask & BitOf(Level)) != 0;
}

NTSTATUS NTAPI DbgSetDebugFilterState(ULONG ComponentId, ULONG Level, BOOLEAN State)
{
    PULONG Mask = &Masks[ComponentId % COMPONENTS];
    *Mask = State ? *Mask | BitOf(Level) : *Mask & ~BitOf(Level);
    return STATUS_SUCCESS;
}

/* No kernel debugger can be attached. */
NTSTATUS NTAPI KdDisableDebugger(VOID)
{
    return STATUS_DEBUGGER_INACTIVE;
}

NTSTATUS NTAPI KdEnableDebugger(VOID)
{
    return STATUS_DEBUGGER_INACTIVE;
}

BOOLEAN NTAPI KdRefreshDebuggerNotPresent(VOID)
{
    return TRUE;
}

NTSTATUS NTAPI KdChangeOption(KD_OPTION Option, ULONG InBufferBytes, PVOID InBuffer, ULONG OutBufferBytes,
                              PVOID OutBuffer, PULONG OutBufferNeeded)
{
    return STATUS_DEBUGGER_INACTIVE;
}
