/* SPDX-License-Identifier: MIT */
/*
 * Function driver of buddy (1234:b0dd, docs/device.md), for tests of what the PCI bus driver, the power manager and the HAL do with real hardware: bus
 * interface, interrupts before and after they are connected, DMA, D3hot and its delay, wake-up. Each check prints "buddy: <check> ok" or "FAILED".
 * A work item that START queues does all, and prints "buddy: done" at its end.
 */
#include <initguid.h>
#include "buddy.h"
#include <wdmguid.h>

static LARGE_INTEGER Seconds(LONG Count)
{
    LARGE_INTEGER due = {.QuadPart = -10000000ll * Count};
    return due;
}

/* Sends a PnP IRP of which Fill has filled the stack location to the stack below. PASSIVE_LEVEL. */
static NTSTATUS SendPnp(BUDDY *Buddy, PIO_STACK_LOCATION Location)
{
    IO_STATUS_BLOCK result;
    KEVENT done;
    PIRP irp;
    NTSTATUS status;

    KeInitializeEvent(&done, NotificationEvent, FALSE);
    irp = IoBuildSynchronousFsdRequest(IRP_MJ_PNP, Buddy->Lower, NULL, 0, NULL, &done, &result);
    if (irp == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    irp->IoStatus.Status = STATUS_NOT_SUPPORTED;
    IoGetNextIrpStackLocation(irp)->MinorFunction = Location->MinorFunction;
    IoGetNextIrpStackLocation(irp)->Parameters = Location->Parameters;
    status = IoCallDriver(Buddy->Lower, irp);
    if (status == STATUS_PENDING) {
        KeWaitForSingleObject(&done, Executive, KernelMode, FALSE, NULL);
        status = result.Status;
    }
    return status;
}

/* BUS_INTERFACE_STANDARD and the two IRPs that do the same. */
static void CheckBus(BUDDY *Buddy, PBUS_INTERFACE_STANDARD Bus)
{
    IO_STACK_LOCATION location = {.MinorFunction = IRP_MN_QUERY_INTERFACE};
    PHYSICAL_ADDRESS address = {.QuadPart = 0x1000}, translated = {.QuadPart = 0};
    ULONG value = 0, space = 0, at;
    UCHAR line = 0xA5, old, now = 0;

    location.Parameters.QueryInterface.InterfaceType = &GUID_BUS_INTERFACE_STANDARD;
    location.Parameters.QueryInterface.Size = sizeof(*Bus);
    location.Parameters.QueryInterface.Version = 1;
    location.Parameters.QueryInterface.Interface = (PINTERFACE)Bus;
    CHECK("bus interface", NT_SUCCESS(SendPnp(Buddy, &location)));
    CHECK("bus interface reads", Bus->GetBusData(Bus->Context, 0, &value, 0, 4) == 4 && value == 0xB0DD1234);
    CHECK("bus interface reads extended space",
          Bus->GetBusData(Bus->Context, 0, &value, 0x100, 4) == 4 && (value & 0xFFFF) == 1);
    CHECK("bus interface ends at 4 KiB", Bus->GetBusData(Bus->Context, 0, &value, 0x1000, 4) == 0);
    CHECK("bus interface knows one space", Bus->GetBusData(Bus->Context, 7, &value, 0, 4) == 0);
    at = 0x3C; /* interrupt line: a register that means nothing */
    Bus->GetBusData(Bus->Context, 0, &old, at, 1);
    CHECK("bus interface writes", Bus->SetBusData(Bus->Context, 0, &line, at, 1) == 1 &&
                                      Bus->GetBusData(Bus->Context, 0, &now, at, 1) == 1 && now == line);
    Bus->SetBusData(Bus->Context, 0, &old, at, 1);
    CHECK("bus interface translates", Bus->TranslateBusAddress(Bus->Context, address, 16, &space, &translated) &&
                                          translated.QuadPart == address.QuadPart && space == 0);

    location = (IO_STACK_LOCATION){.MinorFunction = IRP_MN_READ_CONFIG};
    location.Parameters.ReadWriteConfig.WhichSpace = PCI_WHICHSPACE_CONFIG;
    location.Parameters.ReadWriteConfig.Buffer = &value;
    location.Parameters.ReadWriteConfig.Length = 4;
    CHECK("read-config", NT_SUCCESS(SendPnp(Buddy, &location)) && value == 0xB0DD1234);
    location.Parameters.ReadWriteConfig.Offset = 0xFFE;
    CHECK("read-config ends at 4 KiB", !NT_SUCCESS(SendPnp(Buddy, &location)));
    location.MinorFunction = IRP_MN_WRITE_CONFIG;
    location.Parameters.ReadWriteConfig.Buffer = &line;
    location.Parameters.ReadWriteConfig.Offset = at;
    location.Parameters.ReadWriteConfig.Length = 1;
    CHECK("write-config",
          NT_SUCCESS(SendPnp(Buddy, &location)) && Bus->GetBusData(Bus->Context, 0, &now, at, 1) == 1 && now == line);
    Bus->SetBusData(Bus->Context, 0, &old, at, 1);
}

static BOOLEAN Service(BUDDY *Buddy)
{
    ULONG status = Read(Buddy, REG_INT_STATUS) & Read(Buddy, REG_INT_ENABLE);

    if (status == 0 || status == 0xFFFFFFFF)
        return FALSE;
    Write(Buddy, REG_INT_STATUS, status);
    InterlockedIncrement(&Buddy->Interrupts);
    return TRUE;
}

static VOID NTAPI Dpc(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    KeSetEvent(&((BUDDY *)Context)->Interrupted, IO_NO_INCREMENT, FALSE);
}

static KDPC InterruptDpc;

static BOOLEAN NTAPI MessageService(PKINTERRUPT Interrupt, PVOID Context, ULONG Message)
{
    BOOLEAN ours = Service(Context);

    if (ours)
        KeInsertQueueDpc(&InterruptDpc, NULL, NULL);
    return ours;
}

static BOOLEAN WaitInterrupt(BUDDY *Buddy)
{
    LARGE_INTEGER limit = Seconds(2);

    return KeWaitForSingleObject(&Buddy->Interrupted, Executive, KernelMode, FALSE, &limit) == STATUS_SUCCESS;
}

static void Ring(BUDDY *Buddy)
{
    KeClearEvent(&Buddy->Interrupted);
    Write(Buddy, REG_INT_ENABLE, INT_DOORBELL | INT_DMA);
    Write(Buddy, REG_DOORBELL, 1);
}

/* A message that comes while nobody is connected waits at its masked source, and comes once somebody is (PCIe 6.1.4.3: pending bits). */
static NTSTATUS CheckInterrupts(BUDDY *Buddy)
{
    IO_CONNECT_INTERRUPT_PARAMETERS connect = {.Version = CONNECT_MESSAGE_BASED};
    NTSTATUS status;

    KeInitializeDpc(&InterruptDpc, Dpc, Buddy);
    Ring(Buddy);
    CHECK("masked while unconnected", Buddy->Interrupts == 0 && (Read(Buddy, REG_INT_STATUS) & INT_DOORBELL));
    connect.MessageBased.PhysicalDeviceObject = Buddy->Pdo;
    connect.MessageBased.ConnectionContext.InterruptMessageTable = &Buddy->Messages;
    connect.MessageBased.MessageServiceRoutine = MessageService;
    connect.MessageBased.ServiceContext = Buddy;
    status = IoConnectInterruptEx(&connect);
    DbgPrint("buddy: connect status %x version %u messages %u\n", status, connect.Version,
             NT_SUCCESS(status) && connect.Version == CONNECT_MESSAGE_BASED ? Buddy->Messages->MessageCount : 0);
    if (!NT_SUCCESS(status))
        return status;
    CHECK("delivered once connected", WaitInterrupt(Buddy) && Buddy->Interrupts == 1);
    Ring(Buddy);
    CHECK("one interrupt for one cause", WaitInterrupt(Buddy) && Buddy->Interrupts == 2);
    return status;
}

/* As docs/device.md has it. */
typedef struct _DESCRIPTOR {
    ULONGLONG Source, Destination;
    ULONG Length, Control, Done, Status;
} DESCRIPTOR;

#define DMA_PAGES 3
#define DMA_ODD   24 /* offset of the buffer in its first page */

typedef struct _TRANSFER {
    BUDDY *Buddy;
    DESCRIPTOR *Ring;
    ULONG Filled;
    BOOLEAN ToDevice;
    KEVENT Done;
    PSCATTER_GATHER_LIST List;
} TRANSFER;

static VOID NTAPI ListReady(PDEVICE_OBJECT Device, PIRP Irp, PSCATTER_GATHER_LIST List, PVOID Context)
{
    TRANSFER *transfer = Context;
    ULONGLONG offset = 0;

    for (ULONG i = 0; i < List->NumberOfElements; i++) {
        DESCRIPTOR *descriptor = &transfer->Ring[transfer->Filled++];

        descriptor->Source = transfer->ToDevice ? (ULONGLONG)List->Elements[i].Address.QuadPart : offset;
        descriptor->Destination = transfer->ToDevice ? offset : (ULONGLONG)List->Elements[i].Address.QuadPart;
        descriptor->Length = List->Elements[i].Length;
        descriptor->Control =
            (transfer->ToDevice ? 4 : 2) | (i + 1 == List->NumberOfElements ? 1 : 0); /* RAM; interrupt at the end */
        descriptor->Done = descriptor->Status = 0;
        offset += List->Elements[i].Length;
    }
    transfer->List = List;
    KeSetEvent(&transfer->Done, IO_NO_INCREMENT, FALSE);
}

/* One buffer through the scatter-gather list to or from the shared RAM. */
static BOOLEAN Move(BUDDY *Buddy, PDMA_ADAPTER Adapter, TRANSFER *Transfer, PVOID Buffer, ULONG Length,
                    BOOLEAN ToDevice)
{
    PMDL mdl = IoAllocateMdl(Buffer, Length, FALSE, FALSE, NULL);
    BOOLEAN moved = FALSE;
    NTSTATUS status;
    KIRQL irql;

    if (mdl == NULL)
        return FALSE;
    MmBuildMdlForNonPagedPool(mdl);
    KeClearEvent(&Transfer->Done);
    Transfer->ToDevice = ToDevice;
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    status = Adapter->DmaOperations->GetScatterGatherList(Adapter, Buddy->Self, mdl, Buffer, Length, ListReady,
                                                          Transfer, ToDevice);
    KeLowerIrql(irql);
    if (NT_SUCCESS(status)) {
        KeWaitForSingleObject(&Transfer->Done, Executive, KernelMode, FALSE, NULL);
        KeClearEvent(&Buddy->Interrupted);
        Write(Buddy, REG_DMA_HEAD, Transfer->Filled);
        moved = WaitInterrupt(Buddy) && Transfer->Ring[Transfer->Filled - 1].Status == 1;
        KeRaiseIrql(DISPATCH_LEVEL, &irql);
        Adapter->DmaOperations->PutScatterGatherList(Adapter, Transfer->List, ToDevice);
        KeLowerIrql(irql);
    }
    IoFreeMdl(mdl);
    return moved;
}

/* Real transfers: descriptors in a common buffer, data by scatter-gather lists, there and back. */
static void CheckDma(BUDDY *Buddy)
{
    DEVICE_DESCRIPTION description = {.Version = DEVICE_DESCRIPTION_VERSION,
                                      .Master = TRUE,
                                      .ScatterGather = TRUE,
                                      .Dma64BitAddresses = TRUE,
                                      .InterfaceType = PCIBus,
                                      .MaximumLength = DMA_PAGES * PAGE_SIZE};
    ULONG length = DMA_PAGES * PAGE_SIZE - 2 * DMA_ODD, registers = 0;
    PUCHAR out = ExAllocatePoolWithTag(NonPagedPool, DMA_PAGES * PAGE_SIZE, 'yduB'),
           in = ExAllocatePoolWithTag(NonPagedPool, DMA_PAGES * PAGE_SIZE, 'yduB');
    PDMA_ADAPTER adapter = IoGetDmaAdapter(Buddy->Pdo, &description, &registers);
    TRANSFER transfer = {.Buddy = Buddy};
    PHYSICAL_ADDRESS ring;

    CHECK("DMA adapter", adapter != NULL && registers >= DMA_PAGES && out != NULL && in != NULL);
    if (adapter == NULL || out == NULL || in == NULL)
        return;
    transfer.Ring = adapter->DmaOperations->AllocateCommonBuffer(adapter, PAGE_SIZE, &ring, FALSE);
    CHECK("common buffer", transfer.Ring != NULL && (ring.QuadPart & 31) == 0);
    KeInitializeEvent(&transfer.Done, NotificationEvent, FALSE);
    Write(Buddy, REG_DMA_BASE, (ULONG)ring.QuadPart);
    Write(Buddy, REG_DMA_BASE + 4, (ULONG)(ring.QuadPart >> 32));
    Write(Buddy, REG_DMA_SIZE, 16);
    Write(Buddy, REG_DMA_CTRL, 1);
    for (ULONG i = 0; i < DMA_PAGES * PAGE_SIZE; i++)
        out[i] = (UCHAR)(i * 7 + (i >> 8));
    RtlZeroMemory(in, DMA_PAGES * PAGE_SIZE);
    CHECK("DMA out", Move(Buddy, adapter, &transfer, out + DMA_ODD, length, TRUE));
    CHECK("scatter-gather elements", transfer.Filled >= 1 && transfer.Filled <= DMA_PAGES);
    CHECK("DMA in", Move(Buddy, adapter, &transfer, in + DMA_ODD, length, FALSE));
    CHECK("DMA data", RtlCompareMemory(in + DMA_ODD, out + DMA_ODD, length) == length);
    CHECK("DMA limits", in[DMA_ODD - 1] == 0 && in[DMA_ODD + length] == 0);
    Write(Buddy, REG_DMA_CTRL, 2);
    adapter->DmaOperations->FreeCommonBuffer(adapter, PAGE_SIZE, ring, transfer.Ring, FALSE);
    adapter->DmaOperations->PutDmaAdapter(adapter);
    ExFreePool(out);
    ExFreePool(in);
}

static VOID NTAPI PowerDone(PDEVICE_OBJECT Device, UCHAR Minor, POWER_STATE State, PVOID Context,
                            PIO_STATUS_BLOCK Status)
{
    BUDDY *buddy = Context;

    buddy->PowerStatus = Status->Status;
    KeSetEvent(&buddy->PowerDone, IO_NO_INCREMENT, FALSE);
}

static NTSTATUS SetPower(BUDDY *Buddy, UCHAR Minor, DEVICE_POWER_STATE State)
{
    POWER_STATE state = {.DeviceState = State};

    PoRequestPowerIrp(Buddy->Pdo, Minor, state, PowerDone, Buddy, NULL);
    KeWaitForSingleObject(&Buddy->PowerDone, Executive, KernelMode, FALSE, NULL);
    return Buddy->PowerStatus;
}

static VOID NTAPI WakeDone(PDEVICE_OBJECT Device, UCHAR Minor, POWER_STATE State, PVOID Context,
                           PIO_STATUS_BLOCK Status)
{
    BUDDY *buddy = Context;

    buddy->WakeStatus = Status->Status;
    KeSetEvent(&buddy->WakeDone, IO_NO_INCREMENT, FALSE);
}

static NTSTATUS WaitWake(BUDDY *Buddy, SYSTEM_POWER_STATE From, BOOLEAN Cancel)
{
    POWER_STATE from = {.SystemState = From};
    NTSTATUS status;

    status = PoRequestPowerIrp(Buddy->Pdo, IRP_MN_WAIT_WAKE, from, WakeDone, Buddy, Cancel ? &Buddy->WakeIrp : NULL);
    if (status == STATUS_PENDING && Cancel)
        IoCancelIrp(Buddy->WakeIrp);
    return status;
}

static NTSTATUS WakeEnded(BUDDY *Buddy)
{
    LARGE_INTEGER limit = Seconds(30);

    if (KeWaitForSingleObject(&Buddy->WakeDone, Executive, KernelMode, FALSE, &limit) != STATUS_SUCCESS)
        return STATUS_TIMEOUT;
    return Buddy->WakeStatus;
}

/* PM 3.2.3 and the platform: a device with power management and PME from every state, on a machine with S3 (Microsoft, DEVICE_CAPABILITIES). */
static void CheckCapabilities(BUDDY *Buddy)
{
    DEVICE_CAPABILITIES is = {.Size = sizeof(is), .Version = 1, .Address = ~0u, .UINumber = ~0u};
    IO_STACK_LOCATION location = {.MinorFunction = IRP_MN_QUERY_CAPABILITIES};

    location.Parameters.DeviceCapabilities.Capabilities = &is;
    CHECK("capabilities", NT_SUCCESS(SendPnp(Buddy, &location)));
    CHECK("S-to-D mapping", is.DeviceState[PowerSystemWorking] == PowerDeviceD0 &&
                                is.DeviceState[PowerSystemSleeping1] == PowerDeviceD3 &&
                                is.DeviceState[PowerSystemSleeping3] == PowerDeviceD3 &&
                                is.DeviceState[PowerSystemShutdown] == PowerDeviceD3);
    CHECK("wake capabilities", is.SystemWake == PowerSystemSleeping3 && is.DeviceWake == PowerDeviceD3 &&
                                   is.WakeFromD0 && is.WakeFromD3 && !is.WakeFromD1 && !is.DeviceD1 && !is.DeviceD2);
    CHECK("latencies", is.D3Latency == 100 && is.D1Latency == 0);
}

/* Down, up, and how long up takes: the bus driver waits what the PM specification says, so the first access finds the device ready. */
static void CheckPower(BUDDY *Buddy)
{
    ULONGLONG before;
    KIRQL irql;

    CHECK("D1 unsupported", SetPower(Buddy, IRP_MN_QUERY_POWER, PowerDeviceD1) == STATUS_UNSUCCESSFUL);
    CheckCapabilities(Buddy);
    /* The PCI bus has no DO_POWER_PAGABLE: its stacks get their IRPs at the level of whoever asks. */
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    PoRequestPowerIrp(Buddy->Pdo, IRP_MN_QUERY_POWER, (POWER_STATE){.DeviceState = PowerDeviceD3}, PowerDone, Buddy,
                      NULL);
    KeLowerIrql(irql);
    KeWaitForSingleObject(&Buddy->PowerDone, Executive, KernelMode, FALSE, NULL);
    CHECK("not pageable", Buddy->PowerIrql == DISPATCH_LEVEL);
    CHECK("query D3", SetPower(Buddy, IRP_MN_QUERY_POWER, PowerDeviceD3) == STATUS_SUCCESS);
    CHECK("set D3", SetPower(Buddy, IRP_MN_SET_POWER, PowerDeviceD3) == STATUS_SUCCESS);
    before = KeQueryInterruptTime();
    CHECK("set D0", SetPower(Buddy, IRP_MN_SET_POWER, PowerDeviceD0) == STATUS_SUCCESS);
    DbgPrint("buddy: D0 took %u us\n", (ULONG)((KeQueryInterruptTime() - before) / 10));
    CHECK("registers after D0", Read(Buddy, REG_ID) == BUDDY_ID);
    Ring(Buddy);
    CHECK("interrupt after D0", WaitInterrupt(Buddy));
}

/* Wait/wake at run time: PME in D3hot brings the IRP back, through the root port's interrupt. */
static void CheckWake(BUDDY *Buddy)
{
    NTSTATUS second;

    WaitWake(Buddy, PowerSystemHibernate, FALSE);
    CHECK("no wake from S4", WakeEnded(Buddy) == STATUS_INVALID_DEVICE_STATE);
    WaitWake(Buddy, PowerSystemSleeping3, TRUE);
    CHECK("wait/wake cancelled", WakeEnded(Buddy) == STATUS_CANCELLED);
    WaitWake(Buddy, PowerSystemSleeping3, FALSE);
    WaitWake(Buddy, PowerSystemSleeping3, FALSE);
    second = WakeEnded(Buddy);
    CHECK("one wait/wake at a time", second == STATUS_DEVICE_BUSY);
    SetPower(Buddy, IRP_MN_SET_POWER, PowerDeviceD3);
    DbgPrint("buddy: asleep\n");
    CHECK("woken at run time", WakeEnded(Buddy) == STATUS_SUCCESS);
    SetPower(Buddy, IRP_MN_SET_POWER, PowerDeviceD0);
    CHECK("registers after wake", Read(Buddy, REG_ID) == BUDDY_ID);
}

/* What the bus driver spares its clients: D0 written behind its back, and no wait. The device then does not answer, and reports it. */
static void TouchTooEarly(BUDDY *Buddy, PBUS_INTERFACE_STANDARD Bus)
{
    USHORT control = 3, command;
    ULONG bar, id;

    Bus->GetBusData(Bus->Context, 0, &command, 4, 2);
    Bus->GetBusData(Bus->Context, 0, &bar, 0x10, 4);
    Bus->SetBusData(Bus->Context, 0, &control, 0x44, 2);
    control = 0;
    Bus->SetBusData(Bus->Context, 0, &control, 0x44, 2);
    Bus->SetBusData(Bus->Context, 0, &bar, 0x10, 4);
    Bus->SetBusData(Bus->Context, 0, &command, 4, 2);
    id = Read(Buddy, REG_ID);
    DbgPrint("buddy: touched at once, id %x\n", id);
}

static VOID NTAPI Exercise(PDEVICE_OBJECT Device, PVOID Context)
{
    BUDDY *buddy = Context;
    BUS_INTERFACE_STANDARD bus = {0};

    CHECK("registers", Read(buddy, REG_ID) == BUDDY_ID);
    CheckBus(buddy, &bus);
    if (NT_SUCCESS(CheckInterrupts(buddy))) {
        CheckDma(buddy);
        CheckPower(buddy);
        CheckWake(buddy);
    }
    if (bus.InterfaceDereference != NULL) {
        TouchTooEarly(buddy, &bus);
        bus.InterfaceDereference(bus.Context);
    }
    DbgPrint("buddy: done\n");
}

static NTSTATUS NTAPI Signal(PDEVICE_OBJECT Device, PIRP Irp, PVOID Event)
{
    if (Irp->PendingReturned)
        KeSetEvent(Event, IO_NO_INCREMENT, FALSE);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

static NTSTATUS Start(BUDDY *Buddy, PIRP Irp)
{
    PCM_RESOURCE_LIST list = IoGetCurrentIrpStackLocation(Irp)->Parameters.StartDevice.AllocatedResourcesTranslated;
    PCM_PARTIAL_RESOURCE_DESCRIPTOR descriptor;
    KEVENT done;
    NTSTATUS status;

    KeInitializeEvent(&done, NotificationEvent, FALSE);
    IoCopyCurrentIrpStackLocationToNext(Irp);
    IoSetCompletionRoutine(Irp, Signal, &done, TRUE, TRUE, TRUE);
    if (IoCallDriver(Buddy->Lower, Irp) == STATUS_PENDING)
        KeWaitForSingleObject(&done, Executive, KernelMode, FALSE, NULL);
    status = Irp->IoStatus.Status;
    for (ULONG i = 0; NT_SUCCESS(status) && i < list->List[0].PartialResourceList.Count && Buddy->Bar == NULL; i++) {
        descriptor = &list->List[0].PartialResourceList.PartialDescriptors[i];
        if (descriptor->Type == CmResourceTypeMemory) {
            Buddy->BarLength = descriptor->u.Memory.Length;
            Buddy->Bar = MmMapIoSpace(descriptor->u.Memory.Start, Buddy->BarLength, MmNonCached);
        }
    }
    if (NT_SUCCESS(status) && Buddy->Bar != NULL)
        IoQueueWorkItem(Buddy->Work, Exercise, DelayedWorkQueue, Buddy);
    Irp->IoStatus.Status = status;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return status;
}

static NTSTATUS NTAPI DispatchPnp(PDEVICE_OBJECT Device, PIRP Irp)
{
    BUDDY *buddy = Device->DeviceExtension;

    switch (IoGetCurrentIrpStackLocation(Irp)->MinorFunction) {
    case IRP_MN_START_DEVICE:
        return Start(buddy, Irp);
    case IRP_MN_QUERY_REMOVE_DEVICE:
    case IRP_MN_QUERY_STOP_DEVICE:
        /* A test ends with the machine: this driver never lets go. */
        Irp->IoStatus.Status = STATUS_DEVICE_BUSY;
        IoCompleteRequest(Irp, IO_NO_INCREMENT);
        return STATUS_DEVICE_BUSY;
    default:
        IoSkipCurrentIrpStackLocation(Irp);
        return IoCallDriver(buddy->Lower, Irp);
    }
}

static NTSTATUS NTAPI DispatchPower(PDEVICE_OBJECT Device, PIRP Irp)
{
    ((BUDDY *)Device->DeviceExtension)->PowerIrql = KeGetCurrentIrql();
    PoStartNextPowerIrp(Irp);
    IoSkipCurrentIrpStackLocation(Irp);
    return PoCallDriver(((BUDDY *)Device->DeviceExtension)->Lower, Irp);
}

/* WMI: passed on, as by every driver that provides none. */
static NTSTATUS NTAPI DispatchSystemControl(PDEVICE_OBJECT Device, PIRP Irp)
{
    IoSkipCurrentIrpStackLocation(Irp);
    return IoCallDriver(((BUDDY *)Device->DeviceExtension)->Lower, Irp);
}

static NTSTATUS NTAPI AddDevice(PDRIVER_OBJECT Driver, PDEVICE_OBJECT Pdo)
{
    PDEVICE_OBJECT device;
    BUDDY *buddy;
    NTSTATUS status =
        IoCreateDevice(Driver, sizeof(BUDDY), NULL, FILE_DEVICE_UNKNOWN, FILE_DEVICE_SECURE_OPEN, FALSE, &device);

    if (!NT_SUCCESS(status))
        return status;
    buddy = device->DeviceExtension;
    buddy->Self = device;
    buddy->Pdo = Pdo;
    KeInitializeEvent(&buddy->Interrupted, SynchronizationEvent, FALSE);
    KeInitializeEvent(&buddy->PowerDone, SynchronizationEvent, FALSE);
    KeInitializeEvent(&buddy->WakeDone, SynchronizationEvent, FALSE);
    buddy->Work = IoAllocateWorkItem(device);
    buddy->Lower = IoAttachDeviceToDeviceStack(device, Pdo);
    device->Flags |= buddy->Lower->Flags & DO_POWER_PAGABLE;
    device->Flags &= ~DO_DEVICE_INITIALIZING;
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath)
{
    Driver->MajorFunction[IRP_MJ_PNP] = DispatchPnp;
    Driver->MajorFunction[IRP_MJ_POWER] = DispatchPower;
    Driver->MajorFunction[IRP_MJ_SYSTEM_CONTROL] = DispatchSystemControl;
    Driver->DriverExtension->AddDevice = AddDevice;
    return STATUS_SUCCESS;
}
