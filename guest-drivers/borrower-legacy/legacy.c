/* SPDX-License-Identifier: MIT */
/*
 * The borrower as an NT4-style driver: no AddDevice, no PnP stack of its own. It looks for the owner by device name when it is loaded and fails to load
 * without it, as before PnP ("If the other driver's not loaded, we have to error out!").
 * Source: seed articles "Buddy Drivers", Method 1, Figure 1; "How to share HW resources": "Device B can be a legacy NT4 style device".
 *
 * It exercises the hardware from the moment it is loaded. It has no IRP_MJ_PNP and no power IRPs, so the owner's power callbacks are all it knows of power; for removal it uses target-device notification, which
 * any driver may register for.
 */
#include "hardware.h"
#include "irp.h"
#include <wdmguid.h>

#define POOL_TAG 'lyduB'

const CHAR TraceDriverName[] = "borrower-legacy";

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\BuddyBorrowerLegacy");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\BuddyBorrowerLegacy");
static UNICODE_STRING OwnerName = RTL_CONSTANT_STRING(BUDDY_OWNER_DEVICE_NAME L"1");

typedef struct _LEGACY {
    HARDWARE Hardware;
    KMUTEX Lock;
    PFILE_OBJECT OwnerFile; /* NULL: closed; under Lock */
    PDEVICE_OBJECT Owner;
    ULONG Client;
    PVOID Notification;
} LEGACY, *PLEGACY;

static PLEGACY Legacy(PDEVICE_OBJECT DeviceObject)
{
    return (PLEGACY)DeviceObject->DeviceExtension;
}

/* EXERCISER.Wake */
static VOID WakeOwner(PEXERCISER Exerciser, PVOID User)
{
    PLEGACY legacy = CONTAINING_RECORD((PPAGE_USER)User, LEGACY, Hardware.User);

    UNREFERENCED_PARAMETER(Exerciser);
    KeWaitForSingleObject(&legacy->Lock, Executive, KernelMode, FALSE, NULL);
    if (legacy->OwnerFile != NULL) {
        SendInternalIoctl(legacy->Owner, legacy->OwnerFile, IOCTL_INTERNAL_BUDDY_WAKE, NULL, 0, NULL, 0, NULL);
    }
    KeReleaseMutex(&legacy->Lock, FALSE);
}

/* Returns what was borrowed and closes the owner. PASSIVE_LEVEL. Harmless when closed already. */
static VOID CloseOwner(PLEGACY Legacy)
{
    KeWaitForSingleObject(&Legacy->Lock, Executive, KernelMode, FALSE, NULL);
    if (Legacy->OwnerFile != NULL) {
        if (Legacy->Client != 0) {
            SendInternalIoctl(Legacy->Owner, Legacy->OwnerFile, IOCTL_INTERNAL_BUDDY_RETURN, &Legacy->Client,
                              sizeof(Legacy->Client), NULL, 0, NULL);
            HardwareForget(&Legacy->Hardware);
            Trace("returned device=1");
        }
        ObDereferenceObject(Legacy->OwnerFile);
        Legacy->OwnerFile = NULL;
        Legacy->Client = 0;
        Trace("close device=1");
    }
    KeReleaseMutex(&Legacy->Lock, FALSE);
}

/* PASSIVE_LEVEL, in the PnP manager's thread. Without interface notification there is no way back to an owner that was let go. */
static NTSTATUS NTAPI TargetChanged(PVOID NotificationStructure, PVOID Context)
{
    PTARGET_DEVICE_REMOVAL_NOTIFICATION notification = (PTARGET_DEVICE_REMOVAL_NOTIFICATION)NotificationStructure;

    if (IsEqualGUID(&notification->Event, &GUID_TARGET_DEVICE_QUERY_REMOVE)) {
        Trace("target-query-remove device=1");
        if (!MUTANT(BORROWER_LEGACY_KEEPS_OWNER)) {
            CloseOwner((PLEGACY)Context);
        }
    } else if (IsEqualGUID(&notification->Event, &GUID_TARGET_DEVICE_REMOVE_COMPLETE)) {
        Trace("target-remove-complete device=1");
        CloseOwner((PLEGACY)Context);
    }
    return STATUS_SUCCESS;
}

static NTSTATUS BorrowResources(PLEGACY Legacy)
{
    BUDDY_BORROW request;
    union {
        BUDDY_RESOURCES Resources;
        UCHAR Space[BUDDY_RESOURCES_SIZE(8)];
    } answer;
    NTSTATUS status;

    HardwareDescribe(&Legacy->Hardware, &request);
    KeWaitForSingleObject(&Legacy->Lock, Executive, KernelMode, FALSE, NULL);
    status = Legacy->OwnerFile == NULL && !MUTANT(BORROWER_LEGACY_GOES_ON_WITHOUT_OWNER)
                 ? STATUS_DELETE_PENDING
                 : SendInternalIoctl(Legacy->Owner, Legacy->OwnerFile, IOCTL_INTERNAL_BUDDY_BORROW, &request,
                                     sizeof(request), &answer, sizeof(answer), NULL);
    if (NT_SUCCESS(status)) {
        Legacy->Client = answer.Resources.Client;
        Trace("borrowed client=%u mechanism=name device=1", Legacy->Client);
    }
    KeReleaseMutex(&Legacy->Lock, FALSE);
    return status;
}

static NTSTATUS OpenOwner(PDRIVER_OBJECT DriverObject, PLEGACY Legacy)
{
    NTSTATUS status =
        IoGetDeviceObjectPointer(&OwnerName, FILE_READ_DATA | FILE_WRITE_DATA, &Legacy->OwnerFile, &Legacy->Owner);

    Trace("open status=%x device=1", status);
    if (!NT_SUCCESS(status)) {
        Legacy->OwnerFile = NULL;
        return MUTANT(BORROWER_LEGACY_GOES_ON_WITHOUT_OWNER) ? BorrowResources(Legacy) : status;
    }
    status = IoRegisterPlugPlayNotification(EventCategoryTargetDeviceChange, 0, Legacy->OwnerFile, DriverObject,
                                            TargetChanged, Legacy, &Legacy->Notification);
    return NT_SUCCESS(status) ? BorrowResources(Legacy) : status;
}

static VOID LeaveOwner(PLEGACY Legacy)
{
    CloseOwner(Legacy);
    if (Legacy->Notification != NULL) {
        IoUnregisterPlugPlayNotificationEx(Legacy->Notification);
        Legacy->Notification = NULL;
    }
}

/* Mutant only: "even uglier, have the first driver start a thread that polls". Nobody ends it. */
static VOID NTAPI Poll(PVOID DriverObject)
{
    PLEGACY legacy = Legacy(((PDRIVER_OBJECT)DriverObject)->DeviceObject);
    LARGE_INTEGER moment = {.QuadPart = -100000};

    for (;;) {
        if (legacy->OwnerFile == NULL) {
            OpenOwner((PDRIVER_OBJECT)DriverObject, legacy);
        }
        KeDelayExecutionThread(KernelMode, FALSE, &moment);
    }
}

static VOID StartPolling(PDRIVER_OBJECT DriverObject)
{
    OBJECT_ATTRIBUTES attributes;
    HANDLE handle;

    InitializeObjectAttributes(&attributes, NULL, OBJ_KERNEL_HANDLE, NULL, NULL);
    if (NT_SUCCESS(PsCreateSystemThread(&handle, THREAD_ALL_ACCESS, &attributes, NULL, NULL, Poll, DriverObject))) {
        ZwClose(handle);
    }
}

/* Create, cleanup and close. */
static NTSTATUS NTAPI DispatchOpen(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS NTAPI DispatchControl(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    ULONG_PTR information = 0;
    NTSTATUS status = ExerciserControl(&Legacy(DeviceObject)->Hardware.User.Exerciser,
                                       stack->Parameters.DeviceIoControl.IoControlCode, Irp->AssociatedIrp.SystemBuffer,
                                       stack->Parameters.DeviceIoControl.InputBufferLength,
                                       stack->Parameters.DeviceIoControl.OutputBufferLength, &information);

    return CompleteIrp(Irp, status, information);
}

/* Takes the device object apart again, from wherever its making got to. */
static VOID DeleteDevice(PDRIVER_OBJECT DriverObject)
{
    PLEGACY legacy = Legacy(DriverObject->DeviceObject);

    LeaveOwner(legacy);
    ExerciserStop(&legacy->Hardware.User.Exerciser);
    IoDeleteSymbolicLink(&LinkName);
    IoDeleteDevice(DriverObject->DeviceObject);
}

static VOID NTAPI Unload(PDRIVER_OBJECT DriverObject)
{
    Trace("unload");
    DeleteDevice(DriverObject);
}

SECTION_INIT NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    PDEVICE_OBJECT deviceObject;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(RegistryPath);
    Trace("load");
    status = IoCreateDevice(DriverObject, sizeof(LEGACY), &DeviceName, FILE_DEVICE_UNKNOWN, FILE_DEVICE_SECURE_OPEN,
                            FALSE, &deviceObject);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    RtlZeroMemory(deviceObject->DeviceExtension, sizeof(LEGACY));
    KeInitializeMutex(&Legacy(deviceObject)->Lock, 0);
    HardwareInitialize(&Legacy(deviceObject)->Hardware);
    Legacy(deviceObject)->Hardware.User.Exerciser.Wake = WakeOwner;
    deviceObject->Flags |= DO_BUFFERED_IO; /* the I/O manager clears DO_DEVICE_INITIALIZING of what DriverEntry made */
    DriverObject->DriverUnload = Unload;
    DriverObject->MajorFunction[IRP_MJ_CREATE] = DispatchOpen;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = DispatchOpen;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = DispatchOpen;
    DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL] = DispatchControl;
    status = IoCreateSymbolicLink(&LinkName, &DeviceName);
    if (NT_SUCCESS(status)) {
        status = OpenOwner(DriverObject, Legacy(deviceObject));
    }
    if (NT_SUCCESS(status)) {
        status = ExerciserStart(&Legacy(deviceObject)->Hardware.User.Exerciser, BUDDY_PATTERN_MIXED);
    }
    if (NT_SUCCESS(status) && MUTANT(BORROWER_LEGACY_POLLS)) {
        StartPolling(DriverObject);
    }
    if (!NT_SUCCESS(status)) {
        DeleteDevice(DriverObject);
    }
    return status;
}
