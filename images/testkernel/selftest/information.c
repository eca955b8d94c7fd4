/* SPDX-License-Identifier: MIT */
/* Small exports: what the kernel tells a driver about the system, and run-time routines by their imported names. */
#include "check.h"

int __cdecl _snprintf(char *Buffer, size_t Count, const char *Format, ...);

unsigned long __cdecl wcstoul(const wchar_t *Text, wchar_t **End, int Base);

static ULONG_PTR NTAPI AtIpiLevel(ULONG_PTR Context)
{
    return Context + KeGetCurrentIrql();
}

static VOID NTAPI OnLargeStack(PVOID Parameter)
{
    *(PULONG)Parameter = 1;
}

static void System(void)
{
    PROCESSOR_NUMBER number = {.Group = 9};
    ULONG_PTR low, high;
    UCHAR local = 0;
    ULONG called = 0, flags = 0;
    CHECK(IoIsWdmVersionAvailable(1, 0x20) && IoIsWdmVersionAvailable(6, 0) && !IoIsWdmVersionAvailable(6, 1));
    IoGetStackLimits(&low, &high);
    CHECK((ULONG_PTR)&local >= low && (ULONG_PTR)&local < high);
    CHECK(IoWithinStackLimits((ULONG_PTR)&local, 1) && !IoWithinStackLimits((ULONG_PTR)&called + 0x100000, 1));
    CHECK(IoGetRemainingStackSize() < high - low);
    CHECK(!IoIs32bitProcess(NULL));
    CHECK(KeQueryActiveProcessorCountEx(ALL_PROCESSOR_GROUPS) == 1 && KeQueryActiveGroupCount() == 1);
    CHECK(KeGetCurrentProcessorNumberEx(&number) == 0 && number.Group == 0);
    CHECK(KeGetProcessorIndexFromNumber(&number) == 0);
    CHECK(KeIpiGenericCall(AtIpiLevel, 100) == 100 + IPI_LEVEL && KeGetCurrentIrql() == PASSIVE_LEVEL);
    CHECK(NT_SUCCESS(KeExpandKernelStackAndCallout(OnLargeStack, &called, 4096)) && called == 1);
    CHECK(MmIsDriverVerifying(NULL) && NT_SUCCESS(MmIsVerifierEnabled(&flags)) && flags);
    CHECK(PsGetCurrentProcessId() == (HANDLE)4 && KeGetCurrentThread() == (PKTHREAD)PsGetCurrentThread());
    CHECK(MmIsAddressValid(&local) && !MmIsAddressValid((PVOID)16));
}

static void ErrorLog(PDRIVER_OBJECT DriverObject)
{
    CHECK(IoAllocateErrorLogEntry(DriverObject, 1) == NULL);
    PIO_ERROR_LOG_PACKET packet = IoAllocateErrorLogEntry(DriverObject, sizeof(*packet) + sizeof(ULONG));
    CHECK(packet != NULL);
    packet->ErrorCode = 0xC0040004;
    packet->DumpDataSize = sizeof(ULONG);
    packet->DumpData[0] = 0xB0DD1E;
    IoWriteErrorLogEntry(packet); /* the test looks for it on the console */
    packet = IoAllocateErrorLogEntry(DriverObject, sizeof(*packet));
    CHECK(packet != NULL);
    IoFreeErrorLogEntry(packet);
}

static void Wmi(PDRIVER_OBJECT DriverObject)
{
    PDEVICE_OBJECT device;
    CHECK(NT_SUCCESS(IoCreateDevice(DriverObject, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &device)));
    CHECK(NT_SUCCESS(IoWMIRegistrationControl(device, WMIREG_ACTION_REGISTER)));
    CHECK(IoWMIRegistrationControl(device, WMIREG_ACTION_REGISTER) == STATUS_OBJECT_NAME_EXISTS);
    CHECK(NT_SUCCESS(IoWMIRegistrationControl(device, WMIREG_ACTION_UPDATE_GUIDS)));
    CHECK(NT_SUCCESS(IoWMIRegistrationControl(device, WMIREG_ACTION_DEREGISTER)));
    CHECK(!NT_SUCCESS(IoWMIRegistrationControl(device, WMIREG_ACTION_DEREGISTER)));
    IoDeleteDevice(device);
}

static void Strings(void)
{
    UNICODE_STRING unicode, other;
    ANSI_STRING ansi;
    WCHAR buffer[40];
    ULONG value;
    GUID guid = {0};
    CHAR text[16];
    RtlInitAnsiString(&ansi, "{4D36E97D-E325-11CE-BFC1-08002BE10318}");
    CHECK(NT_SUCCESS(RtlAnsiStringToUnicodeString(&unicode, &ansi, TRUE)));
    CHECK(NT_SUCCESS(RtlGUIDFromString(&unicode, &guid)) && guid.Data1 == 0x4D36E97D);
    CHECK(NT_SUCCESS(RtlStringFromGUID(&guid, &other)) && RtlEqualUnicodeString(&unicode, &other, TRUE));
    RtlFreeUnicodeString(&unicode);
    RtlFreeUnicodeString(&other);
    unicode.Buffer = buffer;
    unicode.Length = 0;
    unicode.MaximumLength = sizeof(buffer);
    CHECK(NT_SUCCESS(RtlIntegerToUnicodeString(0xB0DD, 16, &unicode)) && unicode.Length == 8);
    CHECK(NT_SUCCESS(RtlAppendUnicodeToString(&unicode, L"\\Buddy")));
    CHECK(NT_SUCCESS(RtlUnicodeStringToInteger(&unicode, 16, &value)) && value == 0xB0DD);
    CHECK(_stricmp("owner.SYS", "OWNER.sys") == 0);
    CHECK(wcstoul(L"0x1F", NULL, 0) == 31);
    CHECK(_snprintf(text, sizeof(text), "%wZ", &unicode) == 10);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    System();
    ErrorLog(DriverObject);
    Wmi(DriverObject);
    Strings();
    return Summary("information");
}
