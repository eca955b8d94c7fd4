/* SPDX-License-Identifier: MIT */
/* A second process of this program, detached, that does something with a device after the command has ended. */
#ifndef BUDDYCTL_KEEPER_H
#define BUDDYCTL_KEEPER_H
#include "status.h"

#define KEEPER_LIMIT_MS 10000

/*
 * Starts `buddyctl Verb Instance`, prints what it answers until it closes its output (KeeperAnswer), and returns the exit code: its own if it ended with an
 * error, or that of the failure that was printed. An answer without an error leaves it running.
 */
int StartKeeper(const wchar_t *Verb, const wchar_t *Instance);

/* In the process that StartKeeper started: prints {"Key": process id} and closes the output, whereupon StartKeeper returns. */
void KeeperAnswer(const char *Key);

#endif
