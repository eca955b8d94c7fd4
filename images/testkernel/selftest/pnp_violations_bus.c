/* SPDX-License-Identifier: MIT */
/* Broken rules of bus drivers, of DMA adapters, and of what must not outlive a device. See violations.h. */
#include "pnp_violations.h"

/* A case of IRP_MJ_PNP: the bus with its child, and then this for one minor function of the child. */
#define CHILD(name, minor)                                                                                             \
    static NTSTATUS Wrong_##name(PDEVICE_OBJECT Device, PIRP Irp);                                                     \
    static NTSTATUS NTAPI BAD(name, _pnp)(PDEVICE_OBJECT Device, PIRP Irp)                                             \
    {                                                                                                                  \
        BOOLEAN mine = Device == Child && IoGetCurrentIrpStackLocation(Irp)->MinorFunction == (minor);                 \
        return mine ? Wrong_##name(Device, Irp) : Pnp(Device, Irp);                                                    \
    }                                                                                                                  \
    static void Take_##name(void)                                                                                      \
    {                                                                                                                  \
        IsBus = TRUE;                                                                                                  \
        Driver->MajorFunction[IRP_MJ_PNP] = Break_##name##_pnp;                                                        \
    }                                                                                                                  \
    __attribute__((always_inline)) static inline NTSTATUS Wrong_##name(PDEVICE_OBJECT Device, PIRP Irp)

CHILD(reports_twins, 0xFF)
{
    return Pnp(Device, Irp);
}
BROKEN(reports_twins)
{
    Children = 2;
    Take_reports_twins();
}

CHILD(reports_bad_id, 0xFF)
{
    return Pnp(Device, Irp);
}
BROKEN(reports_bad_id)
{
    ChildId = L"TEST\\A,B";
    Take_reports_bad_id();
}

CHILD(reports_long_id, 0xFF)
{
    return Pnp(Device, Irp);
}
BROKEN(reports_long_id)
{
    static WCHAR id[201] = L"TEST\\";
    for (ULONG i = 5; i < 200; i++) {
        id[i] = L'x';
    }
    ChildId = id;
    Take_reports_long_id();
}

CHILD(reports_null_child, 0xFF)
{
    return Pnp(Device, Irp);
}
BROKEN(reports_null_child)
{
    NullChild = TRUE;
    Take_reports_null_child();
}

static NTSTATUS NTAPI BAD(reports_deleted_child, _pnp)(PDEVICE_OBJECT Device, PIRP Irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    BOOLEAN relations = stack->MinorFunction == IRP_MN_QUERY_DEVICE_RELATIONS &&
                        stack->Parameters.QueryDeviceRelations.Type == BusRelations;
    NTSTATUS status = Pnp(Device, Irp);
    if (relations) {
        IoDeleteDevice(Child);
    }
    return status;
}
BROKEN(reports_deleted_child)
{
    IsBus = TRUE;
    Driver->MajorFunction[IRP_MJ_PNP] = Break_reports_deleted_child_pnp;
}

CHILD(child_dereferenced, IRP_MN_QUERY_CAPABILITIES)
{
    while (ObDereferenceObject(Device) > 0) {
    }
    return ChildPnp(Device, Irp);
}
BROKEN(child_dereferenced)
{
    Take_child_dereferenced();
}

/* The child can be started raw; its start fails, so it is removed. */
CHILD(present_child_deleted, IRP_MN_REMOVE_DEVICE)
{
    NTSTATUS status = ChildPnp(Device, Irp);
    IoDeleteDevice(Device);
    return status;
}
static NTSTATUS NTAPI RawAndFails(PDEVICE_OBJECT Device, PIRP Irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    if (stack->MinorFunction == IRP_MN_QUERY_CAPABILITIES) {
        stack->Parameters.DeviceCapabilities.Capabilities->RawDeviceOK = TRUE;
    }
    return stack->MinorFunction == IRP_MN_START_DEVICE ? Complete(Irp, STATUS_UNSUCCESSFUL) : ChildPnp(Device, Irp);
}
BROKEN(present_child_deleted)
{
    OnChild = RawAndFails;
    Take_present_child_deleted();
}

/* Target device relations: asked for when somebody registers for notification about a file of the child. */
static NTSTATUS NTAPI Notify(PVOID Structure, PVOID Context)
{
    return STATUS_SUCCESS;
}

static VOID NTAPI OpenAndRegister(PDEVICE_OBJECT Device, PVOID Context)
{
    UNICODE_STRING name;
    PFILE_OBJECT file;
    PDEVICE_OBJECT device;
    WCHAR buffer[64];
    ULONG length;
    PVOID entry;
    IoGetDeviceProperty(Child, DevicePropertyPhysicalDeviceObjectName, sizeof(buffer), buffer, &length);
    RtlInitUnicodeString(&name, buffer);
    if (NT_SUCCESS(IoGetDeviceObjectPointer(&name, FILE_READ_DATA, &file, &device))) {
        IoRegisterPlugPlayNotification(EventCategoryTargetDeviceChange, 0, file, Driver, Notify, NULL, &entry);
    }
}

CHILD(target_relation_unanswered_later, IRP_MN_QUERY_DEVICE_RELATIONS)
{
    return Complete(Irp, Irp->IoStatus.Status);
}
static NTSTATUS NTAPI RawAndOpened(PDEVICE_OBJECT Device, PIRP Irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    if (stack->MinorFunction == IRP_MN_QUERY_CAPABILITIES) {
        stack->Parameters.DeviceCapabilities.Capabilities->RawDeviceOK = TRUE;
    }
    if (stack->MinorFunction == IRP_MN_QUERY_PNP_DEVICE_STATE) { /* after START: nobody can open it before */
        IoQueueWorkItem(IoAllocateWorkItem(Device), OpenAndRegister, DelayedWorkQueue, NULL);
    }
    return ChildPnp(Device, Irp);
}
static NTSTATUS NTAPI Open(PDEVICE_OBJECT Device, PIRP Irp)
{
    return Complete(Irp, STATUS_SUCCESS);
}
BROKEN(target_relation_unanswered_later)
{
    OnChild = RawAndOpened;
    Driver->MajorFunction[IRP_MJ_CREATE] = Driver->MajorFunction[IRP_MJ_CLOSE] = Driver->MajorFunction[IRP_MJ_CLEANUP] =
        Open;
    Take_target_relation_unanswered_later();
}

/* A TargetDeviceRelation query of the child's, answered by Answer. */
#define TARGETS(name)                                                                                                  \
    CHILD(name, IRP_MN_QUERY_DEVICE_RELATIONS)                                                                         \
    {                                                                                                                  \
        return IoGetCurrentIrpStackLocation(Irp)->Parameters.QueryDeviceRelations.Type == TargetDeviceRelation         \
                   ? Answer_##name(Device, Irp)                                                                        \
                   : ChildPnp(Device, Irp);                                                                            \
    }                                                                                                                  \
    BROKEN(name)                                                                                                       \
    {                                                                                                                  \
        OnChild = RawAndOpened;                                                                                        \
        Driver->MajorFunction[IRP_MJ_CREATE] = Driver->MajorFunction[IRP_MJ_CLOSE] =                                   \
            Driver->MajorFunction[IRP_MJ_CLEANUP] = Open;                                                              \
        Take_##name();                                                                                                 \
    }

__attribute__((always_inline)) static inline NTSTATUS Answer_target_relation_empty_later(PDEVICE_OBJECT Device,
                                                                                         PIRP Irp)
{
    return Complete(Irp, STATUS_SUCCESS);
}
TARGETS(target_relation_empty_later)

__attribute__((always_inline)) static inline NTSTATUS Answer_target_unreferenced_later(PDEVICE_OBJECT Device, PIRP Irp)
{
    PDEVICE_RELATIONS relations = ExAllocatePoolWithTag(PagedPool, sizeof(*relations), TAG);
    relations->Count = 1;
    relations->Objects[0] = Device;
    Irp->IoStatus.Information = (ULONG_PTR)relations;
    return Complete(Irp, STATUS_SUCCESS);
}
TARGETS(target_unreferenced_later)

/* The bus reports its own function device as its child. */
static NTSTATUS NTAPI BAD(reports_fdo, _pnp)(PDEVICE_OBJECT Device, PIRP Irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    if (Device == Fdo && stack->MinorFunction == IRP_MN_QUERY_DEVICE_RELATIONS &&
        stack->Parameters.QueryDeviceRelations.Type == BusRelations) {
        PDEVICE_RELATIONS relations = ExAllocatePoolWithTag(PagedPool, sizeof(*relations), TAG);
        relations->Count = 1;
        relations->Objects[0] = Fdo;
        ObReferenceObject(Fdo);
        Irp->IoStatus.Information = (ULONG_PTR)relations;
        Irp->IoStatus.Status = STATUS_SUCCESS;
        return PassDown(Irp);
    }
    return Pnp(Device, Irp);
}
BROKEN(reports_fdo)
{
    Driver->MajorFunction[IRP_MJ_PNP] = Break_reports_fdo_pnp;
}

/* A bus filter on the child, which is started raw and whose start fails: on the removal the filter goes although the child is still there. */
static PDEVICE_OBJECT BusFilter;

static NTSTATUS WithBusFilter(PDEVICE_OBJECT Device, PIRP Irp, BOOLEAN Delete)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    BOOLEAN relations = stack->MinorFunction == IRP_MN_QUERY_DEVICE_RELATIONS;
    BOOLEAN remove = stack->MinorFunction == IRP_MN_REMOVE_DEVICE;
    NTSTATUS status;
    if (BusFilter && Device == BusFilter) {
        if (remove) {
            Irp->IoStatus.Status = STATUS_SUCCESS;
        }
        IoSkipCurrentIrpStackLocation(Irp);
        status = IoCallDriver(Child, Irp);
        if (remove) {
            IoDetachDevice(Child);
        }
        if (remove && Delete) {
            IoDeleteDevice(BusFilter);
        }
        return status;
    }
    status = Pnp(Device, Irp);
    if (Device == Fdo && relations && Child && !BusFilter) {
        IoCreateDevice(Driver, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &BusFilter);
        BusFilter->Flags |= DO_POWER_PAGABLE;
        IoAttachDeviceToDeviceStack(BusFilter, Child);
        BusFilter->Flags &= ~DO_DEVICE_INITIALIZING;
    }
    return status;
}

static NTSTATUS NTAPI BAD(bus_filter_detaches, _pnp)(PDEVICE_OBJECT Device, PIRP Irp)
{
    return WithBusFilter(Device, Irp, FALSE);
}
BROKEN(bus_filter_detaches)
{
    IsBus = TRUE;
    OnChild = RawAndFails;
    Driver->MajorFunction[IRP_MJ_PNP] = Break_bus_filter_detaches_pnp;
}

static NTSTATUS NTAPI BAD(bus_filter_deletes, _pnp)(PDEVICE_OBJECT Device, PIRP Irp)
{
    return WithBusFilter(Device, Irp, TRUE);
}
BROKEN(bus_filter_deletes)
{
    IsBus = TRUE;
    OnChild = RawAndFails;
    Driver->MajorFunction[IRP_MJ_PNP] = Break_bus_filter_deletes_pnp;
}

/* What must not outlive the device: the start fails after this was done, and the device is removed. */
#define LEAVES(name)                                                                                                   \
    static NTSTATUS NTAPI BAD(name, _add)(PDRIVER_OBJECT DriverObject, PDEVICE_OBJECT PhysicalDevice);                 \
    BROKEN(name)                                                                                                       \
    {                                                                                                                  \
        FailStart = TRUE;                                                                                              \
        Driver->DriverExtension->AddDevice = Break_##name##_add;                                                       \
    }                                                                                                                  \
    static NTSTATUS NTAPI Break_##name##_add(PDRIVER_OBJECT DriverObject, PDEVICE_OBJECT PhysicalDevice)

LEAVES(device_leaves_notification)
{
    static const GUID class = {0x6f4b0d31, 0x5a5c, 0x4e0b, {0x9e, 0x6b, 0xb0, 0xdd, 0, 0, 0, 9}};
    PVOID entry;
    IoRegisterPlugPlayNotification(EventCategoryDeviceInterfaceChange, 0, (PVOID) & class, Driver, Notify, NULL,
                                   &entry);
    return Add(DriverObject, PhysicalDevice);
}

/* A notification callback returns in a critical region. */
static NTSTATUS NTAPI BAD(notification_disables_apcs_later, _notify)(PVOID Structure, PVOID Context)
{
    KeEnterCriticalRegion();
    return STATUS_SUCCESS;
}
static NTSTATUS NTAPI BAD(notification_raises_later, _notify)(PVOID Structure, PVOID Context)
{
    KIRQL irql;
    KeRaiseIrql(APC_LEVEL, &irql);
    return STATUS_SUCCESS;
}
static NTSTATUS NotifiedOfItself(PDRIVER_OBJECT DriverObject, PDEVICE_OBJECT PhysicalDevice,
                                 PDRIVER_NOTIFICATION_CALLBACK_ROUTINE Routine)
{
    static const GUID class = {0x6f4b0d31, 0x5a5c, 0x4e0b, {0x9e, 0x6b, 0xb0, 0xdd, 0, 0, 0, 9}};
    UNICODE_STRING link;
    PVOID entry;
    NTSTATUS status = Add(DriverObject, PhysicalDevice);
    IoRegisterPlugPlayNotification(EventCategoryDeviceInterfaceChange, 0, (PVOID) & class, Driver, Routine, NULL,
                                   &entry);
    IoRegisterDeviceInterface(PhysicalDevice, &class, NULL, &link);
    IoSetDeviceInterfaceState(&link, TRUE);
    return status;
}
static NTSTATUS NTAPI AddApcs(PDRIVER_OBJECT DriverObject, PDEVICE_OBJECT PhysicalDevice)
{
    return NotifiedOfItself(DriverObject, PhysicalDevice, Break_notification_disables_apcs_later_notify);
}
static NTSTATUS NTAPI AddRaises(PDRIVER_OBJECT DriverObject, PDEVICE_OBJECT PhysicalDevice)
{
    return NotifiedOfItself(DriverObject, PhysicalDevice, Break_notification_raises_later_notify);
}
BROKEN(notification_disables_apcs_later)
{
    Driver->DriverExtension->AddDevice = AddApcs;
}
BROKEN(notification_raises_later)
{
    Driver->DriverExtension->AddDevice = AddRaises;
}

/* The removal relations of a device name a PDO that is no more. */
static NTSTATUS NTAPI BAD(deleted_relation_later, _pnp)(PDEVICE_OBJECT Device, PIRP Irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    PDEVICE_RELATIONS relations;
    PDEVICE_OBJECT deleted;
    if (stack->MinorFunction == IRP_MN_START_DEVICE) {
        IoRequestDeviceEject(Pdo);
    }
    if (stack->MinorFunction != IRP_MN_QUERY_DEVICE_RELATIONS ||
        stack->Parameters.QueryDeviceRelations.Type != RemovalRelations) {
        return Pnp(Device, Irp);
    }
    IoCreateDevice(Driver, 0, NULL, FILE_DEVICE_UNKNOWN, FILE_AUTOGENERATED_DEVICE_NAME, FALSE, &deleted);
    ObReferenceObject(deleted);
    IoDeleteDevice(deleted);
    relations = ExAllocatePoolWithTag(PagedPool, sizeof(*relations), TAG);
    relations->Count = 1;
    relations->Objects[0] = deleted;
    Irp->IoStatus.Information = (ULONG_PTR)relations;
    Irp->IoStatus.Status = STATUS_SUCCESS;
    return PassDown(Irp);
}
BROKEN(deleted_relation_later)
{
    Driver->MajorFunction[IRP_MJ_PNP] = Break_deleted_relation_later_pnp;
}

static NTSTATUS NTAPI BAD(device_leaves_reference_later, _pnp)(PDEVICE_OBJECT Device, PIRP Irp)
{
    if (IoGetCurrentIrpStackLocation(Irp)->MinorFunction == IRP_MN_START_DEVICE) {
        ObReferenceObject(Device);
    }
    return Pnp(Device, Irp);
}
BROKEN(device_leaves_reference_later)
{
    FailStart = TRUE;
    Driver->MajorFunction[IRP_MJ_PNP] = Break_device_leaves_reference_later_pnp;
}

/* DMA */
static PDMA_ADAPTER Adapter(PDEVICE_OBJECT PhysicalDevice)
{
    DEVICE_DESCRIPTION description = {.Version = DEVICE_DESCRIPTION_VERSION,
                                      .Master = TRUE,
                                      .ScatterGather = TRUE,
                                      .Dma32BitAddresses = TRUE,
                                      .InterfaceType = PCIBus,
                                      .MaximumLength = 0x10000};
    ULONG registers;
    return IoGetDmaAdapter(PhysicalDevice, &description, &registers);
}

LEAVES(common_buffer_left)
{
    PDMA_ADAPTER adapter = Adapter(PhysicalDevice);
    PHYSICAL_ADDRESS address;
    adapter->DmaOperations->AllocateCommonBuffer(adapter, 4096, &address, TRUE);
    adapter->DmaOperations->PutDmaAdapter(adapter);
    return STATUS_SUCCESS;
}

LEAVES(common_buffer_wrong_address)
{
    PDMA_ADAPTER adapter = Adapter(PhysicalDevice);
    PHYSICAL_ADDRESS address;
    PVOID buffer = adapter->DmaOperations->AllocateCommonBuffer(adapter, 4096, &address, TRUE);
    address.QuadPart += 4096;
    adapter->DmaOperations->FreeCommonBuffer(adapter, 4096, address, buffer, TRUE);
    return STATUS_SUCCESS;
}

static VOID NTAPI KeepList(PDEVICE_OBJECT Device, PIRP Irp, PSCATTER_GATHER_LIST List, PVOID Context)
{
}

static void GetList(PDEVICE_OBJECT PhysicalDevice, PDMA_ADAPTER Dma)
{
    static UCHAR buffer[64];
    PMDL mdl = IoAllocateMdl(buffer, sizeof(buffer), FALSE, FALSE, NULL);
    MmBuildMdlForNonPagedPool(mdl);
    Dma->DmaOperations->GetScatterGatherList(Dma, PhysicalDevice, mdl, buffer, sizeof(buffer), KeepList, NULL, TRUE);
}

LEAVES(scatter_gather_list_left)
{
    PDMA_ADAPTER adapter = Adapter(PhysicalDevice);
    KIRQL irql = Raise(DISPATCH_LEVEL);
    GetList(PhysicalDevice, adapter);
    KeLowerIrql(irql);
    adapter->DmaOperations->PutDmaAdapter(adapter);
    return STATUS_SUCCESS;
}

LEAVES(scatter_gather_at_passive)
{
    static UCHAR buffer[64];
    PDMA_ADAPTER adapter = Adapter(PhysicalDevice);
    PMDL mdl = IoAllocateMdl(buffer, sizeof(buffer), FALSE, FALSE, NULL);
    MmBuildMdlForNonPagedPool(mdl);
    adapter->DmaOperations->GetScatterGatherList(adapter, PhysicalDevice, mdl, buffer, sizeof(buffer), KeepList, NULL,
                                                 TRUE);
    return STATUS_SUCCESS;
}
