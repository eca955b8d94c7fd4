/* SPDX-License-Identifier: MIT */
#ifndef KE_DEADLOCK_H
#define KE_DEADLOCK_H
#include "kernel.h"
/* Dispatcher lock held. Thread is about to wait without time-out: follows who would have to signal; reports a cycle (does not return then). */
VOID KiCheckDeadlock(PKTHREAD Thread);
#endif
