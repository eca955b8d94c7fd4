/* SPDX-License-Identifier: MIT */
/* Device stacks by other ways than io.c's: attaching by name, looking up and down, IRPs of other builders, files read and written. */
#include "check.h"
#include "undeclared.h"

#define TAG 'tseT'

#undef IoCallDriver
#undef IoCompleteRequest
NTSTATUS NTAPI IoCallDriver(PDEVICE_OBJECT DeviceObject, PIRP Irp);
VOID NTAPI IoCompleteRequest(PIRP Irp, CCHAR PriorityBoost);

static PDRIVER_OBJECT Driver;
static PDEVICE_OBJECT Lower, Middle, Upper;
static UNICODE_STRING Name = RTL_CONSTANT_STRING(L"\\Device\\SelfTestStack");
static UCHAR Stored[64];
static PIRP Held;
static KEVENT Done;
static LONG Completions;

static NTSTATUS NTAPI OpenClose(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    Irp->IoStatus.Status = STATUS_SUCCESS;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}

/* Lower completes, the others forward in different ways. */
static NTSTATUS NTAPI ReadWrite(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    if (DeviceObject == Upper) {
        IoSkipCurrentIrpStackLocation(Irp);
        return IoCallDriver(Middle, Irp);
    }
    if (DeviceObject == Middle) {
        CHECK(IoForwardAndCatchIrp(Lower, Irp)); /* back here when the lower driver is done */
        NTSTATUS status = Irp->IoStatus.Status;
        IoCompleteRequest(Irp, IO_NO_INCREMENT);
        return status;
    }
    ULONG length = stack->Parameters.Read.Length;
    ULONG offset = stack->Parameters.Read.ByteOffset.LowPart;
    NTSTATUS status = offset + length <= sizeof(Stored) ? STATUS_SUCCESS : STATUS_END_OF_FILE;
    if (NT_SUCCESS(status) && stack->MajorFunction == IRP_MJ_READ) {
        RtlCopyMemory(Irp->AssociatedIrp.SystemBuffer, Stored + offset, length);
    } else if (NT_SUCCESS(status)) {
        RtlCopyMemory(Stored + offset, Irp->AssociatedIrp.SystemBuffer, length);
    }
    Irp->IoStatus.Status = status;
    Irp->IoStatus.Information = NT_SUCCESS(status) ? length : 0;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return status;
}

static NTSTATUS NTAPI Control(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    IoMarkIrpPending(Irp);
    Held = Irp;
    return STATUS_PENDING;
}

static void Attaching(void)
{
    PDEVICE_OBJECT target = NULL, list[4] = {NULL};
    UNICODE_STRING missing = RTL_CONSTANT_STRING(L"\\Device\\SelfTestNone");
    ULONG count = 0;
    CHECK(NT_SUCCESS(IoCreateDevice(Driver, 0, &Name, FILE_DEVICE_UNKNOWN, 0, FALSE, &Lower)));
    CHECK(NT_SUCCESS(IoCreateDevice(Driver, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &Middle)));
    CHECK(NT_SUCCESS(IoCreateDevice(Driver, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &Upper)));
    Lower->Flags = (Lower->Flags | DO_BUFFERED_IO) & ~DO_DEVICE_INITIALIZING;
    Middle->Flags |= DO_BUFFERED_IO;
    Upper->Flags |= DO_BUFFERED_IO;
    CHECK(IoAttachDevice(Middle, &missing, &target) == STATUS_OBJECT_NAME_NOT_FOUND && target == NULL);
    CHECK(NT_SUCCESS(IoAttachDevice(Middle, &Name, &target)) && target == Lower);
    CHECK(Middle->StackSize == 2 && Lower->ReferenceCount == 0); /* opened to attach, and closed */
    Middle->Flags &= ~DO_DEVICE_INITIALIZING;
    target = NULL;
    CHECK(NT_SUCCESS(IoAttachDeviceToDeviceStackSafe(Upper, Lower, &target)) && target == Middle); /* on the top */
    Upper->Flags &= ~DO_DEVICE_INITIALIZING;

    CHECK(IoGetAttachedDevice(Lower) == Upper && IoGetAttachedDevice(Upper) == Upper);
    CHECK((target = IoGetLowerDeviceObject(Upper)) == Middle);
    ObDereferenceObject(target);
    CHECK(IoGetLowerDeviceObject(Lower) == NULL);
    CHECK((target = IoGetDeviceAttachmentBaseRef(Upper)) == Lower);
    ObDereferenceObject(target);
    CHECK(IoEnumerateDeviceObjectList(Driver, NULL, 0, &count) == STATUS_BUFFER_TOO_SMALL && count == 3);
    CHECK(NT_SUCCESS(IoEnumerateDeviceObjectList(Driver, list, sizeof(list), &count)) && count == 3);
    for (ULONG i = 0; i < count; i++) {
        CHECK(list[i] == Lower || list[i] == Middle || list[i] == Upper);
        ObDereferenceObject(list[i]);
    }
}

static void Files(void)
{
    OBJECT_ATTRIBUTES attributes;
    IO_STATUS_BLOCK iosb;
    HANDLE handle, event;
    PFILE_OBJECT file;
    UCHAR data[8] = {1, 2, 3, 4, 5, 6, 7, 8}, back[8] = {0};
    LARGE_INTEGER offset = {.QuadPart = 16}, now = {.QuadPart = 0};
    InitializeObjectAttributes(&attributes, &Name, OBJ_KERNEL_HANDLE, NULL, NULL);
    CHECK(NT_SUCCESS(ZwCreateFile(&handle, GENERIC_READ | GENERIC_WRITE | SYNCHRONIZE, &attributes, &iosb, NULL,
                                  FILE_ATTRIBUTE_NORMAL, 0, FILE_OPEN, FILE_SYNCHRONOUS_IO_NONALERT, NULL, 0)));
    CHECK(iosb.Information == FILE_OPENED);
    CHECK(NT_SUCCESS(ObReferenceObjectByHandle(handle, 0, *IoFileObjectType, KernelMode, (PVOID *)&file, NULL)));
    CHECK(IoGetRelatedDeviceObject(file) == Upper);
    ObDereferenceObject(file);
    CHECK(NT_SUCCESS(ZwCreateEvent(&event, EVENT_ALL_ACCESS, NULL, NotificationEvent, FALSE)));
    CHECK(NT_SUCCESS(ZwWriteFile(handle, event, NULL, NULL, &iosb, data, 8, &offset, NULL)) && iosb.Information == 8);
    CHECK(ZwWaitForSingleObject(event, FALSE, &now) == STATUS_SUCCESS); /* set when the request is done */
    CHECK(Stored[16] == 1 && Stored[23] == 8);
    offset.QuadPart = 18;
    CHECK(NT_SUCCESS(ZwReadFile(handle, NULL, NULL, NULL, &iosb, back, 4, &offset, NULL)) && iosb.Information == 4);
    CHECK(back[0] == 3 && back[3] == 6 && back[4] == 0);
    offset.QuadPart = 62;
    CHECK(ZwReadFile(handle, NULL, NULL, NULL, &iosb, back, 4, &offset, NULL) == STATUS_END_OF_FILE);
    CHECK(ZwWriteFile((HANDLE)0x1234, NULL, NULL, NULL, &iosb, data, 8, NULL, NULL) == STATUS_INVALID_HANDLE);
    ZwClose(event);
    ZwClose(handle);
}

static NTSTATUS NTAPI FreeIrp(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
    CHECK(Irp->IoStatus.Status == STATUS_SUCCESS && Irp->IoStatus.Information == 4);
    if (Irp->AssociatedIrp.SystemBuffer && (Irp->Flags & IRP_DEALLOCATE_BUFFER)) {
        RtlCopyMemory(Context, Irp->AssociatedIrp.SystemBuffer, 4);
        ExFreePool(Irp->AssociatedIrp.SystemBuffer);
    }
    IoFreeIrp(Irp);
    Completions++;
    return STATUS_MORE_PROCESSING_REQUIRED;
}

/* The driver frees what IoBuildAsynchronousFsdRequest made in its completion routine. */
static void Asynchronous(void)
{
    UCHAR data[4] = {9, 8, 7, 6}, read[4] = {0};
    LARGE_INTEGER offset = {.QuadPart = 0};
    IO_STATUS_BLOCK iosb;
    PIRP irp = IoBuildAsynchronousFsdRequest(IRP_MJ_WRITE, Upper, data, 4, &offset, &iosb);
    CHECK(irp && irp->StackCount == Upper->StackSize);
    CHECK(IoGetNextIrpStackLocation(irp)->MajorFunction == IRP_MJ_WRITE);
    IoSetCompletionRoutine(irp, FreeIrp, read, TRUE, TRUE, TRUE);
    IoCallDriver(Upper, irp);
    CHECK(Completions == 1 && Stored[0] == 9 && Stored[3] == 6);
    irp = IoBuildAsynchronousFsdRequest(IRP_MJ_READ, Upper, read, 4, &offset, &iosb);
    CHECK(NT_SUCCESS(IoSetCompletionRoutineEx(Upper, irp, FreeIrp, read, TRUE, TRUE, TRUE)));
    IoCallDriver(Upper, irp);
    CHECK(Completions == 2 && read[0] == 9 && read[3] == 6);
}

static NTSTATUS NTAPI CountOnly(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
    (*(PLONG)Context)++;
    if (Irp->PendingReturned) {
        IoMarkIrpPending(Irp);
    }
    return STATUS_CONTINUE_COMPLETION;
}

static NTSTATUS NTAPI Stop(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
    KeSetEvent(Context, 0, FALSE);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

/* IoSetCompletionRoutineEx calls back only in the cases that were asked for. */
static void CompletionCases(void)
{
    LONG called = 0;
    for (int wanted = 0; wanted < 2; wanted++) {
        PIRP irp = IoAllocateIrp(3, FALSE);
        KeInitializeEvent(&Done, NotificationEvent, FALSE);
        IoSetNextIrpStackLocation(irp);
        IoSetCompletionRoutine(irp, Stop, &Done, TRUE, TRUE, TRUE);
        IoSetNextIrpStackLocation(irp);
        IoGetNextIrpStackLocation(irp)->MajorFunction = IRP_MJ_INTERNAL_DEVICE_CONTROL;
        CHECK(NT_SUCCESS(
            IoSetCompletionRoutineEx(Lower, irp, CountOnly, &called, (BOOLEAN)(wanted == 0), (BOOLEAN)wanted, FALSE)));
        CHECK(IoCallDriver(Lower, irp) == STATUS_PENDING && Held == irp);
        irp->IoStatus.Status = STATUS_DEVICE_DATA_ERROR;
        IoCompleteRequest(irp, IO_NO_INCREMENT);
        CHECK(Wait(&Done, 1000) == STATUS_SUCCESS && called == wanted); /* on success only; on error only */
        IoFreeIrp(irp);
    }
}

/* The master is completed by the I/O manager with the last of its associated IRPs. */
static void Associated(void)
{
    PIRP master = IoAllocateIrp(2, FALSE), parts[2];
    KeInitializeEvent(&Done, NotificationEvent, FALSE);
    IoSetNextIrpStackLocation(master);
    IoSetCompletionRoutine(master, Stop, &Done, TRUE, TRUE, TRUE);
    IoSetNextIrpStackLocation(master);
    IoMarkIrpPending(master);
    master->AssociatedIrp.IrpCount = 2;
    for (int i = 0; i < 2; i++) {
        parts[i] = IoMakeAssociatedIrp(master, 2);
        CHECK(parts[i] && (parts[i]->Flags & IRP_ASSOCIATED_IRP) && parts[i]->AssociatedIrp.MasterIrp == master);
        IoGetNextIrpStackLocation(parts[i])->MajorFunction = IRP_MJ_INTERNAL_DEVICE_CONTROL;
        CHECK(IoCallDriver(Lower, parts[i]) == STATUS_PENDING);
    }
    master->IoStatus.Status = STATUS_SUCCESS;
    for (int i = 0; i < 2; i++) {
        CHECK(Wait(&Done, 0) == STATUS_TIMEOUT);
        parts[i]->IoStatus.Status = STATUS_SUCCESS;
        IoCompleteRequest(parts[i], IO_NO_INCREMENT);
    }
    CHECK(Wait(&Done, 1000) == STATUS_SUCCESS);
    IoFreeIrp(master);
}

static void Links(void)
{
    UNICODE_STRING link = RTL_CONSTANT_STRING(L"\\DosDevices\\SelfTestStack");
    PFILE_OBJECT file;
    PDEVICE_OBJECT device;
    CHECK(NT_SUCCESS(IoCreateUnprotectedSymbolicLink(&link, &Name)));
    CHECK(IoCreateUnprotectedSymbolicLink(&link, &Name) == STATUS_OBJECT_NAME_COLLISION);
    CHECK(NT_SUCCESS(IoGetDeviceObjectPointer(&link, FILE_READ_DATA, &file, &device)) && device == Upper);
    ObDereferenceObject(file);
    CHECK(NT_SUCCESS(IoDeleteSymbolicLink(&link)));
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    Driver = DriverObject;
    Driver->MajorFunction[IRP_MJ_CREATE] = Driver->MajorFunction[IRP_MJ_CLOSE] = OpenClose;
    Driver->MajorFunction[IRP_MJ_CLEANUP] = OpenClose;
    Driver->MajorFunction[IRP_MJ_READ] = Driver->MajorFunction[IRP_MJ_WRITE] = ReadWrite;
    Driver->MajorFunction[IRP_MJ_INTERNAL_DEVICE_CONTROL] = Control;
    Attaching();
    Files();
    Asynchronous();
    CompletionCases();
    Associated();
    Links();
    CHECK(IoGetConfigurationInformation()->CdRomCount == 0);
    IoDetachDevice(Middle);
    CHECK(NT_SUCCESS(IoAttachDeviceByPointer(Upper, Middle)) && IoGetAttachedDevice(Lower) == Upper);
    IoDetachDevice(Middle);
    IoDetachDevice(Lower);
    IoDeleteDevice(Upper);
    IoDeleteDevice(Middle);
    IoDeleteDevice(Lower);
    return Summary("stacks");
}
