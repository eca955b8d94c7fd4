/* SPDX-License-Identifier: MIT */
/*
 * Function driver of QEMU's edu device (1234:11e8, docs/specs/edu.rst), for tests of the test kernel's PCI bus driver, interrupts and
 * power manager with stock hardware. Every check prints one line "edu: <check> ok ..." or "edu: <check> FAILED ..." by DbgPrint.
 * After each start and each power-up it raises an interrupt, waits for its service routine, and checks that it came once.
 */
#include <ntddk.h>

#define EDU_ID     0x00
#define EDU_LIVE   0x04
#define EDU_STATUS 0x24
#define EDU_RAISE  0x60
#define EDU_ACK    0x64

typedef struct _EDU {
    PDEVICE_OBJECT Self, Pdo, Lower;
    volatile UCHAR *Bar;
    ULONG BarLength;
    PVOID Connection;
    ULONG Version; /* CONNECT_* that was used */
    ULONG Messages;
    volatile LONG Interrupts;
    volatile LONG Strays;
    KDPC Dpc;
    KEVENT Fired;
    IO_REMOVE_LOCK Lock;
    DEVICE_POWER_STATE Power;
    SYSTEM_POWER_STATE System;
    DEVICE_POWER_STATE DeviceState[PowerSystemMaximum];
} EDU;

static ULONG Read(EDU *Edu, ULONG Register)
{
    return READ_REGISTER_ULONG((PULONG)(Edu->Bar + Register));
}

static void Write(EDU *Edu, ULONG Register, ULONG Value)
{
    WRITE_REGISTER_ULONG((PULONG)(Edu->Bar + Register), Value);
}

static BOOLEAN Service(EDU *Edu)
{
    ULONG status = Read(Edu, EDU_STATUS);

    if (status == 0 || status == 0xFFFFFFFF) {
        InterlockedIncrement(&Edu->Strays);
        return FALSE;
    }
    Write(Edu, EDU_ACK, status);
    InterlockedIncrement(&Edu->Interrupts);
    KeInsertQueueDpc(&Edu->Dpc, NULL, NULL);
    return TRUE;
}

static BOOLEAN NTAPI LineService(PKINTERRUPT Interrupt, PVOID Context)
{
    return Service(Context);
}

static BOOLEAN NTAPI MessageService(PKINTERRUPT Interrupt, PVOID Context, ULONG Message)
{
    return Service(Context);
}

static VOID NTAPI Dpc(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    KeSetEvent(&((EDU *)Context)->Fired, IO_NO_INCREMENT, FALSE);
}

/* The device answers, and one interrupt comes for one request. PASSIVE_LEVEL. */
static void Check(EDU *Edu, const char *When)
{
    LARGE_INTEGER second = {.QuadPart = -10000000};
    LONG before = Edu->Interrupts;
    NTSTATUS status;

    Write(Edu, EDU_LIVE, 0x12345678);
    if ((Read(Edu, EDU_ID) & 0xFF) != 0xED || Read(Edu, EDU_LIVE) != ~0x12345678u) {
        DbgPrint("edu: registers FAILED %s id %x\n", When, Read(Edu, EDU_ID));
        return;
    }
    KeClearEvent(&Edu->Fired);
    Write(Edu, EDU_RAISE, 1);
    status = KeWaitForSingleObject(&Edu->Fired, Executive, KernelMode, FALSE, &second);
    if (status == STATUS_SUCCESS && Edu->Interrupts == before + 1)
        DbgPrint("edu: interrupt ok %s version %u messages %u strays %d\n", When, Edu->Version, Edu->Messages,
                 Edu->Strays);
    else
        DbgPrint("edu: interrupt FAILED %s version %u count %d status %x\n", When, Edu->Version,
                 Edu->Interrupts - before, status);
}

static NTSTATUS Map(EDU *Edu, PCM_RESOURCE_LIST Translated)
{
    PCM_PARTIAL_RESOURCE_LIST list;

    if (Translated == NULL)
        return STATUS_DEVICE_CONFIGURATION_ERROR;
    list = &Translated->List[0].PartialResourceList;
    for (ULONG i = 0; i < list->Count; i++) {
        PCM_PARTIAL_RESOURCE_DESCRIPTOR descriptor = &list->PartialDescriptors[i];

        DbgPrint("edu: resource type %u flags %x at %I64x length %x\n", descriptor->Type, descriptor->Flags,
                 descriptor->u.Generic.Start.QuadPart, descriptor->u.Generic.Length);
        if (descriptor->Type == CmResourceTypeMemory && Edu->Bar == NULL) {
            Edu->BarLength = descriptor->u.Memory.Length;
            Edu->Bar = MmMapIoSpace(descriptor->u.Memory.Start, Edu->BarLength, MmNonCached);
        }
    }
    return Edu->Bar != NULL ? STATUS_SUCCESS : STATUS_DEVICE_CONFIGURATION_ERROR;
}

static NTSTATUS Connect(EDU *Edu)
{
    IO_CONNECT_INTERRUPT_PARAMETERS connect;
    NTSTATUS status;

    RtlZeroMemory(&connect, sizeof(connect));
    connect.Version = CONNECT_MESSAGE_BASED;
    connect.MessageBased.PhysicalDeviceObject = Edu->Pdo;
    connect.MessageBased.ConnectionContext.Generic = &Edu->Connection;
    connect.MessageBased.MessageServiceRoutine = MessageService;
    connect.MessageBased.FallBackServiceRoutine = LineService;
    connect.MessageBased.ServiceContext = Edu;
    status = IoConnectInterruptEx(&connect);
    Edu->Version = connect.Version;
    Edu->Messages = 0;
    if (NT_SUCCESS(status) && Edu->Version == CONNECT_MESSAGE_BASED)
        Edu->Messages = ((PIO_INTERRUPT_MESSAGE_INFO)Edu->Connection)->MessageCount;
    return status;
}

static void Release(EDU *Edu)
{
    IO_DISCONNECT_INTERRUPT_PARAMETERS disconnect;

    if (Edu->Connection != NULL) {
        RtlZeroMemory(&disconnect, sizeof(disconnect));
        disconnect.Version = Edu->Version;
        disconnect.ConnectionContext.Generic = Edu->Connection;
        IoDisconnectInterruptEx(&disconnect);
        Edu->Connection = NULL;
    }
    KeFlushQueuedDpcs();
    if (Edu->Bar != NULL)
        MmUnmapIoSpace((PVOID)Edu->Bar, Edu->BarLength);
    Edu->Bar = NULL;
}

/* Runs as the service routine would: its IRQL, its lock. */
static BOOLEAN NTAPI Synchronized(PVOID Context)
{
    EDU *edu = Context;
    LONG before = edu->Interrupts;

    Write(edu, EDU_RAISE, 1);
    KeStallExecutionProcessor(50);
    return edu->Interrupts == before && KeGetCurrentIrql() > DISPATCH_LEVEL;
}

/*
 * The line once more by IoConnectInterrupt, with the vector of the translated resources; under the interrupt's spin lock no interrupt comes.
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-keacquireinterruptspinlock
 */
static void CheckOldConnection(EDU *Edu, PCM_RESOURCE_LIST Translated)
{
    PCM_PARTIAL_RESOURCE_LIST list = &Translated->List[0].PartialResourceList;
    IO_DISCONNECT_INTERRUPT_PARAMETERS disconnect = {.Version = Edu->Version};
    LARGE_INTEGER second = {.QuadPart = -10000000};
    PKINTERRUPT interrupt = NULL;
    BOOLEAN quiet, came;
    LONG before;
    KIRQL irql;

    disconnect.ConnectionContext.Generic = Edu->Connection;
    IoDisconnectInterruptEx(&disconnect);
    for (ULONG i = 0; i < list->Count && interrupt == NULL; i++) {
        PCM_PARTIAL_RESOURCE_DESCRIPTOR d = &list->PartialDescriptors[i];

        if (d->Type == CmResourceTypeInterrupt)
            IoConnectInterrupt(&interrupt, LineService, Edu, NULL, d->u.Interrupt.Vector, (KIRQL)d->u.Interrupt.Level,
                               (KIRQL)d->u.Interrupt.Level, LevelSensitive, TRUE, d->u.Interrupt.Affinity, FALSE);
    }
    if (interrupt != NULL) {
        KeClearEvent(&Edu->Fired);
        before = Edu->Interrupts;
        irql = KeAcquireInterruptSpinLock(interrupt);
        Write(Edu, EDU_RAISE, 1);
        KeStallExecutionProcessor(50);
        quiet = Edu->Interrupts == before && KeGetCurrentIrql() > DISPATCH_LEVEL;
        KeReleaseInterruptSpinLock(interrupt, irql);
        came = KeWaitForSingleObject(&Edu->Fired, Executive, KernelMode, FALSE, &second) == STATUS_SUCCESS &&
               Edu->Interrupts == before + 1 && KeGetCurrentIrql() == irql;
        KeClearEvent(&Edu->Fired);
        quiet = quiet && KeSynchronizeExecution(interrupt, Synchronized, Edu);
        came = came && KeWaitForSingleObject(&Edu->Fired, Executive, KernelMode, FALSE, &second) == STATUS_SUCCESS;
        IoDisconnectInterrupt(interrupt);
        DbgPrint("edu: old connection %s\n", quiet && came ? "ok" : "FAILED");
    }
    if (!NT_SUCCESS(Connect(Edu)))
        DbgPrint("edu: reconnection FAILED\n");
}

static NTSTATUS NTAPI Signal(PDEVICE_OBJECT Device, PIRP Irp, PVOID Event)
{
    if (Irp->PendingReturned)
        KeSetEvent(Event, IO_NO_INCREMENT, FALSE);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

static NTSTATUS ForwardAndWait(EDU *Edu, PIRP Irp)
{
    KEVENT event;

    KeInitializeEvent(&event, NotificationEvent, FALSE);
    IoCopyCurrentIrpStackLocationToNext(Irp);
    IoSetCompletionRoutine(Irp, Signal, &event, TRUE, TRUE, TRUE);
    if (IoCallDriver(Edu->Lower, Irp) == STATUS_PENDING)
        KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, NULL);
    return Irp->IoStatus.Status;
}

static NTSTATUS Complete(EDU *Edu, PIRP Irp, NTSTATUS Status)
{
    Irp->IoStatus.Status = Status;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    IoReleaseRemoveLock(&Edu->Lock, Irp);
    return Status;
}

static NTSTATUS Start(EDU *Edu, PIRP Irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    NTSTATUS status = ForwardAndWait(Edu, Irp);

    if (NT_SUCCESS(status))
        status = Map(Edu, stack->Parameters.StartDevice.AllocatedResourcesTranslated);
    if (NT_SUCCESS(status))
        status = Connect(Edu);
    DbgPrint("edu: start status %x\n", status);
    if (NT_SUCCESS(status)) {
        POWER_STATE state = {.DeviceState = PowerDeviceD0};

        Edu->Power = PowerDeviceD0;
        PoSetPowerState(Edu->Self, DevicePowerState, state);
        Check(Edu, "after start");
        if (Edu->Version == CONNECT_LINE_BASED)
            CheckOldConnection(Edu, stack->Parameters.StartDevice.AllocatedResourcesTranslated);
    }
    return Complete(Edu, Irp, status);
}

static NTSTATUS Remove(EDU *Edu, PIRP Irp)
{
    PDEVICE_OBJECT self = Edu->Self, lower = Edu->Lower;
    NTSTATUS status;

    DbgPrint("edu: remove\n");
    Release(Edu);
    IoReleaseRemoveLockAndWait(&Edu->Lock, Irp);
    Irp->IoStatus.Status = STATUS_SUCCESS;
    IoSkipCurrentIrpStackLocation(Irp);
    status = IoCallDriver(lower, Irp);
    IoDetachDevice(lower);
    IoDeleteDevice(self);
    return status;
}

static NTSTATUS Capabilities(EDU *Edu, PIRP Irp)
{
    PDEVICE_CAPABILITIES capabilities = IoGetCurrentIrpStackLocation(Irp)->Parameters.DeviceCapabilities.Capabilities;
    NTSTATUS status = ForwardAndWait(Edu, Irp);

    if (NT_SUCCESS(status)) {
        RtlCopyMemory(Edu->DeviceState, capabilities->DeviceState, sizeof(Edu->DeviceState));
        DbgPrint("edu: capabilities S3 D%d eject %u address %x ui %u\n",
                 capabilities->DeviceState[PowerSystemSleeping3] - 1, capabilities->EjectSupported,
                 capabilities->Address, capabilities->UINumber);
    }
    return Complete(Edu, Irp, status);
}

static NTSTATUS NTAPI DispatchPnp(PDEVICE_OBJECT Device, PIRP Irp)
{
    EDU *edu = Device->DeviceExtension;
    UCHAR minor = IoGetCurrentIrpStackLocation(Irp)->MinorFunction;
    NTSTATUS status = IoAcquireRemoveLock(&edu->Lock, Irp);

    if (!NT_SUCCESS(status)) {
        Irp->IoStatus.Status = status;
        IoCompleteRequest(Irp, IO_NO_INCREMENT);
        return status;
    }
    switch (minor) {
    case IRP_MN_START_DEVICE:
        return Start(edu, Irp);
    case IRP_MN_REMOVE_DEVICE:
        return Remove(edu, Irp);
    case IRP_MN_QUERY_CAPABILITIES:
        return Capabilities(edu, Irp);
    case IRP_MN_SURPRISE_REMOVAL:
        DbgPrint("edu: surprise removal\n");
        Release(edu);
        Irp->IoStatus.Status = STATUS_SUCCESS;
        break;
    case IRP_MN_STOP_DEVICE:
        DbgPrint("edu: stop\n");
        Release(edu);
        Irp->IoStatus.Status = STATUS_SUCCESS;
        break;
    case IRP_MN_QUERY_STOP_DEVICE:
    case IRP_MN_CANCEL_STOP_DEVICE:
    case IRP_MN_QUERY_REMOVE_DEVICE:
    case IRP_MN_CANCEL_REMOVE_DEVICE:
        Irp->IoStatus.Status = STATUS_SUCCESS;
        break;
    default:
        break;
    }
    IoSkipCurrentIrpStackLocation(Irp);
    status = IoCallDriver(edu->Lower, Irp);
    IoReleaseRemoveLock(&edu->Lock, Irp);
    return status;
}

/* The device IRP that the system IRP asked for is done: go on with the system IRP. */
static VOID NTAPI DeviceIrpDone(PDEVICE_OBJECT Device, UCHAR Minor, POWER_STATE State, PVOID Context,
                                PIO_STATUS_BLOCK Status)
{
    PIRP system = Context;
    EDU *edu = IoGetCurrentIrpStackLocation(system)->DeviceObject->DeviceExtension;

    system->IoStatus.Status = Minor == IRP_MN_QUERY_POWER ? Status->Status : STATUS_SUCCESS;
    PoStartNextPowerIrp(system);
    IoCompleteRequest(system, IO_NO_INCREMENT);
    IoReleaseRemoveLock(&edu->Lock, system);
}

static NTSTATUS NTAPI SystemIrpBack(PDEVICE_OBJECT Device, PIRP Irp, PVOID Context)
{
    EDU *edu = Context;
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    POWER_STATE state;

    if (!NT_SUCCESS(Irp->IoStatus.Status)) {
        if (Irp->PendingReturned)
            IoMarkIrpPending(Irp);
        PoStartNextPowerIrp(Irp);
        IoReleaseRemoveLock(&edu->Lock, Irp);
        return STATUS_CONTINUE_COMPLETION;
    }
    state.DeviceState = edu->DeviceState[stack->Parameters.Power.State.SystemState];
    if (state.DeviceState == PowerDeviceUnspecified)
        state.DeviceState =
            stack->Parameters.Power.State.SystemState == PowerSystemWorking ? PowerDeviceD0 : PowerDeviceD3;
    if (stack->MinorFunction == IRP_MN_SET_POWER)
        edu->System = stack->Parameters.Power.State.SystemState;
    if (PoRequestPowerIrp(edu->Pdo, stack->MinorFunction, state, DeviceIrpDone, Irp, NULL) != STATUS_PENDING)
        return STATUS_CONTINUE_COMPLETION;
    return STATUS_MORE_PROCESSING_REQUIRED;
}

static NTSTATUS NTAPI PowerUpBack(PDEVICE_OBJECT Device, PIRP Irp, PVOID Context)
{
    EDU *edu = Context;
    POWER_STATE state = {.DeviceState = PowerDeviceD0};

    if (Irp->PendingReturned)
        IoMarkIrpPending(Irp);
    if (NT_SUCCESS(Irp->IoStatus.Status)) {
        edu->Power = PowerDeviceD0;
        PoSetPowerState(edu->Self, DevicePowerState, state);
        DbgPrint("edu: power D0\n");
        if (KeGetCurrentIrql() == PASSIVE_LEVEL)
            Check(edu, "after power-up");
    } else {
        DbgPrint("edu: power-up status %x\n", Irp->IoStatus.Status);
    }
    PoStartNextPowerIrp(Irp);
    IoReleaseRemoveLock(&edu->Lock, Irp);
    return STATUS_CONTINUE_COMPLETION;
}

static NTSTATUS NTAPI DispatchPower(PDEVICE_OBJECT Device, PIRP Irp)
{
    EDU *edu = Device->DeviceExtension;
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    BOOLEAN set = stack->MinorFunction == IRP_MN_SET_POWER;
    NTSTATUS status = IoAcquireRemoveLock(&edu->Lock, Irp);

    if (!NT_SUCCESS(status)) {
        PoStartNextPowerIrp(Irp);
        Irp->IoStatus.Status = status;
        IoCompleteRequest(Irp, IO_NO_INCREMENT);
        return status;
    }
    if ((set || stack->MinorFunction == IRP_MN_QUERY_POWER) && stack->Parameters.Power.Type == SystemPowerState) {
        IoMarkIrpPending(Irp);
        IoCopyCurrentIrpStackLocationToNext(Irp);
        IoSetCompletionRoutine(Irp, SystemIrpBack, edu, TRUE, TRUE, TRUE);
        PoCallDriver(edu->Lower, Irp);
        return STATUS_PENDING;
    }
    if (set && stack->Parameters.Power.State.DeviceState == PowerDeviceD0) {
        IoMarkIrpPending(Irp);
        IoCopyCurrentIrpStackLocationToNext(Irp);
        IoSetCompletionRoutine(Irp, PowerUpBack, edu, TRUE, TRUE, TRUE);
        PoCallDriver(edu->Lower, Irp);
        return STATUS_PENDING;
    }
    if (set) {
        DbgPrint("edu: power D%d\n", stack->Parameters.Power.State.DeviceState - 1);
        PoSetPowerState(edu->Self, DevicePowerState, stack->Parameters.Power.State);
        edu->Power = stack->Parameters.Power.State.DeviceState;
    }
    PoStartNextPowerIrp(Irp);
    IoSkipCurrentIrpStackLocation(Irp);
    status = PoCallDriver(edu->Lower, Irp);
    IoReleaseRemoveLock(&edu->Lock, Irp);
    return status;
}

static NTSTATUS NTAPI DispatchCreateClose(PDEVICE_OBJECT Device, PIRP Irp)
{
    Irp->IoStatus.Status = STATUS_SUCCESS;
    Irp->IoStatus.Information = 0;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}

/* WMI: passed on, as by every driver that provides none. */
static NTSTATUS NTAPI DispatchSystemControl(PDEVICE_OBJECT Device, PIRP Irp)
{
    IoSkipCurrentIrpStackLocation(Irp);
    return IoCallDriver(((EDU *)Device->DeviceExtension)->Lower, Irp);
}

static NTSTATUS NTAPI AddDevice(PDRIVER_OBJECT Driver, PDEVICE_OBJECT Pdo)
{
    PDEVICE_OBJECT device;
    NTSTATUS status =
        IoCreateDevice(Driver, sizeof(EDU), NULL, FILE_DEVICE_UNKNOWN, FILE_DEVICE_SECURE_OPEN, FALSE, &device);
    EDU *edu;

    if (!NT_SUCCESS(status))
        return status;
    edu = device->DeviceExtension;
    edu->Self = device;
    edu->Pdo = Pdo;
    edu->System = PowerSystemWorking;
    IoInitializeRemoveLock(&edu->Lock, 'udeE', 0, 0);
    KeInitializeDpc(&edu->Dpc, Dpc, edu);
    KeInitializeEvent(&edu->Fired, SynchronizationEvent, FALSE);
    edu->Lower = IoAttachDeviceToDeviceStack(device, Pdo);
    if (edu->Lower == NULL) {
        IoDeleteDevice(device);
        return STATUS_NO_SUCH_DEVICE;
    }
    device->Flags |= DO_POWER_PAGABLE;
    device->Flags &= ~DO_DEVICE_INITIALIZING;
    DbgPrint("edu: add device\n");
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
    Driver->MajorFunction[IRP_MJ_CREATE] = DispatchCreateClose;
    Driver->MajorFunction[IRP_MJ_CLOSE] = DispatchCreateClose;
    Driver->DriverExtension->AddDevice = AddDevice;
    Driver->DriverUnload = Unload;
    return STATUS_SUCCESS;
}
