/* SPDX-License-Identifier: MIT */
/*
 * Interrupt objects: a chain a vector. A level-triggered vector runs its chain until one service routine claims the interrupt, an edge or
 * message one runs all.
 */
#include "ke/interrupt.h"
#include "ke/bugcheck.h"
#include "ke/rules.h"
#include "ke/perturb.h"
#include "ke/processor.h"
#include "ke/vectors.h"
#include "hal/apic.h"
#include "kd/log.h"
#include "mm/paged.h"
#include "boot/loader.h"

#define INTERRUPT_OBJECT 22
/* A level interrupt that nobody claims comes again at once, for ever. */
#define UNCLAIMED_LIMIT 100000
/* So does one that is claimed, but not taken back by the device. QEMU's I/O APIC slows it down after 10,000. */
#define STORM_LIMIT 9000

static LIST_ENTRY KiVectorChains[256];
static ULONG KiUnclaimed[256];
static ULONG KiStorm[256]; /* how often in a row the interrupt was there again when its end was signalled */
static PKINTERRUPT KiLastClaimer[256];
static volatile ULONG KiVectorsActive[256];

static VOID RaiseAndRun(PKINTERRUPT Interrupt, PBOOLEAN Claimed)
{
    __writecr8(Interrupt->SynchronizeIrql);
    KeAcquireSpinLockAtDpcLevel(Interrupt->ActualLock);
    Interrupt->Count++;
    MiTrimPageable();
    ULONG locks = KiCurrentThread()->SpinLocksHeld;
    *Claimed = Interrupt->MessageServiceRoutine
                   ? Interrupt->MessageServiceRoutine(Interrupt, Interrupt->ServiceContext, Interrupt->MessageIndex)
                   : Interrupt->ServiceRoutine(Interrupt, Interrupt->ServiceContext);
    PVOID routine =
        Interrupt->MessageServiceRoutine ? (PVOID)Interrupt->MessageServiceRoutine : (PVOID)Interrupt->ServiceRoutine;
    KIRQL irql = KeGetCurrentIrql();
    if (irql != Interrupt->SynchronizeIrql) {
        KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_ISR_IRQL, (ULONG_PTR)routine,
                         Interrupt->SynchronizeIrql, irql, routine,
                         "an interrupt service routine returned at IRQL %u instead of %u", irql,
                         Interrupt->SynchronizeIrql);
    }
    if (KiCurrentThread()->SpinLocksHeld != locks) {
        KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_SPIN_LOCK_HELD, (ULONG_PTR)routine, 0, 0, routine,
                         "an interrupt service routine returned with a spin lock held");
    }
    KeReleaseSpinLockFromDpcLevel(Interrupt->ActualLock);
    __writecr8(Interrupt->Irql);
}

VOID KiDispatchVector(ULONG Vector)
{
    PLIST_ENTRY head = &KiVectorChains[Vector];
    BOOLEAN any = FALSE;
    KiVectorsActive[Vector]++;
    KiPerturbDelay();
    for (PLIST_ENTRY e = head->Flink; e && e != head;) {
        PKINTERRUPT interrupt = CONTAINER(e, KINTERRUPT, VectorLink);
        BOOLEAN claimed = FALSE;
        e = e->Flink;
        RaiseAndRun(interrupt, &claimed);
        if (claimed) {
            interrupt->Claimed++;
            KiLastClaimer[Vector] = interrupt;
            any = TRUE;
            if (interrupt->Mode == LevelSensitive) {
                break;
            }
        }
    }
    KiVectorsActive[Vector]--;
    if (any) {
        KiUnclaimed[Vector] = 0;
    } else if (++KiUnclaimed[Vector] == UNCLAIMED_LIMIT) {
        PKINTERRUPT first = head->Flink && !IsListEmpty(head) ? CONTAINER(head->Flink, KINTERRUPT, VectorLink) : NULL;
        PVOID routine = first ? (PVOID)first->ServiceRoutine : NULL;
        KeBugCheckReason(0xF2, (ULONG_PTR)routine, (ULONG_PTR)first, Vector, 0, routine,
                         "vector 0x%x was raised %u times and no service routine claimed it", Vector, UNCLAIMED_LIMIT);
    } else if (!head->Flink) {
        KdLog(LOG_WARNING, "interrupt on vector 0x%x, which nothing is connected to", Vector);
    }
}

/*
 * "The system cumulatively spent an extended period of time at IRQL DISPATCH_LEVEL or above":
 * https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0x133-dpc-watchdog-violation
 */
VOID KiCheckStorm(ULONG Vector)
{
    PKINTERRUPT claimer = KiLastClaimer[Vector];
    if (!HalApicIsRequested(Vector) || !claimer || claimer->Mode != LevelSensitive) {
        KiStorm[Vector] = 0;
    } else if (++KiStorm[Vector] == STORM_LIMIT && claimer->Connected) {
        PVOID routine = claimer->MessageServiceRoutine ? (PVOID)(ULONG_PTR)claimer->MessageServiceRoutine
                                                       : (PVOID)(ULONG_PTR)claimer->ServiceRoutine;
        KeBugCheckReason(
            0x133, 1, (ULONG_PTR)routine, Vector, 0, routine,
            "the service routine claimed the interrupt on vector 0x%x %u times in a row, and each time it was "
            "asserted still: nobody quiets the device, or it is another's interrupt",
            Vector, STORM_LIMIT);
    }
}

VOID KiInitializeInterrupt(PKINTERRUPT Interrupt, PKSERVICE_ROUTINE Routine, PKMESSAGE_SERVICE_ROUTINE MessageRoutine,
                           ULONG MessageIndex, PVOID Context, PKSPIN_LOCK Lock, ULONG Vector, KIRQL SynchronizeIrql,
                           KINTERRUPT_MODE Mode, BOOLEAN ShareVector)
{
    *Interrupt = (KINTERRUPT){.Type = INTERRUPT_OBJECT,
                              .Size = sizeof(KINTERRUPT),
                              .ServiceRoutine = Routine,
                              .MessageServiceRoutine = MessageRoutine,
                              .MessageIndex = MessageIndex,
                              .ServiceContext = Context,
                              .Vector = Vector,
                              .Irql = (KIRQL)(Vector >> 4),
                              .SynchronizeIrql = SynchronizeIrql,
                              .Mode = Mode,
                              .ShareVector = ShareVector,
                              .Caller = __builtin_return_address(0)};
    Interrupt->ActualLock = Lock ? Lock : &Interrupt->SpinLock;
}

BOOLEAN KiConnectInterrupt(PKINTERRUPT Interrupt)
{
    PLIST_ENTRY head = &KiVectorChains[Interrupt->Vector & 255];
    BOOLEAN connected = FALSE;
    ULONG64 flags = __readeflags();
    _disable();
    if (!head->Flink) {
        InitializeListHead(head);
    }
    BOOLEAN free =
        IsListEmpty(head) || (Interrupt->ShareVector && CONTAINER(head->Flink, KINTERRUPT, VectorLink)->ShareVector);
    if (!Interrupt->Connected && free) {
        InsertTailList(head, &Interrupt->VectorLink);
        Interrupt->Connected = TRUE;
        connected = TRUE;
    }
    if (flags & 0x200) {
        _enable();
    }
    return connected;
}

BOOLEAN KiDisconnectInterrupt(PKINTERRUPT Interrupt)
{
    /* One processor: no service routine runs while we do, as long as our IRQL is below its. */
    ULONG64 flags = __readeflags();
    _disable();
    BOOLEAN connected = Interrupt->Connected;
    if (connected) {
        RemoveEntryList(&Interrupt->VectorLink);
        if (KiLastClaimer[Interrupt->Vector & 255] == Interrupt) {
            KiLastClaimer[Interrupt->Vector & 255] = NULL;
        }
        Interrupt->Connected = FALSE;
    }
    if (flags & 0x200) {
        _enable();
    }
    return connected;
}

PKINTERRUPT KeFindInterruptOfVector(ULONG Vector)
{
    PLIST_ENTRY head = &KiVectorChains[Vector & 0xFF];
    return head->Flink && head->Flink != head ? CONTAINER(head->Flink, KINTERRUPT, VectorLink) : NULL;
}

PKINTERRUPT KeFindInterruptOfImage(PVOID Base, SIZE_T Size)
{
    for (ULONG i = 0; i < 256; i++) {
        PLIST_ENTRY head = &KiVectorChains[i];
        for (PLIST_ENTRY e = head->Flink; e && e != head; e = e->Flink) {
            PKINTERRUPT interrupt = CONTAINER(e, KINTERRUPT, VectorLink);
            PVOID routine = interrupt->MessageServiceRoutine ? (PVOID)interrupt->MessageServiceRoutine
                                                             : (PVOID)interrupt->ServiceRoutine;
            if ((ULONG64)routine - (ULONG64)Base < Size) {
                return interrupt;
            }
        }
    }
    return NULL;
}

/* IRQL <= SynchronizeIrql. Runs Routine as the service routine would: at its IRQL, with its lock. */
BOOLEAN NTAPI KeSynchronizeExecution(PKINTERRUPT Interrupt, PKSYNCHRONIZE_ROUTINE SynchronizeRoutine,
                                     PVOID SynchronizeContext)
{
    KIRQL irql = KeAcquireInterruptSpinLock(Interrupt);
    BOOLEAN result = SynchronizeRoutine(SynchronizeContext);
    KeReleaseInterruptSpinLock(Interrupt, irql);
    return result;
}
