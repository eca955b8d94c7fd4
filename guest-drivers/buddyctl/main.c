/* SPDX-License-Identifier: MIT */
/*
 * buddyctl: what the orchestrator asks of Windows, and what a person at its command line may ask too. The verbs, their JSON and the exit codes are those of
 * docs/guest-interface.md; the test kernel's agent answers the same ones.
 */
#include "verbs.h"
#include "answer.h"
#include <stdio.h>

static const wchar_t usage[] =
    L"usage: buddyctl version | devices [--all|--brief] | "
    L"disable|enable|restart|remove|eject|rebalance INSTANCE | rescan | "
    L"exercise INSTANCE start [PATTERN]|stop|status | hold INSTANCE | release HANDLE | "
    L"ioctl INSTANCE CODE [HEX] | settings INSTANCE [NAME NUMBER] | start|stop SERVICE | update INF [force] | "
    L"filter INSTANCE [add|remove SERVICE] | io INSTANCE | kill PROCESS | add ROOT\\ID | undock | sleep";

static int VerbVersion(int Count, wchar_t **Arguments)
{
    JSON json;

    UNREFERENCED_PARAMETER(Count);
    UNREFERENCED_PARAMETER(Arguments);
    JsonInit(&json);
    JsonBeginObject(&json);
    JsonKey(&json, "version");
    JsonAscii(&json, "1.0");
    JsonKey(&json, "guest");
    JsonAscii(&json, "windows");
    JsonEndObject(&json);
    return AnswerDone(&json);
}

static const struct {
    const wchar_t *Name;
    VERB *Verb;
    int Least; /* number of arguments after the verb */
    int Most;
} verbs[] = {
    {L"version", VerbVersion, 0, 0},     {L"devices", VerbDevices, 0, 1}, {L"disable", VerbDisable, 1, 1},
    {L"enable", VerbEnable, 1, 1},       {L"restart", VerbRestart, 1, 1}, {L"remove", VerbRemove, 1, 1},
    {L"eject", VerbEject, 1, 1},         {L"rescan", VerbRescan, 0, 0},   {L"exercise", VerbExercise, 2, 3},
    {L"hold", VerbHold, 1, 1},           {L"keep", VerbKeep, 1, 1},       {L"release", VerbRelease, 1, 1},
    {L"ioctl", VerbIoctl, 2, 3},         {L"sleep", VerbSleep, 0, 0},     {L"settings", VerbSettings, 1, 3},
    {L"rebalance", VerbRebalance, 1, 1}, {L"update", VerbUpdate, 1, 2},   {L"undock", VerbUndock, 0, 0},
    {L"filter", VerbFilter, 1, 3},       {L"io", VerbIo, 1, 1},           {L"kill", VerbKill, 1, 1},
    {L"work", VerbWork, 1, 1},           {L"add", VerbAdd, 1, 1},         {L"start", VerbStart, 1, 1},
    {L"stop", VerbStop, 1, 1},
};

int wmain(int Count, wchar_t **Arguments)
{
    size_t index;

    for (index = 0; Count >= 2 && index < ARRAYSIZE(verbs); index++) {
        if (wcscmp(verbs[index].Name, Arguments[1]) == 0 && Count - 2 >= verbs[index].Least &&
            Count - 2 <= verbs[index].Most) {
            return verbs[index].Verb(Count - 2, Arguments + 2);
        }
    }
    return FailUsage(usage);
}
