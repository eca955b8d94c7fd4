/* SPDX-License-Identifier: MIT */
/*
 * Calls on a larger stack: on the present one if enough of it is left, else on a segment of its own, with unmapped pages around it as every stack has.
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-keexpandkernelstackandcallout
 */
#include "ke/bugcheck.h"
#include "ke/processor.h"
#include "mm/mm.h"

/* Interrupts and DPCs run on the thread's stack, too. */
#define INTERRUPT_RESERVE (2 * PAGE_SIZE)

/* entry.S: calls Callout(Parameter) with the stack pointer at Top, and comes back to this stack. */
VOID KiCallOnStack(PEXPAND_STACK_CALLOUT Callout, PVOID Parameter, PVOID Top);

static VOID FreeSegment(PUCHAR Segment, ULONG Pages)
{
    for (ULONG i = 0; i < Pages; i++) {
        ULONG64 physical = 0;
        if (MiTranslate(Segment + i * PAGE_SIZE, &physical)) {
            MiUnmap(Segment + i * PAGE_SIZE, 1);
            MiFreePages(physical, 1);
        }
    }
}

static PUCHAR AllocateSegment(ULONG Pages)
{
    PUCHAR segment = (PUCHAR)MiReserve(STACK_REGION, Pages + 1) + PAGE_SIZE;
    for (ULONG i = 0; i < Pages; i++) {
        ULONG64 page = MiAllocatePages(1, ~0ULL);
        if (!page || !MiMap(segment + i * PAGE_SIZE, page, 1, PTE_WRITE | PTE_NX | PTE_GLOBAL)) {
            if (page) {
                MiFreePages(page, 1);
            }
            FreeSegment(segment, i);
            return NULL;
        }
    }
    return segment;
}

static NTSTATUS CallOut(PEXPAND_STACK_CALLOUT Callout, PVOID Parameter, SIZE_T Size)
{
    PKTHREAD thread = KiCurrentThread();
    PUCHAR limit = thread->StackLimit, base = thread->StackBase, segment = NULL;
    ULONG pages = (ULONG)((Size + INTERRUPT_RESERVE + PAGE_SIZE - 1) >> PAGE_SHIFT);
    if (Size > MAXIMUM_EXPANSION_SIZE) {
        return STATUS_INVALID_PARAMETER_3;
    }
    if (IoGetRemainingStackSize() < Size + INTERRUPT_RESERVE) {
        segment = AllocateSegment(pages);
        if (!segment) {
            return STATUS_NO_MEMORY;
        }
    }
    thread->StackCallouts++;
    if (segment) {
        thread->StackLimit = segment;
        thread->StackBase = segment + pages * PAGE_SIZE;
        KiCallOnStack(Callout, Parameter, thread->StackBase);
        thread->StackLimit = limit;
        thread->StackBase = base;
        FreeSegment(segment, pages);
    } else {
        Callout(Parameter);
    }
    thread->StackCallouts--;
    return STATUS_SUCCESS;
}

/* IRQL <= APC_LEVEL. STATUS_INVALID_PARAMETER_3: more than MAXIMUM_EXPANSION_SIZE; STATUS_NO_MEMORY: no pages for the segment. */
NTSTATUS NTAPI KeExpandKernelStackAndCallout(PEXPAND_STACK_CALLOUT Callout, PVOID Parameter, SIZE_T Size)
{
    return CallOut(Callout, Parameter, Size);
}

/*
 * As KeExpandKernelStackAndCallout, also at DISPATCH_LEVEL if Wait is FALSE (else STATUS_INVALID_PARAMETER_4). Context is reserved: NULL, else
 * STATUS_INVALID_PARAMETER_5.
 */
NTSTATUS NTAPI KeExpandKernelStackAndCalloutEx(PEXPAND_STACK_CALLOUT Callout, PVOID Parameter, SIZE_T Size,
                                               BOOLEAN Wait, PVOID Context);
NTSTATUS NTAPI KeExpandKernelStackAndCalloutEx(PEXPAND_STACK_CALLOUT Callout, PVOID Parameter, SIZE_T Size,
                                               BOOLEAN Wait, PVOID Context)
{
    if (Wait && KeGetCurrentIrql() == DISPATCH_LEVEL) {
        return STATUS_INVALID_PARAMETER_4;
    }
    return Context ? STATUS_INVALID_PARAMETER_5 : CallOut(Callout, Parameter, Size);
}
