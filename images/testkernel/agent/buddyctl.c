/* SPDX-License-Identifier: MIT */
/* buddyctl's verbs: which there are, how many arguments they take, and how errors look. */
#include "agent/verb.h"
#include "rtl/format.h"
#include "subsystems.h"

#define USAGE                                                                                                          \
    "usage: buddyctl version | devices [--all|--brief] | disable|enable|restart|remove|eject|rebalance INSTANCE | "    \
    "rescan | "                                                                                                        \
    "exercise INSTANCE start [PATTERN]|stop|status | hold INSTANCE | release HANDLE | ioctl INSTANCE CODE [HEX] | "    \
    "settings INSTANCE [NAME NUMBER] | start|stop SERVICE | filter INSTANCE [add|remove SERVICE] | io INSTANCE | "     \
    "kill PROCESS | add ROOT\\ID | update "                                                                            \
    "INF [force] | undock | wmi [query|set|call|enable|disable|events …] | sleep"

static int VerbVersion(int Count, const char *const *Arguments, JSON_WRITER *Out)
{
    JsonBeginObject(Out);
    JsonPutString(Out, "version", "1.0");
    JsonPutString(Out, "guest", "testkernel");
    JsonEndObject(Out);
    return EXIT_DONE;
}

static const struct {
    PCSTR Name;
    VERB Verb;
    int Least;
    int Most;
} Verbs[] = {
    {"version", VerbVersion, 0, 0},
    {"devices", VerbDevices, 0, 1},
    {"disable", VerbDisable, 1, 1},
    {"enable", VerbEnable, 1, 1},
    {"restart", VerbRestart, 1, 1},
    {"remove", VerbRemove, 1, 1},
    {"eject", VerbEject, 1, 1},
    {"rebalance", VerbRebalance, 1, 1},
    {"rescan", VerbRescan, 0, 0},
    {"hold", VerbHold, 1, 1},
    {"exercise", VerbExercise, 2, 3},
    {"release", VerbRelease, 1, 1},
    {"ioctl", VerbIoctl, 2, 3},
    {"settings", VerbSettings, 1, 3},
    {"sleep", VerbSleep, 0, 1},
    {"start", VerbStart, 1, 1},
    {"stop", VerbStop, 1, 1},
    {"update", VerbUpdate, 1, 2},
    {"undock", VerbUndock, 0, 0},
    {"filter", VerbFilter, 1, 3},
    {"io", VerbIo, 1, 1},
    {"kill", VerbKill, 1, 1},
    {"add", VerbAdd, 1, 1},
    {"wmi", VerbWmi, 0, 6},
};

int BuddyctlRun(int argc, const char *const *argv, JSON_WRITER *out)
{
    for (ULONG i = 0; argc > 1 && i < COUNT_OF(Verbs); i++) {
        if (strcmp(Verbs[i].Name, argv[1]) == 0) {
            int count = argc - 2;
            return count < Verbs[i].Least || count > Verbs[i].Most ? VerbUsage(out, USAGE)
                                                                   : Verbs[i].Verb(count, argv + 2, out);
        }
    }
    return VerbUsage(out, USAGE);
}

int VerbSleep(int Count, const char *const *Arguments, JSON_WRITER *Out)
{
    ULONG64 state = 3;
    if (Count != 0 && (!VerbNumber(Arguments[0], &state) || state < 1 || state > 4)) {
        return VerbUsage(Out, "usage: buddyctl sleep [1|2|3|4]: S3 unless another is named (test kernel only)");
    }
    NTSTATUS status = PoSuspendSystem((SYSTEM_POWER_STATE)(PowerSystemWorking + state));
    if (!NT_SUCCESS(status)) {
        return VerbFail(Out, EXIT_FAILED, status, PoLastVeto());
    }
    JsonBeginObject(Out);
    JsonEndObject(Out);
    return EXIT_DONE;
}

static VOID PutError(JSON_WRITER *Out, NTSTATUS Status, PCSTR Message)
{
    CHAR number[24];
    PCSTR name = VerbStatusName(Status);

    if (!name) {
        RtlFormat(number, sizeof(number), "STATUS_0x%08lX", (ULONG)Status);
        name = number;
    }
    JsonReset(Out);
    JsonBeginObject(Out);
    JsonKey(Out, "error");
    JsonBeginObject(Out);
    JsonPutString(Out, "name", name);
    JsonPutUnsigned(Out, "code", (ULONG)Status);
    JsonPutString(Out, "message", Message);
    JsonEndObject(Out);
}

int VerbFail(JSON_WRITER *Out, int ExitCode, NTSTATUS Status, PCSTR Message)
{
    PutError(Out, Status, Message);
    JsonEndObject(Out);
    return ExitCode;
}

int VerbUsage(JSON_WRITER *Out, PCSTR Usage)
{
    return VerbFail(Out, EXIT_USAGE, STATUS_INVALID_PARAMETER, Usage);
}

/* cfg.h's PNP_VETO_TYPE in words. */
static PCSTR VetoReason(PNP_VETO_TYPE Type)
{
    static const PCSTR reasons[] = {
        "unknown",
        "legacy-device",
        "pending-close",
        "windows-application",
        "windows-service",
        "outstanding-open",
        "device",
        "driver",
        "illegal-device-request",
        "insufficient-power",
        "non-disableable",
        "legacy-driver",
        "insufficient-rights",
    };
    return (ULONG)Type < COUNT_OF(reasons) ? reasons[Type] : reasons[0];
}

int VerbVetoed(JSON_WRITER *Out, const PNP_VETO *Veto, PCSTR Action)
{
    CHAR message[INSTANCE_LENGTH + 100];

    RtlFormat(message, sizeof(message), "%s was refused by %ws (%s)", Action, Veto->Name, VetoReason(Veto->Type));
    PutError(Out, STATUS_PLUGPLAY_QUERY_VETOED, message);
    JsonKey(Out, "veto");
    JsonBeginObject(Out);
    JsonPutWide(Out, "by", (const uint16_t *)Veto->Name, wcslen(Veto->Name));
    JsonPutString(Out, "reason", VetoReason(Veto->Type));
    JsonEndObject(Out);
    JsonEndObject(Out);
    return EXIT_VETOED;
}

BOOLEAN VerbNumber(PCSTR Text, PULONG64 Number)
{
    ULONG base = Text[0] == '0' && (Text[1] == 'x' || Text[1] == 'X') ? 16 : 10;
    ULONG64 number = 0;

    Text += base == 16 ? 2 : 0;
    if (!*Text) {
        return FALSE;
    }
    for (; *Text; Text++) {
        CHAR digit = *Text;
        ULONG value = digit >= '0' && digit <= '9'   ? (ULONG)(digit - '0')
                      : digit >= 'a' && digit <= 'f' ? (ULONG)(digit - 'a' + 10)
                      : digit >= 'A' && digit <= 'F' ? (ULONG)(digit - 'A' + 10)
                                                     : 16;
        if (value >= base || number > (~0ULL - value) / base) {
            return FALSE;
        }
        number = number * base + value;
    }
    *Number = number;
    return TRUE;
}
