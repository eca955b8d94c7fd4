/* SPDX-License-Identifier: MIT */
/*
 * The kernel's INF parser as a program for test_pnp_inf_native.py:
 *   inf_tool match FILE HARDWARE_IDS COMPATIBLE_IDS   (IDs separated by '|')  ->  rank, install section, description, ID, service, its section
 *   inf_tool lines FILE SECTION                       ->  one line each: key, then fields, separated by tabs
 */
#include "pnp/inf.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void SplitIds(const char *Text, char *List, size_t Size)
{
    size_t at = 0;
    for (; *Text && at + 2 < Size; Text++)
        List[at++] = *Text == '|' ? 0 : *Text;
    List[at] = List[at + 1] = 0;
}

int main(int argc, char **argv)
{
    static char hardware[2048], compatible[2048];
    INF_FILE file;
    FILE *input = argc >= 4 ? fopen(argv[2], "rb") : NULL;
    if (!input)
        return 2;
    fseek(input, 0, SEEK_END);
    size_t length = (size_t)ftell(input);
    rewind(input);
    /* Exactly as long as the file, so that the sanitizer sees any read behind it. */
    char *bytes = malloc(length ? length : 1), *narrow = malloc(length + 1);
    if (fread(bytes, 1, length, input) != length || !InfOpen(&file, argv[2], bytes, length, narrow, length + 1))
        return 2;
    fclose(input);
    if (!strcmp(argv[1], "lines")) {
        INF_CURSOR cursor;
        INF_LINE line;
        InfSeek(&cursor, &file, argv[3]);
        while (InfNext(&cursor, &line)) {
            printf("%s", line.Key);
            for (int i = 0; i < line.Count; i++)
                printf("\t%s", line.Fields[i]);
            printf("\n");
        }
    } else {
        INF_MATCH best = {.Rank = INF_NO_MATCH};
        char service[64] = "", section[80] = "";
        SplitIds(argv[3], hardware, sizeof(hardware));
        SplitIds(argc > 4 ? argv[4] : "", compatible, sizeof(compatible));
        InfMatchDevice(&file, hardware, compatible, &best);
        if (best.Rank != INF_NO_MATCH) {
            InfAssociatedService(&best, service, sizeof(service), section, sizeof(section));
            printf("%x\t%s\t%s\t%s\t%s\t%s\n", best.Rank, best.Install, best.Description, best.DeviceId, service,
                   section);
        }
    }
    free(bytes);
    free(narrow);
    return 0;
}
