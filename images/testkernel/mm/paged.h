/* SPDX-License-Identifier: MIT */
/*
 * Pageable memory of drivers: sections named PAGE* and paged pool. There is no paging file; what is simulated is the one thing that matters to
 * drivers: whenever a driver raises the IRQL (takes a spin lock, is called as ISR or DPC) all of it is paged out, and it is paged in again by the
 * fault that a touch at IRQL < DISPATCH_LEVEL causes. At DISPATCH_LEVEL and above the fault is a stop, 0xD1, as under Driver Verifier's forced
 * IRQL checking: https://learn.microsoft.com/windows-hardware/drivers/devtest/force-irql-checking
 * Boot option paging=off keeps everything resident.
 */
#ifndef MM_PAGED_H
#define MM_PAGED_H
#include "kernel.h"

/* IRQL <= APC_LEVEL. Makes mapped pages pageable. */
VOID MiMakePageable(PVOID Virtual, ULONG Count);
/* Any IRQL. Pages everything pageable out that is in and not locked. */
VOID MiTrimPageable(VOID);
/* Page fault: TRUE if the page was only paged out and is in again now. Allowed says whether the IRQL (and who touches) permits that. */
BOOLEAN MiPageIn(const VOID *Virtual, BOOLEAN Allowed);
/* Any IRQL. Is Virtual in pageable memory that is not locked? */
BOOLEAN MiIsPageable(const VOID *Virtual);
/* IRQL <= DISPATCH_LEVEL. Locks pages in memory (MmProbeAndLockPages, MmLockPagableCodeSection); counted. */
VOID MiLockPageable(const VOID *Virtual, ULONG Count);
VOID MiUnlockPageable(const VOID *Virtual, ULONG Count);

#endif
