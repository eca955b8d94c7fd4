/* SPDX-License-Identifier: MIT */
/* Memory that is freed while the kernel still uses what is in it, and what a driver leaves behind when it unloads. */
#include "ke/bugcheck.h"
#include "ke/dispatch.h"
#include "ke/dpc.h"
#include "ke/lockorder.h"
#include "ke/threads.h"
#include "ke/timer.h"
#include "ke/verify.h"
#include "mm/iospace.h"
#include "mm/mm.h"
#include "ex/ex.h"
#include "mm/pool.h"

/*
 * https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc7--timer-or-dpc-invalid: P1 0 timer, 1 DPC.
 */
VOID KiCheckFreedMemory(PVOID Base, SIZE_T Size, PVOID Caller)
{
    KiForgetLocks(Base, Size);
    if (Size < sizeof(WORK_QUEUE_ITEM)) { /* the smallest of them */
        return;
    }
    PKTIMER timer = KiFindTimer(Base, Size);
    if (timer) {
        KeBugCheckReason(0xC7, 0, (ULONG_PTR)timer, (ULONG_PTR)Base, Size, Caller,
                         "pool block %p is freed while timer %p (or the DPC of that timer) in it is set: cancel it "
                         "first (KeCancelTimer)",
                         Base, timer);
    }
    PKDPC dpc = KiFindDpc(Base, Size);
    if (dpc) {
        KeBugCheckReason(0xC7, 1, (ULONG_PTR)dpc, (ULONG_PTR)Base, Size, Caller,
                         "pool block %p is freed while DPC %p in it is queued", Base, dpc);
    }
    PWORK_QUEUE_ITEM item = ExFindWorkItem(Base, Size);
    if (item) {
        KeBugCheckReason(
            WORKER_INVALID, 0, (ULONG_PTR)item, (ULONG_PTR)Base, (ULONG_PTR)Base + Size, Caller,
            "pool block %p is freed while work item %p in it is queued; free it in its own routine or later", Base,
            item);
    }
    PERESOURCE resource = ExFindResource(Base, Size);
    if (resource) {
        KeBugCheckReason(
            DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_RESOURCE_FREED, (ULONG_PTR)resource, (ULONG_PTR)Base, Size, Caller,
            "pool block %p is freed while ERESOURCE %p in it is initialized; call ExDeleteResourceLite first", Base,
            resource);
    }
    PVOID lookaside = ExFindLookasideList(Base, Size);
    if (lookaside) {
        KeBugCheckReason(
            DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_LOOKASIDE_FREED, (ULONG_PTR)lookaside, (ULONG_PTR)Base, Size,
            Caller,
            "pool block %p is freed while lookaside list %p in it is initialized; call its delete routine first", Base,
            lookaside);
    }
    HELD_LOCK held;
    if (ExFindHeldLock(NULL, Base, Size, &held)) {
        KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_DELETED_WHILE_OWNED, (ULONG_PTR)held.Lock,
                         (ULONG_PTR)held.Owner, 0, Caller,
                         "pool block %p is freed while %s %p in it is owned by thread %p", Base, held.Kind, held.Lock,
                         held.Owner);
    }
}

PCSTR KeFindLeftoverOfImage(PVOID Base, SIZE_T Size)
{
    KiForgetLocks(Base, Size);
    if (KiReportThreadsOfImage(Base, Size)) {
        return "a system thread still runs its code (wait for the thread object before returning from Unload)";
    }
    if (KiFindTimer(Base, Size)) {
        return "a timer is still set (KeCancelTimer)";
    }
    if (KiFindDpc(Base, Size)) {
        return "a DPC is still queued (KeFlushQueuedDpcs)";
    }
    if (ExFindWorkItem(Base, Size)) {
        return "a work item is still queued";
    }
    if (ExIsWorkerRunning(Base, Size)) {
        return "a worker thread still runs its code";
    }
    if (ExFindResource(Base, Size)) {
        return "an ERESOURCE in it is still initialized (ExDeleteResourceLite)";
    }
    if (ExFindLookasideList(Base, Size)) {
        return "a lookaside list in it is still initialized (ExDeleteNPagedLookasideList)";
    }
    if (KiFindBugCheckCallback(Base, Size)) {
        return "a bug check callback is still registered (KeDeregisterBugCheckCallback)";
    }
    if (MiReportIoMappings(Base, Size)) {
        return "device memory is still mapped (MmUnmapIoSpace)";
    }
    if (MiReportContiguous(Base, Size)) {
        return "contiguous memory is still allocated (MmFreeContiguousMemory)";
    }
    return NULL;
}
