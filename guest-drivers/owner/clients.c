/* SPDX-License-Identifier: MIT */
/*
 * Lending: who has borrowed, and whether each has been told that there is power. Everything happens under ClientsLock, and the calls to a client are
 * always brought about by ReconcileClient, which compares what the client was told with what is true. So BORROW, RETURN, close, power and PnP may come
 * in any order, and each client still sees strictly alternating PowerUp and PowerDown calls, or none.
 */
#include "owner.h"
#include "irp.h"

VOID ClientsInitialize(POWNER Owner)
{
    KeInitializeMutex(&Owner->ClientsLock, 0);
}

static VOID LockClients(POWNER Owner)
{
    KeWaitForSingleObject(&Owner->ClientsLock, Executive, KernelMode, FALSE, NULL);
}

static VOID UnlockClients(POWNER Owner)
{
    KeReleaseMutex(&Owner->ClientsLock, FALSE);
}

static VOID SetGate(POWNER Owner, ULONG Client, BOOLEAN Open)
{
    ULONG gates = OwnerRead(Owner, owner.GATE);

    OwnerWrite(Owner, owner.GATE, Open ? gates | (1u << Client) : gates & ~(1u << Client));
}

/* Gate open before the callback, because the client may touch its page in it. ClientsLock held. */
static VOID CallUp(POWNER Owner, ULONG Number)
{
    PCLIENT client = &Owner->Clients[Number];
    union {
        BUDDY_RESOURCES Resources;
        UCHAR Space[BUDDY_RESOURCES_SIZE(MAX_RESOURCES)];
    } list;

    DescribeResources(Owner, Number, &list.Resources, sizeof(list));
    if (!MUTANT(OWNER_OPENS_GATE_ONCE) || !client->GateOpened) {
        SetGate(Owner, Number, TRUE);
    }
    client->GateOpened = TRUE;
    client->ToldUp = TRUE;
    OwnerDeliverInterrupts(Owner, Number, TRUE);
    Trace("callback-begin dir=up client=%u device=%u", Number, Owner->Function.Number);
    client->Borrow.PowerUp(client->Borrow.Context, &list.Resources);
    Trace("callback-end dir=up client=%u device=%u", Number, Owner->Function.Number);
}

/* Gate closed after the callback: once it has returned nothing of the client's is under way. ClientsLock held. */
static VOID CallDown(POWNER Owner, ULONG Number, BUDDY_POWER_DOWN_REASON Reason)
{
    PCLIENT client = &Owner->Clients[Number];

    if (MUTANT(OWNER_CLOSES_GATE_FIRST) && Reason != BuddyPowerDownSurprise) {
        SetGate(Owner, Number, FALSE);
    }
    Trace("callback-begin dir=down client=%u device=%u", Number, Owner->Function.Number);
    if (MUTANT(OWNER_CALLS_WITH_SPIN_LOCK)) {
        KSPIN_LOCK lock = 0;
        KIRQL irql;

        KeAcquireSpinLock(&lock, &irql);
        client->Borrow.PowerDown(client->Borrow.Context, Reason);
        KeReleaseSpinLock(&lock, irql);
    } else {
        client->Borrow.PowerDown(client->Borrow.Context, Reason);
    }
    Trace("callback-end dir=down client=%u device=%u", Number, Owner->Function.Number);
    OwnerDeliverInterrupts(Owner, Number, FALSE);
    client->ToldUp = FALSE;
    if (Reason != BuddyPowerDownSurprise) {
        SetGate(Owner, Number, FALSE);
    }
}

/* Makes what the client was told agree with what is true. ClientsLock held. */
static VOID ReconcileClient(POWNER Owner, ULONG Number, BOOLEAN Wanted, BUDDY_POWER_DOWN_REASON Reason)
{
    PCLIENT client = &Owner->Clients[Number];

    if (client->Lent && Wanted && !client->ToldUp) {
        CallUp(Owner, Number);
    } else if (client->Lent && !Wanted && client->ToldUp) {
        CallDown(Owner, Number, Reason);
    }
}

/* ClientsLock held. */
static VOID TakeBack(POWNER Owner, ULONG Number)
{
    ReconcileClient(Owner, Number, FALSE, BuddyPowerDownReturn);
    Owner->Clients[Number].Lent = FALSE;
    Owner->Clients[Number].FileObject = NULL;
    Trace("return client=%u device=%u", Number, Owner->Function.Number);
}

VOID ClientsPowerUp(POWNER Owner)
{
    ULONG number;

    LockClients(Owner);
    Owner->Powered = TRUE;
    for (number = 1; number < MAX_CLIENTS; number++) {
        ReconcileClient(Owner, number, TRUE, BuddyPowerDownSleep);
    }
    UnlockClients(Owner);
    Announce(Owner, BuddyEventPowerUp);
}

VOID ClientsPowerDown(POWNER Owner, BUDDY_POWER_DOWN_REASON Reason)
{
    ULONG number;

    LockClients(Owner);
    Owner->Powered = FALSE;
    for (number = 1; number < MAX_CLIENTS; number++) {
        ReconcileClient(Owner, number, FALSE, Reason);
        /* A client without an open is told nothing more, and this device does not come back: that was its end. */
        if ((Reason == BuddyPowerDownRemove || Reason == BuddyPowerDownSurprise) && Owner->Clients[number].Lent &&
            Owner->Clients[number].FileObject == NULL) {
            TakeBack(Owner, number);
        }
    }
    UnlockClients(Owner);
    Announce(Owner, BuddyEventPowerDown);
}

/*
 * The device leaves for good. A client without an open that was down already, because the device was switched off or asleep, has not been told of it yet, and
 * nobody else will: the last call says so. The hardware is out of reach, hence the reason.
 */
VOID ClientsLeave(POWNER Owner)
{
    ULONG number;

    LockClients(Owner);
    for (number = 1; number < MAX_CLIENTS; number++) {
        if (Owner->Clients[number].Lent && Owner->Clients[number].FileObject == NULL) {
            if (!MUTANT(OWNER_LEAVES_IN_SILENCE)) {
                CallDown(Owner, number, BuddyPowerDownSurprise);
            }
            TakeBack(Owner, number);
        }
    }
    UnlockClients(Owner);
}

/* A client number that nobody has, or 0. ClientsLock held. */
static ULONG FreeClient(POWNER Owner)
{
    ULONG number;

    for (number = 1; number < Owner->ClientCount; number++) {
        if (!Owner->Clients[number].Lent) {
            return number;
        }
    }
    return 0;
}

/* Any state in which the device is there, or will be back. */
static BOOLEAN MayLend(POWNER Owner)
{
    PNP_STATE state = Owner->Function.State;

    return state == PnpStarted || state == PnpStopPending || state == PnpStopped;
}

/*
 * Registers the callbacks and describes the resources in one step under the lock, so that there is no moment in which B has the one without the other.
 * The client is told of the power afterwards, by ClientsCallUp, when its request has been completed.
 */
NTSTATUS ClientsLend(POWNER Owner, const BUDDY_BORROW *Request, PFILE_OBJECT FileObject, PBUDDY_RESOURCES Answer,
                     ULONG Length, ULONG *Number)
{
    NTSTATUS status = STATUS_DELETE_PENDING;

    if (Request->Size != sizeof(*Request) || Request->Version != BUDDY_PROTOCOL_VERSION) {
        return STATUS_REVISION_MISMATCH;
    }
    if (Request->PowerUp == NULL || Request->PowerDown == NULL) {
        return STATUS_INVALID_PARAMETER;
    }
    LockClients(Owner);
    *Number = FreeClient(Owner);
    if (MayLend(Owner)) {
        status = *Number != 0 ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
    }
    if (status == STATUS_SUCCESS && Answer != NULL) {
        status = DescribeResources(Owner, *Number, Answer, Length);
    }
    if (status == STATUS_SUCCESS) {
        PCLIENT client = &Owner->Clients[*Number];

        client->Borrow = *Request;
        client->FileObject = FileObject;
        client->ToldUp = FALSE;
        client->Lent = TRUE;
        Trace("lend client=%u device=%u", *Number, Owner->Function.Number);
    }
    UnlockClients(Owner);
    return status;
}

/* Since the lending, power may have come or gone, or the client may have returned: reconciling asks what is true now. */
VOID ClientsCallUp(POWNER Owner, ULONG Number)
{
    if (MUTANT(OWNER_FORGETS_FIRST_POWER_UP)) {
        return;
    }
    LockClients(Owner);
    ReconcileClient(Owner, Number, Owner->Powered, BuddyPowerDownSleep);
    UnlockClients(Owner);
    FunctionRequestPower(&Owner->Function); /* a device that was switched off for idleness is wanted again */
}

NTSTATUS ClientsDescribe(POWNER Owner, ULONG Number, PBUDDY_RESOURCES Resources, ULONG Length)
{
    NTSTATUS status;

    LockClients(Owner);
    status = MayLend(Owner) ? DescribeResources(Owner, Number, Resources, Length) : STATUS_DELETE_PENDING;
    UnlockClients(Owner);
    return status;
}

/* Completes the IRP first and calls PowerUp after it, from the same thread: the article's "perhaps immediately after completing". */
static NTSTATUS Borrow(POWNER Owner, PIRP Irp, PIO_STACK_LOCATION Stack)
{
    BUDDY_BORROW request;
    PVOID buffer = Irp->AssociatedIrp.SystemBuffer;
    ULONG_PTR information = 0;
    ULONG number = 0;
    NTSTATUS status;

    if (Stack->Parameters.DeviceIoControl.InputBufferLength < sizeof(request)) {
        return CompleteIrp(Irp, STATUS_INVALID_PARAMETER, 0);
    }
    request = *(PBUDDY_BORROW)buffer; /* a copy: the answer goes into the same buffer */
    status = ClientsLend(Owner, &request, Stack->FileObject, buffer,
                         Stack->Parameters.DeviceIoControl.OutputBufferLength, &number);
    if (status == STATUS_SUCCESS) {
        information = ((PBUDDY_RESOURCES)buffer)->Size;
    } else if (status == STATUS_BUFFER_OVERFLOW) {
        information = FIELD_OFFSET(BUDDY_RESOURCES, Descriptors);
    }
    CompleteIrp(Irp, status, information);
    if (status == STATUS_SUCCESS) {
        ClientsCallUp(Owner, number);
    }
    return status;
}

NTSTATUS ClientsReturn(POWNER Owner, ULONG Number, PFILE_OBJECT FileObject)
{
    NTSTATUS status = STATUS_NOT_FOUND;

    if (!MUTANT(OWNER_RETURNS_AT_ONCE)) {
        LockClients(Owner); /* waits for a callback that is under way */
    }
    if (Number < MAX_CLIENTS && Owner->Clients[Number].Lent && Owner->Clients[Number].FileObject == FileObject) {
        TakeBack(Owner, Number);
        status = STATUS_SUCCESS;
    }
    if (!MUTANT(OWNER_RETURNS_AT_ONCE)) {
        UnlockClients(Owner);
    }
    return status;
}

static NTSTATUS Return(POWNER Owner, PIRP Irp, PIO_STACK_LOCATION Stack)
{
    if (Stack->Parameters.DeviceIoControl.InputBufferLength < sizeof(ULONG)) {
        return CompleteIrp(Irp, STATUS_INVALID_PARAMETER, 0);
    }
    return CompleteIrp(Irp, ClientsReturn(Owner, *(PULONG)Irp->AssociatedIrp.SystemBuffer, Stack->FileObject), 0);
}

VOID ClientsClose(PFUNCTION_DEVICE Device, PFILE_OBJECT FileObject)
{
    POWNER owner = Owner(Device);
    ULONG number;

    if (!MUTANT(OWNER_RETURNS_AT_ONCE)) {
        LockClients(owner);
    }
    for (number = 1; number < MAX_CLIENTS; number++) {
        if (owner->Clients[number].Lent && owner->Clients[number].FileObject == FileObject) {
            TakeBack(owner, number);
        }
    }
    if (!MUTANT(OWNER_RETURNS_AT_ONCE)) {
        UnlockClients(owner);
    }
}

NTSTATUS ClientsControl(PFUNCTION_DEVICE Device, PIRP Irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);

    /* The callbacks are kernel addresses: only a kernel driver may bring them. */
    if (Irp->RequestorMode != KernelMode) {
        return CompleteIrp(Irp, STATUS_ACCESS_DENIED, 0);
    }
    switch (stack->Parameters.DeviceIoControl.IoControlCode) {
    case IOCTL_INTERNAL_BUDDY_BORROW:
        return Borrow(Owner(Device), Irp, stack);
    case IOCTL_INTERNAL_BUDDY_RETURN:
        return Return(Owner(Device), Irp, stack);
    case IOCTL_INTERNAL_BUDDY_WAKE:
        FunctionRequestPower(Device);
        return CompleteIrp(Irp, STATUS_SUCCESS, 0);
    case IOCTL_INTERNAL_BUDDY_SHARE:
        return CompleteIrp(Irp, SharedAttach(Owner(Device), Irp->UserBuffer), 0);
    case IOCTL_INTERNAL_BUDDY_UNSHARE:
        return CompleteIrp(Irp, SharedDetach(Owner(Device), Irp->UserBuffer), 0);
    default:
        return CompleteIrp(Irp, STATUS_INVALID_DEVICE_REQUEST, 0);
    }
}
