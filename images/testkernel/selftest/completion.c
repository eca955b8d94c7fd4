/* SPDX-License-Identifier: MIT */
/*
 * Completion happens in the thread that made the IRP, by a special kernel APC: at once in a critical region, later at APC_LEVEL and in a
 * guarded region. A thread that ends takes its IRPs with it. A wait goes on after an APC.
 */
#include "check.h"

#define IOCTL_PEND CTL_CODE(0x8000, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS)

static PDEVICE_OBJECT Device;
static PIRP Held;
static LONG Cancelled;
static KEVENT Event, Ready;
static IO_STATUS_BLOCK Iosb;
static ULONG Answer;

static NTSTATUS Complete(PIRP Irp, NTSTATUS Status)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = 0;
    if (NT_SUCCESS(Status)) {
        *(PULONG)Irp->AssociatedIrp.SystemBuffer = 0xB0DD;
        Irp->IoStatus.Information = sizeof(ULONG);
    }
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static void NTAPI CancelHeld(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    IoReleaseCancelSpinLock(Irp->CancelIrql);
    Cancelled++;
    Complete(Irp, STATUS_CANCELLED);
}

static NTSTATUS NTAPI Control(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    IoMarkIrpPending(Irp);
    Held = Irp;
    IoSetCancelRoutine(Irp, CancelHeld);
    return STATUS_PENDING;
}

static void Send(void)
{
    PIRP irp;
    Answer = 0;
    Iosb.Status = STATUS_UNSUCCESSFUL;
    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    irp = IoBuildDeviceIoControlRequest(IOCTL_PEND, Device, NULL, 0, &Answer, sizeof(Answer), FALSE, &Event, &Iosb);
    CHECK(IoCallDriver(Device, irp) == STATUS_PENDING);
}

static BOOLEAN Done(void)
{
    return KeReadStateEvent(&Event) && Iosb.Status == STATUS_SUCCESS && Iosb.Information == 4 && Answer == 0xB0DD;
}

static BOOLEAN Untouched(void)
{
    return !KeReadStateEvent(&Event) && Iosb.Status == STATUS_UNSUCCESSFUL && Answer == 0;
}

static void NTAPI Finish(PVOID Context)
{
    IoSetCancelRoutine(Held, NULL);
    Complete(Held, STATUS_SUCCESS);
    KeSetEvent(&Ready, 0, FALSE);
}

static void NTAPI FinishSoon(PVOID Context)
{
    LARGE_INTEGER due = Milliseconds(10);
    KeDelayExecutionThread(KernelMode, FALSE, &due);
    Finish(Context);
}

static void NTAPI FinishWhenTold(PVOID Context)
{
    KeWaitForSingleObject(Context, Executive, KernelMode, FALSE, NULL);
    Finish(NULL);
}

static void NTAPI FinishDpc(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    Finish(Context);
}

static void NTAPI Guarded(PVOID Context)
{
    Send();
    KeEnterGuardedRegion();
    Join(Start(Finish, NULL));
    CHECK(Untouched());
    CHECK(Wait(&Event, 20) == STATUS_TIMEOUT);
    KeLeaveGuardedRegion();
    CHECK(Done());
}

static void NTAPI AtApcLevel(PVOID Context)
{
    KIRQL irql;
    PKTHREAD thread;
    KEVENT go;
    Send();
    KeClearEvent(&Ready);
    KeInitializeEvent(&go, NotificationEvent, FALSE);
    thread = Start(FinishWhenTold, &go);
    KeRaiseIrql(APC_LEVEL, &irql);
    KeSetEvent(&go, 0, FALSE);
    CHECK(Wait(&Ready, 1000) == STATUS_SUCCESS);
    CHECK(Untouched());
    KeLowerIrql(irql);
    CHECK(Done());
    Join(thread);
}

static void NTAPI InCriticalRegion(PVOID Context)
{
    PKTHREAD thread;
    Send();
    KeEnterCriticalRegion();
    thread = Start(FinishSoon, NULL);
    CHECK(KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, NULL) == STATUS_SUCCESS && Done());
    KeLeaveCriticalRegion();
    Join(thread);
}

static void NTAPI FromDpc(PVOID Context)
{
    static KDPC dpc;
    static KTIMER timer;
    LARGE_INTEGER due = Milliseconds(10);
    Send();
    KeInitializeDpc(&dpc, FinishDpc, NULL);
    KeInitializeTimer(&timer);
    KeSetTimer(&timer, due, &dpc);
    CHECK(KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, NULL) == STATUS_SUCCESS && Done());
}

/* A delay lasts as long as it was to, and a wait for something else is not ended by the APC. */
static void NTAPI WaitGoesOn(PVOID Context)
{
    KEVENT never;
    PKTHREAD thread;
    ULONGLONG since = KeQueryInterruptTime();
    LARGE_INTEGER due = Milliseconds(60);
    KeInitializeEvent(&never, NotificationEvent, FALSE);
    Send();
    thread = Start(FinishSoon, NULL);
    KeDelayExecutionThread(KernelMode, FALSE, &due);
    CHECK(KeQueryInterruptTime() - since >= 600000 && Done());
    Join(thread);
    since = KeQueryInterruptTime();
    Send();
    thread = Start(FinishSoon, NULL);
    CHECK(Wait(&never, 60) == STATUS_TIMEOUT && KeQueryInterruptTime() - since >= 600000 && Done());
    Join(thread);
}

static void NTAPI SendAndEnd(PVOID Context)
{
    Send();
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL] = Control;
    if (!NT_SUCCESS(IoCreateDevice(DriverObject, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &Device))) {
        return STATUS_UNSUCCESSFUL;
    }
    Device->Flags &= ~DO_DEVICE_INITIALIZING;
    KeInitializeEvent(&Ready, NotificationEvent, FALSE);
    RunInThread(Guarded, NULL);
    RunInThread(AtApcLevel, NULL);
    RunInThread(InCriticalRegion, NULL);
    RunInThread(FromDpc, NULL);
    RunInThread(WaitGoesOn, NULL);
    RunInThread(SendAndEnd, NULL);
    CHECK(Cancelled == 1 && Iosb.Status == STATUS_CANCELLED && KeReadStateEvent(&Event));
    IoDeleteDevice(Device);
    Summary("completion");
    return STATUS_UNSUCCESSFUL;
}
