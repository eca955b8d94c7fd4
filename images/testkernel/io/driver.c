/* SPDX-License-Identifier: MIT */
/*
 * Driver objects: loading a service's image, DriverEntry, DriverUnload and what must not be left behind.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/introduction-to-driver-objects
 */
#include "io/driver.h"
#include "cm/registry.h"
#include "boot/loader.h"
#include "kd/log.h"
#include "ob/attribute.h"
#include "rtl/format.h"

static LIST_ENTRY Drivers;
static KMUTEX LoadMutex; /* loading and unloading, one at a time */

typedef struct _CLIENT_EXTENSION {
    LIST_ENTRY Link;
    PVOID Id;
    DECLSPEC_ALIGN(16) UCHAR Data[];
} CLIENT_EXTENSION, *PCLIENT_EXTENSION;

static VOID DeleteDriverBody(PVOID Object)
{
    PDRIVER_DATA Driver = Object;
    while (!IsListEmpty(&Driver->Extensions)) {
        ExFreePoolWithTag(CONTAINING_RECORD(RemoveHeadList(&Driver->Extensions), CLIENT_EXTENSION, Link), IO_TAG);
    }
}

struct _OBJECT_TYPE IopDriverType = {OB_TYPE_LIST(IopDriverType), .Name = "Driver", .Delete = DeleteDriverBody};
POBJECT_TYPE *IoDriverObjectType = (POBJECT_TYPE *)&IopDriverType;

VOID IopInitDrivers(VOID)
{
    InitializeListHead(&Drivers);
    KeInitializeMutex(&LoadMutex, 0);
}

static VOID LockLoader(VOID)
{
    KeWaitForSingleObject(&LoadMutex, Executive, KernelMode, FALSE, NULL);
}

static VOID UnlockLoader(VOID)
{
    KeReleaseMutex(&LoadMutex, FALSE);
}

PDRIVER_DATA IopFindDriver(PCUNICODE_STRING ServiceName)
{
    PLIST_ENTRY Entry;
    for (Entry = Drivers.Flink; Entry != &Drivers; Entry = Entry->Flink) {
        PDRIVER_DATA Driver = CONTAINING_RECORD(Entry, DRIVER_DATA, Link);
        if (ObpEqualNames(&Driver->ServiceName, ServiceName)) {
            return Driver;
        }
    }
    return NULL;
}

PDRIVER_DATA IopDriverOfAddress(PVOID Address)
{
    PLIST_ENTRY Entry;
    for (Entry = Drivers.Flink; Entry && Entry != &Drivers; Entry = Entry->Flink) {
        PDRIVER_DATA Driver = CONTAINING_RECORD(Entry, DRIVER_DATA, Link);
        if (Driver->Image && (ULONG_PTR)Address - (ULONG_PTR)Driver->Image->Base < Driver->Image->Size) {
            return Driver;
        }
    }
    return NULL;
}

static VOID NTAPI RecheckDue(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    PnpQueueUnloadRecheck(&((PDRIVER_DATA)Context)->ServiceName);
}

static NTSTATUS CreateDriverObject(PCUNICODE_STRING ServiceName, PDRIVER_DATA *Result)
{
    static const WCHAR Prefix[] = L"\\Driver\\";
    PDRIVER_DATA Driver;
    PVOID Object;
    ULONG I;
    NTSTATUS Status;
    if (ServiceName->Length >= sizeof(Driver->ServiceBuffer)) {
        return STATUS_NAME_TOO_LONG;
    }
    Status = ObpCreateObject(&IopDriverType, sizeof(DRIVER_DATA), &Object);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Driver = Object;
    InitializeListHead(&Driver->Extensions);
    KeInitializeTimer(&Driver->RecheckTimer);
    KeInitializeDpc(&Driver->RecheckDpc, RecheckDue, Driver);
    RtlCopyMemory(Driver->ServiceBuffer, ServiceName->Buffer, ServiceName->Length);
    RtlInitUnicodeString(&Driver->ServiceName, Driver->ServiceBuffer);
    RtlCopyMemory(Driver->NameBuffer, Prefix, sizeof(Prefix));
    RtlCopyMemory(Driver->NameBuffer + COUNT_OF(Prefix) - 1, ServiceName->Buffer, ServiceName->Length);
    RtlInitUnicodeString(&Driver->Object.DriverName, Driver->NameBuffer);
    Driver->Object.Type = IO_TYPE_DRIVER;
    Driver->Object.Size = sizeof(DRIVER_OBJECT);
    Driver->Object.DriverExtension = &Driver->Extension;
    Driver->Object.HardwareDatabase = CmHardwareDatabase();
    Driver->Extension.DriverObject = &Driver->Object;
    Driver->Extension.ServiceKeyName = Driver->ServiceName;
    for (I = 0; I <= IRP_MJ_MAXIMUM_FUNCTION; I++) {
        Driver->Object.MajorFunction[I] = IopInvalidDeviceRequest;
    }
    Status = ObpInsertName(Object, &Driver->Object.DriverName);
    if (!NT_SUCCESS(Status)) {
        ObfDereferenceObject(Object);
        return Status;
    }
    *Result = Driver;
    return STATUS_SUCCESS;
}

static NTSTATUS RunDriverEntry(PDRIVER_DATA Driver, PDRIVER_INITIALIZE Entry)
{
    WCHAR Path[160];
    UNICODE_STRING RegistryPath;
    NTSTATUS Status;
    CmServicePath(&Driver->ServiceName, Path, COUNT_OF(Path));
    RtlInitUnicodeString(&RegistryPath, Path);
    Driver->Object.DriverInit = Entry;
    Status = Entry(&Driver->Object, &RegistryPath);
    if (KeGetCurrentIrql() != PASSIVE_LEVEL) {
        IoStop(IRQL_UNEXPECTED_VALUE, KeGetCurrentIrql(), PASSIVE_LEVEL, 0, 0, Entry, "DriverEntry returned at IRQL %u",
               KeGetCurrentIrql());
    }
    return Status;
}

/* "The I/O manager clears DO_DEVICE_INITIALIZING of the device objects that DriverEntry creates": page on that flag. */
static VOID IopReadyDevices(PDRIVER_OBJECT DriverObject)
{
    PDEVICE_OBJECT Device;
    KIRQL Irql;
    KeAcquireSpinLock(&IopDeviceLock, &Irql);
    for (Device = DriverObject->DeviceObject; Device; Device = Device->NextDevice) {
        Device->Flags &= ~DO_DEVICE_INITIALIZING;
    }
    KeReleaseSpinLock(&IopDeviceLock, Irql);
}

static VOID Discard(PDRIVER_DATA Driver)
{
    KeCancelTimer(&Driver->RecheckTimer);
    KeRemoveQueueDpc(&Driver->RecheckDpc);
    RemoveEntryList(&Driver->Link);
    ObpRemoveName(Driver);
    if (Driver->Image) {
        LdrUnloadDriver(Driver->Image);
        Driver->Image = NULL;
    }
    ObfDereferenceObject(Driver);
}

/* The service's image, or the kernel's own driver (*Image is NULL then). */
static NTSTATUS FindEntry(PCUNICODE_STRING ServiceName, PLOADED_IMAGE *Image, PDRIVER_INITIALIZE *Entry, PULONG Problem)
{
    CHAR Module[112], Error[256];
    ULONG Start = 3;
    NTSTATUS Status;
    *Image = NULL;
    *Entry = PnpBuiltinEntry(ServiceName);
    if (*Entry) {
        return STATUS_SUCCESS;
    }
    if (CmServiceValue(ServiceName, "Start", &Start) && Start == SERVICE_DISABLED_START) {
        *Problem = CM_PROB_DISABLED_SERVICE;
        return STATUS_PLUGPLAY_NO_DEVICE;
    }
    if (!CmServiceImage(ServiceName, Module, sizeof(Module))) {
        *Problem = CM_PROB_DRIVER_SERVICE_KEY_INVALID;
        return STATUS_OBJECT_NAME_NOT_FOUND;
    }
    Status = LdrLoadDriver(Module, Image, Error, sizeof(Error));
    if (!NT_SUCCESS(Status)) {
        KdLog(LOG_ERROR, "driver %s cannot be loaded: %s (0x%08x)", Module, Error, Status);
        KdTrace("load-failed driver=%s status=0x%08x", Module, Status);
        *Problem = CM_PROB_DRIVER_FAILED_LOAD;
        return Status;
    }
    *Entry = (PDRIVER_INITIALIZE)(*Image)->EntryPoint;
    return STATUS_SUCCESS;
}

/* The loader is locked. The driver that has the service's image already (*Entry is NULL then), or a new one whose DriverEntry is to be called. */
static NTSTATUS FindOrCreate(PCUNICODE_STRING ServiceName, PDRIVER_DATA *Driver, PDRIVER_INITIALIZE *Entry,
                             PULONG Problem)
{
    PLOADED_IMAGE Image;
    NTSTATUS Status;
    *Entry = NULL;
    *Driver = IopFindDriver(ServiceName);
    if (*Driver) {
        return STATUS_SUCCESS;
    }
    Status = FindEntry(ServiceName, &Image, Entry, Problem);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Status = CreateDriverObject(ServiceName, Driver);
    if (!NT_SUCCESS(Status)) {
        if (Image) {
            LdrUnloadDriver(Image);
        }
        *Problem = CM_PROB_OUT_OF_MEMORY;
        return Status;
    }
    (*Driver)->Image = Image;
    if (Image) {
        (*Driver)->Object.DriverStart = Image->Base;
        (*Driver)->Object.DriverSize = (ULONG)Image->Size;
        (*Driver)->Object.DriverSection = Image;
    }
    InsertTailList(&Drivers, &(*Driver)->Link);
    return STATUS_SUCCESS;
}

/* DriverEntry failed: nothing of the driver may be left, as at unload. */
static VOID GiveUp(PDRIVER_DATA Driver, NTSTATUS Status)
{
    KdLog(LOG_ERROR, "DriverEntry of %wZ failed with 0x%08x", &Driver->ServiceName, Status);
    IopReinitialize(&Driver->Object, FALSE);
    if (Driver->Object.DeviceObject) {
        IoStop(DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS, (ULONG_PTR)Driver->Object.DeviceObject, 0, 0, 0,
               (PVOID)Driver->Object.DriverInit,
               "DriverEntry of %wZ failed with 0x%08x but left a device object behind", &Driver->ServiceName, Status);
    }
    if (Driver->Image) {
        IopCheckUnloaded(Driver);
    }
    LockLoader();
    Discard(Driver);
    UnlockLoader();
}

NTSTATUS IopLoadDriver(PCUNICODE_STRING ServiceName, PDRIVER_DATA *Result, PULONG Problem)
{
    PDRIVER_DATA Driver;
    PDRIVER_INITIALIZE Entry;
    NTSTATUS Status;
    *Result = NULL;
    *Problem = 0;
    LockLoader();
    Status = FindOrCreate(ServiceName, &Driver, &Entry, Problem);
    UnlockLoader(); /* DriverEntry may load nothing, but it may wait for other drivers */
    if (!NT_SUCCESS(Status) || !Entry) {
        *Result = NT_SUCCESS(Status) ? Driver : NULL;
        return Status;
    }
    Status = RunDriverEntry(Driver, Entry);
    if (!NT_SUCCESS(Status)) {
        GiveUp(Driver, Status);
        *Problem = CM_PROB_FAILED_DRIVER_ENTRY;
        return Status;
    }
    IopReadyDevices(&Driver->Object);
    if (Driver->Image) {
        LdrDiscardInit(Driver->Image);
    }
    IopReinitialize(&Driver->Object, TRUE);
    *Result = Driver;
    return STATUS_SUCCESS;
}

/*
 * "The driver cannot be unloaded until all of its PnP notification registrations are removed, because each active registration holds a counted
 * reference to the driver object": page on IoUnregisterPlugPlayNotificationEx. Left behind by the last device, nobody will remove it.
 */
static VOID CheckRegistrations(PDRIVER_DATA Driver)
{
    if (PnpFindNotificationOfImage(Driver->Image->Base, Driver->Image->Size)) {
        IoStop(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_NOTIFICATION_LEFT, (ULONG_PTR)&Driver->Object, 0, 0,
               (PVOID)Driver->Object.DriverUnload,
               "the last device of %wZ was removed, but a PnP notification is still registered: the driver can never "
               "unload (call IoUnregisterPlugPlayNotificationEx when the device goes)",
               &Driver->ServiceName);
    }
}

#define RECHECK_INTERVAL 100      /* ms */
#define REFERENCED_LIMIT 10000000 /* 100 ns */

static VOID LookAgain(PDRIVER_DATA Driver)
{
    LARGE_INTEGER Due = {.QuadPart = -RECHECK_INTERVAL * 10000LL};
    KeSetTimer(&Driver->RecheckTimer, Due, &Driver->RecheckDpc);
}

/*
 * References to a deleted device object may be short-lived (a work item, an IRP): it is looked at again for a second. What is left then is
 * a leak, and the driver can never unload. TRUE while there is such a device object.
 */
static BOOLEAN WatchDeleted(PDRIVER_DATA Driver)
{
    ULONG64 Since = 0;
    PDEVICE_OBJECT Device = IopDeletedDeviceOf(&Driver->Object, &Since);
    if (Device && KeQueryUnbiasedInterruptTime() - Since > REFERENCED_LIMIT) {
        PVOID Taker = (PVOID)Driver->Object.MajorFunction[IRP_MJ_PNP];
        LONG Taken = 0;
        BOOLEAN Known = ObpWhoTook(Device, &Taken, &Taker);
        SYMBOL By;
        LdrSymbolFromAddress(Taker, &By);
        IoStop(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_REFERENCE_LEFT, (ULONG_PTR)Device, ObpReferences(Device),
               (ULONG_PTR)Taker, Taker,
               "%wZ deleted a device object a second ago, but %I64d references to it are left%s%s%s%s: an "
               "ObDereferenceObject, or an InterfaceDereference, is missing in a driver that used it",
               &Driver->ServiceName, ObpReferences(Device), Known ? ", the latest taken by " : "",
               Known ? By.Image : "", Known ? "!" : "", Known ? By.Name : "");
    }
    if (Device) {
        LookAgain(Driver);
    }
    return Device != NULL;
}

VOID IopUnloadRecheck(PCUNICODE_STRING ServiceName)
{
    PDRIVER_DATA Driver;
    LockLoader();
    Driver = IopFindDriver(ServiceName);
    UnlockLoader();
    if (Driver && Driver->UnloadPending) {
        IopUnloadService(ServiceName);
    } else if (Driver) {
        IopUnloadIfUnused(Driver);
    }
}

/* Calls DriverUnload, looks for what is left behind, and unmaps the image. Driver->Unloading is set. */
static VOID Unload(PDRIVER_DATA Driver)
{
    Driver->Object.DriverUnload(&Driver->Object);
    if (Driver->Object.DeviceObject) {
        IoStop(DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS, (ULONG_PTR)Driver->Object.DeviceObject, 0, 0, 0,
               (PVOID)Driver->Object.DriverUnload, "DriverUnload of %wZ left a device object behind",
               &Driver->ServiceName);
    }
    IopCheckUnloaded(Driver);
    KdLog(LOG_INFO, "driver %wZ unloaded", &Driver->ServiceName);
    LockLoader();
    Discard(Driver);
    UnlockLoader();
}

VOID IopUnloadIfUnused(PDRIVER_DATA Driver)
{
    if (!Driver->Image || Driver->Unloading || WatchDeleted(Driver)) {
        return;
    }
    LockLoader();
    if (Driver->Devnodes > 0 || Driver->Object.DeviceObject || !Driver->Object.DriverUnload ||
        ObpReferences(Driver) > 1) {
        BOOLEAN Stays = Driver->Devnodes == 0 && Driver->Object.DriverUnload != NULL;
        UnlockLoader();
        if (Stays) {
            CheckRegistrations(Driver);
            KdLog(LOG_INFO, "driver %wZ stays loaded: %s", &Driver->ServiceName,
                  Driver->Object.DeviceObject ? "it still has a device object"
                                              : "its driver object is still referenced");
        }
        return;
    }
    Driver->Unloading = TRUE;
    UnlockLoader();
    Unload(Driver);
}

/* Nobody opens or attaches to a device of a driver that is to go. TRUE: some are in use. */
static BOOLEAN CloseDoors(PDRIVER_DATA Driver)
{
    PDEVICE_OBJECT Device;
    BOOLEAN InUse = FALSE;
    KIRQL Irql;
    KeAcquireSpinLock(&IopDeviceLock, &Irql);
    for (Device = Driver->Object.DeviceObject; Device; Device = Device->NextDevice) {
        IoExtra(Device)->ExtensionFlags |= DOE_UNLOAD_PENDING;
        InUse |= Device->ReferenceCount || Device->AttachedDevice;
    }
    KeReleaseSpinLock(&IopDeviceLock, Irql);
    return InUse;
}

/*
 * A success at once; DriverUnload is called when "no references remain to any of the device objects" and "no other drivers remain attached". The page also wants
 * PnP notifications unregistered before; here DriverUnload may still do that, as drivers without PnP do.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/unload-routine-environment
 */
NTSTATUS IopUnloadService(PCUNICODE_STRING ServiceName)
{
    PDRIVER_DATA Driver;
    BOOLEAN InUse = FALSE;
    NTSTATUS Status = STATUS_SUCCESS;
    LockLoader();
    Driver = IopFindDriver(ServiceName);
    if (!Driver) {
        Status = STATUS_OBJECT_NAME_NOT_FOUND;
    } else if (Driver->Extension.AddDevice || !Driver->Object.DriverUnload || !Driver->Image || Driver->Unloading) {
        Status =
            STATUS_INVALID_DEVICE_REQUEST; /* a PnP driver unloads with its last device; one without Unload never */
    } else {
        Driver->UnloadPending = TRUE;
        InUse = CloseDoors(Driver);
        Driver->Unloading = !InUse;
    }
    UnlockLoader();
    if (NT_SUCCESS(Status) && InUse) {
        KdLog(LOG_INFO, "unloading of %wZ waits until its device objects are no longer in use", ServiceName);
    } else if (NT_SUCCESS(Status)) {
        Unload(Driver);
    }
    return Status;
}

NTSTATUS NTAPI IoAllocateDriverObjectExtension(PDRIVER_OBJECT DriverObject, PVOID ClientIdentificationAddress,
                                               ULONG DriverObjectExtensionSize, PVOID *DriverObjectExtension)
{
    PCLIENT_EXTENSION Extension;
    *DriverObjectExtension = NULL;
    if (IoGetDriverObjectExtension(DriverObject, ClientIdentificationAddress)) {
        return STATUS_OBJECT_NAME_COLLISION;
    }
    Extension = ExAllocatePoolWithTag(NonPagedPool, sizeof(*Extension) + DriverObjectExtensionSize, IO_TAG);
    if (!Extension) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    RtlZeroMemory(Extension, sizeof(*Extension) + DriverObjectExtensionSize);
    Extension->Id = ClientIdentificationAddress;
    InsertTailList(&IoDriverData(DriverObject)->Extensions, &Extension->Link);
    *DriverObjectExtension = Extension->Data;
    return STATUS_SUCCESS;
}

PVOID NTAPI IoGetDriverObjectExtension(PDRIVER_OBJECT DriverObject, PVOID ClientIdentificationAddress)
{
    PLIST_ENTRY Head = &IoDriverData(DriverObject)->Extensions, Entry;
    for (Entry = Head->Flink; Entry != Head; Entry = Entry->Flink) {
        PCLIENT_EXTENSION Extension = CONTAINING_RECORD(Entry, CLIENT_EXTENSION, Link);
        if (Extension->Id == ClientIdentificationAddress) {
            return Extension->Data;
        }
    }
    return NULL;
}
