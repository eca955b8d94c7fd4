/* SPDX-License-Identifier: MIT */
/* A WMI data provider with the library's help, and a consumer in the kernel. It stays registered, for `buddyctl wmi`. */
#include "check.h"
#include <wmistr.h>
#include <wmilib.h>

#undef IoWMIDeviceObjectToProviderId
NTKERNELAPI ULONG NTAPI IoWMIDeviceObjectToProviderId(PDEVICE_OBJECT DeviceObject);

#define TAG 'tseT'

static const GUID Data = {0xb0dd0001, 0x5a5c, 0x4e0b, {0x9e, 0x6b, 0xb0, 0xdd, 0, 0, 0, 1}};
static const GUID Event = {0xb0dd0002, 0x5a5c, 0x4e0b, {0x9e, 0x6b, 0xb0, 0xdd, 0, 0, 0, 2}};
static WMIGUIDREGINFO Guids[] = {{&Data, 2, WMIREG_FLAG_EXPENSIVE}, {&Event, 1, WMIREG_FLAG_EVENT_ONLY_GUID}};
static WMILIB_CONTEXT Context;
static UNICODE_STRING Path;
static PDEVICE_OBJECT Device;
static ULONG Values[2][2] = {{10, 11}, {20, 21}};
static LONG Collecting, Reporting, Registrations;
static SYSCTL_IRP_DISPOSITION Disposition;
static KEVENT Delivered;
static ULONG DeliveredValue;

static NTSTATUS NTAPI QueryRegInfo(PDEVICE_OBJECT DeviceObject, PULONG Flags, PUNICODE_STRING Name,
                                   PUNICODE_STRING *RegistryPath, PUNICODE_STRING Mof, PDEVICE_OBJECT *Pdo)
{
    static const WCHAR base[] = L"Buddy";
    CHECK(KeGetCurrentIrql() == PASSIVE_LEVEL && DeviceObject == Device);
    *Flags = WMIREG_FLAG_INSTANCE_BASENAME;
    Name->Buffer = ExAllocatePoolWithTag(PagedPool, sizeof(base), TAG); /* WMI frees it */
    RtlCopyMemory(Name->Buffer, base, sizeof(base));
    Name->Length = Name->MaximumLength = sizeof(base) - sizeof(WCHAR);
    *RegistryPath = &Path;
    RtlInitUnicodeString(Mof, L"MofResource");
    InterlockedIncrement(&Registrations);
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI QueryBlock(PDEVICE_OBJECT DeviceObject, PIRP Irp, ULONG Guid, ULONG First, ULONG Count,
                                 PULONG Lengths, ULONG Room, PUCHAR Buffer)
{
    ULONG size = (Count - 1) * 8 + 8;
    CHECK(Guid == 0 && Collecting > 0);
    if (!Buffer || Room < size) {
        return WmiCompleteRequest(DeviceObject, Irp, STATUS_BUFFER_TOO_SMALL, size, IO_NO_INCREMENT);
    }
    for (ULONG i = 0; i < Count; i++) {
        Lengths[i] = sizeof(Values[0]);
        RtlCopyMemory(Buffer + 8 * i, Values[First + i], sizeof(Values[0]));
    }
    return WmiCompleteRequest(DeviceObject, Irp, STATUS_SUCCESS, size, IO_NO_INCREMENT);
}

static NTSTATUS NTAPI SetBlock(PDEVICE_OBJECT DeviceObject, PIRP Irp, ULONG Guid, ULONG Index, ULONG Size,
                               PUCHAR Buffer)
{
    NTSTATUS status = Size == sizeof(Values[0]) ? STATUS_SUCCESS : STATUS_WMI_SET_FAILURE;
    if (NT_SUCCESS(status)) {
        RtlCopyMemory(Values[Index], Buffer, Size);
    }
    return WmiCompleteRequest(DeviceObject, Irp, status, 0, IO_NO_INCREMENT);
}

static NTSTATUS NTAPI SetItem(PDEVICE_OBJECT DeviceObject, PIRP Irp, ULONG Guid, ULONG Index, ULONG Item, ULONG Size,
                              PUCHAR Buffer)
{
    NTSTATUS status = Item < 2 && Size == sizeof(ULONG) ? STATUS_SUCCESS : STATUS_WMI_ITEMID_NOT_FOUND;
    if (NT_SUCCESS(status)) {
        Values[Index][Item] = *(PULONG)Buffer;
    }
    return WmiCompleteRequest(DeviceObject, Irp, status, 0, IO_NO_INCREMENT);
}

/* Method 1 adds its argument to the instance's first value; method 2 fires the event with it. */
static NTSTATUS NTAPI Execute(PDEVICE_OBJECT DeviceObject, PIRP Irp, ULONG Guid, ULONG Index, ULONG Method,
                              ULONG InSize, ULONG OutSize, PUCHAR Buffer)
{
    NTSTATUS status = InSize == sizeof(ULONG) && OutSize >= sizeof(ULONG) ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
    if (NT_SUCCESS(status) && Method == 1) {
        *(PULONG)Buffer += Values[Index][0];
    } else if (NT_SUCCESS(status) && Method == 2) {
        PULONG data = ExAllocatePoolWithTag(NonPagedPool, sizeof(ULONG), TAG);
        *data = *(PULONG)Buffer;
        CHECK(NT_SUCCESS(WmiFireEvent(DeviceObject, &Event, 0, sizeof(ULONG), data))); /* which frees it */
    } else {
        status = STATUS_INVALID_DEVICE_REQUEST;
    }
    return WmiCompleteRequest(DeviceObject, Irp, status, NT_SUCCESS(status) ? sizeof(ULONG) : 0, IO_NO_INCREMENT);
}

static NTSTATUS NTAPI Control(PDEVICE_OBJECT DeviceObject, PIRP Irp, ULONG Guid, WMIENABLEDISABLECONTROL Function,
                              BOOLEAN Enable)
{
    CHECK(Guid == (Function == WmiEventControl ? 1u : 0u));
    InterlockedExchangeAdd(Function == WmiEventControl ? &Reporting : &Collecting, Enable ? 1 : -1);
    return WmiCompleteRequest(DeviceObject, Irp, STATUS_SUCCESS, 0, IO_NO_INCREMENT);
}

static NTSTATUS NTAPI SystemControl(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    NTSTATUS status = WmiSystemControl(&Context, DeviceObject, Irp, &Disposition);
    if (Disposition != IrpProcessed) {
        status = Disposition == IrpNotCompleted ? Irp->IoStatus.Status : STATUS_NOT_SUPPORTED; /* nobody is below */
        Irp->IoStatus.Status = status;
        IoCompleteRequest(Irp, IO_NO_INCREMENT);
    }
    return status;
}

static VOID NTAPI OnEvent(PVOID Wnode, PVOID Caller)
{
    PWNODE_SINGLE_INSTANCE event = Wnode;
    CHECK(KeGetCurrentIrql() == PASSIVE_LEVEL && Caller == &Delivered && event->InstanceIndex == 0);
    CHECK(event->WnodeHeader.ProviderId == IoWMIDeviceObjectToProviderId(Device) && event->SizeDataBlock == 4);
    DeliveredValue = *(PULONG)((PUCHAR)event + event->DataBlockOffset);
    KeSetEvent(&Delivered, 0, FALSE);
}

/* The provider is asked in a thread of WMI's. */
static PVOID OpenWhenRegistered(const GUID *Guid)
{
    PVOID block = NULL;
    LARGE_INTEGER soon = Milliseconds(1);
    for (ULONG i = 0; i < 5000 && !NT_SUCCESS(IoWMIOpenBlock((GUID *)(ULONG_PTR)Guid, 0, &block)); i++) {
        KeDelayExecutionThread(KernelMode, FALSE, &soon);
    }
    CHECK(block != NULL);
    return block;
}

static void Blocks(void)
{
    UNICODE_STRING second = RTL_CONSTANT_STRING(L"Buddy1"), none = RTL_CONSTANT_STRING(L"Buddy2");
    static ULONG64 buffer[64];
    PWNODE_ALL_DATA all = (PWNODE_ALL_DATA)buffer;
    PWNODE_SINGLE_INSTANCE one = (PWNODE_SINGLE_INSTANCE)buffer;
    ULONG size = 0, pair[2] = {5, 6}, value = 7;
    PVOID block = OpenWhenRegistered(&Data);
    CHECK(Collecting == 1); /* an expensive block is collected while somebody has it open */
    CHECK(IoWMIQueryAllData(block, &size, NULL) == STATUS_BUFFER_TOO_SMALL && size > sizeof(*all));
    CHECK(NT_SUCCESS(IoWMIQueryAllData(block, &size, buffer)) && all->InstanceCount == 2);
    CHECK(*(PULONG)((PUCHAR)all + all->OffsetInstanceDataAndLength[1].OffsetInstanceData) == 20);
    CHECK(all->OffsetInstanceDataAndLength[0].LengthInstanceData == 8 && all->WnodeHeader.Linkage == 0);
    size = sizeof(buffer);
    CHECK(NT_SUCCESS(IoWMIQuerySingleInstance(block, &second, &size, buffer)) && one->SizeDataBlock == 8);
    CHECK(((PULONG)((PUCHAR)one + one->DataBlockOffset))[1] == 21);
    size = sizeof(*one);
    CHECK(IoWMIQuerySingleInstance(block, &second, &size, buffer) == STATUS_BUFFER_TOO_SMALL && size > sizeof(*one));
    CHECK(IoWMIQuerySingleInstance(block, &none, &size, buffer) == STATUS_WMI_INSTANCE_NOT_FOUND);
    CHECK(NT_SUCCESS(IoWMISetSingleInstance(block, &second, 0, sizeof(pair), pair)) && Values[1][1] == 6);
    CHECK(IoWMISetSingleInstance(block, &second, 0, 4, pair) == STATUS_WMI_SET_FAILURE);
    CHECK(NT_SUCCESS(IoWMISetSingleItem(block, &second, 1, 0, sizeof(value), &value)) && Values[1][1] == 7);
    CHECK(IoWMISetSingleItem(block, &second, 9, 0, sizeof(value), &value) == STATUS_WMI_ITEMID_NOT_FOUND);
    size = sizeof(value);
    CHECK(NT_SUCCESS(IoWMIExecuteMethod(block, &second, 1, sizeof(value), &size, (PUCHAR)&value)));
    CHECK(value == 12 && size == 4);
    CHECK(IoWMIExecuteMethod(block, &second, 9, sizeof(value), &size, (PUCHAR)&value) == STATUS_INVALID_DEVICE_REQUEST);
    ObDereferenceObject(block);
    CHECK(Collecting == 0);
}

static void Events(void)
{
    UNICODE_STRING first = RTL_CONSTANT_STRING(L"Buddy0");
    PVOID block = OpenWhenRegistered(&Data), event = OpenWhenRegistered(&Event);
    ULONG value = 99, size = sizeof(value);
    KeInitializeEvent(&Delivered, SynchronizationEvent, FALSE);
    CHECK(Reporting == 0 && NT_SUCCESS(IoWMISetNotificationCallback(event, OnEvent, &Delivered)) && Reporting == 1);
    CHECK(NT_SUCCESS(IoWMIExecuteMethod(block, &first, 2, sizeof(value), &size, (PUCHAR)&value)));
    CHECK(Wait(&Delivered, 5000) == STATUS_SUCCESS && DeliveredValue == 99);
    ObDereferenceObject(event);
    CHECK(Reporting == 0);
    ObDereferenceObject(block);
}

/* A request for another provider is passed on, one with a minor code that is not WMI's, too. */
static void Dispositions(void)
{
    for (ULONG i = 0; i < 2; i++) {
        KEVENT done;
        IO_STATUS_BLOCK iosb;
        KeInitializeEvent(&done, NotificationEvent, FALSE);
        PIRP irp = IoBuildSynchronousFsdRequest(IRP_MJ_SYSTEM_CONTROL, Device, NULL, 0, NULL, &done, &iosb);
        PIO_STACK_LOCATION next = IoGetNextIrpStackLocation(irp);
        next->MinorFunction = i ? 0x40 : IRP_MN_QUERY_ALL_DATA;
        next->Parameters.WMI.ProviderId = i ? (ULONG_PTR)Device : (ULONG_PTR)&done;
        CHECK(IoCallDriver(Device, irp) == STATUS_NOT_SUPPORTED);
        CHECK(Disposition == (i ? IrpNotWmi : IrpForward));
    }
}

static void Registration(void)
{
    PVOID block;
    CHECK(IoWMIOpenBlock((GUID *)(ULONG_PTR)&Data, 0, &block) == STATUS_WMI_GUID_NOT_FOUND);
    CHECK(IoWMIDeviceObjectToProviderId(Device) == 0);
    CHECK(NT_SUCCESS(IoWMIRegistrationControl(Device, WMIREG_ACTION_REGISTER)));
    CHECK(IoWMIDeviceObjectToProviderId(Device) != 0);
    Blocks();
    Events();
    Dispositions();
    LONG before = Registrations;
    CHECK(NT_SUCCESS(IoWMIRegistrationControl(Device, WMIREG_ACTION_DEREGISTER)) && before == 1);
    CHECK(IoWMIOpenBlock((GUID *)(ULONG_PTR)&Data, 0, &block) == STATUS_WMI_GUID_NOT_FOUND);
    CHECK(IoWMIRegistrationControl(Device, WMIREG_ACTION_UPDATE_GUIDS) == STATUS_INVALID_PARAMETER);
    CHECK(NT_SUCCESS(IoWMIRegistrationControl(Device, WMIREG_ACTION_REGISTER)));
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    DriverObject->MajorFunction[IRP_MJ_SYSTEM_CONTROL] = SystemControl;
    Path.Length = RegistryPath->Length;
    Path.MaximumLength = RegistryPath->Length;
    Path.Buffer = ExAllocatePoolWithTag(NonPagedPool, RegistryPath->Length, TAG);
    RtlCopyMemory(Path.Buffer, RegistryPath->Buffer, RegistryPath->Length);
    Context = (WMILIB_CONTEXT){.GuidCount = 2,
                               .GuidList = Guids,
                               .QueryWmiRegInfo = QueryRegInfo,
                               .QueryWmiDataBlock = QueryBlock,
                               .SetWmiDataBlock = SetBlock,
                               .SetWmiDataItem = SetItem,
                               .ExecuteWmiMethod = Execute,
                               .WmiFunctionControl = Control};
    CHECK(NT_SUCCESS(IoCreateDevice(DriverObject, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &Device)));
    Device->Flags &= ~DO_DEVICE_INITIALIZING;
    Registration();
    return Summary("wmi");
}
