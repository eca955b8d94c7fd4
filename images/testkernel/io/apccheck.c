/* SPDX-License-Identifier: MIT */
/*
 * A driver's routine that enters a critical or guarded region (also by a mutex or an ERESOURCE) leaves it before it returns.
 * https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc4--driver-verifier-detected-violation (0xC5, 0xFB)
 */
#include "io/io.h"
#include "ex/ex.h"
#include "ke/processor.h"

LONG IopApcDisableCount(VOID)
{
    PKTHREAD Thread = KiCurrentThread();
    return Thread->KernelApcDisable + Thread->SpecialApcDisable;
}

VOID IopCheckApcDisable(ULONG Rule, PVOID Routine, PCSTR What, LONG Before)
{
    LONG Now = IopApcDisableCount();
    HELD_LOCK Held = {.Kind = NULL};
    if (Now == Before) {
        return;
    }
    ExFindHeldLock(KiCurrentThread(), NULL, 0, &Held);
    IoStop(DRIVER_VERIFIER_DETECTED_VIOLATION, Rule, (ULONG_PTR)Routine, (ULONG_PTR)(LONG_PTR)Now,
           (ULONG_PTR)(LONG_PTR)Before, Routine,
           "a %s changed its thread's APC disable count from %d to %d: it returned inside a critical region or with a "
           "mutex, or left one that "
           "it had not entered%s%s",
           What, Before, Now, Held.Kind ? "; its thread holds a " : "", Held.Kind ? Held.Kind : "");
}
