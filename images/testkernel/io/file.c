/* SPDX-License-Identifier: MIT */
/*
 * File objects: opening a device by name, cleanup when the last handle is closed, close when the last reference is dropped.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/irp-mj-cleanup
 */
#include "io/io.h"
#include "io/irp.h"
#include "io/security.h"
#include "ke/bugcheck.h"
#include "ob/attribute.h"

static NTSTATUS SendFileIrp(PFILE_OBJECT FileObject, UCHAR Major)
{
    PDEVICE_OBJECT Top = IoGetRelatedDeviceObject(FileObject);
    PIRP Irp = IoAllocateIrp(Top->StackSize, FALSE);
    PIO_STACK_LOCATION Stack;
    IO_STATUS_BLOCK Iosb;
    if (!Irp) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Stack = IoGetNextIrpStackLocation(Irp);
    Stack->MajorFunction = Major;
    Stack->FileObject = FileObject;
    Irp->Flags = IRP_SYNCHRONOUS_API | IRP_CLOSE_OPERATION;
    Irp->RequestorMode = KernelMode;
    return IopCallSynchronously(Top, Irp, &Iosb);
}

static VOID CloseFile(PVOID Object, ULONG HandlesLeft)
{
    PFILE_OBJECT FileObject = Object;
    if (HandlesLeft == 0 && (FileObject->Flags & FO_HANDLE_CREATED)) {
        FileObject->Flags |= FO_CLEANUP_COMPLETE;
        SendFileIrp(FileObject, IRP_MJ_CLEANUP);
    }
}

static VOID DeleteFile(PVOID Object)
{
    PFILE_OBJECT FileObject = Object;
    PDEVICE_OBJECT DeviceObject = FileObject->DeviceObject;
    if (FileObject->Flags & FO_HANDLE_CREATED) {
        SendFileIrp(FileObject, IRP_MJ_CLOSE);
    }
    if (FileObject->FileName.Buffer) {
        ExFreePoolWithTag(FileObject->FileName.Buffer, IO_TAG);
    }
    IopDropDeviceReference(DeviceObject);
    PnpFileClosed(DeviceObject);
    ObfDereferenceObject(DeviceObject);
}

/* The device's name, and what was opened on it. */
static VOID NameFile(PVOID Object, PWCHAR Text, ULONG Characters)
{
    PFILE_OBJECT File = Object;
    ULONG Length, More = File->FileName.Length / sizeof(WCHAR);
    ObpPathOf(IopBottomOfStack(File->DeviceObject), Text, Characters);
    Length = (ULONG)wcslen(Text);
    if (More && Length + More < Characters) {
        RtlCopyMemory(&Text[Length], File->FileName.Buffer, File->FileName.Length);
        Text[Length + More] = 0;
    }
}

struct _OBJECT_TYPE IopFileType = {OB_TYPE_LIST(IopFileType), .Name = "File", .Close = CloseFile, .Delete = DeleteFile,
                                   .NameForReport = NameFile};
POBJECT_TYPE *IoFileObjectType = (POBJECT_TYPE *)&IopFileType;

PDEVICE_OBJECT NTAPI IoGetRelatedDeviceObject(PFILE_OBJECT FileObject)
{
    return IoGetAttachedDevice(FileObject->DeviceObject);
}

/*
 * "A callback routine must not open the device directly ... can cause a deadlock" (seed article buddy-drivers.txt);
 * "a notification callback routine must not block":
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/guidelines-for-writing-pnp-notification-callback-routines
 * The open of a device waits until the PnP manager is through with it, and the PnP manager waits for the callback. Windows notices the hang after
 * minutes (0x1D5 DRIVER_PNP_WATCHDOG: "failed to complete a PnP operation within a specific time"). Here nobody has waited yet: it is a
 * deadlock detected, 0xC4 sub-code 0x1001, as Driver Verifier's deadlock detection reports it.
 */
static VOID CheckNotDeadlocked(PCUNICODE_STRING Path, PDEVICE_OBJECT DeviceObject, PVOID Caller)
{
    PNOTIFY_IN_PROGRESS Notify = PnpCurrentNotification();
    SYMBOL Callback, Function;
    CHAR Name[160];
    if (!Notify) {
        return;
    }
    LdrSymbolFromAddress(Notify->Callback, &Callback);
    LdrSymbolFromAddress(Caller, &Function);
    IoStop(DRIVER_VERIFIER_DETECTED_VIOLATION, 0x1001, (ULONG_PTR)DeviceObject, (ULONG_PTR)Notify->Thread, 0, Caller,
           "deadlock: thread %p is in the %s notification callback %s!%s for %ws and thereby holds up the PnP event "
           "queue; in it %s!%s opens %wZ (%s), and that open waits for the PnP event queue. Open it from a work item",
           Notify->Thread, Notify->Event, Callback.Image, Callback.Name, Notify->Name, Function.Image, Function.Name,
           Path, IopDescribeDevice(DeviceObject, Name, sizeof(Name)));
}

/* Checks whether DeviceObject may be opened now, and counts the opener. */
static NTSTATUS CountOpen(PDEVICE_OBJECT DeviceObject)
{
    NTSTATUS Status = STATUS_SUCCESS;
    PDEVICE_OBJECT Device;
    KIRQL Irql;
    KeAcquireSpinLock(&IopDeviceLock, &Irql);
    if (DeviceObject->Flags & DO_DEVICE_INITIALIZING) {
        Status = STATUS_NO_SUCH_DEVICE;
    }
    for (Device = DeviceObject; Device; Device = Device->AttachedDevice) {
        if (IoExtra(Device)->ExtensionFlags & (DOE_UNLOAD_PENDING | DOE_DELETE_PENDING | DOE_REMOVE_PENDING |
                                               DOE_REMOVE_PROCESSED | DOE_START_PENDING | DOE_DELETED)) {
            Status = STATUS_NO_SUCH_DEVICE;
        }
    }
    if (NT_SUCCESS(Status) && (DeviceObject->Flags & DO_EXCLUSIVE) && DeviceObject->ReferenceCount) {
        Status = STATUS_ACCESS_DENIED;
    }
    if (NT_SUCCESS(Status)) {
        DeviceObject->ReferenceCount++;
    }
    KeReleaseSpinLock(&IopDeviceLock, Irql);
    return Status;
}

static NTSTATUS SendCreate(PFILE_OBJECT FileObject, ACCESS_MASK Access, ULONG ShareAccess, ULONG Options,
                           ULONG Disposition)
{
    IO_SECURITY_CONTEXT Security;
    PDEVICE_OBJECT Top = IoGetRelatedDeviceObject(FileObject);
    PIRP Irp = IoAllocateIrp(Top->StackSize, FALSE);
    PIO_STACK_LOCATION Stack;
    IO_STATUS_BLOCK Iosb;
    NTSTATUS Status;
    if (!Irp) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    RtlZeroMemory(&Security, sizeof(Security));
    Security.DesiredAccess = Access;
    Security.FullCreateOptions = Options & ~IOP_CHECK_ACCESS;
    Stack = IoGetNextIrpStackLocation(Irp);
    Stack->MajorFunction = IRP_MJ_CREATE;
    Stack->FileObject = FileObject;
    Stack->Parameters.Create.SecurityContext = &Security;
    Stack->Parameters.Create.Options = (Disposition << 24) | (Options & 0xFFFFFF);
    Stack->Parameters.Create.ShareAccess = (USHORT)ShareAccess;
    Irp->Flags = IRP_CREATE_OPERATION | IRP_SYNCHRONOUS_API | IRP_DEFER_IO_COMPLETION;
    Irp->RequestorMode = KernelMode;
    Status = IopCallSynchronously(Top, Irp, &Iosb);
    return Status;
}

NTSTATUS IopOpenFile(PCUNICODE_STRING Path, ACCESS_MASK Access, ULONG ShareAccess, ULONG Options,
                     PFILE_OBJECT *FileObject, PHANDLE Handle, PVOID Caller)
{
    PDEVICE_OBJECT DeviceObject;
    PFILE_OBJECT File;
    PVOID Object;
    UNICODE_STRING Rest;
    NTSTATUS Status;
    PWCHAR Buffer = ExAllocatePoolWithTag(NonPagedPool, 256 * sizeof(WCHAR), IO_TAG);
    if (!Buffer) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Status = ObpLookup(Path, &IopDeviceType, &Object, &Rest, Buffer);
    if (!NT_SUCCESS(Status)) {
        goto Out;
    }
    DeviceObject = Object;
    CheckNotDeadlocked(Path, DeviceObject, Caller);
    if (!Caller || (Options & IOP_CHECK_ACCESS)) {
        Status = IopCheckAccess(DeviceObject, Access, Rest.Length != 0);
    }
    if (NT_SUCCESS(Status)) {
        Status = CountOpen(DeviceObject);
    }
    if (!NT_SUCCESS(Status)) {
        ObfDereferenceObject(DeviceObject);
        goto Out;
    }
    Status = ObpCreateObject(&IopFileType, sizeof(FILE_OBJECT), &Object);
    if (!NT_SUCCESS(Status)) {
        IopDropDeviceReference(DeviceObject);
        ObfDereferenceObject(DeviceObject);
        goto Out;
    }
    File = Object;
    File->Type = IO_TYPE_FILE;
    File->Size = sizeof(FILE_OBJECT);
    File->DeviceObject = DeviceObject;
    File->Flags = (Options & (FILE_SYNCHRONOUS_IO_ALERT | FILE_SYNCHRONOUS_IO_NONALERT) ? FO_SYNCHRONOUS_IO : 0) |
                  (Options & FILE_SYNCHRONOUS_IO_ALERT ? FO_ALERTABLE_IO : 0);
    File->ReadAccess = (Access & (FILE_READ_DATA | GENERIC_READ | GENERIC_ALL)) != 0;
    File->WriteAccess = (Access & (FILE_WRITE_DATA | GENERIC_WRITE | GENERIC_ALL)) != 0;
    KeInitializeEvent(&File->Lock, SynchronizationEvent, FALSE);
    KeInitializeEvent(&File->Event, NotificationEvent, FALSE);
    if (Rest.Length) {
        /* A driver sees the rest with its backslash. */
        File->FileName.Buffer = ExAllocatePoolWithTag(NonPagedPool, Rest.Length + sizeof(WCHAR), IO_TAG);
        if (File->FileName.Buffer) {
            File->FileName.Length = File->FileName.MaximumLength = Rest.Length + sizeof(WCHAR);
            File->FileName.Buffer[0] = L'\\';
            RtlCopyMemory(File->FileName.Buffer + 1, Rest.Buffer, Rest.Length);
        }
    }
    Status = SendCreate(File, Access, ShareAccess, Options, FILE_OPEN);
    if (NT_SUCCESS(Status)) {
        File->Flags |= FO_HANDLE_CREATED; /* only a successful create is followed by cleanup and close */
        Status = ObpCreateHandle(File, Access, Handle);
        if (NT_SUCCESS(Status) && FileObject) {
            ObfReferenceObject(File);
            *FileObject = File;
        }
    }
    ObfDereferenceObject(File);
Out:
    ExFreePoolWithTag(Buffer, IO_TAG);
    return Status;
}

/*
 * As on Windows the handle is closed again before return, so the driver gets IRP_MJ_CLEANUP at once and IRP_MJ_CLOSE when the caller drops FileObject.
 */
NTSTATUS NTAPI IoGetDeviceObjectPointer(PUNICODE_STRING ObjectName, ACCESS_MASK DesiredAccess, PFILE_OBJECT *FileObject,
                                        PDEVICE_OBJECT *DeviceObject)
{
    PFILE_OBJECT File;
    HANDLE Handle;
    NTSTATUS Status;
    Status = IopOpenFile(ObjectName, DesiredAccess, 0, FILE_NON_DIRECTORY_FILE, &File, &Handle, _ReturnAddress());
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    ObpTook(File, _ReturnAddress());
    *FileObject = File;
    *DeviceObject = IoGetRelatedDeviceObject(File);
    ObpCloseHandle(Handle);
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI IoCreateSymbolicLink(PUNICODE_STRING SymbolicLinkName, PUNICODE_STRING DeviceName)
{
    NTSTATUS Status;
    Status = ObpCreateSymbolicLink(SymbolicLinkName, DeviceName);
    if (NT_SUCCESS(Status)) {
        ObpSetCreator(SymbolicLinkName, _ReturnAddress());
    }
    return Status;
}

NTSTATUS NTAPI IoCreateUnprotectedSymbolicLink(PUNICODE_STRING SymbolicLinkName, PUNICODE_STRING DeviceName)
{
    NTSTATUS Status = ObpCreateSymbolicLink(SymbolicLinkName, DeviceName);
    if (NT_SUCCESS(Status)) {
        ObpSetCreator(SymbolicLinkName, _ReturnAddress());
    }
    return Status;
}

NTSTATUS NTAPI IoDeleteSymbolicLink(PUNICODE_STRING SymbolicLinkName)
{
    return ObpDeleteSymbolicLink(SymbolicLinkName);
}
