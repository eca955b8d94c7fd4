/* SPDX-License-Identifier: MIT */
/*
 * Requests by file handle: read, write, device control. On a file opened with FILE_SYNCHRONOUS_IO_* the I/O manager waits and keeps the position; else the
 * call returns STATUS_PENDING, and event, status block and APC tell of the end.
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-zwdeviceiocontrolfile
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-zwreadfile
 */
#include "io/io.h"
#include "io/irp.h"
#include "ke/apc.h"

typedef struct _FILE_REQUEST {
    UCHAR Major;
    ULONG Code; /* of a device control */
    PVOID Input;
    ULONG InputLength;
    PVOID Output; /* or what is written */
    ULONG OutputLength;
    PLARGE_INTEGER Offset; /* of a read or write */
    ULONG Key;
    HANDLE Event; /* NULL: none */
    PIO_APC_ROUTINE ApcRoutine;
    PVOID ApcContext;
    PIO_STATUS_BLOCK Iosb;
} FILE_REQUEST;

static BOOLEAN IsTransfer(const FILE_REQUEST *Request)
{
    return Request->Major != IRP_MJ_DEVICE_CONTROL;
}

static PIRP Build(const FILE_REQUEST *Request, PFILE_OBJECT File, PLARGE_INTEGER Offset, PKEVENT Event)
{
    PDEVICE_OBJECT Top = IoGetRelatedDeviceObject(File);
    PIRP Irp;
    if (IsTransfer(Request)) {
        Irp = IoBuildSynchronousFsdRequest(Request->Major, Top, Request->Output, Request->OutputLength, Offset, Event,
                                           Request->Iosb);
        if (Irp) {
            IoGetNextIrpStackLocation(Irp)->Parameters.Read.Key = Request->Key;
        }
    } else {
        Irp = IoBuildDeviceIoControlRequest(Request->Code, Top, Request->Input, Request->InputLength, Request->Output,
                                            Request->OutputLength, FALSE, Event, Request->Iosb);
    }
    if (Irp) {
        IoGetNextIrpStackLocation(Irp)->FileObject = File;
    }
    return Irp;
}

/* Requests on a synchronous file object go one after the other. */
static VOID LockFile(PFILE_OBJECT File)
{
    while (InterlockedExchange((PLONG)&File->Busy, TRUE)) {
        InterlockedIncrement((PLONG)&File->Waiters);
        KeWaitForSingleObject(&File->Lock, Executive, KernelMode, FALSE, NULL);
        InterlockedDecrement((PLONG)&File->Waiters);
    }
}

static VOID UnlockFile(PFILE_OBJECT File)
{
    InterlockedExchange((PLONG)&File->Busy, FALSE);
    KeSetEvent(&File->Lock, IO_NO_INCREMENT, FALSE);
}

static BOOLEAN IsCurrentPosition(PLARGE_INTEGER Offset)
{
    return !Offset || (Offset->HighPart == -1 && Offset->LowPart == FILE_USE_FILE_POINTER_POSITION);
}

static NTSTATUS Synchronously(const FILE_REQUEST *Request, PFILE_OBJECT File, PKEVENT CallersEvent)
{
    KEVENT Event;
    LARGE_INTEGER Offset = IsCurrentPosition(Request->Offset) ? File->CurrentByteOffset : *Request->Offset;
    BOOLEAN Pended;
    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    PIRP Irp = Build(Request, File, &Offset, &Event);
    if (!Irp) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    IopTracker(Irp)->KernelWaits = TRUE;
    NTSTATUS Status = IofCallDriver(IoGetRelatedDeviceObject(File), Irp);
    Pended = Status == STATUS_PENDING;
    if (Pended) {
        KeWaitForSingleObject(&Event, Executive, KernelMode, (File->Flags & FO_ALERTABLE_IO) != 0, NULL);
        Status = Request->Iosb->Status;
    }
    if (IsTransfer(Request) && NT_SUCCESS(Status)) {
        File->CurrentByteOffset.QuadPart = Offset.QuadPart + (LONGLONG)Request->Iosb->Information;
    }
    if (!NT_ERROR(Status) || Pended) {
        File->FinalStatus = Status;
        if (CallersEvent) {
            KeSetEvent(CallersEvent, IO_NO_INCREMENT, FALSE);
        }
        IopQueueUserApc(Request->ApcRoutine, Request->ApcContext, Request->Iosb);
    }
    return Status;
}

static NTSTATUS Asynchronously(const FILE_REQUEST *Request, PFILE_OBJECT File, PKEVENT CallersEvent)
{
    if (IsTransfer(Request) && !Request->Offset) {
        return STATUS_INVALID_PARAMETER; /* nobody keeps a position */
    }
    if (!CallersEvent) {
        KeClearEvent(&File->Event);
    }
    PIRP Irp = Build(Request, File, Request->Offset, CallersEvent);
    if (!Irp) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    /* Completion drops these references. */
    ObfReferenceObject(File);
    Irp->Tail.Overlay.OriginalFileObject = File;
    if (CallersEvent) {
        ObfReferenceObject(CallersEvent);
    }
    IopTracker(Irp)->ByHandle = TRUE;
    IopTracker(Irp)->EventObject = CallersEvent;
    IopTracker(Irp)->ApcRoutine = Request->ApcRoutine;
    IopTracker(Irp)->ApcContext = Request->ApcContext;
    return IofCallDriver(IoGetRelatedDeviceObject(File), Irp);
}

static NTSTATUS Send(HANDLE FileHandle, const FILE_REQUEST *Request)
{
    PVOID Object, CallersEvent = NULL;
    NTSTATUS Status = ObReferenceObjectByHandle(FileHandle, 0, &IopFileType, KernelMode, &Object, NULL);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    PFILE_OBJECT File = Object;
    if (Request->Event) {
        Status = ObReferenceObjectByHandle(Request->Event, EVENT_MODIFY_STATE, OB_TYPE(ExEventObjectType), KernelMode,
                                           &CallersEvent, NULL);
    }
    if (NT_SUCCESS(Status) && CallersEvent) {
        KeClearEvent(CallersEvent);
    }
    if (NT_SUCCESS(Status) && (File->Flags & FO_SYNCHRONOUS_IO)) {
        LockFile(File);
        Status = Synchronously(Request, File, CallersEvent);
        UnlockFile(File);
    } else if (NT_SUCCESS(Status)) {
        Status = Asynchronously(Request, File, CallersEvent);
    }
    if (CallersEvent) {
        ObfDereferenceObject(CallersEvent);
    }
    ObfDereferenceObject(File);
    return Status;
}

/*
 * PASSIVE_LEVEL. ByteOffset NULL: the current position (synchronous files only). ApcRoutine is called in this thread, at PASSIVE_LEVEL, when the request is
 * done; as Event it hears nothing of a request that fails at once.
 */
NTSTATUS NTAPI ZwReadFile(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine, PVOID ApcContext,
                          PIO_STATUS_BLOCK IoStatusBlock, PVOID Buffer, ULONG Length, PLARGE_INTEGER ByteOffset,
                          PULONG Key)
{
    const FILE_REQUEST Request = {.Major = IRP_MJ_READ,
                                  .Output = Buffer,
                                  .OutputLength = Length,
                                  .Offset = ByteOffset,
                                  .Key = Key ? *Key : 0,
                                  .Event = Event,
                                  .ApcRoutine = ApcRoutine,
                                  .ApcContext = ApcContext,
                                  .Iosb = IoStatusBlock};
    return Send(FileHandle, &Request);
}

/* As ZwReadFile. */
NTSTATUS NTAPI ZwWriteFile(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine, PVOID ApcContext,
                           PIO_STATUS_BLOCK IoStatusBlock, PVOID Buffer, ULONG Length, PLARGE_INTEGER ByteOffset,
                           PULONG Key)
{
    const FILE_REQUEST Request = {.Major = IRP_MJ_WRITE,
                                  .Output = Buffer,
                                  .OutputLength = Length,
                                  .Offset = ByteOffset,
                                  .Key = Key ? *Key : 0,
                                  .Event = Event,
                                  .ApcRoutine = ApcRoutine,
                                  .ApcContext = ApcContext,
                                  .Iosb = IoStatusBlock};
    return Send(FileHandle, &Request);
}

/* As ZwReadFile. */
NTSTATUS NTAPI ZwDeviceIoControlFile(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine, PVOID ApcContext,
                                     PIO_STATUS_BLOCK IoStatusBlock, ULONG IoControlCode, PVOID InputBuffer,
                                     ULONG InputBufferLength, PVOID OutputBuffer, ULONG OutputBufferLength)
{
    const FILE_REQUEST Request = {.Major = IRP_MJ_DEVICE_CONTROL,
                                  .Code = IoControlCode,
                                  .Input = InputBuffer,
                                  .InputLength = InputBufferLength,
                                  .Output = OutputBuffer,
                                  .OutputLength = OutputBufferLength,
                                  .Event = Event,
                                  .ApcRoutine = ApcRoutine,
                                  .ApcContext = ApcContext,
                                  .Iosb = IoStatusBlock};
    return Send(FileHandle, &Request);
}
