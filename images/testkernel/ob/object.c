/* SPDX-License-Identifier: MIT */
/* Object headers and reference counts. */
#include "ob/header.h"
#include "ob/attribute.h"
#include "io/verify.h"
#include "ke/thread.h"

static KSPIN_LOCK DeleteLock;
static POBJECT_HEADER DeleteList; /* objects whose last reference went above PASSIVE_LEVEL */
static WORK_QUEUE_ITEM DeleteWork;
static BOOLEAN DeleteQueued;

NTSTATUS ObpCreateObject(POBJECT_TYPE Type, SIZE_T Size, PVOID *Object)
{
    POBJECT_HEADER Header = ExAllocatePoolWithTag(NonPagedPool, sizeof(OBJECT_HEADER) + Size, OB_TAG);
    *Object = NULL;
    if (!Header) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    RtlZeroMemory(Header, sizeof(OBJECT_HEADER) + Size);
    Header->Magic = OBJECT_MAGIC;
    Header->PointerCount = 1;
    Header->Type = Type;
    InterlockedIncrement(&Type->Objects);
    *Object = &Header->Body;
    return STATUS_SUCCESS;
}

POBJECT_TYPE ObpTypeOf(PVOID Object)
{
    return ObpIsThread(Object) ? OB_TYPE(PsThreadType) : ObpHeader(Object)->Type;
}

/* Threads are made by ke/ with a reference count of their own, because the first ones exist before the object manager. */
BOOLEAN ObpIsThread(PVOID Object)
{
    return CONTAINING_RECORD(Object, OBJECT_HEADER, Body)->Magic != OBJECT_MAGIC &&
           ((PDISPATCHER_HEADER)Object)->Type == DISPATCHER_THREAD_TYPE;
}

LONG_PTR ObpReferences(PVOID Object)
{
    return ObpHeader(Object)->PointerCount;
}

ULONG ObpReferencesMade(PVOID Object)
{
    return (ULONG)ObpHeader(Object)->Referenced;
}

LONG_PTR ObpHandles(PVOID Object)
{
    return ObpHeader(Object)->HandleCount;
}

POBJECT_HEADER ObpHeader(PVOID Object)
{
    POBJECT_HEADER Header = CONTAINING_RECORD(Object, OBJECT_HEADER, Body);
    if (Header->Magic != OBJECT_MAGIC) {
        /* Bug check 0x18 REFERENCE_BY_POINTER: the reference count of an object is illegal for its state. */
        IoStop(REFERENCE_BY_POINTER, 0, (ULONG_PTR)Object, Header->Magic == OBJECT_DEAD ? 1 : 2, 0, _ReturnAddress(),
               Header->Magic == OBJECT_DEAD ? "object %p was used after its last reference was dropped"
                                            : "%p is not an object that the object manager made",
               Object);
    }
    return Header;
}

static VOID FreeObject(POBJECT_HEADER Header)
{
    POBJECT_TYPE Type = Header->Type;
    ObpFreeName(Header);
    ObpForgetTaken(&Header->Body);
    if (Type->Delete) {
        Type->Delete(&Header->Body);
    }
    InterlockedDecrement(&Type->Objects);
    if (Header->Security) {
        ExFreePoolWithTag(Header->Security, OB_TAG);
    }
    Header->Magic = OBJECT_DEAD;
    ExFreePoolWithTag(Header, OB_TAG);
}

static VOID NTAPI DeleteWorker(PVOID Context)
{
    for (;;) {
        KIRQL Irql;
        POBJECT_HEADER Header;
        KeAcquireSpinLock(&DeleteLock, &Irql);
        Header = DeleteList;
        if (Header) {
            DeleteList = Header->NextToDelete;
        } else {
            DeleteQueued = FALSE;
        }
        KeReleaseSpinLock(&DeleteLock, Irql);
        if (!Header) {
            return;
        }
        FreeObject(Header);
    }
}

/* Any IRQL. Caller: who is to drop it, if that is a driver. */
static LONG_PTR Reference(PVOID Object, PVOID Caller)
{
    POBJECT_HEADER Header;
    LONG_PTR Count;
    if (ObpIsThread(Object)) {
        KiReferenceThread(Object);
        ObpTook(Object, Caller);
        return 1;
    }
    Header = ObpHeader(Object);
    Count = InterlockedIncrement64(&Header->PointerCount);
    InterlockedIncrement(&Header->Referenced);
    if (Count <= 1) {
        IoStop(REFERENCE_BY_POINTER, (ULONG_PTR)Header->Type, (ULONG_PTR)Object, 3, Count, Caller,
               "%s object %p is referenced while it is being deleted", Header->Type->Name, Object);
    }
    ObpTook(Object, Caller);
    return Count;
}

BOOLEAN ObpReferenceUnlessDeleted(PVOID Object)
{
    POBJECT_HEADER Header = ObpHeader(Object);
    LONG_PTR Old = Header->PointerCount;
    while (Old > 0) {
        LONG_PTR Seen = InterlockedCompareExchange64(&Header->PointerCount, Old + 1, Old);
        if (Seen == Old) {
            return TRUE;
        }
        Old = Seen;
    }
    return FALSE;
}

static LONG_PTR Dereference(PVOID Object, PVOID Caller)
{
    POBJECT_HEADER Header;
    LONG_PTR Count;
    if (ObpIsThread(Object)) {
        ObpDropped(Object, Caller);
        KiDereferenceThread(Object);
        return 1;
    }
    Header = ObpHeader(Object);
    ObpDropped(Object, Caller);
    Count = InterlockedDecrement64(&Header->PointerCount);
    if (Count < 0) {
        IoStop(REFERENCE_BY_POINTER, (ULONG_PTR)Header->Type, (ULONG_PTR)Object, 4, Count, Caller,
               "%s object %p is dereferenced more often than it was referenced", Header->Type->Name, Object);
    }
    if (Count == 0) {
        if (Header->HandleCount != 0) {
            IoStop(REFERENCE_BY_POINTER, (ULONG_PTR)Header->Type, (ULONG_PTR)Object, 5, Header->HandleCount, Caller,
                   "%s object %p has no reference left but still %I64d open handles", Header->Type->Name, Object,
                   Header->HandleCount);
        }
        if (KeGetCurrentIrql() == PASSIVE_LEVEL) {
            FreeObject(Header);
        } else {
            KIRQL Irql;
            BOOLEAN Queue;
            KeAcquireSpinLock(&DeleteLock, &Irql);
            Header->NextToDelete = DeleteList;
            DeleteList = Header;
            Queue = !DeleteQueued;
            DeleteQueued = TRUE;
            KeReleaseSpinLock(&DeleteLock, Irql);
            if (Queue) {
                ExInitializeWorkItem(&DeleteWork, DeleteWorker, NULL);
                ExQueueWorkItem(&DeleteWork, DelayedWorkQueue);
            }
        }
    }
    return Count;
}

/* The exports. The tags serve the tracing of references in a debugger. */
LONG_PTR FASTCALL ObfReferenceObject(PVOID Object)
{
    return Reference(Object, _ReturnAddress());
}

LONG_PTR FASTCALL ObfReferenceObjectWithTag(PVOID Object, ULONG Tag)
{
    return Reference(Object, _ReturnAddress());
}

LONG_PTR FASTCALL ObfDereferenceObject(PVOID Object)
{
    return Dereference(Object, _ReturnAddress());
}

#undef ObDereferenceObject /* also exported under this name for old drivers */
VOID NTAPI ObDereferenceObject(PVOID Object);
VOID NTAPI ObDereferenceObject(PVOID Object)
{
    Dereference(Object, _ReturnAddress());
}

LONG_PTR FASTCALL ObfDereferenceObjectWithTag(PVOID Object, ULONG Tag)
{
    return Dereference(Object, _ReturnAddress());
}

VOID NTAPI ObDereferenceObjectDeferDelete(PVOID Object)
{
    Dereference(Object, _ReturnAddress());
}

VOID NTAPI ObDereferenceObjectDeferDeleteWithTag(PVOID Object, ULONG Tag)
{
    Dereference(Object, _ReturnAddress());
}

static NTSTATUS ReferenceByPointer(PVOID Object, POBJECT_TYPE ObjectType, PVOID Caller)
{
    if (ObjectType && ObpTypeOf(Object) != ObjectType) {
        return STATUS_OBJECT_TYPE_MISMATCH;
    }
    Reference(Object, Caller);
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI ObReferenceObjectByPointer(PVOID Object, ACCESS_MASK DesiredAccess, POBJECT_TYPE ObjectType,
                                          KPROCESSOR_MODE AccessMode)
{
    return ReferenceByPointer(Object, ObjectType, _ReturnAddress());
}

NTSTATUS NTAPI ObReferenceObjectByPointerWithTag(PVOID Object, ACCESS_MASK DesiredAccess, POBJECT_TYPE ObjectType,
                                                 KPROCESSOR_MODE AccessMode, ULONG Tag)
{
    return ReferenceByPointer(Object, ObjectType, _ReturnAddress());
}

static KMUTEX NameMutex;
PKMUTEX ObpNameMutex = &NameMutex;

VOID ObInitSystem(VOID)
{
    KeInitializeSpinLock(&DeleteLock);
    KeInitializeMutex(&NameMutex, 0);
    ObpInitHandles();
    ObpInitNamespace();
}
