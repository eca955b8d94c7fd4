/* SPDX-License-Identifier: MIT */
/* Driver images: map a PE32+ .sys from a boot module, relocate it, bind its imports by name, find its symbols. */
#ifndef BOOT_LOADER_H
#define BOOT_LOADER_H
#include "kernel.h"

typedef struct _LOADED_IMAGE {
    LIST_ENTRY Link;
    CHAR Name[112]; /* "owner.sys" */
    PUCHAR Base;
    SIZE_T Size; /* SizeOfImage */
    PVOID EntryPoint;
    const UCHAR *File; /* the boot module's bytes (COFF symbols are read from here) */
    SIZE_T FileSize;
    BOOLEAN Kernel;   /* the kernel itself */
    BOOLEAN Unloaded; /* kept as a tombstone, so that late calls name the driver they jumped into */
} LOADED_IMAGE, *PLOADED_IMAGE;

typedef struct _SYMBOL {
    PCSTR Image;    /* "owner.sys", or "?" */
    CHAR Name[80];  /* "OwnerDispatchPower", or "+0x1234" of the image when there are no symbols */
    ULONG64 Offset; /* from the symbol's start */
} SYMBOL, *PSYMBOL;

/*
 * PASSIVE_LEVEL. Loads the boot module ModuleName ("owner.sys"). On failure Error (may be NULL) receives one sentence that names
 * the driver, what was expected and what came, for example the function that is not exported.
 * STATUS_OBJECT_NAME_NOT_FOUND: no such module. STATUS_INVALID_IMAGE_FORMAT. STATUS_DRIVER_ENTRYPOINT_NOT_FOUND: missing import.
 */
NTSTATUS LdrLoadDriver(PCSTR ModuleName, PLOADED_IMAGE *Image, PSTR Error, SIZE_T ErrorSize);
/* PASSIVE_LEVEL. Unmaps the image; its address range is never used again, so late calls fault and are named. */
VOID LdrUnloadDriver(PLOADED_IMAGE Image);
/* Any IRQL, takes no lock (also used at bugcheck). The image that contains Address (also an unloaded one), or NULL. */
PLOADED_IMAGE LdrImageFromAddress(const VOID *Address);
/* Any IRQL. Always fills Symbol; FALSE if the address is in no image. */
BOOLEAN LdrSymbolFromAddress(const VOID *Address, PSYMBOL Symbol);
/* Any IRQL. Address of a kernel export by name, or NULL (MmGetSystemRoutineAddress without the UNICODE_STRING). */
PVOID LdrKernelExport(PCSTR Name);
/* Any IRQL. First/next loaded image (kernel first); NULL at the end. */
PLOADED_IMAGE LdrNextImage(PLOADED_IMAGE Previous);

/* IRQL <= APC_LEVEL. Makes the sections named PAGE* of the image mapped at Base pageable. */
VOID LdrMakeSectionsPageable(PUCHAR Base);
/* Boot: makes the kernel itself known. */
VOID LdrInitialize(VOID);

/*
 * PASSIVE_LEVEL, after DriverEntry. Frees the sections that are only for initialization (INIT): a call into them faults from now on.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/making-drivers-pageable
 */
VOID LdrDiscardInit(PLOADED_IMAGE Image);

#endif
