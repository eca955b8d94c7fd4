/* SPDX-License-Identifier: MIT */
/* A xorshift generator decides; see perturb.h. */
#include "ke/perturb.h"
#include "boot/options.h"

static ULONG64 KiSeed, KiRandomState;

VOID KiInitializePerturbation(VOID)
{
    KiSeed = KeBootOptionNumber("seed", 0);
    KiRandomState = KiSeed * 0x9E3779B97F4A7C15ULL;
}

ULONG64 KiPerturbationSeed(VOID)
{
    return KiSeed;
}

ULONG KiPerturb(ULONG Limit)
{
    if (!KiSeed || !Limit) {
        return 0;
    }
    KiRandomState ^= KiRandomState << 13;
    KiRandomState ^= KiRandomState >> 7;
    KiRandomState ^= KiRandomState << 17;
    return (ULONG)((KiRandomState >> 32) % Limit);
}

BOOLEAN KiPerturbPreempt(PKTHREAD Ready, PKTHREAD Current)
{
    return KiSeed && Ready->Priority == Current->Priority && KiPerturb(4) == 0;
}

PLIST_ENTRY KiPerturbSelect(PLIST_ENTRY Queue)
{
    PLIST_ENTRY entry = Queue->Flink;
    for (ULONG skip = KiPerturb(3); skip && entry->Flink != Queue; skip--) {
        entry = entry->Flink;
    }
    return entry;
}

BOOLEAN KiPerturbRotate(VOID)
{
    return KiSeed && KiPerturb(2);
}

#define DELAY_ONE_IN  4
#define DELAY_MOST_US 25 /* Microsoft's limit for a service routine */

VOID KiPerturbDelay(VOID)
{
    if (KiSeed && KiPerturb(DELAY_ONE_IN) == 0) {
        KeStallExecutionProcessor(KiPerturb(DELAY_MOST_US));
    }
}
