/* SPDX-License-Identifier: MIT */
/*
 * One open of one owner. The order open → register for target-device change → borrow makes sure that whatever is borrowed is also given back
 * when the owner is to be removed: from the registration on, a query-remove reaches us.
 */
#include "borrower.h"
#include "irp.h"
#include <wdmguid.h>

/* Sends BORROW with a buffer that grows until the varying number of resources fits. Connection->Lock held. */
static NTSTATUS BorrowResources(PCONNECTION Connection)
{
    BUDDY_BORROW request;
    ULONG length = (ULONG)BUDDY_RESOURCES_SIZE(1);
    NTSTATUS status;

    HardwareDescribe(&Connection->Borrower->Hardware, &request);
    do {
        PBUDDY_RESOURCES answer = ExAllocatePoolWithTag(NonPagedPoolNx, length, POOL_TAG);
        ULONG_PTR returned = 0;

        if (answer == NULL) {
            return STATUS_INSUFFICIENT_RESOURCES;
        }
        status = SendInternalIoctl(Connection->Device, Connection->FileObject, IOCTL_INTERNAL_BUDDY_BORROW, &request,
                                   sizeof(request), answer, length, &returned);
        if (status == STATUS_BUFFER_OVERFLOW) {
            length = answer->Size;
        } else if (NT_SUCCESS(status)) {
            Connection->Client = answer->Client;
            Trace("borrowed client=%u resources=%u device=%u", answer->Client, answer->Count,
                  Connection->Borrower->Function.Number);
        }
        ExFreePoolWithTag(answer, POOL_TAG);
    } while (status == STATUS_BUFFER_OVERFLOW);
    return status;
}

VOID ConnectionClose(PCONNECTION Connection)
{
    ULONG number = Connection->Borrower->Function.Number;

    KeWaitForSingleObject(&Connection->Lock, Executive, KernelMode, FALSE, NULL);
    if (Connection->FileObject != NULL) {
        if (Connection->Client != 0) {
            /* A owes us the PowerDown if we are up; it comes inside this call. After it nothing of ours can touch the page. */
            SendInternalIoctl(Connection->Device, Connection->FileObject, IOCTL_INTERNAL_BUDDY_RETURN,
                              &Connection->Client, sizeof(Connection->Client), NULL, 0, NULL);
            Connection->Client = 0;
            HardwareForget(&Connection->Borrower->Hardware);
            Trace("returned device=%u", number);
        }
        ObDereferenceObject(Connection->FileObject);
        Connection->FileObject = NULL;
        Trace("close device=%u", number);
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
        ConnectionClose(connection);
    } else if (IsEqualGUID(&notification->Event, &GUID_TARGET_DEVICE_REMOVE_CANCELLED)) {
        Trace("target-remove-cancelled device=%u", number);
        connection->Finished = TRUE;
        FinderQueueWork(connection->Borrower);
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
    }
    Trace("open status=%x device=%u", status, Connection->Borrower->Function.Number);
    return status;
}

/* A query-remove may have come between registering and now, and closed the file object: then there is nothing to borrow from. */
static NTSTATUS BorrowIfStillOpen(PCONNECTION Connection)
{
    NTSTATUS status = STATUS_DELETE_PENDING;

    KeWaitForSingleObject(&Connection->Lock, Executive, KernelMode, FALSE, NULL);
    if (Connection->FileObject != NULL) {
        status = BorrowResources(Connection);
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
    KeInitializeMutex(&connection->Lock, 0);
    status = Open(connection, Link);
    if (NT_SUCCESS(status)) {
        status = IoRegisterPlugPlayNotification(EventCategoryTargetDeviceChange, 0, connection->FileObject,
                                                Borrower->Function.Self->DriverObject, TargetChanged, connection,
                                                &connection->Notification);
    }
    if (!NT_SUCCESS(status)) {
        ConnectionFree(connection);
        return status;
    }
    /* A failure to borrow keeps the connection when a removal is under way: its outcome (cancelled, complete) tells what to do next. */
    status = BorrowIfStillOpen(connection);
    if (!NT_SUCCESS(status) && status != STATUS_DELETE_PENDING) {
        Trace("borrow-failed status=%x device=%u", status, Borrower->Function.Number);
        ConnectionFree(connection);
        return status;
    }
    *Connection = connection;
    return STATUS_SUCCESS;
}

VOID ConnectionFree(PCONNECTION Connection)
{
    ConnectionClose(Connection);
    if (Connection->Notification != NULL) {
        /* The Ex form returns only when no callback is running any more. */
        IoUnregisterPlugPlayNotificationEx(Connection->Notification);
    }
    ExFreePoolWithTag(Connection, POOL_TAG);
}
