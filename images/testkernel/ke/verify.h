/* SPDX-License-Identifier: MIT */
#ifndef KE_VERIFY_H
#define KE_VERIFY_H
#include "kernel.h"

/*
 * PASSIVE_LEVEL. What a driver that is about to be unloaded has left in the kernel (threads, timers, DPCs, work items, resources, lookaside
 * lists, mappings, …): a phrase that says so, or NULL. Pool is MiReportLeaks' part.
 */
PCSTR KeFindLeftoverOfImage(PVOID Base, SIZE_T Size);
/* A bug check callback in the range; no lock. */
BOOLEAN KiFindBugCheckCallback(PVOID Base, SIZE_T Size);

#endif
