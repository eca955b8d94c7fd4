/* SPDX-License-Identifier: MIT */
/* The kernel's handle table: one for the whole system, since there is no user mode. */
#include "ob/header.h"
#include "ob/attribute.h"
#include "ke/bugcheck.h"
#include "io/verify.h"

#define HANDLE_SLOTS 4096
/* Kernel handles have the sign bit set, as on Windows (OBJ_KERNEL_HANDLE). */
#define HANDLE_BASE 0xFFFFFFFF80000000ULL

typedef struct _HANDLE_SLOT {
    PVOID Object;
    ACCESS_MASK Access;
    PVOID Creator; /* return address in the driver that opened it; NULL for the kernel */
} HANDLE_SLOT;

static HANDLE_SLOT Slots[HANDLE_SLOTS];
static KSPIN_LOCK Lock;
static ULONG NextSlot = 1; /* handles are not reused at once, so that a stale one is noticed */

VOID ObpInitHandles(VOID)
{
    KeInitializeSpinLock(&Lock);
}

static HANDLE SlotToHandle(ULONG Slot)
{
    return (HANDLE)(ULONG_PTR)(HANDLE_BASE + Slot * 4ULL);
}

static ULONG HandleToSlot(HANDLE Handle)
{
    ULONG64 Value = (ULONG64)(ULONG_PTR)Handle;
    if ((Value & ~0xFFFFULL) == (HANDLE_BASE & ~0xFFFFULL)) {
        Value -= HANDLE_BASE;
    }
    return Value < HANDLE_SLOTS * 4ULL ? (ULONG)(Value / 4) : 0;
}

NTSTATUS ObpCreateHandle(PVOID Object, ACCESS_MASK Access, PHANDLE Handle)
{
    KIRQL Irql;
    ULONG Tried;
    PVOID Creator = KeDriverCaller();
    ObfReferenceObject(Object);
    KeAcquireSpinLock(&Lock, &Irql);
    for (Tried = 0; Tried < HANDLE_SLOTS; Tried++) {
        ULONG Slot = NextSlot;
        NextSlot = NextSlot + 1 < HANDLE_SLOTS ? NextSlot + 1 : 1;
        if (!Slots[Slot].Object) {
            Slots[Slot].Object = Object;
            Slots[Slot].Access = Access;
            Slots[Slot].Creator = Creator;
            if (!ObpIsThread(Object)) {
                InterlockedIncrement64(&ObpHeader(Object)->HandleCount);
            }
            KeReleaseSpinLock(&Lock, Irql);
            *Handle = SlotToHandle(Slot);
            return STATUS_SUCCESS;
        }
    }
    KeReleaseSpinLock(&Lock, Irql);
    ObfDereferenceObject(Object);
    *Handle = NULL;
    return STATUS_INSUFFICIENT_RESOURCES;
}

NTSTATUS ObpCloseHandle(HANDLE Handle)
{
    KIRQL Irql;
    PVOID Object = NULL;
    ULONG Slot = HandleToSlot(Handle);
    KeAcquireSpinLock(&Lock, &Irql);
    if (Slot) {
        Object = Slots[Slot].Object;
        Slots[Slot].Object = NULL;
    }
    KeReleaseSpinLock(&Lock, Irql);
    if (!Object) {
        return STATUS_INVALID_HANDLE;
    }
    if (!ObpIsThread(Object)) {
        POBJECT_HEADER Header = ObpHeader(Object);
        LONG64 Left = InterlockedDecrement64(&Header->HandleCount);
        if (Header->Type->Close) {
            Header->Type->Close(Object, (ULONG)Left);
        }
        if (Left == 0 && Header->Type->Temporary && !Header->Permanent) {
            ObpFreeName(Header);
        }
    }
    ObfDereferenceObject(Object);
    return STATUS_SUCCESS;
}

/* A driver answers for the handles that it uses itself: what a program passes is referenced with UserMode, and may be bad. */
static VOID CheckHandle(HANDLE Handle, POBJECT_TYPE ObjectType, PVOID Caller)
{
    ULONG Slot = HandleToSlot(Handle);
    if (!Handle) {
        IoStop(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_NULL_HANDLE, 0, (ULONG_PTR)ObjectType, 0, Caller,
               "ObReferenceObjectByHandle with a NULL handle");
    }
    if ((LONG_PTR)Handle != -1 && (LONG_PTR)Handle != -2 && (!Slot || !Slots[Slot].Object)) {
        IoStop(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_BAD_HANDLE, (ULONG_PTR)Handle, (ULONG_PTR)ObjectType, 0, Caller,
               "ObReferenceObjectByHandle with handle %p, which is not open", Handle);
    }
}

static NTSTATUS ReferenceByHandle(HANDLE Handle, POBJECT_TYPE ObjectType, KPROCESSOR_MODE AccessMode, PVOID *Object,
                                  POBJECT_HANDLE_INFORMATION HandleInformation, PVOID Caller)
{
    KIRQL Irql;
    NTSTATUS Status = STATUS_INVALID_HANDLE;
    ULONG Slot = HandleToSlot(Handle);
    *Object = NULL;
    if (AccessMode == KernelMode && IoIsDriverCode(Caller)) {
        CheckHandle(Handle, ObjectType, Caller);
    }
    if (Handle == (HANDLE)(LONG_PTR)-2 && (!ObjectType || ObjectType == OB_TYPE(PsThreadType))) {
        *Object = PsGetCurrentThread(); /* NtCurrentThread() */
        ObfReferenceObject(*Object);
        ObpTook(*Object, Caller);
        return STATUS_SUCCESS;
    }
    KeAcquireSpinLock(&Lock, &Irql);
    if (Slot && Slots[Slot].Object) {
        PVOID Found = Slots[Slot].Object;
        if (ObjectType && ObpTypeOf(Found) != ObjectType) {
            Status = STATUS_OBJECT_TYPE_MISMATCH;
        } else {
            ObfReferenceObject(Found);
            *Object = Found;
            if (HandleInformation) {
                HandleInformation->GrantedAccess = Slots[Slot].Access;
                HandleInformation->HandleAttributes = 0;
            }
            Status = STATUS_SUCCESS;
        }
    }
    KeReleaseSpinLock(&Lock, Irql);
    if (NT_SUCCESS(Status)) {
        ObpTook(*Object, Caller);
    }
    return Status;
}

NTSTATUS NTAPI ObReferenceObjectByHandle(HANDLE Handle, ACCESS_MASK DesiredAccess, POBJECT_TYPE ObjectType,
                                         KPROCESSOR_MODE AccessMode, PVOID *Object,
                                         POBJECT_HANDLE_INFORMATION HandleInformation)
{
    return ReferenceByHandle(Handle, ObjectType, AccessMode, Object, HandleInformation, _ReturnAddress());
}

/* The tag serves the tracing of references in a debugger; IRQL as of the form without. */
NTSTATUS NTAPI ObReferenceObjectByHandleWithTag(HANDLE Handle, ACCESS_MASK DesiredAccess, POBJECT_TYPE ObjectType,
                                                KPROCESSOR_MODE AccessMode, ULONG Tag, PVOID *Object,
                                                POBJECT_HANDLE_INFORMATION HandleInformation)
{
    return ReferenceByHandle(Handle, ObjectType, AccessMode, Object, HandleInformation, _ReturnAddress());
}

NTSTATUS NTAPI ObOpenObjectByPointer(PVOID Object, ULONG HandleAttributes, PACCESS_STATE PassedAccessState,
                                     ACCESS_MASK DesiredAccess, POBJECT_TYPE ObjectType, KPROCESSOR_MODE AccessMode,
                                     PHANDLE Handle)
{
    if (ObjectType && ObpTypeOf(Object) != ObjectType) {
        return STATUS_OBJECT_TYPE_MISMATCH;
    }
    return ObpCreateHandle(Object, DesiredAccess, Handle);
}

NTSTATUS NTAPI ZwClose(HANDLE Handle)
{
    NTSTATUS Status;
    Status = ObpCloseHandle(Handle);
    if (!NT_SUCCESS(Status)) {
        /* Driver Verifier: bug check 0xC4, 0xF6 is for user handles; a bad kernel handle is 0x93 INVALID_KERNEL_HANDLE. */
        IoStop(INVALID_KERNEL_HANDLE, (ULONG_PTR)Handle, 1, 0, 0, _ReturnAddress(),
               "ZwClose of handle %p, which is not open", Handle);
    }
    return Status;
}

NTSTATUS NTAPI NtClose(HANDLE Handle)
{
    return ZwClose(Handle);
}

/* PASSIVE_LEVEL. The object goes with its last handle and reference from now on; until then it keeps its name. */
NTSTATUS NTAPI ZwMakeTemporaryObject(HANDLE Handle)
{
    PVOID Object;
    NTSTATUS Status;
    Status = ReferenceByHandle(Handle, NULL, UserMode, &Object, NULL, _ReturnAddress()); /* a bad one is a status */
    if (NT_SUCCESS(Status)) {
        if (!ObpIsThread(Object)) {
            ObpMakeTemporary(Object);
        }
        ObfDereferenceObject(Object);
    }
    return Status;
}

BOOLEAN ObpFindHandleOfImage(PVOID Base, SIZE_T Size, OBJECT_LEFT *Left)
{
    ULONG Slot;
    KIRQL Irql;
    BOOLEAN Found = FALSE;
    KeAcquireSpinLock(&Lock, &Irql);
    for (Slot = 1; Slot < HANDLE_SLOTS && !Found; Slot++) {
        if (Slots[Slot].Object && (ULONG_PTR)Slots[Slot].Creator - (ULONG_PTR)Base < Size) {
            *Left =
                (OBJECT_LEFT){.Object = Slots[Slot].Object, .Handle = SlotToHandle(Slot), .Taker = Slots[Slot].Creator};
            Found = TRUE;
        }
    }
    KeReleaseSpinLock(&Lock, Irql);
    return Found;
}
