/* SPDX-License-Identifier: MIT */
/*
 * Scatter-gather lists. They may describe a chain of MDLs; more pages than map registers are refused.
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nc-wdm-pget_scatter_gather_list
 */
#include "io/dma.h"

typedef struct _LIST {
    LIST_ENTRY Link;
    PSCATTER_GATHER_LIST Public;
    BOUNCE Bounce;
    BOOLEAN Owned; /* Public is ours to free */
} LIST;

static ULONG SizeOf(ULONG Elements)
{
    return FIELD_OFFSET(SCATTER_GATHER_LIST, Elements) + Elements * sizeof(SCATTER_GATHER_ELEMENT);
}

/* IRQL <= DISPATCH_LEVEL. Without an MDL for a buffer of any one that has this address and length. */
NTSTATUS NTAPI DmaCalculateScatterGatherList(PDMA_ADAPTER Adapter, PMDL Mdl, PVOID CurrentVa, ULONG Length, PULONG Size,
                                             PULONG MapRegisters)
{
    PVOID caller = _ReturnAddress();
    ADAPTER *adapter = DmaAdapterOf(Adapter, "CalculateScatterGatherList", caller);
    ULONG pages = ADDRESS_AND_SIZE_TO_SPAN_PAGES(CurrentVa, Length);

    if (Mdl != NULL) {
        MDL_PLACE place = DmaPlace(Mdl, CurrentVa, caller);

        if (Length > DmaBytesFrom(place, FALSE))
            return STATUS_BUFFER_TOO_SMALL;
        pages = DmaPages(place, Length);
    }
    if (pages > adapter->Registers)
        return STATUS_INSUFFICIENT_RESOURCES;
    *Size = SizeOf(pages);
    if (MapRegisters != NULL)
        *MapRegisters = pages;
    return STATUS_SUCCESS;
}

/* The routine gets the list at DISPATCH_LEVEL, at once: a device that scatters needs no map registers. In Buffer, or (NULL) in pool. */
static NTSTATUS Deliver(ADAPTER *Adapter, PDEVICE_OBJECT Device, PMDL Mdl, PVOID CurrentVa, ULONG Length,
                        PDRIVER_LIST_CONTROL Routine, PVOID Context, BOOLEAN WriteToDevice, PVOID Buffer,
                        ULONG BufferLength, PVOID Caller)
{
    MDL_PLACE place = DmaPlace(Mdl, CurrentVa, Caller);
    ULONG pages;
    LIST *list;

    if (Length == 0)
        DmaStop(DMA_ZERO_LENGTH, Adapter, 0, 0, Caller, "a scatter-gather list for 0 bytes");
    if (Length > DmaBytesFrom(place, FALSE))
        return STATUS_BUFFER_TOO_SMALL;
    pages = DmaPages(place, Length);
    if (pages > Adapter->Registers)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (Buffer != NULL && BufferLength < SizeOf(pages))
        return STATUS_BUFFER_TOO_SMALL;
    list = ExAllocatePoolWithTag(NonPagedPool, sizeof(*list), DMA_TAG);
    if (list == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    *list = (LIST){.Public = Buffer, .Owned = Buffer == NULL};
    if (Buffer == NULL)
        list->Public = ExAllocatePoolWithTag(NonPagedPool, SizeOf(pages), DMA_TAG);
    if (list->Public == NULL || (!Adapter->ScatterGather && !DmaBounce(&list->Bounce, place, Length, WriteToDevice))) {
        if (list->Owned && list->Public != NULL)
            ExFreePoolWithTag(list->Public, DMA_TAG);
        ExFreePoolWithTag(list, DMA_TAG);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    list->Public->Reserved = 0;
    if (list->Bounce.Copy != NULL) {
        list->Public->NumberOfElements = 1;
        list->Public->Elements[0] =
            (SCATTER_GATHER_ELEMENT){.Address = MmGetPhysicalAddress(list->Bounce.Copy), .Length = Length};
    } else {
        list->Public->NumberOfElements = DmaFill(place, Length, list->Public->Elements);
    }
    KeAcquireSpinLockAtDpcLevel(&Adapter->Lock);
    InsertHeadList(&Adapter->Lists, &list->Link);
    KeReleaseSpinLockFromDpcLevel(&Adapter->Lock);
    Routine(Device, Device->CurrentIrp, list->Public, Context);
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI DmaGetScatterGatherList(PDMA_ADAPTER Adapter, PDEVICE_OBJECT Device, PMDL Mdl, PVOID CurrentVa,
                                       ULONG Length, PDRIVER_LIST_CONTROL Routine, PVOID Context, BOOLEAN WriteToDevice)
{
    PVOID caller = _ReturnAddress();
    ADAPTER *adapter = DmaAdapterOf(Adapter, "GetScatterGatherList", caller);

    DmaRequireDispatch("GetScatterGatherList", caller);
    return Deliver(adapter, Device, Mdl, CurrentVa, Length, Routine, Context, WriteToDevice, NULL, 0, caller);
}

NTSTATUS NTAPI DmaBuildScatterGatherList(PDMA_ADAPTER Adapter, PDEVICE_OBJECT Device, PMDL Mdl, PVOID CurrentVa,
                                         ULONG Length, PDRIVER_LIST_CONTROL Routine, PVOID Context,
                                         BOOLEAN WriteToDevice, PVOID Buffer, ULONG BufferLength)
{
    PVOID caller = _ReturnAddress();
    ADAPTER *adapter = DmaAdapterOf(Adapter, "BuildScatterGatherList", caller);

    DmaRequireDispatch("BuildScatterGatherList", caller);
    if (Buffer == NULL)
        return STATUS_INVALID_PARAMETER;
    return Deliver(adapter, Device, Mdl, CurrentVa, Length, Routine, Context, WriteToDevice, Buffer, BufferLength,
                   caller);
}

/* DISPATCH_LEVEL. Flushes and frees; the driver may look at what the device wrote only now. */
VOID NTAPI DmaPutScatterGatherList(PDMA_ADAPTER Adapter, PSCATTER_GATHER_LIST List, BOOLEAN WriteToDevice)
{
    PVOID caller = _ReturnAddress();
    ADAPTER *adapter = DmaAdapterOf(Adapter, "PutScatterGatherList", caller);
    LIST *list = NULL;

    DmaRequireDispatch("PutScatterGatherList", caller);
    KeAcquireSpinLockAtDpcLevel(&adapter->Lock);
    for (PLIST_ENTRY e = adapter->Lists.Flink; e != &adapter->Lists && list == NULL; e = e->Flink) {
        LIST *each = CONTAINING_RECORD(e, LIST, Link);

        list = each->Public == List ? each : NULL;
    }
    if (list != NULL)
        RemoveEntryList(&list->Link);
    KeReleaseSpinLockFromDpcLevel(&adapter->Lock);
    if (list == NULL)
        DmaStop(DMA_LIST_TWICE, 0, List, 0, caller,
                "PutScatterGatherList of %p, which is no list of this adapter (put back twice?)", List);
    DmaUnbounce(&list->Bounce);
    if (list->Owned)
        ExFreePoolWithTag(list->Public, DMA_TAG);
    ExFreePoolWithTag(list, DMA_TAG);
}

/* The list describes the very same pages, unless a device that cannot scatter made a copy necessary. */
NTSTATUS NTAPI DmaBuildMdlFromScatterGatherList(PDMA_ADAPTER Adapter, PSCATTER_GATHER_LIST List, PMDL OriginalMdl,
                                                PMDL *TargetMdl)
{
    DmaAdapterOf(Adapter, "BuildMdlFromScatterGatherList", _ReturnAddress());
    if (OriginalMdl == NULL)
        return STATUS_INVALID_PARAMETER;
    *TargetMdl = OriginalMdl;
    return STATUS_SUCCESS;
}
