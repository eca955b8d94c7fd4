/* SPDX-License-Identifier: MIT */
/*
 * The I/O verifier: IoSetCancelRoutine is a macro that nobody sees, so a cancel routine is looked at whenever its IRP comes by: when a dispatch
 * routine returns STATUS_PENDING, when the IRP is completed or cancelled. That it belongs to a driver above the one that has the IRP is told by the
 * image that its code lies in; a driver with two device objects in one stack is not found out.
 * https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc9--driver-verifier-iomanager-violation (0x229)
 */
#include "io/io.h"
#include "io/irp.h"

static BOOLEAN IsCodeOf(const LOADED_IMAGE *Image, PDEVICE_OBJECT Device)
{
    return Device && Device->Type == IO_TYPE_DEVICE && IoDriverData(Device->DriverObject)->Image == Image;
}

PVOID IopForeignCancelRoutine(PIRP Irp, PDEVICE_OBJECT Holder, PDEVICE_OBJECT Above)
{
    PVOID Routine = (PVOID)Irp->CancelRoutine;
    const LOADED_IMAGE *Image = Routine ? LdrImageFromAddress(Routine) : NULL;
    const IO_STACK_LOCATION *Locations = (const IO_STACK_LOCATION *)(Irp + 1);
    if (!Image || Image->Kernel || !Holder || IsCodeOf(Image, Holder) ||
        !(Irp->AllocationFlags & IRP_ALLOCATED_BY_KERNEL)) {
        return NULL;
    }
    if (Above) {
        return IsCodeOf(Image, Above) ? Routine : NULL;
    }
    for (LONG I = Irp->CurrentLocation; I < Irp->StackCount;
         I++) { /* Locations[CurrentLocation - 1] is the current one */
        if (IsCodeOf(Image, Locations[I].DeviceObject)) {
            return Routine;
        }
    }
    return NULL;
}

VOID IopStopForeignCancelRoutine(PIRP Irp, PDEVICE_OBJECT Holder, PVOID Routine)
{
    CHAR Name[120];
    IoStopRule(0x229, Routine, Irp, Holder,
               "cancel routine %p was set for IRP %p, which %s below has now: its own cancel routine may be lost; only "
               "the driver that has the IRP sets one",
               Routine, Irp, IopDescribeDevice(Holder, Name, sizeof(Name)));
}
