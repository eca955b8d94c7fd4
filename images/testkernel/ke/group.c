/* SPDX-License-Identifier: MIT */
/* Processor groups and numbers: one group with one processor. Any IRQL. */
#include "kernel.h"

USHORT NTAPI KeQueryActiveGroupCount(VOID)
{
    return 1;
}

USHORT NTAPI KeQueryMaximumGroupCount(VOID)
{
    return 1;
}

KAFFINITY NTAPI KeQueryGroupAffinity(USHORT GroupNumber)
{
    return GroupNumber == 0;
}

ULONG NTAPI KeQueryMaximumProcessorCountEx(USHORT GroupNumber)
{
    return GroupNumber == 0 || GroupNumber == ALL_PROCESSOR_GROUPS;
}

USHORT NTAPI KeQueryHighestNodeNumber(VOID)
{
    return 0;
}

USHORT NTAPI KeGetCurrentNodeNumber(VOID)
{
    return 0;
}

ULONG NTAPI KeGetCurrentProcessorNumberEx(PPROCESSOR_NUMBER ProcNumber)
{
    if (ProcNumber) {
        RtlZeroMemory(ProcNumber, sizeof(*ProcNumber));
    }
    return 0;
}

ULONG NTAPI KeGetProcessorIndexFromNumber(PPROCESSOR_NUMBER ProcNumber)
{
    return ProcNumber->Group == 0 && ProcNumber->Number == 0 ? 0 : INVALID_PROCESSOR_INDEX;
}

NTSTATUS NTAPI KeGetProcessorNumberFromIndex(ULONG ProcIndex, PPROCESSOR_NUMBER ProcNumber)
{
    if (ProcIndex) {
        return STATUS_INVALID_PARAMETER;
    }
    RtlZeroMemory(ProcNumber, sizeof(*ProcNumber));
    return STATUS_SUCCESS;
}

/* PreviousAffinity (all zeroes: none was set) goes to KeRevertToUserGroupAffinityThread. */
VOID NTAPI KeSetSystemGroupAffinityThread(PGROUP_AFFINITY Affinity, PGROUP_AFFINITY PreviousAffinity)
{
    KAFFINITY Old = KeSetSystemAffinityThreadEx(Affinity->Group == 0 ? Affinity->Mask : 0);
    if (PreviousAffinity) {
        RtlZeroMemory(PreviousAffinity, sizeof(*PreviousAffinity));
        PreviousAffinity->Mask = Old;
    }
}

VOID NTAPI KeRevertToUserGroupAffinityThread(PGROUP_AFFINITY PreviousAffinity)
{
    KeRevertToUserAffinityThreadEx(PreviousAffinity->Mask);
}

/* IRQL <= IPI_LEVEL - 1. Runs the function at IPI_LEVEL on every processor, which is this one. */
ULONG_PTR NTAPI KeIpiGenericCall(PKIPI_BROADCAST_WORKER BroadcastFunction, ULONG_PTR Context)
{
    KIRQL Old;
    ULONG_PTR Result;
    KeRaiseIrql(IPI_LEVEL, &Old);
    Result = BroadcastFunction(Context);
    KeLowerIrql(Old);
    return Result;
}

/* IRQL <= DISPATCH_LEVEL. */
BOOLEAN NTAPI KeInvalidateAllCaches(VOID)
{
    __asm__ volatile("wbinvd" : : : "memory");
    return TRUE;
}

VOID NTAPI KeFlushWriteBuffer(VOID)
{
    __asm__ volatile("mfence" : : : "memory");
}

/* A cache line, for false sharing. */
ULONG NTAPI KeGetRecommendedSharedDataAlignment(VOID)
{
    return 64;
}
