/* SPDX-License-Identifier: MIT */
/*
 * Processes of guest-exec. There is no user mode: the only program is buddyctl, whose verbs run in a system thread each, so a verb that
 * waits (an eject, a hold) keeps nobody else from being answered.
 */
#include "agent/agent.h"
#include "ke/thread.h"
#include "subsystems.h"

#define TAG               'tgAB'
#define PROCESSES         32
#define ARGUMENTS         16
#define ARGUMENT_BYTES    1024
#define BUDDYCTL_PRIORITY 9

/* Who asks for the status of a command that ends within this time need not ask again: 100 ns units, from now. */
#define STATUS_WAIT (-2 * 10000)

typedef struct PROCESS {
    ULONG Pid; /* 0: free */
    PKTHREAD Thread;
    volatile BOOLEAN Exited;
    int ExitCode;
    int ArgumentCount;
    PCSTR Arguments[ARGUMENTS];
    CHAR Text[ARGUMENT_BYTES];
    JSON_WRITER Output;
    CHAR OutputText[AGENT_OUTPUT_SIZE];
} PROCESS;

/* Only the agent thread touches the table; a process' own thread touches only its PROCESS, and last of all sets Exited. */
static PROCESS *Processes[PROCESSES];
static ULONG LastPid;

static VOID NTAPI RunProcess(PVOID Context)
{
    PROCESS *process = Context;
    int exitCode = BuddyctlRun(process->ArgumentCount, process->Arguments, &process->Output);

    if (process->Output.Overflow) {
        JsonReset(&process->Output);
        JsonBeginObject(&process->Output);
        JsonKey(&process->Output, "error");
        JsonBeginObject(&process->Output);
        JsonPutString(&process->Output, "name", "STATUS_BUFFER_OVERFLOW");
        JsonPutUnsigned(&process->Output, "code", 0x80000005);
        JsonPutString(&process->Output, "message", "the output is longer than the agent can hold; ask for less");
        JsonEndObject(&process->Output);
        JsonEndObject(&process->Output);
        exitCode = 1;
    }
    process->ExitCode = exitCode;
    __sync_synchronize();
    process->Exited = TRUE;
    PsTerminateSystemThread(STATUS_SUCCESS);
}

/* "buddyctl" or "buddyctl.exe", in any folder. */
static BOOLEAN IsBuddyctl(PCSTR Path)
{
    PCSTR name = Path;
    for (PCSTR next = Path; *next; next++) {
        if (*next == '\\' || *next == '/') {
            name = next + 1;
        }
    }
    return _stricmp(name, "buddyctl") == 0 || _stricmp(name, "buddyctl.exe") == 0;
}

/* Copies the arguments out of the message, which is overwritten by the next one. */
static BOOLEAN CopyArguments(PROCESS *Process, PCSTR Path, const JSON_VALUE *List)
{
    PCHAR next = Process->Text;
    PCHAR end = Process->Text + sizeof(Process->Text);
    PCSTR text = Path;
    const JSON_VALUE *element = List ? List->First : NULL;

    for (;;) {
        SIZE_T size = strlen(text) + 1;
        if (Process->ArgumentCount == ARGUMENTS || size > (SIZE_T)(end - next)) {
            return FALSE;
        }
        RtlCopyMemory(next, text, size);
        Process->Arguments[Process->ArgumentCount++] = next;
        next += size;
        if (!element) {
            return TRUE;
        }
        if (element->Type != JSON_STRING) {
            return FALSE;
        }
        text = element->String;
        element = element->Next;
    }
}

BOOLEAN AgentExec(const JSON_VALUE *Arguments, PULONG Pid, PCSTR *Error)
{
    PCSTR path = JsonGetString(Arguments, "path", NULL);
    const JSON_VALUE *list = JsonGet(Arguments, "arg");
    ULONG slot = 0;

    if (!path) {
        *Error = "guest-exec needs 'path'";
        return FALSE;
    }
    if (!IsBuddyctl(path)) {
        *Error = "the test kernel has no user mode: buddyctl.exe is the only program";
        return FALSE;
    }
    while (slot < PROCESSES && Processes[slot]) {
        slot++;
    }
    if (slot == PROCESSES) {
        *Error = "too many commands whose status nobody asked for; call guest-exec-status for each";
        return FALSE;
    }
    PROCESS *process = ExAllocatePoolWithTag(NonPagedPool, sizeof(*process), TAG);
    if (!process) {
        *Error = "out of memory";
        return FALSE;
    }
    RtlZeroMemory(process, FIELD_OFFSET(PROCESS, Output));
    JsonWriterInit(&process->Output, process->OutputText, sizeof(process->OutputText));
    if (!CopyArguments(process, path, list && list->Type == JSON_ARRAY ? list : NULL)) {
        ExFreePoolWithTag(process, TAG);
        *Error = "the arguments are too many, too long, or not strings";
        return FALSE;
    }
    process->Pid = ++LastPid;

    NTSTATUS status = KiCreateThread("buddyctl", BUDDYCTL_PRIORITY, RunProcess, process, &process->Thread);
    if (!NT_SUCCESS(status)) {
        ExFreePoolWithTag(process, TAG);
        *Error = "no thread could be made for the command";
        return FALSE;
    }
    Processes[slot] = process;
    *Pid = process->Pid;
    return TRUE;
}

static VOID WriteOutput(const PROCESS *Process, JSON_WRITER *Writer)
{
    SIZE_T length = Process->Output.Length;
    PCHAR text = ExAllocatePoolWithTag(NonPagedPool, length + 1, TAG);
    PCHAR encoded = ExAllocatePoolWithTag(NonPagedPool, (length + 1) / 3 * 4 + 8, TAG);

    if (text && encoded) {
        RtlCopyMemory(text, Process->Output.Buffer, length);
        text[length] = '\n';
        AgentBase64(text, length + 1, encoded);
        JsonPutString(Writer, "out-data", encoded);
    }
    if (text) {
        ExFreePoolWithTag(text, TAG);
    }
    if (encoded) {
        ExFreePoolWithTag(encoded, TAG);
    }
}

BOOLEAN AgentExecStatus(ULONG Pid, JSON_WRITER *Writer, PCSTR *Error)
{
    for (ULONG slot = 0; slot < PROCESSES; slot++) {
        PROCESS *process = Processes[slot];
        if (!process || process->Pid != Pid) {
            continue;
        }
        if (!process->Exited) {
            LARGE_INTEGER most = {.QuadPart = STATUS_WAIT};
            KeWaitForSingleObject(process->Thread, Executive, KernelMode, FALSE, &most);
        }
        JsonPutBool(Writer, "exited", process->Exited);
        if (process->Exited) {
            JsonPutInt(Writer, "exitcode", process->ExitCode);
            WriteOutput(process, Writer);
            Processes[slot] = NULL;
            KiDereferenceThread(process->Thread);
            ExFreePoolWithTag(process, TAG);
        }
        return TRUE;
    }
    *Error = "no command has this pid, or its status was already collected";
    return FALSE;
}
