/* SPDX-License-Identifier: MIT */
/*
 * Using the hardware flat out. Every function runs inside the gate at PASSIVE_LEVEL, is short, and leaves the page in order: semaphore released, no job
 * running. All ones in an answer mean that the device is gone; that counts as an error, and the device is left alone for the rest of the step.
 */
#include "hardware.h"

#define REGISTER_ROUNDS    16
#define TRANSACTION_WORDS  4
#define SEMAPHORE_ATTEMPTS 64
#define JOB_MICROSECONDS   20
/* A job that has not ended after this time has lost its interrupt. */
#define JOB_TIME_LIMIT                                                                                                 \
    (-2000 * 10000LL) /* 2 s, in units of 100 ns, relative: a loaded host may stop the whole machine for a while */

/* Scratch write and read back. */
static VOID ExerciseRegisters(PEXERCISER Exerciser, PHARDWARE Hardware)
{
    ULONG round;

    for (round = 0; round < REGISTER_ROUNDS; round++) {
        ULONG pattern = Exerciser->Round * 0x9E3779B9u ^ round; /* spreads over all bits */

        HardwareWrite(Hardware, SCRATCH, pattern);
        ExerciserCount(Exerciser, HardwareRead(Hardware, SCRATCH) == pattern);
        if (MUTANT(BORROWER_READS_BYTES)) {
            ExerciserCount(Exerciser, READ_REGISTER_UCHAR(Hardware->Page) != 0);
        }
        if (MUTANT(BORROWER_READS_BEYOND)) {
            ExerciserCount(Exerciser, RegisterRead(Hardware->Page + sizeof(buddy_client_t), buddy_client_t, ID) != 1);
        }
        if (MUTANT(BORROWER_TRUSTS_HARDWARE)) {
            static volatile ULONG histogram[16]; /* one a client: but all ones is no client number */

            histogram[HardwareRead(Hardware, CLIENT)]++;
        }
    }
}

/* Takes the hardware semaphore. FALSE: another client has it, or the device is gone (an error). */
static BOOLEAN TakeSemaphore(PEXERCISER Exerciser, PHARDWARE Hardware)
{
    ULONG attempt;

    if (MUTANT(BORROWER_NEEDS_NO_SEMAPHORE)) {
        return TRUE;
    }
    for (attempt = 0; attempt < SEMAPHORE_ATTEMPTS; attempt++) {
        ULONG tag;

        HardwareWrite(Hardware, SEM, 1);
        tag = HardwareRead(Hardware, SEM);
        if (tag == Hardware->Client + 1) {
            ExerciserCount(Exerciser, TRUE);
            return TRUE;
        }
        if (tag == ALL_ONES) {
            ExerciserCount(Exerciser, FALSE);
            return FALSE;
        }
        YieldProcessor();
    }
    return FALSE;
}

static VOID ReleaseSemaphore(PHARDWARE Hardware)
{
    HardwareWrite(Hardware, SEM, 0);
}

/* begin, data words, commit: the device adds the words up. Semaphore held. */
static VOID RunTransaction(PEXERCISER Exerciser, PHARDWARE Hardware)
{
    ULONG sum = 0;
    ULONG word;

    HardwareWrite(Hardware, TXN_BEGIN, Exerciser->Round);
    for (word = 0; word < TRANSACTION_WORDS; word++) {
        ULONG value = Exerciser->Round + word;

        HardwareWrite(Hardware, TXN_DATA, value);
        sum += value;
    }
    HardwareWrite(Hardware, TXN_COMMIT, MUTANT(BORROWER_MISCOUNTS) ? TRANSACTION_WORDS + 1 : TRANSACTION_WORDS);
    ExerciserCount(Exerciser, HardwareRead(Hardware, TXN_RESULT) == sum);
}

/* A timed job that ends by interrupt, or by abort when power is about to go. Semaphore held. */
static VOID RunJob(PEXERCISER Exerciser, PHARDWARE Hardware)
{
    PVOID events[] = {&Hardware->JobDone, &Hardware->Gate.Closing};
    LARGE_INTEGER limit = {.QuadPart = MUTANT(BORROWER_IGNORES_POWER_DOWN) ? -1000 : JOB_TIME_LIMIT};
    ULONG argument = Exerciser->Round;
    NTSTATUS status;

    KeClearEvent(&Hardware->JobDone);
    HardwareWrite(Hardware, JOB_DURATION,
                  MUTANT(BORROWER_LEAVES_JOB_RUNNING) || MUTANT(BORROWER_DOES_NOT_WAIT) ? 50000 : JOB_MICROSECONDS);
    HardwareWrite(Hardware, JOB_ARG, argument);
    HardwareWrite(Hardware, JOB_CTRL, BUDDY_CLIENT__JOB_CTRL__START_bm);
    if (MUTANT(BORROWER_WAITS_WITH_SPIN_LOCK)) {
        KSPIN_LOCK lock = 0;
        KIRQL irql;

        KeAcquireSpinLock(&lock, &irql);
        KeWaitForSingleObject(&Hardware->JobDone, Executive, KernelMode, FALSE, &limit);
        KeReleaseSpinLock(&lock, irql);
    }
    status = KeWaitForMultipleObjects(2, events, WaitAny, Executive, KernelMode, FALSE, &limit, NULL);
    if (status == STATUS_WAIT_0) {
        ExerciserCount(Exerciser, HardwareRead(Hardware, JOB_RESULT) == ~argument);
        return;
    }
    if (!Hardware->Gone && !MUTANT(BORROWER_LEAVES_JOB_RUNNING)) {
        HardwareWrite(Hardware, JOB_CTRL, BUDDY_CLIENT__JOB_CTRL__ABORT_bm);
    }
    if (status == STATUS_TIMEOUT) {
        ExerciserCount(Exerciser, FALSE);
    }
}

typedef VOID (*EXERCISE)(PEXERCISER Exerciser, PHARDWARE Hardware);

static VOID UnderSemaphore(PEXERCISER Exerciser, PHARDWARE Hardware, EXERCISE Exercise)
{
    if (TakeSemaphore(Exerciser, Hardware)) {
        Exercise(Exerciser, Hardware);
        if (!Hardware->Gone) {
            ReleaseSemaphore(Hardware);
        }
    }
}

VOID ExerciseStep(PEXERCISER Exerciser, PVOID Context)
{
    PHARDWARE hardware = (PHARDWARE)Context;
    ULONG pattern = Exerciser->Pattern;

    if (pattern == BUDDY_PATTERN_MIXED) {
        pattern =
            BUDDY_PATTERN_REGISTERS + Exerciser->Round % 4; /* TALK does nothing unless the setting Talk says so */
    }
    switch (pattern) {
    case BUDDY_PATTERN_REGISTERS:
        ExerciseRegisters(Exerciser, hardware);
        break;
    case BUDDY_PATTERN_JOBS:
        UnderSemaphore(Exerciser, hardware, RunJob);
        break;
    case BUDDY_PATTERN_TRANSACTIONS:
        UnderSemaphore(Exerciser, hardware, RunTransaction);
        break;
    case BUDDY_PATTERN_TALK:
        if (hardware->Talk != NULL) {
            hardware->Talk(hardware);
        }
        break;
    }
}
