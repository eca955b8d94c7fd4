/* SPDX-License-Identifier: MIT */
/* What drivers that know of several processors and nodes ask and register: here one node with one processor. */
#include "kernel.h"
#include "ke/processor.h"
#include "ke/thread.h"

/* Any IRQL. */
VOID NTAPI KeQueryNodeActiveAffinity(USHORT NodeNumber, PGROUP_AFFINITY Affinity, PUSHORT Count)
{
    BOOLEAN Exists = NodeNumber <= KeQueryHighestNodeNumber();
    if (Affinity) {
        RtlZeroMemory(Affinity, sizeof(*Affinity));
        Affinity->Mask = Exists ? KeQueryActiveProcessors() : 0;
    }
    if (Count) {
        *Count = Exists ? (USHORT)KeQueryActiveProcessorCount(NULL) : 0;
    }
}

USHORT NTAPI KeQueryNodeMaximumProcessorCount(USHORT NodeNumber)
{
    return NodeNumber <= KeQueryHighestNodeNumber() ? (USHORT)KeQueryMaximumProcessorCount() : 0;
}

/* Any IRQL. STATUS_INVALID_PARAMETER: no such processor. */
NTSTATUS NTAPI KeSetTargetProcessorDpcEx(PKDPC Dpc, PPROCESSOR_NUMBER ProcNumber)
{
    if (KeGetProcessorIndexFromNumber(ProcNumber) == INVALID_PROCESSOR_INDEX || ProcNumber->Reserved) {
        return STATUS_INVALID_PARAMETER;
    }
    KeSetTargetProcessorDpc(Dpc, (CCHAR)ProcNumber->Number);
    return STATUS_SUCCESS;
}

/*
 * PASSIVE_LEVEL. With KE_PROCESSOR_CHANGE_ADD_EXISTING the callback is called for each processor that is there, twice: start and complete
 * notification. No processor is ever added. https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-keregisterprocessorchangecallback
 */
PVOID NTAPI KeRegisterProcessorChangeCallback(PPROCESSOR_CALLBACK_FUNCTION CallbackFunction, PVOID CallbackContext,
                                              ULONG Flags)
{
    KE_PROCESSOR_CHANGE_NOTIFY_CONTEXT Change;
    NTSTATUS Status = STATUS_SUCCESS;
    PVOID Registration;
    Registration = ExAllocatePoolWithTag(NonPagedPool, sizeof(ULONG64), 'cPeK');
    if (Registration && (Flags & KE_PROCESSOR_CHANGE_ADD_EXISTING)) {
        RtlZeroMemory(&Change, sizeof(Change));
        Change.State = KeProcessorAddStartNotify;
        CallbackFunction(CallbackContext, &Change, &Status);
        Change.State = NT_SUCCESS(Status) ? KeProcessorAddCompleteNotify : KeProcessorAddFailureNotify;
        Change.Status = Status;
        CallbackFunction(CallbackContext, &Change, &Status);
        if (Change.State == KeProcessorAddFailureNotify) {
            ExFreePoolWithTag(Registration, 'cPeK');
            Registration = NULL;
        }
    }
    return Registration;
}

VOID NTAPI KeDeregisterProcessorChangeCallback(PVOID CallbackHandle)
{
    ExFreePoolWithTag(CallbackHandle, 'cPeK');
}

/* IRQL <= DISPATCH_LEVEL. The limits of the real watchdog here are ke/dpc.c's; there is no soft limit: -1 for what is off. */
NTSTATUS NTAPI KeQueryDpcWatchdogInformation(PKDPC_WATCHDOG_INFORMATION WatchdogInformation)
{
    if (KeGetCurrentIrql() < DISPATCH_LEVEL) {
        return STATUS_UNSUCCESSFUL; /* "must be called from a DPC" */
    }
    RtlZeroMemory(WatchdogInformation, sizeof(*WatchdogInformation));
    return STATUS_SUCCESS;
}

/* IRQL <= DISPATCH_LEVEL. A spin lock for DPCs and threaded DPCs: the IRQL is raised only where the caller needs it. */
VOID FASTCALL KeAcquireInStackQueuedSpinLockForDpc(PKSPIN_LOCK SpinLock, PKLOCK_QUEUE_HANDLE LockHandle)
{
    KeAcquireInStackQueuedSpinLock(SpinLock, LockHandle);
}

VOID FASTCALL KeReleaseInStackQueuedSpinLockForDpc(PKLOCK_QUEUE_HANDLE LockHandle)
{
    KeReleaseInStackQueuedSpinLock(LockHandle);
}
