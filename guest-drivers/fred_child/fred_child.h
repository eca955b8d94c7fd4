/* SPDX-License-Identifier: MIT */
/* What the function drivers of all Fred Bus children share. A child's driver is this, its name, and how long its work takes. */
#ifndef FRED_CHILD_H
#define FRED_CHILD_H

#include "fred_interface.h"

/* Each child's driver defines it: microseconds that piece number Round of work takes. Any IRQL. */
ULONG WorkMicroseconds(const FRED_CHILD_INFO *Info, ULONG Round);

#endif
