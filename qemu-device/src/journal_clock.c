/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Times of the journal's records. See journal_clock.h. */
#include "qemu/osdep.h"
#include "journal_clock.h"
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#define REFER_NS   1000000             /* how long a point of reference serves */
#define FIRST_NS   500000              /* the shortest distance that gives a rate to begin with */
#define MEASURE_NS (16ull * 1000000)   /* the shortest that gives a better one */
#define FAR_NS     (4ull * 1000000000) /* times 2^32 there is no room for more */

JournalClock journal_clock;

static struct {
    bool usable;    /* the counter may be used */
    bool set_back;  /* the machine was stopped: the clock may have been set back */
    uint64_t quick; /* ticks that reading clock and counter takes when nothing comes in between */
    uint64_t ticks; /* an earlier point, from which the rate is measured; 0: none */
    uint64_t ns;
    uint64_t error;
    VMChangeStateEntry *state_entry;
} reference;

#if defined(__x86_64__)
/* The counter's rate changes neither with the processor's clock nor in its sleep: CPUID 80000007h, EDX bit 8. */
static bool counter_is_constant(void)
{
    unsigned eax, ebx, ecx, edx;

    return __get_cpuid(0x80000007, &eax, &ebx, &ecx, &edx) && (edx & (1u << 8));
}
#else
static bool counter_is_constant(void)
{
    return false;
}
#endif

/* The virtual time and the counter in the middle of reading it. Returns how many ticks that took. */
static uint64_t read_both(uint64_t *ticks, uint64_t *ns)
{
    uint64_t before = journal_ticks();
    uint64_t taken;

    *ns = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    taken = journal_ticks() - before;
    *ticks = before + taken / 2;
    return taken;
}

/* The clock may have stopped, or be set back (loadvm), whenever the machine stops: no point of reference outlives that. */
static void state_changed(void *opaque, bool running, RunState state)
{
    journal_clock.span = 0;
    reference.ticks = 0;
    reference.set_back |= !running;
}

void journal_clock_start(void)
{
    uint64_t ticks, ns;

    memset(&journal_clock, 0, sizeof(journal_clock));
    memset(&reference, 0, sizeof(reference));
    /* With icount and under qtest virtual time has nothing to do with the host's. */
    reference.usable = counter_is_constant() && !icount_enabled() && !qtest_enabled();
    reference.quick = UINT64_MAX;
    for (int i = 0; i < 16; i++) {
        reference.quick = MIN(reference.quick, read_both(&ticks, &ns));
    }
    reference.state_entry = qemu_add_vm_change_state_handler(state_changed, NULL);
}

void journal_clock_stop(void)
{
    qemu_del_vm_change_state_handler(reference.state_entry);
}

uint64_t journal_clock_error(void)
{
    return reference.error;
}

/* A time that QEMU gave, made to fit behind one that was computed and is a little ahead. */
static uint64_t give(uint64_t ns)
{
    if (!reference.set_back || ns + JOURNAL_CLOCK_BOUND >= journal_clock.last) {
        ns = MAX(ns, journal_clock.last);
    }
    if (runstate_is_running()) {
        reference.set_back = false;
    }
    journal_clock.last = ns;
    return ns;
}

uint64_t journal_clock_exact(void)
{
    return give(qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL));
}

/* How far off the times were that have just been computed. Too far: the counter is no good. */
static void check(uint64_t ticks, uint64_t ns)
{
    uint64_t passed = ticks - journal_clock.ticks;
    uint64_t computed = journal_clock.ns + (passed * journal_clock.scale >> 32);
    uint64_t error = computed > ns ? computed - ns : ns - computed;

    if (passed < 2 * journal_clock.span) {
        reference.error = MAX(reference.error, error);
        reference.usable = error <= JOURNAL_CLOCK_BOUND;
    }
}

/* The counter's rate since the earlier point, when that is far enough away. */
static void measure(uint64_t ticks, uint64_t ns)
{
    uint64_t passed = ns - reference.ns;

    if (reference.ticks) {
        if (passed < (journal_clock.scale ? MEASURE_NS : FIRST_NS)) {
            return;
        }
        if (passed < FAR_NS) {
            journal_clock.scale = (passed << 32) / (ticks - reference.ticks);
        }
    }
    reference.ticks = ticks;
    reference.ns = ns;
}

uint64_t journal_clock_refer(void)
{
    uint64_t ticks, ns;

    if (!reference.usable || !runstate_is_running()) {
        return journal_clock_exact();
    }
    if (read_both(&ticks, &ns) <= 4 * reference.quick) {
        check(ticks, ns);
        measure(ticks, ns);
        journal_clock.ticks = ticks;
        journal_clock.ns = ns;
        journal_clock.span =
            reference.usable && journal_clock.scale ? ((uint64_t)REFER_NS << 32) / journal_clock.scale : 0;
    } /* else something came in between; the next access tries again */
    return give(ns);
}
