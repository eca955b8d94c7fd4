/* SPDX-License-Identifier: MIT */
/*
 * Seeded perturbation of the scheduler: with boot option seed=N (N > 0) preemption, the choice among threads of equal priority, the
 * round-robin order, and when interrupts and DPCs are served vary, reproducibly for the same seed under -icount. Without a seed nothing varies.
 */
#ifndef KE_PERTURB_H
#define KE_PERTURB_H
#include "ke/thread.h"

VOID KiInitializePerturbation(VOID);
/* Lock held. Should Ready, of equal priority, preempt Current at once? */
BOOLEAN KiPerturbPreempt(PKTHREAD Ready, PKTHREAD Current);
/* Lock held. Which entry of a nonempty ready queue runs next? */
PLIST_ENTRY KiPerturbSelect(PLIST_ENTRY Queue);
/* Lock held. Should a preempted thread go behind its equals? */
BOOLEAN KiPerturbRotate(VOID);
/* Any IRQL, before a service routine or a DPC routine is called: lets some time pass, at times, as if another processor's work came between. */
VOID KiPerturbDelay(VOID);
/* The seed, 0 if none. */
ULONG64 KiPerturbationSeed(VOID);
/* Any IRQL. A value in [0, Limit); 0 without a seed. */
ULONG KiPerturb(ULONG Limit);

#endif
