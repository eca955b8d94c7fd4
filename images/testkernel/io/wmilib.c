/* SPDX-License-Identifier: MIT */
/*
 * WMILIB.SYS: the library that turns WMI requests into calls of a driver's routines by block and instance number.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/using-wmi-library-support-routines
 */
#include "io/wmi.h"
#include "io/io.h"
#include "ob/attribute.h"
#include <wmilib.h>

#undef IoWMIDeviceObjectToProviderId
ULONG NTAPI IoWMIDeviceObjectToProviderId(PDEVICE_OBJECT DeviceObject);

#define ALIGNMENT 8

static ULONG AlignUp(ULONG Size)
{
    return (Size + ALIGNMENT - 1) & ~(ALIGNMENT - 1u);
}

/* A counted string at *Offset, which moves on; only counted if it does not fit. */
static ULONG PutString(PUCHAR Base, ULONG Size, PULONG Offset, const UNICODE_STRING *Text)
{
    ULONG At = *Offset;
    *Offset = At + (ULONG)sizeof(USHORT) + Text->Length;
    if (*Offset <= Size) {
        *(PUSHORT)(Base + At) = Text->Length;
        RtlCopyMemory(Base + At + sizeof(USHORT), Text->Buffer, Text->Length);
    }
    *Offset = AlignUp(*Offset);
    return At;
}

static NTSTATUS AnswerRegInfo(PWMILIB_CONTEXT Context, PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    ULONG Flags = 0, Size = Stack->Parameters.WMI.BufferSize, Names;
    UNICODE_STRING Instance = {.Length = 0}, Mof = {.Length = 0};
    PUNICODE_STRING Path = NULL;
    PDEVICE_OBJECT Pdo = NULL;
    PWMIREGINFOW Info = Stack->Parameters.WMI.Buffer;
    NTSTATUS Status = Context->QueryWmiRegInfo(DeviceObject, &Flags, &Instance, &Path, &Mof, &Pdo);
    if (NT_SUCCESS(Status)) {
        ULONG End = AlignUp((ULONG)(sizeof(*Info) + Context->GuidCount * sizeof(WMIREGGUIDW)));
        ULONG NameAt = PutString((PUCHAR)Info, Size, &End, &Instance);
        ULONG PathAt = Path ? PutString((PUCHAR)Info, Size, &End, Path) : 0;
        ULONG MofAt = PutString((PUCHAR)Info, Size, &End, &Mof);
        if (End > Size) {
            *(PULONG)Info = End;
            Status = STATUS_BUFFER_TOO_SMALL;
        } else {
            *Info = (WMIREGINFOW){
                .BufferSize = End, .RegistryPath = PathAt, .MofResourceName = MofAt, .GuidCount = Context->GuidCount};
            for (ULONG I = 0; I < Context->GuidCount; I++) {
                const WMIGUIDREGINFO *From = &Context->GuidList[I];
                WMIREGGUIDW *To = &Info->WmiRegGuid[I];
                *To = (WMIREGGUIDW){
                    .Guid = *From->Guid, .Flags = From->Flags | Flags, .InstanceCount = From->InstanceCount};
                Names = To->Flags & (WMIREG_FLAG_INSTANCE_PDO | WMIREG_FLAG_INSTANCE_BASENAME);
                if (Names & WMIREG_FLAG_INSTANCE_PDO) {
                    To->Pdo = (ULONG_PTR)Pdo;
                    ObfReferenceObject(Pdo); /* for WMI, on behalf of the driver */
                    ObpTook(Pdo, (PVOID)(ULONG_PTR)Context->QueryWmiRegInfo);
                } else if (Names) {
                    To->BaseNameOffset = NameAt;
                }
            }
            Irp->IoStatus.Information = End;
        }
    }
    RtlFreeUnicodeString(&Instance); /* "WMI frees the string's buffer" */
    Irp->IoStatus.Status = Status;
    if (!NT_SUCCESS(Status)) {
        Irp->IoStatus.Information = Status == STATUS_BUFFER_TOO_SMALL ? sizeof(ULONG) : 0;
    }
    return Status;
}

/* All instances: their lengths stand, as an array of ULONG, where WmiCompleteRequest puts offsets and lengths. */
static NTSTATUS QueryAll(PWMILIB_CONTEXT Context, PDEVICE_OBJECT DeviceObject, PIRP Irp, ULONG Guid)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    PWNODE_ALL_DATA Node = Stack->Parameters.WMI.Buffer;
    ULONG Size = Stack->Parameters.WMI.BufferSize, Count = Context->GuidList[Guid].InstanceCount;
    ULONG Head = AlignUp((ULONG)(FIELD_OFFSET(WNODE_ALL_DATA, OffsetInstanceDataAndLength) +
                                 Count * sizeof(OFFSETINSTANCEDATAANDLENGTH)));
    BOOLEAN Room = Head <= Size;
    Node->WnodeHeader.Flags = WNODE_FLAG_ALL_DATA | WNODE_FLAG_STATIC_INSTANCE_NAMES;
    KeQuerySystemTime(&Node->WnodeHeader.TimeStamp);
    if (Size >= FIELD_OFFSET(WNODE_ALL_DATA, OffsetInstanceDataAndLength)) {
        Node->DataBlockOffset = Head;
        Node->InstanceCount = Count;
        Node->OffsetInstanceNameOffsets = 0;
    }
    return Context->QueryWmiDataBlock(DeviceObject, Irp, Guid, 0, Count,
                                      Room ? (PULONG)Node->OffsetInstanceDataAndLength : NULL, Room ? Size - Head : 0,
                                      Room ? (PUCHAR)Node + Head : NULL);
}

static NTSTATUS CallRoutine(PWMILIB_CONTEXT Context, PDEVICE_OBJECT DeviceObject, PIRP Irp, ULONG Guid)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    PWNODE_SINGLE_INSTANCE Single = Stack->Parameters.WMI.Buffer;
    PWNODE_SINGLE_ITEM Item = Stack->Parameters.WMI.Buffer;
    PWNODE_METHOD_ITEM Method = Stack->Parameters.WMI.Buffer;
    ULONG Size = Stack->Parameters.WMI.BufferSize;
    UCHAR Minor = Stack->MinorFunction;
    switch (Minor) {
    case IRP_MN_QUERY_ALL_DATA:
        return QueryAll(Context, DeviceObject, Irp, Guid);
    case IRP_MN_QUERY_SINGLE_INSTANCE:
        return Context->QueryWmiDataBlock(DeviceObject, Irp, Guid, Single->InstanceIndex, 1, &Single->SizeDataBlock,
                                          Size - min(Single->DataBlockOffset, Size),
                                          (PUCHAR)Single + Single->DataBlockOffset);
    case IRP_MN_CHANGE_SINGLE_INSTANCE:
        return Context->SetWmiDataBlock
                   ? Context->SetWmiDataBlock(DeviceObject, Irp, Guid, Single->InstanceIndex, Single->SizeDataBlock,
                                              (PUCHAR)Single + Single->DataBlockOffset)
                   : WmiCompleteRequest(DeviceObject, Irp, STATUS_WMI_READ_ONLY, 0, IO_NO_INCREMENT);
    case IRP_MN_CHANGE_SINGLE_ITEM:
        return Context->SetWmiDataItem
                   ? Context->SetWmiDataItem(DeviceObject, Irp, Guid, Item->InstanceIndex, Item->ItemId,
                                             Item->SizeDataItem, (PUCHAR)Item + Item->DataBlockOffset)
                   : WmiCompleteRequest(DeviceObject, Irp, STATUS_WMI_READ_ONLY, 0, IO_NO_INCREMENT);
    case IRP_MN_EXECUTE_METHOD:
        return Context->ExecuteWmiMethod
                   ? Context->ExecuteWmiMethod(DeviceObject, Irp, Guid, Method->InstanceIndex, Method->MethodId,
                                               Method->SizeDataBlock, Size - min(Method->DataBlockOffset, Size),
                                               (PUCHAR)Method + Method->DataBlockOffset)
                   : WmiCompleteRequest(DeviceObject, Irp, STATUS_INVALID_DEVICE_REQUEST, 0, IO_NO_INCREMENT);
    default: { /* ENABLE and DISABLE, of EVENTS and COLLECTION */
        BOOLEAN Events = Minor == IRP_MN_ENABLE_EVENTS || Minor == IRP_MN_DISABLE_EVENTS;
        BOOLEAN Enable = Minor == IRP_MN_ENABLE_EVENTS || Minor == IRP_MN_ENABLE_COLLECTION;
        return Context->WmiFunctionControl
                   ? Context->WmiFunctionControl(DeviceObject, Irp, Guid,
                                                 Events ? WmiEventControl : WmiDataBlockControl, Enable)
                   : WmiCompleteRequest(DeviceObject, Irp, STATUS_SUCCESS, 0, IO_NO_INCREMENT);
    }
    }
}

static BOOLEAN NamesInstance(UCHAR Minor)
{
    return Minor == IRP_MN_QUERY_SINGLE_INSTANCE || Minor == IRP_MN_CHANGE_SINGLE_INSTANCE ||
           Minor == IRP_MN_CHANGE_SINGLE_ITEM || Minor == IRP_MN_EXECUTE_METHOD;
}

/*
 * PASSIVE_LEVEL. https://learn.microsoft.com/windows-hardware/drivers/ddi/wmilib/nf-wmilib-wmisystemcontrol
 */
NTSTATUS NTAPI WmiSystemControl(PWMILIB_CONTEXT WmiLibInfo, PDEVICE_OBJECT DeviceObject, PIRP Irp,
                                PSYSCTL_IRP_DISPOSITION IrpDisposition)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    UCHAR Minor = Stack->MinorFunction;
    NTSTATUS Status = STATUS_SUCCESS;
    ULONG Guid = 0;
    if (Minor > IRP_MN_EXECUTE_METHOD && Minor != IRP_MN_REGINFO_EX) {
        *IrpDisposition = IrpNotWmi;
        return STATUS_SUCCESS;
    }
    if (Stack->Parameters.WMI.ProviderId != (ULONG_PTR)DeviceObject) {
        *IrpDisposition = IrpForward;
        return STATUS_SUCCESS;
    }
    if (Minor == IRP_MN_REGINFO || Minor == IRP_MN_REGINFO_EX) {
        *IrpDisposition = IrpNotCompleted;
        return AnswerRegInfo(WmiLibInfo, DeviceObject, Irp);
    }
    while (Guid < WmiLibInfo->GuidCount &&
           RtlCompareMemory(WmiLibInfo->GuidList[Guid].Guid, Stack->Parameters.WMI.DataPath, sizeof(GUID)) !=
               sizeof(GUID)) {
        Guid++;
    }
    if (Guid == WmiLibInfo->GuidCount) {
        Status = STATUS_WMI_GUID_NOT_FOUND;
    } else if (NamesInstance(Minor)) {
        PWNODE_SINGLE_INSTANCE Single = Stack->Parameters.WMI.Buffer;
        if (!(Single->WnodeHeader.Flags & WNODE_FLAG_STATIC_INSTANCE_NAMES) ||
            Single->InstanceIndex >= WmiLibInfo->GuidList[Guid].InstanceCount) {
            Status = STATUS_WMI_INSTANCE_NOT_FOUND;
        }
    }
    if (!NT_SUCCESS(Status)) {
        Irp->IoStatus.Status = Status;
        Irp->IoStatus.Information = 0;
        *IrpDisposition = IrpNotCompleted;
        return Status;
    }
    *IrpDisposition = IrpProcessed;
    return CallRoutine(WmiLibInfo, DeviceObject, Irp, Guid);
}

/* The lengths that the driver wrote become offsets and lengths: from the last one on, as both arrays begin at the same place. */
static VOID PlaceInstances(PWNODE_ALL_DATA Node)
{
    PULONG Lengths = (PULONG)Node->OffsetInstanceDataAndLength;
    for (ULONG I = Node->InstanceCount; I-- > 0;) {
        ULONG Offset = Node->DataBlockOffset;
        for (ULONG Before = 0; Before < I; Before++) {
            Offset = AlignUp(Offset + Lengths[Before]);
        }
        Node->OffsetInstanceDataAndLength[I] = (OFFSETINSTANCEDATAANDLENGTH){Offset, Lengths[I]};
    }
}

/*
 * IRQL <= DISPATCH_LEVEL. Ends a request that WmiSystemControl gave to the driver's routine. BufferUsed: bytes of data; with STATUS_BUFFER_TOO_SMALL,
 * those that are needed. https://learn.microsoft.com/windows-hardware/drivers/ddi/wmilib/nf-wmilib-wmicompleterequest
 */
NTSTATUS NTAPI WmiCompleteRequest(PDEVICE_OBJECT DeviceObject, PIRP Irp, NTSTATUS Status, ULONG BufferUsed,
                                  CCHAR PriorityBoost)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    PWNODE_HEADER Header = Stack->Parameters.WMI.Buffer;
    UCHAR Minor = Stack->MinorFunction;
    BOOLEAN Answers =
        Minor == IRP_MN_QUERY_ALL_DATA || Minor == IRP_MN_QUERY_SINGLE_INSTANCE || Minor == IRP_MN_EXECUTE_METHOD;
    ULONG Information = 0;
    if (Answers && (NT_SUCCESS(Status) || Status == STATUS_BUFFER_TOO_SMALL)) {
        ULONG Head = Minor == IRP_MN_QUERY_ALL_DATA          ? ((PWNODE_ALL_DATA)Header)->DataBlockOffset
                     : Minor == IRP_MN_QUERY_SINGLE_INSTANCE ? ((PWNODE_SINGLE_INSTANCE)Header)->DataBlockOffset
                                                             : ((PWNODE_METHOD_ITEM)Header)->DataBlockOffset;
        if (NT_SUCCESS(Status)) {
            Header->BufferSize = Information = Head + BufferUsed;
            if (Minor == IRP_MN_QUERY_ALL_DATA) {
                PlaceInstances((PWNODE_ALL_DATA)Header);
            } else if (Minor == IRP_MN_QUERY_SINGLE_INSTANCE) {
                ((PWNODE_SINGLE_INSTANCE)Header)->SizeDataBlock = BufferUsed;
            } else {
                ((PWNODE_METHOD_ITEM)Header)->SizeDataBlock = BufferUsed;
            }
        } else if (Stack->Parameters.WMI.BufferSize >= sizeof(WNODE_TOO_SMALL)) {
            Header->BufferSize = Information = sizeof(WNODE_TOO_SMALL);
            Header->Flags |= WNODE_FLAG_TOO_SMALL;
            ((PWNODE_TOO_SMALL)Header)->SizeNeeded = Head + BufferUsed;
            Status = STATUS_SUCCESS;
        }
    }
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, PriorityBoost);
    return Status;
}

/* IRQL <= DISPATCH_LEVEL. EventData (nonpaged pool, or NULL) is freed in any case. */
NTSTATUS NTAPI WmiFireEvent(PDEVICE_OBJECT DeviceObject, LPCGUID Guid, ULONG InstanceIndex, ULONG EventDataSize,
                            PVOID EventData)
{
    ULONG Head = AlignUp(sizeof(WNODE_SINGLE_INSTANCE)), Size = Head + EventDataSize;
    PWNODE_SINGLE_INSTANCE Event = ExAllocatePoolWithTag(NonPagedPool, Size, WMI_TAG);
    NTSTATUS Status = STATUS_INSUFFICIENT_RESOURCES;
    if (Event) {
        RtlZeroMemory(Event, Size);
        Event->WnodeHeader.BufferSize = Size;
        Event->WnodeHeader.ProviderId = IoWMIDeviceObjectToProviderId(DeviceObject);
        Event->WnodeHeader.Guid = *Guid;
        Event->WnodeHeader.Flags =
            WNODE_FLAG_SINGLE_INSTANCE | WNODE_FLAG_EVENT_ITEM | WNODE_FLAG_STATIC_INSTANCE_NAMES;
        KeQuerySystemTime(&Event->WnodeHeader.TimeStamp);
        Event->InstanceIndex = InstanceIndex;
        Event->DataBlockOffset = Head;
        Event->SizeDataBlock = EventDataSize;
        RtlCopyMemory((PUCHAR)Event + Head, EventData, EventDataSize);
        Status = IoWMIWriteEvent(Event);
        if (!NT_SUCCESS(Status)) {
            ExFreePoolWithTag(Event, WMI_TAG);
        }
    }
    if (EventData) {
        ExFreePool(EventData);
    }
    return Status;
}
