/* SPDX-License-Identifier: MIT */
/* Questions to the memory manager, and probing of user addresses. */
#include "mm/mm.h"

#define USER_LIMIT 0x00007FFFFFFF0000ULL

/* Any IRQL. The verifier is always on, for every driver. */
LOGICAL NTAPI MmIsDriverVerifying(PDRIVER_OBJECT DriverObject)
{
    return TRUE;
}

NTSTATUS NTAPI MmIsVerifierEnabled(PULONG VerifierFlags)
{
    *VerifierFlags = 0x1 | 0x2 | 0x8 | 0x10 | 0x20; /* special pool, IRQL, pool tracking, I/O, deadlock detection */
    return STATUS_SUCCESS;
}

/* Any IRQL. By the RAM that the machine has. */
MM_SYSTEMSIZE NTAPI MmQuerySystemSize(VOID)
{
    ULONG Megabytes = MiTotalPageCount() / 256;
    return Megabytes < 512 ? MmSmallSystem : Megabytes < 2048 ? MmMediumSystem : MmLargeSystem;
}

BOOLEAN NTAPI MmIsThisAnNtAsSystem(VOID)
{
    return FALSE; /* a workstation */
}

/*
 * Any IRQL. The address where a driver has the memory, if it is mapped anywhere; else the kernel's own. Searches the page tables: slow.
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-mmgetvirtualforphysical
 */
PVOID NTAPI MmGetVirtualForPhysical(PHYSICAL_ADDRESS PhysicalAddress)
{
    PVOID found = MiFindMapping((ULONG64)PhysicalAddress.QuadPart);
    BOOLEAN memory = (ULONG64)PhysicalAddress.QuadPart >> PAGE_SHIFT < MiTotalPageCount();
    return found ? found : memory ? MiPhysicalToVirtual((ULONG64)PhysicalAddress.QuadPart) : NULL;
}

BOOLEAN NTAPI MmIsNonPagedSystemAddressValid(PVOID VirtualAddress)
{
    return MmIsAddressValid(VirtualAddress);
}

static VOID Probe(ULONG_PTR Address, SIZE_T Length, ULONG Alignment)
{
    if (!Length) {
        return;
    }
    if (Address & (Alignment - 1)) {
        ExRaiseDatatypeMisalignment();
    }
    if (Address + Length < Address || Address + Length > USER_LIMIT) {
        ExRaiseAccessViolation();
    }
}

/* IRQL <= APC_LEVEL. Raises STATUS_ACCESS_VIOLATION for a kernel address and STATUS_DATATYPE_MISALIGNMENT; does not touch the memory. */
VOID NTAPI ProbeForRead(CONST VOID *Address, SIZE_T Length, ULONG Alignment)
{
    Probe((ULONG_PTR)Address, Length, Alignment);
}

/* As ProbeForRead, and touches every page. */
VOID NTAPI ProbeForWrite(PVOID Address, SIZE_T Length, ULONG Alignment)
{
    Probe((ULONG_PTR)Address, Length, Alignment);
    for (SIZE_T Offset = 0; Offset < Length; Offset += PAGE_SIZE) {
        volatile UCHAR *Byte = (PUCHAR)Address + Offset;
        *Byte = *Byte;
    }
}
