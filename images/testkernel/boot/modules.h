/* SPDX-License-Identifier: MIT */
/* Multiboot modules: the drivers and INF files that QEMU's -initrd "a.sys,a.inf" put into memory. */
#ifndef BOOT_MODULES_H
#define BOOT_MODULES_H
#include "kernel.h"

typedef struct _BOOT_MODULE {
    PCSTR Name;    /* last path component: "owner.sys" */
    PCSTR Package; /* "owner-2" for a module "owner.sys package=owner-2", a file of a driver package; else "" */
    PVOID Base;    /* the file's bytes, read-only, mapped for the kernel's lifetime */
    SIZE_T Size;
} BOOT_MODULE, *PBOOT_MODULE;

/*
 * Any IRQL. The module with this name (ASCII case-insensitive), or NULL: "owner.sys" is one that belongs to no driver package, "owner-2\\owner.sys" the one
 * of that package.
 */
const BOOT_MODULE *BootFindModule(PCSTR Name);
/* Any IRQL. Module number Index in -initrd's order, or NULL behind the last one. */
const BOOT_MODULE *BootModule(ULONG Index);

#endif
