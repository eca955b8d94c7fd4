/* SPDX-License-Identifier: MIT */
/*
 * WMI's consumers in the kernel: a block is opened by its GUID, then queried, set, and its methods executed, at all providers that registered it.
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iowmiopenblock
 */
#include "io/wmiblock.h"
#include "io/verify.h"

#define DATA_ALIGNMENT 8

static VOID DeleteBlock(PVOID Object);

struct _OBJECT_TYPE IopWmiObjectType = {OB_TYPE_LIST(IopWmiObjectType), .Name = "WmiGuid", .Delete = DeleteBlock};

VOID IopLockWmi(VOID)
{
    ExEnterCriticalRegionAndAcquireFastMutexUnsafe(&IopWmiMutex);
}

VOID IopUnlockWmi(VOID)
{
    ExReleaseFastMutexUnsafeAndLeaveCriticalRegion(&IopWmiMutex);
}

/* The next provider behind Provider (NULL: the first) that has the block, referenced. */
static PWMI_PROVIDER NextWith(PWMI_PROVIDER Provider, const GUID *Guid, PULONG Flags)
{
    while ((Provider = IopNextWmiProvider(Provider)) != NULL) {
        IopLockWmi();
        PWMI_BLOCK Block = IopFindWmiBlock(Provider, Guid);
        *Flags = Block ? Block->Flags : 0;
        IopUnlockWmi();
        if (Block) {
            return Provider;
        }
    }
    return NULL;
}

/* Tells all providers of the block; those that need not know answer so. Collection only where it is expensive. */
VOID IopControlWmi(const GUID *Guid, UCHAR Minor)
{
    ULONG Flags, Used;
    for (PWMI_PROVIDER Provider = NextWith(NULL, Guid, &Flags); Provider; Provider = NextWith(Provider, Guid, &Flags)) {
        BOOLEAN Collection = Minor == IRP_MN_ENABLE_COLLECTION || Minor == IRP_MN_DISABLE_COLLECTION;
        WNODE_HEADER *Header = ExAllocatePoolWithTag(NonPagedPool, sizeof(*Header), WMI_TAG);
        if (Header && (!Collection || (Flags & WMIREG_FLAG_EXPENSIVE))) {
            RtlZeroMemory(Header, sizeof(*Header));
            Header->BufferSize = sizeof(*Header);
            Header->Guid = *Guid;
            (VOID) IopSendWmi(Provider, Minor, &Header->Guid, Header, sizeof(*Header), &Used);
        }
        if (Header) {
            ExFreePoolWithTag(Header, WMI_TAG);
        }
    }
}

static VOID DeleteBlock(PVOID Object)
{
    PWMI_OBJECT Block = Object;
    IopForgetWmiCallback(Block);
    IopControlWmi(&Block->Guid, IRP_MN_DISABLE_COLLECTION);
}

/* PASSIVE_LEVEL. The object goes by ObDereferenceObject. Errors: STATUS_WMI_GUID_NOT_FOUND. */
NTSTATUS NTAPI IoWMIOpenBlock(GUID *DataBlockGuid, ULONG DesiredAccess, PVOID *DataBlockObject)
{
    ULONG Flags;
    PVOID Object;
    PWMI_PROVIDER Provider = NextWith(NULL, DataBlockGuid, &Flags);
    if (!Provider) {
        return STATUS_WMI_GUID_NOT_FOUND;
    }
    IopDropWmiProvider(Provider);
    NTSTATUS Status = ObpCreateObject(&IopWmiObjectType, sizeof(WMI_OBJECT), &Object);
    if (NT_SUCCESS(Status)) {
        ((PWMI_OBJECT)Object)->Guid = *DataBlockGuid;
        IopControlWmi(DataBlockGuid, IRP_MN_ENABLE_COLLECTION);
        *DataBlockObject = Object;
    }
    return Status;
}

/* One provider's answer behind what is in Buffer; *Used grows also when it does not fit. */
static NTSTATUS QueryProvider(PWMI_PROVIDER Provider, const GUID *Guid, PUCHAR Buffer, ULONG Size, PULONG Used,
                              PULONG Last)
{
    ULONG Start = (*Used + DATA_ALIGNMENT - 1) & ~(DATA_ALIGNMENT - 1u), Got;
    ULONG Room = Start < Size ? Size - Start : 0;
    ULONG Ask = Room < sizeof(WNODE_TOO_SMALL) ? sizeof(WNODE_ALL_DATA) : Room;
    PWNODE_TOO_SMALL Node = ExAllocatePoolWithTag(NonPagedPool, Ask, WMI_TAG);
    if (!Node) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    RtlZeroMemory(Node, Ask);
    Node->WnodeHeader.BufferSize = Ask;
    Node->WnodeHeader.Guid = *Guid;
    Node->WnodeHeader.Flags = WNODE_FLAG_ALL_DATA;
    NTSTATUS Status = IopSendWmi(Provider, IRP_MN_QUERY_ALL_DATA, &Node->WnodeHeader.Guid, Node, Ask, &Got);
    if (NT_SUCCESS(Status) && Got < sizeof(WNODE_HEADER)) {
        Status = STATUS_INVALID_BUFFER_SIZE;
    }
    if (NT_SUCCESS(Status) && (Node->WnodeHeader.Flags & WNODE_FLAG_TOO_SMALL)) {
        *Used = Start + Node->SizeNeeded;
    } else if (NT_SUCCESS(Status)) {
        *Used = Start + Got;
        if (Got <= Room) {
            RtlCopyMemory(Buffer + Start, Node, Got);
            ((PWNODE_HEADER)(Buffer + Start))->Linkage = 0;
            if (*Last != Start) {
                ((PWNODE_HEADER)(Buffer + *Last))->Linkage = Start - *Last;
            }
            *Last = Start;
        }
    }
    ExFreePoolWithTag(Node, WMI_TAG);
    return Status;
}

/*
 * PASSIVE_LEVEL. A WNODE_ALL_DATA a provider, chained by WnodeHeader.Linkage. STATUS_BUFFER_TOO_SMALL: *InOutBufferSize says what is needed.
 */
NTSTATUS NTAPI IoWMIQueryAllData(PVOID DataBlockObject, ULONG *InOutBufferSize, PVOID OutBuffer)
{
    PWMI_OBJECT Block = DataBlockObject;
    ULONG Flags, Used = 0, Last = 0, Size = OutBuffer ? *InOutBufferSize : 0;
    NTSTATUS Status = STATUS_WMI_GUID_NOT_FOUND;
    for (PWMI_PROVIDER Provider = NextWith(NULL, &Block->Guid, &Flags); Provider;
         Provider = NextWith(Provider, &Block->Guid, &Flags)) {
        NTSTATUS One = Flags & WMIREG_FLAG_EVENT_ONLY_GUID
                           ? STATUS_WMI_GUID_NOT_FOUND
                           : QueryProvider(Provider, &Block->Guid, OutBuffer, Size, &Used, &Last);
        Status = NT_SUCCESS(One) || !NT_SUCCESS(Status) ? One : Status;
    }
    *InOutBufferSize = Used;
    return NT_SUCCESS(Status) && Used > Size ? STATUS_BUFFER_TOO_SMALL : Status;
}

/* The provider that has the instance, referenced, and its index there; FALSE for Static: the provider knows it by name only. */
static PWMI_PROVIDER FindInstance(const GUID *Guid, PCUNICODE_STRING Name, PULONG Index, PBOOLEAN Static)
{
    ULONG Flags;
    PWMI_PROVIDER Dynamic = NULL;
    for (PWMI_PROVIDER Provider = NextWith(NULL, Guid, &Flags); Provider; Provider = NextWith(Provider, Guid, &Flags)) {
        IopLockWmi();
        PWMI_BLOCK Block = IopFindWmiBlock(Provider, Guid);
        for (ULONG I = 0; Block && Block->Names && I < Block->InstanceCount; I++) {
            if (RtlEqualUnicodeString(&Block->Names[I], Name, TRUE)) {
                IopUnlockWmi();
                *Index = I;
                *Static = TRUE;
                if (Dynamic) {
                    IopDropWmiProvider(Dynamic);
                }
                return Provider;
            }
        }
        if (Block && !Block->Names && !Dynamic) {
            InterlockedIncrement(&Provider->References);
            Dynamic = Provider;
        }
        IopUnlockWmi();
    }
    *Index = 0;
    *Static = FALSE;
    return Dynamic;
}

/* The head that single instances, items and methods have in common. */
typedef struct _INSTANCE_NODE {
    WNODE_HEADER Header;
    ULONG OffsetInstanceName;
    ULONG InstanceIndex;
    ULONG Numbers[3]; /* [id,] DataBlockOffset, SizeDataBlock */
} INSTANCE_NODE;

/* Kind: WNODE_FLAG_*. Out (may be NULL) receives the node as the provider left it. */
static NTSTATUS WithInstance(PWMI_OBJECT Block, PCUNICODE_STRING Name, UCHAR Minor, ULONG Kind, ULONG Id,
                             const VOID *Data, ULONG DataSize, ULONG Room, PVOID *Out)
{
    ULONG Index, Got, Numbers = Kind == WNODE_FLAG_SINGLE_INSTANCE ? 0 : 1;
    BOOLEAN Static;
    ULONG NameOffset = sizeof(INSTANCE_NODE);
    ULONG DataOffset = (NameOffset + sizeof(USHORT) + Name->Length + DATA_ALIGNMENT - 1) & ~(DATA_ALIGNMENT - 1u);
    ULONG Size = DataOffset + max(DataSize, Room);
    PWMI_PROVIDER Provider = FindInstance(&Block->Guid, Name, &Index, &Static);
    if (!Provider) {
        return STATUS_WMI_INSTANCE_NOT_FOUND;
    }
    INSTANCE_NODE *Node = ExAllocatePoolWithTag(NonPagedPool, Size, WMI_TAG);
    if (!Node) {
        IopDropWmiProvider(Provider);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    RtlZeroMemory(Node, Size);
    Node->Header.BufferSize = Size;
    Node->Header.ProviderId = Provider->Id;
    Node->Header.Guid = Block->Guid;
    Node->Header.Flags = Kind | (Static ? WNODE_FLAG_STATIC_INSTANCE_NAMES : 0);
    Node->OffsetInstanceName = NameOffset;
    Node->InstanceIndex = Index;
    Node->Numbers[0] = Id;
    Node->Numbers[Numbers] = DataOffset;
    Node->Numbers[Numbers + 1] = DataSize;
    *(PUSHORT)((PUCHAR)Node + NameOffset) = Name->Length;
    RtlCopyMemory((PUCHAR)Node + NameOffset + sizeof(USHORT), Name->Buffer, Name->Length);
    RtlCopyMemory((PUCHAR)Node + DataOffset, Data, DataSize);
    NTSTATUS Status = IopSendWmi(Provider, Minor, &Node->Header.Guid, Node, Size, &Got);
    IopDropWmiProvider(Provider);
    if (NT_SUCCESS(Status) && Out && Got >= sizeof(WNODE_HEADER) && Node->Header.BufferSize <= Size) {
        *Out = Node;
        return Status;
    }
    ExFreePoolWithTag(Node, WMI_TAG);
    return NT_SUCCESS(Status) && Out ? STATUS_INVALID_BUFFER_SIZE : Status;
}

/* PASSIVE_LEVEL. A WNODE_SINGLE_INSTANCE. STATUS_BUFFER_TOO_SMALL: *InOutBufferSize says what is needed. */
NTSTATUS NTAPI IoWMIQuerySingleInstance(PVOID DataBlockObject, PUNICODE_STRING InstanceName, ULONG *InOutBufferSize,
                                        PVOID OutBuffer)
{
    PVOID Node;
    NTSTATUS Status = WithInstance(DataBlockObject, InstanceName, IRP_MN_QUERY_SINGLE_INSTANCE,
                                   WNODE_FLAG_SINGLE_INSTANCE, 0, NULL, 0, *InOutBufferSize, &Node);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    PWNODE_TOO_SMALL Small = Node;
    ULONG Needed = Small->WnodeHeader.Flags & WNODE_FLAG_TOO_SMALL ? Small->SizeNeeded : Small->WnodeHeader.BufferSize;
    if (OutBuffer && Needed <= *InOutBufferSize) {
        RtlCopyMemory(OutBuffer, Node, Needed);
    } else {
        Status = STATUS_BUFFER_TOO_SMALL;
    }
    *InOutBufferSize = Needed;
    ExFreePoolWithTag(Node, WMI_TAG);
    return Status;
}

/* PASSIVE_LEVEL. Errors: the provider's, such as STATUS_WMI_READ_ONLY; STATUS_WMI_INSTANCE_NOT_FOUND. */
NTSTATUS NTAPI IoWMISetSingleInstance(PVOID DataBlockObject, PUNICODE_STRING InstanceName, ULONG Version,
                                      ULONG ValueBufferSize, PVOID ValueBuffer)
{
    return WithInstance(DataBlockObject, InstanceName, IRP_MN_CHANGE_SINGLE_INSTANCE, WNODE_FLAG_SINGLE_INSTANCE, 0,
                        ValueBuffer, ValueBufferSize, 0, NULL);
}

NTSTATUS NTAPI IoWMISetSingleItem(PVOID DataBlockObject, PUNICODE_STRING InstanceName, ULONG DataItemId, ULONG Version,
                                  ULONG ValueBufferSize, PVOID ValueBuffer)
{
    return WithInstance(DataBlockObject, InstanceName, IRP_MN_CHANGE_SINGLE_ITEM, WNODE_FLAG_SINGLE_ITEM, DataItemId,
                        ValueBuffer, ValueBufferSize, 0, NULL);
}

/* PASSIVE_LEVEL. The output takes the place of the input. STATUS_BUFFER_TOO_SMALL: *OutBufferSize says what is needed. */
NTSTATUS NTAPI IoWMIExecuteMethod(PVOID DataBlockObject, PUNICODE_STRING InstanceName, ULONG MethodId,
                                  ULONG InBufferSize, PULONG OutBufferSize, PUCHAR InOutBuffer)
{
    PVOID Node;
    NTSTATUS Status = WithInstance(DataBlockObject, InstanceName, IRP_MN_EXECUTE_METHOD, WNODE_FLAG_METHOD_ITEM,
                                   MethodId, InOutBuffer, InBufferSize, *OutBufferSize, &Node);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    PWNODE_METHOD_ITEM Item = Node;
    if (Item->WnodeHeader.Flags & WNODE_FLAG_TOO_SMALL) {
        ULONG Head = (ULONG)(sizeof(INSTANCE_NODE) + sizeof(USHORT) + InstanceName->Length);
        *OutBufferSize = ((PWNODE_TOO_SMALL)Node)->SizeNeeded - min(((PWNODE_TOO_SMALL)Node)->SizeNeeded, Head & ~7u);
        Status = STATUS_BUFFER_TOO_SMALL;
    } else {
        *OutBufferSize = min(Item->SizeDataBlock, *OutBufferSize);
        RtlCopyMemory(InOutBuffer, (PUCHAR)Node + Item->DataBlockOffset, *OutBufferSize);
    }
    ExFreePoolWithTag(Node, WMI_TAG);
    return Status;
}
