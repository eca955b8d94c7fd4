/* SPDX-License-Identifier: MIT */
/*
 * Event objects with handles and names: how two drivers share the state of one event.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/event-objects
 */
#include "ob/object.h"
#include "io/verify.h"

/* Flags: OBJ_OPENIF (an event of that name is opened: STATUS_OBJECT_NAME_EXISTS) and OBJ_PERMANENT. The handle keeps the event. */
static NTSTATUS OpenOrCreate(PCUNICODE_STRING Name, EVENT_TYPE Type, BOOLEAN Initial, ULONG Flags, PKEVENT *Event,
                             PHANDLE Handle)
{
    PVOID Object;
    WCHAR Buffer[256];
    NTSTATUS Status;
    if (Name && (Flags & OBJ_OPENIF)) {
        Status = ObpLookup(Name, OB_TYPE(ExEventObjectType), &Object, NULL, Buffer);
        if (NT_SUCCESS(Status)) {
            Status = ObpCreateHandle(Object, EVENT_ALL_ACCESS, Handle);
            *Event = Object;
            ObfDereferenceObject(Object);
            return NT_SUCCESS(Status) ? STATUS_OBJECT_NAME_EXISTS : Status;
        }
        if (Status != STATUS_OBJECT_NAME_NOT_FOUND) {
            return Status;
        }
    }
    Status = ObpCreateObject(OB_TYPE(ExEventObjectType), sizeof(KEVENT), &Object);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    KeInitializeEvent(Object, Type, Initial);
    if (Name) {
        Status = ObpInsertName(Object, Name);
        if (!NT_SUCCESS(Status)) {
            ObfDereferenceObject(Object);
            return Status;
        }
    }
    Status = ObpCreateHandle(Object, EVENT_ALL_ACCESS, Handle);
    if (NT_SUCCESS(Status) && Name && (Flags & OBJ_PERMANENT)) {
        ObpMakePermanent(Object);
    }
    *Event = Object;
    ObfDereferenceObject(Object); /* from here on the handle keeps it, as on Windows */
    return Status;
}

PKEVENT NTAPI IoCreateNotificationEvent(PUNICODE_STRING EventName, PHANDLE EventHandle)
{
    PKEVENT Event = NULL;
    return NT_SUCCESS(OpenOrCreate(EventName, NotificationEvent, TRUE, OBJ_OPENIF, &Event, EventHandle)) ? Event : NULL;
}

PKEVENT NTAPI IoCreateSynchronizationEvent(PUNICODE_STRING EventName, PHANDLE EventHandle)
{
    PKEVENT Event = NULL;
    return NT_SUCCESS(OpenOrCreate(EventName, SynchronizationEvent, TRUE, OBJ_OPENIF, &Event, EventHandle)) ? Event
                                                                                                            : NULL;
}

NTSTATUS NTAPI ZwCreateEvent(PHANDLE EventHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
                             EVENT_TYPE EventType, BOOLEAN InitialState)
{
    PKEVENT Event;
    PCUNICODE_STRING Name = ObjectAttributes ? ObjectAttributes->ObjectName : NULL;
    IoCheckZwAttributes("ZwCreateEvent", ObjectAttributes, _ReturnAddress());
    return OpenOrCreate(Name, EventType, InitialState, ObjectAttributes ? ObjectAttributes->Attributes : 0, &Event,
                        EventHandle);
}

NTSTATUS NTAPI ZwOpenEvent(PHANDLE EventHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes)
{
    PVOID Object;
    WCHAR Buffer[256];
    NTSTATUS Status;
    IoCheckZwAttributes("ZwOpenEvent", ObjectAttributes, _ReturnAddress());
    Status = ObpLookup(ObjectAttributes->ObjectName, OB_TYPE(ExEventObjectType), &Object, NULL, Buffer);
    if (NT_SUCCESS(Status)) {
        Status = ObpCreateHandle(Object, DesiredAccess, EventHandle);
        ObfDereferenceObject(Object);
    }
    return Status;
}

static NTSTATUS WithEvent(HANDLE Handle, PLONG PreviousState, BOOLEAN Set)
{
    PVOID Object;
    LONG Old;
    NTSTATUS Status;
    Status =
        ObReferenceObjectByHandle(Handle, EVENT_MODIFY_STATE, OB_TYPE(ExEventObjectType), KernelMode, &Object, NULL);
    if (NT_SUCCESS(Status)) {
        Old = Set ? KeSetEvent(Object, EVENT_INCREMENT, FALSE) : KeResetEvent(Object);
        if (PreviousState) {
            *PreviousState = Old;
        }
        ObfDereferenceObject(Object);
    }
    return Status;
}

NTSTATUS NTAPI ZwSetEvent(HANDLE EventHandle, PLONG PreviousState)
{
    return WithEvent(EventHandle, PreviousState, TRUE);
}

NTSTATUS NTAPI ZwResetEvent(HANDLE EventHandle, PLONG PreviousState);
NTSTATUS NTAPI ZwResetEvent(HANDLE EventHandle, PLONG PreviousState)
{
    return WithEvent(EventHandle, PreviousState, FALSE);
}

NTSTATUS NTAPI ZwClearEvent(HANDLE EventHandle);
NTSTATUS NTAPI ZwClearEvent(HANDLE EventHandle)
{
    return WithEvent(EventHandle, NULL, FALSE);
}

NTSTATUS NTAPI ZwWaitForSingleObject(HANDLE Handle, BOOLEAN Alertable, PLARGE_INTEGER Timeout)
{
    PVOID Object;
    NTSTATUS Status = ObReferenceObjectByHandle(Handle, SYNCHRONIZE, NULL, KernelMode, &Object, NULL);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    /* A file is signalled when a request on it is done (ZwReadFile, "the calling thread can synchronize …"). */
    PVOID Waited = ObpTypeOf(Object) == OB_TYPE(IoFileObjectType)    ? &((PFILE_OBJECT)Object)->Event
                   : ObpTypeOf(Object) == OB_TYPE(ExEventObjectType) ? Object
                   : ObpTypeOf(Object) == OB_TYPE(PsThreadType)      ? Object
                                                                     : NULL;
    Status = Waited ? KeWaitForSingleObject(Waited, UserRequest, KernelMode, Alertable, Timeout)
                    : STATUS_OBJECT_TYPE_MISMATCH;
    ObfDereferenceObject(Object);
    return Status;
}
