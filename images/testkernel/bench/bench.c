/* SPDX-License-Identifier: MIT */
/*
 * Measures inside the guest, for `orchestrator bench`: IRP round trips and interrupts a second. Function driver of QEMU's edu device (1234:11e8,
 * docs/specs/edu.rst), which raises an interrupt when it is told to. Results are trace lines (docs/journal.md) "bench <what> count=N us=T".
 *  irp        one IOCTL through a stack of two drivers: allocated, sent, passed on, completed from below, completion routine, freed
 *  interrupt  one message-signalled interrupt: raised by a register, service routine, acknowledged
 */
#include <ntddk.h>

#define EDU_STATUS 0x24
#define EDU_RAISE  0x60
#define EDU_ACK    0x64

#define TRACE_PORT   0xB00
#define MICROSECONDS 200000 /* of each measurement */
#define BATCH        64     /* between two looks at the counter */

typedef struct _BENCH {
    PDEVICE_OBJECT Pdo, Lower;
    volatile UCHAR *Bar;
    ULONG BarLength;
    PVOID Connection;
    ULONG Version;
    volatile LONG Interrupts;
    PDEVICE_OBJECT Upper; /* of the stack that IRPs are sent through; device type FILE_DEVICE_NULL tells its two */
    PETHREAD Thread;
} BENCH;

static VOID Trace(PCSTR What, ULONG Count, ULONG64 Microseconds)
{
    CHAR line[100], digits[24];
    ULONG length = 0;
    PCSTR parts[] = {"bench ", What, " count=", NULL, " us=", NULL, "\n"};
    ULONG64 numbers[] = {Count, Microseconds};

    for (ULONG part = 0, number = 0; part < RTL_NUMBER_OF(parts); part++) {
        if (parts[part] != NULL) {
            for (PCSTR p = parts[part]; *p != '\0'; p++) {
                line[length++] = *p;
            }
            continue;
        }
        ULONG64 value = numbers[number++];
        ULONG count = 0;
        do {
            digits[count++] = (CHAR)('0' + value % 10);
            value /= 10;
        } while (value != 0);
        while (count > 0) {
            line[length++] = digits[--count];
        }
    }
    WRITE_PORT_BUFFER_UCHAR((PUCHAR)TRACE_PORT, (PUCHAR)line, length);
}

/* Calls Work(Bench) for MICROSECONDS and traces how often. */
static VOID Measure(BENCH *Bench, PCSTR What, VOID (*Work)(BENCH *))
{
    LARGE_INTEGER frequency, begin = KeQueryPerformanceCounter(&frequency), now;
    ULONG count = 0;

    do {
        for (ULONG i = 0; i < BATCH; i++) {
            Work(Bench);
        }
        count += BATCH;
        now = KeQueryPerformanceCounter(NULL);
    } while ((now.QuadPart - begin.QuadPart) * 1000000 / frequency.QuadPart < MICROSECONDS);
    Trace(What, count, (ULONG64)((now.QuadPart - begin.QuadPart) * 1000000 / frequency.QuadPart));
}

static NTSTATUS NTAPI RoundTripDone(PDEVICE_OBJECT Device, PIRP Irp, PVOID Context)
{
    *(PBOOLEAN)Context = TRUE;
    IoFreeIrp(Irp);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

static VOID RoundTrip(BENCH *Bench)
{
    volatile BOOLEAN done = FALSE;
    PIRP irp = IoAllocateIrp(Bench->Upper->StackSize, FALSE);

    if (irp == NULL) {
        return;
    }
    IoGetNextIrpStackLocation(irp)->MajorFunction = IRP_MJ_INTERNAL_DEVICE_CONTROL;
    irp->IoStatus.Status = STATUS_NOT_SUPPORTED;
    IoSetCompletionRoutine(irp, RoundTripDone, (PVOID)&done, TRUE, TRUE, TRUE);
    IoCallDriver(Bench->Upper, irp);
}

static BOOLEAN NTAPI Service(PKINTERRUPT Interrupt, PVOID Context, ULONG Message)
{
    BENCH *bench = Context;
    ULONG status = READ_REGISTER_ULONG((PULONG)(bench->Bar + EDU_STATUS));

    if (status == 0) {
        return FALSE;
    }
    WRITE_REGISTER_ULONG((PULONG)(bench->Bar + EDU_ACK), status);
    bench->Interrupts++;
    return TRUE;
}

static VOID Interrupt(BENCH *Bench)
{
    LONG before = Bench->Interrupts;

    WRITE_REGISTER_ULONG((PULONG)(Bench->Bar + EDU_RAISE), 1);
    while (Bench->Interrupts == before) {
        YieldProcessor();
    }
}

static VOID NTAPI Thread(PVOID Context)
{
    BENCH *bench = Context;

    Measure(bench, "irp", RoundTrip);
    Measure(bench, "interrupt", Interrupt);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static NTSTATUS Map(BENCH *Bench, PCM_RESOURCE_LIST Translated)
{
    PCM_PARTIAL_RESOURCE_LIST list = Translated != NULL ? &Translated->List[0].PartialResourceList : NULL;

    for (ULONG i = 0; list != NULL && i < list->Count; i++) {
        PCM_PARTIAL_RESOURCE_DESCRIPTOR descriptor = &list->PartialDescriptors[i];

        if (descriptor->Type == CmResourceTypeMemory && Bench->Bar == NULL) {
            Bench->BarLength = descriptor->u.Memory.Length;
            Bench->Bar = MmMapIoSpace(descriptor->u.Memory.Start, Bench->BarLength, MmNonCached);
        }
    }
    return Bench->Bar != NULL ? STATUS_SUCCESS : STATUS_DEVICE_CONFIGURATION_ERROR;
}

static NTSTATUS Start(BENCH *Bench, PCM_RESOURCE_LIST Translated)
{
    IO_CONNECT_INTERRUPT_PARAMETERS connect = {.Version = CONNECT_MESSAGE_BASED};
    HANDLE thread;
    NTSTATUS status = Map(Bench, Translated);

    if (!NT_SUCCESS(status)) {
        return status;
    }
    connect.MessageBased.PhysicalDeviceObject = Bench->Pdo;
    connect.MessageBased.ConnectionContext.Generic = &Bench->Connection;
    connect.MessageBased.MessageServiceRoutine = Service;
    connect.MessageBased.ServiceContext = Bench;
    status = IoConnectInterruptEx(&connect);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    Bench->Version = connect.Version;
    status = PsCreateSystemThread(&thread, THREAD_ALL_ACCESS, NULL, NULL, NULL, Thread, Bench);
    if (NT_SUCCESS(status)) {
        ObReferenceObjectByHandle(thread, THREAD_ALL_ACCESS, *PsThreadType, KernelMode, (PVOID *)&Bench->Thread, NULL);
        ZwClose(thread);
    }
    return status;
}

static VOID Stop(BENCH *Bench)
{
    IO_DISCONNECT_INTERRUPT_PARAMETERS disconnect = {.Version = Bench->Version};

    if (Bench->Thread != NULL) {
        KeWaitForSingleObject(Bench->Thread, Executive, KernelMode, FALSE, NULL);
        ObDereferenceObject(Bench->Thread);
        Bench->Thread = NULL;
    }
    if (Bench->Connection != NULL) {
        disconnect.ConnectionContext.Generic = Bench->Connection;
        IoDisconnectInterruptEx(&disconnect);
        Bench->Connection = NULL;
    }
    if (Bench->Bar != NULL) {
        MmUnmapIoSpace((PVOID)Bench->Bar, Bench->BarLength);
        Bench->Bar = NULL;
    }
}

static NTSTATUS NTAPI DispatchPnp(PDEVICE_OBJECT Device, PIRP Irp)
{
    BENCH *bench = Device->DeviceExtension;
    PDEVICE_OBJECT lower = bench->Lower;
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    NTSTATUS status;

    switch (stack->MinorFunction) {
    case IRP_MN_START_DEVICE:
        if (!IoForwardIrpSynchronously(lower, Irp)) {
            Irp->IoStatus.Status = STATUS_UNSUCCESSFUL;
        }
        if (NT_SUCCESS(Irp->IoStatus.Status)) {
            Irp->IoStatus.Status = Start(bench, stack->Parameters.StartDevice.AllocatedResourcesTranslated);
        }
        status = Irp->IoStatus.Status;
        IoCompleteRequest(Irp, IO_NO_INCREMENT);
        return status;
    case IRP_MN_REMOVE_DEVICE:
        Stop(bench);
        Irp->IoStatus.Status = STATUS_SUCCESS;
        IoSkipCurrentIrpStackLocation(Irp);
        status = IoCallDriver(lower, Irp);
        for (PDEVICE_OBJECT each = bench->Upper; each != NULL;) {
            PDEVICE_OBJECT next = *(PDEVICE_OBJECT *)each->DeviceExtension;
            if (next != NULL) {
                IoDetachDevice(next);
            }
            IoDeleteDevice(each);
            each = next;
        }
        IoDetachDevice(lower);
        IoDeleteDevice(Device);
        return status;
    case IRP_MN_QUERY_REMOVE_DEVICE:
    case IRP_MN_CANCEL_REMOVE_DEVICE:
    case IRP_MN_QUERY_STOP_DEVICE:
    case IRP_MN_CANCEL_STOP_DEVICE:
    case IRP_MN_SURPRISE_REMOVAL:
        Irp->IoStatus.Status = STATUS_SUCCESS;
        break;
    case IRP_MN_STOP_DEVICE:
        Stop(bench);
        Irp->IoStatus.Status = STATUS_SUCCESS;
        break;
    default:
        break;
    }
    IoSkipCurrentIrpStackLocation(Irp);
    return IoCallDriver(lower, Irp);
}

static NTSTATUS NTAPI DispatchPower(PDEVICE_OBJECT Device, PIRP Irp)
{
    PoStartNextPowerIrp(Irp);
    IoSkipCurrentIrpStackLocation(Irp);
    return PoCallDriver(((BENCH *)Device->DeviceExtension)->Lower, Irp);
}

static NTSTATUS NTAPI DispatchSystemControl(PDEVICE_OBJECT Device, PIRP Irp)
{
    IoSkipCurrentIrpStackLocation(Irp);
    return IoCallDriver(((BENCH *)Device->DeviceExtension)->Lower, Irp);
}

/* The measured stack: its upper driver passes the request on, its lower one completes it. */
static NTSTATUS NTAPI DispatchRequest(PDEVICE_OBJECT Device, PIRP Irp)
{
    PDEVICE_OBJECT below = Device->DeviceType == FILE_DEVICE_NULL ? *(PDEVICE_OBJECT *)Device->DeviceExtension : NULL;

    if (below != NULL) {
        IoSkipCurrentIrpStackLocation(Irp);
        return IoCallDriver(below, Irp);
    }
    Irp->IoStatus.Status = STATUS_SUCCESS;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}

static NTSTATUS MakeStack(PDRIVER_OBJECT Driver, BENCH *Bench)
{
    for (ULONG i = 0; i < 2; i++) {
        PDEVICE_OBJECT device;
        NTSTATUS status = IoCreateDevice(Driver, sizeof(PDEVICE_OBJECT), NULL, FILE_DEVICE_NULL,
                                         FILE_DEVICE_SECURE_OPEN, FALSE, &device);
        if (!NT_SUCCESS(status)) {
            return status;
        }
        *(PDEVICE_OBJECT *)device->DeviceExtension =
            Bench->Upper != NULL ? IoAttachDeviceToDeviceStack(device, Bench->Upper) : NULL;
        device->Flags &= ~DO_DEVICE_INITIALIZING;
        Bench->Upper = device;
    }
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI AddDevice(PDRIVER_OBJECT Driver, PDEVICE_OBJECT Pdo)
{
    PDEVICE_OBJECT device;
    NTSTATUS status =
        IoCreateDevice(Driver, sizeof(BENCH), NULL, FILE_DEVICE_UNKNOWN, FILE_DEVICE_SECURE_OPEN, FALSE, &device);

    if (!NT_SUCCESS(status)) {
        return status;
    }
    BENCH *bench = device->DeviceExtension;
    bench->Pdo = Pdo;
    status = MakeStack(Driver, bench);
    bench->Lower = IoAttachDeviceToDeviceStack(device, Pdo);
    device->Flags |= DO_POWER_PAGABLE;
    device->Flags &= ~DO_DEVICE_INITIALIZING;
    return status;
}

static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
{
    UNREFERENCED_PARAMETER(Driver);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath)
{
    UNREFERENCED_PARAMETER(RegistryPath);
    Driver->DriverUnload = Unload;
    Driver->DriverExtension->AddDevice = AddDevice;
    Driver->MajorFunction[IRP_MJ_PNP] = DispatchPnp;
    Driver->MajorFunction[IRP_MJ_POWER] = DispatchPower;
    Driver->MajorFunction[IRP_MJ_SYSTEM_CONTROL] = DispatchSystemControl;
    Driver->MajorFunction[IRP_MJ_INTERNAL_DEVICE_CONTROL] = DispatchRequest;
    return STATUS_SUCCESS;
}
