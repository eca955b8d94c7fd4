/* SPDX-License-Identifier: MIT */
/* Executive support: worker threads, fast mutexes, resources, lookaside lists, rundown protection. ex/ is written by K4. */
#ifndef EX_EX_H
#define EX_EX_H
#include "kernel.h"

/* Boot, PASSIVE_LEVEL, after the dispatcher runs: starts the system worker threads. */
VOID ExInitWorkers(VOID);

#endif
