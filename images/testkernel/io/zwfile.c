/* SPDX-License-Identifier: MIT */
/*
 * Zw*File on device objects: open, device control, read, write. There is no file system.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/using-files-in-a-driver
 */
#include "io/io.h"
#include "io/irp.h"

static ULONG Forced(POBJECT_ATTRIBUTES Attributes)
{
    return Attributes->Attributes & OBJ_FORCE_ACCESS_CHECK ? IOP_CHECK_ACCESS : 0;
}

NTSTATUS NTAPI ZwCreateFile(PHANDLE FileHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
                            PIO_STATUS_BLOCK IoStatusBlock, PLARGE_INTEGER AllocationSize, ULONG FileAttributes,
                            ULONG ShareAccess, ULONG CreateDisposition, ULONG CreateOptions, PVOID EaBuffer,
                            ULONG EaLength)
{
    NTSTATUS Status;
    IoRequireIrql("ZwCreateFile", PASSIVE_LEVEL, _ReturnAddress());
    if (ObjectAttributes->RootDirectory || !ObjectAttributes->ObjectName) {
        return STATUS_OBJECT_NAME_INVALID;
    }
    Status = IopOpenFile(ObjectAttributes->ObjectName, DesiredAccess, ShareAccess,
                         CreateOptions | Forced(ObjectAttributes), NULL, FileHandle, _ReturnAddress());
    IoStatusBlock->Status = Status;
    IoStatusBlock->Information = NT_SUCCESS(Status) ? FILE_OPENED : 0;
    return Status;
}

NTSTATUS NTAPI ZwOpenFile(PHANDLE FileHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
                          PIO_STATUS_BLOCK IoStatusBlock, ULONG ShareAccess, ULONG OpenOptions)
{
    NTSTATUS Status;
    IoRequireIrql("ZwOpenFile", PASSIVE_LEVEL, _ReturnAddress());
    if (ObjectAttributes->RootDirectory || !ObjectAttributes->ObjectName) {
        return STATUS_OBJECT_NAME_INVALID;
    }
    Status = IopOpenFile(ObjectAttributes->ObjectName, DesiredAccess, ShareAccess,
                         OpenOptions | Forced(ObjectAttributes), NULL, FileHandle, _ReturnAddress());
    IoStatusBlock->Status = Status;
    IoStatusBlock->Information = NT_SUCCESS(Status) ? FILE_OPENED : 0;
    return Status;
}

NTSTATUS IopDeviceControl(PFILE_OBJECT FileObject, ULONG Code, PVOID Input, ULONG InputLength, PVOID Output,
                          ULONG OutputLength, BOOLEAN Internal, PIO_STATUS_BLOCK Iosb)
{
    PDEVICE_OBJECT Top = IoGetRelatedDeviceObject(FileObject);
    KEVENT Event;
    PIRP Irp;
    NTSTATUS Status;
    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    Irp = IoBuildDeviceIoControlRequest(Code, Top, Input, InputLength, Output, OutputLength, Internal, &Event, Iosb);
    if (!Irp) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    IoGetNextIrpStackLocation(Irp)->FileObject = FileObject;
    IopTracker(Irp)->KernelWaits = TRUE;
    Status = IofCallDriver(Top, Irp);
    if (Status == STATUS_PENDING) {
        KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, NULL);
        Status = Iosb->Status;
    }
    return Status;
}

/* The caller's event (NULL: none) is reset before the request and set when it is done, unless it failed at once. */
static NTSTATUS ResetCallersEvent(HANDLE Event)
{
    return Event ? ZwResetEvent(Event, NULL) : STATUS_SUCCESS;
}

static NTSTATUS SetCallersEvent(HANDLE Event, NTSTATUS Status)
{
    if (Event && !NT_ERROR(Status)) {
        ZwSetEvent(Event, NULL);
    }
    return Status;
}

static NTSTATUS Transfer(HANDLE FileHandle, HANDLE CallersEvent, UCHAR Major, PIO_STATUS_BLOCK Iosb, PVOID Buffer,
                         ULONG Length, PLARGE_INTEGER Offset)
{
    PVOID Object;
    PFILE_OBJECT FileObject;
    PDEVICE_OBJECT Top;
    KEVENT Event;
    PIRP Irp;
    NTSTATUS Status = ObReferenceObjectByHandle(FileHandle, 0, &IopFileType, KernelMode, &Object, NULL);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    FileObject = Object;
    Status = ResetCallersEvent(CallersEvent);
    if (!NT_SUCCESS(Status)) {
        ObfDereferenceObject(FileObject);
        return Status;
    }
    Top = IoGetRelatedDeviceObject(FileObject);
    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    Irp = IoBuildSynchronousFsdRequest(Major, Top, Buffer, Length, Offset, &Event, Iosb);
    if (!Irp) {
        ObfDereferenceObject(FileObject);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    IoGetNextIrpStackLocation(Irp)->FileObject = FileObject;
    IopTracker(Irp)->KernelWaits = TRUE;
    Status = IofCallDriver(Top, Irp);
    if (Status == STATUS_PENDING) {
        KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, NULL);
        Status = Iosb->Status;
    }
    ObfDereferenceObject(FileObject);
    return SetCallersEvent(CallersEvent, Status);
}

/* PASSIVE_LEVEL. Partial: waits for the request also on a file opened for asynchronous I/O; ApcRoutine and Key are ignored. */
NTSTATUS NTAPI ZwReadFile(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine, PVOID ApcContext,
                          PIO_STATUS_BLOCK IoStatusBlock, PVOID Buffer, ULONG Length, PLARGE_INTEGER ByteOffset,
                          PULONG Key)
{
    IoRequireIrql("ZwReadFile", PASSIVE_LEVEL, _ReturnAddress());
    return Transfer(FileHandle, Event, IRP_MJ_READ, IoStatusBlock, Buffer, Length, ByteOffset);
}

/* As ZwReadFile. Partial: waits for the request also on a file opened for asynchronous I/O; ApcRoutine and Key are ignored. */
NTSTATUS NTAPI ZwWriteFile(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine, PVOID ApcContext,
                           PIO_STATUS_BLOCK IoStatusBlock, PVOID Buffer, ULONG Length, PLARGE_INTEGER ByteOffset,
                           PULONG Key)
{
    IoRequireIrql("ZwWriteFile", PASSIVE_LEVEL, _ReturnAddress());
    return Transfer(FileHandle, Event, IRP_MJ_WRITE, IoStatusBlock, Buffer, Length, ByteOffset);
}

/* As ZwReadFile. Partial: waits for the request also on a file opened for asynchronous I/O; ApcRoutine is ignored. */
NTSTATUS NTAPI ZwDeviceIoControlFile(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine, PVOID ApcContext,
                                     PIO_STATUS_BLOCK IoStatusBlock, ULONG IoControlCode, PVOID InputBuffer,
                                     ULONG InputBufferLength, PVOID OutputBuffer, ULONG OutputBufferLength)
{
    PVOID FileObject;
    NTSTATUS Status;
    IoRequireIrql("ZwDeviceIoControlFile", PASSIVE_LEVEL, _ReturnAddress());
    Status = ObReferenceObjectByHandle(FileHandle, 0, &IopFileType, KernelMode, &FileObject, NULL);
    if (NT_SUCCESS(Status)) {
        Status = ResetCallersEvent(Event);
        if (NT_SUCCESS(Status)) {
            Status = IopDeviceControl(FileObject, IoControlCode, InputBuffer, InputBufferLength, OutputBuffer,
                                      OutputBufferLength, FALSE, IoStatusBlock);
            SetCallersEvent(Event, Status);
        }
        ObfDereferenceObject(FileObject);
    }
    return Status;
}
