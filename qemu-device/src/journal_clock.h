/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The times of the journal's records: QEMU's virtual clock, in nanoseconds.
 *
 * Events take it from QEMU. Asking QEMU costs more than a whole register access to most devices, so for accesses the time is
 * computed from the host processor's time stamp counter, from a point that is at most a millisecond old at which both were read. That is
 * done only while the virtual clock runs along with the host's (not with icount, not under qtest, not while the machine is stopped) and
 * the counter runs at a constant rate. Each new point says how far off the computed times had got; if that is ever more
 * than JOURNAL_CLOCK_BOUND, accesses ask QEMU too from then on.
 *
 * Times never go back, except where the virtual clock does (loadvm). Called with the big QEMU lock held.
 */
#ifndef BUDDY_JOURNAL_CLOCK_H
#define BUDDY_JOURNAL_CLOCK_H

#include "qemu/osdep.h"
#include "compat.h"
#if defined(__x86_64__)
#include <x86intrin.h>
#define journal_ticks() __rdtsc()
#else
#define journal_ticks() 0ull
#endif

#define JOURNAL_CLOCK_BOUND 1000 /* ns that a time may be off */

typedef struct JournalClock {
    uint64_t ticks; /* of the host's counter at the point of reference */
    uint64_t ns;    /* virtual time at that point */
    uint64_t scale; /* ns a tick, times 2^32; 0: not measured yet */
    uint64_t span;  /* ticks for which the point serves; 0: there is none */
    uint64_t last;  /* the time that was given last */
} JournalClock;

extern JournalClock journal_clock;

void journal_clock_start(void);
void journal_clock_stop(void);
/* The virtual time. */
uint64_t journal_clock_exact(void);
/* Look for a new point of reference. Returns the virtual time. */
uint64_t journal_clock_refer(void);
/* The largest error found so far, ns. */
uint64_t journal_clock_error(void);

/* The virtual time, to JOURNAL_CLOCK_BOUND. */
static inline uint64_t journal_clock_access(void)
{
    uint64_t ticks = journal_ticks() - journal_clock.ticks;

    /* The clock stands still as soon as the machine does not run, before anybody is told of it. */
    if (likely(ticks < journal_clock.span && runstate_is_running())) {
        uint64_t ns = journal_clock.ns + (ticks * journal_clock.scale >> 32);

        if (likely(ns > journal_clock.last)) {
            journal_clock.last = ns;
        }
        return journal_clock.last;
    }
    return journal_clock_refer();
}

#endif
