/* SPDX-License-Identifier: MIT */
/*
 * Calls about a device that need its PDO: interfaces, adapters, target events, relations, power settings, requests and idle detection. Runs in
 * IRP_MN_START_DEVICE of a root device; what needs the PnP manager free runs in a thread afterwards.
 */
#include "function.h"
#include "undeclared.h"
#include <initguid.h>
#include <wdmguid.h>

DEFINE_GUID(GUID_FIRST, 0x6f4b0d31, 0x5a5c, 0x4e0b, 0x9e, 0x6b, 0xb0, 0xdd, 0, 0, 0, 0x31);
DEFINE_GUID(GUID_ALIAS, 0x6f4b0d31, 0x5a5c, 0x4e0b, 0x9e, 0x6b, 0xb0, 0xdd, 0, 0, 0, 0x32);
DEFINE_GUID(GUID_EVENT, 0x6f4b0d31, 0x5a5c, 0x4e0b, 0x9e, 0x6b, 0xb0, 0xdd, 0, 0, 0, 0x33);
DEFINE_GUID(GUID_POWER_SOURCE, 0x5d3e9a59, 0xe9D5, 0x4b00, 0xa6, 0xbd, 0xff, 0x34, 0xff, 0x51, 0x65, 0x48);

static UNICODE_STRING Link;
static LONG Customs, Settings, Relations;
static PIRP Wake;
static PVOID Entry;

static void Interfaces(void)
{
    UNICODE_STRING alias, other, value = RTL_CONSTANT_STRING(L"Kept");
    KEY_VALUE_PARTIAL_INFORMATION *information;
    UCHAR buffer[64];
    HANDLE key;
    ULONG data = 0xB0DD, length;
    CHECK(NT_SUCCESS(IoRegisterDeviceInterface(Physical, &GUID_FIRST, NULL, &Link)));
    CHECK(!NT_SUCCESS(IoGetDeviceInterfaceAlias(&Link, &GUID_ALIAS, &alias))); /* none of that class yet */
    CHECK(NT_SUCCESS(IoRegisterDeviceInterface(Physical, &GUID_ALIAS, NULL, &other)));
    CHECK(NT_SUCCESS(IoGetDeviceInterfaceAlias(&Link, &GUID_ALIAS, &alias)));
    CHECK(RtlEqualUnicodeString(&alias, &other, TRUE) && !RtlEqualUnicodeString(&alias, &Link, TRUE));
    RtlFreeUnicodeString(&alias);
    CHECK(NT_SUCCESS(IoOpenDeviceInterfaceRegistryKey(&Link, KEY_ALL_ACCESS, &key)));
    CHECK(NT_SUCCESS(ZwSetValueKey(key, &value, 0, REG_DWORD, &data, sizeof(data))));
    ZwClose(key);
    CHECK(NT_SUCCESS(IoOpenDeviceInterfaceRegistryKey(&Link, KEY_READ, &key)));
    information = (PVOID)buffer;
    CHECK(NT_SUCCESS(ZwQueryValueKey(key, &value, KeyValuePartialInformation, buffer, sizeof(buffer), &length)));
    CHECK(*(PULONG)information->Data == 0xB0DD); /* kept with the interface */
    ZwClose(key);
    CHECK(NT_SUCCESS(IoOpenDeviceInterfaceRegistryKey(&other, KEY_READ, &key))); /* each has its own */
    CHECK(ZwQueryValueKey(key, &value, KeyValuePartialInformation, buffer, sizeof(buffer), &length) ==
          STATUS_OBJECT_NAME_NOT_FOUND);
    ZwClose(key);
    RtlFreeUnicodeString(&other);
    other = value;
    CHECK(!NT_SUCCESS(IoOpenDeviceInterfaceRegistryKey(&other, KEY_READ, &key)));
}

/* The hardware key and the software key of a device are two; the latter is made when the driver is installed. */
static void RegistryKeys(void)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"Which");
    ULONG types[2] = {PLUGPLAY_REGKEY_DEVICE, PLUGPLAY_REGKEY_DRIVER};
    UCHAR buffer[64];
    ULONG length;
    HANDLE key;
    for (ULONG i = 0; i < 2; i++) {
        CHECK(NT_SUCCESS(IoOpenDeviceRegistryKey(Physical, types[i], KEY_ALL_ACCESS, &key)));
        CHECK(NT_SUCCESS(ZwSetValueKey(key, &name, 0, REG_DWORD, &i, sizeof(i))));
        ZwClose(key);
    }
    for (ULONG i = 0; i < 2; i++) {
        CHECK(NT_SUCCESS(IoOpenDeviceRegistryKey(Physical, types[i], KEY_READ, &key)));
        CHECK(NT_SUCCESS(ZwQueryValueKey(key, &name, KeyValuePartialInformation, buffer, sizeof(buffer), &length)));
        CHECK(*(PULONG)((PKEY_VALUE_PARTIAL_INFORMATION)buffer)->Data == i);
        ZwClose(key);
    }
    CHECK(IoOpenDeviceRegistryKey(Physical, 3, KEY_READ, &key) == STATUS_INVALID_PARAMETER); /* one of the two */
    CHECK(IoOpenDeviceRegistryKey(Self, PLUGPLAY_REGKEY_DEVICE, KEY_READ, &key) ==
          STATUS_INVALID_DEVICE_REQUEST); /* no PDO */
}

static void Adapter(void)
{
    DEVICE_DESCRIPTION description = {.Version = DEVICE_DESCRIPTION_VERSION,
                                      .Master = TRUE,
                                      .ScatterGather = TRUE,
                                      .Dma32BitAddresses = TRUE,
                                      .InterfaceType = PCIBus,
                                      .MaximumLength = 0x10000};
    ULONG registers = 0;
    USHORT node = 99;
    PHYSICAL_ADDRESS logical;
    PDMA_ADAPTER adapter = IoGetDmaAdapter(Physical, &description, &registers);
    CHECK(adapter != NULL && registers >= 0x10000 / PAGE_SIZE);
    PUCHAR buffer = adapter->DmaOperations->AllocateCommonBuffer(adapter, 2 * PAGE_SIZE, &logical, TRUE);
    CHECK(buffer && logical.QuadPart + 2 * PAGE_SIZE <= 0x100000000);
    CHECK(adapter->DmaOperations->GetDmaAlignment(adapter) >= 1);
    adapter->DmaOperations->FreeCommonBuffer(adapter, 2 * PAGE_SIZE, logical, buffer, TRUE);
    adapter->DmaOperations->PutDmaAdapter(adapter);
    description.Master = FALSE;
    CHECK(IoGetDmaAdapter(Physical, &description, &registers) == NULL); /* slave DMA: no PC has it any more */
    CHECK(NT_SUCCESS(IoGetDeviceNumaNode(Physical, &node)) && node <= KeQueryHighestNodeNumber());
}

static NTSTATUS NTAPI SettingChanged(LPCGUID Setting, PVOID Value, ULONG Length, PVOID Context)
{
    CHECK(IsEqualGUID(Setting, &GUID_POWER_SOURCE) && Length == sizeof(ULONG) && Context == &Settings);
    CHECK(*(PULONG)Value == 0); /* mains */
    Settings++;
    return STATUS_SUCCESS;
}

static void PowerCalls(void)
{
    PVOID handle, request, state, again;
    PULONG idle;
    ULONG seconds;
    UNICODE_STRING reason = RTL_CONSTANT_STRING(L"a test");
    COUNTED_REASON_CONTEXT context = {.Version = POWER_REQUEST_CONTEXT_VERSION,
                                      .Flags = POWER_REQUEST_CONTEXT_SIMPLE_STRING};
    context.SimpleString = reason;
    CHECK(NT_SUCCESS(
        PoRegisterPowerSettingCallback(Self, &GUID_POWER_SOURCE, SettingChanged, (PVOID)&Settings, &handle)));
    CHECK(Settings == 1); /* told the present value */
    CHECK(NT_SUCCESS(PoUnregisterPowerSettingCallback(handle)));

    CHECK(NT_SUCCESS(PoCreatePowerRequest(&request, Self, &context)));
    CHECK(PoClearPowerRequest(request, PowerRequestSystemRequired) == STATUS_UNSUCCESSFUL); /* none is set */
    CHECK(NT_SUCCESS(PoSetPowerRequest(request, PowerRequestSystemRequired)));
    CHECK(NT_SUCCESS(PoSetPowerRequest(request, PowerRequestSystemRequired))); /* counted */
    CHECK(NT_SUCCESS(PoClearPowerRequest(request, PowerRequestSystemRequired)));
    CHECK(NT_SUCCESS(PoClearPowerRequest(request, PowerRequestSystemRequired)));
    CHECK(PoClearPowerRequest(request, PowerRequestSystemRequired) == STATUS_UNSUCCESSFUL);
    CHECK(PoSetPowerRequest(request, (POWER_REQUEST_TYPE)99) == STATUS_INVALID_PARAMETER);
    PoDeletePowerRequest(request);

    state = PoRegisterSystemState(NULL, ES_SYSTEM_REQUIRED | ES_CONTINUOUS);
    CHECK(state != NULL);
    again = PoRegisterSystemState(state, ES_CONTINUOUS);
    CHECK(again == state); /* changed, not registered anew */
    PoSetSystemState(ES_SYSTEM_REQUIRED);
    PoUnregisterSystemState(state);

    idle = PoRegisterDeviceForIdleDetection(Physical, 100, 100, PowerDeviceD3);
    CHECK(idle != NULL);
    *idle = 5;
    PoSetDeviceBusyEx(idle);
    CHECK(*idle == 0);
    *idle = 5;
    PoStartDeviceBusy(idle);
    CHECK(*idle == 0);
    PoEndDeviceBusy(idle);
    CHECK(PoRegisterDeviceForIdleDetection(Physical, 0, 0, PowerDeviceD3) == NULL);
    CHECK(!PoQueryWatchdogTime(Physical, &seconds)); /* no power IRP is under way */
}

/* A wait/wake IRP is marked as the one that woke the system, by whoever finds that out. */
static void WaitWake(void)
{
    POWER_STATE state = {.SystemState = PowerSystemSleeping3};
    PIRP irp = NULL;
    CHECK(PoRequestPowerIrp(Physical, IRP_MN_WAIT_WAKE, state, NULL, NULL, &irp) == STATUS_PENDING);
    CHECK(irp && irp == Wake && !PoGetSystemWake(irp));
    PoSetSystemWake(irp);
    CHECK(PoGetSystemWake(irp));
    irp->IoStatus.Status = STATUS_CANCELLED;
    Wake = NULL;
    PoStartNextPowerIrp(irp);
    IoCompleteRequest(irp, IO_NO_INCREMENT);
}

static NTSTATUS NTAPI TargetChange(PVOID Structure, PVOID Context)
{
    PTARGET_DEVICE_CUSTOM_NOTIFICATION custom = Structure;
    Customs += IsEqualGUID(&custom->Event, &GUID_EVENT);
    return STATUS_SUCCESS;
}

/* In a thread of its own, when the start, which holds the PnP manager, is through. */
static VOID NTAPI Finish(PVOID Context)
{
    TARGET_DEVICE_CUSTOM_NOTIFICATION custom = {
        .Version = 1, .Size = sizeof(custom), .Event = GUID_EVENT, .NameBufferOffset = -1};
    PFILE_OBJECT file;
    PDEVICE_OBJECT device;
    CHECK(NT_SUCCESS(IoSetDeviceInterfaceState(&Link, TRUE)));
    CHECK(NT_SUCCESS(IoGetDeviceObjectPointer(&Link, FILE_READ_DATA, &file, &device)));
    CHECK(NT_SUCCESS(IoRegisterPlugPlayNotification(EventCategoryTargetDeviceChange, 0, file, Self->DriverObject,
                                                    TargetChange, NULL, &Entry)));
    CHECK(NT_SUCCESS(IoReportTargetDeviceChange(Physical, &custom)));
    CHECK(Customs == 1); /* all have been told when it returns */
    custom.Event = GUID_TARGET_DEVICE_REMOVE_COMPLETE;
    CHECK(IoReportTargetDeviceChange(Physical, &custom) == STATUS_INVALID_DEVICE_REQUEST);
    CHECK(NT_SUCCESS(IoUnregisterPlugPlayNotification(Entry)));
    custom.Event = GUID_EVENT;
    custom.Size = FIELD_OFFSET(TARGET_DEVICE_CUSTOM_NOTIFICATION, CustomDataBuffer) - 1;
    CHECK(IoReportTargetDeviceChange(Physical, &custom) == STATUS_INVALID_PARAMETER);
    CHECK(IoReportTargetDeviceChangeAsynchronous(Physical, &custom, NULL, NULL) == STATUS_INVALID_PARAMETER);
    custom.Size = sizeof(custom);
    CHECK(NT_SUCCESS(IoReportTargetDeviceChange(Physical, &custom)) && Customs == 1);
    ObDereferenceObject(file);

    Relations = 0;
    CHECK(NT_SUCCESS(IoSynchronousInvalidateDeviceRelations(Physical, BusRelations)));
    CHECK(Relations == 1); /* asked before it returned */
    CHECK(NT_SUCCESS(IoSetDeviceInterfaceState(&Link, FALSE)));
    RtlFreeUnicodeString(&Link);
    Summary("pdo");
}

static NTSTATUS NTAPI Pnp(PDEVICE_OBJECT Device, PIRP Irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    HANDLE thread;
    NTSTATUS status;
    if (stack->MinorFunction == IRP_MN_START_DEVICE) {
        IoForwardIrpSynchronously(Lower, Irp);
        Interfaces();
        RegistryKeys();
        Adapter();
        PowerCalls();
        WaitWake();
        CHECK(NT_SUCCESS(PsCreateSystemThread(&thread, THREAD_ALL_ACCESS, NULL, NULL, NULL, Finish, NULL)));
        ZwClose(thread);
        status = Irp->IoStatus.Status;
        IoCompleteRequest(Irp, IO_NO_INCREMENT);
        return status;
    }
    if (stack->MinorFunction == IRP_MN_QUERY_DEVICE_RELATIONS &&
        stack->Parameters.QueryDeviceRelations.Type == BusRelations) {
        Relations++;
    }
    IoSkipCurrentIrpStackLocation(Irp);
    return IoCallDriver(Lower, Irp);
}

static NTSTATUS NTAPI Power(PDEVICE_OBJECT Device, PIRP Irp)
{
    if (IoGetCurrentIrpStackLocation(Irp)->MinorFunction == IRP_MN_WAIT_WAKE) {
        IoMarkIrpPending(Irp);
        Wake = Irp;
        return STATUS_PENDING;
    }
    PoStartNextPowerIrp(Irp);
    IoSkipCurrentIrpStackLocation(Irp);
    return PoCallDriver(Lower, Irp);
}

/* WMI: passed on, as by every driver that provides none. */
static NTSTATUS NTAPI DispatchSystemControl(PDEVICE_OBJECT Device, PIRP Irp)
{
    IoSkipCurrentIrpStackLocation(Irp);
    return IoCallDriver(Lower, Irp);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    DriverObject->DriverExtension->AddDevice = AttachDevice;
    DriverObject->MajorFunction[IRP_MJ_CREATE] = Succeed;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = Succeed;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = Succeed;
    DriverObject->MajorFunction[IRP_MJ_POWER] = Power;
    DriverObject->MajorFunction[IRP_MJ_SYSTEM_CONTROL] = DispatchSystemControl;
    DriverObject->MajorFunction[IRP_MJ_PNP] = Pnp;
    return STATUS_SUCCESS;
}
