/* SPDX-License-Identifier: MIT */
/* What a debugger outside (gdb on QEMU's gdb server) is told. */
#ifndef KD_DEBUGGER_H
#define KD_DEBUGGER_H
#include "boot/loader.h"

/*
 * PASSIVE_LEVEL. Does nothing: a debugger that has a breakpoint here learns where each driver was loaded before its first instruction runs
 * (orchestrator/guest/gdb_images.py).
 */
VOID KdImageLoaded(PLOADED_IMAGE Image);

#endif
