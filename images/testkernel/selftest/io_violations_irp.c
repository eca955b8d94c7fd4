/* SPDX-License-Identifier: MIT */
/* Broken rules of sending, completing, freeing and cancelling IRPs. See violations.h. */
#include "io_violations.h"

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
}

BROKEN(call_deleted_device)
{
    PIRP irp = Build();
    PDEVICE_OBJECT device = Upper;
    ObReferenceObject(device);
    IoDetachDevice(Lower);
    IoDeleteDevice(device);
    IoCallDriver(device, irp);
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
}

BROKEN(own_irp_not_taken_back)
{
    PIRP irp = IoAllocateIrp(2, FALSE);
    IoGetNextIrpStackLocation(irp)->MajorFunction = IRP_MJ_DEVICE_CONTROL;
    IoCallDriver(Upper, irp);
}

BROKEN(pnp_irp_without_status)
{
    PIRP irp = IoAllocateIrp(2, FALSE);
    IoGetNextIrpStackLocation(irp)->MajorFunction = IRP_MJ_PNP;
    IoGetNextIrpStackLocation(irp)->MinorFunction = IRP_MN_QUERY_CAPABILITIES;
    IoCallDriver(Upper, irp);
}

BROKEN(initializes_allocated_irp)
{
    PIRP irp = IoAllocateIrp(2, FALSE);
    IoInitializeIrp(irp, IoSizeOfIrp(2), 2);
}

BROKEN(deletes_attached)
{
    IoDeleteDevice(Upper);
}

BROKEN(deletes_twice)
{
    ObReferenceObject(Upper);
    IoDetachDevice(Lower);
    IoDeleteDevice(Upper);
    IoDeleteDevice(Upper);
}

BROKEN(detaches_twice)
{
    IoDetachDevice(Lower);
    IoDetachDevice(Lower);
}

BROKEN(io_buffer_null)
{
    IoBuildDeviceIoControlRequest(IOCTL_TEST, Upper, NULL, 8, NULL, 0, FALSE, &Event, &Iosb);
}

BROKEN(io_buffer_not_mapped)
{
    PUCHAR block = Allocate(8);
    ExFreePoolWithTag(block, TAG);
    IoBuildDeviceIoControlRequest(CTL_CODE(0x8000, 0x900, METHOD_OUT_DIRECT, FILE_ANY_ACCESS), Upper, NULL, 0, block, 8,
                                  FALSE, &Event, &Iosb);
}

BROKEN(write_buffer_not_mapped)
{
    LARGE_INTEGER offset = {.QuadPart = 0};
    Upper->Flags |= DO_DIRECT_IO;
    IoBuildSynchronousFsdRequest(IRP_MJ_WRITE, Upper, (PVOID)0x10000, 8, &offset, &Event, &Iosb);
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

BROKEN(frees_thread_irp)
{
    IoFreeIrp(Build());
}

BROKEN(sends_freed_irp)
{
    PIRP irp = IoAllocateIrp(2, FALSE);
    IoFreeIrp(irp);
    IoCallDriver(Upper, irp);
}

static NTSTATUS NTAPI BAD(completes_at_device_irql, _dispatch)(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    Raise(5);
    return Complete(Irp, STATUS_SUCCESS);
}
BROKEN(completes_at_device_irql)
{
    SendTo(Break_completes_at_device_irql_dispatch);
}

static NTSTATUS NTAPI BAD(forwards_cancelable, _dispatch)(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    if (DeviceObject == Lower) {
        return Complete(Irp, STATUS_SUCCESS);
    }
    IoSetCancelRoutine(Irp, Cancel);
    IoSkipCurrentIrpStackLocation(Irp);
    return IoCallDriver(Lower, Irp);
}
BROKEN(forwards_cancelable)
{
    OnUpper = Break_forwards_cancelable_dispatch;
    IoCallDriver(Upper, Build());
}

BROKEN(allocates_without_stack)
{
    IoAllocateIrp(0, FALSE);
}

BROKEN(frees_own_memory)
{
    PIRP irp = (PIRP)Allocate(IoSizeOfIrp(1));
    RtlZeroMemory(irp, IoSizeOfIrp(1));
    IoInitializeIrp(irp, IoSizeOfIrp(1), 1);
    IoFreeIrp(irp);
}

BROKEN(reuses_thread_irp)
{
    IoReuseIrp(Build(), STATUS_SUCCESS);
}

BROKEN(power_irp_without_status)
{
    PIRP irp = IoAllocateIrp(2, FALSE);
    IoGetNextIrpStackLocation(irp)->MajorFunction = IRP_MJ_POWER;
    IoGetNextIrpStackLocation(irp)->MinorFunction = IRP_MN_QUERY_POWER;
    IoCallDriver(Upper, irp);
}

static NTSTATUS NTAPI BAD(returns_minus_one, _dispatch)(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    Complete(Irp, STATUS_SUCCESS);
    return (NTSTATUS)0xFFFFFFFF;
}
BROKEN(returns_minus_one)
{
    SendTo(Break_returns_minus_one_dispatch);
}

static NTSTATUS NTAPI BAD(completion_keeps_region, _completion)(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
    KeEnterCriticalRegion();
    return STATUS_CONTINUE_COMPLETION;
}
BROKEN(completion_keeps_region)
{
    PIRP irp = Build();
    IoSetCompletionRoutine(irp, Break_completion_keeps_region_completion, NULL, TRUE, TRUE, TRUE);
    IoCallDriver(Upper, irp);
}

BROKEN(cancels_completed_irp)
{
    PIRP irp = Build();
    IoCallDriver(Upper, irp);
    IoCancelIrp(irp);
}

static NTSTATUS NTAPI BAD(starts_next_power_irp, _dispatch)(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PoStartNextPowerIrp(Irp);
    return Complete(Irp, STATUS_SUCCESS);
}
BROKEN(starts_next_power_irp)
{
    SendTo(Break_starts_next_power_irp_dispatch);
}

static NTSTATUS NTAPI BAD(frees_sent_thread_irp, _completion)(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
    IoFreeIrp(Irp);
    return STATUS_MORE_PROCESSING_REQUIRED;
}
BROKEN(frees_sent_thread_irp)
{
    PIRP irp = Build();
    IoSetCompletionRoutine(irp, Break_frees_sent_thread_irp_completion, NULL, TRUE, TRUE, TRUE);
    IoCallDriver(Upper, irp);
}

BROKEN(initializes_charged_irp)
{
    PIRP irp = IoAllocateIrp(1, TRUE);
    IoInitializeIrp(irp, IoSizeOfIrp(1), 1);
}

static PIRP Pended;
static NTSTATUS NTAPI BAD(forgets_to_mark_completed_later, _dispatch)(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    Pended = Irp;
    return STATUS_PENDING;
}
BROKEN(forgets_to_mark_completed_later)
{
    SendTo(Break_forgets_to_mark_completed_later_dispatch);
    Complete(Pended, STATUS_SUCCESS);
}

static NTSTATUS NTAPI BAD(forwards_at_device_irql, _dispatch)(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    IoSkipCurrentIrpStackLocation(Irp);
    Raise(5);
    return IoCallDriver(Lower, Irp);
}
BROKEN(forwards_at_device_irql)
{
    OnUpper = Break_forwards_at_device_irql_dispatch;
    IoCallDriver(Upper, Build());
}

/* On top of the device of the driver io_violations, which keeps what it gets. */
static void NTAPI BAD(above_sets_cancel_routine, _cancel)(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    IoReleaseCancelSpinLock(Irp->CancelIrql);
}
static NTSTATUS NTAPI BAD(above_sets_cancel_routine, _dispatch)(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    IoMarkIrpPending(Irp);
    IoCopyCurrentIrpStackLocationToNext(Irp);
    IoCallDriver(Keeper, Irp);
    IoSetCancelRoutine(Irp, Break_above_sets_cancel_routine_cancel);
    return STATUS_PENDING;
}
BROKEN(above_sets_cancel_routine)
{
    OnUpper = Break_above_sets_cancel_routine_dispatch;
    SendToKeeper();
}

static void NTAPI BAD(above_cancels, _cancel)(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    IoReleaseCancelSpinLock(Irp->CancelIrql);
}
static NTSTATUS NTAPI BAD(above_cancels, _dispatch)(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    IoMarkIrpPending(Irp);
    IoCopyCurrentIrpStackLocationToNext(Irp);
    IoCallDriver(Keeper, Irp);
    IoSetCancelRoutine(Irp, Break_above_cancels_cancel);
    IoCancelIrp(Irp);
    return STATUS_PENDING;
}
BROKEN(above_cancels)
{
    OnUpper = Break_above_cancels_dispatch;
    SendToKeeper();
}
