/* SPDX-License-Identifier: MIT */
/* The guest agent: QEMU's guest-agent protocol on COM2 (docs/guest-interface.md). */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H
#include "agent/json.h"
#include "kernel.h"

#define AGENT_MESSAGE_SIZE 16384 /* longest message either way, without command output */

/* PASSIVE_LEVEL, after IoInitSystem: starts the channel and the thread that answers. */
VOID AgentStart(VOID);
/* As AgentStart: runs the verbs of the boot option script= at their times (agent/script.c). */
VOID AgentStartScript(VOID);

/*
 * The channel (agent/channel.c). AgentReadLine blocks at PASSIVE_LEVEL until a line has come, copies it without its newline into Line
 * (terminated) and returns its length; a line that does not fit is dropped and comes back as length Size. A 0xFF byte, the
 * agent protocol's sentinel, discards what came before it on the line.
 */
NTSTATUS AgentOpenChannel(VOID);
SIZE_T AgentReadLine(PCHAR Line, SIZE_T Size);
VOID AgentWrite(const VOID *Bytes, SIZE_T Length);
/* Any IRQL: the UART again as AgentOpenChannel left it; for the way back from S3. */
VOID AgentResumeChannel(VOID);

/*
 * Processes of guest-exec (agent/exec.c), PASSIVE_LEVEL. AgentExec starts the command and gives its process id; AgentExecStatus writes the members of
 * guest-exec-status and forgets the process once it has ended. *Error is a static text when FALSE is returned.
 */
BOOLEAN AgentExec(const JSON_VALUE *Arguments, PULONG Pid, PCSTR *Error);
BOOLEAN AgentExecStatus(ULONG Pid, JSON_WRITER *Writer, PCSTR *Error);
/* Room that a reply needs for the output of a command. */
#define AGENT_OUTPUT_SIZE (128 * 1024)
#define AGENT_REPLY_SIZE  (AGENT_OUTPUT_SIZE / 3 * 4 + AGENT_MESSAGE_SIZE)

/* agent/base64.c (RFC 4648): writes Length bytes as base64 and a terminator; Text holds (Length + 2) / 3 * 4 + 1 characters. */
SIZE_T AgentBase64(const VOID *Bytes, SIZE_T Length, PCHAR Text);

#endif
