/* SPDX-License-Identifier: MIT */
/* The Fred Toaster: toasts one slice after the other, each a little browner than the one before, up to the number of slices that it takes. */
#include "fred_child.h"
#include "trace.h"

#define MICROSECONDS_A_SLICE 50

const CHAR TraceDriverName[] = "toaster";

ULONG WorkMicroseconds(const FRED_CHILD_INFO *Info, ULONG Round)
{
    ULONG slices = Info->Property != 0 ? Info->Property : 1;

    return MICROSECONDS_A_SLICE * (1 + Round % slices);
}
