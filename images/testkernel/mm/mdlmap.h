/* SPDX-License-Identifier: MIT */
/* Where MDLs are mapped. IRQL <= DISPATCH_LEVEL unless it says otherwise. */
#ifndef MM_MDLMAP_H
#define MM_MDLMAP_H
#include "mm/mm.h"

/* Maps Count page frames in a row, with PTE_* flags. NULL: no address space (Windows: no system PTEs) or no memory for page tables. */
PVOID MiMapFrames(const PFN_NUMBER *Frames, ULONG Count, ULONG64 Flags);
/* Undoes the mapping that Address lies in. FALSE: it lies in none. */
BOOLEAN MiUnmapFrames(const VOID *Address);
/* Changes the protection of Count mapped pages; Flags without PTE_PRESENT leave them without access. The caching stays. */
VOID MiProtectFrames(PVOID Address, ULONG Count, ULONG64 Flags);
/* Any IRQL, for reports. Is Address one that an MDL is, or was, mapped at? */
BOOLEAN MiDescribeMdlAddress(const VOID *Address, PSTR Text, SIZE_T Size);

#endif
