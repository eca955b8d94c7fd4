/* SPDX-License-Identifier: MIT */
/*
 * io/dma.c - bus-master DMA adapters and common buffers (Microsoft, "IoGetDmaAdapter", DMA_OPERATIONS).
 *
 * Device addresses are physical addresses: there is no IOMMU and all RAM is below 4 GiB, so a device that scatters needs no map registers. What a
 * driver forgets is therefore not seen in its data; it is counted, as Driver Verifier's DMA verification does.
 */
#include "io/dma.h"
#include "kd/log.h"
#include "mm/mm.h"

#define ADAPTER_MAGIC    0x54504441 /* "ADPT" */
#define RELEASED_MAGIC   0x21504441
#define NEWEST_VERSION   3  /* DEVICE_DESCRIPTION_VERSION3 */
#define REMEMBERED       16 /* released adapters are kept this long, so that a later use is named */
#define GUARD            0x0F
#define GUARD_TAG        0x3079667256616D44ULL /* "DmaVrfy0" */
#define PAGES_OF(Length) (((SIZE_T)(Length) + PAGE_SIZE - 1) & ~(SIZE_T)(PAGE_SIZE - 1))

typedef struct _COMMON_BUFFER {
    LIST_ENTRY Link;
    PUCHAR Start;
    ULONG Length;
    PVOID Caller;
} COMMON_BUFFER;

static ADAPTER *Released[REMEMBERED];
static volatile LONG ReleasedAt;

ADAPTER *DmaAdapterOf(PDMA_ADAPTER Adapter, PCSTR Function, PVOID Caller)
{
    ADAPTER *adapter = CONTAINING_RECORD(Adapter, ADAPTER, Public);

    if (Adapter == NULL)
        DmaStop(DMA_NULL_ADAPTER, 0, 0, 0, Caller, "%s without an adapter", Function);
    if (adapter->Magic != ADAPTER_MAGIC)
        DmaStop(DMA_RELEASED, Adapter, 0, 0, Caller, "%s with DMA adapter %p, which was released by PutDmaAdapter",
                Function, Adapter);
    return adapter;
}

VOID DmaRequireDispatch(PCSTR Function, PVOID Caller)
{
    if (KeGetCurrentIrql() != DISPATCH_LEVEL)
        DmaStop(DMA_IRQL, 1, DISPATCH_LEVEL, KeGetCurrentIrql(), Caller,
                "%s must be called at DISPATCH_LEVEL, not at %u", Function, KeGetCurrentIrql());
}

static VOID NTAPI PutDmaAdapter(PDMA_ADAPTER Adapter)
{
    PVOID caller = _ReturnAddress();
    ADAPTER *adapter = DmaAdapterOf(Adapter, "PutDmaAdapter", caller);
    ULONG buffers = 0, lists = 0, slot;
    ADAPTER *oldest;

    for (PLIST_ENTRY e = adapter->Buffers.Flink; e != &adapter->Buffers; e = e->Flink)
        buffers++;
    for (PLIST_ENTRY e = adapter->Lists.Flink; e != &adapter->Lists; e = e->Flink)
        lists++;
    if (buffers != 0)
        DmaStop(DMA_BUFFERS_LEFT, Adapter, buffers, adapter, caller,
                "PutDmaAdapter with %u common buffers not freed: call FreeCommonBuffer first", buffers);
    if (lists != 0)
        DmaStop(DMA_LISTS_LEFT, Adapter, lists, adapter, caller,
                "PutDmaAdapter with %u scatter-gather lists not put back: call PutScatterGatherList first", lists);
    if (adapter->InChannel || !IsListEmpty(&adapter->Waiting))
        DmaStop(DMA_CHANNELS_LEFT, Adapter, 1, adapter, caller,
                "PutDmaAdapter with the adapter channel still allocated or waited for");
    if (adapter->KeptRegisters != 0)
        DmaStop(DMA_REGISTERS_LEFT, Adapter, adapter->RegistersInUse, adapter, caller,
                "PutDmaAdapter with %u map registers not freed: call FreeMapRegisters first", adapter->RegistersInUse);
    adapter->Magic = RELEASED_MAGIC;
    slot = (ULONG)InterlockedIncrement(&ReleasedAt) % REMEMBERED;
    oldest = Released[slot];
    Released[slot] = adapter;
    if (oldest != NULL)
        ExFreePoolWithTag(oldest, DMA_TAG);
}

/* PASSIVE_LEVEL. The pages before and behind are filled, so that a device that writes outside is found when the buffer is freed. */
static PVOID NTAPI AllocateCommonBuffer(PDMA_ADAPTER Adapter, ULONG Length, PPHYSICAL_ADDRESS LogicalAddress,
                                        BOOLEAN CacheEnabled)
{
    PVOID caller = _ReturnAddress();
    ADAPTER *adapter = DmaAdapterOf(Adapter, "AllocateCommonBuffer", caller);
    PHYSICAL_ADDRESS highest = {.QuadPart = 0xFFFFFFFF};
    COMMON_BUFFER *buffer;
    PUCHAR block;
    KIRQL irql;

    IoRequireIrql("AllocateCommonBuffer", PASSIVE_LEVEL, caller);
    if (Length == 0 || Length > 0x7FFFFFFF)
        return NULL;
    buffer = ExAllocatePoolWithTag(NonPagedPool, sizeof(*buffer), DMA_TAG);
    block = buffer != NULL ? MmAllocateContiguousMemory(PAGES_OF(Length) + 2 * PAGE_SIZE, highest) : NULL;
    if (block == NULL) {
        if (buffer != NULL)
            ExFreePoolWithTag(buffer, DMA_TAG);
        return NULL;
    }
    *buffer = (COMMON_BUFFER){.Start = block + PAGE_SIZE, .Length = Length, .Caller = caller};
    RtlFillMemory(block, PAGE_SIZE, GUARD);
    RtlZeroMemory(buffer->Start, Length);
    RtlFillMemory(buffer->Start + Length, PAGES_OF(Length) + PAGE_SIZE - Length, GUARD);
    ((PULONG64)buffer->Start)[-1] = GUARD_TAG;
    *(PULONG64)(buffer->Start + Length) = GUARD_TAG;
    *LogicalAddress = MmGetPhysicalAddress(buffer->Start);
    KeAcquireSpinLock(&adapter->Lock, &irql);
    InsertHeadList(&adapter->Buffers, &buffer->Link);
    KeReleaseSpinLock(&adapter->Lock, irql);
    return buffer->Start;
}

/* Parameter 2: 1 and 2 the tag before and behind, 4 and 5 the padding before and behind. */
static VOID CheckGuards(const COMMON_BUFFER *Buffer, PVOID Caller)
{
    PUCHAR end = Buffer->Start + Buffer->Length, last = Buffer->Start + PAGES_OF(Buffer->Length) + PAGE_SIZE;
    PUCHAR bad = NULL;
    ULONG kind = ((PULONG64)Buffer->Start)[-1] != GUARD_TAG ? 1 : *(PULONG64)end != GUARD_TAG ? 2 : 0;

    if (kind != 0)
        bad = kind == 1 ? Buffer->Start - sizeof(ULONG64) : end;
    for (PUCHAR p = Buffer->Start - PAGE_SIZE; p < Buffer->Start - sizeof(ULONG64) && bad == NULL; p++) {
        bad = *p != GUARD ? p : NULL;
        kind = bad != NULL ? 4 : 0;
    }
    for (PUCHAR p = end + sizeof(ULONG64); p < last && bad == NULL; p++) {
        bad = *p != GUARD ? p : NULL;
        kind = bad != NULL ? 5 : 0;
    }
    if (bad != NULL)
        DmaStop(DMA_OUTSIDE_BUFFER, kind, kind == 1 || kind == 2 ? Buffer->Length : (ULONG_PTR)Buffer->Start, bad,
                Caller, "the driver or its device wrote outside common buffer %p (%u bytes): at offset %Id",
                Buffer->Start, Buffer->Length, (SSIZE_T)(bad - Buffer->Start));
}

static VOID NTAPI FreeCommonBuffer(PDMA_ADAPTER Adapter, ULONG Length, PHYSICAL_ADDRESS LogicalAddress,
                                   PVOID VirtualAddress, BOOLEAN CacheEnabled)
{
    PVOID caller = _ReturnAddress();
    ADAPTER *adapter = DmaAdapterOf(Adapter, "FreeCommonBuffer", caller);
    COMMON_BUFFER *buffer = NULL;
    KIRQL irql;

    IoRequireIrql("FreeCommonBuffer", PASSIVE_LEVEL, caller);
    KeAcquireSpinLock(&adapter->Lock, &irql);
    for (PLIST_ENTRY e = adapter->Buffers.Flink; e != &adapter->Buffers && buffer == NULL; e = e->Flink) {
        COMMON_BUFFER *each = CONTAINING_RECORD(e, COMMON_BUFFER, Link);

        buffer = each->Start == VirtualAddress ? each : NULL;
    }
    if (buffer != NULL)
        RemoveEntryList(&buffer->Link);
    KeReleaseSpinLock(&adapter->Lock, irql);
    if (buffer == NULL)
        DmaStop(DMA_BUFFER_TWICE, 1, VirtualAddress, LogicalAddress.QuadPart, caller,
                "FreeCommonBuffer of %p, which is no common buffer of this adapter (freed twice?)", VirtualAddress);
    if (MmGetPhysicalAddress(VirtualAddress).QuadPart != LogicalAddress.QuadPart)
        DmaStop(DMA_BUFFER_TWICE, VirtualAddress, LogicalAddress.QuadPart, Length, caller,
                "FreeCommonBuffer of %p, whose logical address is not %I64x", VirtualAddress, LogicalAddress.QuadPart);
    if (buffer->Length != Length)
        DmaStop(DMA_BUFFER_TWICE, VirtualAddress, Length, buffer->Length, caller,
                "FreeCommonBuffer of %p with length %u, but it was allocated with %u", VirtualAddress, Length,
                buffer->Length);
    CheckGuards(buffer, buffer->Caller);
    MmFreeContiguousMemory(buffer->Start - PAGE_SIZE);
    ExFreePoolWithTag(buffer, DMA_TAG);
}

static ULONG NTAPI GetDmaAlignment(PDMA_ADAPTER Adapter)
{
    return 1;
}

static ULONG NTAPI ReadDmaCounter(PDMA_ADAPTER Adapter)
{
    return 0; /* only system DMA has a counter */
}

static DMA_OPERATIONS Operations = {
    sizeof(Operations),
    PutDmaAdapter,
    AllocateCommonBuffer,
    FreeCommonBuffer,
    DmaAllocateAdapterChannel,
    DmaFlushAdapterBuffers,
    DmaFreeAdapterChannel,
    DmaFreeMapRegisters,
    DmaMapTransfer,
    GetDmaAlignment,
    ReadDmaCounter,
    DmaGetScatterGatherList,
    DmaPutScatterGatherList,
    DmaCalculateScatterGatherList,
    DmaBuildScatterGatherList,
    DmaBuildMdlFromScatterGatherList,
};

/* PASSIVE_LEVEL. NULL when the description asks for what a PC no longer has (slave DMA). */
PDMA_ADAPTER NTAPI IoGetDmaAdapter(PDEVICE_OBJECT Pdo, PDEVICE_DESCRIPTION Description, PULONG NumberOfMapRegisters)
{
    ADAPTER *adapter;

    if (Description->Version > NEWEST_VERSION)
        DmaStop(DMA_UNKNOWN_VERSION, Description->Version, 0, 0, _ReturnAddress(),
                "IoGetDmaAdapter with a DEVICE_DESCRIPTION of version %u, which does not exist (an uninitialised "
                "variable?)",
                Description->Version);
    if (Description->Version > DEVICE_DESCRIPTION_VERSION2 || !Description->Master) {
        KdLog(LOG_WARNING, "IoGetDmaAdapter: only bus masters with description version 0 to 2 are supported");
        return NULL;
    }
    adapter = ExAllocatePoolWithTag(NonPagedPool, sizeof(*adapter), DMA_TAG);
    if (adapter == NULL)
        return NULL;
    RtlZeroMemory(adapter, sizeof(*adapter));
    adapter->Public.Version = 1;
    adapter->Public.Size = sizeof(DMA_ADAPTER);
    adapter->Public.DmaOperations = &Operations;
    adapter->Magic = ADAPTER_MAGIC;
    adapter->Pdo = Pdo;
    adapter->ScatterGather = Description->ScatterGather;
    adapter->Registers = ADDRESS_AND_SIZE_TO_SPAN_PAGES(PAGE_SIZE - 1, Description->MaximumLength);
    KeInitializeSpinLock(&adapter->Lock);
    InitializeListHead(&adapter->Buffers);
    InitializeListHead(&adapter->Lists);
    InitializeListHead(&adapter->RegisterSets);
    InitializeListHead(&adapter->Waiting);
    *NumberOfMapRegisters = adapter->Registers;
    return &adapter->Public;
}
