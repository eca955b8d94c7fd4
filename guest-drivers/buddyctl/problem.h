/* SPDX-License-Identifier: MIT */
/* Problem codes of the PnP manager (cfg.h; Microsoft, "Device Manager Error Messages"). */
#ifndef BUDDYCTL_PROBLEM_H
#define BUDDYCTL_PROBLEM_H
#include "status.h"

/* "CM_PROB_DISABLED"; NULL for 0; "CM_PROB_UNKNOWN" for a code newer than the table. */
const char *ProblemName(ULONG Problem);

#endif
