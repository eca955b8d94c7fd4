/* SPDX-License-Identifier: MIT */
/* What the object and I/O managers promise a driver: IRPs, stacks, buffers, cancellation, names, handles, registry, callbacks. */
#include "check.h"
#include <csq.h>

#define TAG              'tseT'
#define IOCTL(n, method) CTL_CODE(0x8000, 0x800 + (n), (method), FILE_ANY_ACCESS)
#define IOCTL_ECHO       IOCTL(0, METHOD_BUFFERED)
#define IOCTL_DIRECT     IOCTL(1, METHOD_OUT_DIRECT)
#define IOCTL_NEITHER    IOCTL(2, METHOD_NEITHER)
#define IOCTL_OVERFLOW   IOCTL(3, METHOD_BUFFERED)
#define IOCTL_FAIL       IOCTL(4, METHOD_BUFFERED)
#define IOCTL_PEND       IOCTL(5, METHOD_BUFFERED)

static PDRIVER_OBJECT Driver;
static PDEVICE_OBJECT Lower, Upper;
static LONG Creates, Cleanups, Closes;
static PIRP Held;
static CHAR Order[16];
static ULONG OrderAt;

static void Note(CHAR What)
{
    if (OrderAt + 1 < sizeof(Order)) {
        Order[OrderAt++] = What;
        Order[OrderAt] = 0;
    }
}

static NTSTATUS Complete(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static void NTAPI CancelHeld(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    CHECK(KeGetCurrentIrql() == DISPATCH_LEVEL);
    CHECK(Irp->Cancel && Irp->CancelRoutine == NULL);
    IoReleaseCancelSpinLock(Irp->CancelIrql);
    Held = NULL;
    Complete(Irp, STATUS_CANCELLED, 0);
}

static NTSTATUS NTAPI Control(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    ULONG out = stack->Parameters.DeviceIoControl.OutputBufferLength;
    PUCHAR system = Irp->AssociatedIrp.SystemBuffer;

    if (DeviceObject == Upper) {
        Note('u');
        IoSkipCurrentIrpStackLocation(Irp);
        return IoCallDriver(Lower, Irp);
    }
    Note('l');
    switch (stack->Parameters.DeviceIoControl.IoControlCode) {
    case IOCTL_ECHO:
        for (ULONG i = 0; i < out; i++) {
            system[i] ^= 0xFF;
        }
        return Complete(Irp, STATUS_SUCCESS, out);
    case IOCTL_OVERFLOW:
        RtlFillMemory(system, out, 0x11);
        return Complete(Irp, STATUS_BUFFER_OVERFLOW, out);
    case IOCTL_FAIL:
        RtlFillMemory(system, out, 0x22);
        return Complete(Irp, STATUS_DEVICE_DATA_ERROR, out);
    case IOCTL_DIRECT:
        CHECK(Irp->MdlAddress && MmGetMdlByteCount(Irp->MdlAddress) == out);
        RtlFillMemory(MmGetSystemAddressForMdlSafe(Irp->MdlAddress, NormalPagePriority), out, system ? system[0] : 0);
        return Complete(Irp, STATUS_SUCCESS, out);
    case IOCTL_NEITHER:
        *(PULONG)Irp->UserBuffer = *(PULONG)stack->Parameters.DeviceIoControl.Type3InputBuffer + 1;
        return Complete(Irp, STATUS_SUCCESS, sizeof(ULONG));
    case IOCTL_PEND:
        IoMarkIrpPending(Irp);
        Held = Irp;
        IoSetCancelRoutine(Irp, CancelHeld);
        return STATUS_PENDING;
    default:
        return Complete(Irp, STATUS_INVALID_DEVICE_REQUEST, 0);
    }
}

static NTSTATUS NTAPI OpenClose(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    CHECK(stack->FileObject && stack->FileObject->DeviceObject == Lower);
    switch (stack->MajorFunction) {
    case IRP_MJ_CREATE:
        Creates++;
        break;
    case IRP_MJ_CLEANUP:
        Cleanups++;
        break;
    default:
        Closes++;
    }
    return Complete(Irp, STATUS_SUCCESS, 0);
}

static void Devices(void)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\Device\\SelfTestIo"),
                   link = RTL_CONSTANT_STRING(L"\\DosDevices\\SelfTestIo");
    PDEVICE_OBJECT top, again;
    UNICODE_STRING wrong = RTL_CONSTANT_STRING(L"\\Device\\selftestIO");

    CHECK(NT_SUCCESS(IoCreateDevice(Driver, 48, &name, FILE_DEVICE_UNKNOWN, 0, FALSE, &Lower)));
    CHECK(IoCreateDevice(Driver, 0, &wrong, FILE_DEVICE_UNKNOWN, 0, FALSE, &again) == STATUS_OBJECT_NAME_COLLISION);
    CHECK(NT_SUCCESS(IoCreateDevice(Driver, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &Upper)));
    CHECK((PUCHAR)Lower->DeviceExtension == (PUCHAR)Lower + 0x150); /* as on Windows */
    CHECK(Lower->Flags & DO_DEVICE_INITIALIZING);
    CHECK(Lower->StackSize == 1);
    Lower->Flags &= ~DO_DEVICE_INITIALIZING;
    CHECK(IoAttachDeviceToDeviceStack(Upper, Lower) == Lower);
    CHECK(Upper->StackSize == 2);
    Upper->Flags &= ~DO_DEVICE_INITIALIZING;
    top = IoGetAttachedDeviceReference(Lower);
    CHECK(top == Upper);
    ObDereferenceObject(top);
    CHECK(NT_SUCCESS(IoCreateSymbolicLink(&link, &name)));
    CHECK(IoCreateSymbolicLink(&link, &name) == STATUS_OBJECT_NAME_COLLISION);
}

static NTSTATUS Ask(ULONG Code, PVOID Input, ULONG InputLength, PVOID Output, ULONG OutputLength, PIO_STATUS_BLOCK Iosb)
{
    KEVENT event;
    NTSTATUS status;
    PIRP irp;
    KeInitializeEvent(&event, NotificationEvent, FALSE);
    Iosb->Status = 0x12345678;
    Iosb->Information = 77;
    irp = IoBuildDeviceIoControlRequest(Code, Upper, Input, InputLength, Output, OutputLength, FALSE, &event, Iosb);
    OrderAt = 0;
    status = IoCallDriver(Upper, irp);
    if (status == STATUS_PENDING) {
        KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, NULL);
        status = Iosb->Status;
    }
    return status;
}

static void Buffers(void)
{
    UCHAR in[8] = {1, 2, 3, 4, 5, 6, 7, 8}, out[8] = {0};
    ULONG number = 41, answer = 0;
    IO_STATUS_BLOCK iosb;

    RtlCopyMemory(out, in, 8);
    CHECK(Ask(IOCTL_ECHO, in, 8, out, 8, &iosb) == STATUS_SUCCESS);
    CHECK(iosb.Status == STATUS_SUCCESS && iosb.Information == 8 && out[0] == 0xFE && in[0] == 1);
    CHECK(Order[0] == 'u' && Order[1] == 'l');
    CHECK(Ask(IOCTL_OVERFLOW, in, 8, out, 8, &iosb) == STATUS_BUFFER_OVERFLOW);
    CHECK(out[0] == 0x11); /* a warning copies */
    CHECK(Ask(IOCTL_FAIL, in, 8, out, 8, &iosb) == STATUS_DEVICE_DATA_ERROR);
    CHECK(out[0] == 0x11);            /* an error does not */
    CHECK(iosb.Status == 0x12345678); /* and one that is returned at once leaves the status block alone */
    in[0] = 0x55;
    CHECK(Ask(IOCTL_DIRECT, in, 1, out, 8, &iosb) == STATUS_SUCCESS && out[7] == 0x55);
    CHECK(Ask(IOCTL_NEITHER, &number, 4, &answer, 4, &iosb) == STATUS_SUCCESS && answer == 42);
    CHECK(Ask(IOCTL(99, METHOD_BUFFERED), NULL, 0, NULL, 0, &iosb) == STATUS_INVALID_DEVICE_REQUEST);
}

static void Cancellation(void)
{
    KEVENT event;
    IO_STATUS_BLOCK iosb;
    PIRP irp;
    KeInitializeEvent(&event, NotificationEvent, FALSE);
    irp = IoBuildDeviceIoControlRequest(IOCTL_PEND, Upper, NULL, 0, NULL, 0, FALSE, &event, &iosb);
    CHECK(IoCallDriver(Upper, irp) == STATUS_PENDING);
    CHECK(Held == irp && KeReadStateEvent(&event) == 0);
    CHECK(IoCancelIrp(irp));
    CHECK(KeReadStateEvent(&event) && iosb.Status == STATUS_CANCELLED && !Held);

    irp = IoBuildDeviceIoControlRequest(IOCTL_PEND, Upper, NULL, 0, NULL, 0, FALSE, &event, &iosb);
    KeClearEvent(&event);
    CHECK(IoCallDriver(Upper, irp) == STATUS_PENDING);
    CHECK(IoSetCancelRoutine(Held, NULL) == CancelHeld);
    CHECK(!IoCancelIrp(irp)); /* nobody to call; only the flag is set */
    CHECK(irp->Cancel);
    Complete(Held, STATUS_SUCCESS, 3);
    CHECK(KeReadStateEvent(&event) && iosb.Information == 3);
}

static NTSTATUS NTAPI TakeBack(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
    CHECK(DeviceObject == NULL); /* the sender has no stack location */
    Note('c');
    *(PNTSTATUS)Context = Irp->IoStatus.Status;
    return STATUS_MORE_PROCESSING_REQUIRED;
}

static void OwnIrps(void)
{
    NTSTATUS seen = STATUS_PENDING;
    PIRP irp = IoAllocateIrp(Upper->StackSize, FALSE);
    ULONG data[2] = {0xF0F0F0F0, 0};
    for (ULONG round = 0; round < 2; round++) {
        PIO_STACK_LOCATION next = IoGetNextIrpStackLocation(irp);
        next->MajorFunction = IRP_MJ_DEVICE_CONTROL;
        next->Parameters.DeviceIoControl.IoControlCode = IOCTL_ECHO;
        next->Parameters.DeviceIoControl.OutputBufferLength = 4;
        irp->AssociatedIrp.SystemBuffer = data;
        IoSetCompletionRoutine(irp, TakeBack, &seen, TRUE, TRUE, TRUE);
        OrderAt = 0;
        CHECK(IoCallDriver(Upper, irp) == STATUS_SUCCESS);
        CHECK(seen == STATUS_SUCCESS && Order[0] == 'u' && Order[1] == 'l' && Order[2] == 'c');
        CHECK(data[0] == (round == 0 ? 0x0F0F0F0F : 0xF0F0F0F0));
        IoReuseIrp(irp, STATUS_NOT_SUPPORTED);
        CHECK(irp->IoStatus.Status == STATUS_NOT_SUPPORTED && irp->CurrentLocation == irp->StackCount + 1);
    }
    IoFreeIrp(irp);
}

/* The top driver succeeds a PnP IRP of another driver with exactly StackSize locations, and skips its own: no rule is broken. */
static NTSTATUS NTAPI AnswerAndSkip(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    if (DeviceObject == Lower) {
        return Complete(Irp, Irp->IoStatus.Status, Irp->IoStatus.Information);
    }
    Irp->IoStatus.Status = STATUS_SUCCESS;
    IoSkipCurrentIrpStackLocation(Irp);
    return IoCallDriver(Lower, Irp);
}

static void TopAnswers(void)
{
    KEVENT event;
    IO_STATUS_BLOCK iosb;
    PIRP irp;
    KeInitializeEvent(&event, NotificationEvent, FALSE);
    Driver->MajorFunction[IRP_MJ_PNP] = AnswerAndSkip;
    irp = IoBuildSynchronousFsdRequest(IRP_MJ_PNP, Upper, NULL, 0, NULL, &event, &iosb);
    CHECK(irp->StackCount == Upper->StackSize && irp->IoStatus.Status == STATUS_NOT_SUPPORTED);
    IoGetNextIrpStackLocation(irp)->MinorFunction = IRP_MN_QUERY_INTERFACE;
    CHECK(IoCallDriver(Upper, irp) == STATUS_SUCCESS && iosb.Status == STATUS_SUCCESS);
}

static void Files(void)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\??\\SelfTestIo"),
                   missing = RTL_CONSTANT_STRING(L"\\Device\\NotThere");
    OBJECT_ATTRIBUTES attributes;
    PFILE_OBJECT file;
    PDEVICE_OBJECT device;
    IO_STATUS_BLOCK iosb;
    HANDLE handle;
    UCHAR data[4] = {1, 2, 3, 4};

    CHECK(IoGetDeviceObjectPointer(&missing, FILE_READ_DATA, &file, &device) == STATUS_OBJECT_NAME_NOT_FOUND);
    CHECK(NT_SUCCESS(IoGetDeviceObjectPointer(&name, FILE_READ_DATA, &file, &device)));
    CHECK(device == Upper && file->DeviceObject == Lower);
    CHECK(Creates == 1 && Cleanups == 1 && Closes == 0); /* its handle is closed at once */
    ObDereferenceObject(file);
    CHECK(Closes == 1 && Lower->ReferenceCount == 0);

    InitializeObjectAttributes(&attributes, &name, OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE, NULL, NULL);
    CHECK(NT_SUCCESS(ZwOpenFile(&handle, GENERIC_READ | SYNCHRONIZE, &attributes, &iosb, FILE_SHARE_READ,
                                FILE_SYNCHRONOUS_IO_NONALERT)));
    CHECK(Creates == 2 && Lower->ReferenceCount == 1);
    CHECK(NT_SUCCESS(ZwDeviceIoControlFile(handle, NULL, NULL, NULL, &iosb, IOCTL_ECHO, data, 4, data, 4)));
    CHECK(data[0] == 0xFE && iosb.Information == 4);
    CHECK(NT_SUCCESS(ObReferenceObjectByHandle(handle, 0, *IoFileObjectType, KernelMode, (PVOID *)&file, NULL)));
    CHECK(ObReferenceObjectByHandle(handle, 0, *ExEventObjectType, KernelMode, (PVOID *)&device, NULL) ==
          STATUS_OBJECT_TYPE_MISMATCH);
    CHECK(NT_SUCCESS(ZwClose(handle)));
    CHECK(Cleanups == 2 && Closes == 1);
    ObDereferenceObject(file);
    CHECK(Closes == 2);
}

static void Names(void)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\BaseNamedObjects\\SelfTestEvent");
    HANDLE first, second;
    PKEVENT a = IoCreateNotificationEvent(&name, &first), b = IoCreateNotificationEvent(&name, &second);
    CHECK(a && a == b && first != second);
    CHECK(KeReadStateEvent(a)); /* made signalled */
    CHECK(NT_SUCCESS(ZwClose(first)));
    KeClearEvent(b);
    CHECK(NT_SUCCESS(ZwClose(second)));
    a = IoCreateNotificationEvent(&name, &first);
    CHECK(a && KeReadStateEvent(a)); /* the old one went with its last handle */
    CHECK(NT_SUCCESS(ZwClose(first)));
}

static LONG Notified;

static void NTAPI Callback(PVOID Context, PVOID Argument1, PVOID Argument2)
{
    CHECK(Argument1 == &Notified && Argument2 == Context);
    Notified++;
}

static void Callbacks(void)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\Callback\\SelfTest");
    OBJECT_ATTRIBUTES attributes;
    PCALLBACK_OBJECT object, same;
    PVOID one, two;
    InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    CHECK(ExCreateCallback(&object, &attributes, FALSE, TRUE) == STATUS_OBJECT_NAME_NOT_FOUND);
    CHECK(NT_SUCCESS(ExCreateCallback(&object, &attributes, TRUE, TRUE)));
    CHECK(NT_SUCCESS(ExCreateCallback(&same, &attributes, FALSE, TRUE)) && same == object);
    one = ExRegisterCallback(object, Callback, &Driver);
    two = ExRegisterCallback(object, Callback, &Driver);
    CHECK(one && two);
    ExNotifyCallback(object, &Notified, &Driver);
    CHECK(Notified == 2);
    ExUnregisterCallback(one);
    ExNotifyCallback(same, &Notified, &Driver);
    CHECK(Notified == 3);
    ExUnregisterCallback(two);
    ObDereferenceObject(object);
    ObDereferenceObject(same);
}

static void Registry(PUNICODE_STRING Path)
{
    OBJECT_ATTRIBUTES attributes;
    UNICODE_STRING sub = RTL_CONSTANT_STRING(L"Parameters"), value = RTL_CONSTANT_STRING(L"Number"),
                   none = RTL_CONSTANT_STRING(L"None");
    HANDLE key, parameters;
    ULONG disposition, length, number = 7, other = 0, defaulted = 0, fallback = 5;
    UCHAR buffer[64];
    PKEY_VALUE_PARTIAL_INFORMATION partial = (PVOID)buffer;
    RTL_QUERY_REGISTRY_TABLE table[3];

    InitializeObjectAttributes(&attributes, Path, OBJ_KERNEL_HANDLE, NULL, NULL);
    CHECK(NT_SUCCESS(ZwOpenKey(&key, KEY_ALL_ACCESS, &attributes)));
    InitializeObjectAttributes(&attributes, &sub, OBJ_KERNEL_HANDLE, key, NULL);
    CHECK(ZwOpenKey(&parameters, KEY_ALL_ACCESS, &attributes) == STATUS_OBJECT_NAME_NOT_FOUND);
    CHECK(NT_SUCCESS(ZwCreateKey(&parameters, KEY_ALL_ACCESS, &attributes, 0, NULL, 0, &disposition)));
    CHECK(disposition == REG_CREATED_NEW_KEY);
    CHECK(NT_SUCCESS(ZwSetValueKey(parameters, &value, 0, REG_DWORD, &number, sizeof(number))));
    CHECK(ZwQueryValueKey(parameters, &none, KeyValuePartialInformation, buffer, sizeof(buffer), &length) ==
          STATUS_OBJECT_NAME_NOT_FOUND);
    CHECK(ZwQueryValueKey(parameters, &value, KeyValuePartialInformation, buffer, 4, &length) ==
          STATUS_BUFFER_TOO_SMALL);
    CHECK(NT_SUCCESS(ZwQueryValueKey(parameters, &value, KeyValuePartialInformation, buffer, sizeof(buffer), &length)));
    CHECK(partial->Type == REG_DWORD && partial->DataLength == 4 && *(PULONG)partial->Data == 7);
    RtlZeroMemory(table, sizeof(table));
    table[0].Flags = RTL_QUERY_REGISTRY_DIRECT | RTL_QUERY_REGISTRY_REQUIRED;
    table[0].Name = L"Number";
    table[0].EntryContext = &other;
    table[1].Flags = RTL_QUERY_REGISTRY_DIRECT;
    table[1].Name = L"None";
    table[1].EntryContext = &defaulted;
    table[1].DefaultType = REG_DWORD;
    table[1].DefaultData = &fallback;
    table[1].DefaultLength = sizeof(fallback);
    CHECK(NT_SUCCESS(RtlQueryRegistryValues(RTL_REGISTRY_HANDLE, (PCWSTR)parameters, table, NULL, NULL)));
    CHECK(other == 7 && defaulted == 5);
    CHECK(ZwDeleteKey(key) == STATUS_CANNOT_DELETE);
    CHECK(NT_SUCCESS(ZwDeleteKey(parameters)));
    CHECK(ZwQueryValueKey(parameters, &value, KeyValuePartialInformation, buffer, sizeof(buffer), &length) ==
          STATUS_KEY_DELETED);
    CHECK(NT_SUCCESS(ZwClose(parameters)) && NT_SUCCESS(ZwClose(key)));
}

static void RemoveLocks(void)
{
    static IO_REMOVE_LOCK lock;
    IoInitializeRemoveLock(&lock, TAG, 0, 0);
    CHECK(NT_SUCCESS(IoAcquireRemoveLock(&lock, &lock)));
    CHECK(NT_SUCCESS(IoAcquireRemoveLock(&lock, Driver)));
    IoReleaseRemoveLock(&lock, &lock);
    IoReleaseRemoveLockAndWait(&lock, Driver);
    CHECK(IoAcquireRemoveLock(&lock, &lock) == STATUS_DELETE_PENDING);
}

static struct {
    IO_CSQ Csq;
    LIST_ENTRY Irps;
    KSPIN_LOCK Lock;
    PIRP Cancelled;
} Queue;

static VOID NTAPI CsqInsert(PIO_CSQ Csq, PIRP Irp)
{
    InsertTailList(&Queue.Irps, &Irp->Tail.Overlay.ListEntry);
}

static VOID NTAPI CsqRemove(PIO_CSQ Csq, PIRP Irp)
{
    RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
}

static PIRP NTAPI CsqPeek(PIO_CSQ Csq, PIRP Irp, PVOID Context)
{
    PLIST_ENTRY next = Irp ? Irp->Tail.Overlay.ListEntry.Flink : Queue.Irps.Flink;
    return next == &Queue.Irps ? NULL : CONTAINING_RECORD(next, IRP, Tail.Overlay.ListEntry);
}

static VOID NTAPI CsqAcquire(PIO_CSQ Csq, PKIRQL Irql)
{
    KeAcquireSpinLock(&Queue.Lock, Irql);
}

static VOID NTAPI CsqRelease(PIO_CSQ Csq, KIRQL Irql)
{
    KeReleaseSpinLock(&Queue.Lock, Irql);
}

static VOID NTAPI CsqCompleteCancelled(PIO_CSQ Csq, PIRP Irp)
{
    Queue.Cancelled = Irp;
    Complete(Irp, STATUS_CANCELLED, 0);
}

static NTSTATUS NTAPI QueueRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    IoCsqInsertIrp(&Queue.Csq, Irp, NULL);
    return STATUS_PENDING;
}

static void CancelSafeQueue(void)
{
    KEVENT event[2];
    IO_STATUS_BLOCK iosb[2];
    PIRP irp[2];
    InitializeListHead(&Queue.Irps);
    KeInitializeSpinLock(&Queue.Lock);
    CHECK(NT_SUCCESS(
        IoCsqInitialize(&Queue.Csq, CsqInsert, CsqRemove, CsqPeek, CsqAcquire, CsqRelease, CsqCompleteCancelled)));
    for (ULONG i = 0; i < 2; i++) {
        KeInitializeEvent(&event[i], NotificationEvent, FALSE);
        irp[i] = IoBuildSynchronousFsdRequest(IRP_MJ_READ, Lower, NULL, 0, NULL, &event[i], &iosb[i]);
        CHECK(IoCallDriver(Lower, irp[i]) == STATUS_PENDING);
    }
    CHECK(IoCancelIrp(irp[0]));
    CHECK(Queue.Cancelled == irp[0] && KeReadStateEvent(&event[0]) && iosb[0].Status == STATUS_CANCELLED);
    CHECK(IoCsqRemoveNextIrp(&Queue.Csq, NULL) == irp[1]);
    CHECK(IoCsqRemoveNextIrp(&Queue.Csq, NULL) == NULL);
    CHECK(!IoCancelIrp(irp[1])); /* it is ours now */
    Complete(irp[1], STATUS_SUCCESS, 9);
    CHECK(KeReadStateEvent(&event[1]) && iosb[1].Information == 9);
}

static KEVENT Worked;

static VOID NTAPI Work(PDEVICE_OBJECT DeviceObject, PVOID Context)
{
    CHECK(DeviceObject == Lower && Context == &Worked && KeGetCurrentIrql() == PASSIVE_LEVEL);
    KeSetEvent(&Worked, 0, FALSE);
}

static void WorkItems(void)
{
    PIO_WORKITEM item = IoAllocateWorkItem(Lower);
    for (ULONG i = 0; i < 3; i++) {
        KeInitializeEvent(&Worked, NotificationEvent, FALSE);
        IoQueueWorkItem(item, Work, DelayedWorkQueue, &Worked);
        KeWaitForSingleObject(&Worked, Executive, KernelMode, FALSE, NULL);
    }
    IoFreeWorkItem(item);
}

static void Extensions(void)
{
    PVOID extension, same;
    CHECK(IoGetDriverObjectExtension(Driver, &Worked) == NULL);
    CHECK(NT_SUCCESS(IoAllocateDriverObjectExtension(Driver, &Worked, 32, &extension)));
    CHECK(IoAllocateDriverObjectExtension(Driver, &Worked, 32, &same) == STATUS_OBJECT_NAME_COLLISION);
    CHECK(IoGetDriverObjectExtension(Driver, &Worked) == extension);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNICODE_STRING link = RTL_CONSTANT_STRING(L"\\DosDevices\\SelfTestIo");
    Driver = DriverObject;
    DriverObject->MajorFunction[IRP_MJ_CREATE] = OpenClose;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = OpenClose;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = OpenClose;
    DriverObject->MajorFunction[IRP_MJ_READ] = QueueRead;
    DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL] = Control;
    Devices();
    Buffers();
    Cancellation();
    OwnIrps();
    TopAnswers();
    Files();
    Names();
    Callbacks();
    Registry(RegistryPath);
    RemoveLocks();
    CancelSafeQueue();
    WorkItems();
    Extensions();
    CHECK(NT_SUCCESS(IoDeleteSymbolicLink(&link)));
    IoDetachDevice(Lower);
    CHECK(Lower->AttachedDevice == NULL);
    IoDeleteDevice(Upper);
    IoDeleteDevice(Lower);
    CHECK(DriverObject->DeviceObject == NULL);
    return Summary("io");
}
