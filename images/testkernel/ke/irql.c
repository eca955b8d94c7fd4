/* SPDX-License-Identifier: MIT */
/*
 * IRQL is CR8. Drivers built with mingw raise and lower it inline; these are the exported forms, which check.
 * https://learn.microsoft.com/windows-hardware/drivers/devtest/0xc4--driver-verifier-detected-violation (0x30, 0x31)
 */
#include "kernel.h"
#include "ke/bugcheck.h"

static KIRQL RaiseTo(KIRQL NewIrql, PVOID Caller)
{
    KIRQL old = (KIRQL)__readcr8();
    if (NewIrql < old || NewIrql > HIGH_LEVEL) {
        KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, 0x30, old, NewIrql, 0, Caller,
                         "raising the IRQL from %u to %u", old, NewIrql);
    }
    __writecr8(NewIrql);
    return old;
}

static VOID LowerTo(KIRQL NewIrql, PVOID Caller)
{
    KIRQL old = (KIRQL)__readcr8();
    if (NewIrql > old) {
        KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, 0x31, old, NewIrql, 0, Caller,
                         "lowering the IRQL from %u to %u", old, NewIrql);
    }
    __writecr8(NewIrql);
}

/* The DDK's inline functions of the same names are in the way: the exports are defined under other names and renamed in the object. */
KIRQL NTAPI KipRaiseIrql(KIRQL NewIrql) __asm__("KfRaiseIrql");
KIRQL NTAPI KipRaiseIrql(KIRQL NewIrql)
{
    return RaiseTo(NewIrql, __builtin_return_address(0));
}

VOID NTAPI KipLowerIrql(KIRQL NewIrql) __asm__("KeLowerIrql");
VOID NTAPI KipLowerIrql(KIRQL NewIrql)
{
    LowerTo(NewIrql, __builtin_return_address(0));
}

VOID NTAPI KipfLowerIrql(KIRQL NewIrql) __asm__("KfLowerIrql");
VOID NTAPI KipfLowerIrql(KIRQL NewIrql)
{
    LowerTo(NewIrql, __builtin_return_address(0));
}

KIRQL NTAPI KipGetCurrentIrql(VOID) __asm__("KeGetCurrentIrql");
KIRQL NTAPI KipGetCurrentIrql(VOID)
{
    return (KIRQL)__readcr8();
}

KIRQL NTAPI KipRaiseIrqlToDpcLevel(VOID) __asm__("KeRaiseIrqlToDpcLevel");
KIRQL NTAPI KipRaiseIrqlToDpcLevel(VOID)
{
    return RaiseTo(DISPATCH_LEVEL, __builtin_return_address(0));
}
