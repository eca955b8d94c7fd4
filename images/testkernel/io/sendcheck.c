/* SPDX-License-Identifier: MIT */
/*
 * The I/O verifier: what must hold when a driver calls IoCallDriver.
 * https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc9--driver-verifier-iomanager-violation
 */
#include "io/io.h"
#include "io/irp.h"
#include "ke/thread.h"
#include "mm/paged.h"

#define STOP(code, p2, p3, p4, ...)                                                                                    \
    IoStop(DRIVER_VERIFIER_IOMANAGER_VIOLATION_CODE, code, p2, p3, p4, Caller, __VA_ARGS__)

static BOOLEAN NeedsPassive(UCHAR Major)
{
    return Major == IRP_MJ_PNP || Major == IRP_MJ_CREATE || Major == IRP_MJ_CLEANUP || Major == IRP_MJ_CLOSE ||
           Major == IRP_MJ_SYSTEM_CONTROL;
}

/* The IRPs that every driver of a stack must see, from top to bottom. */
static BOOLEAN IsForWholeStack(UCHAR Major)
{
    return Major == IRP_MJ_PNP || Major == IRP_MJ_POWER || Major == IRP_MJ_SYSTEM_CONTROL;
}

static PCSTR NameOf(UCHAR Major)
{
    return Major == IRP_MJ_PNP ? "PnP" : Major == IRP_MJ_POWER ? "power" : "WMI";
}

static VOID CheckArguments(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Caller)
{
    CHAR Name[120];
    if (!Irp || Irp->Type != IO_TYPE_IRP) {
        STOP(0x03, (ULONG_PTR)Irp, 0, 0, "IoCallDriver with %p, which is no IRP (completed or freed before?)", Irp);
    }
    if (!DeviceObject) {
        IoStopRule(0x204, Caller, Irp, NULL, "IoCallDriver with a NULL device object");
    }
    if (DeviceObject->Type != IO_TYPE_DEVICE || (IoExtra(DeviceObject)->ExtensionFlags & DOE_DELETED)) {
        STOP(0x04, (ULONG_PTR)DeviceObject, 0, 0, "IoCallDriver to %p, which is %s", DeviceObject,
             DeviceObject->Type != IO_TYPE_DEVICE ? "no device object" : "a device object that was deleted");
    }
    if (KeGetCurrentIrql() > DISPATCH_LEVEL && (Irp->AllocationFlags & IRP_ALLOCATED_BY_KERNEL) &&
        IopTracker(Irp)->Holder) {
        IoStopRule(0x301, Caller, Irp, DeviceObject, "an IRP is sent on to the driver below at IRQL %u",
                   KeGetCurrentIrql());
    }
    if (KeGetCurrentIrql() > DISPATCH_LEVEL) {
        STOP(0x10, KeGetCurrentIrql(), 0, 0, "IoCallDriver at IRQL %u", KeGetCurrentIrql());
    }
    if (!(__readeflags() & 0x200)) {
        IoStop(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_CALL_INTERRUPTS_OFF, (ULONG_PTR)Irp, 0, 0, Caller,
               "IoCallDriver with interrupts disabled");
    }
    if (Irp->CurrentLocation <= 1) {
        IoStop(NO_MORE_IRP_STACK_LOCATIONS, (ULONG_PTR)Irp, 0, 0, 0, Caller,
               "IoCallDriver: IRP %p (%u stack locations) has none left for %s; allocate it with the StackSize of the "
               "topmost device object",
               Irp, Irp->StackCount, IopDescribeDevice(DeviceObject, Name, sizeof(Name)));
    }
}

/* Who has not the IRP any more must not send it; and who has it sends it to the driver below. */
static VOID CheckOwner(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Caller)
{
    PDEVICE_OBJECT Holder = IopTracker(Irp)->Holder, Below;
    CHAR Name[120];
    if (IopIsHeldBelow(Irp) || Holder == DeviceObject) {
        IoStopRule(0x205, Caller, Irp, DeviceObject,
                   "IRP %p is sent to %s while a driver below still has it (it returned STATUS_PENDING, or is called "
                   "twice): wait for its completion routine",
                   Irp, IopDescribeDevice(DeviceObject, Name, sizeof(Name)));
    }
    if (!Holder || Holder->Type != IO_TYPE_DEVICE || !IsForWholeStack(IopTracker(Irp)->Major)) {
        return;
    }
    Below = IoExtra(Holder)->AttachedTo;
    if (Below && Below != DeviceObject && IopBottomOfStack(DeviceObject) == IopBottomOfStack(Holder)) {
        IoStopRule(0x211, Caller, Irp, DeviceObject,
                   "a %s IRP is sent to %s, which skips a device object of the stack: send it to the one that "
                   "IoAttachDeviceToDeviceStack returned, not to the PDO",
                   NameOf(IopTracker(Irp)->Major), IopDescribeDevice(DeviceObject, Name, sizeof(Name)));
    }
}

/*
 * Was the present driver's own location copied although no completion routine needs it? Not if the IRP is marked pending: such a location must not
 * be skipped.
 */
static BOOLEAN IsNeedlessCopy(PIRP Irp)
{
    PIO_STACK_LOCATION Next = IoGetNextIrpStackLocation(Irp), Current;
    if (!(Irp->AllocationFlags & IRP_ALLOCATED_BY_KERNEL) || Irp->CurrentLocation > Irp->StackCount ||
        (Next->Control & (SL_INVOKE_ON_SUCCESS | SL_INVOKE_ON_ERROR | SL_INVOKE_ON_CANCEL))) {
        return FALSE;
    }
    Current = IoGetCurrentIrpStackLocation(Irp);
    return Current->DeviceObject == IopTracker(Irp)->Holder && Current->DeviceObject &&
           !(Current->Control & SL_PENDING_RETURNED) && Next->MajorFunction == Current->MajorFunction &&
           Next->MinorFunction == Current->MinorFunction && Next->Flags == Current->Flags &&
           Next->FileObject == Current->FileObject &&
           RtlCompareMemory(&Next->Parameters, &Current->Parameters, sizeof(Next->Parameters)) ==
               sizeof(Next->Parameters);
}

/* How the stack location of the driver below was made. */
static VOID CheckLocation(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Caller)
{
    PIO_STACK_LOCATION Next = IoGetNextIrpStackLocation(Irp);
    if (Next->Control & (SL_PENDING_RETURNED | SL_ERROR_RETURNED)) {
        IoStopRule(0x206, Caller, Irp, DeviceObject,
                   "the stack location of the driver below has control flags 0x%02x: use "
                   "IoCopyCurrentIrpStackLocationToNext, and do not skip a location that is marked pending",
                   Next->Control);
    }
    if (Irp->CurrentLocation <= Irp->StackCount && Next->CompletionRoutine &&
        (Next->Control & (SL_INVOKE_ON_SUCCESS | SL_INVOKE_ON_ERROR | SL_INVOKE_ON_CANCEL))) {
        PIO_STACK_LOCATION Current = IoGetCurrentIrpStackLocation(Irp);
        if (Next->CompletionRoutine == Current->CompletionRoutine && Next->Context == Current->Context) {
            IoStopRule(0x207, Caller, Irp, DeviceObject,
                       "the completion routine %p of the driver above was copied with its stack location: use "
                       "IoCopyCurrentIrpStackLocationToNext",
                       Next->CompletionRoutine);
        }
    }
    if (IoIsDriverCode(Caller) && IsNeedlessCopy(Irp)) {
        IoStopRule(0x21C, Caller, Irp, DeviceObject,
                   "the stack location of an IRP (major 0x%02x minor 0x%02x) was copied, but no completion routine is "
                   "set: use IoSkipCurrentIrpStackLocation",
                   Next->MajorFunction, Next->MinorFunction);
    }
    if ((Next->Control & (SL_INVOKE_ON_SUCCESS | SL_INVOKE_ON_ERROR | SL_INVOKE_ON_CANCEL)) &&
        MiIsPageable((PVOID)Next->CompletionRoutine)) {
        IoStopRule(0x227, (PVOID)Next->CompletionRoutine, Irp, DeviceObject,
                   "the completion routine %p is in pageable code, but may be called at DISPATCH_LEVEL",
                   Next->CompletionRoutine);
    }
}

/* PnP IRPs that only the PnP manager sends: https://learn.microsoft.com/windows-hardware/drivers/kernel/plug-and-play-minor-irps */
static BOOLEAN IsRestricted(const IO_STACK_LOCATION *Next)
{
    if (Next->MajorFunction == IRP_MJ_POWER) {
        return Next->MinorFunction <= IRP_MN_QUERY_POWER; /* PoRequestPowerIrp makes them */
    }
    switch (Next->MinorFunction) {
    case IRP_MN_START_DEVICE:
    case IRP_MN_QUERY_REMOVE_DEVICE:
    case IRP_MN_REMOVE_DEVICE:
    case IRP_MN_CANCEL_REMOVE_DEVICE:
    case IRP_MN_STOP_DEVICE:
    case IRP_MN_QUERY_STOP_DEVICE:
    case IRP_MN_CANCEL_STOP_DEVICE:
    case IRP_MN_SURPRISE_REMOVAL:
    case IRP_MN_FILTER_RESOURCE_REQUIREMENTS:
    case IRP_MN_QUERY_PNP_DEVICE_STATE:
    case IRP_MN_EJECT:
        return Next->MajorFunction == IRP_MJ_PNP;
    case IRP_MN_QUERY_DEVICE_RELATIONS:
        return Next->MajorFunction == IRP_MJ_PNP && Next->Parameters.QueryDeviceRelations.Type == BusRelations;
    default:
        return FALSE;
    }
}

/* https://learn.microsoft.com/windows-hardware/drivers/kernel/irp-mn-query-capabilities: what the sender initializes. */
static VOID CheckCapabilities(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Caller)
{
    PDEVICE_CAPABILITIES Capabilities = IoGetNextIrpStackLocation(Irp)->Parameters.DeviceCapabilities.Capabilities;
    ULONG Rule = !Capabilities || Capabilities->Version != 1        ? 0x233
                 : Capabilities->Size < sizeof(DEVICE_CAPABILITIES) ? 0x234
                 : Capabilities->Address != (ULONG)-1               ? 0x235
                 : Capabilities->UINumber != (ULONG)-1              ? 0x236
                                                                    : 0;
    static const PCSTR Fields[] = {"Version (1)", "Size", "Address (-1)", "UINumber (-1)"};
    if (Rule) {
        IoStopRule(Rule, Caller, Irp, DeviceObject,
                   "IRP_MN_QUERY_CAPABILITIES was sent with an uninitialized DEVICE_CAPABILITIES: %s",
                   Fields[Rule - 0x233]);
    }
}

/* An IRP with RequestorMode KernelMode has no addresses of programs: nobody probes them. */
static VOID CheckKernelAddresses(PIRP Irp, PVOID Caller)
{
    PVOID Addresses[] = {Irp->UserBuffer, Irp->UserIosb, Irp->UserEvent};
    static const PCSTR Names[] = {"UserBuffer", "UserIosb", "UserEvent"};
    for (ULONG I = 0; I < COUNT_OF(Addresses); I++) {
        if ((ULONG_PTR)Addresses[I] >= 0x10000 && Addresses[I] <= MmHighestUserAddress) {
            IoStop(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_IRP_USER_ADDRESS, (ULONG_PTR)Irp, (ULONG_PTR)Addresses[I],
                   0, Caller, "IRP %p has RequestorMode KernelMode, but %s is %p, a user-mode address", Irp, Names[I],
                   Addresses[I]);
        }
    }
}

/* An IRP that the driver at Caller made. */
static VOID CheckNew(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Caller)
{
    PIO_STACK_LOCATION Next = IoGetNextIrpStackLocation(Irp);
    UCHAR Major = Next->MajorFunction;
    NTSTATUS Status = Irp->IoStatus.Status;
    if (IsForWholeStack(Major) && Status != STATUS_NOT_SUPPORTED) {
        IoStopRule(Major == IRP_MJ_PNP     ? 0x20E
                   : Major == IRP_MJ_POWER ? 0x20F
                                           : 0x210,
                   Caller, Irp, DeviceObject,
                   "a new %s IRP was sent with status 0x%08x: IoStatus.Status must be STATUS_NOT_SUPPORTED",
                   NameOf(Major), Status);
    }
    if (IsRestricted(Next)) {
        IoStopRule(0x237, Caller, Irp, DeviceObject, "a driver sent a %s IRP (minor 0x%02x) that only the system sends",
                   NameOf(Major), Next->MinorFunction);
    }
    if (Irp->RequestorMode == KernelMode) {
        CheckKernelAddresses(Irp, Caller);
    }
    if (Major == IRP_MJ_PNP && Next->MinorFunction == IRP_MN_QUERY_CAPABILITIES) {
        CheckCapabilities(DeviceObject, Irp, Caller);
    }
    if (Major == IRP_MJ_CREATE && Next->FileObject && (Next->FileObject->Flags & FO_CLEANUP_COMPLETE)) {
        STOP(0x0F, (ULONG_PTR)DeviceObject, (ULONG_PTR)Irp, (ULONG_PTR)Next->FileObject,
             "IRP_MJ_CREATE was sent with file object %p, whose last handle was closed", Next->FileObject);
    }
    if (!IsListEmpty(&Irp->ThreadListEntry) && KeAreAllApcsDisabled()) {
        IoStopRule(0x302, Caller, Irp, DeviceObject,
                   "an IRP that is completed by a special kernel APC of this thread is sent %s: who waits for it waits "
                   "for ever",
                   KeGetCurrentIrql() >= APC_LEVEL ? "at APC_LEVEL" : "in a guarded region");
    }
}

/* What a driver must do with a PnP IRP for all drivers of the stack before it passes it on. */
static BOOLEAN NeedsSuccess(UCHAR Minor)
{
    switch (Minor) {
    case IRP_MN_QUERY_REMOVE_DEVICE:
    case IRP_MN_REMOVE_DEVICE:
    case IRP_MN_STOP_DEVICE:
    case IRP_MN_QUERY_STOP_DEVICE:
    case IRP_MN_SURPRISE_REMOVAL:
        return TRUE; /* the others are handled after the drivers below */
    default:
        return FALSE;
    }
}

/* A PnP or power IRP that the driver at Caller got and passes down. */
static VOID CheckPassed(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Caller)
{
    PIRP_TRACKER Tracker = IopTracker(Irp);
    PIO_STACK_LOCATION Next = IoGetNextIrpStackLocation(Irp);
    NTSTATUS Status = Irp->IoStatus.Status;
    BOOLEAN Pnp = Tracker->Major == IRP_MJ_PNP;
    if (Next->MajorFunction != Tracker->Major || Next->MinorFunction != Tracker->Minor) {
        IoStopRule(0x212, Caller, Irp, DeviceObject,
                   "a %s IRP (minor 0x%02x) is passed down as major 0x%02x minor 0x%02x: copy the stack location with "
                   "IoCopyCurrentIrpStackLocationToNext",
                   NameOf(Tracker->Major), Tracker->Minor, Next->MajorFunction, Next->MinorFunction);
    }
    if (!NT_SUCCESS(Status) && Status != STATUS_NOT_SUPPORTED) {
        IoStopRule(
            Pnp ? 0x215 : 0x219, Caller, Irp, DeviceObject,
            "a %s IRP (minor 0x%02x) with the failure status 0x%08x is passed down: a failed IRP must be completed",
            NameOf(Tracker->Major), Next->MinorFunction, Status);
    }
    if (Status == STATUS_NOT_SUPPORTED && Tracker->Status != STATUS_NOT_SUPPORTED) {
        IoStopRule(Pnp ? 0x216 : 0x21A, Caller, Irp, DeviceObject,
                   "the status 0x%08x of a %s IRP (minor 0x%02x) was changed to STATUS_NOT_SUPPORTED: that means "
                   "\"nobody has handled it\"",
                   Tracker->Status, NameOf(Tracker->Major), Next->MinorFunction);
    }
    if (Pnp && Next->MinorFunction > IRP_MN_DEVICE_ENUMERATED &&
        (Status != Tracker->Status || Irp->IoStatus.Information != Tracker->Information)) {
        IoStopRule(Status != Tracker->Status ? 0x213 : 0x214, Caller, Irp, DeviceObject,
                   "the %s of a PnP IRP that no driver can know (minor 0x%02x) was changed: leave unknown IRPs as they "
                   "are",
                   Status != Tracker->Status ? "status" : "information", Next->MinorFunction);
    }
    if (!Pnp && Next->MinorFunction > IRP_MN_QUERY_POWER && Status != Tracker->Status) {
        IoStopRule(
            0x23B, Caller, Irp, DeviceObject,
            "the status of a power IRP that no driver can know (minor 0x%02x) was changed: leave unknown IRPs as "
            "they are",
            Next->MinorFunction);
    }
    if (Pnp && Status != Tracker->Status && IopIsForBusDriver(Next->MinorFunction)) {
        IoStopRule(0x218, Caller, Irp, DeviceObject,
                   "a function or filter driver answered a PnP IRP (minor 0x%02x) that only the bus driver answers",
                   Next->MinorFunction);
    }
    if (Pnp && Status == STATUS_NOT_SUPPORTED && NeedsSuccess(Next->MinorFunction) &&
        IopIsFunctionDevice(Tracker->Holder)) {
        IoStopRule(0x217, Caller, Irp, DeviceObject,
                   "a function driver passed a PnP IRP (minor 0x%02x) down without setting IoStatus.Status to "
                   "STATUS_SUCCESS",
                   Next->MinorFunction);
    }
}

/*
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/handling-wmi-requests: the driver whose device object is named by ProviderId completes
 * the IRP, all others pass it down.
 */
static VOID CheckWmiPassed(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Caller)
{
    PIO_STACK_LOCATION Next = IoGetNextIrpStackLocation(Irp);
    if (Next->MinorFunction <= IRP_MN_REGINFO_EX &&
        Next->Parameters.WMI.ProviderId == (ULONG_PTR)IopTracker(Irp)->Holder) {
        IoStopRule(0x220, Caller, Irp, DeviceObject,
                   "a WMI IRP (minor 0x%02x) is passed down by the driver whose device object is its ProviderId: that "
                   "driver completes it",
                   Next->MinorFunction);
    }
}

VOID IopCheckCall(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Caller)
{
    PIO_STACK_LOCATION Next;
    CheckArguments(DeviceObject, Irp, Caller);
    if (Irp->CancelRoutine) {
        IoStopRule(0x203, Caller, Irp, DeviceObject,
                   "IoCallDriver with a cancel routine still set: clear it with IoSetCancelRoutine(Irp, NULL)");
    }
    Next = IoGetNextIrpStackLocation(Irp);
    if (KeGetCurrentIrql() > PASSIVE_LEVEL && NeedsPassive(Next->MajorFunction)) {
        IoStopRule(0x23A, Caller, Irp, DeviceObject,
                   "IRP with major function 0x%02x was sent at IRQL %u, but it must be PASSIVE_LEVEL",
                   Next->MajorFunction, KeGetCurrentIrql());
    }
    CheckLocation(DeviceObject, Irp, Caller);
    if (!(Irp->AllocationFlags & IRP_ALLOCATED_BY_KERNEL)) {
        return; /* made of a driver's own memory: nothing is known of it */
    }
    CheckOwner(DeviceObject, Irp, Caller);
    if (!IoIsDriverCode(Caller)) {
        return;
    }
    if (!IopTracker(Irp)->Holder) {
        CheckNew(DeviceObject, Irp, Caller);
    } else if (IopTracker(Irp)->Major == IRP_MJ_PNP || IopTracker(Irp)->Major == IRP_MJ_POWER) {
        CheckPassed(DeviceObject, Irp, Caller);
    } else if (IopTracker(Irp)->Major == IRP_MJ_SYSTEM_CONTROL) {
        CheckWmiPassed(DeviceObject, Irp, Caller);
    }
}
