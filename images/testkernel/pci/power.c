/* SPDX-License-Identifier: MIT */
/*
 * pci/power.c - power IRPs of a function. The D-state is written to the hardware when the IRP reaches the PDO: on the way down that is
 * last, on the way up first, so the function driver touches its device only in D0 (Microsoft, "Device Power States").
 *
 * Delays (PM 5.6.1, PCIe 5.9.1): 10 ms after a change to or from D3hot, 200 us to or from D2. They are waited for by a timer before the next
 * access, not after the change, so that many devices' delays overlap, and after S3, where the platform's reset has already put the function into
 * D0, there is none. A function with Immediate_Readiness_on_Return_to_D0 (PCIe 7.5.2.1) needs none either.
 *
 * Memory decoding stays on in D3hot, which the specification allows: the function then sees a wrong access and reports it.
 */
#include "pm.h"
#include "kd/log.h"
#include "ke/perturb.h"

#define MICROSECONDS(n) ((n)*10ll)

static LONGLONG Now(void)
{
    return (LONGLONG)KeQueryInterruptTime();
}

/* How long the function must be left alone after a change between two states. */
static LONGLONG Recovery(const PCI_FUNCTION *Function, ULONG From, ULONG To)
{
    ULONG deepest = max(From, To);

    if (From == To || (To == 0 && (Function->PmSupport & PMC_READY_AT_D0)))
        return 0;
    return deepest == 3 ? MICROSECONDS(10000) : deepest == 2 ? MICROSECONDS(200) : 0;
}

/* FALSE while the function may not be accessed after a change of its state. Any IRQL. */
BOOLEAN PciIsReady(const PCI_FUNCTION *Function)
{
    return Now() >= Function->ReadyTime.QuadPart;
}

static BOOLEAN Supports(const PCI_FUNCTION *Function, DEVICE_POWER_STATE State)
{
    if (State == PowerDeviceD1)
        return (Function->PmSupport & PMC_D1) != 0;
    if (State == PowerDeviceD2)
        return (Function->PmSupport & PMC_D2) != 0;
    return State == PowerDeviceD0 || State == PowerDeviceD3;
}

/* Write the state, together with Bits of PMCSR, and note until when the function must be left alone. Any IRQL. */
static void WriteState(PCI_FUNCTION *Function, DEVICE_POWER_STATE State, USHORT Bits)
{
    USHORT old = PciReadPmcsr(Function), wanted = (USHORT)(State - PowerDeviceD0);

    if ((old & PMCSR_STATE) != wanted) {
        /* One write: after it the function may not be touched for a while. */
        PciWrite16(Function->At, Function->PmCap + 4u, (old & ~(PMCSR_STATE | PMCSR_PME_STATUS)) | wanted | Bits);
        Function->ReadyTime.QuadPart = Now() + Recovery(Function, old & PMCSR_STATE, wanted);
    }
}

/* To D1..D3: keep what will be lost, and stop the function from mastering the bus, then change the state. IRQL <= DISPATCH_LEVEL. */
static void PowerDown(PCI_FUNCTION *Function, DEVICE_POWER_STATE State)
{
    if (Function->PowerState == PowerDeviceD0) {
        PciSaveConfig(Function);
        PciWrite16(Function->At, PCI_COMMAND, PciRead16(Function->At, PCI_COMMAND) & ~PCI_ENABLE_BUS_MASTER);
    }
    if (Function->PmCap != 0)
        WriteState(Function, State, PciWakeBits(Function));
}

static void FinishPowerUp(PCI_FUNCTION *Function)
{
    /* PME that came just before is not lost: the wait/wake IRP ends with it. */
    if (Function->PmCap != 0 && !PciSignalWake(Function, FALSE) && (PciReadPmcsr(Function) & PMCSR_PME_ENABLE))
        PciWritePmcsr(Function, PciReadPmcsr(Function) & ~PMCSR_PME_ENABLE);
    if (Function->SavedValid)
        PciRestoreConfig(Function, TRUE);
    Function->SavedValid = FALSE;
}

/* To D0 for START and for a caller that may wait. PASSIVE_LEVEL. STATUS_DEVICE_NOT_CONNECTED: the function has gone. */
NTSTATUS PciSetFunctionPower(PCI_FUNCTION *Function, DEVICE_POWER_STATE State)
{
    LARGE_INTEGER wait;

    if (State != PowerDeviceD0) {
        PowerDown(Function, State);
    } else {
        for (int step = 0; step < 2; step++) {
            wait.QuadPart = Now() - Function->ReadyTime.QuadPart;
            if (wait.QuadPart < 0)
                KeDelayExecutionThread(KernelMode, FALSE, &wait);
            if (step == 0 && Function->PmCap != 0)
                WriteState(Function, PowerDeviceD0, 0);
        }
        if (!PciSameFunction(Function))
            return STATUS_DEVICE_NOT_CONNECTED;
        FinishPowerUp(Function);
    }
    Function->PowerState = State;
    return STATUS_SUCCESS;
}

/* A power-up that has to wait: the IRP is pending and the timer goes on with it. */
typedef struct _PCI_POWER_UP {
    PCI_FUNCTION *Function;
    PIRP Irp;
    KTIMER Timer;
    KDPC Dpc;
    BOOLEAN Written; /* D0 stands in PMCSR */
} PCI_POWER_UP;

static void Complete(PIRP Irp, NTSTATUS Status)
{
    PoStartNextPowerIrp(Irp);
    Irp->IoStatus.Status = Status;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
}

static NTSTATUS EndPowerUp(PCI_FUNCTION *Function)
{
    POWER_STATE state = {.DeviceState = PowerDeviceD0};

    if (!Function->Present || !PciSameFunction(Function)) {
        /* The only reason for which a power-up may fail (Microsoft, "Handling IRP_MN_SET_POWER for Device Power States"). */
        IoInvalidateDeviceRelations(Function->Bus->Pdo, BusRelations);
        return STATUS_DEVICE_NOT_CONNECTED;
    }
    FinishPowerUp(Function);
    Function->PowerState = PowerDeviceD0;
    PoSetPowerState(Function->Common.Self, DevicePowerState, state);
    return STATUS_SUCCESS;
}

/* Returns TRUE when the function may be touched in D0, otherwise the timer is running. */
static BOOLEAN Step(PCI_POWER_UP *PowerUp)
{
    PCI_FUNCTION *function = PowerUp->Function;
    LARGE_INTEGER due;

    for (;;) {
        due.QuadPart = Now() - function->ReadyTime.QuadPart;
        if (due.QuadPart < 0) {
            KeSetTimer(&PowerUp->Timer, due, &PowerUp->Dpc);
            return FALSE;
        }
        if (PowerUp->Written)
            return TRUE;
        if (function->PmCap != 0 && function->Present)
            WriteState(function, PowerDeviceD0, 0);
        PowerUp->Written = TRUE;
    }
}

static VOID NTAPI PowerUpDpc(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    PCI_POWER_UP *up = Context;

    if (!Step(up))
        return;
    Complete(up->Irp, EndPowerUp(up->Function));
    ExFreePoolWithTag(up, PCI_TAG);
}

static NTSTATUS PowerUp(PCI_FUNCTION *Function, PIRP Irp)
{
    PCI_POWER_UP *up;
    NTSTATUS status;

    up = ExAllocatePoolWithTag(NonPagedPool, sizeof(*up), PCI_TAG);
    if (up == NULL) {
        status = STATUS_INSUFFICIENT_RESOURCES;
        Complete(Irp, status);
        return status;
    }
    RtlZeroMemory(up, sizeof(*up));
    up->Function = Function;
    up->Irp = Irp;
    KeInitializeTimer(&up->Timer);
    KeInitializeDpc(&up->Dpc, PowerUpDpc, up);
    /* With a seed the hardware is slower at times: the IRP then comes back in a DPC, as drivers must expect. */
    if (KiPerturb(2) != 0)
        Function->ReadyTime.QuadPart = max(Function->ReadyTime.QuadPart, Now() + MICROSECONDS(KiPerturb(2000)));
    IoMarkIrpPending(Irp); /* before the timer can complete it */
    if (Step(up)) {
        Complete(Irp, EndPowerUp(Function));
        ExFreePoolWithTag(up, PCI_TAG);
    }
    return STATUS_PENDING;
}

static NTSTATUS SetPower(PCI_FUNCTION *Function, PIRP Irp, PIO_STACK_LOCATION Stack)
{
    POWER_STATE state = Stack->Parameters.Power.State;
    NTSTATUS status = STATUS_SUCCESS;

    if (Stack->Parameters.Power.Type == DevicePowerState) {
        if (state.DeviceState == PowerDeviceD0)
            return PowerUp(Function, Irp);
        if (!Supports(Function, state.DeviceState)) {
            status = STATUS_NOT_SUPPORTED;
        } else {
            PoSetPowerState(Function->Common.Self, DevicePowerState, state);
            if (Function->Present)
                PowerDown(Function, state.DeviceState);
            Function->PowerState = state.DeviceState;
        }
    }
    Complete(Irp, status);
    return status;
}

static NTSTATUS QueryPower(PCI_FUNCTION *Function, PIRP Irp, PIO_STACK_LOCATION Stack)
{
    NTSTATUS status = STATUS_SUCCESS;

    if (Stack->Parameters.Power.Type == DevicePowerState &&
        !Supports(Function, Stack->Parameters.Power.State.DeviceState))
        status = STATUS_UNSUCCESSFUL;
    Complete(Irp, status);
    return status;
}

/* IRP_MJ_POWER of a PDO. IRQL <= DISPATCH_LEVEL. */
NTSTATUS PciDispatchFunctionPower(PCI_FUNCTION *Function, PIRP Irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    NTSTATUS status = Irp->IoStatus.Status;

    switch (stack->MinorFunction) {
    case IRP_MN_SET_POWER:
        return SetPower(Function, Irp, stack);
    case IRP_MN_QUERY_POWER:
        return QueryPower(Function, Irp, stack);
    case IRP_MN_WAIT_WAKE:
        return PciWaitWake(Function, Irp, stack);
    default:
        Complete(Irp, status);
        return status;
    }
}
