/* SPDX-License-Identifier: MIT */
/* Console log on COM1 and trace lines in the device's journal. */
#ifndef KD_LOG_H
#define KD_LOG_H
#include "kernel.h"

typedef enum _LOG_LEVEL { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG } LOG_LEVEL;

/* Boot option log=error|warning|info|debug (default info). */
extern LOG_LEVEL KdLogLevel;

/* Any IRQL. One line on COM1: "[   0.123456] text". No newline in Format. Windows' format set (%wZ, %Z, %ws, %p, %I64x …). */
VOID KdLog(LOG_LEVEL Level, PCSTR Format, ...);
/* Any IRQL and power state. One line "kernel <text>" to buddy-trace: "event key=value …" (docs/journal.md). */
VOID KdTrace(PCSTR Format, ...);
/* Raw text on COM1 at bugcheck: no locks. */
VOID KdPrintRaw(PCSTR Text, SIZE_T Length);

#endif
