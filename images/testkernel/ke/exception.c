/* SPDX-License-Identifier: MIT */
/*
 * Processor exceptions become the stop codes that Windows gives them. There is no structured exception handling yet, so every
 * exception is unhandled.
 * https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xd1--driver-irql-not-less-or-equal and its neighbours
 */
#include "ke/bugcheck.h"
#include "ke/backtrace.h"
#include "ke/fastfail.h"
#include "ke/processor.h"
#include "ke/report.h"
#include "ke/trap.h"
#include "boot/loader.h"
#include "io/irppending.h"
#include "mm/iospace.h"
#include "mm/mdlmap.h"
#include "mm/pool.h"
#include "mm/mm.h"
#include "mm/paged.h"
#include "rtl/format.h"

enum {
    TRAP_DIVIDE = 0,
    TRAP_DEBUG,
    TRAP_NMI,
    TRAP_BREAKPOINT,
    TRAP_OVERFLOW,
    TRAP_BOUND,
    TRAP_OPCODE,
    TRAP_DEVICE,
    TRAP_DOUBLE,
    TRAP_STACK = 12,
    TRAP_PROTECTION = 13,
    TRAP_PAGE = 14,
    TRAP_FPU = 16,
    TRAP_ALIGNMENT = 17,
    TRAP_MACHINE = 18,
    TRAP_SIMD = 19
};

#define FAULT_PRESENT 1
#define FAULT_WRITE   2
#define FAULT_EXECUTE 16

/* Who holds an IRP for so long while the processor idles is named for a hang. */
#define HUNG_NANOSECONDS 1000000000ULL

static CHAR KiText[320];
static EXCEPTION_RECORD KiFastFailRecord;

static BUGCHECK NewStop(PTRAP_FRAME Frame, ULONG Code, ULONG_PTR P1, ULONG_PTR P2, ULONG_PTR P3, ULONG_PTR P4)
{
    BUGCHECK stop = {.Code = Code, .Parameters = {P1, P2, P3, P4}, .Trap = Frame, .Reason = KiText};
    KiStateFromTrap(&stop.State, Frame);
    PLOADED_IMAGE image = LdrImageFromAddress((PVOID)Frame->Rip);
    stop.Culprit = image ? (PVOID)Frame->Rip : NULL;
    return stop;
}

/* What lies at a faulting address, for the report. */
static VOID DescribeAddress(ULONG64 Address, PSTR Text, SIZE_T Size)
{
    POOL_BLOCK_INFO block;
    SYMBOL by, freed;
    if (Address < 0x10000) {
        RtlFormat(Text, Size, "a NULL pointer plus 0x%I64x", Address);
    } else if (MiDescribeIoAddress((PVOID)Address, Text, Size)) {
        return;
    } else if (MiDescribeMdlAddress((PVOID)Address, Text, Size)) {
        return;
    } else if (MiDescribePool((PVOID)Address, &block)) {
        LdrSymbolFromAddress(block.Allocator, &by);
        SIZE_T used =
            RtlFormat(Text, Size, "offset %Id of the %s pool block %p (%Iu bytes, tag '%.4s') that %s!%s allocated",
                      (SSIZE_T)(Address - (ULONG64)block.Address), block.Freed ? "freed" : "live", block.Address,
                      block.Size, (PCSTR)&block.Tag, by.Image, by.Name);
        if (block.Freed && used < Size) {
            LdrSymbolFromAddress(block.Liberator, &freed);
            RtlFormat(Text + used, Size - used, " and %s!%s freed", freed.Image, freed.Name);
        }
    } else if (LdrImageFromAddress((PVOID)Address)) {
        LdrSymbolFromAddress((PVOID)Address, &by);
        PLOADED_IMAGE image = LdrImageFromAddress((PVOID)Address);
        RtlFormat(Text, Size, "%s!%s+0x%I64x%s", by.Image, by.Name, by.Offset, image->Unloaded ? " (unloaded)" : "");
    } else if (Address == 0xA5A5A5A5A5A5A5A5 || Address == 0xDDDDDDDDDDDDDDDD ||
               (Address >> 8 << 8) == 0xA5A5A5A5A5A5A500) {
        RtlFormat(Text, Size, "a pointer out of pool that was never initialized or was freed");
    } else {
        RtlFormat(Text, Size, "an address that nothing is mapped at");
    }
}

static VOID PageFault(PTRAP_FRAME Frame)
{
    ULONG64 address = __readcr2();
    KIRQL irql = KeGetCurrentIrql();
    ULONG access = Frame->ErrorCode & FAULT_EXECUTE ? 8 : Frame->ErrorCode & FAULT_WRITE ? 1 : 0;
    PCSTR verb = access == 8 ? "execute" : access ? "write to" : "read from";
    PLOADED_IMAGE by = LdrImageFromAddress((PVOID)Frame->Rip), at = LdrImageFromAddress((PVOID)address);
    BOOLEAN driver = !by || !by->Kernel; /* in no image at all: a driver has jumped there */
    /* The kernel may touch a driver's pageable memory at any IRQL: it does so on behalf of a caller who may. */
    if (MiPageIn((PVOID)address, irql < DISPATCH_LEVEL || !driver)) {
        return;
    }
    POOL_BLOCK_INFO block;
    BOOLEAN pool =
        (MiIsGuarded((PVOID)address) || MiIsLargeGuarded((PVOID)address)) && MiDescribePool((PVOID)address, &block);
    CHAR what[256];
    DescribeAddress(address, what, sizeof(what));
    RtlFormat(KiText, sizeof(KiText), "attempt to %s %p: %s", verb, (PVOID)address, what);
    BUGCHECK stop;
    if (MiIsPageable((PVOID)address)) {
        RtlFormat(KiText, sizeof(KiText), "attempt to %s %p at IRQL %u: pageable memory, %s", verb, (PVOID)address,
                  irql, what);
        stop = NewStop(Frame, 0xD1, address, irql, access, Frame->Rip);
    } else if (at && at->Unloaded && access == 8) {
        stop = NewStop(Frame, 0xCE, address, access, Frame->Rip, 0);
        stop.Culprit = (PVOID)address;
    } else if (pool && block.Freed) {
        stop = NewStop(Frame, driver ? 0xD5 : 0xCC, address, access, Frame->Rip, 0);
    } else if (pool && address >= (ULONG64)block.Address) {
        stop = NewStop(Frame, driver ? 0xD6 : 0xCD, address, access, Frame->Rip, 0);
    } else if (irql >= DISPATCH_LEVEL) {
        stop = NewStop(Frame, driver ? 0xD1 : 0x0A, address, irql, access, Frame->Rip);
    } else if (access == 8 && (Frame->ErrorCode & FAULT_PRESENT)) {
        stop = NewStop(Frame, 0xFC, address, MiTranslate((PVOID)address, NULL), (ULONG_PTR)Frame, 0);
    } else if (access == 1 && (Frame->ErrorCode & FAULT_PRESENT)) {
        stop = NewStop(Frame, 0xBE, address, MiTranslate((PVOID)address, NULL), (ULONG_PTR)Frame, 0);
    } else if ((LONG64)address >= 0) {
        stop = NewStop(Frame, 0x7E, (ULONG)STATUS_ACCESS_VIOLATION, Frame->Rip, (ULONG_PTR)Frame, address);
    } else {
        stop = NewStop(Frame, 0x50, address, access, Frame->Rip, 0);
    }
    if (access == 8 && stop.Code != 0xCE && MiIsMapped((PVOID)Frame->Rsp, 8)) {
        stop.Culprit = *(PVOID *)Frame->Rsp; /* where the jump came from, if it was a call */
    }
    KiStopSystem(&stop);
}

static NTSTATUS StatusOf(ULONG Vector)
{
    switch (Vector) {
    case TRAP_DIVIDE:
        return STATUS_INTEGER_DIVIDE_BY_ZERO;
    case TRAP_DEBUG:
        return STATUS_SINGLE_STEP;
    case TRAP_BREAKPOINT:
        return STATUS_BREAKPOINT;
    case TRAP_OPCODE:
        return STATUS_ILLEGAL_INSTRUCTION;
    case 0x2C:
        return STATUS_ASSERTION_FAILURE;
    case TRAP_SIMD:
    case TRAP_FPU:
        return STATUS_FLOAT_INVALID_OPERATION;
    default:
        return STATUS_ACCESS_VIOLATION;
    }
}

/*
 * An NMI that was asked for from outside (QEMU's inject-nmi), because the system hangs. If the processor idles, nobody runs whom the backtrace could
 * blame: the driver is named that has held an IRP for a time in which nothing else happened.
 */
static VOID ExplainHang(BUGCHECK *Stop)
{
    SIZE_T used = RtlFormat(KiText, sizeof(KiText), "NMI: asked for from outside to find out why the system hangs");
    if (KiProcessor.CurrentThread != KiProcessor.IdleThread) {
        return;
    }
    Stop->Culprit = IopFindHeldIrp(HUNG_NANOSECONDS, KiText + used + 2, sizeof(KiText) - used - 2);
    if (Stop->Culprit) {
        KiText[used] = ';';
        KiText[used + 1] = ' ';
    } else {
        RtlFormat(KiText + used, sizeof(KiText) - used, "; the processor idles, see what the threads wait for");
    }
}

VOID KiException(PTRAP_FRAME Frame)
{
    ULONG vector = (ULONG)Frame->Vector;
    BUGCHECK stop;
    /* These report the address behind the instruction, which may be another function's. Reported is the instruction itself, as on Windows. */
    Frame->Rip -= vector == TRAP_BREAKPOINT ? 1 : vector == TRAP_FAST_FAIL || vector == 0x2C ? 2 : 0;
    switch (vector) {
    case TRAP_PAGE:
        PageFault(Frame);
        break;
    case TRAP_NMI:
        stop = NewStop(Frame, 0x80, 0x4F4454, 0, 0, 0);
        ExplainHang(&stop);
        KiStopSystem(&stop);
    case TRAP_DOUBLE: {
        PKTHREAD thread = KiProcessor.CurrentThread;
        BOOLEAN overflow = thread && thread->StackLimit && Frame->Rsp < (ULONG64)thread->StackLimit + 256;
        RtlFormat(KiText, sizeof(KiText),
                  overflow ? "double fault: the kernel stack of thread '%s' overflowed" : "double fault in thread '%s'",
                  thread ? thread->Name : "?");
        stop = NewStop(Frame, 0x7F, 8, (ULONG_PTR)Frame, Frame->Rsp, Frame->Rip);
        KiStopSystem(&stop);
    }
    case TRAP_FAST_FAIL: {
        EXCEPTION_RECORD *record = &KiFastFailRecord;
        *record = (EXCEPTION_RECORD){.ExceptionCode = STATUS_STACK_BUFFER_OVERRUN,
                                     .ExceptionFlags = EXCEPTION_NONCONTINUABLE,
                                     .ExceptionAddress = (PVOID)Frame->Rip,
                                     .NumberParameters = 1,
                                     .ExceptionInformation = {(ULONG)Frame->Rcx}};
        RtlFormat(KiText, sizeof(KiText), "__fastfail(%u): %s", (ULONG)Frame->Rcx, KiFastFailReason((ULONG)Frame->Rcx));
        stop = NewStop(Frame, 0x139, (ULONG)Frame->Rcx, (ULONG_PTR)Frame, (ULONG_PTR)record, 0);
        KiStopSystem(&stop);
    }
    default: {
        NTSTATUS status = StatusOf(vector);
        RtlFormat(KiText, sizeof(KiText), "%s (exception 0x%08x, vector %u, error code 0x%I64x) that nothing handles",
                  vector == TRAP_BREAKPOINT ? "breakpoint without a debugger"
                  : vector == 0x2C          ? "assertion failure"
                  : vector == TRAP_DIVIDE   ? "division by zero"
                  : vector == TRAP_OPCODE   ? "undefined instruction"
                                            : "exception",
                  status, vector, Frame->ErrorCode);
        BOOLEAN thread = KeGetCurrentIrql() < DISPATCH_LEVEL;
        stop = NewStop(Frame, thread ? 0x7E : 0x1E, (ULONG)status, Frame->Rip, (ULONG_PTR)Frame,
                       thread ? (ULONG_PTR)Frame : 0);
        KiStopSystem(&stop);
    }
    }
}

/*
 * Raising without a handler: the status is the stop's first parameter.
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-exraisestatus
 */
VOID NTAPI RtlRaiseException(PEXCEPTION_RECORD ExceptionRecord);
VOID NTAPI RtlRaiseException(PEXCEPTION_RECORD ExceptionRecord)
{
    KeBugCheckReason(KeGetCurrentIrql() < DISPATCH_LEVEL ? 0x7E : 0x1E, (ULONG)ExceptionRecord->ExceptionCode,
                     (ULONG_PTR)ExceptionRecord->ExceptionAddress, (ULONG_PTR)ExceptionRecord, 0,
                     ExceptionRecord->ExceptionAddress, "status 0x%08x was raised as an exception that nothing handles",
                     ExceptionRecord->ExceptionCode);
}

VOID NTAPI DbgBreakPoint(VOID)
{
    __asm__ volatile("int3");
}

VOID NTAPI DbgBreakPointWithStatus(ULONG Status)
{
    __asm__ volatile("int3");
}
