/* SPDX-License-Identifier: MIT */
/*
 * Extended processor state (Intel SDM 1, chapter 13). A driver saves it, uses the registers, and restores it; a thread switch in between keeps what the
 * driver has in them.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/floating-point-support-for-64-bit-drivers
 */
#include "ke/xstate.h"
#include "ke/bugcheck.h"
#include "ke/rules.h"
#include "ke/processor.h"

#define LEGACY_STATE   3ULL /* XSTATE_MASK_LEGACY: x87 and SSE */
#define CR4_OSXSAVE    (1ULL << 18)
#define CPUID_XSAVE    26 /* leaf 1, ECX */
#define USED_FEATURES  (LEGACY_STATE | XSTATE_MASK_AVX | XSTATE_MASK_AVX512)
#define AREA_ALIGNMENT 64
#define FXSAVE_SIZE    512
#define XSTATE_TAG     'tSxK'

ULONG64 KiExtendedFeatures;
static ULONG KiAreaSize = FXSAVE_SIZE;

static VOID SetFeatures(ULONG64 Features)
{
    __asm__ volatile("xsetbv" : : "c"(0), "a"((ULONG)Features), "d"((ULONG)(Features >> 32)));
}

VOID KiInitializeExtendedState(VOID)
{
    ULONG basic[4], state[4];
    KiCpuid(1, 0, basic);
    if (!(basic[2] >> CPUID_XSAVE & 1)) {
        return;
    }
    __writecr4(__readcr4() | CR4_OSXSAVE);
    KiCpuid(0xD, 0, state);
    KiExtendedFeatures = state[0] & USED_FEATURES;
    SetFeatures(KiExtendedFeatures);
    KiCpuid(0xD, 0, state); /* EBX: the size for what is enabled now */
    KiAreaSize = (state[1] + AREA_ALIGNMENT - 1) & ~(AREA_ALIGNMENT - 1u);
}

/* Area: 64-byte aligned. */
static VOID Store(PVOID Area, ULONG64 Mask)
{
    if (KiExtendedFeatures) {
        __asm__ volatile("xsave64 (%0)" : : "r"(Area), "a"((ULONG)Mask), "d"((ULONG)(Mask >> 32)) : "memory");
    } else {
        __asm__ volatile("fxsave64 (%0)" : : "r"(Area) : "memory");
    }
}

static VOID Load(PVOID Area, ULONG64 Mask)
{
    if (KiExtendedFeatures) {
        __asm__ volatile("xrstor64 (%0)" : : "r"(Area), "a"((ULONG)Mask), "d"((ULONG)(Mask >> 32)) : "memory");
    } else {
        __asm__ volatile("fxrstor64 (%0)" : : "r"(Area) : "memory");
    }
}

/* Two areas in a row: the state that was saved, and that of the thread while another one runs. */
static PUCHAR SwitchArea(PXSTATE_SAVE Save)
{
    return (PUCHAR)Save->XStateContext.Area + KiAreaSize;
}

/* All that the thread has saved is in use by it. */
static ULONG64 UsedMask(PXSTATE_SAVE Save)
{
    ULONG64 mask = 0;
    for (; Save; Save = Save->Prev) {
        mask |= Save->XStateContext.Mask;
    }
    return mask;
}

VOID KiKeepExtendedState(PXSTATE_SAVE Save)
{
    Store(SwitchArea(Save), UsedMask(Save));
}

VOID KiTakeExtendedState(PXSTATE_SAVE Save)
{
    Load(SwitchArea(Save), UsedMask(Save));
}

/* Any IRQL. Of the features in FeatureMask (XSTATE_MASK_*), those that may be saved. */
ULONG64 NTAPI RtlGetEnabledExtendedFeatures(ULONG64 FeatureMask)
{
    return FeatureMask & (KiExtendedFeatures | LEGACY_STATE);
}

/*
 * IRQL <= DISPATCH_LEVEL. STATUS_NOT_SUPPORTED: "this mask must not identify features that the operating system has not enabled", see
 * RtlGetEnabledExtendedFeatures. STATUS_INSUFFICIENT_RESOURCES: no pool for the state.
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kesaveextendedprocessorstate
 */
NTSTATUS NTAPI KeSaveExtendedProcessorState(ULONG64 Mask, PXSTATE_SAVE XStateSave)
{
    PKTHREAD thread = KiCurrentThread();
    if (RtlGetEnabledExtendedFeatures(Mask) != Mask) {
        return STATUS_NOT_SUPPORTED;
    }
    PVOID buffer = ExAllocatePoolWithTag(NonPagedPool, 2 * KiAreaSize + AREA_ALIGNMENT, XSTATE_TAG);
    if (!buffer) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    RtlZeroMemory(buffer, 2 * KiAreaSize + AREA_ALIGNMENT); /* XRSTOR wants zeros in the header */
    *XStateSave = (XSTATE_SAVE){.Thread = thread, .Level = KeGetCurrentIrql()};
    XStateSave->XStateContext.Mask = Mask;
    XStateSave->XStateContext.Length = KiAreaSize;
    XStateSave->XStateContext.Buffer = buffer;
    XStateSave->XStateContext.Area = (PVOID)(((ULONG64)buffer + AREA_ALIGNMENT - 1) & ~(ULONG64)(AREA_ALIGNMENT - 1));
    Store(XStateSave->XStateContext.Area, Mask);
    KIRQL irql = KeGetCurrentIrql();
    if (irql < DISPATCH_LEVEL) {
        __writecr8(DISPATCH_LEVEL); /* no thread switch may see half of it */
    }
    XStateSave->Prev = thread->ExtendedState;
    thread->ExtendedState = XStateSave;
    __writecr8(irql);
    return STATUS_SUCCESS;
}

/* IRQL and thread as at KeSaveExtendedProcessorState; the last saved is restored first. */
VOID NTAPI KeRestoreExtendedProcessorState(PXSTATE_SAVE XStateSave)
{
    PKTHREAD thread = KiCurrentThread();
    if (thread->ExtendedState != XStateSave) {
        KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_EXTENDED_STATE, (ULONG_PTR)XStateSave,
                         (ULONG_PTR)XStateSave->Thread, (ULONG_PTR)thread, __builtin_return_address(0),
                         "KeRestoreExtendedProcessorState of %p, which is not what this thread saved last", XStateSave);
    }
    thread->ExtendedState = XStateSave->Prev;
    Load(XStateSave->XStateContext.Area, XStateSave->XStateContext.Mask);
    ExFreePoolWithTag(XStateSave->XStateContext.Buffer, XSTATE_TAG);
}
