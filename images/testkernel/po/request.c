/* SPDX-License-Identifier: MIT */
/*
 * Power IRPs: PoRequestPowerIrp and what becomes of its IRP.
 *
 * A device stack has at most one device set- or query-power IRP at a time; others wait for it (Microsoft, "Calling PoStartNextPowerIrp": the
 * power manager does that by itself since Windows Vista). A stack with DO_POWER_PAGABLE gets its IRPs at PASSIVE_LEVEL, from a worker if
 * need be ("Setting Device Object Flags for Power Management").
 */
#include "po/po.h"
#include "io/io.h"
#include "io/verify.h"
#include "kd/log.h"

/* The stack of a PDO while it has device power IRPs. */
typedef struct _PO_STACK {
    LIST_ENTRY Link;
    PDEVICE_OBJECT Pdo;
    PO_REQUEST *Active;
    LIST_ENTRY Waiting;
    ULONG Count; /* active and waiting */
} PO_STACK;

LIST_ENTRY PopRequests = {&PopRequests, &PopRequests};
KSPIN_LOCK PopLock;
KEVENT PopRetired = {.Header = {.Type = SynchronizationEvent,
                                .Size = sizeof(KEVENT) / sizeof(LONG),
                                .WaitListHead = {&PopRetired.Header.WaitListHead, &PopRetired.Header.WaitListHead}}};
static LIST_ENTRY Stacks = {&Stacks, &Stacks};
static PO_REQUEST *InrushActive;
static LIST_ENTRY InrushWaiting = {&InrushWaiting, &InrushWaiting};

static PO_STACK *FindStack(PDEVICE_OBJECT Pdo)
{
    for (PLIST_ENTRY e = Stacks.Flink; e != &Stacks; e = e->Flink) {
        PO_STACK *stack = CONTAINING_RECORD(e, PO_STACK, Link);

        if (stack->Pdo == Pdo)
            return stack;
    }
    return NULL;
}

ULONG PopDeviceIrps(PDEVICE_OBJECT Pdo)
{
    PO_STACK *stack;
    ULONG count;
    KIRQL irql;

    KeAcquireSpinLock(&PopLock, &irql);
    stack = FindStack(Pdo);
    count = stack != NULL ? stack->Count : 0;
    KeReleaseSpinLock(&PopLock, irql);
    return count;
}

PO_REQUEST *PopRequestOfIrp(PIRP Irp)
{
    for (PLIST_ENTRY e = PopRequests.Flink; e != &PopRequests; e = e->Flink) {
        PO_REQUEST *request = CONTAINING_RECORD(e, PO_REQUEST, Link);

        if (request->Irp == Irp)
            return request;
    }
    return NULL;
}

VOID PopDumpRequests(VOID)
{
    for (PLIST_ENTRY e = PopRequests.Flink; e != &PopRequests; e = e->Flink) {
        PO_REQUEST *request = CONTAINING_RECORD(e, PO_REQUEST, Link);

        KdLog(LOG_ERROR, "power irp %p minor %u %s state %u for %p, %I64u ms", request->Irp, request->Minor,
              request->Type == SystemPowerState ? "system" : "device", request->State.SystemState, request->Pdo,
              (KeQueryUnbiasedInterruptTime() - (ULONGLONG)request->Since.QuadPart) / 10000);
    }
}

/* Serialized kinds: all but wait/wake, of the device type. */
static BOOLEAN Serialized(const PO_REQUEST *Request)
{
    return Request->Type == DevicePowerState && Request->Minor != IRP_MN_WAIT_WAKE;
}

/*
 * A device that draws an inrush of current powers up alone in the whole system; one device object of the stack says so, usually the PDO (Microsoft,
 * "Setting Device Object Flags for Power Management").
 */
static BOOLEAN Inrush(const PO_REQUEST *Request)
{
    if (!Serialized(Request) || Request->Minor != IRP_MN_SET_POWER || Request->State.DeviceState != PowerDeviceD0)
        return FALSE;
    for (PDEVICE_OBJECT device = Request->Pdo; device != NULL; device = device->AttachedDevice) {
        if (device->Flags & DO_POWER_INRUSH)
            return TRUE;
    }
    return FALSE;
}

static PO_REQUEST *TakeFirst(PLIST_ENTRY List)
{
    return IsListEmpty(List) ? NULL : CONTAINING_RECORD(RemoveHeadList(List), PO_REQUEST, Link);
}

/* PopLock held. What may be sent now that Request is done; at most two. */
static VOID Retire(PO_REQUEST *Request, PO_REQUEST *Next[2])
{
    PO_STACK *stack = FindStack(Request->Pdo);

    Next[0] = Next[1] = NULL;
    RemoveEntryList(&Request->Link);
    if (InrushActive == Request)
        InrushActive = Next[1] = TakeFirst(&InrushWaiting);
    if (!Serialized(Request))
        return;
    stack->Active = Next[0] = TakeFirst(&stack->Waiting);
    if (--stack->Count == 0) {
        RemoveEntryList(&stack->Link);
        ExFreePoolWithTag(stack, PO_TAG);
    }
}

static NTSTATUS NTAPI Completed(PDEVICE_OBJECT Nobody, PIRP Irp, PVOID Context)
{
    PO_REQUEST *request = Context, *next[2];
    PDEVICE_NODE node = PnpDevnodeOfPdo(request->Pdo);
    KIRQL irql;

    PopStopWatchdog(request);
    if (node != NULL && request->Minor == IRP_MN_SET_POWER && NT_SUCCESS(Irp->IoStatus.Status)) {
        if (request->Type == SystemPowerState)
            node->SystemPowerState = request->State.SystemState;
        else
            node->DevicePowerState = request->State.DeviceState;
    }
    if (request->Completion != NULL)
        request->Completion(request->Device, request->Minor, request->State, request->Context, &Irp->IoStatus);
    KeAcquireSpinLock(&PopLock, &irql);
    Retire(request, next);
    KeReleaseSpinLock(&PopLock, irql);
    KeSetEvent(&PopRetired, IO_NO_INCREMENT, FALSE);
    ObDereferenceObject(request->Top);
    ObDereferenceObject(request->Pdo);
    ExFreePoolWithTag(request, PO_TAG);
    IoFreeIrp(Irp);
    for (int i = 0; i < 2; i++) {
        if (next[i] != NULL)
            PopSend(next[i]);
    }
    return STATUS_MORE_PROCESSING_REQUIRED;
}

static VOID NTAPI SendNow(PVOID Context)
{
    PO_REQUEST *request = Context;

    IoCallDriver(request->Top, request->Irp);
}

/* Send an IRP whose turn it is. IRQL <= DISPATCH_LEVEL. */
VOID PopSend(PO_REQUEST *Request)
{
    BOOLEAN wait = FALSE;
    KIRQL irql;

    KeAcquireSpinLock(&PopLock, &irql);
    if (Inrush(Request) && InrushActive != NULL && InrushActive != Request) {
        InsertTailList(&InrushWaiting, &Request->Link);
        wait = TRUE;
    } else {
        if (Inrush(Request))
            InrushActive = Request;
        InsertTailList(&PopRequests, &Request->Link);
        Request->Sent = TRUE;
    }
    KeReleaseSpinLock(&PopLock, irql);
    if (wait)
        return;
    PopStartWatchdog(Request);
    if (KeGetCurrentIrql() > PASSIVE_LEVEL && (Request->Top->Flags & DO_POWER_PAGABLE)) {
        ExInitializeWorkItem(&Request->Work, SendNow, Request);
        ExQueueWorkItem(&Request->Work, CriticalWorkQueue);
    } else {
        SendNow(Request);
    }
}

/* PopLock held. TRUE: send it now. */
static BOOLEAN Enter(PO_REQUEST *Request, PO_STACK *Fresh, BOOLEAN *FreshUsed)
{
    PO_STACK *stack = FindStack(Request->Pdo);

    *FreshUsed = stack == NULL;
    if (stack == NULL) {
        stack = Fresh;
        RtlZeroMemory(stack, sizeof(*stack));
        stack->Pdo = Request->Pdo;
        InitializeListHead(&stack->Waiting);
        InsertTailList(&Stacks, &stack->Link);
    }
    stack->Count++;
    if (stack->Active != NULL) {
        InsertTailList(&stack->Waiting, &Request->Link);
        return FALSE;
    }
    stack->Active = Request;
    return TRUE;
}

PO_REQUEST *PopNewRequest(PDEVICE_OBJECT Device, UCHAR Minor, POWER_STATE_TYPE Type, POWER_STATE State,
                          POWER_ACTION ShutdownType)
{
    PDEVICE_OBJECT top = IoGetAttachedDeviceReference(Device);
    PO_REQUEST *request = ExAllocatePoolWithTag(NonPagedPool, sizeof(*request), PO_TAG);
    /* One location more than the stack has: ours, so that the completion routine has a place. */
    PIRP irp = IoAllocateIrp(top->StackSize + 1, FALSE);
    PIO_STACK_LOCATION stack;

    if (request == NULL || irp == NULL) {
        if (request != NULL)
            ExFreePoolWithTag(request, PO_TAG);
        if (irp != NULL)
            IoFreeIrp(irp);
        ObDereferenceObject(top);
        return NULL;
    }
    RtlZeroMemory(request, sizeof(*request));
    request->Device = Device;
    request->Top = top;
    request->Pdo = IopBottomOfStack(Device);
    ObReferenceObject(request->Pdo); /* the completion asks it for its devnode */
    request->Irp = irp;
    request->Minor = Minor;
    request->Type = Type;
    request->State = State;
    irp->IoStatus.Status = STATUS_NOT_SUPPORTED; /* what an IRP nobody handles keeps */
    IoSetNextIrpStackLocation(irp);
    stack = IoGetNextIrpStackLocation(irp);
    stack->MajorFunction = IRP_MJ_POWER;
    stack->MinorFunction = Minor;
    if (Minor == IRP_MN_WAIT_WAKE) {
        stack->Parameters.WaitWake.PowerState = State.SystemState;
    } else {
        stack->Parameters.Power.Type = Type;
        stack->Parameters.Power.State = State;
        stack->Parameters.Power.ShutdownType = ShutdownType;
    }
    IoSetCompletionRoutine(irp, Completed, request, TRUE, TRUE, TRUE);
    return request;
}

/*
 * IRQL <= DISPATCH_LEVEL. Returns STATUS_PENDING; the completion function is called when all drivers are done with the IRP.
 * STATUS_INVALID_PARAMETER_2: the minor function is none of wait/wake, query and set (Microsoft, "PoRequestPowerIrp").
 */
NTSTATUS NTAPI PoRequestPowerIrp(PDEVICE_OBJECT DeviceObject, UCHAR MinorFunction, POWER_STATE PowerState,
                                 PREQUEST_POWER_COMPLETE CompletionFunction, PVOID Context, PIRP *Irp)
{
    POWER_STATE_TYPE type = MinorFunction == IRP_MN_WAIT_WAKE ? SystemPowerState : DevicePowerState;
    BOOLEAN now = TRUE, used = FALSE;
    PO_STACK *fresh = NULL;
    PO_REQUEST *request;
    KIRQL irql;

    /* Microsoft, IRP_MN_WAIT_WAKE: "The driver must be running at IRQL = PASSIVE_LEVEL to send this IRP." */
    IoRequireIrql("PoRequestPowerIrp", MinorFunction == IRP_MN_WAIT_WAKE ? PASSIVE_LEVEL : DISPATCH_LEVEL,
                  _ReturnAddress());
    if (MinorFunction != IRP_MN_WAIT_WAKE && MinorFunction != IRP_MN_QUERY_POWER && MinorFunction != IRP_MN_SET_POWER)
        return STATUS_INVALID_PARAMETER_2;
    /* Microsoft, "PoRequestPowerIrp": "Specify a value for Irp only if the MinorFunction parameter is set to IRP_MN_WAIT_WAKE." */
    if (Irp != NULL && MinorFunction != IRP_MN_WAIT_WAKE)
        IoStop(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_REQUESTED_POWER_IRP, (ULONG_PTR)Irp, MinorFunction, 0,
               _ReturnAddress(),
               "PoRequestPowerIrp with a place for the IRP, which may be gone before the function returns: only "
               "wait/wake IRPs are told, to be cancelled");
    if (type == DevicePowerState && (PowerState.DeviceState < PowerDeviceD0 || PowerState.DeviceState > PowerDeviceD3))
        return STATUS_INVALID_PARAMETER_3;
    request = PopNewRequest(DeviceObject, MinorFunction, type, PowerState, PowerActionNone);
    if (request == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    request->Completion = CompletionFunction;
    request->Context = Context;
    request->Caller = _ReturnAddress();
    if (Irp != NULL)
        *Irp = request->Irp; /* of use for wait/wake only: any other may be gone on return */
    if (Serialized(request)) {
        fresh = ExAllocatePoolWithTag(NonPagedPool, sizeof(*fresh), PO_TAG);
        if (fresh == NULL) {
            IoFreeIrp(request->Irp);
            ObDereferenceObject(request->Top);
            ObDereferenceObject(request->Pdo);
            ExFreePoolWithTag(request, PO_TAG);
            return STATUS_INSUFFICIENT_RESOURCES;
        }
        KeAcquireSpinLock(&PopLock, &irql);
        now = Enter(request, fresh, &used);
        KeReleaseSpinLock(&PopLock, irql);
        if (!used)
            ExFreePoolWithTag(fresh, PO_TAG);
    }
    if (now)
        PopSend(request);
    return STATUS_PENDING;
}

/* Since Windows Vista the same as IoCallDriver. A tail call, so that reports name the driver as the caller. */
NTSTATUS NTAPI PoCallDriver(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    return IofCallDriver(DeviceObject, Irp);
}

/* Since Windows Vista without effect; the IRP must still be a power IRP that the caller has not passed on or completed. */
VOID NTAPI PoStartNextPowerIrp(PIRP Irp)
{
    if (Irp->CurrentLocation <= Irp->StackCount && IoGetCurrentIrpStackLocation(Irp)->MajorFunction != IRP_MJ_POWER)
        IoStop(0xC4, RULE_NO_POWER_IRP, (ULONG_PTR)Irp, IoGetCurrentIrpStackLocation(Irp)->MajorFunction, 0,
               _ReturnAddress(), "PoStartNextPowerIrp for an IRP that is no power IRP");
}
