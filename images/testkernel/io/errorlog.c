/* SPDX-License-Identifier: MIT */
/*
 * Error log entries: what Windows puts into the event log goes to the console, with driver and code.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/logging-errors
 */
#include "kernel.h"
#include "kd/log.h"

#define LOG_TAG 'rrEI'

typedef struct _LOG_ENTRY {
    PVOID IoObject; /* driver or device object, referenced */
    UCHAR Size;
    IO_ERROR_LOG_PACKET Packet;
} LOG_ENTRY, *PLOG_ENTRY;

/* IRQL <= DISPATCH_LEVEL. IoObject: the device or driver object that reports. NULL if the size is impossible or memory is short. */
PVOID NTAPI IoAllocateErrorLogEntry(PVOID IoObject, UCHAR EntrySize)
{
    PLOG_ENTRY Entry;
    if (!IoObject || EntrySize < sizeof(IO_ERROR_LOG_PACKET) || EntrySize > ERROR_LOG_MAXIMUM_SIZE) {
        return NULL;
    }
    Entry = ExAllocatePoolWithTag(NonPagedPool, FIELD_OFFSET(LOG_ENTRY, Packet) + EntrySize, LOG_TAG);
    if (!Entry) {
        return NULL;
    }
    RtlZeroMemory(Entry, FIELD_OFFSET(LOG_ENTRY, Packet) + EntrySize);
    ObfReferenceObject(IoObject);
    Entry->IoObject = IoObject;
    Entry->Size = EntrySize;
    return &Entry->Packet;
}

static VOID Release(PLOG_ENTRY Entry)
{
    ObfDereferenceObject(Entry->IoObject);
    ExFreePoolWithTag(Entry, LOG_TAG);
}

/* IRQL <= DISPATCH_LEVEL. The entry is gone afterwards. */
VOID NTAPI IoWriteErrorLogEntry(PVOID ElEntry)
{
    PLOG_ENTRY Entry = CONTAINING_RECORD(ElEntry, LOG_ENTRY, Packet);
    PDEVICE_OBJECT Device = Entry->IoObject;
    PDRIVER_OBJECT Driver = Device->Type == IO_TYPE_DEVICE ? Device->DriverObject : Entry->IoObject;
    KdLog(LOG_WARNING, "event log: %wZ reports 0x%08x (final status 0x%08x, unique value %u, retries %u)",
          &Driver->DriverName, Entry->Packet.ErrorCode, Entry->Packet.FinalStatus, Entry->Packet.UniqueErrorValue,
          Entry->Packet.RetryCount);
    for (USHORT i = 0; i < Entry->Packet.DumpDataSize / sizeof(ULONG); i++) {
        KdLog(LOG_WARNING, "  data %u: 0x%08x", i, Entry->Packet.DumpData[i]);
    }
    if (Entry->Packet.NumberOfStrings && Entry->Packet.StringOffset < Entry->Size) {
        KdLog(LOG_WARNING, "  %ws", (PWSTR)((PUCHAR)&Entry->Packet + Entry->Packet.StringOffset));
    }
    Release(Entry);
}

/* IRQL <= DISPATCH_LEVEL. For an entry that is not written after all. */
VOID NTAPI IoFreeErrorLogEntry(PVOID ElEntry)
{
    Release(CONTAINING_RECORD(ElEntry, LOG_ENTRY, Packet));
}
