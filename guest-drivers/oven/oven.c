/* SPDX-License-Identifier: MIT */
/* The Fred Oven: heats up to its highest temperature; the hotter, the longer. */
#include "fred_child.h"
#include "trace.h"

const CHAR TraceDriverName[] = "oven";

/* Half a microsecond a degree, and never nothing. */
ULONG WorkMicroseconds(const FRED_CHILD_INFO *Info, ULONG Round)
{
    UNREFERENCED_PARAMETER(Round);
    return 50 + Info->Property / 2;
}
