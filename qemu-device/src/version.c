/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"
#include "version.h"

/* The Makefile says what it builds for. In a QEMU tree (Kconfig/meson) the devices are part of that very QEMU. */
#ifndef BUILT_FOR
#define BUILT_FOR QEMU_VERSION
#endif
#ifndef SOURCE_HASH
#define SOURCE_HASH "in-tree"
#endif

const char buddy_built_for[] = BUILT_FOR;
const char buddy_module_version[] = "1.0-" SOURCE_HASH;
