/* SPDX-License-Identifier: MIT */
/*
 * Power policy owner of root devices, for tests of the power manager. What it does is in its hardware ID (ROOT\power_...):
 *   power_good     follows every system power IRP with a device power IRP
 *   power_veto     fails the system query
 *   power_stall    never completes the device set-power IRP for D3
 *   power_slow     completes device set-power IRPs after 20 ms
 *   power_queue    requests three device IRPs at once and checks that they come one after the other
 *   power_idle     registers for idle detection and checks that D3 is requested; is deleted with the detection on
 *   power_busy     as power_idle, but says for three seconds that it is busy; goes back to D0 once, and is idle again
 *   power_inrush   a slow device whose PDO has DO_POWER_INRUSH; the most that power up at the same time are counted
 *   power_alone    requests D3 for itself and never completes it
 *   power_clock    prints at D0 how far the clocks have gone since the last D3
 *   power_timers   sets an absolute and a relative timer, and waits with an absolute time-out, from START on
 *   power_wake_raised  requests a wait/wake IRP at DISPATCH_LEVEL, which is forbidden
 *   power_raised   requests device IRPs at DISPATCH_LEVEL
 * Each system and device IRP prints one line.
 */
#include "undeclared.h"

typedef struct _POWER {
    PDEVICE_OBJECT Self, Pdo, Lower;
    WCHAR Kind[32];
    KTIMER Timer;
    KDPC Dpc;
    PIRP Held;
    volatile LONG DeviceIrps, MostDeviceIrps;
    PIO_WORKITEM Work;
    PULONG Idle;
    DEVICE_POWER_STATE State;
    ULONG Sleeps;
} POWER;

static volatile LONG PoweringUp, MostPoweringUp; /* of all power_inrush devices */

static BOOLEAN Is(POWER *Power, PCWSTR Kind)
{
    return wcscmp(Power->Kind, Kind) == 0;
}

static NTSTATUS Complete(PIRP Irp, NTSTATUS Status)
{
    Irp->IoStatus.Status = Status;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static VOID NTAPI DeviceIrpDone(PDEVICE_OBJECT Device, UCHAR Minor, POWER_STATE State, PVOID Context,
                                PIO_STATUS_BLOCK Status)
{
    PIRP system = Context;

    PoStartNextPowerIrp(system);
    Complete(system, Status->Status);
}

static NTSTATUS NTAPI SystemIrpBack(PDEVICE_OBJECT Device, PIRP Irp, PVOID Context)
{
    POWER *power = Context;
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    POWER_STATE state;

    if (NT_SUCCESS(Irp->IoStatus.Status)) {
        state.DeviceState =
            stack->Parameters.Power.State.SystemState == PowerSystemWorking ? PowerDeviceD0 : PowerDeviceD3;
        if (PoRequestPowerIrp(power->Pdo, stack->MinorFunction, state, DeviceIrpDone, Irp, NULL) == STATUS_PENDING)
            return STATUS_MORE_PROCESSING_REQUIRED;
    }
    PoStartNextPowerIrp(Irp);
    return STATUS_CONTINUE_COMPLETION;
}

static NTSTATUS NTAPI DeviceIrpBack(PDEVICE_OBJECT Device, PIRP Irp, PVOID Context)
{
    if (Irp->PendingReturned)
        IoMarkIrpPending(Irp);
    POWER *power = Context;

    InterlockedDecrement(&power->DeviceIrps);
    if (Is(power, L"power_inrush") &&
        IoGetCurrentIrpStackLocation(Irp)->Parameters.Power.State.DeviceState == PowerDeviceD0) {
        DbgPrint("power: inrush over, most at once %d\n", MostPoweringUp);
        InterlockedDecrement(&PoweringUp);
    }
    PoStartNextPowerIrp(Irp);
    return STATUS_CONTINUE_COMPLETION;
}

static NTSTATUS PassDeviceIrp(POWER *Power, PIRP Irp)
{
    IoMarkIrpPending(Irp);
    IoCopyCurrentIrpStackLocationToNext(Irp);
    IoSetCompletionRoutine(Irp, DeviceIrpBack, Power, TRUE, TRUE, TRUE);
    PoCallDriver(Power->Lower, Irp);
    return STATUS_PENDING;
}

/* Milliseconds since the last D3, by each of the clocks: those that count the time asleep, and the one that does not. */
static VOID PrintClocks(BOOLEAN Start)
{
    static ULONG64 interrupt, unbiased, counter, ticks;
    ULONG64 qpc, now[] = {KeQueryInterruptTimePrecise(&qpc), KeQueryUnbiasedInterruptTime(), 0, 0};
    LARGE_INTEGER count;

    KeQueryTickCount(&count);
    now[2] = (ULONG64)KeQueryPerformanceCounter(NULL).QuadPart;
    now[3] = (ULONG64)count.QuadPart * KeQueryTimeIncrement();
    if (!Start)
        DbgPrint("power: interrupt %I64u unbiased %I64u counter %I64u ticks %I64u\n", (now[0] - interrupt) / 10000,
                 (now[1] - unbiased) / 10000, (now[2] - counter) / 10000, (now[3] - ticks) / 10000);
    interrupt = now[0];
    unbiased = now[1];
    counter = now[2];
    ticks = now[3];
}

/*
 * Five seconds each. An absolute due time is one of the system time, which goes on in a sleep; a relative one is not affected. The thread waits as the
 * absolute timer does.
 */
#define TIMERS 5

static KTIMER Absolute, Relative;
static KDPC AbsoluteDpc, RelativeDpc;

static ULONG Milliseconds(VOID)
{
    return (ULONG)(KeQueryUnbiasedInterruptTime() / 10000);
}

static VOID NTAPI TimerExpired(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    DbgPrint("power: %s timer after %u ms awake\n", Dpc == &AbsoluteDpc ? "absolute" : "relative", Milliseconds());
}

static VOID NTAPI WaitUntil(PVOID Context)
{
    LARGE_INTEGER until = *(PLARGE_INTEGER)Context;
    NTSTATUS status = KeDelayExecutionThread(KernelMode, FALSE, &until);

    DbgPrint("power: absolute wait after %u ms awake, status %x\n", Milliseconds(), status);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static VOID SetTimers(VOID)
{
    static LARGE_INTEGER absolute;
    LARGE_INTEGER relative = {.QuadPart = -TIMERS * 10000000ll};
    HANDLE thread;

    KeQuerySystemTime(&absolute);
    absolute.QuadPart -= relative.QuadPart;
    KeInitializeTimer(&Absolute);
    KeInitializeTimer(&Relative);
    KeInitializeDpc(&AbsoluteDpc, TimerExpired, NULL);
    KeInitializeDpc(&RelativeDpc, TimerExpired, NULL);
    KeSetTimer(&Relative, relative, &RelativeDpc);
    KeSetTimer(&Absolute, absolute, &AbsoluteDpc);
    if (NT_SUCCESS(PsCreateSystemThread(&thread, THREAD_ALL_ACCESS, NULL, NULL, NULL, WaitUntil, &absolute)))
        ZwClose(thread);
    DbgPrint("power: timers set after %u ms awake\n", Milliseconds());
}

static VOID NTAPI Late(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    POWER *power = Context;
    PIRP irp = power->Held;

    power->Held = NULL;
    PassDeviceIrp(power, irp);
}

/* An idle device is used again: its driver brings it back and says so. */
static VOID NTAPI UseAgain(PDEVICE_OBJECT Device, PVOID Context)
{
    POWER_STATE on = {.DeviceState = PowerDeviceD0};
    POWER *power = Context;

    PoRequestPowerIrp(power->Pdo, IRP_MN_SET_POWER, on, NULL, NULL, NULL);
    PoSetDeviceBusyEx(power->Idle);
    DbgPrint("power: used again\n");
}

static NTSTATUS DevicePower(POWER *Power, PIRP Irp, PIO_STACK_LOCATION Stack)
{
    LARGE_INTEGER late = {.QuadPart = -200000};
    LONG now = InterlockedIncrement(&Power->DeviceIrps);

    Power->MostDeviceIrps = max(Power->MostDeviceIrps, now);
    DbgPrint("power: %ws device D%d irql %u\n", Power->Kind, Stack->Parameters.Power.State.DeviceState - 1,
             KeGetCurrentIrql());
    if (PoSetPowerState(Power->Self, DevicePowerState, Stack->Parameters.Power.State).DeviceState != Power->State)
        DbgPrint("power: previous-state FAILED\n");
    Power->State = Stack->Parameters.Power.State.DeviceState;
    if (Is(Power, L"power_clock"))
        PrintClocks(Power->State == PowerDeviceD3);
    if (Is(Power, L"power_busy") && Power->State == PowerDeviceD3 && Power->Sleeps++ == 0)
        IoQueueWorkItem(Power->Work, UseAgain, DelayedWorkQueue, Power);
    if (Is(Power, L"power_inrush") && Power->State == PowerDeviceD0) {
        LONG together = InterlockedIncrement(&PoweringUp);

        MostPoweringUp = max(MostPoweringUp, together);
    }
    if ((Is(Power, L"power_stall") || Is(Power, L"power_alone")) &&
        Stack->Parameters.Power.State.DeviceState == PowerDeviceD3) {
        IoMarkIrpPending(Irp);
        return STATUS_PENDING;
    }
    if (Is(Power, L"power_slow") || Is(Power, L"power_queue") || Is(Power, L"power_inrush")) {
        IoMarkIrpPending(Irp);
        Power->Held = Irp;
        KeSetTimer(&Power->Timer, late, &Power->Dpc);
        return STATUS_PENDING;
    }
    return PassDeviceIrp(Power, Irp);
}

static NTSTATUS NTAPI DispatchPower(PDEVICE_OBJECT Device, PIRP Irp)
{
    POWER *power = Device->DeviceExtension;
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    BOOLEAN query = stack->MinorFunction == IRP_MN_QUERY_POWER, set = stack->MinorFunction == IRP_MN_SET_POWER;

    if ((query || set) && stack->Parameters.Power.Type == SystemPowerState) {
        DbgPrint("power: %ws %s S%d\n", power->Kind, query ? "query" : "set",
                 stack->Parameters.Power.State.SystemState - 1);
        if (query && Is(power, L"power_veto")) {
            PoStartNextPowerIrp(Irp);
            return Complete(Irp, STATUS_DEVICE_BUSY);
        }
        IoMarkIrpPending(Irp);
        IoCopyCurrentIrpStackLocationToNext(Irp);
        IoSetCompletionRoutine(Irp, SystemIrpBack, power, TRUE, TRUE, TRUE);
        PoCallDriver(power->Lower, Irp);
        return STATUS_PENDING;
    }
    if (set)
        return DevicePower(power, Irp, stack);
    PoStartNextPowerIrp(Irp);
    IoSkipCurrentIrpStackLocation(Irp);
    return PoCallDriver(power->Lower, Irp);
}

static VOID NTAPI QueueDone(PDEVICE_OBJECT Device, UCHAR Minor, POWER_STATE State, PVOID Context,
                            PIO_STATUS_BLOCK Status)
{
    POWER *power = Context;

    DbgPrint("power: queue done D%d status %x most at once %d\n", State.DeviceState - 1, Status->Status,
             power->MostDeviceIrps);
}

/* Outside of START: a power IRP of the device's own. */
static VOID NTAPI Exercise(PDEVICE_OBJECT Device, PVOID Context)
{
    static const DEVICE_POWER_STATE order[] = {PowerDeviceD3, PowerDeviceD0, PowerDeviceD3};
    POWER *power = Context;

    for (int i = 0; i < 3; i++) {
        POWER_STATE state = {.DeviceState = order[i]};

        PoRequestPowerIrp(power->Pdo, IRP_MN_SET_POWER, state, QueueDone, power, NULL);
    }
}

static VOID NTAPI Alone(PDEVICE_OBJECT Device, PVOID Context)
{
    POWER_STATE off = {.DeviceState = PowerDeviceD3};

    PoRequestPowerIrp(((POWER *)Context)->Pdo, IRP_MN_SET_POWER, off, NULL, NULL, NULL);
}

static VOID NTAPI Raised(PDEVICE_OBJECT Device, PVOID Context)
{
    KIRQL irql;

    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    if (Is(Context, L"power_wake_raised"))
        PoRequestPowerIrp(((POWER *)Context)->Pdo, IRP_MN_WAIT_WAKE, (POWER_STATE){.SystemState = PowerSystemSleeping3},
                          NULL, NULL, NULL);
    Exercise(Device, Context);
    KeLowerIrql(irql);
}

static VOID NTAPI Busy(PDEVICE_OBJECT Device, PVOID Context)
{
    LARGE_INTEGER busy = {.QuadPart = -30000000};
    POWER *power = Context;

    PoStartDeviceBusy(power->Idle);
    KeDelayExecutionThread(KernelMode, FALSE, &busy);
    DbgPrint("power: no longer busy\n");
    PoEndDeviceBusy(power->Idle);
}

static NTSTATUS NTAPI DispatchPnp(PDEVICE_OBJECT Device, PIRP Irp)
{
    POWER *power = Device->DeviceExtension;
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    PDEVICE_OBJECT lower = power->Lower;
    NTSTATUS status;

    switch (stack->MinorFunction) {
    case IRP_MN_START_DEVICE:
        if (!IoForwardIrpSynchronously(lower, Irp))
            return Complete(Irp, STATUS_UNSUCCESSFUL);
        if (Is(power, L"power_timers"))
            SetTimers();
        if (Is(power, L"power_queue"))
            IoQueueWorkItem(power->Work, Exercise, DelayedWorkQueue, power);
        power->State = PowerDeviceD0;
        PoSetPowerState(power->Self, DevicePowerState, (POWER_STATE){.DeviceState = PowerDeviceD0});
        if (Is(power, L"power_alone"))
            IoQueueWorkItem(power->Work, Alone, DelayedWorkQueue, power);
        if (Is(power, L"power_raised") || Is(power, L"power_wake_raised"))
            IoQueueWorkItem(power->Work, Raised, DelayedWorkQueue, power);
        if (Is(power, L"power_idle") && PoRegisterDeviceForIdleDetection(power->Self, 1, -1, PowerDeviceD3))
            DbgPrint("power: this type of device has no idle time of its own\n");
        if (Is(power, L"power_idle") || Is(power, L"power_busy"))
            power->Idle = PoRegisterDeviceForIdleDetection(power->Self, 1, 1, PowerDeviceD3);
        if (Is(power, L"power_busy"))
            IoQueueWorkItem(power->Work, Busy, DelayedWorkQueue, power);
        return Complete(Irp, Irp->IoStatus.Status);
    case IRP_MN_REMOVE_DEVICE:
        if (!Is(power, L"power_idle")) /* that one leaves it to IoDeleteDevice */
            PoRegisterDeviceForIdleDetection(power->Self, 0, 0, PowerDeviceD3);
        IoFreeWorkItem(power->Work);
        Irp->IoStatus.Status = STATUS_SUCCESS;
        IoSkipCurrentIrpStackLocation(Irp);
        status = IoCallDriver(lower, Irp);
        IoDetachDevice(lower);
        IoDeleteDevice(Device);
        return status;
    case IRP_MN_QUERY_REMOVE_DEVICE:
    case IRP_MN_CANCEL_REMOVE_DEVICE:
    case IRP_MN_SURPRISE_REMOVAL:
        Irp->IoStatus.Status = STATUS_SUCCESS;
        break;
    default:
        break;
    }
    IoSkipCurrentIrpStackLocation(Irp);
    return IoCallDriver(lower, Irp);
}

/* WMI: passed on, as by every driver that provides none. */
static NTSTATUS NTAPI DispatchSystemControl(PDEVICE_OBJECT Device, PIRP Irp)
{
    IoSkipCurrentIrpStackLocation(Irp);
    return IoCallDriver(((POWER *)Device->DeviceExtension)->Lower, Irp);
}

static NTSTATUS NTAPI AddDevice(PDRIVER_OBJECT Driver, PDEVICE_OBJECT Pdo)
{
    PDEVICE_OBJECT device;
    ULONG length;
    POWER *power;
    WCHAR ids[128];
    NTSTATUS status =
        IoCreateDevice(Driver, sizeof(POWER), NULL, FILE_DEVICE_UNKNOWN, FILE_DEVICE_SECURE_OPEN, FALSE, &device);

    if (!NT_SUCCESS(status))
        return status;
    power = device->DeviceExtension;
    power->Self = device;
    power->Pdo = Pdo;
    status = IoGetDeviceProperty(Pdo, DevicePropertyHardwareID, sizeof(ids), ids, &length);
    for (ULONG i = 0; NT_SUCCESS(status) && i < 31 && ids[5 + i] != 0; i++) /* behind ROOT\ */
        power->Kind[i] = ids[5 + i];
    if (Is(power, L"power_inrush"))
        Pdo->Flags |= DO_POWER_INRUSH; /* as a bus driver does for such a device */
    KeInitializeTimer(&power->Timer);
    KeInitializeDpc(&power->Dpc, Late, power);
    power->Work = IoAllocateWorkItem(device);
    power->Lower = IoAttachDeviceToDeviceStack(device, Pdo);
    if (!NT_SUCCESS(status) || power->Work == NULL || power->Lower == NULL) {
        if (power->Lower != NULL)
            IoDetachDevice(power->Lower);
        if (power->Work != NULL)
            IoFreeWorkItem(power->Work);
        IoDeleteDevice(device);
        return STATUS_UNSUCCESSFUL;
    }
    device->Flags |= power->Lower->Flags & DO_POWER_PAGABLE;
    device->Flags &= ~DO_DEVICE_INITIALIZING;
    return STATUS_SUCCESS;
}

static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
{
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath)
{
    Driver->MajorFunction[IRP_MJ_PNP] = DispatchPnp;
    Driver->MajorFunction[IRP_MJ_POWER] = DispatchPower;
    Driver->MajorFunction[IRP_MJ_SYSTEM_CONTROL] = DispatchSystemControl;
    Driver->DriverExtension->AddDevice = AddDevice;
    Driver->DriverUnload = Unload;
    return STATUS_SUCCESS;
}
