/* SPDX-License-Identifier: MIT */
/*
 * Stopping: report on COM1 for people, one BUGCHECK line for programs, a trace line in the journal, then the pvpanic event, then
 * silence. Nothing here takes a lock or allocates. A second bugcheck while the first is reported only says so.
 */
#include "ke/bugcheck.h"
#include "ke/report.h"
#include "ke/backtrace.h"
#include "ke/verify.h"
#include "ke/thread.h"
#include "boot/options.h"
#include "hal/hal.h"
#include "kd/log.h"
#include "rtl/format.h"

static volatile LONG KiStopping;
static CHAR KiReason[320];
static BUGCHECK KiStop;
static LIST_ENTRY KiCallbacks = {&KiCallbacks, &KiCallbacks};

static VOID RunCallbacks(VOID)
{
    for (PLIST_ENTRY e = KiCallbacks.Flink; e && e != &KiCallbacks; e = e->Flink) {
        PKBUGCHECK_CALLBACK_RECORD record = CONTAINER(e, KBUGCHECK_CALLBACK_RECORD, Entry);
        record->CallbackRoutine(record->Buffer, record->Length);
    }
}

DECLSPEC_NORETURN static VOID Halt(VOID)
{
    for (;;) {
        _disable();
        __asm__ volatile("hlt");
    }
}

BOOLEAN KeIsStopped(VOID)
{
    return KiStopping != 0;
}

VOID KiStopSystem(const BUGCHECK *Stop)
{
    _disable();
    if (InterlockedExchange(&KiStopping, 1)) {
        KiSay("\n*** second STOP 0x%X (%I64x %I64x %I64x %I64x) while reporting the first: %s\n", Stop->Code,
              Stop->Parameters[0], Stop->Parameters[1], Stop->Parameters[2], Stop->Parameters[3], Stop->Reason);
        KdTrace("bugcheck code=0x%X second=1", Stop->Code);
        HalPvpanic();
        Halt();
    }
    KiStop = *Stop;
    KiStop.Irql = (KIRQL)__readcr8();
    __writecr8(HIGH_LEVEL);
    /* First the journal: the trace line works even if the rest does not. */
    KdTrace("bugcheck code=0x%X", Stop->Code);
    KiReportStop(&KiStop);
    RunCallbacks();
    KiRunBugCheckReasonCallbacks(KiStop.Code);
    KiSayTables(); /* last: damaged tables may fault, and then the report above is complete */
    HalPvpanic();
    CHAR option[8];
    if (KeBootOption("debug-exit", option, sizeof(option))) {
        HalDebugExit(0x7F);
    }
    Halt();
}

/* Fills Stop with the caller's registers, Skip frames up. */
__attribute__((noinline)) static VOID CaptureCaller(BUGCHECK *Stop, ULONG Skip)
{
    CONTEXT context;
    RtlCaptureContext(&context);
    KiStateFromContext(&Stop->State, &context);
    for (ULONG i = 0; i <= Skip; i++) {
        KiUnwindFrame(&Stop->State);
    }
}

VOID NTAPI KeBugCheckEx(ULONG BugCheckCode, ULONG_PTR P1, ULONG_PTR P2, ULONG_PTR P3, ULONG_PTR P4)
{
    BUGCHECK stop = {.Code = BugCheckCode, .Parameters = {P1, P2, P3, P4}, .Reason = ""};
    _disable();
    CaptureCaller(&stop, 1);
    KiStopSystem(&stop);
}

VOID NTAPI KeBugCheck(ULONG BugCheckCode)
{
    BUGCHECK stop = {.Code = BugCheckCode, .Reason = ""};
    _disable();
    CaptureCaller(&stop, 1);
    KiStopSystem(&stop);
}

VOID KeBugCheckReason(ULONG Code, ULONG_PTR P1, ULONG_PTR P2, ULONG_PTR P3, ULONG_PTR P4, const VOID *Culprit,
                      PCSTR Format, ...)
{
    BUGCHECK stop = {.Code = Code, .Parameters = {P1, P2, P3, P4}, .Culprit = Culprit, .Reason = KiReason};
    va_list arguments;
    _disable();
    va_start(arguments, Format);
    RtlFormatV(KiReason, sizeof(KiReason), Format, arguments);
    va_end(arguments);
    CaptureCaller(&stop, 1);
    KiStopSystem(&stop);
}

VOID KeReportDeadlock(PVOID Object, PKTHREAD Waiter, const VOID *Culprit, PCSTR Format, ...)
{
    BUGCHECK stop = {.Code = DRIVER_VERIFIER_DETECTED_VIOLATION,
                     .Parameters = {0x1001, (ULONG_PTR)Object, (ULONG_PTR)Waiter, 0},
                     .Culprit = Culprit,
                     .Reason = KiReason};
    va_list arguments;
    _disable();
    va_start(arguments, Format);
    SIZE_T used = RtlFormat(KiReason, sizeof(KiReason), "deadlock: ");
    RtlFormatV(KiReason + used, sizeof(KiReason) - used, Format, arguments);
    va_end(arguments);
    CaptureCaller(&stop, 1);
    KiStopSystem(&stop);
}

BOOLEAN KiFindBugCheckCallback(PVOID Base, SIZE_T Size)
{
    for (PLIST_ENTRY e = KiCallbacks.Flink; e != &KiCallbacks; e = e->Flink) {
        PKBUGCHECK_CALLBACK_RECORD record = CONTAINER(e, KBUGCHECK_CALLBACK_RECORD, Entry);
        if ((ULONG64)record - (ULONG64)Base < Size || (ULONG64)record->CallbackRoutine - (ULONG64)Base < Size) {
            return TRUE;
        }
    }
    return FALSE;
}

BOOLEAN NTAPI KeRegisterBugCheckCallback(PKBUGCHECK_CALLBACK_RECORD CallbackRecord,
                                         PKBUGCHECK_CALLBACK_ROUTINE CallbackRoutine, PVOID Buffer, ULONG Length,
                                         PUCHAR Component)
{
    if (CallbackRecord->State == BufferInserted) {
        return FALSE;
    }
    CallbackRecord->CallbackRoutine = CallbackRoutine;
    CallbackRecord->Buffer = Buffer;
    CallbackRecord->Length = Length;
    CallbackRecord->Component = Component;
    CallbackRecord->State = BufferInserted;
    InsertTailList(&KiCallbacks, &CallbackRecord->Entry);
    return TRUE;
}

BOOLEAN NTAPI KeDeregisterBugCheckCallback(PKBUGCHECK_CALLBACK_RECORD CallbackRecord)
{
    if (CallbackRecord->State != BufferInserted) {
        return FALSE;
    }
    RemoveEntryList(&CallbackRecord->Entry);
    CallbackRecord->State = BufferEmpty;
    return TRUE;
}
