/* SPDX-License-Identifier: MIT */
/* Requests by file handle, on files opened for synchronous and for asynchronous I/O: event, status block, APC, file position. */
#include "check.h"
#include "undeclared.h"

#define IOCTL_PEND CTL_CODE(0x8000, 0x900, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define IOCTL_FAIL CTL_CODE(0x8000, 0x901, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define IOCTL_DONE CTL_CODE(0x8000, 0x902, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define UNTOUCHED  ((NTSTATUS)0x12345678)

static UNICODE_STRING Name = RTL_CONSTANT_STRING(L"\\Device\\SelfTestAsync");
static PDEVICE_OBJECT Device;
static PIRP Held;
static KEVENT Arrived;
static LARGE_INTEGER LastOffset;
static ULONG LastKey;

static NTSTATUS Complete(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static VOID NTAPI CancelHeld(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    IoReleaseCancelSpinLock(Irp->CancelIrql);
    Held = NULL;
    Complete(Irp, STATUS_CANCELLED, 0);
}

static NTSTATUS Hold(PIRP Irp)
{
    IoMarkIrpPending(Irp);
    IoSetCancelRoutine(Irp, CancelHeld);
    Held = Irp;
    KeSetEvent(&Arrived, 0, FALSE);
    return STATUS_PENDING;
}

/* The request in hand is done, with bytes 7, 7, …; the caller's thread may be another one. */
static void Finish(NTSTATUS Status)
{
    PIRP irp = Held;
    ULONG length = IoGetCurrentIrpStackLocation(irp)->Parameters.Read.Length;
    Held = NULL;
    IoSetCancelRoutine(irp, NULL);
    if (irp->AssociatedIrp.SystemBuffer && IoGetCurrentIrpStackLocation(irp)->MajorFunction == IRP_MJ_READ) {
        RtlFillMemory(irp->AssociatedIrp.SystemBuffer, length, 7);
    }
    Complete(irp, Status, NT_SUCCESS(Status) ? length : 0);
}

static NTSTATUS NTAPI Dispatch(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    switch (stack->MajorFunction) {
    case IRP_MJ_READ:
    case IRP_MJ_WRITE:
        LastOffset = stack->Parameters.Read.ByteOffset;
        LastKey = stack->Parameters.Read.Key;
        return Hold(Irp);
    case IRP_MJ_DEVICE_CONTROL:
        switch (stack->Parameters.DeviceIoControl.IoControlCode) {
        case IOCTL_PEND:
            return Hold(Irp);
        case IOCTL_FAIL:
            return Complete(Irp, STATUS_DEVICE_DATA_ERROR, 0);
        default:
            return Complete(Irp, STATUS_SUCCESS, 0);
        }
    default:
        return Complete(Irp, STATUS_SUCCESS, 0);
    }
}

static LONG Calls;
static PVOID CallContext;
static PIO_STATUS_BLOCK CallIosb;

static VOID NTAPI Done(PVOID Context, PIO_STATUS_BLOCK Iosb, ULONG Reserved)
{
    CHECK(KeGetCurrentIrql() == PASSIVE_LEVEL && Reserved == 0);
    Calls++;
    CallContext = Context;
    CallIosb = Iosb;
}

static NTSTATUS Open(ACCESS_MASK Access, ULONG Options, PHANDLE Handle)
{
    OBJECT_ATTRIBUTES attributes;
    IO_STATUS_BLOCK iosb;
    InitializeObjectAttributes(&attributes, &Name, OBJ_KERNEL_HANDLE, NULL, NULL);
    return ZwOpenFile(Handle, Access, &attributes, &iosb, FILE_SHARE_READ | FILE_SHARE_WRITE, Options);
}

static LONG IsSet(HANDLE Event)
{
    LARGE_INTEGER now = {.QuadPart = 0};
    return ZwWaitForSingleObject(Event, FALSE, &now) == STATUS_SUCCESS;
}

static void NTAPI Asynchronous(PVOID Context)
{
    HANDLE handle, event;
    UCHAR data[4] = {0};
    LARGE_INTEGER offset = {.QuadPart = 100};
    IO_STATUS_BLOCK iosb = {.Status = UNTOUCHED};
    ULONG key = 5;
    CHECK(NT_SUCCESS(Open(GENERIC_READ | SYNCHRONIZE, 0, &handle)));
    CHECK(NT_SUCCESS(ZwCreateEvent(&event, EVENT_ALL_ACCESS, NULL, NotificationEvent, TRUE)));
    /* The event is reset, the call returns, the APC waits for the end. */
    CHECK(ZwReadFile(handle, event, Done, &key, &iosb, data, 4, &offset, &key) == STATUS_PENDING);
    CHECK(Held && !IsSet(event) && iosb.Status == UNTOUCHED && Calls == 0 && data[0] == 0);
    CHECK(LastOffset.QuadPart == 100 && LastKey == 5);
    Finish(STATUS_SUCCESS);
    CHECK(IsSet(event) && iosb.Status == STATUS_SUCCESS && iosb.Information == 4 && data[3] == 7);
    CHECK(Calls == 1 && CallContext == &key && CallIosb == &iosb);
    /* In a critical region the APC has to wait, the rest does not. */
    KeEnterCriticalRegion();
    CHECK(ZwWriteFile(handle, event, Done, NULL, &iosb, data, 4, &offset, NULL) == STATUS_PENDING && !IsSet(event));
    Finish(STATUS_DEVICE_BUSY);
    CHECK(IsSet(event) && iosb.Status == STATUS_DEVICE_BUSY && Calls == 1);
    KeLeaveCriticalRegion();
    CHECK(Calls == 2);
    /* Done at once: as pending. Failed at once: the return value says it, and nothing else. */
    iosb.Status = UNTOUCHED;
    CHECK(ZwDeviceIoControlFile(handle, event, Done, NULL, &iosb, IOCTL_FAIL, NULL, 0, NULL, 0) ==
          STATUS_DEVICE_DATA_ERROR);
    CHECK(!IsSet(event) && iosb.Status == UNTOUCHED && Calls == 2);
    CHECK(ZwDeviceIoControlFile(handle, event, Done, NULL, &iosb, IOCTL_DONE, NULL, 0, NULL, 0) == STATUS_SUCCESS);
    CHECK(IsSet(event) && iosb.Status == STATUS_SUCCESS && Calls == 3);
    /* Without an event the file itself is signalled. */
    CHECK(ZwDeviceIoControlFile(handle, NULL, NULL, NULL, &iosb, IOCTL_PEND, NULL, 0, NULL, 0) == STATUS_PENDING);
    CHECK(!IsSet(handle));
    Finish(STATUS_SUCCESS);
    CHECK(IsSet(handle) && iosb.Status == STATUS_SUCCESS);
    CHECK(ZwReadFile(handle, NULL, NULL, NULL, &iosb, data, 4, NULL, NULL) == STATUS_INVALID_PARAMETER);
    CHECK(ZwReadFile(handle, (HANDLE)0x1234, NULL, NULL, &iosb, data, 4, &offset, NULL) == STATUS_INVALID_HANDLE);
    /* The request keeps file and event. */
    CHECK(ZwReadFile(handle, event, NULL, NULL, &iosb, data, 4, &offset, NULL) == STATUS_PENDING);
    CHECK(NT_SUCCESS(ZwClose(handle)) && NT_SUCCESS(ZwClose(event)) && Device->ReferenceCount == 1);
    Finish(STATUS_SUCCESS);
    CHECK(Device->ReferenceCount == 0);
}

static IO_STATUS_BLOCK EndingIosb;
static HANDLE Shared;

static void NTAPI EndsWithRequest(PVOID Context)
{
    CHECK(ZwDeviceIoControlFile(Shared, NULL, Done, NULL, &EndingIosb, IOCTL_PEND, NULL, 0, NULL, 0) == STATUS_PENDING);
}

/* A thread that ends has its requests cancelled. */
static void Ending(void)
{
    CHECK(NT_SUCCESS(Open(GENERIC_READ | SYNCHRONIZE, 0, &Shared)));
    RunInThread(EndsWithRequest, NULL);
    CHECK(!Held && EndingIosb.Status == STATUS_CANCELLED);
    CHECK(NT_SUCCESS(ZwClose(Shared)));
}

static LONG Finished;

static void NTAPI ReadsTwice(PVOID Context)
{
    IO_STATUS_BLOCK iosb;
    UCHAR data[8] = {0};
    CHECK(NT_SUCCESS(ZwReadFile(Shared, NULL, Done, Context, &iosb, data, 8, NULL, NULL)));
    CHECK(iosb.Information == 8 && data[7] == 7);
    InterlockedIncrement(&Finished);
}

/* One request at a time, each from where the last one ended. */
static void Synchronous(void)
{
    LARGE_INTEGER current = {.LowPart = FILE_USE_FILE_POINTER_POSITION, .HighPart = -1}, offset = {.QuadPart = 1000};
    CHECK(Open(GENERIC_READ, FILE_SYNCHRONOUS_IO_NONALERT, &Shared) == STATUS_INVALID_PARAMETER); /* no SYNCHRONIZE */
    CHECK(NT_SUCCESS(Open(GENERIC_READ | SYNCHRONIZE, FILE_SYNCHRONOUS_IO_NONALERT, &Shared)));
    Calls = 0;
    PKTHREAD one = Start(ReadsTwice, NULL), two = Start(ReadsTwice, NULL);
    for (LONG i = 0; i < 2; i++) {
        CHECK(Wait(&Arrived, 5000) == STATUS_SUCCESS && Finished <= i); /* the first may still be on its way back */
        CHECK(LastOffset.QuadPart == 8 * i);
        CHECK(Wait(&Arrived, 5) == STATUS_TIMEOUT); /* the other one waits for this one's end */
        Finish(STATUS_SUCCESS);
    }
    Join(one);
    Join(two);
    CHECK(Calls == 2);
    PFILE_OBJECT file;
    CHECK(NT_SUCCESS(ObReferenceObjectByHandle(Shared, 0, *IoFileObjectType, KernelMode, (PVOID *)&file, NULL)));
    CHECK((file->Flags & FO_SYNCHRONOUS_IO) && file->CurrentByteOffset.QuadPart == 16);
    file->CurrentByteOffset = offset;
    ObDereferenceObject(file);
    one = Start(ReadsTwice, &current);
    CHECK(Wait(&Arrived, 5000) == STATUS_SUCCESS && LastOffset.QuadPart == 1000);
    Finish(STATUS_SUCCESS);
    Join(one);
    CHECK(CallContext == &current && NT_SUCCESS(ZwClose(Shared)));
}

static void NTAPI All(PVOID Context)
{
    Asynchronous(NULL);
    KeClearEvent(&Arrived);
    Ending();
    KeClearEvent(&Arrived);
    Synchronous();
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    for (ULONG i = 0; i <= IRP_MJ_MAXIMUM_FUNCTION; i++) {
        DriverObject->MajorFunction[i] = Dispatch;
    }
    KeInitializeEvent(&Arrived, SynchronizationEvent, FALSE);
    CHECK(NT_SUCCESS(IoCreateDevice(DriverObject, 0, &Name, FILE_DEVICE_UNKNOWN, 0, FALSE, &Device)));
    Device->Flags = (Device->Flags | DO_BUFFERED_IO) & ~DO_DEVICE_INITIALIZING;
    RunInThread(All, NULL);
    IoDeleteDevice(Device);
    Summary("async");
    return STATUS_UNSUCCESSFUL;
}
