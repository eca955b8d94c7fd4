/* SPDX-License-Identifier: MIT */
/* Begin and end of a driver's life: reinitialization after DriverEntry, IRP_MJ_SHUTDOWN before the power goes. The tests look for the latter's lines. */
#include "check.h"
#include "undeclared.h"

static PDEVICE_OBJECT Normal, Last, Gone;
static BOOLEAN EntryDone;
static ULONG Called;

static NTSTATUS NTAPI Shutdown(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    CHECK(KeGetCurrentIrql() == PASSIVE_LEVEL);
    DbgPrint("lifetime: shutdown of the %s device\n", DeviceObject == Normal ? "normal"
                                                      : DeviceObject == Last ? "last"
                                                                             : "wrong");
    Irp->IoStatus.Status = STATUS_SUCCESS;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}

static PDEVICE_OBJECT NewDevice(PDRIVER_OBJECT DriverObject)
{
    PDEVICE_OBJECT device = NULL;
    CHECK(NT_SUCCESS(IoCreateDevice(DriverObject, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &device)));
    device->Flags &= ~DO_DEVICE_INITIALIZING;
    return device;
}

static VOID NTAPI Again(PDRIVER_OBJECT DriverObject, PVOID Context, ULONG Count)
{
    CHECK(EntryDone && Context == &Called && KeGetCurrentIrql() == PASSIVE_LEVEL);
    CHECK(Count == ++Called); /* 1 for the first time */
    if (Count < 3) {
        IoRegisterDriverReinitialization(DriverObject, Again, Context);
    } else if (Count == 3) {
        IoRegisterBootDriverReinitialization(DriverObject, Again, Context);
    } else {
        CHECK(NT_SUCCESS(IoRegisterLastChanceShutdownNotification(Last)));
        CHECK(NT_SUCCESS(IoRegisterShutdownNotification(Normal)));
        CHECK(NT_SUCCESS(IoRegisterShutdownNotification(Gone)));
        CHECK(NT_SUCCESS(IoRegisterLastChanceShutdownNotification(Gone)));
        IoUnregisterShutdownNotification(Gone); /* both */
        IoDeleteDevice(Gone);
        Summary("lifetime");
    }
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    DriverObject->MajorFunction[IRP_MJ_SHUTDOWN] = Shutdown;
    Normal = NewDevice(DriverObject);
    Last = NewDevice(DriverObject);
    Gone = NewDevice(DriverObject);
    IoRegisterDriverReinitialization(DriverObject, Again, &Called);
    CHECK(Called == 0);
    EntryDone = TRUE;
    return STATUS_SUCCESS;
}
