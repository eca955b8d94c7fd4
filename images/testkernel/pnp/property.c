/* SPDX-License-Identifier: MIT */
/* Where properties are kept: in one list, for as long as the kernel runs. */
#include "pnp/property.h"

typedef struct _PROPERTY {
    LIST_ENTRY Link;
    UNICODE_STRING Owner;
    DEVPROPKEY Key;
    LCID Language;
    BOOLEAN Persistent;
    DEVPROPTYPE Type;
    ULONG Size;
    PVOID Data;
} PROPERTY, *PPROPERTY;

static LIST_ENTRY Properties = {&Properties, &Properties};
static FAST_MUTEX Mutex;
static LONG Ready;

static VOID Lock(VOID)
{
    if (InterlockedCompareExchange(&Ready, 1, 0) == 0) {
        ExInitializeFastMutex(&Mutex); /* the first caller is the boot's enumeration, alone */
    }
    ExAcquireFastMutex(&Mutex);
}

static PPROPERTY Find(PCUNICODE_STRING Owner, PNP_PROPERTY_KEY Key)
{
    PLIST_ENTRY Entry;
    for (Entry = Properties.Flink; Entry != &Properties; Entry = Entry->Flink) {
        PPROPERTY Property = CONTAINING_RECORD(Entry, PROPERTY, Link);
        if (Property->Key.pid == Key.Key->pid && IsEqualGUID(&Property->Key.fmtid, &Key.Key->fmtid) &&
            Property->Language == Key.Language && ObpEqualNames(&Property->Owner, Owner)) {
            return Property;
        }
    }
    return NULL;
}

static VOID Delete(PPROPERTY Property)
{
    RemoveEntryList(&Property->Link);
    ExFreePoolWithTag(Property, PNP_TAG);
}

NTSTATUS PnpSetProperty(PCUNICODE_STRING Owner, PNP_PROPERTY_KEY Key, ULONG Flags, DEVPROPTYPE Type, ULONG Size,
                        const VOID *Data)
{
    PPROPERTY Property, Old;
    NTSTATUS Status = STATUS_SUCCESS;
    Lock();
    Old = Find(Owner, Key);
    if (Type == DEVPROP_TYPE_EMPTY || !Data) {
        if (!Old) {
            Status = STATUS_OBJECT_NAME_NOT_FOUND;
        }
    } else {
        Property = ExAllocatePoolWithTag(PagedPool, sizeof(*Property) + Size + Owner->Length, PNP_TAG);
        if (Property) {
            Property->Key = *Key.Key;
            Property->Language = Key.Language;
            Property->Persistent = (Flags & PLUGPLAY_PROPERTY_PERSISTENT) != 0;
            Property->Type = Type;
            Property->Size = Size;
            Property->Data = Property + 1;
            RtlCopyMemory(Property->Data, Data, Size);
            Property->Owner.Buffer = (PWCHAR)((PUCHAR)Property->Data + Size);
            Property->Owner.Length = Property->Owner.MaximumLength = Owner->Length;
            RtlCopyMemory(Property->Owner.Buffer, Owner->Buffer, Owner->Length);
            InsertTailList(&Properties, &Property->Link);
        } else {
            Old = NULL;
            Status = STATUS_INSUFFICIENT_RESOURCES;
        }
    }
    if (Old) {
        Delete(Old);
    }
    ExReleaseFastMutex(&Mutex);
    return Status;
}

NTSTATUS PnpGetProperty(PCUNICODE_STRING Owner, PNP_PROPERTY_KEY Key, ULONG Size, PVOID Data, PULONG Required,
                        PDEVPROPTYPE Type)
{
    PPROPERTY Property;
    NTSTATUS Status = STATUS_OBJECT_NAME_NOT_FOUND;
    *Required = 0;
    *Type = DEVPROP_TYPE_EMPTY;
    Lock();
    Property = Find(Owner, Key);
    if (Property) {
        *Required = Property->Size;
        *Type = Property->Type;
        Status = Size < Property->Size ? STATUS_BUFFER_TOO_SMALL : STATUS_SUCCESS;
        if (NT_SUCCESS(Status)) {
            RtlCopyMemory(Data, Property->Data, Property->Size);
        }
    }
    ExReleaseFastMutex(&Mutex);
    return Status;
}

VOID PnpDropProperties(PCUNICODE_STRING Owner, BOOLEAN Persistent)
{
    PLIST_ENTRY Entry, Next;
    Lock();
    for (Entry = Properties.Flink; Entry != &Properties; Entry = Next) {
        PPROPERTY Property = CONTAINING_RECORD(Entry, PROPERTY, Link);
        Next = Entry->Flink;
        if ((Persistent || !Property->Persistent) && ObpEqualNames(&Property->Owner, Owner)) {
            Delete(Property);
        }
    }
    ExReleaseFastMutex(&Mutex);
}
