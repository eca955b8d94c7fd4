/* SPDX-License-Identifier: MIT */
/* Broken rules of AddDevice, of removal, and of the IRPs that must be passed down. See violations.h. */
#include "pnp_violations.h"

/* A case of AddDevice: correct, and then this. */
#define ADDS(name)                                                                                                     \
    static NTSTATUS NTAPI BAD(name, _add)(PDRIVER_OBJECT DriverObject, PDEVICE_OBJECT PhysicalDevice);                 \
    BROKEN(name)                                                                                                       \
    {                                                                                                                  \
        Driver->DriverExtension->AddDevice = Break_##name##_add;                                                       \
    }                                                                                                                  \
    static NTSTATUS NTAPI Break_##name##_add(PDRIVER_OBJECT DriverObject, PDEVICE_OBJECT PhysicalDevice)

ADDS(add_leaves_initializing)
{
    Add(DriverObject, PhysicalDevice);
    Fdo->Flags |= DO_DEVICE_INITIALIZING;
    return STATUS_SUCCESS;
}

ADDS(add_sets_both_methods)
{
    Add(DriverObject, PhysicalDevice);
    Fdo->Flags |= DO_BUFFERED_IO | DO_DIRECT_IO;
    return STATUS_SUCCESS;
}

ADDS(add_not_pageable)
{
    PhysicalDevice->Flags |= DO_POWER_PAGABLE;
    Add(DriverObject, PhysicalDevice);
    Fdo->Flags &= ~DO_POWER_PAGABLE;
    return STATUS_SUCCESS;
}

ADDS(add_fails_attached)
{
    Add(DriverObject, PhysicalDevice);
    return STATUS_UNSUCCESSFUL;
}

ADDS(add_raised)
{
    Add(DriverObject, PhysicalDevice);
    Raise(DISPATCH_LEVEL);
    return STATUS_SUCCESS;
}

/* Is it IRP_MN_<minor> for the function device? */
static BOOLEAN Is(PDEVICE_OBJECT Device, PIRP Irp, UCHAR Minor)
{
    return Device == Fdo && IoGetCurrentIrpStackLocation(Irp)->MinorFunction == Minor;
}

/* A case of IRP_MJ_PNP for the function device: correct, but this minor function. */
#define ON(name, minor)                                                                                                \
    static NTSTATUS Wrong_##name(PIRP Irp);                                                                            \
    static NTSTATUS NTAPI BAD(name, _pnp)(PDEVICE_OBJECT Device, PIRP Irp)                                             \
    {                                                                                                                  \
        return Is(Device, Irp, minor) ? Wrong_##name(Irp) : Pnp(Device, Irp);                                          \
    }                                                                                                                  \
    static void Take_##name(void)                                                                                      \
    {                                                                                                                  \
        Driver->MajorFunction[IRP_MJ_PNP] = Break_##name##_pnp;                                                        \
    }                                                                                                                  \
    __attribute__((always_inline)) static inline NTSTATUS Wrong_##name(PIRP Irp)

ON(remove_stays_attached, IRP_MN_REMOVE_DEVICE)
{
    Irp->IoStatus.Status = STATUS_SUCCESS;
    return PassDown(Irp);
}
BROKEN(remove_stays_attached)
{
    FailStart = TRUE;
    Take_remove_stays_attached();
}

ON(remove_keeps_device, IRP_MN_REMOVE_DEVICE)
{
    Irp->IoStatus.Status = STATUS_SUCCESS;
    NTSTATUS status = PassDown(Irp);
    IoDetachDevice(Below);
    return status;
}
BROKEN(remove_keeps_device)
{
    FailStart = TRUE;
    Take_remove_keeps_device();
}

ON(remove_keeps_interface, IRP_MN_START_DEVICE)
{
    static const GUID class = {0x6f4b0d31, 0x5a5c, 0x4e0b, {0x9e, 0x6b, 0xb0, 0xdd, 0, 0, 0, 10}};
    UNICODE_STRING link;
    IoRegisterDeviceInterface(Pdo, &class, NULL, &link);
    IoSetDeviceInterfaceState(&link, TRUE);
    RtlFreeUnicodeString(&link);
    return Pnp(Fdo, Irp);
}
BROKEN(remove_keeps_interface)
{
    Failing = TRUE;
    Take_remove_keeps_interface();
}

ON(surprise_fails, IRP_MN_SURPRISE_REMOVAL)
{
    return Complete(Irp, STATUS_UNSUCCESSFUL);
}
BROKEN(surprise_fails)
{
    Failing = TRUE;
    Take_surprise_fails();
}

ON(surprise_detaches, IRP_MN_SURPRISE_REMOVAL)
{
    Irp->IoStatus.Status = STATUS_SUCCESS;
    NTSTATUS status = PassDown(Irp);
    IoDetachDevice(Below);
    return status;
}
BROKEN(surprise_detaches)
{
    Failing = TRUE;
    Take_surprise_detaches();
}

ON(changes_unknown_status, 0xFF)
{
    Irp->IoStatus.Status = STATUS_SUCCESS;
    return PassDown(Irp);
}
BROKEN(changes_unknown_status)
{
    Take_changes_unknown_status();
}

ON(changes_unknown_information, 0xFF)
{
    Irp->IoStatus.Information = 1;
    return PassDown(Irp);
}
BROKEN(changes_unknown_information)
{
    Take_changes_unknown_information();
}

ON(passes_failed_down, IRP_MN_QUERY_CAPABILITIES)
{
    Irp->IoStatus.Status = STATUS_UNSUCCESSFUL;
    return PassDown(Irp);
}
BROKEN(passes_failed_down)
{
    Take_passes_failed_down();
}

ON(keeps_capabilities, IRP_MN_QUERY_CAPABILITIES)
{
    return Complete(Irp, STATUS_UNSUCCESSFUL);
}
BROKEN(keeps_capabilities)
{
    Take_keeps_capabilities();
}

ON(keeps_start, IRP_MN_START_DEVICE)
{
    return Complete(Irp, STATUS_SUCCESS);
}
BROKEN(keeps_start)
{
    Take_keeps_start();
}

ON(keeps_untouched, IRP_MN_QUERY_PNP_DEVICE_STATE)
{
    return Complete(Irp, Irp->IoStatus.Status);
}
BROKEN(keeps_untouched)
{
    Take_keeps_untouched();
}

/* Two device objects of the driver: Fdo on top of Middle. */
static PDEVICE_OBJECT Middle;

static NTSTATUS NTAPI AddTwo(PDRIVER_OBJECT DriverObject, PDEVICE_OBJECT PhysicalDevice)
{
    Add(DriverObject, PhysicalDevice);
    Middle = Fdo;
    return Add(DriverObject, PhysicalDevice);
}

static NTSTATUS MiddlePnp(PIRP Irp)
{
    NTSTATUS status;
    BOOLEAN remove = IoGetCurrentIrpStackLocation(Irp)->MinorFunction == IRP_MN_REMOVE_DEVICE;
    IoSkipCurrentIrpStackLocation(Irp);
    status = IoCallDriver(Pdo, Irp);
    if (remove) {
        IoDetachDevice(Pdo);
        IoDeleteDevice(Middle);
    }
    return status;
}

static NTSTATUS NTAPI BAD(skips_to_pdo, _pnp)(PDEVICE_OBJECT Device, PIRP Irp)
{
    IoSkipCurrentIrpStackLocation(Irp);
    return IoCallDriver(Pdo, Irp);
}
BROKEN(skips_to_pdo)
{
    Driver->DriverExtension->AddDevice = AddTwo;
    Driver->MajorFunction[IRP_MJ_PNP] = Break_skips_to_pdo_pnp;
}

static NTSTATUS NTAPI BAD(unsets_status, _pnp)(PDEVICE_OBJECT Device, PIRP Irp)
{
    if (Device != Middle) {
        return Pnp(Device, Irp);
    }
    if (Irp->IoStatus.Status != STATUS_NOT_SUPPORTED) {
        Irp->IoStatus.Status = STATUS_NOT_SUPPORTED;
        IoSkipCurrentIrpStackLocation(Irp);
        return IoCallDriver(Pdo, Irp);
    }
    return MiddlePnp(Irp);
}
BROKEN(unsets_status)
{
    FailStart = TRUE;
    Driver->DriverExtension->AddDevice = AddTwo;
    Driver->MajorFunction[IRP_MJ_PNP] = Break_unsets_status_pnp;
}

ON(passes_other_minor, IRP_MN_QUERY_CAPABILITIES)
{
    IoCopyCurrentIrpStackLocationToNext(Irp);
    IoGetNextIrpStackLocation(Irp)->MinorFunction = IRP_MN_QUERY_RESOURCES;
    return IoCallDriver(Below, Irp);
}
BROKEN(passes_other_minor)
{
    Take_passes_other_minor();
}

ON(passes_removal_untouched, IRP_MN_REMOVE_DEVICE)
{
    NTSTATUS status = PassDown(Irp);
    IoDetachDevice(Below);
    IoDeleteDevice(Fdo);
    return status;
}
BROKEN(passes_removal_untouched)
{
    FailStart = TRUE;
    Take_passes_removal_untouched();
}

ON(answers_for_bus_driver, IRP_MN_QUERY_CAPABILITIES)
{
    Irp->IoStatus.Status = STATUS_SUCCESS;
    return PassDown(Irp);
}
BROKEN(answers_for_bus_driver)
{
    Take_answers_for_bus_driver();
}

ON(remove_fails, IRP_MN_REMOVE_DEVICE)
{
    return Complete(Irp, STATUS_UNSUCCESSFUL);
}
BROKEN(remove_fails)
{
    FailStart = TRUE;
    Take_remove_fails();
}

ON(surprise_deletes, IRP_MN_SURPRISE_REMOVAL)
{
    Irp->IoStatus.Status = STATUS_SUCCESS;
    NTSTATUS status = PassDown(Irp);
    IoDeleteDevice(Fdo);
    return status;
}
BROKEN(surprise_deletes)
{
    Failing = TRUE;
    Take_surprise_deletes();
}

/* Code of INIT is gone when DriverEntry has returned. */
__attribute__((section("INIT"), noinline, used)) static NTSTATUS NTAPI
Break_init_code_called_add(PDRIVER_OBJECT DriverObject, PDEVICE_OBJECT PhysicalDevice)
{
    return Add(DriverObject, PhysicalDevice);
}
BROKEN(init_code_called)
{
    Driver->DriverExtension->AddDevice = Break_init_code_called_add;
}

/* As the I/O manager left it: no routine of the driver's. The fake WMI IRP after the start finds none. */
BROKEN(no_wmi_routine)
{
    Driver->MajorFunction[IRP_MJ_SYSTEM_CONTROL] = Driver->MajorFunction[IRP_MJ_SHUTDOWN];
}
