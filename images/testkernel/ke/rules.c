/* SPDX-License-Identifier: MIT */
/* The table of the verifier's rules, made from rules.txt by tools/rules.py. */
#include "ke/rules.h"

static const RULE KiRules[] = {
#define RULE(code, sub, page, words) {code, sub, "https://learn.microsoft.com/windows-hardware/drivers/" page, words},
#include "ruletable.h"
#undef RULE
};

const RULE *KiFindRule(ULONG Code, ULONG_PTR Parameter1)
{
    const RULE *any = NULL;
    for (ULONG i = 0; i < COUNT_OF(KiRules); i++) {
        if (KiRules[i].Code == Code && KiRules[i].SubCode == Parameter1) {
            return &KiRules[i];
        }
        if (KiRules[i].Code == Code && KiRules[i].SubCode == RULE_ANY) {
            any = &KiRules[i];
        }
    }
    return any;
}
