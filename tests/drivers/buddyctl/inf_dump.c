/* SPDX-License-Identifier: MIT */
/*
 * Prints an INF file as SetupAPI reads it, tokens replaced: a line `[section]` for each section, then a line for each of its lines: the key and the values, each
 * followed by a tab. Exit code 1: SetupAPI does not take the file; its line is printed.
 */
#include <windows.h>
#include <setupapi.h>
#include <stdio.h>
#include <stdlib.h>

static void PutField(PINFCONTEXT Line, DWORD Index)
{
    wchar_t text[1024] = L"";
    char utf8[4096];

    SetupGetStringFieldW(Line, Index, text, ARRAYSIZE(text), NULL);
    WideCharToMultiByte(CP_UTF8, 0, text, -1, utf8, sizeof(utf8), NULL, NULL);
    printf("%s\t", utf8);
}

static void PutSection(HINF Inf, const wchar_t *Section)
{
    INFCONTEXT line;
    BOOL found = SetupFindFirstLineW(Inf, Section, NULL, &line);

    printf("[%ls]\n", Section);
    for (; found; found = SetupFindNextLine(&line, &line)) {
        DWORD count = SetupGetFieldCount(&line);
        DWORD index;

        for (index = 0; index <= count; index++) {
            PutField(&line, index);
        }
        printf("\n");
    }
}

int wmain(int Count, wchar_t **Arguments)
{
    UINT errorLine = 0;
    HINF inf = Count == 2 ? SetupOpenInfFileW(Arguments[1], NULL, INF_STYLE_WIN4, &errorLine) : INVALID_HANDLE_VALUE;
    wchar_t section[256];
    UINT index;

    if (inf == INVALID_HANDLE_VALUE) {
        printf("line %u: error 0x%lx\n", errorLine, GetLastError());
        return 1;
    }
    for (index = 0; SetupEnumInfSectionsW(inf, index, section, ARRAYSIZE(section), NULL); index++) {
        PutSection(inf, section);
    }
    return 0;
}
