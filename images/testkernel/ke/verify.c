/* SPDX-License-Identifier: MIT */
/* Memory that is freed while the kernel still uses what is in it, and what a driver leaves behind when it unloads. */
#include "ke/bugcheck.h"
#include "ke/dispatch.h"
#include "ke/dpc.h"
#include "ke/timer.h"
#include "mm/pool.h"

/*
 * https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc7--timer-or-dpc-invalid: P1 0 timer, 1 DPC.
 */
VOID KiCheckFreedMemory(PVOID Base, SIZE_T Size, PVOID Caller)
{
    if (Size < sizeof(KDPC)) {
        return;
    }
    PKTIMER timer = KiFindTimer(Base, Size);
    if (timer) {
        KeBugCheckReason(0xC7, 0, (ULONG_PTR)timer, (ULONG_PTR)Base, Size, Caller,
                         "pool block %p is freed while timer %p (or the DPC of that timer) in it is set: cancel it first (KeCancelTimer)", Base, timer);
    }
    PKDPC dpc = KiFindDpc(Base, Size);
    if (dpc) {
        KeBugCheckReason(0xC7, 1, (ULONG_PTR)dpc, (ULONG_PTR)Base, Size, Caller, "pool block %p is freed while DPC %p in it is queued", Base, dpc);
    }
}
