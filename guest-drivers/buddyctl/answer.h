/* SPDX-License-Identifier: MIT */
/* The end of every verb: one JSON object on standard output, and the exit code that docs/guest-interface.md gives it. */
#ifndef BUDDYCTL_ANSWER_H
#define BUDDYCTL_ANSWER_H
#include "status.h"
#include "json.h"

enum {
    ExitDone = 0,
    ExitRefused = 1,
    ExitUsage = 2,
    ExitAbsent = 3,
    ExitVetoed = 4,
};

/* Prints Json and returns ExitDone. */
int AnswerDone(JSON *Json);
/* Prints {} and returns ExitDone. */
int AnswerEmpty(void);

/* Each prints {"error": …} and returns its exit code. Doing names what was attempted: "opening the device". */
int FailUsage(const wchar_t *Usage);
/* No device or handle of that name. Message says what was looked for. */
int FailAbsent(const wchar_t *Message);
int FailStatus(NTSTATUS Status, const wchar_t *Message);
/* A Win32 function failed with Error = GetLastError(), which must still be the thread's last error. */
int FailWin32(DWORD Error, const wchar_t *Doing);
/* A CfgMgr32 function failed. CR_NO_SUCH_DEVNODE and its like give ExitAbsent. */
int FailConfig(CONFIGRET Result, const wchar_t *Doing);
/* A removal was refused: Name is what CfgMgr32 said with Type (an instance path or the name of a driver, application or service). */
int FailVeto(PNP_VETO_TYPE Type, const wchar_t *Name, const wchar_t *Instance);

#endif
