/* SPDX-License-Identifier: MIT */
/*
 * What a WMI provider answers to IRP_MN_REGINFO_EX: a WMIREGINFO with a WMIREGGUID a block. Nothing in it is trusted.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/irp-mn-reginfo-ex
 */
#include "io/wmi.h"
#include "io/io.h"
#include "ob/attribute.h"
#include "rtl/format.h"

#define NAME_LENGTH    300 /* of a generated instance name, in characters */
#define MOST_INSTANCES 4096

/* The information that is read, with its bounds. */
typedef struct _REG_INFO {
    const UCHAR *Base;
    ULONG Size;
} REG_INFO;

PWMI_BLOCK IopFindWmiBlock(PWMI_PROVIDER Provider, const GUID *Guid)
{
    for (PLIST_ENTRY Entry = Provider->Blocks.Flink; Entry != &Provider->Blocks; Entry = Entry->Flink) {
        PWMI_BLOCK Block = CONTAINING_RECORD(Entry, WMI_BLOCK, Link);
        if (RtlCompareMemory(&Block->Guid, Guid, sizeof(*Guid)) == sizeof(*Guid)) {
            return Block;
        }
    }
    return NULL;
}

static VOID FreeBlock(PWMI_BLOCK Block)
{
    for (ULONG I = 0; Block->Names && I < Block->InstanceCount; I++) {
        RtlFreeUnicodeString(&Block->Names[I]);
    }
    if (Block->Names) {
        ExFreePoolWithTag(Block->Names, WMI_TAG);
    }
    ExFreePoolWithTag(Block, WMI_TAG);
}

VOID IopForgetWmiBlocks(PWMI_PROVIDER Provider)
{
    while (!IsListEmpty(&Provider->Blocks)) {
        FreeBlock(CONTAINING_RECORD(RemoveHeadList(&Provider->Blocks), WMI_BLOCK, Link));
    }
    RtlFreeUnicodeString(&Provider->RegistryPath);
    RtlFreeUnicodeString(&Provider->MofResource);
}

/* A counted string at Offset: a USHORT of bytes, then the characters. */
static BOOLEAN ReadString(const REG_INFO *Info, ULONG Offset, PUNICODE_STRING Text)
{
    if (!Offset || Offset % sizeof(USHORT) || Offset > Info->Size - sizeof(USHORT)) {
        return FALSE;
    }
    Text->Length = Text->MaximumLength = *(const USHORT *)(Info->Base + Offset);
    Text->Buffer = (PWCHAR)(ULONG_PTR)(Info->Base + Offset + sizeof(USHORT));
    return Text->Length <= Info->Size - sizeof(USHORT) - Offset;
}

static VOID Keep(PUNICODE_STRING Text, const UNICODE_STRING *From)
{
    RtlFreeUnicodeString(Text);
    (VOID) RtlDuplicateUnicodeString(RTL_DUPLICATE_UNICODE_STRING_NULL_TERMINATE, From, Text);
}

/* Base and the instance's number, with or without an underscore between them. */
static VOID Generate(PUNICODE_STRING Name, const UNICODE_STRING *Base, PCWSTR Between, ULONG Number)
{
    WCHAR Buffer[NAME_LENGTH];
    UNICODE_STRING Text = {.MaximumLength = sizeof(Buffer), .Buffer = Buffer}, Digits;
    WCHAR DigitBuffer[12];
    Digits = (UNICODE_STRING){.MaximumLength = sizeof(DigitBuffer), .Buffer = DigitBuffer};
    RtlAppendUnicodeStringToString(&Text, Base);
    RtlAppendUnicodeToString(&Text, Between);
    RtlIntegerToUnicodeString(Number, 10, &Digits);
    RtlAppendUnicodeStringToString(&Text, &Digits);
    Keep(Name, &Text);
}

/* FALSE: malformed. */
static BOOLEAN NameInstances(const REG_INFO *Info, const WMIREGGUIDW *From, PWMI_BLOCK Block)
{
    UNICODE_STRING Base = {.Length = 0};
    ULONG Offset = From->InstanceNameList;
    if (!(From->Flags & (WMIREG_FLAG_INSTANCE_LIST | WMIREG_FLAG_INSTANCE_BASENAME | WMIREG_FLAG_INSTANCE_PDO)) ||
        !From->InstanceCount) {
        return TRUE; /* dynamic names */
    }
    if (From->Flags & WMIREG_FLAG_INSTANCE_PDO) {
        PDEVICE_NODE Node = From->Pdo ? PnpDevnodeOfDeviceObject((PDEVICE_OBJECT)From->Pdo) : NULL;
        if (!Node) {
            return FALSE;
        }
        Base = Node->InstancePath;
    } else if (!ReadString(Info, Offset, &Base)) {
        return FALSE;
    }
    Block->Names = ExAllocatePoolWithTag(NonPagedPool, From->InstanceCount * sizeof(UNICODE_STRING), WMI_TAG);
    if (!Block->Names) {
        return FALSE;
    }
    RtlZeroMemory(Block->Names, From->InstanceCount * sizeof(UNICODE_STRING));
    for (ULONG I = 0; I < From->InstanceCount; I++) {
        if (From->Flags & WMIREG_FLAG_INSTANCE_LIST) {
            if (!ReadString(Info, Offset, &Base)) {
                return FALSE;
            }
            Keep(&Block->Names[I], &Base);
            Offset += (ULONG)sizeof(USHORT) + Base.Length;
        } else {
            Generate(&Block->Names[I], &Base, From->Flags & WMIREG_FLAG_INSTANCE_PDO ? L"_" : L"", I);
        }
    }
    return TRUE;
}

static BOOLEAN TakeBlock(PWMI_PROVIDER Provider, const REG_INFO *Info, const WMIREGGUIDW *From)
{
    PWMI_BLOCK Old = IopFindWmiBlock(Provider, &From->Guid);
    BOOLEAN Good = From->InstanceCount <= MOST_INSTANCES;
    if (Old) {
        RemoveEntryList(&Old->Link);
        FreeBlock(Old);
    }
    if (Good && !(From->Flags & WMIREG_FLAG_REMOVE_GUID)) {
        PWMI_BLOCK Block = ExAllocatePoolWithTag(NonPagedPool, sizeof(*Block), WMI_TAG);
        if (Block) {
            *Block = (WMI_BLOCK){.Guid = From->Guid, .Flags = From->Flags, .InstanceCount = From->InstanceCount};
            Good = NameInstances(Info, From, Block);
            InsertTailList(&Provider->Blocks, &Block->Link);
        }
    }
    /* "Drivers must call ObReferenceObject on the physical device object … The system will automatically call ObDereferenceObject". */
    if ((From->Flags & WMIREG_FLAG_INSTANCE_PDO) && From->Pdo) {
        ObpDropGiven((PVOID)From->Pdo);
    }
    return Good;
}

BOOLEAN IopTakeWmiRegInfo(PWMI_PROVIDER Provider, const VOID *Info, ULONG Size, BOOLEAN Update)
{
    const UCHAR *At = Info;
    BOOLEAN Good = TRUE;
    if (!Update) {
        IopForgetWmiBlocks(Provider);
    }
    for (ULONG Left = Size, Next = 1; Next && Good;) {
        const WMIREGINFOW *From = (const WMIREGINFOW *)At;
        const REG_INFO Bounds = {.Base = At, .Size = Left};
        UNICODE_STRING Text;
        if (Left < FIELD_OFFSET(WMIREGINFOW, WmiRegGuid) ||
            From->GuidCount > (Left - FIELD_OFFSET(WMIREGINFOW, WmiRegGuid)) / sizeof(WMIREGGUIDW)) {
            return FALSE;
        }
        if (ReadString(&Bounds, From->RegistryPath, &Text)) {
            Keep(&Provider->RegistryPath, &Text);
        }
        if (ReadString(&Bounds, From->MofResourceName, &Text)) {
            Keep(&Provider->MofResource, &Text);
        }
        for (ULONG I = 0; I < From->GuidCount; I++) {
            Good = TakeBlock(Provider, &Bounds, &From->WmiRegGuid[I]) && Good;
        }
        Next = From->NextWmiRegInfo;
        if (Next % 8 || Next > Left) {
            return FALSE;
        }
        At += Next;
        Left -= Next;
    }
    return Good;
}
