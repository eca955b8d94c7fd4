/* SPDX-License-Identifier: MIT */
/*
 * pci/wake.c - wait/wake IRPs of a function. The IRP stays pending until the function asserts PME or its sender cancels it; meanwhile PME is
 * enabled whenever the function leaves D0 (PM 3.2.4; Microsoft, "Handling a Wait/Wake IRP in a Bus Driver (PDO)", which says that Pci.sys
 * owns the PME enable bit). PME reaches the system through the root port's interrupt (pci/port.c), and after a sleep it is found by looking.
 *
 * Departure: pci.sys also asks the parent's stack for a wait/wake IRP, bus by bus up to ACPI. Here the ports' interrupt is always on.
 */
#include "pm.h"
#include "kd/log.h"

/* The deepest state from which the function can signal; PowerDeviceUnspecified: it cannot. Any IRQL. */
DEVICE_POWER_STATE PciDeviceWake(const PCI_FUNCTION *Function)
{
    for (int state = 3; state >= 0; state--) {
        if ((Function->PmSupport & PMC_PME(state)) || (state == 3 && (Function->PmSupport & PMC_PME(4))))
            return (DEVICE_POWER_STATE)(PowerDeviceD0 + state);
    }
    return PowerDeviceUnspecified;
}

/* The deepest sleep from which it can wake the system: only PME from D3cold survives what S3 does to the bus. Any IRQL. */
SYSTEM_POWER_STATE PciSystemWake(const PCI_FUNCTION *Function)
{
    if (Function->PmSupport & PMC_PME(4))
        return PowerSystemSleeping3;
    return (Function->PmSupport & PMC_PME_ANY) ? PowerSystemSleeping1 : PowerSystemUnspecified;
}

/* What PMCSR is to hold besides the state when the function leaves D0. An event from before counts no more. Any IRQL. */
USHORT PciWakeBits(PCI_FUNCTION *Function)
{
    return Function->WaitWake != NULL ? PMCSR_PME_ENABLE | PMCSR_PME_STATUS : 0;
}

static VOID Complete(PIRP Irp, NTSTATUS Status)
{
    PoStartNextPowerIrp(Irp);
    Irp->IoStatus.Status = Status;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
}

/* In a lower state PME_En is set; in D0 it never is. A function that may not be touched yet stays enabled: its PME then finds nobody. */
static VOID Disable(PCI_FUNCTION *Function)
{
    if (Function->Present && Function->PowerState != PowerDeviceD0 && PciIsReady(Function))
        PciWritePmcsr(Function, PciReadPmcsr(Function) & ~PMCSR_PME_ENABLE);
}

static VOID NTAPI CancelWait(PDEVICE_OBJECT Device, PIRP Irp)
{
    PCI_FUNCTION *function = Device->DeviceExtension;
    KIRQL irql;

    IoReleaseCancelSpinLock(Irp->CancelIrql);
    KeAcquireSpinLock(&function->WakeLock, &irql);
    if (function->WaitWake == Irp) {
        function->WaitWake = NULL;
        Disable(function);
    }
    KeReleaseSpinLock(&function->WakeLock, irql);
    Complete(Irp, STATUS_CANCELLED);
}

/* WakeLock held. STATUS_PENDING: it is the function's wait now. */
static NTSTATUS Accept(PCI_FUNCTION *Function, PIRP Irp)
{
    if (Function->WaitWake != NULL)
        return STATUS_DEVICE_BUSY;
    IoMarkIrpPending(Irp);
    IoSetCancelRoutine(Irp, CancelWait);
    if (Irp->Cancel && IoSetCancelRoutine(Irp, NULL) != NULL)
        return STATUS_CANCELLED;
    Function->WaitWake = Irp;
    return STATUS_PENDING;
}

/* IRP_MN_WAIT_WAKE. The statuses are those of Microsoft's page on it. IRQL <= DISPATCH_LEVEL. */
NTSTATUS PciWaitWake(PCI_FUNCTION *Function, PIRP Irp, PIO_STACK_LOCATION Stack)
{
    NTSTATUS status;
    KIRQL irql;

    if (!(Function->PmSupport & PMC_PME_ANY)) {
        status = STATUS_NOT_SUPPORTED;
    } else if (Function->PowerState > PciDeviceWake(Function) ||
               Stack->Parameters.WaitWake.PowerState > PciSystemWake(Function) || !Function->Present) {
        status = STATUS_INVALID_DEVICE_STATE;
    } else {
        KeAcquireSpinLock(&Function->WakeLock, &irql);
        status = Accept(Function, Irp);
        if (status == STATUS_PENDING && Function->PowerState != PowerDeviceD0 && PciIsReady(Function))
            PciClearPme(Function, PciReadPmcsr(Function) | PMCSR_PME_ENABLE);
        KeReleaseSpinLock(&Function->WakeLock, irql);
        if (status == STATUS_PENDING)
            return status;
        if (status == STATUS_CANCELLED) {
            Complete(Irp, status);
            return STATUS_PENDING;
        }
    }
    Complete(Irp, status);
    return status;
}

/*
 * If the function asserts PME: clear it, and complete the wait/wake IRP. TRUE if it was this one. Waking: this is what ended a system
 * sleep (PoSetSystemWake). The function may be touched (PciIsReady). IRQL <= DISPATCH_LEVEL, no lock held: the sender's callback runs in here.
 */
BOOLEAN PciSignalWake(PCI_FUNCTION *Function, BOOLEAN Waking)
{
    USHORT pmcsr = Function->PmCap != 0 && Function->Present ? PciReadPmcsr(Function) : 0xFFFF;
    PIRP irp;
    KIRQL irql;

    if (pmcsr == 0xFFFF || (pmcsr & (PMCSR_PME_STATUS | PMCSR_PME_ENABLE)) != (PMCSR_PME_STATUS | PMCSR_PME_ENABLE))
        return FALSE;
    KeAcquireSpinLock(&Function->WakeLock, &irql);
    PciClearPme(Function, pmcsr & ~PMCSR_PME_ENABLE);
    irp = Function->WaitWake;
    Function->WaitWake = NULL;
    if (irp != NULL && IoSetCancelRoutine(irp, NULL) == NULL)
        irp = NULL; /* it is being cancelled, and completed there */
    KeReleaseSpinLock(&Function->WakeLock, irql);
    KdTrace("pme bus=%u device=%u function=%u system=%u waited-for=%u", Function->At.Bus, Function->At.Device,
            Function->At.Function, Waking, irp != NULL);
    if (irp != NULL) {
        if (Waking)
            PoSetSystemWake(irp);
        Complete(irp, STATUS_SUCCESS);
    }
    return TRUE;
}
