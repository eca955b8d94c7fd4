/* SPDX-License-Identifier: MIT */
/*
 * Hangs the system in the way that the driver's service is named for, so that a test can ask by an NMI where: hang_masked spins with interrupts off,
 * hang_high at HIGH_LEVEL, hang_deadlock lets two threads wait for each other by events (which have no owner, so no deadlock can be proved),
 * hang_start holds its own start. It says "hanging" when the hang has begun, or where time goes on, when it has lasted for HELD_MILLISECONDS.
 */
#include <ntddk.h>

#define HELD_MILLISECONDS 1200

static KEVENT First, Second;
static KTIMER Timer;
static KDPC Dpc;
static volatile BOOLEAN Never;

__attribute__((noinline)) static VOID SpinWithInterruptsOff(VOID)
{
    __asm__ volatile("cli");
    while (!Never) {
        YieldProcessor();
    }
}

__attribute__((noinline)) static VOID SpinAtHighLevel(VOID)
{
    KIRQL old;
    KeRaiseIrql(HIGH_LEVEL, &old);
    while (!Never) {
        YieldProcessor();
    }
    KeLowerIrql(old);
}

__attribute__((noinline)) static VOID WaitForTheOther(PKEVENT Mine, PKEVENT Other)
{
    KeWaitForSingleObject(Other, Executive, KernelMode, FALSE, NULL);
    KeSetEvent(Mine, IO_NO_INCREMENT, FALSE);
}

static VOID NTAPI SayHanging(PKDPC Object, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    DbgPrint("hanging\n");
}

static VOID SayHangingLater(VOID)
{
    LARGE_INTEGER due = {.QuadPart = -10000LL * HELD_MILLISECONDS};
    KeInitializeTimer(&Timer);
    KeInitializeDpc(&Dpc, SayHanging, NULL);
    KeSetTimer(&Timer, due, &Dpc);
}

static VOID NTAPI SecondThread(PVOID Context)
{
    WaitForTheOther(&Second, &First);
}

static NTSTATUS Deadlock(VOID)
{
    HANDLE thread;
    KeInitializeEvent(&First, NotificationEvent, FALSE);
    KeInitializeEvent(&Second, NotificationEvent, FALSE);
    NTSTATUS status = PsCreateSystemThread(&thread, THREAD_ALL_ACCESS, NULL, NULL, NULL, SecondThread, NULL);
    if (NT_SUCCESS(status)) {
        ZwClose(thread);
        SayHangingLater();
        WaitForTheOther(&First, &Second);
    }
    return status;
}

static NTSTATUS NTAPI HoldStart(PDEVICE_OBJECT Device, PIRP Irp)
{
    PDEVICE_OBJECT lower = *(PDEVICE_OBJECT *)Device->DeviceExtension;
    if (IoGetCurrentIrpStackLocation(Irp)->MinorFunction == IRP_MN_START_DEVICE) {
        IoMarkIrpPending(Irp);
        SayHangingLater();
        return STATUS_PENDING; /* and nobody ever completes it */
    }
    IoSkipCurrentIrpStackLocation(Irp);
    return IoCallDriver(lower, Irp);
}

static NTSTATUS NTAPI PassPower(PDEVICE_OBJECT Device, PIRP Irp)
{
    PoStartNextPowerIrp(Irp);
    IoSkipCurrentIrpStackLocation(Irp);
    return PoCallDriver(*(PDEVICE_OBJECT *)Device->DeviceExtension, Irp);
}

/* WMI: passed on, as by every driver that provides none. */
static NTSTATUS NTAPI DispatchSystemControl(PDEVICE_OBJECT Device, PIRP Irp)
{
    IoSkipCurrentIrpStackLocation(Irp);
    return IoCallDriver(*(PDEVICE_OBJECT *)Device->DeviceExtension, Irp);
}

static NTSTATUS NTAPI AddDevice(PDRIVER_OBJECT Driver, PDEVICE_OBJECT Pdo)
{
    PDEVICE_OBJECT device;
    NTSTATUS status = IoCreateDevice(Driver, sizeof(PDEVICE_OBJECT), NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
    if (NT_SUCCESS(status)) {
        *(PDEVICE_OBJECT *)device->DeviceExtension = IoAttachDeviceToDeviceStack(device, Pdo);
        device->Flags |= DO_POWER_PAGABLE;
        device->Flags &= ~DO_DEVICE_INITIALIZING;
    }
    return status;
}

static BOOLEAN Named(PCUNICODE_STRING Path, PCWSTR Name)
{
    UNICODE_STRING name, end;
    RtlInitUnicodeString(&name, Name);
    if (Path->Length < name.Length) {
        return FALSE;
    }
    end.Length = end.MaximumLength = name.Length;
    end.Buffer = Path->Buffer + (Path->Length - name.Length) / sizeof(WCHAR);
    return RtlEqualUnicodeString(&end, &name, TRUE);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath)
{
    Driver->DriverExtension->AddDevice = AddDevice;
    Driver->MajorFunction[IRP_MJ_PNP] = HoldStart;
    Driver->MajorFunction[IRP_MJ_POWER] = PassPower;
    Driver->MajorFunction[IRP_MJ_SYSTEM_CONTROL] = DispatchSystemControl;
    if (Named(RegistryPath, L"hang_start")) {
        return STATUS_SUCCESS;
    }
    if (Named(RegistryPath, L"hang_masked")) {
        DbgPrint("hanging\n");
        SpinWithInterruptsOff();
    } else if (Named(RegistryPath, L"hang_high")) {
        DbgPrint("hanging\n");
        SpinAtHighLevel();
    } else {
        return Deadlock();
    }
    return STATUS_UNSUCCESSFUL;
}
