/* SPDX-License-Identifier: MIT */
/*
 * The root enumerator: the bus at the top of the tree, whose devices are those that the boot options name (`root=ROOT\BORROWER,...`) and those of
 * the kernel's own (the PCI host bridge). Its driver is \Driver\PnpManager.
 */
#include "pnp/internal.h"
#include "boot/options.h"

#define MAX_ROOT_DEVICES 256

typedef struct _ROOT_PDO {
    BOOLEAN IsRoot;      /* the root devnode's own device object */
    BOOLEAN Requested;   /* named in the root= option, or added at run time */
    BOOLEAN Uninstalled; /* no longer reported: deleted when it is removed */
    WCHAR DeviceId[80];
    WCHAR InstanceId[16];
    WCHAR Description[64];
} ROOT_PDO, *PROOT_PDO;

static PDRIVER_OBJECT RootDriver;
static PDEVICE_OBJECT RootDevice;
static PDEVICE_OBJECT Devices[MAX_ROOT_DEVICES];
static ULONG Count;

static NTSTATUS CopyId(PIRP Irp, PCWSTR Text, BOOLEAN Multi)
{
    SIZE_T Size = (wcslen(Text) + (Multi ? 2 : 1)) * sizeof(WCHAR);
    PWSTR Copy = ExAllocatePoolWithTag(PagedPool, Size, PNP_TAG);
    if (!Copy) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    RtlZeroMemory(Copy, Size);
    RtlCopyMemory(Copy, Text, wcslen(Text) * sizeof(WCHAR));
    Irp->IoStatus.Information = (ULONG_PTR)Copy;
    return STATUS_SUCCESS;
}

/* Borrower devices first or the PCI bus first: boot option first=<service or ID part>. The order of the relations is the order of starting. */
static BOOLEAN RequestedFirst(VOID)
{
    CHAR First[64];
    WCHAR Wide[64];
    ULONG I, J;
    if (!KeBootOption("first", First, sizeof(First)) || !First[0]) {
        return FALSE;
    }
    for (I = 0; I == 0 || First[I - 1]; I++) {
        Wide[I] = (WCHAR)(First[I] >= 'a' && First[I] <= 'z' ? First[I] - 32 : First[I]);
    }
    for (I = 0; I < Count; I++) {
        PROOT_PDO Pdo = Devices[I]->DeviceExtension;
        PCWSTR Name = wcschr(Pdo->DeviceId, L'\\');
        if (!Pdo->Requested || !Name) {
            continue;
        }
        for (J = 0; Wide[J] && (Name[1 + J] & ~0x20) == (Wide[J] & ~0x20); J++) {
        }
        if (!Wide[J]) {
            return TRUE; /* ROOT\BORROWER for first=borrower */
        }
    }
    return FALSE;
}

static NTSTATUS QueryRelations(PDEVICE_OBJECT DeviceObject, PIO_STACK_LOCATION Stack, PIRP Irp)
{
    PROOT_PDO Self = DeviceObject->DeviceExtension;
    DEVICE_RELATION_TYPE Type = Stack->Parameters.QueryDeviceRelations.Type;
    PDEVICE_RELATIONS Relations;
    ULONG Pass, I;
    if (Type == TargetDeviceRelation || (Type == BusRelations && Self->IsRoot)) {
        Relations = ExAllocatePoolWithTag(PagedPool, sizeof(*Relations) + MAX_ROOT_DEVICES * sizeof(PVOID), PNP_TAG);
        if (!Relations) {
            return STATUS_INSUFFICIENT_RESOURCES;
        }
        Relations->Count = 0;
        if (Type == TargetDeviceRelation) {
            ObfReferenceObject(DeviceObject);
            Relations->Objects[Relations->Count++] = DeviceObject;
        } else {
            BOOLEAN First = RequestedFirst();
            for (Pass = 0; Pass < 2; Pass++) {
                for (I = 0; I < Count; I++) {
                    if (((PROOT_PDO)Devices[I]->DeviceExtension)->Requested == (Pass == 0 ? First : !First)) {
                        ObfReferenceObject(Devices[I]);
                        Relations->Objects[Relations->Count++] = Devices[I];
                    }
                }
            }
        }
        Irp->IoStatus.Information = (ULONG_PTR)Relations;
        return STATUS_SUCCESS;
    }
    return Irp->IoStatus.Status;
}

static NTSTATUS QueryId(PROOT_PDO Pdo, PIO_STACK_LOCATION Stack, PIRP Irp)
{
    switch (Stack->Parameters.QueryId.IdType) {
    case BusQueryDeviceID:
        return CopyId(Irp, Pdo->DeviceId, FALSE);
    case BusQueryHardwareIDs:
        return CopyId(Irp, Pdo->DeviceId, TRUE);
    case BusQueryInstanceID:
        return CopyId(Irp, Pdo->InstanceId, FALSE);
    default:
        return Irp->IoStatus.Status;
    }
}

static NTSTATUS NTAPI RootPnp(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PROOT_PDO Pdo = DeviceObject->DeviceExtension;
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    NTSTATUS Status = Irp->IoStatus.Status;
    PDEVICE_CAPABILITIES Capabilities;
    switch (Stack->MinorFunction) {
    case IRP_MN_START_DEVICE:
    case IRP_MN_QUERY_REMOVE_DEVICE:
    case IRP_MN_CANCEL_REMOVE_DEVICE:
    case IRP_MN_QUERY_STOP_DEVICE:
    case IRP_MN_CANCEL_STOP_DEVICE:
    case IRP_MN_STOP_DEVICE:
    case IRP_MN_SURPRISE_REMOVAL:
        Status = STATUS_SUCCESS;
        break;
    case IRP_MN_REMOVE_DEVICE:
        if (Pdo->Uninstalled) {
            IoDeleteDevice(DeviceObject);
        }
        Status = STATUS_SUCCESS;
        break;
    case IRP_MN_QUERY_CAPABILITIES:
        Capabilities = Stack->Parameters.DeviceCapabilities.Capabilities;
        Capabilities->UniqueID = TRUE;
        Capabilities->SilentInstall = TRUE;
        Capabilities->DeviceState[PowerSystemWorking] = PowerDeviceD0;
        Capabilities->DeviceState[PowerSystemSleeping1] = PowerDeviceD3;
        Capabilities->DeviceState[PowerSystemSleeping2] = PowerDeviceD3;
        Capabilities->DeviceState[PowerSystemSleeping3] = PowerDeviceD3;
        Capabilities->DeviceState[PowerSystemHibernate] = PowerDeviceD3;
        Capabilities->DeviceState[PowerSystemShutdown] = PowerDeviceD3;
        Status = STATUS_SUCCESS;
        break;
    case IRP_MN_QUERY_ID:
        Status = QueryId(Pdo, Stack, Irp);
        break;
    case IRP_MN_QUERY_DEVICE_TEXT:
        if (Stack->Parameters.QueryDeviceText.DeviceTextType == DeviceTextDescription && Pdo->Description[0]) {
            Status = CopyId(Irp, Pdo->Description, FALSE);
        }
        break;
    case IRP_MN_QUERY_DEVICE_RELATIONS:
        Status = QueryRelations(DeviceObject, Stack, Irp);
        break;
    default:
        break; /* a PDO completes what it does not know with the status unchanged */
    }
    Irp->IoStatus.Status = Status;
    IofCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static NTSTATUS NTAPI RootPower(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    NTSTATUS Status = Irp->IoStatus.Status;
    if (Stack->MinorFunction == IRP_MN_SET_POWER || Stack->MinorFunction == IRP_MN_QUERY_POWER) {
        if (Stack->MinorFunction == IRP_MN_SET_POWER && Stack->Parameters.Power.Type == DevicePowerState) {
            PoSetPowerState(DeviceObject, DevicePowerState, Stack->Parameters.Power.State);
        }
        Status = STATUS_SUCCESS;
    }
    PoStartNextPowerIrp(Irp);
    Irp->IoStatus.Status = Status;
    IofCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static NTSTATUS NTAPI RootSystemControl(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    NTSTATUS Status = Irp->IoStatus.Status;
    IofCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

NTSTATUS NTAPI PnpRootDriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    RootDriver = DriverObject;
    DriverObject->MajorFunction[IRP_MJ_PNP] = RootPnp;
    DriverObject->MajorFunction[IRP_MJ_POWER] = RootPower;
    DriverObject->MajorFunction[IRP_MJ_SYSTEM_CONTROL] = RootSystemControl;
    return STATUS_SUCCESS;
}

static VOID Widen(PCSTR Text, SIZE_T Length, PWCHAR Wide, ULONG Characters)
{
    SIZE_T I;
    for (I = 0; I < Length && I + 1 < Characters; I++) {
        Wide[I] = (UCHAR)Text[I];
    }
    Wide[I] = 0;
}

static NTSTATUS AddDevice(PCSTR InstancePath, PCSTR Description, BOOLEAN Requested)
{
    PDEVICE_OBJECT Device;
    PROOT_PDO Pdo;
    SIZE_T Id = strlen(InstancePath), Slashes = 0, I, Last = 0;
    NTSTATUS Status;
    if (Count == MAX_ROOT_DEVICES) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    for (I = 0; InstancePath[I]; I++) {
        if (InstancePath[I] == '\\') {
            Slashes++;
            Last = I;
        }
    }
    Status = IoCreateDevice(RootDriver, sizeof(ROOT_PDO), NULL, FILE_DEVICE_CONTROLLER, FILE_AUTOGENERATED_DEVICE_NAME,
                            FALSE, &Device);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    if (Requested) {
        Device->Flags |= DO_POWER_PAGABLE; /* power IRPs at PASSIVE_LEVEL; the PCI bus takes them at DISPATCH_LEVEL */
    }
    Pdo = Device->DeviceExtension;
    Pdo->Requested = Requested;
    if (Slashes > 1) {
        Widen(InstancePath, Last, Pdo->DeviceId, COUNT_OF(Pdo->DeviceId));
        Widen(InstancePath + Last + 1, Id - Last - 1, Pdo->InstanceId, COUNT_OF(Pdo->InstanceId));
    } else {
        /* No instance given: 0000, 0001, ... */
        ULONG Same = 0;
        Widen(InstancePath, Id, Pdo->DeviceId, COUNT_OF(Pdo->DeviceId));
        for (I = 0; I < Count; I++) {
            UNICODE_STRING A, B;
            RtlInitUnicodeString(&A, Pdo->DeviceId);
            RtlInitUnicodeString(&B, ((PROOT_PDO)Devices[I]->DeviceExtension)->DeviceId);
            Same += ObpEqualNames(&A, &B);
        }
        Widen("0000", 4, Pdo->InstanceId, COUNT_OF(Pdo->InstanceId));
        Pdo->InstanceId[3] = (WCHAR)('0' + Same % 10);
        Pdo->InstanceId[2] = (WCHAR)('0' + Same / 10 % 10);
    }
    if (Description) {
        Widen(Description, strlen(Description), Pdo->Description, COUNT_OF(Pdo->Description));
    }
    Devices[Count++] = Device;
    return STATUS_SUCCESS;
}

NTSTATUS PnpAddRootDevice(const char *InstancePath, const char *Description)
{
    return AddDevice(InstancePath, Description, FALSE);
}

NTSTATUS PnpAddSoftwareDevice(const char *InstancePath)
{
    return AddDevice(InstancePath, NULL, TRUE);
}

BOOLEAN PnpForgetSoftwareDevice(PDEVICE_OBJECT Pdo)
{
    ULONG I;
    for (I = 0; I < Count; I++) {
        PROOT_PDO Found = Devices[I]->DeviceExtension;
        if (Devices[I] == Pdo && Found->Requested) {
            Found->Uninstalled = TRUE;
            Count--;
            RtlMoveMemory(&Devices[I], &Devices[I + 1], (Count - I) * sizeof(Devices[0]));
            return TRUE;
        }
    }
    return FALSE;
}

NTSTATUS PnpCreateRoot(VOID)
{
    UNICODE_STRING Name;
    PDRIVER_DATA Driver;
    ULONG Problem;
    CHAR Option[512], *At, *Start;
    NTSTATUS Status;
    PnpRegisterBuiltinDriver("PnpManager", PnpRootDriverEntry, "HTREE\\ROOT");
    RtlInitUnicodeString(&Name, L"PnpManager");
    Status = IopLoadDriver(&Name, &Driver, &Problem);
    if (NT_SUCCESS(Status)) {
        Status = IoCreateDevice(RootDriver, sizeof(ROOT_PDO), NULL, FILE_DEVICE_CONTROLLER,
                                FILE_AUTOGENERATED_DEVICE_NAME, FALSE, &RootDevice);
    }
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    ((PROOT_PDO)RootDevice->DeviceExtension)->IsRoot = TRUE;
    PnpCreateDevnode(RootDevice, NULL);
    PnpSetState(PnpRootDevnode(), DeviceNodeStarted);
    PnpRootDevnode()->DevicePowerState = PowerDeviceD0;
    if (KeBootOption("root", Option, sizeof(Option))) {
        for (Start = At = Option;; At++) {
            if (*At == ',' || *At == 0) {
                BOOLEAN End = *At == 0;
                *At = 0;
                if (*Start) {
                    AddDevice(Start, NULL, TRUE);
                }
                if (End) {
                    break;
                }
                Start = At + 1;
            }
        }
    }
    return STATUS_SUCCESS;
}
