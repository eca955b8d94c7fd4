/* SPDX-License-Identifier: MIT */
/*
 * Lending by direct-call interface: the borrower's callbacks come as input values of the structure. Source: seed article "How to share HW resources",
 * "To send a IRP_MN_QUERY_INTERFACE with these callbacks as input values in the INTERFACE based structure".
 */
#include "owner.h"
#include "irp.h"

static VOID NTAPI InterfaceReference(PVOID Context)
{
    ObReferenceObject(((POWNER)Context)->Function.Self);
}

static VOID NTAPI InterfaceDereference(PVOID Context)
{
    ObDereferenceObject(((POWNER)Context)->Function.Self);
}

static NTSTATUS NTAPI GetResources(PVOID Context, ULONG Client, PBUDDY_RESOURCES Resources, ULONG Length)
{
    return ClientsDescribe((POWNER)Context, Client, Resources, Length);
}

/* The borrower has the device open, so its REMOVE has not come: the extension is whole. */
static VOID NTAPI ReturnResources(PVOID Context, ULONG Client)
{
    ClientsReturn((POWNER)Context, Client, NULL);
}

/* STATUS_SUCCESS: lent, and *Number is the client. */
static NTSTATUS Lend(POWNER Owner, PIO_STACK_LOCATION Stack, ULONG *Number)
{
    PBUDDY_LENDER_INTERFACE lender = (PBUDDY_LENDER_INTERFACE)Stack->Parameters.QueryInterface.Interface;
    NTSTATUS status;

    if (Stack->Parameters.QueryInterface.Version != BUDDY_LENDER_VERSION ||
        Stack->Parameters.QueryInterface.Size < sizeof(*lender)) {
        return STATUS_INVALID_PARAMETER;
    }
    status = ClientsLend(Owner, &lender->Borrow, NULL, NULL, 0, Number);
    if (NT_SUCCESS(status)) {
        lender->Header.Size = sizeof(*lender);
        lender->Header.Version = BUDDY_LENDER_VERSION;
        lender->Header.Context = Owner;
        lender->Header.InterfaceReference = InterfaceReference;
        lender->Header.InterfaceDereference = InterfaceDereference;
        lender->Client = *Number;
        lender->GetResources = GetResources;
        lender->Return = ReturnResources;
        if (!MUTANT(OWNER_LENDS_WITHOUT_REFERENCE)) {
            InterfaceReference(Owner);
        }
    }
    return status;
}

/* Ours is answered and passed down like any PnP IRP that a function driver succeeds; PowerUp is called when it has come back. */
NTSTATUS LenderQueryInterface(PFUNCTION_DEVICE Device, PIRP Irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    ULONG number = 0;
    NTSTATUS status;

    if (!IsEqualGUID(stack->Parameters.QueryInterface.InterfaceType, &GUID_BUDDY_LENDER_INTERFACE)) {
        return PassIrp(Device->Lower, Irp);
    }
    status = Lend(Owner(Device), stack, &number);
    if (!NT_SUCCESS(status)) {
        return CompleteIrp(Irp, status, 0);
    }
    Irp->IoStatus.Status = STATUS_SUCCESS;
    status = CompleteIrp(Irp, ForwardIrpAndWait(Device->Lower, Irp), 0);
    ClientsCallUp(Owner(Device), number);
    return status;
}
