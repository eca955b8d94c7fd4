/* SPDX-License-Identifier: MIT */
/*
 * Using the hardware flat out. Every function runs inside the gate at PASSIVE_LEVEL, is short, and leaves the page in order: semaphore released, no job
 * running. All ones in an answer mean that the device is gone; that counts as an error, and the device is left alone for the rest of the step.
 *
 * What takes more than one access must not be mixed with another client's: a job, a transaction, an index and its data. The owner says how that is
 * coordinated (BUDDY_SERVICES): by the hardware semaphore, or by its software lock. Jobs and transactions need the hardware semaphore in any case;
 * under the software lock it is free, and not to get it at once is an error.
 */
#include "page_user.h"

#define REGISTER_ROUNDS    16
#define TRANSACTION_WORDS  4
#define SEMAPHORE_ATTEMPTS 64
#define JOB_MICROSECONDS   20
#define JOB_LONG           1000000 /* us: the power goes while it runs, on a loaded host too */
/* A job that has not ended after this time has lost its interrupt. */
#define JOB_TIME_LIMIT                                                                                                 \
    (-2000 * 10000LL) /* 2 s, in units of 100 ns, relative: a loaded host may stop the whole machine for a while */

/* Scratch write and read back. */
static VOID ExerciseRegisters(PEXERCISER Exerciser, PPAGE_USER User)
{
    ULONG round;

    for (round = 0; round < REGISTER_ROUNDS; round++) {
        ULONG pattern = Exerciser->Round * 0x9E3779B9u ^ round; /* spreads over all bits */

        PageWrite(User, SCRATCH, pattern);
        ExerciserCount(Exerciser, PageRead(User, SCRATCH) == pattern);
        if (MUTANT(BORROWER_READS_BYTES)) {
            ExerciserCount(Exerciser, READ_REGISTER_UCHAR(User->Page) != 0);
        }
        if (MUTANT(BORROWER_READS_BEYOND)) {
            ExerciserCount(Exerciser, RegisterRead(User->Page + sizeof(buddy_client_t), buddy_client_t, ID) != 1);
        }
        if (MUTANT(BORROWER_TRUSTS_HARDWARE)) {
            static volatile ULONG histogram[16]; /* one a client: but all ones is no client number */

            histogram[PageRead(User, CLIENT)]++;
        }
    }
}

/*
 * Comes back a moment later with a higher priority. A client that is always ready gives the processor up only while it waits for its job, and then it has the
 * semaphore: whoever merely tried again would never find it free.
 */
static VOID WaitForTurn(PEXERCISER Exerciser)
{
    LARGE_INTEGER moment = {.QuadPart = -10000}; /* 1 ms */

    ExerciserSetUrgent(Exerciser, TRUE);
    KeDelayExecutionThread(KernelMode, FALSE, &moment);
}

/* Takes the hardware semaphore. FALSE: another client has it, or the device is gone (an error). */
static BOOLEAN TakeSemaphore(PEXERCISER Exerciser, PPAGE_USER User)
{
    ULONG attempt;

    if (MUTANT(BORROWER_NEEDS_NO_SEMAPHORE)) {
        return TRUE;
    }
    for (attempt = 0; attempt < SEMAPHORE_ATTEMPTS; attempt++) {
        ULONG tag;

        PageWrite(User, SEM, 1);
        tag = PageRead(User, SEM);
        if (tag == User->Client + 1) {
            ExerciserCount(Exerciser, TRUE);
            ExerciserSetUrgent(Exerciser, FALSE);
            return TRUE;
        }
        if (tag == ALL_ONES || User->Services.Acquire != NULL) {
            ExerciserCount(Exerciser, FALSE);
            return FALSE;
        }
        YieldProcessor();
    }
    WaitForTurn(Exerciser);
    return FALSE;
}

static VOID ReleaseSemaphore(PPAGE_USER User)
{
    if (!User->Gone) {
        PageWrite(User, SEM, 0);
    }
}

/* begin, data words, commit: the device adds the words up. Semaphore held. */
static VOID RunTransaction(PEXERCISER Exerciser, PPAGE_USER User)
{
    ULONG sum = 0;
    ULONG word;

    PageWrite(User, TXN_BEGIN, Exerciser->Round);
    for (word = 0; word < TRANSACTION_WORDS; word++) {
        ULONG value = Exerciser->Round + word;

        PageWrite(User, TXN_DATA, value);
        sum += value;
    }
    PageWrite(User, TXN_COMMIT, MUTANT(BORROWER_MISCOUNTS) ? TRANSACTION_WORDS + 1 : TRANSACTION_WORDS);
    ExerciserCount(Exerciser, PageRead(User, TXN_RESULT) == sum);
}

/* A timed job that ends by interrupt, or by abort when power is about to go. Semaphore held. */
static VOID RunJob(PEXERCISER Exerciser, PPAGE_USER User)
{
    PVOID events[] = {&User->JobDone, &User->Gate.Closing};
    LARGE_INTEGER limit = {.QuadPart = MUTANT(BORROWER_IGNORES_POWER_DOWN) ? -1000 : JOB_TIME_LIMIT};
    ULONG argument = Exerciser->Round;
    NTSTATUS status;

    KeClearEvent(&User->JobDone);
    PageWrite(User, JOB_DURATION,
              MUTANT(BORROWER_LEAVES_JOB_RUNNING) || MUTANT(BORROWER_DOES_NOT_WAIT) ? JOB_LONG : JOB_MICROSECONDS);
    PageWrite(User, JOB_ARG, argument);
    PageWrite(User, JOB_CTRL, BUDDY_CLIENT__JOB_CTRL__START_bm);
    if (MUTANT(BORROWER_WAITS_WITH_SPIN_LOCK)) {
        KSPIN_LOCK lock = 0;
        KIRQL irql;

        KeAcquireSpinLock(&lock, &irql);
        KeWaitForSingleObject(&User->JobDone, Executive, KernelMode, FALSE, &limit);
        KeReleaseSpinLock(&lock, irql);
    }
    status = KeWaitForMultipleObjects(2, events, WaitAny, Executive, KernelMode, FALSE, &limit, NULL);
    if (status == STATUS_WAIT_0) {
        ExerciserCount(Exerciser, PageRead(User, JOB_RESULT) == ~argument);
        return;
    }
    if (!User->Gone && !MUTANT(BORROWER_LEAVES_JOB_RUNNING)) {
        PageWrite(User, JOB_CTRL, BUDDY_CLIENT__JOB_CTRL__ABORT_bm);
    }
    if (status == STATUS_TIMEOUT) {
        /* The interrupt may have been lost. Messages come on edges: unless its cause is taken away, there will never be another. */
        if (!User->Gone && !MUTANT(BORROWER_TRUSTS_INTERRUPTS)) {
            PageWrite(User, INT_STATUS, BUDDY_CLIENT__INT_STATUS__JOB_bm);
        }
        ExerciserCount(Exerciser, FALSE);
    }
}

/* Own scratch register through the I/O window: the index register is one for all clients, and so index and data belong together. */
static VOID UseWindow(PEXERCISER Exerciser, PPAGE_USER User)
{
    ULONG offset = User->Client * (ULONG)sizeof(buddy__page__stride1000_t) + FIELD_OFFSET(buddy_client_t, SCRATCH);
    ULONG pattern = ~Exerciser->Round;

    WRITE_PORT_ULONG(User->Port + BUDDY_IO_INDEX, offset);
    WRITE_PORT_ULONG(User->Port + BUDDY_IO_DATA, pattern);
    if (MUTANT(BORROWER_IGNORES_LOCK)) {
        YieldProcessor();
    }
    ExerciserCount(Exerciser, READ_PORT_ULONG(User->Port + BUDDY_IO_DATA) == pattern);
}

typedef VOID (*EXERCISE)(PEXERCISER Exerciser, PPAGE_USER User);

/* Exercise alone: by the software lock or, if the owner has none, by the hardware semaphore, which is taken as well when the hardware demands it. */
static VOID Coordinated(PEXERCISER Exerciser, PPAGE_USER User, EXERCISE Exercise, BOOLEAN HardwareDemands)
{
    BOOLEAN locked = User->Services.Acquire != NULL;
    BOOLEAN semaphore = HardwareDemands || !locked;

    if (locked && !MUTANT(BORROWER_IGNORES_LOCK)) {
        User->Services.Acquire(User->Services.Context);
    }
    if (!semaphore) {
        Exercise(Exerciser, User);
    } else if (TakeSemaphore(Exerciser, User)) {
        Exercise(Exerciser, User);
        ReleaseSemaphore(User);
    }
    if (locked && !MUTANT(BORROWER_IGNORES_LOCK)) {
        User->Services.Release(User->Services.Context);
    }
}

/* Whatever else of the device was handed over: a word of every memory resource, the scratch register through the I/O window. */
static VOID ExerciseResources(PEXERCISER Exerciser, PPAGE_USER User)
{
    ULONG index;

    for (index = 0; index < User->MemoryCount; index++) {
        volatile ULONG *word = User->Memory[index] + User->Client;
        ULONG pattern = Exerciser->Round + index;

        WRITE_REGISTER_ULONG(word, pattern);
        ExerciserCount(Exerciser, READ_REGISTER_ULONG(word) == pattern);
    }
    if (User->Port != NULL) {
        Coordinated(Exerciser, User, UseWindow, FALSE);
    }
}

VOID PageExercise(PEXERCISER Exerciser, PVOID Context)
{
    PPAGE_USER user = (PPAGE_USER)Context;
    ULONG pattern = Exerciser->Pattern;

    if (user->Services.Busy != NULL) {
        user->Services.Busy(user->Services.Context); /* in use: not to be switched off for idleness */
    }
    if (pattern == BUDDY_PATTERN_MIXED) {
        pattern = BUDDY_PATTERN_REGISTERS + Exerciser->Round % BUDDY_PATTERN_LAST;
    }
    switch (pattern) {
    case BUDDY_PATTERN_REGISTERS:
        ExerciseRegisters(Exerciser, user);
        break;
    case BUDDY_PATTERN_JOBS:
        Coordinated(Exerciser, user, RunJob, TRUE);
        break;
    case BUDDY_PATTERN_TRANSACTIONS:
        Coordinated(Exerciser, user, RunTransaction, TRUE);
        break;
    case BUDDY_PATTERN_TALK: /* does nothing unless the setting Talk says so */
        if (user->Talk != NULL) {
            user->Talk(user);
        }
        break;
    case BUDDY_PATTERN_RESOURCES:
        ExerciseResources(Exerciser, user);
        break;
    }
}
