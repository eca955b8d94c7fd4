/* SPDX-License-Identifier: MIT */
/*
 * IRPs in odd circumstances: every build function with every buffer method and length, none among them; completion that is stopped and goes on in
 * another thread; cancellation that races completion; a file that is closed with a request outstanding.
 */
#include "check.h"
#include "undeclared.h"

#define TAG      'tseT'
#define RACES    200
#define IOCTL(m) CTL_CODE(0x8000, 0x810 + (m), m, FILE_ANY_ACCESS)

static PDRIVER_OBJECT Driver;
static PDEVICE_OBJECT Device;
static UNICODE_STRING Name = RTL_CONSTANT_STRING(L"\\Device\\SelfTestRequests");
static PIRP Held;
static KEVENT HeldEvent, Event;
static LONG Completed, CancelledByRoutine;
static CHAR Order[8];
static LONG OrderAt;

static void Note(CHAR What)
{
    LONG at = InterlockedIncrement(&OrderAt) - 1;
    if (at < (LONG)sizeof(Order)) {
        Order[at] = What;
    }
}

static void Yield(void)
{
    LARGE_INTEGER soon = {.QuadPart = -1};
    KeDelayExecutionThread(KernelMode, FALSE, &soon);
}

static NTSTATUS Finish(PIRP Irp, NTSTATUS Status)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = 0;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

/* What the driver must find in the IRP for a method and lengths: https://learn.microsoft.com/windows-hardware/drivers/kernel/buffer-descriptions-for-i-o-control-codes */
typedef struct _BUFFERS {
    ULONG Method, Input, Output;
    BOOLEAN System, Mdl, User, Type3;
} BUFFERS;

static const BUFFERS Methods[] = {
    {METHOD_BUFFERED, 0, 0, FALSE, FALSE, FALSE, FALSE},  {METHOD_BUFFERED, 8, 0, TRUE, FALSE, FALSE, FALSE},
    {METHOD_BUFFERED, 0, 8, TRUE, FALSE, TRUE, FALSE},    {METHOD_BUFFERED, 8, 8, TRUE, FALSE, TRUE, FALSE},
    {METHOD_IN_DIRECT, 0, 0, FALSE, FALSE, FALSE, FALSE}, {METHOD_IN_DIRECT, 8, 0, TRUE, FALSE, FALSE, FALSE},
    {METHOD_IN_DIRECT, 0, 8, FALSE, TRUE, FALSE, FALSE},  {METHOD_IN_DIRECT, 8, 8, TRUE, TRUE, FALSE, FALSE},
    {METHOD_OUT_DIRECT, 0, 8, FALSE, TRUE, FALSE, FALSE}, {METHOD_OUT_DIRECT, 8, 8, TRUE, TRUE, FALSE, FALSE},
    {METHOD_NEITHER, 0, 0, FALSE, FALSE, FALSE, FALSE},   {METHOD_NEITHER, 8, 0, FALSE, FALSE, FALSE, TRUE},
    {METHOD_NEITHER, 0, 8, FALSE, FALSE, TRUE, FALSE},    {METHOD_NEITHER, 8, 8, FALSE, FALSE, TRUE, TRUE},
};
static const BUFFERS *Expected;

static VOID NTAPI CancelHeld(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    IoReleaseCancelSpinLock(Irp->CancelIrql);
    InterlockedIncrement(&CancelledByRoutine);
    Finish(Irp, STATUS_CANCELLED);
}

static NTSTATUS NTAPI Control(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    if (stack->MajorFunction == IRP_MJ_DEVICE_CONTROL && Expected) {
        CHECK(stack->Parameters.DeviceIoControl.InputBufferLength == Expected->Input);
        CHECK(stack->Parameters.DeviceIoControl.OutputBufferLength == Expected->Output);
        CHECK((Irp->AssociatedIrp.SystemBuffer != NULL) == Expected->System);
        CHECK((Irp->MdlAddress != NULL) == Expected->Mdl);
        CHECK(!Irp->MdlAddress || MmGetMdlByteCount(Irp->MdlAddress) == Expected->Output);
        if (Expected->Method == METHOD_NEITHER || Expected->Output == 0) {
            CHECK((Irp->UserBuffer != NULL) == Expected->User);
        }
        if (Expected->Method == METHOD_NEITHER) {
            CHECK((stack->Parameters.DeviceIoControl.Type3InputBuffer != NULL) == Expected->Type3);
        }
        return Finish(Irp, STATUS_SUCCESS);
    }
    IoMarkIrpPending(Irp);
    Held = Irp;
    IoSetCancelRoutine(Irp, CancelHeld);
    KeSetEvent(&HeldEvent, IO_NO_INCREMENT, FALSE);
    return STATUS_PENDING;
}

static void IoControls(void)
{
    static UCHAR input[8], output[8];
    for (ULONG i = 0; i < sizeof(Methods) / sizeof(Methods[0]); i++) {
        IO_STATUS_BLOCK iosb = {.Status = STATUS_UNSUCCESSFUL};
        const BUFFERS *m = Expected = &Methods[i];
        KeInitializeEvent(&Event, NotificationEvent, FALSE);
        PIRP irp = IoBuildDeviceIoControlRequest(IOCTL(m->Method), Device, m->Input ? input : NULL, m->Input,
                                                 m->Output ? output : NULL, m->Output, FALSE, &Event, &iosb);
        CHECK(irp && IoCallDriver(Device, irp) == STATUS_SUCCESS);
        CHECK(iosb.Status == STATUS_SUCCESS && KeReadStateEvent(&Event));
    }
    Expected = NULL;
}

/* IoBuild…FsdRequest: a read or write of nothing has no buffer; other functions none at all; PnP and power start as not supported. */
static void Builds(void)
{
    static const ULONG flags[] = {DO_BUFFERED_IO, DO_DIRECT_IO, 0};
    static UCHAR buffer[16];
    LARGE_INTEGER offset = {.QuadPart = 0x123456789};
    IO_STATUS_BLOCK iosb;
    for (ULONG i = 0; i < 3; i++) {
        Device->Flags = (Device->Flags & ~(DO_BUFFERED_IO | DO_DIRECT_IO)) | flags[i];
        for (ULONG length = 0; length <= 16; length += 16) {
            PIRP irp =
                IoBuildAsynchronousFsdRequest(IRP_MJ_WRITE, Device, length ? buffer : NULL, length, &offset, &iosb);
            PIO_STACK_LOCATION next = IoGetNextIrpStackLocation(irp);
            CHECK(next->MajorFunction == IRP_MJ_WRITE && next->Parameters.Write.Length == length);
            CHECK(next->Parameters.Write.ByteOffset.QuadPart == offset.QuadPart);
            CHECK((irp->AssociatedIrp.SystemBuffer != NULL) == (length && flags[i] == DO_BUFFERED_IO));
            CHECK((irp->MdlAddress != NULL) == (length && flags[i] == DO_DIRECT_IO));
            CHECK(flags[i] || irp->UserBuffer == (length ? buffer : NULL));
            CHECK(irp->UserIosb == &iosb && irp->UserEvent == NULL);
            if (irp->MdlAddress) {
                MmUnlockPages(irp->MdlAddress);
                IoFreeMdl(irp->MdlAddress);
            }
            if (irp->AssociatedIrp.SystemBuffer) {
                ExFreePool(irp->AssociatedIrp.SystemBuffer);
            }
            IoFreeIrp(irp);
        }
    }
    PIRP flush = IoBuildAsynchronousFsdRequest(IRP_MJ_FLUSH_BUFFERS, Device, NULL, 0, NULL, NULL);
    CHECK(flush && !flush->MdlAddress && !flush->AssociatedIrp.SystemBuffer && flush->IoStatus.Status == 0);
    IoFreeIrp(flush);
    PIRP pnp = IoBuildAsynchronousFsdRequest(IRP_MJ_PNP, Device, NULL, 0, NULL, NULL);
    CHECK(pnp && pnp->IoStatus.Status == STATUS_NOT_SUPPORTED);
    IoFreeIrp(pnp);
    Device->Flags &= ~(DO_BUFFERED_IO | DO_DIRECT_IO);
}

/* A completion routine keeps the IRP; a thread of its own completes it afterwards, and the requester hears of it only then. */
static PDEVICE_OBJECT Upper;
static KEVENT Kept;

static NTSTATUS NTAPI KeepIt(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
    CHECK(DeviceObject == Upper && Context == &Kept && Irp->PendingReturned);
    KeSetEvent(&Kept, IO_NO_INCREMENT, FALSE);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

static NTSTATUS NTAPI PassDown(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    IoMarkIrpPending(Irp);
    IoCopyCurrentIrpStackLocationToNext(Irp);
    IoSetCompletionRoutine(Irp, KeepIt, &Kept, TRUE, TRUE, TRUE);
    IoCallDriver(Device, Irp);
    return STATUS_PENDING;
}

static VOID NTAPI CompleteLater(PVOID Context)
{
    CHECK(Wait(&Kept, 5000) == STATUS_SUCCESS);
    CHECK(!KeReadStateEvent(&Event));
    Finish(Context, STATUS_SUCCESS);
}

static NTSTATUS NTAPI Dispatch(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    return DeviceObject == Upper ? PassDown(DeviceObject, Irp) : Control(DeviceObject, Irp);
}

static VOID NTAPI StoppedCompletion(PVOID Context)
{
    IO_STATUS_BLOCK iosb = {.Status = STATUS_UNSUCCESSFUL};
    PKTHREAD other;
    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    KeInitializeEvent(&Kept, NotificationEvent, FALSE);
    PIRP irp = IoBuildDeviceIoControlRequest(IOCTL(0), Upper, NULL, 0, NULL, 0, FALSE, &Event, &iosb);
    other = Start(CompleteLater, irp);
    CHECK(IoCallDriver(Upper, irp) == STATUS_PENDING && Held == irp);
    CHECK(IoSetCancelRoutine(irp, NULL) == CancelHeld);
    Finish(irp, STATUS_DEVICE_BUSY); /* of the lower driver; the upper one says success in the end */
    CHECK(Wait(&Event, 5000) == STATUS_SUCCESS && iosb.Status == STATUS_SUCCESS);
    Join(other);
}

/* Whoever takes the cancel routine off completes the IRP: exactly one does, whatever the order. */
static NTSTATUS NTAPI Count(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
    InterlockedIncrement(&Completed);
    KeSetEvent(Context, IO_NO_INCREMENT, FALSE);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

static VOID NTAPI CompleteHeld(PVOID Context)
{
    for (LONG i = 0; i < RACES; i++) {
        CHECK(Wait(&HeldEvent, 5000) == STATUS_SUCCESS);
        PIRP irp = Held;
        if (i % 3 == 0) {
            Yield();
        }
        if (IoSetCancelRoutine(irp, NULL)) {
            Finish(irp, STATUS_SUCCESS);
        }
        KeSetEvent(&Kept, IO_NO_INCREMENT, FALSE);
    }
}

static VOID NTAPI Races(PVOID Context)
{
    LONG succeeded = 0;
    KeInitializeEvent(&HeldEvent, SynchronizationEvent, FALSE);
    KeInitializeEvent(&Kept, SynchronizationEvent, FALSE);
    Completed = CancelledByRoutine = 0;
    PKTHREAD other = Start(CompleteHeld, NULL);
    PIRP irp = IoAllocateIrp(2, FALSE);
    for (LONG i = 0; i < RACES; i++) {
        KeInitializeEvent(&Event, NotificationEvent, FALSE);
        IoReuseIrp(irp, STATUS_UNSUCCESSFUL);
        IoSetCompletionRoutine(irp, Count, &Event, TRUE, TRUE, TRUE);
        IoGetNextIrpStackLocation(irp)->MajorFunction = IRP_MJ_INTERNAL_DEVICE_CONTROL;
        CHECK(IoCallDriver(Device, irp) == STATUS_PENDING);
        if (i % 2) {
            Yield();
        }
        IoCancelIrp(irp);
        CHECK(Wait(&Event, 5000) == STATUS_SUCCESS && Completed == i + 1 && irp->Cancel);
        CHECK(irp->CancelRoutine == NULL);
        succeeded += NT_SUCCESS(irp->IoStatus.Status);
        CHECK(irp->IoStatus.Status == STATUS_SUCCESS || irp->IoStatus.Status == STATUS_CANCELLED);
        CHECK(Wait(&Kept, 5000) == STATUS_SUCCESS); /* the other is through with it */
    }
    CHECK(succeeded + CancelledByRoutine == RACES && succeeded > 0 && CancelledByRoutine > 0);
    IoFreeIrp(irp);
    Join(other);
}

/* The last handle goes while a request is outstanding: cleanup, in which the driver ends the request; close only after that. */
static NTSTATUS NTAPI FileIrp(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UCHAR major = IoGetCurrentIrpStackLocation(Irp)->MajorFunction;
    Note(major == IRP_MJ_CREATE ? 'o' : major == IRP_MJ_CLEANUP ? 'u' : 'c');
    if (major == IRP_MJ_CLEANUP && Held) {
        PIRP irp = Held;
        Held = NULL;
        CHECK(IoGetCurrentIrpStackLocation(irp)->FileObject == IoGetCurrentIrpStackLocation(Irp)->FileObject);
        if (IoSetCancelRoutine(irp, NULL)) {
            Finish(irp, STATUS_CANCELLED);
        }
    }
    return Finish(Irp, STATUS_SUCCESS);
}

static VOID NTAPI Closing(PVOID Context)
{
    OBJECT_ATTRIBUTES attributes, unnamed;
    IO_STATUS_BLOCK iosb = {.Status = STATUS_UNSUCCESSFUL}, opened;
    HANDLE file, event;
    LARGE_INTEGER due = Milliseconds(5000);
    InitializeObjectAttributes(&attributes, &Name, OBJ_KERNEL_HANDLE, NULL, NULL);
    InitializeObjectAttributes(&unnamed, NULL, OBJ_KERNEL_HANDLE, NULL, NULL);
    OrderAt = 0;
    RtlZeroMemory(Order, sizeof(Order));
    CHECK(NT_SUCCESS(ZwCreateEvent(&event, EVENT_ALL_ACCESS, &unnamed, NotificationEvent, FALSE)));
    CHECK(NT_SUCCESS(ZwOpenFile(&file, GENERIC_READ, &attributes, &opened, 0, 0)));
    CHECK(ZwDeviceIoControlFile(file, event, NULL, NULL, &iosb, IOCTL(0), NULL, 0, NULL, 0) == STATUS_PENDING && Held);
    CHECK(NT_SUCCESS(ZwClose(file)));
    CHECK(ZwWaitForSingleObject(event, FALSE, &due) == STATUS_SUCCESS && iosb.Status == STATUS_CANCELLED);
    CHECK(OrderAt == 3 && Order[0] == 'o' && Order[1] == 'u' && Order[2] == 'c' && !Held);
    ZwClose(event);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    Driver = DriverObject;
    Driver->MajorFunction[IRP_MJ_CREATE] = Driver->MajorFunction[IRP_MJ_CLOSE] = FileIrp;
    Driver->MajorFunction[IRP_MJ_CLEANUP] = FileIrp;
    Driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = Driver->MajorFunction[IRP_MJ_INTERNAL_DEVICE_CONTROL] = Dispatch;
    CHECK(NT_SUCCESS(IoCreateDevice(Driver, 0, &Name, FILE_DEVICE_UNKNOWN, 0, FALSE, &Device)));
    Device->Flags &= ~DO_DEVICE_INITIALIZING;
    KeInitializeEvent(&HeldEvent, SynchronizationEvent, FALSE);
    IoControls();
    Builds();
    RunInThread(Races, NULL);
    RunInThread(Closing, NULL);
    CHECK(NT_SUCCESS(IoCreateDevice(Driver, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &Upper)));
    CHECK(IoAttachDeviceToDeviceStack(Upper, Device) == Device);
    Upper->Flags &= ~DO_DEVICE_INITIALIZING;
    RunInThread(StoppedCompletion, NULL);
    IoDetachDevice(Device);
    IoDeleteDevice(Upper);
    IoDeleteDevice(Device);
    return Summary("requests");
}
