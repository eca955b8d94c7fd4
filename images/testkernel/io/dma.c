/* SPDX-License-Identifier: MIT */
/*
 * io/dma.c - bus-master DMA adapters: common buffers and scatter-gather lists (Microsoft, "IoGetDmaAdapter", DMA_OPERATIONS).
 *
 * Device addresses are physical addresses: there is no IOMMU and all RAM is below 4 GiB, so no map registers, bounce buffers or waiting
 * are needed. A driver that forgets them is therefore not caught by wrong data; it is caught by the counts that PutDmaAdapter checks.
 */
#include "kernel.h"
#include "io/verify.h"
#include "kd/log.h"
#include "pci/pci.h"

#define DMA_TAG 0x616D4448 /* "HDma" */

typedef struct _ADAPTER {
    DMA_ADAPTER Public;
    PDEVICE_OBJECT Pdo;
    ULONG MaximumLength;
    LONG CommonBuffers, Lists; /* not yet given back */
} ADAPTER;

#define AdapterOf(public) CONTAINING_RECORD(public, ADAPTER, Public)

/* Bug check 0xE6 (DRIVER_VERIFIER_DMA_VIOLATION), first parameter by Microsoft's page. */
#define DMA_FREED_TOO_OFTEN 0x03 /* a common buffer */
#define DMA_BUFFERS_LEFT    0x07 /* the adapter is released with common buffers outstanding */
#define DMA_LISTS_LEFT      0x0A /* ... with scatter-gather lists outstanding */
#define DMA_IRQL            0x13

static VOID NTAPI PutDmaAdapter(PDMA_ADAPTER Adapter)
{
    ADAPTER *adapter = AdapterOf(Adapter);

    if (adapter->CommonBuffers != 0)
        IoStop(0xE6, DMA_BUFFERS_LEFT, (ULONG_PTR)Adapter, (ULONG_PTR)adapter->CommonBuffers, 0, _ReturnAddress(),
               "PutDmaAdapter with %d common buffers not freed: call FreeCommonBuffer first", adapter->CommonBuffers);
    if (adapter->Lists != 0)
        IoStop(0xE6, DMA_LISTS_LEFT, (ULONG_PTR)Adapter, (ULONG_PTR)adapter->Lists, 0, _ReturnAddress(),
               "PutDmaAdapter with %d scatter-gather lists not put back: call PutScatterGatherList first",
               adapter->Lists);
    ExFreePoolWithTag(adapter, DMA_TAG);
}

static PVOID NTAPI AllocateCommonBuffer(PDMA_ADAPTER Adapter, ULONG Length, PPHYSICAL_ADDRESS LogicalAddress,
                                        BOOLEAN CacheEnabled)
{
    PHYSICAL_ADDRESS highest = {.QuadPart = 0xFFFFFFFF};
    PVOID buffer;

    IoRequireIrql("AllocateCommonBuffer", PASSIVE_LEVEL, _ReturnAddress());
    buffer = MmAllocateContiguousMemory(Length, highest);
    if (buffer == NULL)
        return NULL;
    RtlZeroMemory(buffer, Length);
    *LogicalAddress = MmGetPhysicalAddress(buffer);
    InterlockedIncrement(&AdapterOf(Adapter)->CommonBuffers);
    return buffer;
}

static VOID NTAPI FreeCommonBuffer(PDMA_ADAPTER Adapter, ULONG Length, PHYSICAL_ADDRESS LogicalAddress,
                                   PVOID VirtualAddress, BOOLEAN CacheEnabled)
{
    IoRequireIrql("FreeCommonBuffer", PASSIVE_LEVEL, _ReturnAddress());
    if (MmGetPhysicalAddress(VirtualAddress).QuadPart != LogicalAddress.QuadPart)
        IoStop(0xE6, DMA_FREED_TOO_OFTEN, (ULONG_PTR)VirtualAddress, (ULONG_PTR)LogicalAddress.QuadPart, Length,
               _ReturnAddress(), "FreeCommonBuffer of %p, whose logical address is not %I64x", VirtualAddress,
               LogicalAddress.QuadPart);
    MmFreeContiguousMemory(VirtualAddress);
    InterlockedDecrement(&AdapterOf(Adapter)->CommonBuffers);
}

/* Physical address of CurrentVa, which lies in the buffer that Mdl describes. */
static ULONGLONG MdlAddress(PMDL Mdl, PVOID CurrentVa)
{
    ULONG_PTR offset = (ULONG_PTR)CurrentVa - (ULONG_PTR)Mdl->StartVa; /* StartVa is page-aligned */
    PPFN_NUMBER pages = MmGetMdlPfnArray(Mdl);

    return ((ULONGLONG)pages[offset >> PAGE_SHIFT] << PAGE_SHIFT) | (offset & (PAGE_SIZE - 1));
}

/* Fill elements that join physically adjacent pages; NULL counts only. Returns the number of elements. */
static ULONG FillElements(PMDL Mdl, PVOID CurrentVa, ULONG Length, PSCATTER_GATHER_ELEMENT Elements)
{
    ULONGLONG next = 0;
    ULONG count = 0;

    while (Length != 0) {
        ULONG part = min(Length, PAGE_SIZE - ((ULONG)(ULONG_PTR)CurrentVa & (PAGE_SIZE - 1)));
        ULONGLONG at = MdlAddress(Mdl, CurrentVa);

        if (count != 0 && at == next) {
            if (Elements != NULL)
                Elements[count - 1].Length += part;
        } else {
            if (Elements != NULL) {
                Elements[count].Address.QuadPart = (LONGLONG)at;
                Elements[count].Length = part;
                Elements[count].Reserved = 0;
            }
            count++;
        }
        next = at + part;
        CurrentVa = (PUCHAR)CurrentVa + part;
        Length -= part;
    }
    return count;
}

static BOOLEAN InMdl(PMDL Mdl, PVOID CurrentVa, ULONG Length)
{
    ULONG_PTR start = (ULONG_PTR)MmGetMdlVirtualAddress(Mdl), at = (ULONG_PTR)CurrentVa;

    return at >= start && Length <= MmGetMdlByteCount(Mdl) && at - start <= MmGetMdlByteCount(Mdl) - Length;
}

static NTSTATUS NTAPI CalculateList(PDMA_ADAPTER Adapter, PMDL Mdl, PVOID CurrentVa, ULONG Length, PULONG Size,
                                    PULONG MapRegisters)
{
    ULONG pages = ADDRESS_AND_SIZE_TO_SPAN_PAGES(CurrentVa, Length);

    *Size = sizeof(SCATTER_GATHER_LIST) + pages * sizeof(SCATTER_GATHER_ELEMENT);
    if (MapRegisters != NULL)
        *MapRegisters = pages;
    return STATUS_SUCCESS;
}

/* The routine gets the list at DISPATCH_LEVEL, at once: there is nothing to wait for. */
static NTSTATUS Deliver(PDMA_ADAPTER Adapter, PDEVICE_OBJECT Device, PMDL Mdl, PVOID CurrentVa, ULONG Length,
                        PDRIVER_LIST_CONTROL Routine, PVOID Context, PSCATTER_GATHER_LIST List, ULONG_PTR Owned)
{
    List->NumberOfElements = FillElements(Mdl, CurrentVa, Length, List->Elements);
    List->Reserved = Owned;
    InterlockedIncrement(&AdapterOf(Adapter)->Lists);
    Routine(Device, Device->CurrentIrp, List, Context);
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI GetScatterGatherList(PDMA_ADAPTER Adapter, PDEVICE_OBJECT Device, PMDL Mdl, PVOID CurrentVa,
                                           ULONG Length, PDRIVER_LIST_CONTROL Routine, PVOID Context,
                                           BOOLEAN WriteToDevice)
{
    PSCATTER_GATHER_LIST list;
    ULONG size;

    if (KeGetCurrentIrql() != DISPATCH_LEVEL)
        IoStop(0xE6, DMA_IRQL, 1, DISPATCH_LEVEL, KeGetCurrentIrql(), _ReturnAddress(),
               "GetScatterGatherList must be called at DISPATCH_LEVEL, not at %u", KeGetCurrentIrql());
    if (!InMdl(Mdl, CurrentVa, Length))
        return STATUS_BUFFER_TOO_SMALL;
    CalculateList(Adapter, Mdl, CurrentVa, Length, &size, NULL);
    list = ExAllocatePoolWithTag(NonPagedPool, size, DMA_TAG);
    if (list == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    return Deliver(Adapter, Device, Mdl, CurrentVa, Length, Routine, Context, list, TRUE);
}

static NTSTATUS NTAPI BuildScatterGatherList(PDMA_ADAPTER Adapter, PDEVICE_OBJECT Device, PMDL Mdl, PVOID CurrentVa,
                                             ULONG Length, PDRIVER_LIST_CONTROL Routine, PVOID Context,
                                             BOOLEAN WriteToDevice, PVOID Buffer, ULONG BufferLength)
{
    ULONG size;

    CalculateList(Adapter, Mdl, CurrentVa, Length, &size, NULL);
    if (BufferLength < size || !InMdl(Mdl, CurrentVa, Length))
        return STATUS_BUFFER_TOO_SMALL;
    return Deliver(Adapter, Device, Mdl, CurrentVa, Length, Routine, Context, Buffer, FALSE);
}

static VOID NTAPI PutScatterGatherList(PDMA_ADAPTER Adapter, PSCATTER_GATHER_LIST List, BOOLEAN WriteToDevice)
{
    InterlockedDecrement(&AdapterOf(Adapter)->Lists);
    if (List->Reserved)
        ExFreePoolWithTag(List, DMA_TAG);
}

static NTSTATUS NTAPI BuildMdlFromList(PDMA_ADAPTER Adapter, PSCATTER_GATHER_LIST List, PMDL OriginalMdl,
                                       PMDL *TargetMdl)
{
    *TargetMdl = OriginalMdl; /* no bounce buffers: the list describes the very same pages */
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI AllocateAdapterChannel(PDMA_ADAPTER Adapter, PDEVICE_OBJECT Device, ULONG MapRegisters,
                                             PDRIVER_CONTROL Routine, PVOID Context)
{
    /* A bus master keeps its map registers: DeallocateObjectKeepRegisters is the only answer that it may give. */
    Routine(Device, Device->CurrentIrp, Adapter, Context);
    return STATUS_SUCCESS;
}

static PHYSICAL_ADDRESS NTAPI MapTransfer(PDMA_ADAPTER Adapter, PMDL Mdl, PVOID MapRegisterBase, PVOID CurrentVa,
                                          PULONG Length, BOOLEAN WriteToDevice)
{
    PHYSICAL_ADDRESS at = {.QuadPart = (LONGLONG)MdlAddress(Mdl, CurrentVa)};
    SCATTER_GATHER_ELEMENT *none = NULL;

    /* The longest run that is physically contiguous. */
    while (*Length > PAGE_SIZE && FillElements(Mdl, CurrentVa, *Length, none) > 1)
        *Length -= min(*Length - 1, PAGE_SIZE);
    if (FillElements(Mdl, CurrentVa, *Length, none) > 1)
        *Length = PAGE_SIZE - ((ULONG)(ULONG_PTR)CurrentVa & (PAGE_SIZE - 1));
    return at;
}

static BOOLEAN NTAPI FlushAdapterBuffers(PDMA_ADAPTER Adapter, PMDL Mdl, PVOID MapRegisterBase, PVOID CurrentVa,
                                         ULONG Length, BOOLEAN WriteToDevice)
{
    return TRUE; /* x64 is cache-coherent and nothing was bounced */
}

static VOID NTAPI FreeAdapterChannel(PDMA_ADAPTER Adapter)
{
}

static VOID NTAPI FreeMapRegisters(PDMA_ADAPTER Adapter, PVOID MapRegisterBase, ULONG MapRegisters)
{
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
    sizeof(Operations),  PutDmaAdapter,        AllocateCommonBuffer, FreeCommonBuffer, AllocateAdapterChannel,
    FlushAdapterBuffers, FreeAdapterChannel,   FreeMapRegisters,     MapTransfer,      GetDmaAlignment,
    ReadDmaCounter,      GetScatterGatherList, PutScatterGatherList, CalculateList,    BuildScatterGatherList,
    BuildMdlFromList,
};

/* PASSIVE_LEVEL. NULL when the description asks for what a PC no longer has (slave DMA). */
PDMA_ADAPTER NTAPI IoGetDmaAdapter(PDEVICE_OBJECT Pdo, PDEVICE_DESCRIPTION Description, PULONG NumberOfMapRegisters)
{
    ADAPTER *adapter;

    IoRequireIrql("IoGetDmaAdapter", PASSIVE_LEVEL, _ReturnAddress());
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
    adapter->Pdo = Pdo;
    adapter->MaximumLength = Description->MaximumLength;
    *NumberOfMapRegisters = ADDRESS_AND_SIZE_TO_SPAN_PAGES(PAGE_SIZE - 1, Description->MaximumLength);
    return &adapter->Public;
}
