/* SPDX-License-Identifier: MIT */
/* Borrowing and returning: by internal IOCTL, through an open or without one, or by the owner's direct-call interface. */
#include "borrower.h"
#include "irp.h"

/* Sends BORROW with a buffer that grows until the varying number of resources fits. */
static NTSTATUS BorrowByIoctl(PCONNECTION Connection, const BUDDY_BORROW *Request)
{
    ULONG length = (ULONG)BUDDY_RESOURCES_SIZE(1);
    NTSTATUS status;

    do {
        PBUDDY_RESOURCES answer = ExAllocatePoolWithTag(NonPagedPoolNx, length, POOL_TAG);

        if (answer == NULL) {
            return STATUS_INSUFFICIENT_RESOURCES;
        }
        status = SendInternalIoctl(Connection->Device, Connection->FileObject, IOCTL_INTERNAL_BUDDY_BORROW,
                                   (PVOID)Request, sizeof(*Request), answer, length, NULL);
        if (status == STATUS_BUFFER_OVERFLOW) {
            length = answer->Size;
        } else if (NT_SUCCESS(status)) {
            Connection->Client = answer->Client;
        }
        ExFreePoolWithTag(answer, POOL_TAG);
    } while (status == STATUS_BUFFER_OVERFLOW);
    return status;
}

/* The callbacks are input values of the interface structure. */
static NTSTATUS BorrowByInterface(PCONNECTION Connection, const BUDDY_BORROW *Request)
{
    NTSTATUS status;

    RtlZeroMemory(&Connection->Lender, sizeof(Connection->Lender));
    Connection->Lender.Borrow = *Request;
    status = QueryInterface(Connection->Device, &GUID_BUDDY_LENDER_INTERFACE, sizeof(Connection->Lender),
                            BUDDY_LENDER_VERSION, &Connection->Lender.Header);
    if (NT_SUCCESS(status)) {
        Connection->Client = Connection->Lender.Client;
    }
    return status;
}

NTSTATUS Borrow(PCONNECTION Connection)
{
    BUDDY_BORROW request;
    NTSTATUS status;

    HardwareDescribe(&Connection->Borrower->Hardware, &request);
    status = Connection->Mechanism == BUDDY_MECHANISM_INTERFACE ? BorrowByInterface(Connection, &request)
                                                                : BorrowByIoctl(Connection, &request);
    if (NT_SUCCESS(status)) {
        Trace("borrowed client=%u mechanism=%u device=%u", Connection->Client, Connection->Mechanism,
              Connection->Borrower->Function.Number);
    }
    return status;
}

/* A owes us the PowerDown if we are up; it comes inside this call. After it nothing of ours can touch the page. */
VOID Return(PCONNECTION Connection)
{
    if (Connection->Client == 0) {
        return;
    }
    if (Connection->Mechanism == BUDDY_MECHANISM_INTERFACE) {
        Connection->Lender.Return(Connection->Lender.Header.Context, Connection->Client);
        Connection->Lender.Header.InterfaceDereference(Connection->Lender.Header.Context);
    } else if (!Connection->OwnerLeft && !MUTANT(BORROWER_FORGETS_TO_RETURN)) {
        SendInternalIoctl(Connection->Device, Connection->FileObject, IOCTL_INTERNAL_BUDDY_RETURN, &Connection->Client,
                          sizeof(Connection->Client), NULL, 0, NULL);
    }
    Connection->Client = 0;
    HardwareForget(&Connection->Borrower->Hardware);
    Trace("returned device=%u", Connection->Borrower->Function.Number);
}
