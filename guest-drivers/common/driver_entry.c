/* SPDX-License-Identifier: MIT */
/* Loading, AddDevice, unloading. */
#include "function_device.h"

static LONG DeviceCount;

VOID FunctionReadSettings(PFUNCTION_DEVICE Device)
{
    SettingsRead(Device->Pdo, FunctionOperations.Settings, FunctionOperations.SettingCount, Device->Settings);
    if (FunctionOperations.SettingCount != 0) {
        TraceDetail = Device->Settings[0];
    }
}

static NTSTATUS CreateDevice(PDRIVER_OBJECT DriverObject, PUNICODE_STRING Name, PDEVICE_OBJECT *Self)
{
    return IoCreateDevice(DriverObject, (ULONG)FunctionOperations.ExtensionSize, Name, FunctionOperations.DeviceType,
                          FILE_DEVICE_SECURE_OPEN, FALSE, Self);
}

/*
 * A name lets drivers from before PnP find the device; a PnP driver's normal way is the interface alone. Who may open it is what the INF's security
 * descriptor says, for the name as well (FILE_DEVICE_SECURE_OPEN).
 */
static SECTION_PAGE NTSTATUS CreateNamedDevice(PDRIVER_OBJECT DriverObject, PCWSTR Prefix, ULONG Number,
                                               PDEVICE_OBJECT *Self)
{
    WCHAR buffer[64];
    WCHAR digits[12];
    UNICODE_STRING name = {0, sizeof(buffer), buffer};
    UNICODE_STRING number = {0, sizeof(digits), digits};

    RtlAppendUnicodeToString(&name, Prefix);
    RtlIntegerToUnicodeString(Number, 10, &number);
    RtlAppendUnicodeStringToString(&name, &number);
    return CreateDevice(DriverObject, &name, Self);
}

/* Attaches a new device object to Pdo's stack. PASSIVE_LEVEL. Source: Microsoft, "Writing an AddDevice Routine". */
static SECTION_PAGE NTSTATUS NTAPI AddDevice(PDRIVER_OBJECT DriverObject, PDEVICE_OBJECT Pdo)
{
    const FUNCTION_OPERATIONS *operations = &FunctionOperations;
    ULONG settings[MAX_SETTINGS];
    ULONG number = (ULONG)InterlockedIncrement(&DeviceCount);
    PDEVICE_OBJECT self;
    PFUNCTION_DEVICE device;
    NTSTATUS status;

    SettingsRead(Pdo, operations->Settings, operations->SettingCount, settings);
    if (operations->DeviceName != NULL && settings[operations->DeviceNameSetting]) {
        status = CreateNamedDevice(DriverObject, operations->DeviceName, number, &self);
    } else {
        status = CreateDevice(DriverObject, NULL, &self);
    }
    if (!NT_SUCCESS(status)) {
        return status;
    }
    device = FunctionDevice(self);
    RtlZeroMemory(device, operations->ExtensionSize);
    device->Role = RoleFunction;
    device->Number = number;
    device->Self = self;
    device->Pdo = Pdo;
    device->State = PnpNotStarted;
    device->DeviceState = PowerDeviceUnspecified;
    FunctionReadSettings(device);
    IoInitializeRemoveLock(&device->RemoveLock, POOL_TAG, 0, 0);
    KeInitializeMutex(&device->HardwareLock, 0);
    WaitersInitialize(&device->Waiters, &device->RemoveLock);
    WaitWakeInitialize(device);
    device->PowerUpItem = IoAllocateWorkItem(self);
    device->Lower = device->PowerUpItem != NULL ? IoAttachDeviceToDeviceStack(self, Pdo) : NULL;
    if (device->Lower == NULL) {
        status = device->PowerUpItem != NULL ? STATUS_NO_SUCH_DEVICE : STATUS_INSUFFICIENT_RESOURCES;
    }
    if (NT_SUCCESS(status) && operations->InterfaceClass != NULL) {
        status = IoRegisterDeviceInterface(Pdo, operations->InterfaceClass, NULL, &device->InterfaceName);
    }
    if (NT_SUCCESS(status) && operations->Initialize != NULL) {
        status = operations->Initialize(device);
    }
    if (NT_SUCCESS(status)) {
        Trace("add-device device=%u", device->Number);
        /* DO_POWER_PAGABLE: power IRPs come at PASSIVE_LEVEL. Set before initialization is over, after which IRPs may come. */
        self->Flags |= DO_BUFFERED_IO | DO_POWER_PAGABLE;
        if (!MUTANT(OWNER_STAYS_INITIALIZING)) {
            self->Flags &= ~DO_DEVICE_INITIALIZING;
        }
        return STATUS_SUCCESS;
    }
    if (device->InterfaceName.Buffer != NULL) {
        RtlFreeUnicodeString(&device->InterfaceName);
    }
    if (device->Lower != NULL) {
        IoDetachDevice(device->Lower);
    }
    if (device->PowerUpItem != NULL) {
        IoFreeWorkItem(device->PowerUpItem);
    }
    IoDeleteDevice(self);
    return status;
}

/* All devices are gone when this is called. PASSIVE_LEVEL. */
static SECTION_PAGE VOID NTAPI Unload(PDRIVER_OBJECT DriverObject)
{
    UNREFERENCED_PARAMETER(DriverObject);
    Trace("unload");
}

SECTION_INIT NTSTATUS FunctionDriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNREFERENCED_PARAMETER(RegistryPath);
    Trace("load");
    DriverObject->DriverUnload = Unload;
    DriverObject->DriverExtension->AddDevice = AddDevice;
    DriverObject->MajorFunction[IRP_MJ_PNP] = DispatchPnp;
    DriverObject->MajorFunction[IRP_MJ_POWER] = DispatchPower;
    DriverObject->MajorFunction[IRP_MJ_CREATE] = DispatchCreate;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = DispatchCleanup;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = DispatchClose;
    DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL] = DispatchDeviceControl;
    DriverObject->MajorFunction[IRP_MJ_INTERNAL_DEVICE_CONTROL] = DispatchInternalDeviceControl;
    DriverObject->MajorFunction[IRP_MJ_SYSTEM_CONTROL] = DispatchSystemControl;
    return STATUS_SUCCESS;
}
