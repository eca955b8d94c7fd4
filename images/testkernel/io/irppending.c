/* SPDX-License-Identifier: MIT */
/* Who holds which IRP. No lock is taken: this runs when the system has stopped; what is damaged ends the walk. */
#include "io/irppending.h"
#include "io/irp.h"
#include "io/irplog.h"
#include "hal/hal.h"
#include "ke/report.h"
#include "mm/mm.h"
#include "rtl/format.h"

#define MAX_IRPS 256

/* The IRP behind List that a driver holds now, or NULL at the end. *List moves on. */
static PIRP NextHeld(PLIST_ENTRY *List, PULONG Left)
{
    while ((*List)->Flink != &IopLiveIrps && (*Left)-- && MiIsMapped((*List)->Flink, sizeof(LIST_ENTRY))) {
        *List = (*List)->Flink;
        PIRP irp = (PIRP)(CONTAINER(*List, IRP_TRACKER, Live) + 1);
        if (irp->Type == IO_TYPE_IRP && irp->CurrentLocation <= irp->StackCount && IopTracker(irp)->Sent &&
            IoGetCurrentIrpStackLocation(irp)->DeviceObject) {
            return irp;
        }
    }
    return NULL;
}

static VOID Describe(PIRP Irp, PSTR Text, SIZE_T Size)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    CHAR name[64];
    RtlFormat(Text, Size, "IRP %p (%s) for %I64u ms", Irp,
              IopIrpName(stack->MajorFunction, stack->MinorFunction, name, sizeof(name)),
              (HalNanoseconds() - IopTracker(Irp)->Sent) / 1000000);
}

VOID IopSayPendingIrps(VOID)
{
    PLIST_ENTRY entry = &IopLiveIrps;
    ULONG left = MAX_IRPS;
    CHAR text[128];
    KiSay("\nPending IRPs:\n");
    for (PIRP irp; (irp = NextHeld(&entry, &left)) != NULL;) {
        Describe(irp, text, sizeof(text));
        KiSay("  %wZ holds %s\n", &IoGetCurrentIrpStackLocation(irp)->DeviceObject->DriverObject->DriverName, text);
    }
}

static BOOLEAN MayStay(PIO_STACK_LOCATION Stack)
{
    switch (Stack->MajorFunction) {
    case IRP_MJ_POWER:
        return Stack->MinorFunction == IRP_MN_WAIT_WAKE;
    case IRP_MJ_READ:
    case IRP_MJ_WRITE:
    case IRP_MJ_DEVICE_CONTROL:
    case IRP_MJ_INTERNAL_DEVICE_CONTROL:
        return TRUE;
    default:
        return FALSE;
    }
}

PVOID IopFindHeldIrp(ULONG64 Nanoseconds, PSTR Text, SIZE_T Size)
{
    PLIST_ENTRY entry = &IopLiveIrps;
    ULONG left = MAX_IRPS;
    ULONG64 before = HalNanoseconds() - Nanoseconds;
    PIRP oldest = NULL;
    for (PIRP irp; (irp = NextHeld(&entry, &left)) != NULL;) {
        if (!MayStay(IoGetCurrentIrpStackLocation(irp)) && IopTracker(irp)->Sent < before) {
            oldest = irp;
            before = IopTracker(irp)->Sent;
        }
    }
    if (!oldest) {
        return NULL;
    }
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(oldest);
    SIZE_T used = RtlFormat(Text, Size, "%wZ has held ", &stack->DeviceObject->DriverObject->DriverName);
    Describe(oldest, Text + used, Size - used);
    return (PVOID)stack->DeviceObject->DriverObject->MajorFunction[stack->MajorFunction];
}
