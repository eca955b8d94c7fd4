/* SPDX-License-Identifier: MIT */
/* Threads and the scheduler: KTHREAD is opaque to drivers, so its layout is ours. */
#ifndef KE_THREAD_H
#define KE_THREAD_H
#include "kernel.h"

typedef struct _KTHREAD KTHREAD;
typedef struct _ETHREAD ETHREAD;
typedef struct _KPROCESS KPROCESS;
typedef struct _EPROCESS EPROCESS;

typedef struct _HELD_SPIN_LOCK {
    PKSPIN_LOCK Lock;
    PVOID Caller; /* who took it */
} HELD_SPIN_LOCK;

typedef enum _THREAD_STATE { ThreadReady, ThreadRunning, ThreadWaiting, ThreadTerminated } THREAD_STATE;

struct _KTHREAD {
    DISPATCHER_HEADER Header; /* signalled when the thread has ended */
    PVOID StackPointer;       /* saved by KiSwapContext */
    PUCHAR StackBase;         /* highest address */
    PUCHAR StackLimit;        /* lowest address; guard pages below */
    LIST_ENTRY ReadyLink;     /* in the ready queue */
    LIST_ENTRY AllLink;       /* in KiThreads */
    THREAD_STATE State;
    SCHAR Priority; /* 0..31 */
    SCHAR BasePriority;
    LONG Quantum;
    KAFFINITY SystemAffinity; /* set by KeSetSystemAffinityThreadEx; 0: none */
    ULONG Id;
    ULONG StackCallouts;        /* KeExpandKernelStackAndCallout, not returned from */
    PXSTATE_SAVE ExtendedState; /* what KeSaveExtendedProcessorState saved last */
    KIRQL WaitIrql;
    volatile LONG KernelApcDisable; /* KeEnterCriticalRegion: negative while disabled */
    volatile LONG SpecialApcDisable;
    LIST_ENTRY ApcList;
    BOOLEAN ApcPending;
    /* wait */
    NTSTATUS WaitStatus;
    PKWAIT_BLOCK WaitBlocks; /* blocks of the current wait, chained by NextWaitBlock */
    KWAIT_BLOCK BuiltInBlocks[THREAD_WAIT_OBJECTS + 1];
    ULONG WaitCount;
    WAIT_TYPE WaitType;
    KWAIT_REASON WaitReason;
    BOOLEAN Alertable;
    KTIMER WaitTimer;
    ULONG64 WaitSince; /* ns */
    PVOID WaitCaller;  /* return address, for reports */
    /* start */
    PKSTART_ROUTINE StartRoutine;
    PVOID StartContext;
    NTSTATUS ExitStatus;
    volatile LONG References; /* of the object manager's making: ObReferenceObject on a thread */
    CHAR Name[32];
    /* verifier */
    ULONG SpinLocksHeld;
    ULONG DriverLockCount; /* of those, taken by drivers (ke/lockorder.c) */
    HELD_SPIN_LOCK DriverLocks[8];
    LIST_ENTRY MutantList; /* mutexes owned */
    PVOID IrpStackTop;     /* K2: IRP being dispatched, for reports */
    PVOID ResourceList;    /* ERESOURCEs owned */
};

struct _ETHREAD {
    KTHREAD Tcb;
};

struct _KPROCESS {
    DISPATCHER_HEADER Header;
};

struct _EPROCESS {
    KPROCESS Pcb;
};

extern LIST_ENTRY KiThreads; /* all threads, by AllLink; KiDispatcherLock */
extern struct _EPROCESS KiSystemProcess;

/*
 * PASSIVE_LEVEL. Starts a system thread of ours (drivers use PsCreateSystemThread). Name is copied. The thread object is referenced once
 * for the caller, who drops it by KiDereferenceThread.
 */
NTSTATUS KiCreateThread(PCSTR Name, KPRIORITY Priority, PKSTART_ROUTINE Routine, PVOID Context, PKTHREAD *Thread);
VOID KiReferenceThread(PKTHREAD Thread);
VOID KiDereferenceThread(PKTHREAD Thread);

#endif
