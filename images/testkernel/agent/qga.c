/* SPDX-License-Identifier: MIT */
/*
 * The commands of the QEMU guest-agent protocol (qemu.org, "QEMU Guest Agent Protocol Reference"): one JSON object a line, answered in order.
 * Only what docs/guest-interface.md promises; anything else is CommandNotFound, as in qemu-ga.
 */
#include "agent/agent.h"
#include "kd/log.h"
#include "ke/thread.h"
#include "rtl/format.h"
#include "subsystems.h"

#define AGENT_PRIORITY 12
#define ARENA_SIZE     (64 * 1024)

/* What a handler answers: it writes the value of "return", or sets Error. Silent: success has no answer (as for suspend and shutdown). */
typedef struct REPLY {
    JSON_WRITER *Writer;
    PCSTR Error;
    CHAR ErrorText[320];
    BOOLEAN Silent;
} REPLY;

typedef VOID (*HANDLER)(const JSON_VALUE *Arguments, REPLY *Reply);

static CHAR Line[AGENT_MESSAGE_SIZE];
static UCHAR Arena[ARENA_SIZE] __attribute__((aligned(8)));
static CHAR ReplyText[AGENT_REPLY_SIZE];

static VOID Empty(REPLY *Reply)
{
    JsonBeginObject(Reply->Writer);
    JsonEndObject(Reply->Writer);
}

static VOID Sync(const JSON_VALUE *Arguments, REPLY *Reply)
{
    const JSON_VALUE *id = JsonGet(Arguments, "id");
    if (!id || id->Type != JSON_INT) {
        Reply->Error = "Parameter 'id' is missing";
        return;
    }
    JsonInt(Reply->Writer, id->Int);
}

static VOID Ping(const JSON_VALUE *Arguments, REPLY *Reply)
{
    Empty(Reply);
}

static VOID Info(const JSON_VALUE *Arguments, REPLY *Reply);

static VOID OsInfo(const JSON_VALUE *Arguments, REPLY *Reply)
{
    JsonBeginObject(Reply->Writer);
    JsonPutString(Reply->Writer, "id", "testkernel");
    JsonPutString(Reply->Writer, "name", "Test kernel");
    JsonPutString(Reply->Writer, "pretty-name", "Test kernel for Windows drivers");
    JsonPutString(Reply->Writer, "version", "1.0");
    JsonPutString(Reply->Writer, "kernel-release", "10.0.19041");
    JsonPutString(Reply->Writer, "machine", "x86_64");
    JsonEndObject(Reply->Writer);
}

static VOID Exec(const JSON_VALUE *Arguments, REPLY *Reply)
{
    ULONG pid;
    if (AgentExec(Arguments, &pid, &Reply->Error)) {
        JsonBeginObject(Reply->Writer);
        JsonPutUnsigned(Reply->Writer, "pid", pid);
        JsonEndObject(Reply->Writer);
    }
}

static VOID ExecStatus(const JSON_VALUE *Arguments, REPLY *Reply)
{
    JsonBeginObject(Reply->Writer);
    AgentExecStatus((ULONG)JsonGetInt(Arguments, "pid", 0), Reply->Writer, &Reply->Error);
    JsonEndObject(Reply->Writer);
}

static VOID SuspendTo(SYSTEM_POWER_STATE State, REPLY *Reply)
{
    NTSTATUS status = PoSuspendSystem(State);
    if (NT_SUCCESS(status)) {
        Reply->Silent = TRUE;
        return;
    }
    RtlFormat(Reply->ErrorText, sizeof(Reply->ErrorText), "the system did not suspend: status 0x%08lX: %s",
              (ULONG)status, PoLastVeto());
    Reply->Error = Reply->ErrorText;
}

static VOID Suspend(const JSON_VALUE *Arguments, REPLY *Reply)
{
    SuspendTo(PowerSystemSleeping3, Reply);
}

static VOID SuspendToDisk(const JSON_VALUE *Arguments, REPLY *Reply)
{
    SuspendTo(PowerSystemHibernate, Reply);
}

static VOID Shutdown(const JSON_VALUE *Arguments, REPLY *Reply)
{
    PCSTR mode = JsonGetString(Arguments, "mode", "powerdown");
    POWER_ACTION action;

    if (strcmp(mode, "powerdown") == 0) {
        action = PowerActionShutdownOff;
    } else if (strcmp(mode, "reboot") == 0) {
        action = PowerActionShutdownReset;
    } else if (strcmp(mode, "halt") == 0) {
        action = PowerActionShutdown;
    } else {
        Reply->Error = "Invalid parameter 'mode': powerdown, halt or reboot";
        return;
    }
    NTSTATUS status = PoShutdownSystem(action);
    RtlFormat(Reply->ErrorText, sizeof(Reply->ErrorText), "the system did not shut down: status 0x%08lX",
              (ULONG)status);
    Reply->Error = Reply->ErrorText;
}

static const struct {
    PCSTR Name;
    HANDLER Handler;
    BOOLEAN Delimited; /* the answer starts with the 0xFF sentinel */
    BOOLEAN Responds;  /* on success */
} Commands[] = {
    {"guest-sync-delimited", Sync, TRUE, TRUE},
    {"guest-sync", Sync, FALSE, TRUE},
    {"guest-ping", Ping, FALSE, TRUE},
    {"guest-info", Info, FALSE, TRUE},
    {"guest-get-osinfo", OsInfo, FALSE, TRUE},
    {"guest-exec", Exec, FALSE, TRUE},
    {"guest-exec-status", ExecStatus, FALSE, TRUE},
    {"guest-suspend-ram", Suspend, FALSE, FALSE},
    {"guest-suspend-disk", SuspendToDisk, FALSE, FALSE},
    {"guest-shutdown", Shutdown, FALSE, FALSE},
};

static VOID Info(const JSON_VALUE *Arguments, REPLY *Reply)
{
    JsonBeginObject(Reply->Writer);
    JsonPutString(Reply->Writer, "version", "1.0");
    JsonKey(Reply->Writer, "supported_commands");
    JsonBeginArray(Reply->Writer);
    for (ULONG i = 0; i < COUNT_OF(Commands); i++) {
        JsonBeginObject(Reply->Writer);
        JsonPutString(Reply->Writer, "name", Commands[i].Name);
        JsonPutBool(Reply->Writer, "enabled", true);
        JsonPutBool(Reply->Writer, "success-response", Commands[i].Responds);
        JsonEndObject(Reply->Writer);
    }
    JsonEndArray(Reply->Writer);
    JsonEndObject(Reply->Writer);
}

static VOID WriteError(JSON_WRITER *Writer, PCSTR Class, PCSTR Description)
{
    JsonReset(Writer);
    JsonBeginObject(Writer);
    JsonKey(Writer, "error");
    JsonBeginObject(Writer);
    JsonPutString(Writer, "class", Class);
    JsonPutString(Writer, "desc", Description);
    JsonEndObject(Writer);
    JsonEndObject(Writer);
}

/* One request line to one reply in Writer; FALSE when there is nothing to answer. */
static BOOLEAN Execute(PCSTR Text, SIZE_T Length, JSON_WRITER *Writer, BOOLEAN *Delimited)
{
    PCSTR wrong = NULL;
    const JSON_VALUE *request = JsonParse(Text, Length, Arena, sizeof(Arena), &wrong);
    PCSTR name = JsonGetString(request, "execute", NULL);

    *Delimited = FALSE;
    if (!name) {
        WriteError(Writer, "GenericError", request ? "QMP input must have the member 'execute'" : wrong);
        return TRUE;
    }
    for (ULONG i = 0; i < COUNT_OF(Commands); i++) {
        if (strcmp(Commands[i].Name, name) != 0) {
            continue;
        }
        REPLY reply = {.Writer = Writer};
        JsonBeginObject(Writer);
        JsonKey(Writer, "return");
        Commands[i].Handler(JsonGet(request, "arguments"), &reply);
        JsonEndObject(Writer);
        if (reply.Error) {
            WriteError(Writer, "GenericError", reply.Error);
        }
        *Delimited = Commands[i].Delimited;
        return !reply.Silent;
    }
    WriteError(Writer, "CommandNotFound", "The command is not one of those that guest-info lists");
    return TRUE;
}

static VOID NTAPI AgentThread(PVOID Context)
{
    JSON_WRITER writer;

    JsonWriterInit(&writer, ReplyText, sizeof(ReplyText) - 1); /* one byte for the newline */
    for (;;) {
        BOOLEAN delimited = FALSE;
        BOOLEAN answer = TRUE;
        SIZE_T length = AgentReadLine(Line, sizeof(Line));
        if (!length) {
            continue;
        }
        JsonReset(&writer);
        if (length == sizeof(Line)) {
            WriteError(&writer, "GenericError", "the message is longer than the agent can take");
        } else {
            answer = Execute(Line, length, &writer, &delimited);
        }
        if (writer.Overflow) {
            WriteError(&writer, "GenericError", "the reply is longer than the agent can send");
        }
        if (answer) {
            if (delimited) {
                AgentWrite("\xFF", 1);
            }
            writer.Buffer[writer.Length] = '\n';
            AgentWrite(writer.Buffer, writer.Length + 1);
        }
    }
}

VOID AgentStart(VOID)
{
    PKTHREAD thread;
    NTSTATUS status = AgentOpenChannel();

    if (NT_SUCCESS(status)) {
        status = KiCreateThread("agent", AGENT_PRIORITY, AgentThread, NULL, &thread);
    }
    if (!NT_SUCCESS(status)) {
        KdLog(LOG_ERROR, "agent: not started, status 0x%08lX; the orchestrator will not see this guest", (ULONG)status);
        return;
    }
    KiDereferenceThread(thread);
}
