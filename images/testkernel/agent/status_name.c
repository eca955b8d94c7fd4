/* SPDX-License-Identifier: MIT */
/* Names of the NTSTATUS codes that drivers and the kernel answer. */
#include "agent/verb.h"
#include "status_names.h"

static const struct {
    NTSTATUS Status;
    PCSTR Name;
} Names[] = {STATUS_NAMES};

PCSTR VerbStatusName(NTSTATUS Status)
{
    for (ULONG i = 0; i < COUNT_OF(Names); i++) {
        if (Names[i].Status == Status) {
            return Names[i].Name;
        }
    }
    return NULL;
}
