/* SPDX-License-Identifier: MIT */
/*
 * The verbs of docs/guest-interface.md. Each prints one JSON object and returns the program's exit code. Count and Arguments are what follows
 * the verb; main.c has checked that Count is within the limits of its table.
 */
#ifndef BUDDYCTL_VERBS_H
#define BUDDYCTL_VERBS_H
#include <stddef.h>

typedef int VERB(int Count, wchar_t **Arguments);

/* devices.c */
VERB VerbDevices;
/* devnode.c */
VERB VerbDisable, VerbEnable, VerbRestart, VerbRemove, VerbEject, VerbUndock, VerbRescan;
/* exercise.c */
VERB VerbExercise;
/* ioctl.c */
VERB VerbIoctl, VerbRebalance;
/* hold.c; VerbKeep is the holding process itself, started by VerbHold, and not for users. */
VERB VerbHold, VerbRelease, VerbKeep;
/* add.c */
VERB VerbAdd;
/* filter.c */
VERB VerbFilter;
/* io.c; VerbWork is the busy process itself, started by VerbIo, and not for users. */
VERB VerbIo, VerbKill, VerbWork;
/* service.c */
VERB VerbStart, VerbStop;
/* settings.c */
VERB VerbSettings;
/* sleep.c */
VERB VerbSleep;
/* update.c */
VERB VerbUpdate;

#endif
