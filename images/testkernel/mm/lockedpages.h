/* SPDX-License-Identifier: MIT */
/* Who locked which pages (MmProbeAndLockPages), and who allocated them by MDL (MmAllocatePagesForMdl): what is left of them at unload. */
#ifndef MM_LOCKEDPAGES_H
#define MM_LOCKEDPAGES_H
#include "kernel.h"

typedef struct _LOCKED_PAGES {
    LIST_ENTRY Link;
    PMDL Mdl; /* may be freed: not to be read */
    ULONG Count;
    BOOLEAN Allocated;
    PVOID Caller; /* return address in the driver */
    PVOID CallersCaller;
} LOCKED_PAGES, *PLOCKED_PAGES;

/* IRQL <= DISPATCH_LEVEL. Nothing is remembered of the kernel's own. */
VOID MiRememberLocked(PMDL Mdl, ULONG Count, BOOLEAN Allocated, PVOID Caller);
VOID MiForgetLocked(PMDL Mdl);
/* Copies what is known of Mdl, or of the first MDL whose pages the code in [Base, +Size) locked (or allocated) and did not give back. */
BOOLEAN MiFindLocked(PMDL Mdl, PLOCKED_PAGES Found);
BOOLEAN MiFindLockedOfImage(PVOID Base, SIZE_T Size, BOOLEAN Allocated, PLOCKED_PAGES Found);

#endif
