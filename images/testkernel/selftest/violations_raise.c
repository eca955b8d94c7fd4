/* SPDX-License-Identifier: MIT */
/* Exceptions that a driver raises itself and nobody handles, breakpoints without a debugger, stops of the driver's own. */
#include "violations.h"

VOID NTAPI RtlRaiseException(PEXCEPTION_RECORD ExceptionRecord);
NTSYSAPI VOID NTAPI ExRaiseException(PEXCEPTION_RECORD ExceptionRecord);

BROKEN(raise_access_violation)
{
    ExRaiseAccessViolation();
}

BROKEN(raise_misalignment)
{
    ExRaiseDatatypeMisalignment();
}

BROKEN(raise_exception)
{
    EXCEPTION_RECORD record = {.ExceptionCode = (NTSTATUS)0xE0DD0001, .ExceptionAddress = __builtin_return_address(0)};
    record.ExceptionAddress = (PVOID)(ULONG_PTR)Break_raise_exception;
    ExRaiseException(&record);
}

BROKEN(rtl_raise_exception)
{
    EXCEPTION_RECORD record = {.ExceptionCode = (NTSTATUS)0xE0DD0002};
    record.ExceptionAddress = (PVOID)(ULONG_PTR)Break_rtl_raise_exception;
    RtlRaiseException(&record);
}

BROKEN(probe_kernel_address)
{
    ProbeForRead((PVOID)&Sink, sizeof(Sink), sizeof(ULONG));
}

BROKEN(probe_misaligned)
{
    ProbeForWrite((PVOID)0x10001, 4, 4);
}

BROKEN(quota_without_memory)
{
    Sink = (ULONG)(ULONG_PTR)ExAllocatePoolWithQuotaTag(NonPagedPool, (SIZE_T)1 << 40, TAG);
}

BROKEN(break_point)
{
    DbgBreakPoint();
}

BROKEN(break_point_with_status)
{
    DbgBreakPointWithStatus(DBG_STATUS_CONTROL_C);
}

BROKEN(plain_bugcheck)
{
    KeBugCheck(MANUALLY_INITIATED_CRASH);
}

static VOID NTAPI OnBugCheck(PVOID Buffer, ULONG Length)
{
    /* The tests look for it on the console. */
    DbgPrint("bugcheck callback at IRQL %u with %u bytes '%s'\n", KeGetCurrentIrql(), Length, Buffer);
}

static VOID NTAPI OnDump(KBUGCHECK_CALLBACK_REASON Reason, PKBUGCHECK_REASON_CALLBACK_RECORD Record, PVOID Data,
                         ULONG Length)
{
    PKBUGCHECK_SECONDARY_DUMP_DATA dump = Data;
    dump->OutBuffer = dump->InBuffer;
    dump->OutBufferLength = 4;
    *(PULONG)dump->InBuffer = 0xB0DD;
    DbgPrint("bugcheck reason %u with room for %s\n", Reason, dump->MaximumAllowed >= 4 ? "data" : "nothing");
}

/* Two ranges, one call after the other. */
static VOID NTAPI OnAddPages(KBUGCHECK_CALLBACK_REASON Reason, PKBUGCHECK_REASON_CALLBACK_RECORD Record, PVOID Data,
                             ULONG Length)
{
    PKBUGCHECK_ADD_PAGES pages = Data;
    pages->Address = pages->Context ? 0x200000 : 0x100000;
    pages->Count = pages->Context ? 3 : pages->BugCheckCode == 0xB0DD ? 2 : 0;
    pages->Flags =
        KB_ADD_PAGES_FLAG_PHYSICAL_ADDRESS | (pages->Context ? 0 : KB_ADD_PAGES_FLAG_ADDITIONAL_RANGES_EXIST);
    pages->Context = Record;
}

BROKEN(bugcheck_with_callback)
{
    static KBUGCHECK_REASON_CALLBACK_RECORD pages;
    KeInitializeCallbackRecord((&pages));
    KeRegisterBugCheckReasonCallback(&pages, OnAddPages, KbCallbackAddPages, (PUCHAR) "selftest");
    static KBUGCHECK_REASON_CALLBACK_RECORD dump;
    static KBUGCHECK_CALLBACK_RECORD record;
    static CHAR buffer[] = "Buddy";
    static UCHAR component[] = "selftest";
    KeInitializeCallbackRecord((&record));
    KeRegisterBugCheckCallback(&record, OnBugCheck, buffer, sizeof(buffer), component);
    KeInitializeCallbackRecord((&dump));
    KeRegisterBugCheckReasonCallback(&dump, OnDump, KbCallbackSecondaryDumpData, component);
    KeBugCheckEx(0xB0DD, 1, 2, 3, 4);
}

/* __fastfail(FAST_FAIL_CORRUPT_LIST_ENTRY), as newer headers' RemoveEntryList does; mingw's have no such check. */
BROKEN(corrupt_list_entry)
{
    __asm__ volatile("int $0x29" : : "c"(3));
}

static void (*volatile Routine)(void);
BROKEN(null_call_at_dispatch)
{
    Raise(DISPATCH_LEVEL);
    Routine();
}

/* The first stop is the one that is reported. */
static VOID NTAPI StopAgain(PVOID Buffer, ULONG Length)
{
    KeBugCheckEx(0xB0DE, 5, 6, 7, 8);
}

BROKEN(bugcheck_in_bugcheck_callback)
{
    static KBUGCHECK_CALLBACK_RECORD record;
    KeInitializeCallbackRecord((&record));
    KeRegisterBugCheckCallback(&record, StopAgain, &record, sizeof(record), (PUCHAR) "selftest");
    KeBugCheckEx(0xB0DD, 1, 2, 3, 4);
}
