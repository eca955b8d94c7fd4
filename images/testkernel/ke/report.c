/* SPDX-License-Identifier: MIT */
/* The stop report: registers, backtrace, images and processor for people, and one BUGCHECK line for programs. No lock is taken. */
#include "ke/report.h"
#include "ke/backtrace.h"
#include "ke/bugcheck.h"
#include "ke/perturb.h"
#include "ke/processor.h"
#include "ke/rules.h"
#include "agent/json.h"
#include "boot/loader.h"
#include "hal/hal.h"
#include "kd/log.h"
#include "rtl/format.h"

#define MAX_FRAMES 24
#define EFL_IF     0x200 /* interrupts enabled */

typedef struct _BLAMED {
    SYMBOL Symbol;
    const VOID *Address; /* NULL: nobody */
    BOOLEAN Exact;       /* the address is that of an instruction, not one that a call returns to */
} BLAMED;

static CHAR KiLine[8192];

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

static VOID SayProcessor(const BUGCHECK *Stop)
{
    PKTHREAD thread = KiProcessor.CurrentThread;
    SYMBOL routine;
    KiSay("\nProcessor:\n  number %u, IRQL %u, interrupts %s, interrupt depth %u\n", KiProcessor.Number, Stop->Irql,
          !Stop->Trap                   ? "unknown"
          : Stop->Trap->RFlags & EFL_IF ? "on"
                                        : "off",
          KiProcessor.InterruptDepth);
    if (thread) {
        KiSay("  current thread %p '%s' id %u, stack %p-%p\n", thread, thread->Name, thread->Id, thread->StackLimit,
              thread->StackBase);
    }
    if (KiProcessor.CurrentDpc) {
        LdrSymbolFromAddress((PVOID)KiProcessor.CurrentDpc->DeferredRoutine, &routine);
        KiSay("  running DPC %p %s!%s\n", KiProcessor.CurrentDpc, routine.Image, routine.Name);
    }
    KiSay("  %u DPCs queued, %I64u run; %I64u interrupts, %I64u thread switches\n", KiProcessor.DpcCount,
          KiProcessor.Dpcs, KiProcessor.Interrupts, KiProcessor.ContextSwitches);
}

static VOID SayImages(VOID)
{
    KiSay("\nImages:\n");
    for (PLOADED_IMAGE image = LdrNextImage(NULL); image; image = LdrNextImage(image)) {
        KiSay("  %p-%p %s%s\n", image->Base, image->Base + image->Size, image->Name,
              image->Unloaded ? " (unloaded)" : "");
    }
    KiSay("\n");
}

/* The culprit that was given, else the first frame in a driver, else the innermost one. */
static VOID Blame(const BUGCHECK *Stop, PVOID *Frames, ULONG Count, BLAMED *Blamed)
{
    PLOADED_IMAGE image = LdrImageFromAddress(Stop->Culprit);
    *Blamed = (BLAMED){.Address = Count ? Frames[0] : NULL};
    if (image && !image->Kernel) {
        Blamed->Address = Stop->Culprit;
    } else {
        for (ULONG i = 0; i < Count; i++) {
            image = LdrImageFromAddress(Frames[i]);
            if (image && !image->Kernel) {
                Blamed->Address = Frames[i];
                break;
            }
        }
    }
    LdrSymbolFromAddress(Blamed->Address, &Blamed->Symbol);
    Blamed->Exact = !Blamed->Symbol.Offset || (Stop->Trap && (ULONG64)Blamed->Address == Stop->Trap->Rip);
}

/* Image and offset of an address, as addr2line wants them (plus the file's image base). */
static VOID PutPlace(JSON_WRITER *Json, const VOID *Address)
{
    PLOADED_IMAGE image = LdrImageFromAddress(Address);
    JsonPutString(Json, "image", image ? image->Name : NULL);
    JsonPutUnsigned(Json, "rva", image ? (ULONG64)Address - (ULONG64)image->Base : (ULONG64)Address);
}

static VOID PutFrames(JSON_WRITER *Json, PVOID *Frames, ULONG Count)
{
    CHAR text[160];
    JsonKey(Json, "backtrace");
    JsonBeginArray(Json);
    for (ULONG i = 0; i < Count; i++) {
        SYMBOL symbol;
        LdrSymbolFromAddress(Frames[i], &symbol);
        RtlFormat(text, sizeof(text), "%s!%s+0x%I64x", symbol.Image, symbol.Name, symbol.Offset);
        JsonString(Json, text);
    }
    JsonEndArray(Json);
    JsonKey(Json, "frames");
    JsonBeginArray(Json);
    for (ULONG i = 0; i < Count; i++) {
        JsonBeginObject(Json);
        PutPlace(Json, Frames[i]);
        JsonEndObject(Json);
    }
    JsonEndArray(Json);
}

static VOID PutImages(JSON_WRITER *Json)
{
    JsonKey(Json, "images");
    JsonBeginArray(Json);
    for (PLOADED_IMAGE image = LdrNextImage(NULL); image; image = LdrNextImage(image)) {
        JsonBeginObject(Json);
        JsonPutString(Json, "name", image->Name);
        JsonPutUnsigned(Json, "base", (ULONG64)image->Base);
        JsonPutUnsigned(Json, "size", image->Size);
        JsonPutBool(Json, "unloaded", image->Unloaded);
        JsonEndObject(Json);
    }
    JsonEndArray(Json);
}

static VOID SayMachineLine(const BUGCHECK *Stop, const BLAMED *Blamed, PVOID *Frames, ULONG Count)
{
    JSON_WRITER json;
    JsonWriterInit(&json, KiLine, sizeof(KiLine));
    JsonBeginObject(&json);
    JsonPutUnsigned(&json, "code", Stop->Code);
    JsonPutString(&json, "name", KeBugCheckName(Stop->Code));
    JsonKey(&json, "parameters");
    JsonBeginArray(&json);
    for (ULONG i = 0; i < 4; i++) {
        JsonUnsigned(&json, Stop->Parameters[i]);
    }
    JsonEndArray(&json);
    JsonPutString(&json, "driver", Blamed->Symbol.Image);
    JsonPutString(&json, "function", Blamed->Symbol.Name);
    JsonPutUnsigned(&json, "offset", Blamed->Symbol.Offset);
    JsonKey(&json, "blamed");
    JsonBeginObject(&json);
    PutPlace(&json, Blamed->Address);
    JsonPutBool(&json, "exact", Blamed->Exact);
    JsonEndObject(&json);
    JsonPutString(&json, "reason", Stop->Reason);
    const RULE *rule = KiFindRule(Stop->Code, Stop->Parameters[0]);
    if (rule) {
        JsonPutString(&json, "rule", rule->Words);
        JsonPutString(&json, "page", rule->Page);
    }
    JsonPutUnsigned(&json, "irql", Stop->Irql);
    JsonPutString(&json, "thread", KiProcessor.CurrentThread ? KiProcessor.CurrentThread->Name : "none");
    JsonPutUnsigned(&json, "seed", KiPerturbationSeed());
    /* An exception's first frame is the faulting instruction; other frames are return addresses. */
    JsonPutBool(&json, "trap", Stop->Trap != NULL);
    PutFrames(&json, Frames, Count);
    PutImages(&json);
    JsonEndObject(&json);
    KdPrintRaw("BUGCHECK ", 9);
    KdPrintRaw(KiLine, json.Length);
    KdPrintRaw("\n", 1);
}

VOID KiReportStop(const BUGCHECK *Stop)
{
    PVOID frames[MAX_FRAMES];
    UNWIND_STATE state = Stop->State;
    BLAMED blamed;
    ULONG count = KiWalkStack(&state, frames, MAX_FRAMES);
    PKTHREAD thread = KiProcessor.CurrentThread;
    Blame(Stop, frames, count, &blamed);
    KiSay("\n*** STOP: 0x%08X (0x%016I64X, 0x%016I64X, 0x%016I64X, 0x%016I64X)\n*** %s\n\n", Stop->Code,
          Stop->Parameters[0], Stop->Parameters[1], Stop->Parameters[2], Stop->Parameters[3],
          KeBugCheckName(Stop->Code));
    if (Stop->Reason[0]) {
        KiSay("Reason:   %s\n", Stop->Reason);
    }
    const RULE *rule = KiFindRule(Stop->Code, Stop->Parameters[0]);
    if (rule) {
        KiSay("Rule:     %s\nPage:     %s\n", rule->Words, rule->Page);
    }
    KiSay("Blamed:   %s!%s+0x%I64x\n", blamed.Symbol.Image, blamed.Symbol.Name, blamed.Symbol.Offset);
    if (thread) {
        KiSay("Thread:   %p '%s' id %u%s\n", thread, thread->Name, thread->Id,
              KiProcessor.CurrentDpc ? " (interrupted by a DPC)" : "");
    }
    KiSay("IRQL:     %u\nTime:     %I64u us after boot", Stop->Irql, HalNanoseconds() / 1000);
    if (KiPerturbationSeed()) {
        KiSay(", scheduler seed %I64u", KiPerturbationSeed());
    }
    KiSay("\n\n");
    SayRegisters(&Stop->State, Stop->Trap);
    KiSay("\nBacktrace:\n");
    for (ULONG i = 0; i < count; i++) {
        KiSayFrame(i, frames[i]);
    }
    SayProcessor(Stop);
    SayImages();
    SayMachineLine(Stop, &blamed, frames, count);
}
