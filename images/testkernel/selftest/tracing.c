/* SPDX-License-Identifier: MIT */
/* What a driver says to the debugger, to event tracing and to WMI; bugcheck callbacks; loading of drivers by a driver. */
#include "check.h"
#include "undeclared.h"
#include <evntprov.h>
#include <evntrace.h>
#include <wmistr.h>
#include <stdarg.h>

static KBUGCHECK_CALLBACK_RECORD Record;

extern PBOOLEAN __imp_KdDebuggerEnabled, __imp_KdDebuggerNotPresent;
#define EnabledSlot    __imp_KdDebuggerEnabled
#define NotPresentSlot __imp_KdDebuggerNotPresent

static void __attribute__((format(printf, 1, 2))) Say(const char *Format, ...)
{
    va_list arguments;
    va_start(arguments, Format);
    CHECK(vDbgPrintEx(DPFLTR_IHVDRIVER_ID, DPFLTR_ERROR_LEVEL, Format, arguments) == STATUS_SUCCESS);
    va_end(arguments);
}

static ULONG __attribute__((format(printf, 2, 3))) SayWith(const char *Prefix, const char *Format, ...)
{
    va_list arguments;
    va_start(arguments, Format);
    ULONG status = vDbgPrintExWithPrefix(Prefix, DPFLTR_IHVDRIVER_ID, DPFLTR_ERROR_LEVEL, Format, arguments);
    va_end(arguments);
    return status;
}

static void Debugger(void)
{
    KIRQL irql;
    CHECK(SayWith("tracing: ", "with a prefix %d\n", 3) == STATUS_SUCCESS);
    CHECK(DbgQueryDebugFilterState(DPFLTR_IHVDRIVER_ID, DPFLTR_ERROR_LEVEL)); /* errors pass by default */
    CHECK(!DbgQueryDebugFilterState(DPFLTR_IHVDRIVER_ID, DPFLTR_INFO_LEVEL));
    CHECK(NT_SUCCESS(DbgSetDebugFilterState(DPFLTR_IHVDRIVER_ID, DPFLTR_INFO_LEVEL, TRUE)));
    CHECK(DbgQueryDebugFilterState(DPFLTR_IHVDRIVER_ID, DPFLTR_INFO_LEVEL));
    CHECK(!DbgQueryDebugFilterState(DPFLTR_IHVBUS_ID, DPFLTR_INFO_LEVEL)); /* of that component only */
    CHECK(NT_SUCCESS(DbgSetDebugFilterState(DPFLTR_IHVDRIVER_ID, DPFLTR_INFO_LEVEL, FALSE)));
    CHECK(!DbgQueryDebugFilterState(DPFLTR_IHVDRIVER_ID, DPFLTR_INFO_LEVEL));
    CHECK(!*EnabledSlot && *NotPresentSlot && KdRefreshDebuggerNotPresent()); /* no kernel debugger */
    CHECK(KdDisableDebugger() == STATUS_DEBUGGER_INACTIVE && KdEnableDebugger() == STATUS_DEBUGGER_INACTIVE);
    CHECK(KdChangeOption(KD_OPTION_SET_BLOCK_ENABLE, 0, NULL, 0, NULL, NULL) == STATUS_DEBUGGER_INACTIVE);
    CHECK(DbgPrintEx(DPFLTR_IHVDRIVER_ID, DPFLTR_ERROR_LEVEL, "tracing: DbgPrintEx %d\n", 1) == STATUS_SUCCESS);
    Say("tracing: vDbgPrintEx %d\n", 2);
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    Say("tracing: at %s\n", "DISPATCH_LEVEL"); /* the tests look for the three lines on the console */
    KeLowerIrql(irql);
}

static void EventTracing(void)
{
    static const GUID provider = {0x6f4b0d31, 0x5a5c, 0x4e0b, {0x9e, 0x6b, 0xb0, 0xdd, 0, 0, 0, 0x41}};
    EVENT_DESCRIPTOR event = {.Id = 1, .Level = 4, .Keyword = 1};
    EVENT_DATA_DESCRIPTOR data;
    ULONG value = 7;
    REGHANDLE handle = 0;
    KIRQL irql;
    CHECK(NT_SUCCESS(EtwRegister(&provider, NULL, NULL, &handle)) && handle != 0);
    CHECK(!EtwProviderEnabled(handle, 4, 1) && !EtwEventEnabled(handle, &event)); /* no session enabled it */
    EventDataDescCreate(&data, &value, sizeof(value));
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    CHECK(EtwWrite(handle, &event, NULL, 1, &data) == STATUS_SUCCESS);
    CHECK(EtwWriteTransfer(handle, &event, NULL, NULL, 1, &data) == STATUS_SUCCESS);
    CHECK(EtwWriteString(handle, 4, 1, NULL, L"text") == STATUS_SUCCESS);
    KeLowerIrql(irql);
    CHECK(EtwUnregister(handle) == STATUS_SUCCESS);
}

/* WPP: nobody listens, so no session is found and no message goes anywhere. */
static void SoftwareTracing(void)
{
    static GUID guid = {0x6f4b0d31, 0x5a5c, 0x4e0b, {0x9e, 0x6b, 0xb0, 0xdd, 0, 0, 0, 0x42}};
    TRACEHANDLE handle = 0;
    ULONG needed = 99;
    CHECK(WmiQueryTraceInformation(TraceHandleByNameClass, &handle, sizeof(handle), &needed, NULL) == STATUS_NOT_FOUND);
    CHECK(needed == 0);
    CHECK(WmiQueryTraceInformation((TRACE_INFORMATION_CLASS)99, &handle, 8, NULL, NULL) == STATUS_INVALID_INFO_CLASS);
    CHECK(WmiTraceMessage(0, 0x2B, &guid, 10, NULL) == STATUS_INVALID_HANDLE);
    CHECK(WmiTraceMessageVa(0, 0x2B, &guid, 10, NULL) == STATUS_INVALID_HANDLE);
}

static void WmiEvent(void)
{
    PWNODE_SINGLE_INSTANCE event = ExAllocatePoolWithTag(NonPagedPool, sizeof(*event), 'tseT');
    RtlZeroMemory(event, sizeof(*event));
    event->WnodeHeader.BufferSize = sizeof(*event);
    event->WnodeHeader.Flags = WNODE_FLAG_SINGLE_INSTANCE | WNODE_FLAG_EVENT_ITEM;
    CHECK(NT_SUCCESS(IoWMIWriteEvent(event))); /* WMI frees it: kept, it would be a leak at unload */
}

static VOID NTAPI OnBugCheck(PVOID Buffer, ULONG Length)
{
}

static void BugCheckCallbacks(void)
{
    static UCHAR component[] = "selftest", buffer[16];
    KeInitializeCallbackRecord((&Record));
    CHECK(!KeDeregisterBugCheckCallback(&Record)); /* not registered */
    CHECK(KeRegisterBugCheckCallback(&Record, OnBugCheck, buffer, sizeof(buffer), component));
    CHECK(!KeRegisterBugCheckCallback(&Record, OnBugCheck, buffer, sizeof(buffer), component)); /* twice */
    CHECK(KeDeregisterBugCheckCallback(&Record));
    CHECK(!KeDeregisterBugCheckCallback(&Record));
}

static VOID NTAPI OnReason(KBUGCHECK_CALLBACK_REASON Reason, PKBUGCHECK_REASON_CALLBACK_RECORD TheRecord, PVOID Data,
                           ULONG Length)
{
}

static void BugCheckReasons(void)
{
    static KBUGCHECK_REASON_CALLBACK_RECORD record;
    static UCHAR component[] = "selftest";
    KeInitializeCallbackRecord((&record));
    CHECK(!KeDeregisterBugCheckReasonCallback(&record)); /* not registered */
    CHECK(KeRegisterBugCheckReasonCallback(&record, OnReason, KbCallbackSecondaryDumpData, component));
    CHECK(!KeRegisterBugCheckReasonCallback(&record, OnReason, KbCallbackSecondaryDumpData, component));
    CHECK(KeDeregisterBugCheckReasonCallback(&record) && !KeDeregisterBugCheckReasonCallback(&record));
}

static void OtherDrivers(void)
{
    UNICODE_STRING none = RTL_CONSTANT_STRING(L"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\nodriver");
    UNICODE_STRING own = RTL_CONSTANT_STRING(L"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\tracing");
    CHECK(ZwLoadDriver(&none) == STATUS_OBJECT_NAME_NOT_FOUND);
    CHECK(ZwUnloadDriver(&none) == STATUS_OBJECT_NAME_NOT_FOUND);
    CHECK(ZwLoadDriver(&own) == STATUS_IMAGE_ALREADY_LOADED);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    Debugger();
    EventTracing();
    SoftwareTracing();
    WmiEvent();
    BugCheckCallbacks();
    BugCheckReasons();
    OtherDrivers();
    return Summary("tracing");
}
