/* SPDX-License-Identifier: MIT */
/*
 * IoBuild*: IRPs for lower-level drivers. Those with "Synchronous" and device control are queued to the calling thread; the I/O manager frees them.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/creating-irps-for-lower-level-drivers
 */
#include "io/io.h"
#include "io/irp.h"
#include "mm/mm.h"

/* Fails the build: gives back what the IRP already has. */
static PIRP Abandon(PIRP Irp)
{
    if (Irp->AssociatedIrp.SystemBuffer && (Irp->Flags & IRP_DEALLOCATE_BUFFER)) {
        ExFreePool(Irp->AssociatedIrp.SystemBuffer);
    }
    if (Irp->MdlAddress) {
        IoFreeMdl(Irp->MdlAddress);
    }
    IoFreeIrp(Irp);
    return NULL;
}

static BOOLEAN AttachSystemBuffer(PIRP Irp, ULONG Size, PVOID Input, ULONG InputLength)
{
    if (Size == 0) {
        return TRUE;
    }
    Irp->AssociatedIrp.SystemBuffer = ExAllocatePoolWithTag(NonPagedPool, Size, IO_TAG);
    if (!Irp->AssociatedIrp.SystemBuffer) {
        return FALSE;
    }
    Irp->Flags |= IRP_BUFFERED_IO | IRP_DEALLOCATE_BUFFER;
    if (InputLength) {
        RtlCopyMemory(Irp->AssociatedIrp.SystemBuffer, Input, InputLength);
    }
    return TRUE;
}

/* Rule 8 or 9: a buffer that MmProbeAndLockPages would raise an exception for. */
static BOOLEAN AttachMdl(PIRP Irp, PVOID Buffer, ULONG Length, LOCK_OPERATION Operation, ULONG Rule, ULONG Function,
                         PVOID Caller)
{
    if (!MiIsMapped(Buffer, Length)) {
        IoStop(DRIVER_VERIFIER_IOMANAGER_VIOLATION_CODE, Rule, (ULONG_PTR)IoGetNextIrpStackLocation(Irp)->DeviceObject,
               Function, (ULONG)STATUS_ACCESS_VIOLATION, Caller,
               "an IRP for direct I/O (0x%x) is built with the buffer %p of %u bytes, which is not mapped", Function,
               Buffer, Length);
    }
    if (!IoAllocateMdl(Buffer, Length, FALSE, FALSE, Irp)) {
        return FALSE;
    }
    MmProbeAndLockPages(Irp->MdlAddress, KernelMode, Operation);
    return TRUE;
}

static PIRP BuildDeviceControl(ULONG Code, PDEVICE_OBJECT DeviceObject, PVOID Input, ULONG InputLength, PVOID Output,
                               ULONG OutputLength, BOOLEAN Internal, PKEVENT Event, PIO_STATUS_BLOCK Iosb, PVOID Caller)
{
    PIRP Irp;
    PIO_STACK_LOCATION Stack;
    if ((InputLength && !Input) || (OutputLength && !Output)) {
        IoStop(DRIVER_VERIFIER_IOMANAGER_VIOLATION_CODE, 0x09, (ULONG_PTR)DeviceObject, Code,
               (ULONG)STATUS_ACCESS_VIOLATION, Caller,
               "IoBuildDeviceIoControlRequest(0x%08x) with a NULL buffer of %u bytes", Code,
               Input ? OutputLength : InputLength);
    }
    Irp = IoAllocateIrp(DeviceObject->StackSize, FALSE);
    if (!Irp) {
        return NULL;
    }
    IopTracker(Irp)->Built = TRUE;
    IopTracker(Irp)->Allocator = Caller;
    Stack = IoGetNextIrpStackLocation(Irp);
    Stack->MajorFunction = Internal ? IRP_MJ_INTERNAL_DEVICE_CONTROL : IRP_MJ_DEVICE_CONTROL;
    Stack->Parameters.DeviceIoControl.IoControlCode = Code;
    Stack->Parameters.DeviceIoControl.InputBufferLength = InputLength;
    Stack->Parameters.DeviceIoControl.OutputBufferLength = OutputLength;
    switch (METHOD_FROM_CTL_CODE(Code)) {
    case METHOD_BUFFERED:
        if (!AttachSystemBuffer(Irp, max(InputLength, OutputLength), Input, InputLength)) {
            return Abandon(Irp);
        }
        Irp->UserBuffer = Output;
        if (OutputLength) {
            Irp->Flags |= IRP_INPUT_OPERATION;
            IopTracker(Irp)->OutputLength = OutputLength;
        }
        break;
    case METHOD_IN_DIRECT:
    case METHOD_OUT_DIRECT:
        if (!AttachSystemBuffer(Irp, InputLength, Input, InputLength) ||
            (OutputLength && !AttachMdl(Irp, Output, OutputLength,
                                        METHOD_FROM_CTL_CODE(Code) == METHOD_IN_DIRECT ? IoReadAccess : IoWriteAccess,
                                        0x09, Code, Caller))) {
            return Abandon(Irp);
        }
        break;
    case METHOD_NEITHER:
        Irp->UserBuffer = Output;
        Stack->Parameters.DeviceIoControl.Type3InputBuffer = Input;
        break;
    }
    Irp->UserEvent = Event;
    Irp->UserIosb = Iosb;
    Irp->RequestorMode = KernelMode;
    IopQueueThreadIrp(Irp);
    return Irp;
}

PIRP NTAPI IoBuildDeviceIoControlRequest(ULONG IoControlCode, PDEVICE_OBJECT DeviceObject, PVOID InputBuffer,
                                         ULONG InputBufferLength, PVOID OutputBuffer, ULONG OutputBufferLength,
                                         BOOLEAN InternalDeviceIoControl, PKEVENT Event, PIO_STATUS_BLOCK IoStatusBlock)
{
    return BuildDeviceControl(IoControlCode, DeviceObject, InputBuffer, InputBufferLength, OutputBuffer,
                              OutputBufferLength, InternalDeviceIoControl, Event, IoStatusBlock, _ReturnAddress());
}

static PIRP BuildFsd(ULONG Major, PDEVICE_OBJECT DeviceObject, PVOID Buffer, ULONG Length, PLARGE_INTEGER Offset,
                     PIO_STATUS_BLOCK Iosb, PVOID Caller)
{
    PIRP Irp;
    PIO_STACK_LOCATION Stack;
    if (!Buffer && Length && (Major == IRP_MJ_READ || Major == IRP_MJ_WRITE)) {
        IoStop(DRIVER_VERIFIER_IOMANAGER_VIOLATION_CODE, 0x08, (ULONG_PTR)DeviceObject, Major,
               (ULONG)STATUS_ACCESS_VIOLATION, Caller,
               "an IRP for major function 0x%02x is built with a NULL buffer of %u bytes", Major, Length);
    }
    Irp = IoAllocateIrp(DeviceObject->StackSize, FALSE);
    if (!Irp) {
        return NULL;
    }
    IopTracker(Irp)->Built = TRUE;
    IopTracker(Irp)->Allocator = Caller;
    Stack = IoGetNextIrpStackLocation(Irp);
    Stack->MajorFunction = (UCHAR)Major;
    if (Major == IRP_MJ_PNP || Major == IRP_MJ_POWER || Major == IRP_MJ_SYSTEM_CONTROL) {
        Irp->IoStatus.Status = STATUS_NOT_SUPPORTED;
    }
    if (Major == IRP_MJ_READ || Major == IRP_MJ_WRITE) {
        if (DeviceObject->Flags & DO_BUFFERED_IO) {
            if (!AttachSystemBuffer(Irp, Length, Buffer, Major == IRP_MJ_WRITE ? Length : 0)) {
                return Abandon(Irp);
            }
            if (Major == IRP_MJ_READ) {
                Irp->Flags |= IRP_INPUT_OPERATION;
                IopTracker(Irp)->OutputLength = Length;
                Irp->UserBuffer = Buffer;
            }
        } else if (DeviceObject->Flags & DO_DIRECT_IO) {
            if (Length && !AttachMdl(Irp, Buffer, Length, Major == IRP_MJ_WRITE ? IoReadAccess : IoWriteAccess, 0x08,
                                     Major, Caller)) {
                return Abandon(Irp);
            }
        } else {
            Irp->UserBuffer = Buffer;
        }
        Stack->Parameters.Read.Length = Length; /* Write has the same layout */
        if (Offset) {
            Stack->Parameters.Read.ByteOffset = *Offset;
        }
    }
    Irp->UserIosb = Iosb;
    Irp->Tail.Overlay.Thread = PsGetCurrentThread();
    return Irp;
}

/* The driver's completion routine must free it (and its MDL). IRQL <= APC_LEVEL. */
PIRP NTAPI IoBuildAsynchronousFsdRequest(ULONG MajorFunction, PDEVICE_OBJECT DeviceObject, PVOID Buffer, ULONG Length,
                                         PLARGE_INTEGER StartingOffset, PIO_STATUS_BLOCK IoStatusBlock)
{
    return BuildFsd(MajorFunction, DeviceObject, Buffer, Length, StartingOffset, IoStatusBlock, _ReturnAddress());
}

PIRP NTAPI IoBuildSynchronousFsdRequest(ULONG MajorFunction, PDEVICE_OBJECT DeviceObject, PVOID Buffer, ULONG Length,
                                        PLARGE_INTEGER StartingOffset, PKEVENT Event, PIO_STATUS_BLOCK IoStatusBlock)
{
    PIRP Irp;
    Irp = BuildFsd(MajorFunction, DeviceObject, Buffer, Length, StartingOffset, IoStatusBlock, _ReturnAddress());
    if (Irp) {
        Irp->UserEvent = Event;
        IopQueueThreadIrp(Irp);
    }
    return Irp;
}
