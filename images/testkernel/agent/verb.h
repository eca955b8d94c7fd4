/* SPDX-License-Identifier: MIT */
/*
 * buddyctl's verbs (docs/guest-interface.md), as the test kernel answers them itself. A verb writes one JSON object and returns the exit
 * code; PASSIVE_LEVEL, in a thread of its own.
 */
#ifndef AGENT_VERB_H
#define AGENT_VERB_H
#include "agent/json.h"
#include "kernel.h"
#include "pnp/pnp.h"

/* Exit codes. */
#define EXIT_DONE   0
#define EXIT_FAILED 1
#define EXIT_USAGE  2
#define EXIT_ABSENT 3
#define EXIT_VETOED 4

#define INSTANCE_LENGTH 200 /* MAX_DEVICE_ID_LEN of cfgmgr32.h */

/* Arguments are those after the verb's name; the table in buddyctl.c has checked their number. */
typedef int (*VERB)(int Count, const char *const *Arguments, JSON_WRITER *Out);

int VerbDevices(int Count, const char *const *Arguments, JSON_WRITER *Out);
int VerbDisable(int Count, const char *const *Arguments, JSON_WRITER *Out);
int VerbEnable(int Count, const char *const *Arguments, JSON_WRITER *Out);
int VerbRestart(int Count, const char *const *Arguments, JSON_WRITER *Out);
int VerbRemove(int Count, const char *const *Arguments, JSON_WRITER *Out);
int VerbEject(int Count, const char *const *Arguments, JSON_WRITER *Out);
int VerbRebalance(int Count, const char *const *Arguments, JSON_WRITER *Out);
int VerbUndock(int Count, const char *const *Arguments, JSON_WRITER *Out);
int VerbUpdate(int Count, const char *const *Arguments, JSON_WRITER *Out);
int VerbRescan(int Count, const char *const *Arguments, JSON_WRITER *Out);
int VerbExercise(int Count, const char *const *Arguments, JSON_WRITER *Out);
int VerbHold(int Count, const char *const *Arguments, JSON_WRITER *Out);
int VerbRelease(int Count, const char *const *Arguments, JSON_WRITER *Out);
int VerbIoctl(int Count, const char *const *Arguments, JSON_WRITER *Out);
int VerbAdd(int Count, const char *const *Arguments, JSON_WRITER *Out);
int VerbFilter(int Count, const char *const *Arguments, JSON_WRITER *Out);
int VerbIo(int Count, const char *const *Arguments, JSON_WRITER *Out);
int VerbKill(int Count, const char *const *Arguments, JSON_WRITER *Out);
int VerbSettings(int Count, const char *const *Arguments, JSON_WRITER *Out);
int VerbSleep(int Count, const char *const *Arguments, JSON_WRITER *Out);
int VerbStart(int Count, const char *const *Arguments, JSON_WRITER *Out);
int VerbWmi(int Count, const char *const *Arguments, JSON_WRITER *Out);
int VerbStop(int Count, const char *const *Arguments, JSON_WRITER *Out);

/* Write the error object and return the exit code. */
int VerbFail(JSON_WRITER *Out, int ExitCode, NTSTATUS Status, PCSTR Message);
int VerbUsage(JSON_WRITER *Out, PCSTR Usage);
int VerbVetoed(JSON_WRITER *Out, const PNP_VETO *Veto, PCSTR Action);
/* "STATUS_…", or NULL for a code that is not in the table. */
PCSTR VerbStatusName(NTSTATUS Status);
/* Hexadecimal digits to bytes; FALSE when their number is odd, one is none, or there are too many. */
BOOLEAN VerbParseHex(PCSTR Text, PUCHAR Bytes, ULONG Size, PULONG Length);
/* A number in decimal or 0x…; FALSE if the text is none. */
BOOLEAN VerbNumber(PCSTR Text, PULONG64 Number);

/* The device that an INSTANCE argument means: its PDO, referenced for the caller, and its instance path. */
typedef struct VERB_DEVICE {
    PDEVICE_OBJECT Pdo;
    WCHAR Instance[INSTANCE_LENGTH];
} VERB_DEVICE;
/*
 * Finds a device by instance path, or by service name when exactly one present device uses that service. Returns EXIT_DONE, or the exit code of
 * the error that it has written. The caller dereferences Device->Pdo.
 */
int VerbFindDevice(PCSTR Name, VERB_DEVICE *Device, JSON_WRITER *Out);
/*
 * Opens the device by its first enabled interface, as Win32 programs do. Returns EXIT_DONE or the exit code of the written error. The caller dereferences
 * *File; Handle may be NULL when none is needed.
 */
int VerbOpenDevice(const VERB_DEVICE *Device, PFILE_OBJECT *File, PHANDLE Handle, JSON_WRITER *Out);

#endif
