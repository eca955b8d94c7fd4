/* SPDX-License-Identifier: MIT */
/*
 * One broken rule of the I/O and object managers a build, as violations.c: Break_<case> must be stopped with the code that io_violations.txt
 * gives, and be blamed. Two unnamed device objects, Upper on Lower; the dispatch routine does whatever the case says.
 */
#include <ntddk.h>

#define CONCAT(a, b) a##b
#define TAG          'tseT'
#define BROKEN(name) __attribute__((noinline, used)) static void CONCAT(Break_, name)(void)
/* A dispatch or other routine that does the wrong thing and is to be blamed for it. */
#define BAD(name, suffix) __attribute__((noinline, used)) CONCAT(Break_, name##suffix)

static PDRIVER_OBJECT Driver;
static PDEVICE_OBJECT Lower, Upper;
static PDRIVER_DISPATCH OnLower, OnUpper;
static BOOLEAN Unload;
static KEVENT Event;
static IO_STATUS_BLOCK Iosb;

static NTSTATUS Complete(PIRP Irp, NTSTATUS Status)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = 0;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

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

static PIRP Build(void)
{
    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    return IoBuildDeviceIoControlRequest(CTL_CODE(0x8000, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS), Upper, NULL, 0,
                                         NULL, 0, FALSE, &Event, &Iosb);
}

/* Whose routine the dispatch table names is blamed, so a case that is blamed for its dispatch routine puts it there itself. */
static void SendTo(PDRIVER_DISPATCH Routine)
{
    Driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = Routine;
    IoDetachDevice(Lower);
    PIRP irp;
    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    irp = IoBuildDeviceIoControlRequest(CTL_CODE(0x8000, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS), Lower, NULL, 0, NULL,
                                        0, FALSE, &Event, &Iosb);
    IoCallDriver(Lower, irp);
}

static NTSTATUS NTAPI BAD(completes_twice, _dispatch)(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    Complete(Irp, STATUS_SUCCESS);
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}
BROKEN(completes_twice)
{
    SendTo(Break_completes_twice_dispatch);
}

BROKEN(frees_twice)
{
    PIRP irp = IoAllocateIrp(1, FALSE);
    IoFreeIrp(irp);
    IoFreeIrp(irp);
}

static NTSTATUS NTAPI BAD(forgets_irp, _dispatch)(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    return STATUS_SUCCESS;
}
BROKEN(forgets_irp)
{
    SendTo(Break_forgets_irp_dispatch);
}

static NTSTATUS NTAPI BAD(forgets_to_mark_pending, _dispatch)(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    Complete(Irp, STATUS_SUCCESS);
    return STATUS_PENDING;
}
BROKEN(forgets_to_mark_pending)
{
    SendTo(Break_forgets_to_mark_pending_dispatch);
}

static NTSTATUS NTAPI BAD(marks_but_returns_status, _dispatch)(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    IoMarkIrpPending(Irp);
    return Complete(Irp, STATUS_SUCCESS);
}
BROKEN(marks_but_returns_status)
{
    SendTo(Break_marks_but_returns_status_dispatch);
}

static NTSTATUS NTAPI BAD(other_status, _dispatch)(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    Complete(Irp, STATUS_SUCCESS);
    return STATUS_UNSUCCESSFUL;
}
BROKEN(other_status)
{
    SendTo(Break_other_status_dispatch);
}

static NTSTATUS NTAPI BAD(no_stack_locations, _dispatch)(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    IoCopyCurrentIrpStackLocationToNext(Irp);
    return IoCallDriver(Lower, Irp);
}
BROKEN(no_stack_locations)
{
    SendTo(Break_no_stack_locations_dispatch);
}

static void NTAPI Cancel(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    IoReleaseCancelSpinLock(Irp->CancelIrql);
}

static NTSTATUS NTAPI BAD(cancel_routine_left, _dispatch)(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    IoSetCancelRoutine(Irp, Cancel);
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}
BROKEN(cancel_routine_left)
{
    SendTo(Break_cancel_routine_left_dispatch);
}

static NTSTATUS NTAPI BAD(completes_as_pending, _dispatch)(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    Irp->IoStatus.Status = STATUS_PENDING;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return STATUS_PENDING;
}
BROKEN(completes_as_pending)
{
    SendTo(Break_completes_as_pending_dispatch);
}

BROKEN(call_at_device_irql)
{
    PIRP irp = Build();
    KIRQL old;
    KeRaiseIrql(5, &old);
    IoCallDriver(Upper, irp);
    KeLowerIrql(old);
}

BROKEN(call_null_device)
{
    IoCallDriver(NULL, Build());
    Unload = FALSE;
}

BROKEN(call_deleted_device)
{
    PIRP irp = Build();
    PDEVICE_OBJECT device = Upper;
    ObReferenceObject(device);
    IoDetachDevice(Lower);
    IoDeleteDevice(device);
    IoCallDriver(device, irp);
    Unload = FALSE;
}

BROKEN(create_at_dispatch)
{
    PIRP irp = IoAllocateIrp(2, FALSE);
    KIRQL old;
    IoGetNextIrpStackLocation(irp)->MajorFunction = IRP_MJ_CREATE;
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    IoCallDriver(Upper, irp);
    KeLowerIrql(old);
}

static NTSTATUS NTAPI BAD(returns_raised, _dispatch)(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    KIRQL old;
    Complete(Irp, STATUS_SUCCESS);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    return STATUS_SUCCESS;
}
BROKEN(returns_raised)
{
    SendTo(Break_returns_raised_dispatch);
}

BROKEN(never_sent)
{
    PIRP irp = IoAllocateIrp(1, FALSE);
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    Unload = FALSE;
}

BROKEN(own_irp_not_taken_back)
{
    PIRP irp = IoAllocateIrp(2, FALSE);
    IoGetNextIrpStackLocation(irp)->MajorFunction = IRP_MJ_DEVICE_CONTROL;
    IoCallDriver(Upper, irp);
    Unload = FALSE;
}

BROKEN(pnp_irp_without_status)
{
    PIRP irp = IoAllocateIrp(2, FALSE);
    IoGetNextIrpStackLocation(irp)->MajorFunction = IRP_MJ_PNP;
    IoGetNextIrpStackLocation(irp)->MinorFunction = IRP_MN_QUERY_CAPABILITIES;
    IoCallDriver(Upper, irp);
    Unload = FALSE;
}

BROKEN(initializes_allocated_irp)
{
    PIRP irp = IoAllocateIrp(2, FALSE);
    IoInitializeIrp(irp, IoSizeOfIrp(2), 2);
    Unload = FALSE;
}

BROKEN(deletes_attached)
{
    IoDeleteDevice(Upper);
    Unload = FALSE;
}

BROKEN(deletes_twice)
{
    ObReferenceObject(Upper);
    IoDetachDevice(Lower);
    IoDeleteDevice(Upper);
    IoDeleteDevice(Upper);
    Unload = FALSE;
}

BROKEN(detaches_twice)
{
    IoDetachDevice(Lower);
    IoDetachDevice(Lower);
    Unload = FALSE;
}

BROKEN(io_buffer_null)
{
    IoBuildDeviceIoControlRequest(CTL_CODE(0x8000, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS), Upper, NULL, 8, NULL, 0,
                                  FALSE, &Event, &Iosb);
    Unload = FALSE;
}

static void NTAPI Tick(PDEVICE_OBJECT DeviceObject, PVOID Context)
{
}

BROKEN(timer_initialized_twice)
{
    IoInitializeTimer(Lower, Tick, NULL);
    IoInitializeTimer(Lower, Tick, NULL);
    Unload = FALSE;
}

static IO_REMOVE_LOCK Lock;

BROKEN(lock_released_unheld)
{
    IoInitializeRemoveLock(&Lock, TAG, 0, 0);
    IoReleaseRemoveLock(&Lock, NULL);
    Unload = FALSE;
}

BROKEN(lock_released_other_tag)
{
    IoInitializeRemoveLock(&Lock, TAG, 0, 0);
    IoAcquireRemoveLock(&Lock, Lower);
    IoReleaseRemoveLock(&Lock, Upper);
    Unload = FALSE;
}

BROKEN(lock_never_released)
{
    IoInitializeRemoveLock(&Lock, TAG, 0, 0);
    IoAcquireRemoveLock(&Lock, Lower);
    IoAcquireRemoveLock(&Lock, Upper);
    IoReleaseRemoveLockAndWait(&Lock, Upper);
    Unload = FALSE;
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
    Unload = FALSE;
}

BROKEN(closes_closed_handle)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\BaseNamedObjects\\SelfTestBroken");
    HANDLE handle;
    IoCreateNotificationEvent(&name, &handle);
    ZwClose(handle);
    ZwClose(handle);
    Unload = FALSE;
}

static void NTAPI BAD(cancel_routine_keeps_lock, _cancel)(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
}
static NTSTATUS NTAPI Hold(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    IoMarkIrpPending(Irp);
    IoSetCancelRoutine(Irp, Break_cancel_routine_keeps_lock_cancel);
    return STATUS_PENDING;
}
BROKEN(cancel_routine_keeps_lock)
{
    PIRP irp = Build();
    OnLower = Hold;
    IoCallDriver(Upper, irp);
    IoCancelIrp(irp);
}

static NTSTATUS NTAPI BAD(completion_keeps_irql, _completion)(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
    KIRQL old;
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    return STATUS_CONTINUE_COMPLETION;
}
BROKEN(completion_keeps_irql)
{
    PIRP irp = Build();
    IoSetCompletionRoutine(irp, Break_completion_keeps_irql_completion, NULL, TRUE, TRUE, TRUE);
    IoCallDriver(Upper, irp);
}

static void NTAPI Callback(PVOID Context, PVOID Argument1, PVOID Argument2)
{
}

static void Remove(void)
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
    Unload = FALSE;
}

typedef struct _TEST_CASE {
    PCSTR Name;
    void (*Run)(void);
} TEST_CASE;

#define CASE(name) {#name, Break_##name},
static const TEST_CASE Cases[] = {
#include "io_cases.h"
};
#undef CASE

/* Does the service's registry path end in "break_<Name>"? */
static BOOLEAN IsNamedFor(PUNICODE_STRING Path, PCSTR Name)
{
    static const CHAR prefix[] = "break_";
    ULONG length = Path->Length / sizeof(WCHAR), i = length;
    while (i && Path->Buffer[i - 1] != L'\\') {
        i--;
    }
    for (ULONG n = 0; prefix[n]; n++, i++) {
        if (i >= length || Path->Buffer[i] != (UCHAR)prefix[n]) {
            return FALSE;
        }
    }
    for (; *Name && i < length && Path->Buffer[i] == (UCHAR)*Name; Name++, i++) {
    }
    return !*Name && i == length;
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    Driver = DriverObject;
    OnLower = Succeed;
    OnUpper = PassDown;
    DriverObject->MajorFunction[IRP_MJ_CREATE] = Dispatch;
    DriverObject->MajorFunction[IRP_MJ_PNP] = Dispatch;
    DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL] = Dispatch;
    IoCreateDevice(DriverObject, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &Lower);
    IoCreateDevice(DriverObject, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &Upper);
    Lower->Flags &= ~DO_DEVICE_INITIALIZING;
    Upper->Flags &= ~DO_DEVICE_INITIALIZING;
    IoAttachDeviceToDeviceStack(Upper, Lower);
    for (ULONG i = 0; i < sizeof(Cases) / sizeof(Cases[0]); i++) {
        if (IsNamedFor(RegistryPath, Cases[i].Name)) {
            Cases[i].Run();
        }
    }
    if (Unload) {
        return STATUS_UNSUCCESSFUL;
    }
    DbgPrint("VIOLATION SURVIVED\n");
    return STATUS_SUCCESS;
}
