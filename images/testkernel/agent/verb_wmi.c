/* SPDX-License-Identifier: MIT */
/* wmi: what a management program does: list the blocks that drivers registered, query and set them, execute methods, receive events. */
#include "agent/verb.h"
#include "io/wmiblock.h"
#include "rtl/format.h"

#define TAG         'mwAB'
#define BUFFER_SIZE 8192
#define MOST_EVENTS 32
#define USAGE                                                                                                          \
    "usage: buddyctl wmi | wmi query {GUID} [INSTANCE] | wmi set {GUID} INSTANCE [ITEM] HEX | wmi call {GUID} "        \
    "INSTANCE METHOD [HEX] | wmi enable|disable {GUID} | wmi events"

typedef struct _RECEIVED {
    GUID Guid;
    ULONG Instance, Size;
    UCHAR Data[256];
} RECEIVED;

static RECEIVED Received[MOST_EVENTS];
static ULONG ReceivedCount;
static KSPIN_LOCK ReceivedLock;
static PVOID Enabled[MOST_EVENTS]; /* opened event blocks */

static VOID PutGuid(JSON_WRITER *Out, const GUID *Guid)
{
    CHAR text[40];
    RtlFormat(text, sizeof(text), "{%08x-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x}", Guid->Data1, Guid->Data2,
              Guid->Data3, Guid->Data4[0], Guid->Data4[1], Guid->Data4[2], Guid->Data4[3], Guid->Data4[4],
              Guid->Data4[5], Guid->Data4[6], Guid->Data4[7]);
    JsonPutString(Out, "guid", text);
}

static VOID PutData(JSON_WRITER *Out, PCSTR Key, const UCHAR *Data, ULONG Size)
{
    CHAR text[2 * 1024 + 1];
    Size = min(Size, 1024u);
    for (ULONG i = 0; i < Size; i++) {
        RtlFormat(text + 2 * i, 3, "%02x", Data[i]);
    }
    text[2 * Size] = 0;
    JsonPutString(Out, Key, text);
}

static VOID PutName(JSON_WRITER *Out, PCSTR Key, PCUNICODE_STRING Text)
{
    JsonPutWide(Out, Key, (const uint16_t *)Text->Buffer, Text->Length / sizeof(WCHAR));
}

/* {GUID}, or GUID without braces. */
static BOOLEAN ParseGuid(PCSTR Text, GUID *Guid)
{
    WCHAR wide[40];
    ULONG used = 0;
    UNICODE_STRING name;
    if (*Text != '{') {
        wide[used++] = L'{';
    }
    while (*Text && used < COUNT_OF(wide) - 2) {
        wide[used++] = (UCHAR)*Text++;
    }
    if (wide[used - 1] != L'}') {
        wide[used++] = L'}';
    }
    wide[used] = 0;
    RtlInitUnicodeString(&name, wide);
    return NT_SUCCESS(RtlGUIDFromString(&name, Guid));
}

static VOID PutBlock(JSON_WRITER *Out, PWMI_BLOCK Block)
{
    JsonBeginObject(Out);
    PutGuid(Out, &Block->Guid);
    JsonPutUnsigned(Out, "flags", Block->Flags);
    JsonPutBool(Out, "event", (Block->Flags & WMIREG_FLAG_EVENT_ONLY_GUID) != 0);
    JsonKey(Out, "instances");
    JsonBeginArray(Out);
    for (ULONG i = 0; Block->Names && i < Block->InstanceCount; i++) {
        JsonWide(Out, (const uint16_t *)Block->Names[i].Buffer, Block->Names[i].Length / sizeof(WCHAR));
    }
    JsonEndArray(Out);
    JsonEndObject(Out);
}

static int List(JSON_WRITER *Out)
{
    JsonBeginObject(Out);
    JsonKey(Out, "providers");
    JsonBeginArray(Out);
    for (PWMI_PROVIDER p = IopNextWmiProvider(NULL); p; p = IopNextWmiProvider(p)) {
        IopLockWmi();
        JsonBeginObject(Out);
        JsonPutUnsigned(Out, "id", p->Id);
        if (!p->Callback) {
            PutName(Out, "driver", &((PDEVICE_OBJECT)p->Object)->DriverObject->DriverName);
        }
        JsonPutString(Out, "status", NT_SUCCESS(p->Status) ? "registered" : VerbStatusName(p->Status));
        PutName(Out, "registry_path", &p->RegistryPath);
        PutName(Out, "mof_resource", &p->MofResource);
        JsonKey(Out, "blocks");
        JsonBeginArray(Out);
        for (PLIST_ENTRY e = p->Blocks.Flink; e != &p->Blocks; e = e->Flink) {
            PutBlock(Out, CONTAINER(e, WMI_BLOCK, Link));
        }
        JsonEndArray(Out);
        JsonEndObject(Out);
        IopUnlockWmi();
    }
    JsonEndArray(Out);
    JsonEndObject(Out);
    return EXIT_DONE;
}

static VOID PutAllData(JSON_WRITER *Out, PUCHAR Node)
{
    for (;;) {
        PWNODE_ALL_DATA all = (PWNODE_ALL_DATA)Node;
        BOOLEAN fixed = (all->WnodeHeader.Flags & WNODE_FLAG_FIXED_INSTANCE_SIZE) != 0;
        for (ULONG i = 0; i < all->InstanceCount; i++) {
            ULONG size = fixed ? all->FixedInstanceSize : all->OffsetInstanceDataAndLength[i].LengthInstanceData;
            ULONG offset = fixed ? all->DataBlockOffset + i * ((size + 7) & ~7u)
                                 : all->OffsetInstanceDataAndLength[i].OffsetInstanceData;
            if (offset > BUFFER_SIZE || size > BUFFER_SIZE - offset) {
                break; /* the provider wrote nonsense */
            }
            JsonBeginObject(Out);
            JsonPutUnsigned(Out, "index", i);
            PutData(Out, "data", Node + offset, size);
            JsonEndObject(Out);
        }
        if (!all->WnodeHeader.Linkage) {
            return;
        }
        Node += all->WnodeHeader.Linkage;
    }
}

static int Query(PVOID Block, PUNICODE_STRING Instance, PUCHAR Buffer, JSON_WRITER *Out)
{
    ULONG size = BUFFER_SIZE;
    NTSTATUS status =
        Instance ? IoWMIQuerySingleInstance(Block, Instance, &size, Buffer) : IoWMIQueryAllData(Block, &size, Buffer);
    if (!NT_SUCCESS(status)) {
        return VerbFail(Out, EXIT_FAILED, status, "the query failed");
    }
    JsonBeginObject(Out);
    if (Instance) {
        PWNODE_SINGLE_INSTANCE single = (PWNODE_SINGLE_INSTANCE)Buffer;
        PutData(Out, "data", Buffer + single->DataBlockOffset, single->SizeDataBlock);
    } else {
        JsonKey(Out, "instances");
        JsonBeginArray(Out);
        PutAllData(Out, Buffer);
        JsonEndArray(Out);
    }
    JsonEndObject(Out);
    return EXIT_DONE;
}

static VOID NTAPI Receive(PVOID Wnode, PVOID Context)
{
    PWNODE_SINGLE_INSTANCE event = Wnode;
    KIRQL irql;
    KeAcquireSpinLock(&ReceivedLock, &irql);
    if (ReceivedCount < MOST_EVENTS && (event->WnodeHeader.Flags & WNODE_FLAG_SINGLE_INSTANCE)) {
        RECEIVED *received = &Received[ReceivedCount++];
        received->Guid = event->WnodeHeader.Guid;
        received->Instance = event->InstanceIndex;
        received->Size = min(event->SizeDataBlock, (ULONG)sizeof(received->Data));
        RtlCopyMemory(received->Data, (PUCHAR)event + event->DataBlockOffset, received->Size);
    }
    KeReleaseSpinLock(&ReceivedLock, irql);
}

static int Events(JSON_WRITER *Out)
{
    KIRQL irql;
    RECEIVED *taken = ExAllocatePoolWithTag(NonPagedPool, sizeof(Received), TAG);
    if (!taken) {
        return VerbFail(Out, EXIT_FAILED, STATUS_NO_MEMORY, "not enough memory");
    }
    KeAcquireSpinLock(&ReceivedLock, &irql);
    RtlCopyMemory(taken, Received, sizeof(Received));
    ULONG count = ReceivedCount;
    ReceivedCount = 0;
    KeReleaseSpinLock(&ReceivedLock, irql);
    JsonBeginObject(Out);
    JsonKey(Out, "events");
    JsonBeginArray(Out);
    for (ULONG i = 0; i < count; i++) {
        JsonBeginObject(Out);
        PutGuid(Out, &taken[i].Guid);
        JsonPutUnsigned(Out, "instance", taken[i].Instance);
        PutData(Out, "data", taken[i].Data, taken[i].Size);
        JsonEndObject(Out);
    }
    JsonEndArray(Out);
    JsonEndObject(Out);
    ExFreePoolWithTag(taken, TAG);
    return EXIT_DONE;
}

static int Done(NTSTATUS Status, PCSTR Failed, JSON_WRITER *Out)
{
    if (!NT_SUCCESS(Status)) {
        return VerbFail(Out, EXIT_FAILED, Status, Failed);
    }
    JsonBeginObject(Out);
    JsonEndObject(Out);
    return EXIT_DONE;
}

/* The block stays open while it is enabled. */
static int Enable(const GUID *Guid, BOOLEAN On, JSON_WRITER *Out)
{
    PVOID block;
    for (ULONG i = 0; i < MOST_EVENTS; i++) {
        BOOLEAN same = Enabled[i] && RtlCompareMemory(Enabled[i], Guid, sizeof(*Guid)) == sizeof(*Guid);
        if (On && same) {
            return Done(STATUS_SUCCESS, "", Out);
        }
        if (same) {
            ObDereferenceObject(Enabled[i]);
            Enabled[i] = NULL;
            return Done(STATUS_SUCCESS, "", Out);
        }
    }
    for (ULONG i = 0; On && i < MOST_EVENTS; i++) {
        if (!Enabled[i]) {
            NTSTATUS status = IoWMIOpenBlock((GUID *)(ULONG_PTR)Guid, 0, &block);
            if (NT_SUCCESS(status)) {
                Enabled[i] = block;
                status = IoWMISetNotificationCallback(block, Receive, NULL);
            }
            return Done(status, "no driver registered this event block", Out);
        }
    }
    return VerbFail(Out, EXIT_ABSENT, STATUS_NOT_FOUND, "this event is not enabled");
}

static BOOLEAN Is(PCSTR Text, PCSTR Word)
{
    return strcmp(Text, Word) == 0;
}

static int Set(PVOID Block, PUNICODE_STRING Instance, int Count, const char *const *Rest, PUCHAR Buffer,
               JSON_WRITER *Out)
{
    ULONG length;
    ULONG64 item = 0;
    if (!VerbParseHex(Rest[Count - 1], Buffer, BUFFER_SIZE, &length) || (Count == 2 && !VerbNumber(Rest[0], &item))) {
        return VerbUsage(Out, USAGE);
    }
    NTSTATUS status = Count == 2 ? IoWMISetSingleItem(Block, Instance, (ULONG)item, 0, length, Buffer)
                                 : IoWMISetSingleInstance(Block, Instance, 0, length, Buffer);
    return Done(status, "setting failed", Out);
}

static int Call(PVOID Block, PUNICODE_STRING Instance, int Count, const char *const *Rest, PUCHAR Buffer,
                JSON_WRITER *Out)
{
    ULONG length = 0, size = BUFFER_SIZE / 2;
    ULONG64 method;
    if (!VerbNumber(Rest[0], &method) || (Count == 2 && !VerbParseHex(Rest[1], Buffer, size, &length))) {
        return VerbUsage(Out, USAGE);
    }
    NTSTATUS status = IoWMIExecuteMethod(Block, Instance, (ULONG)method, length, &size, Buffer);
    if (!NT_SUCCESS(status)) {
        return VerbFail(Out, EXIT_FAILED, status, "the method failed");
    }
    JsonBeginObject(Out);
    PutData(Out, "output", Buffer, size);
    JsonEndObject(Out);
    return EXIT_DONE;
}

/* query, set and call: a block, and mostly an instance by its name. */
static int WithBlock(const GUID *Guid, int Count, const char *const *Arguments, JSON_WRITER *Out)
{
    WCHAR name[300];
    UNICODE_STRING instance;
    PVOID block;
    int code;
    if (Count > 2) {
        ULONG i = 0;
        for (; Arguments[2][i] && i < COUNT_OF(name) - 1; i++) {
            name[i] = (UCHAR)Arguments[2][i];
        }
        name[i] = 0;
        RtlInitUnicodeString(&instance, name);
    }
    PUCHAR buffer = ExAllocatePoolWithTag(NonPagedPool, BUFFER_SIZE, TAG);
    NTSTATUS status = buffer ? IoWMIOpenBlock((GUID *)(ULONG_PTR)Guid, 0, &block) : STATUS_NO_MEMORY;
    if (!NT_SUCCESS(status)) {
        code = VerbFail(Out, EXIT_ABSENT, status, "no driver registered this block");
    } else {
        code = Is(Arguments[0], "query") && Count <= 3 ? Query(block, Count == 3 ? &instance : NULL, buffer, Out)
               : Is(Arguments[0], "set") && (Count == 4 || Count == 5)
                   ? Set(block, &instance, Count - 3, Arguments + 3, buffer, Out)
               : Is(Arguments[0], "call") && (Count == 4 || Count == 5)
                   ? Call(block, &instance, Count - 3, Arguments + 3, buffer, Out)
                   : VerbUsage(Out, USAGE);
        ObDereferenceObject(block);
    }
    if (buffer) {
        ExFreePoolWithTag(buffer, TAG);
    }
    return code;
}

int VerbWmi(int Count, const char *const *Arguments, JSON_WRITER *Out)
{
    GUID guid;
    if (Count == 0) {
        return List(Out);
    }
    if (Count == 1 && Is(Arguments[0], "events")) {
        return Events(Out);
    }
    if (Count < 2 || !ParseGuid(Arguments[1], &guid)) {
        return VerbUsage(Out, USAGE);
    }
    if (Count == 2 && (Is(Arguments[0], "enable") || Is(Arguments[0], "disable"))) {
        return Enable(&guid, Is(Arguments[0], "enable"), Out);
    }
    return WithBlock(&guid, Count, Arguments, Out);
}
