/* SPDX-License-Identifier: MIT */
/* The multiboot 1 information structure (Multiboot Specification 0.6.96, section 3.3). */
#ifndef BOOT_MULTIBOOT_H
#define BOOT_MULTIBOOT_H
#include "kernel.h"

typedef struct _BOOT_RANGE {
    ULONG64 Base, Length;
    BOOLEAN Usable;
} BOOT_RANGE;

/* Boot, first of all: copies command line, module list and memory map out of the loader's memory. */
VOID BootInitialize(ULONG MultibootInformation);
/* Memory map entry Index, or NULL behind the last one. */
const BOOT_RANGE *BootMemoryRange(ULONG Index);
/* First physical address behind the kernel's image and all modules. */
ULONG64 BootEndOfImages(VOID);

#endif
