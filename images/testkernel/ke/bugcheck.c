/* SPDX-License-Identifier: MIT */
/*
 * Stopping: report on COM1 for people, one BUGCHECK line for programs, a trace line in the journal, then the pvpanic event, then
 * silence. Nothing here takes a lock or allocates. A second bugcheck while the first is reported only says so.
 */
#include "ke/bugcheck.h"
#include "ke/report.h"
#include "ke/backtrace.h"
#include "ke/perturb.h"
#include "ke/processor.h"
#include "ke/verify.h"
#include "agent/json.h"
#include "boot/loader.h"
#include "boot/options.h"
#include "hal/hal.h"
#include "kd/log.h"
#include "rtl/format.h"

#define MAX_FRAMES 24

static volatile LONG KiStopping;
static CHAR KiReason[320];
static CHAR KiLine[6144];
static BUGCHECK KiStop;
static LIST_ENTRY KiCallbacks = {&KiCallbacks, &KiCallbacks};

VOID KiSay(PCSTR Format, ...)
{
    CHAR line[400];
    va_list arguments;
    va_start(arguments, Format);
    SIZE_T length = RtlFormatV(line, sizeof(line), Format, arguments);
    va_end(arguments);
    KdPrintRaw(line, length < sizeof(line) ? length : sizeof(line) - 1);
}

VOID KiSayFrame(ULONG Number, PVOID Address)
{
    SYMBOL symbol;
    if (LdrSymbolFromAddress(Address, &symbol)) {
        KiSay("  %2u  %p  %s!%s+0x%I64x\n", Number, Address, symbol.Image, symbol.Name, symbol.Offset);
    } else {
        KiSay("  %2u  %p  ?\n", Number, Address);
    }
}

static VOID SayRegisters(const UNWIND_STATE *State, const TRAP_FRAME *Trap)
{
    static const PCSTR names[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                  "r8 ", "r9 ", "r10", "r11", "r12", "r13", "r14", "r15"};
    static const UCHAR order[] = {0, 3, 1, 2, 6, 7, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15};
    for (ULONG i = 0; i < 16; i++) {
        KiSay("%s=%016I64x%s", names[order[i]], State->Registers[order[i]], i % 4 == 3 ? "\n" : " ");
    }
    KiSay("rip=%016I64x ", State->Rip);
    if (Trap) {
        KiSay("efl=%08I64x cs=%04I64x ss=%04I64x error=%I64x ", Trap->RFlags, Trap->Cs, Trap->Ss, Trap->ErrorCode);
    }
    KiSay("cr2=%016I64x cr3=%08I64x cr4=%I64x\n", __readcr2(), __readcr3(), __readcr4());
}

/* The frame to blame: the culprit that was given, else the first frame in a driver, else the innermost one. */
static VOID Blame(const BUGCHECK *Stop, PVOID *Frames, ULONG Count, PSYMBOL Symbol)
{
    if (Stop->Culprit && LdrSymbolFromAddress(Stop->Culprit, Symbol)) {
        PLOADED_IMAGE image = LdrImageFromAddress(Stop->Culprit);
        if (!image->Kernel) {
            return;
        }
    }
    for (ULONG i = 0; i < Count; i++) {
        PLOADED_IMAGE image = LdrImageFromAddress(Frames[i]);
        if (image && !image->Kernel) {
            LdrSymbolFromAddress(Frames[i], Symbol);
            return;
        }
    }
    LdrSymbolFromAddress(Count ? Frames[0] : NULL, Symbol);
}

static VOID SayMachineLine(const BUGCHECK *Stop, PCSTR Name, const SYMBOL *Blamed, PVOID *Frames, ULONG Count)
{
    JSON_WRITER json;
    CHAR text[160];
    JsonWriterInit(&json, KiLine, sizeof(KiLine));
    JsonBeginObject(&json);
    JsonPutUnsigned(&json, "code", Stop->Code);
    JsonPutString(&json, "name", Name);
    JsonKey(&json, "parameters");
    JsonBeginArray(&json);
    for (ULONG i = 0; i < 4; i++) {
        JsonUnsigned(&json, Stop->Parameters[i]);
    }
    JsonEndArray(&json);
    JsonPutString(&json, "driver", Blamed->Image);
    JsonPutString(&json, "function", Blamed->Name);
    JsonPutUnsigned(&json, "offset", Blamed->Offset);
    JsonPutString(&json, "reason", Stop->Reason);
    JsonPutUnsigned(&json, "irql", Stop->Irql);
    JsonPutString(&json, "thread", KiProcessor.CurrentThread ? KiProcessor.CurrentThread->Name : "none");
    JsonPutUnsigned(&json, "seed", KiPerturbationSeed());
    JsonKey(&json, "backtrace");
    JsonBeginArray(&json);
    for (ULONG i = 0; i < Count; i++) {
        SYMBOL symbol;
        LdrSymbolFromAddress(Frames[i], &symbol);
        RtlFormat(text, sizeof(text), "%s!%s+0x%I64x", symbol.Image, symbol.Name, symbol.Offset);
        JsonString(&json, text);
    }
    JsonEndArray(&json);
    /* For source lines: image and offset of each frame, as addr2line wants them (plus the file's image base). */
    JsonKey(&json, "frames");
    JsonBeginArray(&json);
    for (ULONG i = 0; i < Count; i++) {
        PLOADED_IMAGE image = LdrImageFromAddress(Frames[i]);
        JsonBeginObject(&json);
        JsonPutString(&json, "image", image ? image->Name : NULL);
        JsonPutUnsigned(&json, "rva", image ? (ULONG64)Frames[i] - (ULONG64)image->Base : (ULONG64)Frames[i]);
        JsonEndObject(&json);
    }
    JsonEndArray(&json);
    JsonEndObject(&json);
    KdPrintRaw("BUGCHECK ", 9);
    KdPrintRaw(KiLine, json.Length);
    KdPrintRaw("\n", 1);
}

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

VOID KiStopSystem(const BUGCHECK *Stop)
{
    PVOID frames[MAX_FRAMES];
    UNWIND_STATE state;
    SYMBOL blamed;
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
    state = Stop->State;
    ULONG count = KiWalkStack(&state, frames, MAX_FRAMES);
    Blame(Stop, frames, count, &blamed);
    PCSTR name = KeBugCheckName(Stop->Code);
    KiSay("\n*** STOP: 0x%08X (0x%016I64X, 0x%016I64X, 0x%016I64X, 0x%016I64X)\n*** %s\n\n", Stop->Code,
          Stop->Parameters[0], Stop->Parameters[1], Stop->Parameters[2], Stop->Parameters[3], name);
    if (Stop->Reason[0]) {
        KiSay("Reason:   %s\n", Stop->Reason);
    }
    KiSay("Blamed:   %s!%s+0x%I64x\n", blamed.Image, blamed.Name, blamed.Offset);
    PKTHREAD thread = KiProcessor.CurrentThread;
    if (thread) {
        KiSay("Thread:   %p '%s' id %u%s\n", thread, thread->Name, thread->Id,
              KiProcessor.CurrentDpc ? " (interrupted by a DPC)" : "");
    }
    KiSay("IRQL:     %u\nTime:     %I64u us after boot", KiStop.Irql, HalNanoseconds() / 1000);
    if (KiPerturbationSeed()) {
        KiSay(", scheduler seed %I64u", KiPerturbationSeed());
    }
    KiSay("\n\n");
    SayRegisters(&Stop->State, Stop->Trap);
    KiSay("\nBacktrace:\n");
    for (ULONG i = 0; i < count; i++) {
        KiSayFrame(i, frames[i]);
    }
    KiSay("\nImages:\n");
    for (PLOADED_IMAGE image = LdrNextImage(NULL); image; image = LdrNextImage(image)) {
        KiSay("  %p-%p %s%s\n", image->Base, image->Base + image->Size, image->Name,
              image->Unloaded ? " (unloaded)" : "");
    }
    KiSay("\n");
    RunCallbacks();
    SayMachineLine(&KiStop, name, &blamed, frames, count);
    KiSayTables(); /* last: damaged tables may fault, and then the report above is complete */
    HalPvpanic();
    if (KeBootOption("debug-exit", KiLine, 8)) {
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
