/* SPDX-License-Identifier: MIT */
/*
 * IRQL is CR8. Drivers built with mingw raise and lower it inline; these are the exported forms, which check.
 * https://learn.microsoft.com/windows-hardware/drivers/devtest/0xc4--driver-verifier-detected-violation (0x30, 0x31)
 */
#include "kernel.h"
#include "ke/bugcheck.h"
#include "ke/rules.h"
#include "boot/loader.h"

/* Driver Verifier has sub-codes of its own for some functions; all others are 0xE5. */
static const struct {
    PCSTR Function;
    ULONG Rule;
} KiIrqlRules[] = {
    {"KeAcquireSpinLock", RULE_SPIN_LOCK_IRQL},
    {"KeAcquireInStackQueuedSpinLock", RULE_SPIN_LOCK_IRQL},
    {"MmProbeAndLockPages", 0x70},
    {"MmMapIoSpace", 0x73},
    {"MmMapIoSpaceEx", 0x73},
    {"MmMapLockedPages", 0x74},
    {"MmMapLockedPagesSpecifyCache", 0x76},
    {"MmUnlockPages", 0x78},
    {"MmUnmapLockedPages", 0x79},
    {"MmUnmapIoSpace", 0x7B},
    {"KeSetEvent", 0x80},
    {"KeEnterCriticalRegion", RULE_ENTER_REGION_IRQL},
    {"KeLeaveCriticalRegion", RULE_LEAVE_REGION_IRQL},
};

VOID KiIrqlTooHigh(PCSTR Function, KIRQL Maximum, PVOID Caller)
{
    KIRQL irql = KeGetCurrentIrql();
    ULONG rule = strncmp(Function, "Zw", 2) ? RULE_IRQL : RULE_ZW_IRQL;
    for (ULONG i = 0; i < COUNT_OF(KiIrqlRules); i++) {
        rule = strcmp(KiIrqlRules[i].Function, Function) ? rule : KiIrqlRules[i].Rule;
    }
    KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, rule, rule == RULE_ZW_IRQL ? (ULONG_PTR)Caller : irql,
                     rule == RULE_ZW_IRQL ? irql : (ULONG_PTR)Caller, 0, Caller,
                     "%s called at IRQL %u (allowed: <= %u)", Function, irql, Maximum);
}

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
