/* SPDX-License-Identifier: MIT */
/*
 * The one header that every kernel source includes first: Windows' own structure layouts from mingw's DDK headers, seen from the
 * kernel's side (names are defined here, not imported), plus the internal assertions.
 */
#ifndef TESTKERNEL_KERNEL_H
#define TESTKERNEL_KERNEL_H

#include <ntifs.h>
#include <ntddk.h>
#include <wdm.h>
#include <ntimage.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Windows' 64-bit DEVICE_OBJECT is 0x150 bytes; mingw's definition lacks the trailing pad. */
#define WINDOWS_DEVICE_OBJECT_SIZE 0x150

/* Intrinsics that mingw declares but has only in a library that a kernel does not link. */
#define _enable()         __asm__ volatile("sti" : : : "memory")
#define _disable()        __asm__ volatile("cli" : : : "memory")
#define __wbinvd()        __asm__ volatile("wbinvd" : : : "memory")
#define __invlpg(address) __asm__ volatile("invlpg (%0)" : : "r"(address) : "memory")

#define KERNEL_BASE    0xFFFFF80000000000ULL /* physical 0 of RAM is mapped here (2 MiB pages, all RAM) */
#define KERNEL_IMAGE   0xFFFFF80000110000ULL /* the kernel's PE image, physical 0x110000 */
#define IMAGE_REGION   0xFFFFF80200000000ULL /* driver images, 4 KiB pages */
#define POOL_REGION    0xFFFFA80000000000ULL /* pool, 4 KiB pages */
#define STACK_REGION   0xFFFFB00000000000ULL /* kernel stacks, each with guard pages */
#define MDL_REGION     0xFFFFF8A000000000ULL /* mapped MDLs, 4 KiB pages, reused in turn */
#define IOSPACE_REGION 0xFFFFF88000000000ULL /* MmMapIoSpace, 4 KiB pages, never reused soon */

#define CONTAINER(address, type, field) CONTAINING_RECORD(address, type, field)
#define COUNT_OF(array)                 (sizeof(array) / sizeof((array)[0]))

#endif
