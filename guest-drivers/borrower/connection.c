/* SPDX-License-Identifier: MIT */
/*
 * One open of one owner. The order open → register for target-device change → borrow makes sure that whatever is borrowed is also given back
 * when the owner is to be removed: from the registration on, a query-remove reaches us.
 */
#include "borrower.h"
#include "irp.h"
#include <wdmguid.h>

VOID ConnectionClose(PCONNECTION Connection)
{
    KeWaitForSingleObject(&Connection->Lock, Executive, KernelMode, FALSE, NULL);
    if (Connection->Device != NULL) {
        SharedClose(Connection);
        Return(Connection);
        /* IoGetDeviceObjectPointer references the file object, which keeps the device; without an open it is the device itself. */
        if (Connection->FileObject != NULL) {
            if (!MUTANT(BORROWER_LEAKS_FILE_OBJECT)) {
                ObDereferenceObject(Connection->FileObject);
            }
            if (MUTANT(BORROWER_DEREFERENCES_TWICE)) {
                ObDereferenceObject(Connection->FileObject);
            }
        } else {
            ObDereferenceObject(Connection->Device);
        }
        Connection->FileObject = NULL;
        Connection->Device = NULL;
        Trace("close device=%u", Connection->Borrower->Function.Number);
    }
    KeReleaseMutex(&Connection->Lock, FALSE);
}

/*
 * The owner's device is about to be removed, will stay after all, or is gone. PASSIVE_LEVEL, in the PnP manager's thread. Opening again and unregistering
 * are left to the work item: neither may be done here.
 */
static NTSTATUS NTAPI TargetChanged(PVOID NotificationStructure, PVOID Context)
{
    PTARGET_DEVICE_REMOVAL_NOTIFICATION notification = (PTARGET_DEVICE_REMOVAL_NOTIFICATION)NotificationStructure;
    PCONNECTION connection = (PCONNECTION)Context;
    ULONG number = connection->Borrower->Function.Number;

    if (IsEqualGUID(&notification->Event, &GUID_TARGET_DEVICE_QUERY_REMOVE)) {
        /* Our open would veto the removal: it must be closed when this returns. */
        Trace("target-query-remove device=%u", number);
        if (!MUTANT(BORROWER_KEEPS_HANDLE)) {
            ConnectionClose(connection);
        }
    } else if (IsEqualGUID(&notification->Event, &GUID_TARGET_DEVICE_REMOVE_CANCELLED)) {
        Trace("target-remove-cancelled device=%u", number);
        if (!MUTANT(BORROWER_FORGETS_CANCEL)) {
            connection->Finished = TRUE;
            FinderQueueWork(connection->Borrower);
        }
    } else if (IsEqualGUID(&notification->Event, &GUID_TARGET_DEVICE_REMOVE_COMPLETE)) {
        /* After a surprise removal there was no query, and the owner's stack stays until we close. */
        Trace("target-remove-complete device=%u", number);
        ConnectionClose(connection);
        connection->Finished = TRUE;
        FinderQueueWork(connection->Borrower);
    }
    return STATUS_SUCCESS;
}

static NTSTATUS Open(PCONNECTION Connection, PUNICODE_STRING Link)
{
    NTSTATUS status =
        IoGetDeviceObjectPointer(Link, FILE_READ_DATA | FILE_WRITE_DATA, &Connection->FileObject, &Connection->Device);

    if (!NT_SUCCESS(status)) {
        Connection->FileObject = NULL;
        Connection->Device = NULL;
    }
    Trace("open status=%x device=%u", status, Connection->Borrower->Function.Number);
    return status;
}

/* "There's no need for the first driver to open the second": keep the device object, give up the open. */
static VOID GiveUpOpen(PCONNECTION Connection)
{
    if (!MUTANT(BORROWER_KEEPS_BARE_POINTER)) {
        ObReferenceObject(Connection->Device);
    }
    ObDereferenceObject(Connection->FileObject);
    Connection->FileObject = NULL;
}

static NTSTATUS FollowTarget(PCONNECTION Connection)
{
    if (Connection->Mechanism == BUDDY_MECHANISM_DIRECT) {
        GiveUpOpen(Connection);
        return STATUS_SUCCESS; /* without an open there is nothing to be notified about: OwnerLeft takes its place */
    }
    return IoRegisterPlugPlayNotification(EventCategoryTargetDeviceChange, 0, Connection->FileObject,
                                          Connection->Borrower->Function.Self->DriverObject, TargetChanged, Connection,
                                          &Connection->Notification);
}

/* A query-remove may have come between registering and now, and closed the connection: then there is nothing to borrow from. */
static NTSTATUS BorrowIfStillOpen(PCONNECTION Connection)
{
    NTSTATUS status = STATUS_DELETE_PENDING;

    KeWaitForSingleObject(&Connection->Lock, Executive, KernelMode, FALSE, NULL);
    if (Connection->Device != NULL) {
        SharedOpen(Connection);
        status = Borrow(Connection);
    }
    KeReleaseMutex(&Connection->Lock, FALSE);
    return status;
}

NTSTATUS ConnectionOpen(PBORROWER Borrower, PUNICODE_STRING Link, PCONNECTION *Connection)
{
    PCONNECTION connection = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*connection), POOL_TAG);
    NTSTATUS status;

    if (connection == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    RtlZeroMemory(connection, sizeof(*connection));
    connection->Borrower = Borrower;
    connection->Mechanism = Borrower->Function.Settings[SettingMechanism];
    KeInitializeMutex(&connection->Lock, 0);
    ExInitializeRundownProtection(&connection->Waking);
    status = Open(connection, Link);
    if (NT_SUCCESS(status)) {
        status = FollowTarget(connection);
    }
    if (!NT_SUCCESS(status)) {
        ConnectionFree(connection);
        return status;
    }
    *Connection = connection; /* before borrowing: OwnerLeft may come as soon as that has happened */
    /* A failure to borrow keeps the connection when a removal is under way: its outcome (cancelled, complete) tells what to do next. */
    status = BorrowIfStillOpen(connection);
    if (!NT_SUCCESS(status) && status != STATUS_DELETE_PENDING) {
        Trace("borrow-failed status=%x device=%u", status, Borrower->Function.Number);
        *Connection = NULL;
        ConnectionFree(connection);
        return status;
    }
    return STATUS_SUCCESS;
}

VOID ConnectionWake(PCONNECTION Connection)
{
    KeWaitForSingleObject(&Connection->Lock, Executive, KernelMode, FALSE, NULL);
    if (Connection->Client != 0 && ExAcquireRundownProtection(&Connection->Waking)) {
        SendInternalIoctl(Connection->Device, Connection->FileObject, IOCTL_INTERNAL_BUDDY_WAKE, NULL, 0, NULL, 0,
                          NULL);
        ExReleaseRundownProtection(&Connection->Waking);
    }
    KeReleaseMutex(&Connection->Lock, FALSE);
}

VOID ConnectionFree(PCONNECTION Connection)
{
    ConnectionClose(Connection);
    if (Connection->Notification != NULL) {
        /* The Ex form returns only when no callback is running any more. */
        if (!MUTANT(BORROWER_LEAKS_TARGET_NOTIFICATION)) {
            IoUnregisterPlugPlayNotificationEx(Connection->Notification);
        }
    }
    ExFreePoolWithTag(Connection, POOL_TAG);
}
