/* SPDX-License-Identifier: MIT */
/* Start-up of the object manager, the registry, the I/O manager and the PnP manager, and the first enumeration. */
#include "io/driver.h"
#include "io/irp.h"
#include "io/removelock.h"
#include "cm/registry.h"
#include "kd/log.h"
#include "pci/pci.h"
#include "pnp/internal.h"
#include "pnp/legacy.h"
#include "subsystems.h"

VOID IopInitInterfaces(VOID);

NTSTATUS IoInitSystem(VOID)
{
    PDEVICE_NODE Root;
    NTSTATUS Status;
    ObInitSystem();
    CmInitSystem();
    ExInitCallbacks();
    KeInitializeSpinLock(&IopDeviceLock);
    IopInitIrps();
    IopInitCancel();
    IopInitChecks();
    IopInitRemoveLocks();
    IopInitDrivers();
    IopInitInterfaces();
    PnpInitTree();
    PnpInitNotify();
    PnpReadInfs();
    PnpStartThreads();
    Status = PnpCreateRoot();
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    PciInitSystem();
    Root = PnpRootDevnode();
    IoInvalidateDeviceRelations(Root->PhysicalDeviceObject, BusRelations);
    PnpWaitIdle();
    PnpStartServices();
    return STATUS_SUCCESS;
}
