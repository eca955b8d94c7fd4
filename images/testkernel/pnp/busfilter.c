/* SPDX-License-Identifier: MIT */
/*
 * Bus filters: device objects that somebody attached to a PDO when its bus reported it, not in AddDevice. They stay as long as the PDO exists, also
 * over IRP_MN_REMOVE_DEVICE, and go in their driver's FastIoDetachDevice routine when the PDO is deleted (io/device.c calls it).
 * https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc9--driver-verifier-iomanager-violation (0x222, 0x223)
 */
#include "pnp/internal.h"

static PETHREAD Adding; /* runs an AddDevice routine; the tree lock allows one at a time */

VOID PnpNoteAddDevice(BOOLEAN Begin)
{
    Adding = Begin ? PsGetCurrentThread() : NULL;
}

BOOLEAN PnpIsBusFilter(PDEVICE_OBJECT Target)
{
    return Adding != PsGetCurrentThread() && (!IoExtra(Target)->AttachedTo || IoExtra(Target)->BusFilter);
}

VOID PnpNoteBusFilters(PDEVICE_OBJECT Pdo, PBUS_FILTERS Filters)
{
    PDEVICE_OBJECT Below = Pdo, Each;
    KIRQL Irql;
    Filters->Count = 0;
    KeAcquireSpinLock(&IopDeviceLock, &Irql);
    for (Each = Pdo->AttachedDevice; Each && IoExtra(Each)->BusFilter && Filters->Count < MAX_BUS_FILTERS;
         Below = Each, Each = Each->AttachedDevice) {
        ObfReferenceObject(Each);
        Filters->Filter[Filters->Count] = Each;
        Filters->Below[Filters->Count++] = Below;
    }
    KeReleaseSpinLock(&IopDeviceLock, Irql);
}

VOID PnpCheckBusFilters(PDEVICE_NODE Node, PBUS_FILTERS Filters, BOOLEAN PdoStays)
{
    for (ULONG I = 0; I < Filters->Count; I++) {
        PDEVICE_OBJECT Filter = Filters->Filter[I];
        BOOLEAN Deleted = (IoExtra(Filter)->ExtensionFlags & (DOE_DELETE_PENDING | DOE_DELETED)) != 0;
        if (PdoStays && (Deleted || IoExtra(Filter)->AttachedTo != Filters->Below[I])) {
            IoStopRule(Deleted ? 0x223 : 0x222, (PVOID)Filter->DriverObject->MajorFunction[IRP_MJ_PNP], NULL, Filter,
                       "bus filter %wZ %s its device object on IRP_MN_REMOVE_DEVICE although the PDO of %wZ is still "
                       "there: clean up in the FastIoDetachDevice routine",
                       &Filter->DriverObject->DriverName, Deleted ? "deleted" : "detached", &Node->InstancePath);
        }
        ObfDereferenceObject(Filter);
    }
}

PDEVICE_OBJECT PnpAboveBusFilters(PDEVICE_OBJECT Pdo)
{
    PDEVICE_OBJECT Device = Pdo->AttachedDevice;
    while (Device && IoExtra(Device)->BusFilter) {
        Device = Device->AttachedDevice;
    }
    return Device;
}
