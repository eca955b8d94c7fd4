/* SPDX-License-Identifier: MIT */
/*
 * Boot option script=MS:VERB[,ARGUMENT…][;MS:…]: buddyctl's verbs at set times (milliseconds since boot), one after the other in a thread
 * of its own. Commands that come through the agent come when the host sends them; these come at the same virtual time in every run, so
 * that with -icount a run repeats record by record.
 */
#include "agent/agent.h"
#include "boot/options.h"
#include "kd/log.h"
#include "ke/thread.h"
#include "subsystems.h"

#define TAG             'tgAB'
#define SCRIPT_LENGTH   1024
#define ARGUMENTS       16
#define SCRIPT_PRIORITY 9 /* as a verb that the agent runs */

/* Cuts Text at Separator; returns what is behind it, or NULL. */
static PCHAR Cut(PCHAR Text, CHAR Separator)
{
    for (; *Text != 0; Text++) {
        if (*Text == Separator) {
            *Text = 0;
            return Text + 1;
        }
    }
    return NULL;
}

static VOID WaitUntil(ULONG Milliseconds)
{
    LONGLONG left = (LONGLONG)Milliseconds * 10000 - (LONGLONG)KeQueryUnbiasedInterruptTime();
    LARGE_INTEGER due = {.QuadPart = -left};

    if (left > 0)
        KeDelayExecutionThread(KernelMode, FALSE, &due);
}

static VOID RunEntry(PCHAR Entry, JSON_WRITER *Out)
{
    PCHAR verb = Cut(Entry, ':'), next;
    const char *arguments[ARGUMENTS] = {"buddyctl"};
    ULONG milliseconds = 0;
    int count = 1, code;

    for (PCHAR digit = Entry; *digit >= '0' && *digit <= '9'; digit++)
        milliseconds = milliseconds * 10 + (ULONG)(*digit - '0');
    if (verb == NULL) {
        KdLog(LOG_ERROR, "script: %s is not MILLISECONDS:VERB", Entry);
        return;
    }
    for (PCHAR text = verb; text != NULL && count < ARGUMENTS; text = next) {
        next = Cut(text, ',');
        arguments[count++] = text;
    }
    WaitUntil(milliseconds);
    JsonReset(Out);
    code = BuddyctlRun(count, arguments, Out);
    Out->Buffer[min(Out->Length, AGENT_OUTPUT_SIZE - 1)] = 0;
    KdTrace("script verb=%s exit=%u", verb, (ULONG)code);
    KdLog(code == 0 ? LOG_INFO : LOG_WARNING, "script: %s: exit code %d, %s", verb, code, Out->Buffer);
}

static VOID NTAPI RunScript(PVOID Context)
{
    PCHAR text = ExAllocatePoolWithTag(NonPagedPool, SCRIPT_LENGTH, TAG);
    PCHAR output = ExAllocatePoolWithTag(NonPagedPool, AGENT_OUTPUT_SIZE, TAG);
    JSON_WRITER out;
    PCHAR next;

    if (text != NULL && output != NULL && KeBootOption("script", text, SCRIPT_LENGTH)) {
        JsonWriterInit(&out, output, AGENT_OUTPUT_SIZE);
        for (PCHAR entry = text; entry != NULL; entry = next) {
            next = Cut(entry, ';');
            RunEntry(entry, &out);
        }
        KdTrace("script-done");
        KdLog(LOG_INFO, "script: done");
    }
    if (text != NULL)
        ExFreePoolWithTag(text, TAG);
    if (output != NULL)
        ExFreePoolWithTag(output, TAG);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

/* PASSIVE_LEVEL, once the devices are started. Nothing happens without the option. */
VOID AgentStartScript(VOID)
{
    CHAR text[2];
    PKTHREAD thread;

    if (KeBootOption("script", text, sizeof(text)) &&
        NT_SUCCESS(KiCreateThread("script", SCRIPT_PRIORITY, RunScript, NULL, &thread)))
        KiDereferenceThread(thread);
}
