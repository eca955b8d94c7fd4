/* SPDX-License-Identifier: MIT */
/*
 * IRP_MJ_PNP: traced with what the drivers below made of it, and failed where that was armed.
 * Source: Microsoft, "PnP Tests (Device Fundamentals)": which IRP the tests' filter fails, and on which way.
 */
#include "pnptest.h"

/* Forwards, waits, traces the result as `name`, and completes with what the drivers below said. */
static NTSTATUS Watch(PFILTER Filter, PIRP Irp, const CHAR *Name)
{
    NTSTATUS status = ForwardIrpAndWait(Filter->Lower, Irp);

    Trace("%s on=%S status=%x", Name, &Filter->Service, status);
    return CompleteIrp(Irp, status, Irp->IoStatus.Information);
}

/* Fails a query on its way up if that was armed: the drivers below have agreed, and must take the cancel that follows. */
static NTSTATUS Answer(PFILTER Filter, PIRP Irp, LONG Veto, const CHAR *Name)
{
    NTSTATUS status = Irp->IoStatus.Status;
    BOOLEAN veto = NT_SUCCESS(status) && TakeArmed(Filter, Veto);

    Trace("%s on=%S status=%x vetoed=%u", Name, &Filter->Service, status, (ULONG)veto);
    return CompleteIrp(Irp, veto ? STATUS_DEVICE_BUSY : status, Irp->IoStatus.Information);
}

static NTSTATUS Query(PFILTER Filter, PIRP Irp, LONG Veto, const CHAR *Name)
{
    ForwardIrpAndWait(Filter->Lower, Irp);
    return Answer(Filter, Irp, Veto, Name);
}

/* As long as this waits a removal is pending: the drivers below have agreed, and nobody can open the device. */
static NTSTATUS QueryRemove(PFILTER Filter, PIRP Irp)
{
    LARGE_INTEGER limit = {.QuadPart = -100000000}; /* 10 s */

    if (TakeArmed(Filter, PNPTEST_HOLD_QUERY_REMOVE)) {
        KeClearEvent(&Release);
        ForwardIrpAndWait(Filter->Lower, Irp);
        Trace("query-remove on=%S held=1", &Filter->Service);
        KeWaitForSingleObject(&Release, Executive, KernelMode, FALSE, &limit);
        return Answer(Filter, Irp, PNPTEST_FAIL_QUERY_REMOVE, "query-remove");
    }
    return Query(Filter, Irp, PNPTEST_FAIL_QUERY_REMOVE, "query-remove");
}

/* PASSIVE_LEVEL. Twice the same is an error that nobody needs to see. */
static VOID Announce(PFILTER Filter, BOOLEAN There)
{
    if (Filter->Link.Buffer != NULL) {
        IoSetDeviceInterfaceState(&Filter->Link, There);
    }
}

static NTSTATUS Start(PFILTER Filter, PIRP Irp, PIO_STACK_LOCATION Stack)
{
    BOOLEAN restart = Filter->Stopped;
    BOOLEAN moved = NoteResources(Filter, Stack->Parameters.StartDevice.AllocatedResources);
    NTSTATUS status = ForwardIrpAndWait(Filter->Lower, Irp);

    Filter->Stopped = FALSE;
    if (NT_SUCCESS(status)) {
        Announce(Filter, TRUE);
    }
    Trace("start on=%S status=%x restart=%u moved=%u", &Filter->Service, status, (ULONG)restart, (ULONG)moved);
    /* On the way up: the drivers below believe that they are started, and must take the surprise removal that follows. */
    if (NT_SUCCESS(status) && restart && TakeArmed(Filter, PNPTEST_FAIL_RESTART)) {
        Trace("start on=%S failed=1", &Filter->Service);
        status = STATUS_UNSUCCESSFUL;
    }
    return CompleteIrp(Irp, status, 0);
}

/* The flags that were asked for come in on the way up, beside those of the drivers below. */
static NTSTATUS QueryState(PFILTER Filter, PIRP Irp)
{
    NTSTATUS status = ForwardIrpAndWait(Filter->Lower, Irp);
    LONG report = InterlockedExchange(&Filter->Report, 0);

    Trace("device-state on=%S status=%x state=%x", &Filter->Service, status, (ULONG)Irp->IoStatus.Information);
    if (report != 0) {
        Irp->IoStatus.Information |= (ULONG)report;
        status = STATUS_SUCCESS;
    }
    return CompleteIrp(Irp, status, Irp->IoStatus.Information);
}

/* The list that the PnP manager will use is the IRP's Information, or else its parameter; a replaced one is freed by who replaces it. */
static NTSTATUS FilterRequirements(PFILTER Filter, PIRP Irp, PIO_STACK_LOCATION Stack)
{
    PIO_RESOURCE_REQUIREMENTS_LIST given = Stack->Parameters.FilterResourceRequirements.IoResourceRequirementList;
    NTSTATUS status = ForwardIrpAndWait(Filter->Lower, Irp);
    PIO_RESOURCE_REQUIREMENTS_LIST wanted = (PIO_RESOURCE_REQUIREMENTS_LIST)Irp->IoStatus.Information;
    PIO_RESOURCE_REQUIREMENTS_LIST moved;

    if (wanted == NULL) {
        wanted = given;
    }
    if (wanted != NULL && TakeArmed(Filter, PNPTEST_NEW_RESOURCES)) {
        moved = MoveRequirements(wanted);
        Trace("filter-requirements on=%S changed=%u", &Filter->Service, (ULONG)(moved != NULL));
        if (moved != NULL) {
            if (wanted != given) {
                ExFreePool(wanted);
            }
            return CompleteIrp(Irp, STATUS_SUCCESS, (ULONG_PTR)moved);
        }
    }
    return CompleteIrp(Irp, status, Irp->IoStatus.Information);
}

/* The caller has acquired the remove lock. */
static NTSTATUS Remove(PFILTER Filter, PIRP Irp)
{
    NTSTATUS status;

    Announce(Filter, FALSE);
    RtlFreeUnicodeString(&Filter->Link);
    IoReleaseRemoveLockAndWait(&Filter->RemoveLock, Irp);
    Irp->IoStatus.Status = STATUS_SUCCESS;
    status = PassIrp(Filter->Lower, Irp);
    Trace("remove status=%x", status); /* the driver below, and its name with it, may be gone */
    IoDetachDevice(Filter->Lower);
    IoDeleteDevice(Filter->Self);
    return status;
}

static NTSTATUS Dispatch(PFILTER Filter, PIRP Irp, PIO_STACK_LOCATION Stack)
{
    switch (Stack->MinorFunction) {
    case IRP_MN_START_DEVICE:
        return Start(Filter, Irp, Stack);
    case IRP_MN_QUERY_STOP_DEVICE:
        return Query(Filter, Irp, PNPTEST_FAIL_QUERY_STOP, "query-stop");
    case IRP_MN_CANCEL_STOP_DEVICE:
        return Watch(Filter, Irp, "cancel-stop");
    case IRP_MN_STOP_DEVICE:
        Filter->Stopped = TRUE;
        return Watch(Filter, Irp, "stop");
    case IRP_MN_QUERY_REMOVE_DEVICE:
        return QueryRemove(Filter, Irp);
    case IRP_MN_CANCEL_REMOVE_DEVICE:
        return Watch(Filter, Irp, "cancel-remove");
    case IRP_MN_SURPRISE_REMOVAL:
        Announce(Filter, FALSE);
        return Watch(Filter, Irp, "surprise-removal");
    case IRP_MN_QUERY_PNP_DEVICE_STATE:
        return QueryState(Filter, Irp);
    case IRP_MN_FILTER_RESOURCE_REQUIREMENTS:
        return FilterRequirements(Filter, Irp, Stack);
    default:
        return PassIrp(Filter->Lower, Irp);
    }
}

/* PASSIVE_LEVEL, in the context of a system thread. */
NTSTATUS NTAPI DispatchPnp(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PFILTER filter = (PFILTER)DeviceObject->DeviceExtension;
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    NTSTATUS status = IoAcquireRemoveLock(&filter->RemoveLock, Irp);

    if (!NT_SUCCESS(status)) {
        return CompleteIrp(Irp, status, 0);
    }
    if (stack->MinorFunction == IRP_MN_REMOVE_DEVICE) {
        return Remove(filter, Irp); /* releases the lock, and the device object is gone afterwards */
    }
    status = Dispatch(filter, Irp, stack);
    IoReleaseRemoveLock(&filter->RemoveLock, Irp);
    return status;
}
