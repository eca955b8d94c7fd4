/* SPDX-License-Identifier: MIT */
/*
 * Opening device objects by name (ZwCreateFile, ZwOpenFile), and device control of an open one by the kernel itself. There is no file system.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/using-files-in-a-driver
 */
#include "io/io.h"
#include "io/irp.h"

static ULONG Forced(POBJECT_ATTRIBUTES Attributes)
{
    return Attributes->Attributes & OBJ_FORCE_ACCESS_CHECK ? IOP_CHECK_ACCESS : 0;
}

/*
 * "If either of the FILE_SYNCHRONOUS_IO_XXX flags is set, the SYNCHRONIZE flag must also be set in the DesiredAccess parameter": itself, not by a generic
 * right. https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-zwcreatefile
 */
static NTSTATUS CheckOpen(POBJECT_ATTRIBUTES Attributes, ACCESS_MASK Access, ULONG Options)
{
    ULONG Synchronous = Options & (FILE_SYNCHRONOUS_IO_ALERT | FILE_SYNCHRONOUS_IO_NONALERT);
    if (Attributes->RootDirectory || !Attributes->ObjectName) {
        return STATUS_OBJECT_NAME_INVALID;
    }
    if (Synchronous && (!(Access & SYNCHRONIZE) || (Synchronous & (Synchronous - 1)))) {
        return STATUS_INVALID_PARAMETER;
    }
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI ZwCreateFile(PHANDLE FileHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
                            PIO_STATUS_BLOCK IoStatusBlock, PLARGE_INTEGER AllocationSize, ULONG FileAttributes,
                            ULONG ShareAccess, ULONG CreateDisposition, ULONG CreateOptions, PVOID EaBuffer,
                            ULONG EaLength)
{
    NTSTATUS Status;
    IoCheckZwAttributes("ZwCreateFile", ObjectAttributes, _ReturnAddress());
    Status = CheckOpen(ObjectAttributes, DesiredAccess, CreateOptions);
    if (!NT_SUCCESS(Status)) {
        return Status;
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
    IoCheckZwAttributes("ZwOpenFile", ObjectAttributes, _ReturnAddress());
    Status = CheckOpen(ObjectAttributes, DesiredAccess, OpenOptions);
    if (!NT_SUCCESS(Status)) {
        return Status;
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
