/* SPDX-License-Identifier: MIT */
/* The tables of a stop report: threads with their stacks, held locks, device tree, last IRPs. No lock is taken; what is damaged is left out. */
#include "ke/report.h"
#include "ke/backtrace.h"
#include "ke/processor.h"
#include "boot/loader.h"
#include "ex/ex.h"
#include "hal/hal.h"
#include "io/irplog.h"
#include "io/irppending.h"
#include "mm/mm.h"
#include "pnp/devnode.h"

#define MAX_DEPTH   16
#define MAX_DEVICES 256

static VOID SayThread(PKTHREAD Thread)
{
    static const PCSTR states[] = {"ready", "running", "waiting", "terminated"};
    PVOID frames[8];
    KiSay("%p id %u '%s' priority %d %s", Thread, Thread->Id, Thread->Name, Thread->Priority,
          states[Thread->State & 3]);
    if (Thread->State == ThreadWaiting) {
        KiSay(" for %u ms", (ULONG)((HalNanoseconds() - Thread->WaitSince) / 1000000));
        if (Thread->WaitCount) {
            KiSay(" on %p", Thread->WaitBlocks[0].Object);
        }
    }
    KiSay("\n");
    if (Thread != KiProcessor.CurrentThread && Thread->StackPointer) {
        UNWIND_STATE state;
        KiStateFromThread(&state, Thread);
        ULONG count = KiWalkStack(&state, frames, COUNT_OF(frames));
        for (ULONG i = 0; i < count; i++) {
            KiSayFrame(i, frames[i]);
        }
    }
}

static VOID SayLocks(VOID)
{
    SYMBOL by;
    HELD_LOCK held;
    KiSay("\nLocks:\n");
    for (PLIST_ENTRY e = KiThreads.Flink; e && e != &KiThreads; e = e->Flink) {
        PKTHREAD thread = CONTAINER(e, KTHREAD, AllLink);
        for (ULONG i = 0; i < thread->DriverLockCount; i++) {
            LdrSymbolFromAddress(thread->DriverLocks[i].Caller, &by);
            KiSay("  spin lock %p held by '%s', taken in %s!%s+0x%I64x\n", thread->DriverLocks[i].Lock, thread->Name,
                  by.Image, by.Name, by.Offset);
        }
        for (PLIST_ENTRY m = thread->MutantList.Flink; m != &thread->MutantList; m = m->Flink) {
            KiSay("  mutex %p owned by '%s'\n", CONTAINER(m, KMUTANT, MutantListEntry), thread->Name);
        }
        if (ExFindHeldLock(thread, NULL, 0, &held)) {
            LdrSymbolFromAddress(held.Caller, &by);
            KiSay("  %s %p owned by '%s', taken in %s!%s+0x%I64x\n", held.Kind, held.Lock, thread->Name, by.Image,
                  by.Name, by.Offset);
        }
    }
}

static VOID SayDevice(PDEVICE_NODE Node, ULONG Depth, PULONG Left)
{
    static const CHAR blanks[] = "                                ";
    for (; Node && *Left && Depth < MAX_DEPTH && MiIsMapped(Node, sizeof(*Node)); Node = Node->Sibling) {
        (*Left)--;
        KiSay("  %.*s%wZ %s%s%wZ", (int)(Depth * 2), blanks, &Node->InstancePath, PnpStateName(Node->State),
              Node->ServiceName.Length ? " driver " : "", &Node->ServiceName);
        if (Node->Problem) {
            KiSay(" %s", PnpProblemName(Node->Problem));
        }
        KiSay("\n");
        SayDevice(Node->Child, Depth + 1, Left);
    }
}

VOID KiSayTables(VOID)
{
    ULONG devices = MAX_DEVICES;
    KiSay("\nThreads:\n");
    for (PLIST_ENTRY e = KiThreads.Flink; e && e != &KiThreads; e = e->Flink) {
        SayThread(CONTAINER(e, KTHREAD, AllLink));
    }
    SayLocks();
    KiSay("\nDevices:\n");
    SayDevice(PnpRootDevnode(), 0, &devices);
    IopSayPendingIrps();
    IopSayIrps();
}
