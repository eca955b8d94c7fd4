/* SPDX-License-Identifier: MIT */
/* Who may open a device, and how often: security descriptors, FILE_DEVICE_SECURE_OPEN, exclusive devices, cleanup before close. */
#include <ntifs.h>
#include "check.h"
#include <wdmsec.h>

extern NTKERNELAPI POBJECT_TYPE *IoDeviceObjectType; /* mingw does not declare it */

static PDRIVER_OBJECT Driver;
static CHAR Order[32];
static ULONG OrderAt;

static NTSTATUS NTAPI Note(PDEVICE_OBJECT Device, PIRP Irp)
{
    static const CHAR letters[] = {[IRP_MJ_CREATE] = 'o', [IRP_MJ_CLOSE] = 'c', [IRP_MJ_CLEANUP] = 'u'};
    if (OrderAt + 1 < sizeof(Order)) {
        Order[OrderAt++] = letters[IoGetCurrentIrpStackLocation(Irp)->MajorFunction];
        Order[OrderAt] = 0;
    }
    Irp->IoStatus.Status = STATUS_SUCCESS;
    Irp->IoStatus.Information = 0;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}

static NTSTATUS Open(PCWSTR Path, ACCESS_MASK Access, ULONG Attributes, PHANDLE Handle)
{
    UNICODE_STRING name;
    OBJECT_ATTRIBUTES attributes;
    IO_STATUS_BLOCK iosb;
    RtlInitUnicodeString(&name, Path);
    InitializeObjectAttributes(&attributes, &name, OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE | Attributes, NULL, NULL);
    return ZwCreateFile(Handle, Access, &attributes, &iosb, NULL, 0, FILE_SHARE_READ | FILE_SHARE_WRITE, FILE_OPEN, 0,
                        NULL, 0);
}

static NTSTATUS OpenAndClose(PCWSTR Path, ACCESS_MASK Access, ULONG Attributes)
{
    HANDLE handle;
    NTSTATUS status = Open(Path, Access, Attributes, &handle);
    if (NT_SUCCESS(status)) {
        ZwClose(handle);
    }
    return status;
}

#define USER OBJ_FORCE_ACCESS_CHECK

static PDEVICE_OBJECT Create(PCWSTR Path, PCWSTR Sddl, ULONG Characteristics, BOOLEAN Exclusive, NTSTATUS Expected)
{
    UNICODE_STRING name, sddl;
    PDEVICE_OBJECT device = NULL;
    RtlInitUnicodeString(&name, Path);
    RtlInitUnicodeString(&sddl, Sddl);
    CHECK(IoCreateDeviceSecure(Driver, 0, &name, FILE_DEVICE_UNKNOWN, Characteristics, Exclusive, &sddl, NULL,
                               &device) == Expected);
    if (device) {
        device->Flags &= ~DO_DEVICE_INITIALIZING;
    }
    return device;
}

static void Descriptors(void)
{
    PDEVICE_OBJECT kernel = Create(L"\\Device\\SelfTestKernel", L"D:P", 0, FALSE, STATUS_SUCCESS);
    PDEVICE_OBJECT reader =
        Create(L"\\Device\\SelfTestReader", L"D:P(D;;GW;;;WD)(A;;GA;;;SY)(A;;GA;;;BA)", 0, FALSE, STATUS_SUCCESS);
    PDEVICE_OBJECT other =
        Create(L"\\Device\\SelfTestOther", L"D:P(A;;GA;;;BU)(A;;GR;;;S-1-5-21-1-2-3-500)", 0, FALSE, STATUS_SUCCESS);
    PDEVICE_OBJECT hex =
        Create(L"\\Device\\SelfTestHex", L"O:BAG:SYD:PAI(A;;0x1;;;S-1-5-18)", 0, FALSE, STATUS_SUCCESS);
    CHECK(!Create(L"\\Device\\SelfTestBad", L"D:P(A;;XX;;;SY)", 0, FALSE, STATUS_INVALID_SECURITY_DESCR));
    CHECK(!Create(L"\\Device\\SelfTestBad", L"no descriptor", 0, FALSE, STATUS_INVALID_SECURITY_DESCR));
    /* Kernel mode is not checked. */
    CHECK(OpenAndClose(L"\\Device\\SelfTestKernel", GENERIC_ALL, 0) == STATUS_SUCCESS);
    CHECK(OpenAndClose(L"\\Device\\SelfTestKernel", GENERIC_READ, USER) == STATUS_ACCESS_DENIED);
    CHECK(OpenAndClose(L"\\Device\\SelfTestKernel", MAXIMUM_ALLOWED, USER) == STATUS_ACCESS_DENIED);
    CHECK(OpenAndClose(L"\\Device\\SelfTestReader", GENERIC_READ, USER) == STATUS_ACCESS_DENIED); /* READ_CONTROL */
    CHECK(OpenAndClose(L"\\Device\\SelfTestReader", FILE_READ_DATA, USER) == STATUS_SUCCESS);
    CHECK(OpenAndClose(L"\\Device\\SelfTestReader", FILE_WRITE_DATA, USER) == STATUS_ACCESS_DENIED);
    CHECK(OpenAndClose(L"\\Device\\SelfTestOther", FILE_READ_DATA, USER) == STATUS_ACCESS_DENIED);
    CHECK(OpenAndClose(L"\\Device\\SelfTestHex", FILE_READ_DATA, USER) == STATUS_SUCCESS);
    CHECK(OpenAndClose(L"\\Device\\SelfTestHex", FILE_WRITE_DATA, USER) == STATUS_ACCESS_DENIED);
    IoDeleteDevice(kernel);
    IoDeleteDevice(reader);
    IoDeleteDevice(other);
    IoDeleteDevice(hex);
}

/* Names below the device's are its driver's business, unless it asks for the check. */
static void TrailingNames(void)
{
    PDEVICE_OBJECT open = Create(L"\\Device\\SelfTestOpen", L"D:P", 0, FALSE, STATUS_SUCCESS);
    PDEVICE_OBJECT secure = Create(L"\\Device\\SelfTestSecure", L"D:P", FILE_DEVICE_SECURE_OPEN, FALSE, STATUS_SUCCESS);
    CHECK(OpenAndClose(L"\\Device\\SelfTestOpen\\file", GENERIC_READ, USER) == STATUS_SUCCESS);
    CHECK(OpenAndClose(L"\\Device\\SelfTestOpen", GENERIC_READ, USER) == STATUS_ACCESS_DENIED);
    CHECK(OpenAndClose(L"\\Device\\SelfTestSecure\\file", GENERIC_READ, USER) == STATUS_ACCESS_DENIED);
    IoDeleteDevice(open);
    IoDeleteDevice(secure);
}

static void Exclusive(void)
{
    PDEVICE_OBJECT device = Create(L"\\Device\\SelfTestExclusive", L"D:P(A;;GA;;;WD)", 0, TRUE, STATUS_SUCCESS);
    HANDLE handle, second;
    OrderAt = 0;
    CHECK(Open(L"\\Device\\SelfTestExclusive", GENERIC_READ, USER, &handle) == STATUS_SUCCESS);
    CHECK(Open(L"\\Device\\SelfTestExclusive", GENERIC_READ, USER, &second) == STATUS_ACCESS_DENIED);
    CHECK(Order[0] == 'o' && !Order[1]);
    CHECK(NT_SUCCESS(ZwClose(handle)));
    CHECK(Order[1] == 'u' && Order[2] == 'c' && !Order[3]);
    CHECK(OpenAndClose(L"\\Device\\SelfTestExclusive", GENERIC_READ, USER) == STATUS_SUCCESS);
    IoDeleteDevice(device);
}

/* What wdmsec.lib does: the descriptor is set on the new device object by a handle. */
static void Objects(void)
{
    static UCHAR room[64] __attribute__((aligned(8))), relative[256] __attribute__((aligned(8)));
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\Device\\SelfTestSet");
    SID system = {SID_REVISION, 1, {SECURITY_NT_AUTHORITY}, {SECURITY_LOCAL_SYSTEM_RID}};
    SECURITY_DESCRIPTOR descriptor;
    PDEVICE_OBJECT device;
    HANDLE handle, event;
    BOOLEAN present, defaulted;
    PACL dacl = (PACL)room, found;
    ULONG needed;
    PVOID ace;
    CHECK(NT_SUCCESS(IoCreateDevice(Driver, 0, &name, FILE_DEVICE_UNKNOWN, 0, FALSE, &device)));
    device->Flags &= ~DO_DEVICE_INITIALIZING;
    CHECK(NT_SUCCESS(
        ObOpenObjectByPointer(device, OBJ_KERNEL_HANDLE, NULL, WRITE_DAC, *IoDeviceObjectType, KernelMode, &handle)));
    CHECK(OpenAndClose(L"\\Device\\SelfTestSet", FILE_WRITE_DATA, USER) == STATUS_SUCCESS);
    CHECK(NT_SUCCESS(RtlCreateSecurityDescriptor(&descriptor, SECURITY_DESCRIPTOR_REVISION)));
    CHECK(NT_SUCCESS(RtlCreateAcl(dacl, sizeof(room), ACL_REVISION)));
    CHECK(NT_SUCCESS(RtlAddAccessAllowedAce(dacl, ACL_REVISION, FILE_READ_DATA, &system)));
    CHECK(NT_SUCCESS(RtlSetDaclSecurityDescriptor(&descriptor, TRUE, dacl, FALSE)));
    CHECK(NT_SUCCESS(ZwSetSecurityObject(handle, DACL_SECURITY_INFORMATION, &descriptor)));
    CHECK(OpenAndClose(L"\\Device\\SelfTestSet", FILE_READ_DATA, USER) == STATUS_SUCCESS);
    CHECK(OpenAndClose(L"\\Device\\SelfTestSet", FILE_WRITE_DATA, USER) == STATUS_ACCESS_DENIED);
    CHECK(ZwQuerySecurityObject(handle, DACL_SECURITY_INFORMATION, NULL, 0, &needed) == STATUS_BUFFER_TOO_SMALL);
    CHECK(needed > 0 && needed <= sizeof(relative));
    CHECK(NT_SUCCESS(ZwQuerySecurityObject(handle, DACL_SECURITY_INFORMATION, relative, needed, &needed)));
    CHECK(RtlValidRelativeSecurityDescriptor(relative, needed, DACL_SECURITY_INFORMATION));
    CHECK(NT_SUCCESS(RtlGetDaclSecurityDescriptor(relative, &present, &found, &defaulted)) && present);
    CHECK(NT_SUCCESS(RtlGetAce(found, 0, &ace)) && ((PACCESS_ALLOWED_ACE)ace)->Mask == FILE_READ_DATA);
    /* No DACL at all grants everything; an owner alone leaves the DACL as it is. */
    CHECK(NT_SUCCESS(RtlSetDaclSecurityDescriptor(&descriptor, FALSE, NULL, FALSE)));
    CHECK(NT_SUCCESS(RtlSetOwnerSecurityDescriptor(&descriptor, &system, FALSE)));
    CHECK(NT_SUCCESS(ZwSetSecurityObject(handle, OWNER_SECURITY_INFORMATION, &descriptor)));
    CHECK(OpenAndClose(L"\\Device\\SelfTestSet", FILE_WRITE_DATA, USER) == STATUS_ACCESS_DENIED);
    CHECK(NT_SUCCESS(ZwSetSecurityObject(handle, DACL_SECURITY_INFORMATION, &descriptor)));
    CHECK(OpenAndClose(L"\\Device\\SelfTestSet", FILE_WRITE_DATA, USER) == STATUS_SUCCESS);
    RtlZeroMemory(&descriptor, sizeof(descriptor));
    CHECK(ZwSetSecurityObject(handle, DACL_SECURITY_INFORMATION, &descriptor) == STATUS_INVALID_SECURITY_DESCR);
    CHECK(NT_SUCCESS(ZwClose(handle)));
    CHECK(NT_SUCCESS(ZwCreateEvent(&event, EVENT_ALL_ACCESS, NULL, NotificationEvent, FALSE)));
    CHECK(NT_SUCCESS(ZwQuerySecurityObject(event, OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION, relative,
                                           sizeof(relative), &needed)));
    CHECK(NT_SUCCESS(ZwClose(event)));
    IoDeleteDevice(device);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    Driver = DriverObject;
    DriverObject->MajorFunction[IRP_MJ_CREATE] = DriverObject->MajorFunction[IRP_MJ_CLEANUP] =
        DriverObject->MajorFunction[IRP_MJ_CLOSE] = Note;
    Descriptors();
    TrailingNames();
    Exclusive();
    Objects();
    Summary("access");
    return STATUS_UNSUCCESSFUL;
}
