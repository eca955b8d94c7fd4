/* SPDX-License-Identifier: MIT */
/* Broken rules of stack locations, of IRPs that a driver below has, and of what belongs to an IRP. See violations.h. */
#include "io_violations.h"

/* The verifier's rules of sending and completing an IRP that a driver below has, in io/sendcheck.c and io/completecheck.c. */

static PIRP Kept;

static NTSTATUS NTAPI Continue(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
    return STATUS_CONTINUE_COMPLETION;
}

static NTSTATUS NTAPI Keep(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    Kept = Irp;
    IoMarkIrpPending(Irp);
    return STATUS_PENDING;
}

static NTSTATUS NTAPI BAD(sends_pending_irp, _dispatch)(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    if (DeviceObject == Lower) {
        return Keep(DeviceObject, Irp);
    }
    IoCopyCurrentIrpStackLocationToNext(Irp);
    IoSetCompletionRoutine(Irp, Continue, NULL, TRUE, TRUE, TRUE);
    IoCallDriver(Lower, Irp);
    return IoCallDriver(Lower, Irp);
}
BROKEN(sends_pending_irp)
{
    PIRP irp;
    Driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = Break_sends_pending_irp_dispatch;
    irp = IoAllocateIrp(4, FALSE);
    IoGetNextIrpStackLocation(irp)->MajorFunction = IRP_MJ_DEVICE_CONTROL;
    IoCallDriver(Upper, irp);
}

static NTSTATUS NTAPI BAD(completes_pending_irp, _dispatch)(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    if (DeviceObject == Lower) {
        return Keep(DeviceObject, Irp);
    }
    IoCopyCurrentIrpStackLocationToNext(Irp);
    IoSetCompletionRoutine(Irp, Continue, NULL, TRUE, TRUE, TRUE);
    IoCallDriver(Lower, Irp);
    return Complete(Irp, STATUS_SUCCESS);
}
BROKEN(completes_pending_irp)
{
    Driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = Break_completes_pending_irp_dispatch;
    IoCallDriver(Upper, Build());
}

/* Upper's part of the IRP; Lower succeeds. */
#define FORWARDS(name)                                                                                                 \
    static NTSTATUS Forward_##name(PIRP Irp);                                                                          \
    static NTSTATUS NTAPI BAD(name, _dispatch)(PDEVICE_OBJECT DeviceObject, PIRP Irp)                                  \
    {                                                                                                                  \
        return DeviceObject == Lower ? Complete(Irp, STATUS_SUCCESS) : Forward_##name(Irp);                            \
    }                                                                                                                  \
    BROKEN(name)                                                                                                       \
    {                                                                                                                  \
        PIRP irp = Build();                                                                                            \
        Driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = Break_##name##_dispatch;                                        \
        IoSetCompletionRoutine(irp, Continue, NULL, TRUE, TRUE, TRUE);                                                 \
        IoCallDriver(Upper, irp);                                                                                      \
    }                                                                                                                  \
    __attribute__((always_inline)) static inline NTSTATUS Forward_##name(PIRP Irp)

FORWARDS(skips_marked_location)
{
    IoMarkIrpPending(Irp);
    IoSkipCurrentIrpStackLocation(Irp);
    IoCallDriver(Lower, Irp);
    return STATUS_PENDING;
}

FORWARDS(copies_completion_routine)
{
    *IoGetNextIrpStackLocation(Irp) = *IoGetCurrentIrpStackLocation(Irp);
    return IoCallDriver(Lower, Irp);
}

__attribute__((section("PAGE"), noinline, used)) static NTSTATUS NTAPI
Break_completion_in_paged_code_completion(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
    return STATUS_CONTINUE_COMPLETION;
}
FORWARDS(completion_in_paged_code)
{
    IoCopyCurrentIrpStackLocationToNext(Irp);
    IoSetCompletionRoutine(Irp, Break_completion_in_paged_code_completion, NULL, TRUE, TRUE, TRUE);
    return IoCallDriver(Lower, Irp);
}

static NTSTATUS NTAPI BAD(completion_does_not_mark, _completion)(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
    return STATUS_CONTINUE_COMPLETION;
}
static NTSTATUS NTAPI MarkAndComplete(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    if (DeviceObject == Lower) {
        IoMarkIrpPending(Irp);
        Complete(Irp, STATUS_SUCCESS);
        return STATUS_PENDING;
    }
    IoCopyCurrentIrpStackLocationToNext(Irp);
    IoSetCompletionRoutine(Irp, Break_completion_does_not_mark_completion, NULL, TRUE, TRUE, TRUE);
    return IoCallDriver(Lower, Irp);
}
BROKEN(completion_does_not_mark)
{
    OnLower = OnUpper = MarkAndComplete;
    IoCallDriver(Upper, Build());
}

FORWARDS(returns_garbage)
{
    Complete(Irp, STATUS_SUCCESS);
    return (NTSTATUS)0xA5A5A5A5;
}

FORWARDS(completes_with_garbage)
{
    return Complete(Irp, (NTSTATUS)0xA5A5A5A5);
}

FORWARDS(returns_interrupts_off)
{
    NTSTATUS status = Complete(Irp, STATUS_SUCCESS);
    __asm__ volatile("cli");
    return status;
}

FORWARDS(calls_interrupts_off)
{
    IoSkipCurrentIrpStackLocation(Irp);
    __asm__ volatile("cli");
    return IoCallDriver(Lower, Irp);
}

static NTSTATUS NTAPI BAD(information_too_large, _dispatch)(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    Irp->IoStatus.Status = STATUS_SUCCESS;
    Irp->IoStatus.Information = 100;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}
BROKEN(information_too_large)
{
    static ULONG output[2];
    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    Driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = Break_information_too_large_dispatch;
    IoCallDriver(
        Lower, IoBuildDeviceIoControlRequest(IOCTL_TEST, Lower, NULL, 0, output, sizeof(output), FALSE, &Event, &Iosb));
}

/* A new IRP of the driver's own, for Upper. */
static PIRP New(UCHAR Major, UCHAR Minor, NTSTATUS Status)
{
    PIRP irp = IoAllocateIrp(2, FALSE);
    irp->IoStatus.Status = Status;
    IoGetNextIrpStackLocation(irp)->MajorFunction = Major;
    IoGetNextIrpStackLocation(irp)->MinorFunction = Minor;
    return irp;
}

BROKEN(wmi_irp_without_status)
{
    IoCallDriver(Upper, New(IRP_MJ_SYSTEM_CONTROL, 0, STATUS_SUCCESS));
}

BROKEN(sends_start_device)
{
    IoCallDriver(Upper, New(IRP_MJ_PNP, IRP_MN_START_DEVICE, STATUS_NOT_SUPPORTED));
}

BROKEN(sends_set_power)
{
    IoCallDriver(Upper, New(IRP_MJ_POWER, IRP_MN_SET_POWER, STATUS_NOT_SUPPORTED));
}

/* IRP_MN_QUERY_CAPABILITIES with one field not initialized. */
__attribute__((always_inline)) static inline void Query(USHORT Version, USHORT Size, ULONG Address, ULONG Number)
{
    static DEVICE_CAPABILITIES capabilities;
    PIRP irp = New(IRP_MJ_PNP, IRP_MN_QUERY_CAPABILITIES, STATUS_NOT_SUPPORTED);
    capabilities.Version = Version;
    capabilities.Size = Size;
    capabilities.Address = Address;
    capabilities.UINumber = Number;
    IoGetNextIrpStackLocation(irp)->Parameters.DeviceCapabilities.Capabilities = &capabilities;
    IoCallDriver(Upper, irp);
}

BROKEN(capabilities_version)
{
    Query(0, sizeof(DEVICE_CAPABILITIES), -1, -1);
}

BROKEN(capabilities_size)
{
    Query(1, 0, -1, -1);
}

BROKEN(capabilities_address)
{
    Query(1, sizeof(DEVICE_CAPABILITIES), 0, -1);
}

BROKEN(capabilities_number)
{
    Query(1, sizeof(DEVICE_CAPABILITIES), -1, 0);
}

BROKEN(irp_event_signalled)
{
    PIRP irp = Build();
    OnLower = Keep;
    KeSetEvent(&Event, 0, FALSE);
    IoCallDriver(Upper, irp);
}

static NTSTATUS NTAPI TakeBack(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
    return STATUS_MORE_PROCESSING_REQUIRED;
}

BROKEN(reuses_pending_irp)
{
    PIRP irp = New(IRP_MJ_DEVICE_CONTROL, 0, STATUS_SUCCESS);
    OnLower = Keep;
    IoSetCompletionRoutine(irp, TakeBack, NULL, TRUE, TRUE, TRUE);
    IoCallDriver(Upper, irp);
    IoReuseIrp(irp, STATUS_SUCCESS);
}

BROKEN(builds_read_without_buffer)
{
    LARGE_INTEGER offset = {.QuadPart = 0};
    IoBuildAsynchronousFsdRequest(IRP_MJ_READ, Upper, NULL, 64, &offset, &Iosb);
}

/* Sends an IRP from deep in the stack, returns, and waits far above for the thread that completes it. */
static void NTAPI CompleteKept(PVOID Context)
{
    Complete(Kept, STATUS_SUCCESS);
}

static void LetOtherThreadComplete(void)
{
    LARGE_INTEGER due = {.QuadPart = -50000000LL};
    HANDLE thread;
    PsCreateSystemThread(&thread, THREAD_ALL_ACCESS, NULL, NULL, NULL, CompleteKept, NULL);
    KeDelayExecutionThread(KernelMode, FALSE, &due);
}

__attribute__((noinline)) static void Break_status_block_unwound_send(ULONG Depth)
{
    volatile UCHAR room[512];
    IO_STATUS_BLOCK unwound;
    room[0] = 0;
    if (Depth) {
        Break_status_block_unwound_send(Depth - 1);
        Sink = room[0];
        return;
    }
    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    IoCallDriver(Upper, IoBuildDeviceIoControlRequest(IOCTL_TEST, Upper, NULL, 0, NULL, 0, FALSE, &Event, &unwound));
}
BROKEN(status_block_unwound)
{
    OnLower = Keep;
    Break_status_block_unwound_send(8);
    LetOtherThreadComplete();
}

__attribute__((noinline)) static void Break_event_unwound_send(ULONG Depth)
{
    volatile UCHAR room[512];
    KEVENT unwound;
    room[0] = 0;
    if (Depth) {
        Break_event_unwound_send(Depth - 1);
        Sink = room[0];
        return;
    }
    KeInitializeEvent(&unwound, NotificationEvent, FALSE);
    IoCallDriver(Upper, IoBuildDeviceIoControlRequest(IOCTL_TEST, Upper, NULL, 0, NULL, 0, FALSE, &unwound, &Iosb));
}
BROKEN(event_unwound)
{
    OnLower = Keep;
    Break_event_unwound_send(8);
    LetOtherThreadComplete();
}

BROKEN(synchronous_irp_at_apc_level)
{
    PIRP irp = Build();
    Raise(APC_LEVEL);
    IoCallDriver(Upper, irp);
}

BROKEN(synchronous_irp_in_guarded_region)
{
    PIRP irp = Build();
    KeEnterGuardedRegion();
    IoCallDriver(Upper, irp);
}

BROKEN(create_with_closed_file)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\Device\\SelfTestClosed");
    OBJECT_ATTRIBUTES attributes;
    PFILE_OBJECT file;
    PDEVICE_OBJECT device;
    PIRP irp;
    Driver->MajorFunction[IRP_MJ_CLEANUP] = Driver->MajorFunction[IRP_MJ_CLOSE] = OnLower;
    IoCreateDevice(Driver, 0, &name, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
    Driver->MajorFunction[IRP_MJ_CREATE] = OnLower;
    device->Flags &= ~DO_DEVICE_INITIALIZING;
    InitializeObjectAttributes(&attributes, &name, OBJ_KERNEL_HANDLE, NULL, NULL);
    IoGetDeviceObjectPointer(&name, FILE_READ_DATA, &file, &device); /* its handle is closed already */
    irp = New(IRP_MJ_CREATE, 0, STATUS_SUCCESS);
    IoGetNextIrpStackLocation(irp)->FileObject = file;
    IoCallDriver(device, irp);
}

static NTSTATUS NTAPI BAD(cancelled_irp_kept_later, _dispatch)(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    IoMarkIrpPending(Irp);
    return STATUS_PENDING;
}
BROKEN(cancelled_irp_kept_later)
{
    PIRP irp = Build();
    Driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = Break_cancelled_irp_kept_later_dispatch;
    IoCallDriver(Upper, irp);
    IoCancelIrp(irp);
}

/* The thread sends an IRP, and waits for it where its completion's APC cannot run. */
static void NTAPI CompleteSoon(PVOID Context)
{
    LARGE_INTEGER due = {.QuadPart = -100000};
    KeDelayExecutionThread(KernelMode, FALSE, &due);
    Complete(Kept, STATUS_SUCCESS);
}
BROKEN(waits_for_irp_in_guarded_region)
{
    HANDLE thread;
    OnLower = Keep;
    IoCallDriver(Upper, Build());
    PsCreateSystemThread(&thread, THREAD_ALL_ACCESS, NULL, NULL, NULL, CompleteSoon, NULL);
    KeEnterGuardedRegion();
    KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, NULL);
}

FORWARDS(copies_needlessly)
{
    IoCopyCurrentIrpStackLocationToNext(Irp);
    return IoCallDriver(Lower, Irp);
}

/* WMI: Upper is the provider, or Lower is and Upper answers for it. */
__attribute__((always_inline)) static inline void SendWmi(PDRIVER_DISPATCH Dispatch, PDEVICE_OBJECT Provider)
{
    PIRP irp = New(IRP_MJ_SYSTEM_CONTROL, IRP_MN_QUERY_ALL_DATA, STATUS_NOT_SUPPORTED);
    IoGetNextIrpStackLocation(irp)->Parameters.WMI.ProviderId = (ULONG_PTR)Provider;
    Driver->MajorFunction[IRP_MJ_SYSTEM_CONTROL] = Dispatch;
    IoCallDriver(Upper, irp);
}

static NTSTATUS NTAPI BAD(wmi_provider_passes_down, _dispatch)(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    IoSkipCurrentIrpStackLocation(Irp);
    return IoCallDriver(Lower, Irp);
}
BROKEN(wmi_provider_passes_down)
{
    SendWmi(Break_wmi_provider_passes_down_dispatch, Upper);
}

static NTSTATUS NTAPI BAD(wmi_not_the_provider, _dispatch)(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    return Complete(Irp, STATUS_INVALID_DEVICE_REQUEST);
}
BROKEN(wmi_not_the_provider)
{
    SendWmi(Break_wmi_not_the_provider_dispatch, Lower);
}

/* The bottom of a stack without PDO that claims to know its PDO. */
static NTSTATUS NTAPI BAD(target_relation_claimed, _pnp)(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    return Complete(Irp, STATUS_SUCCESS);
}
BROKEN(target_relation_claimed)
{
    PIRP irp = New(IRP_MJ_PNP, IRP_MN_QUERY_DEVICE_RELATIONS, STATUS_NOT_SUPPORTED);
    IoGetNextIrpStackLocation(irp)->Parameters.QueryDeviceRelations.Type = TargetDeviceRelation;
    Driver->MajorFunction[IRP_MJ_PNP] = Break_target_relation_claimed_pnp;
    IoCallDriver(Upper, irp);
}
