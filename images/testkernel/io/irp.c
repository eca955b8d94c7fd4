/* SPDX-License-Identifier: MIT */
/*
 * IRPs: allocation, reuse, the list of a thread's IRPs, and synchronous calls.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/creating-irps-for-lower-level-drivers
 */
#include "io/io.h"
#include "io/irp.h"
#include "subsystems.h"

#define QUARANTINE                                                                                                     \
    64 /* freed IRPs are kept this long, so that a second completion or free is named instead of corrupting memory */

static KSPIN_LOCK ListLock; /* quarantine and thread lists */
static PIRP Quarantine[QUARANTINE];
static ULONG QuarantineAt;
static LIST_ENTRY ThreadIrps;
LIST_ENTRY IopLiveIrps = {&IopLiveIrps, &IopLiveIrps};
static volatile LONG LiveIrps;

VOID IopInitIrps(VOID)
{
    KeInitializeSpinLock(&ListLock);
    InitializeListHead(&ThreadIrps);
}

VOID NTAPI IoInitializeIrp(PIRP Irp, USHORT PacketSize, CCHAR StackSize)
{
    if (Irp->Type == IO_TYPE_IRP && (Irp->AllocationFlags & IRP_ALLOCATED_BY_KERNEL) && Irp->Size == PacketSize &&
        IopTracker(Irp)->Magic == TRACKER_MAGIC) {
        BOOLEAN Quota = (Irp->AllocationFlags & IRP_QUOTA_CHARGED) != 0;
        IoStopRule(Quota ? 0x20D : 0x238, _ReturnAddress(), Irp, NULL,
                   "IoInitializeIrp of IRP %p, which came from IoAllocateIrp%s: use IoReuseIrp", Irp,
                   Quota ? ", so that its quota is never given back" : "");
    }
    RtlZeroMemory(Irp, PacketSize);
    Irp->Type = IO_TYPE_IRP;
    Irp->Size = PacketSize;
    Irp->StackCount = StackSize;
    Irp->CurrentLocation = StackSize + 1;
    Irp->Tail.Overlay.CurrentStackLocation = (PIO_STACK_LOCATION)(Irp + 1) + StackSize;
    InitializeListHead(&Irp->ThreadListEntry);
}

PIRP NTAPI IoAllocateIrp(CCHAR StackSize, BOOLEAN ChargeQuota)
{
    SIZE_T Size = IoSizeOfIrp(StackSize);
    PIRP_TRACKER Tracker;
    PIRP Irp;
    KIRQL Irql;
    if (StackSize <= 0) {
        IoStopRule(0x208, _ReturnAddress(), NULL, NULL,
                   "IoAllocateIrp with %d stack locations: pass the StackSize of the target device object", StackSize);
    }
    Tracker = ExAllocatePoolWithTag(NonPagedPool, sizeof(IRP_TRACKER) + Size, IRP_TAG);
    if (!Tracker) {
        return NULL;
    }
    Tracker->Magic = 0;
    Irp = (PIRP)(Tracker + 1);
    Irp->Type = 0;
    IoInitializeIrp(Irp, (USHORT)Size, StackSize);
    Irp->AllocationFlags = IRP_ALLOCATED_BY_KERNEL | (ChargeQuota ? IRP_QUOTA_CHARGED : 0);
    Tracker->Magic = TRACKER_MAGIC;
    Tracker->PendingReturned = 0;
    Tracker->Forwarded = 0;
    Tracker->KernelWaits = FALSE;
    Tracker->Holder = NULL;
    Tracker->OutputLength = 0;
    Tracker->Built = FALSE;
    Tracker->CancelledAt = 0;
    Tracker->Completer = NULL;
    Tracker->ByHandle = FALSE;
    Tracker->ApcRoutine = NULL;
    Tracker->EventObject = NULL;
    Tracker->Allocator = _ReturnAddress();
    Tracker->Sent = 0;
    KeAcquireSpinLock(&ListLock, &Irql);
    InsertTailList(&IopLiveIrps, &Tracker->Live);
    KeReleaseSpinLock(&ListLock, Irql);
    InterlockedIncrement(&LiveIrps);
    return Irp;
}

VOID NTAPI IoFreeIrp(PIRP Irp)
{
    PVOID Caller = _ReturnAddress();
    PIRP Oldest;
    KIRQL Irql;
    if (!Irp || Irp->Type != IO_TYPE_IRP) {
        IoStop(DRIVER_VERIFIER_IOMANAGER_VIOLATION_CODE, 0x01, (ULONG_PTR)Irp, 0, 0, Caller,
               "IoFreeIrp of %p, which is no IRP (freed before?)", Irp);
    }
    if (!IsListEmpty(&Irp->ThreadListEntry) && !IopTracker(Irp)->Sent) {
        IoStopRule(0x20C, Caller, Irp, NULL,
                   "IoFreeIrp of IRP %p, which was never sent and is queued to its thread: the I/O manager frees such "
                   "IRPs when they are completed",
                   Irp);
    }
    if (!IsListEmpty(&Irp->ThreadListEntry)) {
        IoStop(DRIVER_VERIFIER_IOMANAGER_VIOLATION_CODE, 0x02, (ULONG_PTR)Irp, 0, 0, Caller,
               "IoFreeIrp of IRP %p, which is still queued to a thread: the I/O manager frees such IRPs", Irp);
    }
    if (Irp->CancelRoutine) {
        IoStopRule(0x20B, Caller, Irp, NULL, "IoFreeIrp of IRP %p, whose cancel routine is still set", Irp);
    }
    if (Irp->CurrentLocation <= Irp->StackCount && IopIrpIsBeingDispatched(Irp)) {
        IoStopRule(0x20B, Caller, Irp, NULL, "IoFreeIrp of IRP %p, which a driver below is still working on", Irp);
    }
    if (!(Irp->AllocationFlags & IRP_ALLOCATED_BY_KERNEL)) {
        IoStopRule(0x20B, Caller, Irp, NULL, "IoFreeIrp of IRP %p, which IoAllocateIrp did not make", Irp);
    }
    Irp->Type = 0;
    IopTracker(Irp)->Magic = TRACKER_FREED;
    IopTracker(Irp)->Freer = Caller;
    KeAcquireSpinLock(&ListLock, &Irql);
    RemoveEntryList(&IopTracker(Irp)->Live);
    Oldest = Quarantine[QuarantineAt];
    Quarantine[QuarantineAt] = Irp;
    QuarantineAt = (QuarantineAt + 1) % QUARANTINE;
    KeReleaseSpinLock(&ListLock, Irql);
    InterlockedDecrement(&LiveIrps);
    if (Oldest) {
        ExFreePoolWithTag(IopTracker(Oldest), IRP_TAG);
    }
}

/* Prepares an IRP of IoAllocateIrp for another use; IRPs of IoBuild* must not be reused. */
VOID NTAPI IoReuseIrp(PIRP Irp, NTSTATUS Status)
{
    UCHAR Flags = Irp->AllocationFlags;
    USHORT Size = Irp->Size;
    CCHAR Stack = Irp->StackCount;
    BOOLEAN Ours = (Flags & IRP_ALLOCATED_BY_KERNEL) != 0;
    if (Irp->Type != IO_TYPE_IRP) {
        IoStopRule(0x20B, _ReturnAddress(), Irp, NULL, "IoReuseIrp of %p, which is no IRP", Irp);
    }
    if (Ours && IopTracker(Irp)->Built) {
        IoStopRule(0x311, _ReturnAddress(), Irp, NULL,
                   "IoReuseIrp of IRP %p, which IoBuild… or IoMakeAssociatedIrp made: only IRPs of IoAllocateIrp are "
                   "used again",
                   Irp);
    }
    if (Ours && IopTracker(Irp)->Holder) {
        IoStopRule(0x310, _ReturnAddress(), Irp, NULL, "IoReuseIrp of IRP %p, which a driver below still has", Irp);
    }
    Irp->AllocationFlags = 0;
    IoInitializeIrp(Irp, Size, Stack);
    Irp->AllocationFlags = Flags;
    Irp->IoStatus.Status = Status;
    if (Flags & IRP_ALLOCATED_BY_KERNEL) {
        IopTracker(Irp)->PendingReturned = 0;
        IopTracker(Irp)->Forwarded = 0;
        IopTracker(Irp)->CancelledAt = 0;
    }
}

PIRP NTAPI IoMakeAssociatedIrp(PIRP Irp, CCHAR StackSize)
{
    PIRP Associated = IoAllocateIrp(StackSize, FALSE);
    if (Associated) {
        IopTracker(Associated)->Built = TRUE;
        Associated->Flags |= IRP_ASSOCIATED_IRP;
        Associated->AssociatedIrp.MasterIrp = Irp;
        Associated->Tail.Overlay.Thread = Irp->Tail.Overlay.Thread;
    }
    return Associated;
}

VOID IopQueueThreadIrp(PIRP Irp)
{
    KIRQL Irql;
    Irp->Tail.Overlay.Thread = PsGetCurrentThread();
    KeAcquireSpinLock(&ListLock, &Irql);
    InsertTailList(&ThreadIrps, &Irp->ThreadListEntry);
    KeReleaseSpinLock(&ListLock, Irql);
}

VOID IopDequeueThreadIrp(PIRP Irp)
{
    KIRQL Irql;
    KeAcquireSpinLock(&ListLock, &Irql);
    RemoveEntryList(&Irp->ThreadListEntry);
    InitializeListHead(&Irp->ThreadListEntry);
    KeReleaseSpinLock(&ListLock, Irql);
}

/* An IRP that Thread made and that is not finished; only one that is not cancelled yet, if NotCancelled. */
static PIRP FindThreadIrp(PETHREAD Thread, BOOLEAN NotCancelled)
{
    PIRP Found = NULL;
    KIRQL Irql;
    KeAcquireSpinLock(&ListLock, &Irql);
    for (PLIST_ENTRY Entry = ThreadIrps.Flink; Entry && Entry != &ThreadIrps && !Found; Entry = Entry->Flink) {
        PIRP Irp = CONTAINING_RECORD(Entry, IRP, ThreadListEntry);
        if (Irp->Tail.Overlay.Thread == Thread && !(NotCancelled && Irp->Cancel)) {
            Found = Irp;
        }
    }
    KeReleaseSpinLock(&ListLock, Irql);
    return Found;
}

BOOLEAN IopIsIrp(const VOID *Memory)
{
    return MmIsAddressValid((PUCHAR)Memory - sizeof(IRP_TRACKER)) && ((const IRP *)Memory)->Type == IO_TYPE_IRP &&
           IopTracker((PIRP)(ULONG_PTR)Memory)->Magic == TRACKER_MAGIC;
}

VOID IoRundownThread(VOID)
{
    PETHREAD Thread = PsGetCurrentThread();
    LARGE_INTEGER Due = {.QuadPart = -10000};
    PIRP Irp;
    while (FindThreadIrp(Thread, FALSE)) {
        while ((Irp = FindThreadIrp(Thread, TRUE)) != NULL) {
            IoCancelIrp(Irp);
        }
        KeDelayExecutionThread(KernelMode, FALSE, &Due); /* the verifier watches cancelled IRPs: io/cancel.c */
    }
}

BOOLEAN IopFindCancelled(ULONG64 Since, PIRP *Irp, PDEVICE_OBJECT *Holder)
{
    BOOLEAN Any = FALSE;
    KIRQL Irql;
    *Irp = NULL;
    KeAcquireSpinLock(&ListLock, &Irql);
    for (PLIST_ENTRY Entry = IopLiveIrps.Flink; Entry != &IopLiveIrps && !*Irp; Entry = Entry->Flink) {
        PIRP_TRACKER Tracker = CONTAINING_RECORD(Entry, IRP_TRACKER, Live);
        if (Tracker->CancelledAt && Tracker->Holder) {
            Any = TRUE;
            if (Tracker->CancelledAt <= Since) {
                *Irp = (PIRP)(Tracker + 1);
                *Holder = Tracker->Holder;
            }
        }
    }
    KeReleaseSpinLock(&ListLock, Irql);
    return Any;
}

VOID IopWatchCompleter(PIRP Irp, PDEVICE_OBJECT *Completer)
{
    IopTracker(Irp)->Completer = Completer;
}

NTSTATUS IopCallSynchronously(PDEVICE_OBJECT DeviceObject, PIRP Irp, PIO_STATUS_BLOCK Iosb)
{
    KEVENT Event;
    NTSTATUS Status;
    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    Irp->UserEvent = &Event;
    Irp->UserIosb = Iosb;
    Iosb->Status = STATUS_UNSUCCESSFUL;
    Iosb->Information = 0;
    IopTracker(Irp)->KernelWaits = TRUE;
    IopQueueThreadIrp(Irp);
    Status = IofCallDriver(DeviceObject, Irp);
    if (Status == STATUS_PENDING) {
        KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, NULL);
        Status = Iosb->Status;
    }
    return Status;
}
