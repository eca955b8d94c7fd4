/* SPDX-License-Identifier: MIT */
/* Thread objects, their stacks, start and end. */
#include "ke/thread.h"
#include "ke/bugcheck.h"
#include "ke/rules.h"
#include "ke/dispatch.h"
#include "ke/processor.h"
#include "ke/threads.h"
#include "ke/timer.h"
#include "ex/ex.h"
#include "hal/apic.h"
#include "kd/log.h"
#include "mm/mm.h"
#include "mm/pool.h"
#include "ob/attribute.h"
#include "boot/loader.h"
#include "rtl/format.h"
#include "subsystems.h"

#define STACK_PAGES 8 /* Windows has 6; DPCs and ISRs run on the thread's stack here */
#define STACK_CACHE 16
#define THREAD_TAG  'erhT'
#define FIRST_ID    4

VOID KiThreadEntry(VOID);

LIST_ENTRY KiThreads = {&KiThreads, &KiThreads};
struct _EPROCESS KiSystemProcess;
static KTHREAD KiIdleThread; /* the boot code becomes it */
static ULONG KiNextThreadId = FIRST_ID;
static LIST_ENTRY KiDeadThreads = {&KiDeadThreads, &KiDeadThreads}; /* by ReadyLink; the dispatcher lock */
static PVOID KiFreeStacks[STACK_CACHE];
static ULONG KiFreeStackCount;
static KSPIN_LOCK KiStackLock;

/* A stack with an unmapped page below it (and one above): an overflow ends in a double fault that says so. */
static PUCHAR AllocateStack(VOID)
{
    KIRQL irql;
    PUCHAR stack = NULL;
    KeAcquireSpinLock(&KiStackLock, &irql);
    if (KiFreeStackCount) {
        stack = KiFreeStacks[--KiFreeStackCount];
    }
    KeReleaseSpinLock(&KiStackLock, irql);
    if (stack) {
        return stack;
    }
    stack = MiReserve(STACK_REGION, STACK_PAGES + 1);
    stack = stack ? stack + PAGE_SIZE : NULL;
    for (ULONG i = 0; stack && i < STACK_PAGES; i++) {
        ULONG64 page = MiAllocatePages(1, ~0ULL);
        if (!page || !MiMap(stack + i * PAGE_SIZE, page, 1, PTE_WRITE | PTE_NX | PTE_GLOBAL)) {
            return NULL;
        }
    }
    return stack;
}

static VOID FreeStack(PUCHAR Stack)
{
    KIRQL irql;
    KeAcquireSpinLock(&KiStackLock, &irql);
    BOOLEAN kept = KiFreeStackCount < STACK_CACHE;
    if (kept) {
        KiFreeStacks[KiFreeStackCount++] = Stack;
    }
    KeReleaseSpinLock(&KiStackLock, irql);
    for (ULONG i = 0; !kept && i < STACK_PAGES; i++) {
        ULONG64 physical = 0;
        MiTranslate(Stack + i * PAGE_SIZE, &physical);
        MiUnmap(Stack + i * PAGE_SIZE, 1);
        MiFreePages(physical, 1);
    }
}

static VOID InitializeThread(PKTHREAD Thread, PCSTR Name, SCHAR Priority)
{
    RtlZeroMemory(Thread, sizeof(*Thread));
    Thread->Header.Type = ObjectThread;
    Thread->Header.Size = (UCHAR)(sizeof(KTHREAD) / sizeof(LONG));
    InitializeListHead(&Thread->Header.WaitListHead);
    InitializeListHead(&Thread->MutantList);
    InitializeListHead(&Thread->ApcList);
    Thread->Priority = Thread->BasePriority = Priority;
    Thread->References = 2; /* the running thread's own, and the creator's */
    RtlFormat(Thread->Name, sizeof(Thread->Name), "%s", Name);
}

VOID KiInitializeIdleThread(VOID)
{
    KiProcessor.CurrentThread = KiProcessor.IdleThread = &KiIdleThread;
    InitializeThread(&KiIdleThread, "idle", 0);
    KiIdleThread.Priority = KiIdleThread.BasePriority = -1; /* every other thread preempts it */
    KiIdleThread.State = ThreadRunning;
    InsertTailList(&KiThreads, &KiIdleThread.AllLink);
}

NTSTATUS KiCreateThread(PCSTR Name, KPRIORITY Priority, PKSTART_ROUTINE Routine, PVOID Context, PKTHREAD *Thread)
{
    while (KiReapThreads()) { /* the idle thread may not have run for long */
    }
    struct _ETHREAD *object = ExAllocatePoolWithTag(NonPagedPool, sizeof(*object), THREAD_TAG);
    PUCHAR stack = object ? AllocateStack() : NULL;
    if (!stack) {
        if (object) {
            ExFreePoolWithTag(object, THREAD_TAG);
        }
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    PKTHREAD thread = &object->Tcb;
    InitializeThread(thread, Name, (SCHAR)Priority);
    thread->StackLimit = stack;
    thread->StackBase = stack + STACK_PAGES * PAGE_SIZE;
    thread->StartRoutine = Routine;
    thread->StartContext = Context;
    /* What KiSwapContext pops: xmm6-15 and mxcsr, eight registers, the return address; above it KiThreadEntry's frame. */
    PULONG64 top = (PULONG64)thread->StackBase;
    __stosq(top - 32, 0, 32);
    top -= 6; /* home space of KiThreadEntry and alignment */
    *--top = (ULONG64)KiThreadEntry;
    top -= 8;
    top -= 0xA8 / 8;
    __stosq(top, 0, 0xA8 / 8 + 8);
    top[0xA0 / 8] = 0x1F80;
    thread->StackPointer = top;
    KIRQL irql = KiLockDispatcher();
    thread->Id = KiNextThreadId;
    KiNextThreadId += 4;
    InsertTailList(&KiThreads, &thread->AllLink);
    *Thread = thread; /* before it runs */
    KiReadyThread(thread, FALSE);
    KiUnlockDispatcher(irql);
    return STATUS_SUCCESS;
}

/* First C code of a thread, at DISPATCH_LEVEL on its own stack. */
VOID KiThreadStartup(VOID)
{
    PKTHREAD thread = KiCurrentThread();
    if (thread->ApcPending) {
        HalApicSelfInterrupt(VECTOR_APC);
    }
    KeLowerIrql(PASSIVE_LEVEL);
    thread->StartRoutine(thread->StartContext);
    KiCheckThreadReturn(thread, (PVOID)thread->StartRoutine);
    KiTerminateThread(STATUS_SUCCESS);
}

/* What a system thread must have given back when it ends; its IRPs are cancelled. */
VOID KiCheckThreadReturn(PKTHREAD Thread, PVOID Culprit)
{
    KIRQL irql = KeGetCurrentIrql();
    if (irql != PASSIVE_LEVEL) {
        KeBugCheckReason(IRQL_NOT_LESS_OR_EQUAL, (ULONG_PTR)Thread, irql, 0, (ULONG_PTR)Culprit, Culprit,
                         "a system thread ends at IRQL %u", irql);
    }
    if (!IsListEmpty(&Thread->MutantList)) {
        KeBugCheckReason(THREAD_TERMINATE_HELD_MUTEX, (ULONG_PTR)Thread,
                         (ULONG_PTR)CONTAINER(Thread->MutantList.Flink, KMUTANT, MutantListEntry), 0, 0, Culprit,
                         "a system thread ends while it owns a mutex");
    }
    if (Thread->StackCallouts) {
        KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_THREAD_IN_CALLOUT, (ULONG_PTR)Thread,
                         Thread->StackCallouts, 0, Culprit,
                         "a system thread ends in a routine that KeExpandKernelStackAndCallout has called");
    }
    ExCheckLocksReleased("a system thread ended", Culprit);
    if (Thread->KernelApcDisable) {
        KeBugCheckReason(KERNEL_APC_PENDING_DURING_EXIT, 0, (ULONG)Thread->KernelApcDisable, 0, 0, Culprit,
                         "a system thread ends inside a critical region (count %d)", Thread->KernelApcDisable);
    }
    IoRundownThread();
}

VOID KiTerminateThread(NTSTATUS ExitStatus)
{
    PKTHREAD thread = KiCurrentThread();
    (VOID) KiLockDispatcher();
    thread->ExitStatus = ExitStatus;
    thread->State = ThreadTerminated;
    thread->Header.SignalState = 1;
    KiSignalWaiters(&thread->Header);
    RemoveEntryList(&thread->AllLink);
    InsertTailList(&KiDeadThreads, &thread->ReadyLink);
    KiBlockCurrentThread();
    __builtin_unreachable();
}

BOOLEAN KiReapThreads(VOID)
{
    KIRQL irql = KiLockDispatcher();
    PKTHREAD thread =
        IsListEmpty(&KiDeadThreads) ? NULL : CONTAINER(RemoveHeadList(&KiDeadThreads), KTHREAD, ReadyLink);
    KiUnlockDispatcher(irql);
    if (!thread) {
        return FALSE;
    }
    FreeStack(thread->StackLimit);
    thread->StackLimit = thread->StackBase = NULL;
    KiDereferenceThread(thread);
    return TRUE;
}

VOID KiReferenceThread(PKTHREAD Thread)
{
    InterlockedIncrement(&Thread->References);
}

VOID KiDereferenceThread(PKTHREAD Thread)
{
    if (InterlockedDecrement(&Thread->References) == 0) {
        ObpForgetTaken(Thread);
        ExFreePoolWithTag(Thread, THREAD_TAG);
    }
}

ULONG KiReportThreadsOfImage(PVOID Base, SIZE_T Size)
{
    ULONG count = 0;
    KIRQL irql = KiLockDispatcher();
    for (PLIST_ENTRY e = KiThreads.Flink; e != &KiThreads; e = e->Flink) {
        PKTHREAD thread = CONTAINER(e, KTHREAD, AllLink);
        count += (ULONG64)thread->StartRoutine - (ULONG64)Base < Size;
    }
    KiUnlockDispatcher(irql);
    return count;
}

#undef KeGetCurrentThread
PKTHREAD NTAPI KipGetCurrentThread(VOID) __asm__("KeGetCurrentThread");
PKTHREAD NTAPI KipGetCurrentThread(VOID)
{
    return KiCurrentThread();
}

KPRIORITY NTAPI KeSetPriorityThread(PKTHREAD Thread, KPRIORITY Priority)
{
    if (Priority < 1 || Priority > HIGH_PRIORITY) {
        KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_BAD_PRIORITY, (ULONG_PTR)Thread, (ULONG)Priority, 0,
                         __builtin_return_address(0), "thread priority %d is outside 1..31", Priority);
    }
    KIRQL irql = KiLockDispatcher();
    KPRIORITY old = Thread->Priority;
    Thread->BasePriority = (SCHAR)Priority;
    KiSetPriority(Thread, (SCHAR)Priority);
    KiUnlockDispatcher(irql);
    return old;
}

KPRIORITY NTAPI KeQueryPriorityThread(PKTHREAD Thread)
{
    return Thread->Priority;
}

LONG NTAPI KeSetBasePriorityThread(PKTHREAD Thread, LONG Increment)
{
    LONG old = Thread->BasePriority - 8;
    LONG priority = 8 + Increment;
    KeSetPriorityThread(Thread, priority < 1 ? 1 : priority > 31 ? 31 : priority);
    return old;
}

/*
 * System affinity: with one processor it never moves a thread, but what was set is kept and returned. 0: none is set.
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kesetsystemaffinitythreadex
 */
KAFFINITY NTAPI KeSetSystemAffinityThreadEx(KAFFINITY Affinity)
{
    PKTHREAD thread = KiCurrentThread();
    KAFFINITY old = thread->SystemAffinity;
    thread->SystemAffinity = Affinity & KeQueryActiveProcessors();
    return old;
}

/* IRQL <= APC_LEVEL. Affinity: what KeSetSystemAffinityThreadEx returned. */
VOID NTAPI KeRevertToUserAffinityThreadEx(KAFFINITY Affinity)
{
    KiCurrentThread()->SystemAffinity = Affinity & KeQueryActiveProcessors();
}

VOID NTAPI KeSetSystemAffinityThread(KAFFINITY Affinity)
{
    KeSetSystemAffinityThreadEx(Affinity);
}

VOID NTAPI KeRevertToUserAffinityThread(VOID)
{
    KeRevertToUserAffinityThreadEx(0);
}
