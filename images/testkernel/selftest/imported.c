/* SPDX-License-Identifier: MIT */
/*
 * Names that mingw's headers inline, or that its compiler replaces, imported as other compilers' drivers do: the same results by either way.
 * Variables, too: a driver finds their address in its import table.
 */
#include "check.h"
#include "undeclared.h"
#include <stdarg.h>

/* The slot of the import table: the function itself, or the variable's address. */
#define IMPORT(type, name)                                                                                             \
    extern PVOID __imp_##name;                                                                                         \
    static type *const name##Slot = (type *)(PVOID)&__imp_##name
#define IMPORTED(name) (*name##Slot)

typedef KIRQL(NTAPI *RAISE)(KIRQL);
typedef KIRQL(NTAPI *RAISE_TO_DISPATCH)(VOID);
typedef PKTHREAD(NTAPI *CURRENT_THREAD)(VOID);
typedef VOID(NTAPI *COPY)(PVOID, const VOID *, SIZE_T);
typedef VOID(NTAPI *ZERO)(PVOID, SIZE_T);
typedef WCHAR(NTAPI *MAP)(WCHAR);
typedef int(__cdecl *WIDE_PRINT)(wchar_t *, const wchar_t *, ...);
typedef int(__cdecl *VARIABLE_PRINT)(char *, const char *, va_list);
typedef wchar_t *(__cdecl *WIDE_COPY)(wchar_t *, const wchar_t *);
typedef size_t(__cdecl *WIDE_LENGTH)(const wchar_t *, size_t);
typedef VOID(NTAPI *FREE_ANSI)(PANSI_STRING);
typedef BOOLEAN(NTAPI *FORWARD)(PDEVICE_OBJECT, PIRP);

IMPORT(RAISE, KfRaiseIrql);
IMPORT(RAISE_TO_DISPATCH, KeRaiseIrqlToDpcLevel);
IMPORT(CURRENT_THREAD, KeGetCurrentThread);
IMPORT(CURRENT_THREAD, PsGetCurrentThread);
IMPORT(COPY, RtlCopyMemory);
IMPORT(ZERO, RtlZeroMemory);
IMPORT(MAP, RtlUpcaseUnicodeChar);
IMPORT(MAP, RtlDowncaseUnicodeChar);
IMPORT(WIDE_PRINT, swprintf);
IMPORT(VARIABLE_PRINT, vsprintf);
IMPORT(WIDE_COPY, wcscpy);
IMPORT(WIDE_LENGTH, wcsnlen);
IMPORT(FREE_ANSI, RtlFreeAnsiString);
IMPORT(FORWARD, IoForwardAndCatchIrp);
IMPORT(PCCHAR, KeNumberProcessors);
IMPORT(PVOID *, MmHighestUserAddress);
IMPORT(PVOID *, MmSystemRangeStart);
IMPORT(PULONG_PTR, MmUserProbeAddress);

static void Irql(void)
{
    CHECK(IMPORTED(KfRaiseIrql)(APC_LEVEL) == PASSIVE_LEVEL && KeGetCurrentIrql() == APC_LEVEL);
    CHECK(IMPORTED(KeRaiseIrqlToDpcLevel)() == APC_LEVEL && KeGetCurrentIrql() == DISPATCH_LEVEL);
    CHECK(IMPORTED(KfRaiseIrql)(HIGH_LEVEL) == DISPATCH_LEVEL && KeGetCurrentIrql() == HIGH_LEVEL);
    KeLowerIrql(PASSIVE_LEVEL);
    CHECK(IMPORTED(KeGetCurrentThread)() == KeGetCurrentThread());
    CHECK(IMPORTED(PsGetCurrentThread)() == (PKTHREAD)PsGetCurrentThread());
}

static void Variables(void)
{
    CHECK((ULONG)*IMPORTED(KeNumberProcessors) == KeQueryActiveProcessorCount(NULL));
    CHECK((ULONG_PTR)*IMPORTED(MmSystemRangeStart) == 0xFFFF800000000000); /* the canonical upper half */
    CHECK(*IMPORTED(MmUserProbeAddress) == 0x00007FFFFFFF0000);            /* 64 KiB below the lower half's end */
    CHECK((ULONG_PTR)*IMPORTED(MmHighestUserAddress) == 0x00007FFFFFFEFFFF);
}

static int Print(char *Text, const char *Format, ...)
{
    va_list arguments;
    va_start(arguments, Format);
    int count = IMPORTED(vsprintf)(Text, Format, arguments);
    va_end(arguments);
    return count;
}

static void Strings(void)
{
    WCHAR wide[32];
    CHAR narrow[32];
    UCHAR block[8] = {1, 2, 3, 4, 5, 6, 7, 8}, copy[8];
    UNICODE_STRING unicode = RTL_CONSTANT_STRING(L"Buddy");
    ANSI_STRING ansi;
    CHECK(IMPORTED(swprintf)(wide, L"%ws-%d", L"rp", 1) == 4 && !wcscmp(wide, L"rp-1")); /* without a count */
    CHECK(Print(narrow, "%wZ %hd", &unicode, -1) == 8 && !strcmp(narrow, "Buddy -1"));
    CHECK(IMPORTED(wcscpy)(wide, L"copied") == wide && IMPORTED(wcsnlen)(wide, 32) == 6 &&
          IMPORTED(wcsnlen)(wide, 3) == 3);
    CHECK(IMPORTED(RtlUpcaseUnicodeChar)(0xE4) == 0xC4 && IMPORTED(RtlDowncaseUnicodeChar)(0xC4) == 0xE4);
    IMPORTED(RtlCopyMemory)(copy, block, 8);
    IMPORTED(RtlZeroMemory)(block + 2, 4);
    CHECK(copy[2] == 3 && block[1] == 2 && block[2] == 0 && block[5] == 0 && block[6] == 7);
    CHECK(NT_SUCCESS(RtlUnicodeStringToAnsiString(&ansi, &unicode, TRUE)) && ansi.Length == 5);
    IMPORTED(RtlFreeAnsiString)(&ansi);
    CHECK(ansi.Buffer == NULL && ansi.Length == 0);
}

static NTSTATUS NTAPI Finish(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    Irp->IoStatus.Status = STATUS_SUCCESS;
    Irp->IoStatus.Information = 42;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI Keep(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
    return STATUS_MORE_PROCESSING_REQUIRED;
}

static void Forwarding(PDRIVER_OBJECT DriverObject)
{
    PDEVICE_OBJECT device;
    DriverObject->MajorFunction[IRP_MJ_INTERNAL_DEVICE_CONTROL] = Finish;
    CHECK(NT_SUCCESS(IoCreateDevice(DriverObject, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &device)));
    device->Flags &= ~DO_DEVICE_INITIALIZING;
    PIRP irp = IoAllocateIrp(2, FALSE);
    IoSetCompletionRoutine(irp, Keep, NULL, TRUE, TRUE, TRUE);
    IoSetNextIrpStackLocation(irp);
    IoGetCurrentIrpStackLocation(irp)->MajorFunction = IRP_MJ_INTERNAL_DEVICE_CONTROL;
    CHECK(IMPORTED(IoForwardAndCatchIrp)(device, irp)); /* back, not completed to the top */
    CHECK(irp->IoStatus.Information == 42);
    IoFreeIrp(irp);
    irp = IoAllocateIrp(1, FALSE);
    IoSetNextIrpStackLocation(irp);
    CHECK(!IMPORTED(IoForwardAndCatchIrp)(device, irp)); /* no stack location is left */
    IoFreeIrp(irp);
    IoDeleteDevice(device);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    Irql();
    Variables();
    Strings();
    Forwarding(DriverObject);
    return Summary("imported");
}
