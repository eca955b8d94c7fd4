/* SPDX-License-Identifier: MIT */
/* Broken rules of the I/O and object managers (io_violations_irp.c: of sending and completing IRPs). See violations.h. */
#include "io_violations.h"

PDEVICE_OBJECT Lower, Upper, Keeper;
PDRIVER_DISPATCH OnLower, OnUpper;
KEVENT Event;
IO_STATUS_BLOCK Iosb;

static NTSTATUS NTAPI Succeed(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    return Complete(Irp, STATUS_SUCCESS);
}

static NTSTATUS NTAPI PassDown(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    IoSkipCurrentIrpStackLocation(Irp);
    return IoCallDriver(Lower, Irp);
}

static NTSTATUS NTAPI Dispatch(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    return DeviceObject == Upper ? OnUpper(DeviceObject, Irp) : OnLower(DeviceObject, Irp);
}

#define KEEPER L"\\Device\\SelfTestKeeper"

static NTSTATUS NTAPI Keep(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    IoMarkIrpPending(Irp);
    return STATUS_PENDING;
}

/* The driver that is named for no case: below another one, for cases above_…. */
static void BeKeeper(void)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(KEEPER);
    IoCreateDevice(Driver, 0, &name, FILE_DEVICE_UNKNOWN, 0, FALSE, &Keeper);
    OnLower = Keep;
    Driver->MajorFunction[IRP_MJ_CREATE] = Driver->MajorFunction[IRP_MJ_CLEANUP] = Driver->MajorFunction[IRP_MJ_CLOSE] =
        Succeed;
    Driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = Keep;
    Keeper->Flags &= ~DO_DEVICE_INITIALIZING;
}

void SendToKeeper(void)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(KEEPER);
    PFILE_OBJECT file;
    IoDetachDevice(Lower);
    if (NT_SUCCESS(IoGetDeviceObjectPointer(&name, FILE_READ_DATA, &file, &Keeper))) {
        IoAttachDeviceToDeviceStack(Upper, Keeper);
        IoCallDriver(Upper, Build());
    }
}

void Prepare(void)
{
    UNICODE_STRING keeper = RTL_CONSTANT_STRING(L"io_violations");
    if (RtlEqualUnicodeString(&Driver->DriverExtension->ServiceKeyName, &keeper, TRUE)) {
        BeKeeper();
        return;
    }
    OnLower = Succeed;
    OnUpper = PassDown;
    Driver->MajorFunction[IRP_MJ_CREATE] = Dispatch;
    Driver->MajorFunction[IRP_MJ_PNP] = Dispatch;
    Driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = Dispatch;
    IoCreateDevice(Driver, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &Lower);
    IoCreateDevice(Driver, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &Upper);
    Lower->Flags &= ~DO_DEVICE_INITIALIZING;
    Upper->Flags &= ~DO_DEVICE_INITIALIZING;
    IoAttachDeviceToDeviceStack(Upper, Lower);
}

/* Whose routine the dispatch table names is blamed, so a case that is blamed for its dispatch routine puts it there itself. */
void SendTo(PDRIVER_DISPATCH Routine)
{
    Driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = Routine;
    IoDetachDevice(Lower);
    PIRP irp;
    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    irp = IoBuildDeviceIoControlRequest(IOCTL_TEST, Lower, NULL, 0, NULL, 0, FALSE, &Event, &Iosb);
    IoCallDriver(Lower, irp);
}

static void NTAPI Tick(PDEVICE_OBJECT DeviceObject, PVOID Context)
{
}

BROKEN(timer_initialized_twice)
{
    IoInitializeTimer(Lower, Tick, NULL);
    IoInitializeTimer(Lower, Tick, NULL);
}

static IO_REMOVE_LOCK Lock;

BROKEN(lock_released_unheld)
{
    IoInitializeRemoveLock(&Lock, TAG, 0, 0);
    IoReleaseRemoveLock(&Lock, NULL);
}

BROKEN(lock_released_other_tag)
{
    IoInitializeRemoveLock(&Lock, TAG, 0, 0);
    IoAcquireRemoveLock(&Lock, Lower);
    IoReleaseRemoveLock(&Lock, Upper);
}

BROKEN(lock_never_released)
{
    IoInitializeRemoveLock(&Lock, TAG, 0, 0);
    IoAcquireRemoveLock(&Lock, Lower);
    IoAcquireRemoveLock(&Lock, Upper);
    IoReleaseRemoveLockAndWait(&Lock, Upper);
}

static VOID NTAPI Work(PDEVICE_OBJECT DeviceObject, PVOID Context)
{
}

BROKEN(work_item_requeued)
{
    PIO_WORKITEM item = IoAllocateWorkItem(Lower);
    KIRQL old;
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    IoQueueWorkItem(item, Work, DelayedWorkQueue, NULL);
    IoQueueWorkItem(item, Work, DelayedWorkQueue, NULL);
    KeLowerIrql(old);
}

BROKEN(work_item_freed_queued)
{
    PIO_WORKITEM item = IoAllocateWorkItem(Lower);
    KIRQL old;
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    IoQueueWorkItem(item, Work, DelayedWorkQueue, NULL);
    IoFreeWorkItem(item);
    KeLowerIrql(old);
}

BROKEN(object_dereferenced_twice)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\BaseNamedObjects\\SelfTestBroken");
    HANDLE handle;
    PKEVENT event = IoCreateNotificationEvent(&name, &handle);
    ObReferenceObject(event);
    ObDereferenceObject(event);
    ObDereferenceObject(event);
}

BROKEN(closes_closed_handle)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\BaseNamedObjects\\SelfTestBroken");
    HANDLE handle;
    IoCreateNotificationEvent(&name, &handle);
    ZwClose(handle);
    ZwClose(handle);
}

static void NTAPI Callback(PVOID Context, PVOID Argument1, PVOID Argument2)
{
}

void Remove(void)
{
    IoDetachDevice(Lower);
    IoDeleteDevice(Upper);
    IoDeleteDevice(Lower);
    Unload = TRUE;
}

BROKEN(leaves_symbolic_link)
{
    UNICODE_STRING link = RTL_CONSTANT_STRING(L"\\DosDevices\\SelfTestLeft"),
                   target = RTL_CONSTANT_STRING(L"\\Device\\Null");
    IoCreateSymbolicLink(&link, &target);
    Remove();
}

BROKEN(leaves_callback)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\Callback\\PowerState");
    OBJECT_ATTRIBUTES attributes;
    PCALLBACK_OBJECT object;
    InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    ExCreateCallback(&object, &attributes, FALSE, TRUE);
    ExRegisterCallback(object, Callback, NULL);
    Remove();
}

static NTSTATUS NTAPI Notify(PVOID Structure, PVOID Context)
{
    return STATUS_SUCCESS;
}

BROKEN(leaves_notification)
{
    static const GUID class = {0x6f4b0d31, 0x5a5c, 0x4e0b, {0x9e, 0x6b, 0xb0, 0xdd, 0, 0, 0, 9}};
    PVOID entry;
    IoRegisterPlugPlayNotification(EventCategoryDeviceInterfaceChange, 0, (PVOID) & class, Driver, Notify, NULL,
                                   &entry);
    Remove();
}

BROKEN(leaves_device)
{
    Unload = TRUE;
}

BROKEN(property_of_fdo)
{
    ULONG length;
    IoGetDeviceProperty(Upper, DevicePropertyHardwareID, 0, NULL, &length);
}

BROKEN(notification_unregistered_twice)
{
    static const GUID class = {0x6f4b0d31, 0x5a5c, 0x4e0b, {0x9e, 0x6b, 0xb0, 0xdd, 0, 0, 0, 9}};
    PVOID entry;
    IoRegisterPlugPlayNotification(EventCategoryDeviceInterfaceChange, 0, (PVOID) & class, Driver, Notify, NULL,
                                   &entry);
    IoUnregisterPlugPlayNotificationEx(entry);
    IoUnregisterPlugPlayNotificationEx(entry);
}

BROKEN(lock_released_for_ever_other_tag)
{
    IoInitializeRemoveLock(&Lock, TAG, 0, 0);
    IoAcquireRemoveLock(&Lock, Lower);
    IoReleaseRemoveLockAndWait(&Lock, Upper);
}

BROKEN(lock_uninitialized)
{
    static IO_REMOVE_LOCK never;
    IoAcquireRemoveLock(&never, NULL);
}

BROKEN(device_deleted_with_lock)
{
    PDEVICE_OBJECT device;
    IoCreateDevice(Driver, sizeof(IO_REMOVE_LOCK), NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
    IoInitializeRemoveLock(device->DeviceExtension, TAG, 0, 0);
    IoAcquireRemoveLock(device->DeviceExtension, NULL);
    IoDeleteDevice(device);
}

static VOID NTAPI BAD(work_item_raised, _routine)(PDEVICE_OBJECT DeviceObject, PVOID Context)
{
    Raise(DISPATCH_LEVEL);
}

BROKEN(work_item_raised)
{
    IoQueueWorkItem(IoAllocateWorkItem(Lower), Break_work_item_raised_routine, DelayedWorkQueue, NULL);
    Forever();
}

BROKEN(lock_initialized_twice)
{
    PDEVICE_OBJECT device;
    IoCreateDevice(Driver, sizeof(IO_REMOVE_LOCK), NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
    IoInitializeRemoveLock(device->DeviceExtension, TAG, 0, 0);
    IoInitializeRemoveLock(device->DeviceExtension, TAG, 0, 0);
}

static NTSTATUS NTAPI BAD(leaves_wmi_callback, _callback)(UCHAR Action, PVOID Context, ULONG Size, PVOID Buffer)
{
    return STATUS_SUCCESS;
}

BROKEN(leaves_wmi_callback)
{
    IoWMIRegistrationControl((PDEVICE_OBJECT)(PVOID)Break_leaves_wmi_callback_callback,
                             WMIREG_ACTION_REGISTER | 0x80000000 /* WMIREG_FLAG_CALLBACK */);
    Remove();
}
