/* SPDX-License-Identifier: MIT */
/*
 * Packet-based DMA: adapter channel, map registers, transfers. The channel of an adapter is one driver routine's at a time; who finds it, or the map
 * registers, taken waits in a queue.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/using-packet-based-system-dma and its neighbours on bus masters
 */
#include "io/dma.h"

typedef struct _REGISTERS {
    LIST_ENTRY Link;
    ULONG Count, Used;
    LIST_ENTRY Transfers;
} REGISTERS; /* what a driver gets as MapRegisterBase */

typedef struct _TRANSFER {
    LIST_ENTRY Link;
    PMDL Mdl;
    ULONG_PTR Start, End; /* virtual addresses by the MDL */
    ULONG Pages;
    BOUNCE Bounce;
} TRANSFER;

typedef struct _WAITING {
    LIST_ENTRY Link;
    PDEVICE_OBJECT Device;
    ULONG Count;
    PDRIVER_CONTROL Routine;
    PVOID Context;
    PVOID Caller;
    REGISTERS *Registers;
} WAITING;

static REGISTERS *RegistersOf(ADAPTER *Adapter, PVOID MapRegisterBase)
{
    for (PLIST_ENTRY e = Adapter->RegisterSets.Flink; e != &Adapter->RegisterSets; e = e->Flink) {
        if (CONTAINING_RECORD(e, REGISTERS, Link) == MapRegisterBase)
            return MapRegisterBase;
    }
    return NULL;
}

/* Frees the set, with what is still mapped by it. The lock is held. */
static VOID Free(ADAPTER *Adapter, REGISTERS *Registers)
{
    RemoveEntryList(&Registers->Link);
    Adapter->RegistersInUse -= Registers->Count;
    ExFreePoolWithTag(Registers, DMA_TAG);
}

static VOID CheckFlushed(REGISTERS *Registers, ULONG Rule, PCSTR When, PVOID Caller)
{
    TRANSFER *transfer;

    if (IsListEmpty(&Registers->Transfers))
        return;
    transfer = CONTAINING_RECORD(Registers->Transfers.Flink, TRANSFER, Link);
    DmaStop(Rule, Rule == DMA_STILL_MAPPED ? Registers->Used : transfer->End - transfer->Start,
            Registers->Count * PAGE_SIZE, 0, Caller,
            "%s while %u of its map registers map %p of MDL %p: call FlushAdapterBuffers first", When, Registers->Used,
            (PVOID)transfer->Start, transfer->Mdl);
}

/* Calls the AdapterControl routine. DISPATCH_LEVEL; the channel is the caller's. */
static VOID Run(ADAPTER *Adapter, WAITING *Request)
{
    REGISTERS *registers = Request->Registers;
    PVOID routine = (PVOID)(ULONG_PTR)Request->Routine;
    IO_ALLOCATION_ACTION action =
        Request->Routine(Request->Device, Request->Device->CurrentIrp, registers, Request->Context);

    ExFreePoolWithTag(Request, DMA_TAG);
    if (action == DeallocateObject)
        CheckFlushed(registers, DMA_NOT_FLUSHED, "an AdapterControl routine returned DeallocateObject", routine);
    KeAcquireSpinLockAtDpcLevel(&Adapter->Lock);
    if (action == DeallocateObject)
        Free(Adapter, registers);
    else if (action == DeallocateObjectKeepRegisters)
        Adapter->KeptRegisters++;
    Adapter->InChannel = action == KeepObject;
    KeReleaseSpinLockFromDpcLevel(&Adapter->Lock);
}

/* Calls the routines that wait, while there are channel and map registers for the next. */
static VOID RunWaiting(ADAPTER *Adapter)
{
    WAITING *next;

    do {
        KeAcquireSpinLockAtDpcLevel(&Adapter->Lock);
        next = IsListEmpty(&Adapter->Waiting) ? NULL : CONTAINING_RECORD(Adapter->Waiting.Flink, WAITING, Link);
        if (next != NULL && !Adapter->InChannel && Adapter->RegistersInUse + next->Count <= Adapter->Registers) {
            RemoveEntryList(&next->Link);
            Adapter->InChannel = TRUE;
            Adapter->RegistersInUse += next->Count;
            InsertHeadList(&Adapter->RegisterSets, &next->Registers->Link);
        } else {
            next = NULL;
        }
        KeReleaseSpinLockFromDpcLevel(&Adapter->Lock);
        if (next != NULL)
            Run(Adapter, next);
    } while (next != NULL);
}

/*
 * DISPATCH_LEVEL. STATUS_INSUFFICIENT_RESOURCES: more map registers than IoGetDmaAdapter told. "A driver must not call AllocateAdapterChannel from
 * within its AdapterControl routine":
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nc-wdm-pallocate_adapter_channel
 */
NTSTATUS NTAPI DmaAllocateAdapterChannel(PDMA_ADAPTER Adapter, PDEVICE_OBJECT Device, ULONG MapRegisters,
                                         PDRIVER_CONTROL Routine, PVOID Context)
{
    PVOID caller = _ReturnAddress();
    ADAPTER *adapter = DmaAdapterOf(Adapter, "AllocateAdapterChannel", caller);
    WAITING *request;

    DmaRequireDispatch("AllocateAdapterChannel", caller);
    if (adapter->InChannel)
        DmaStop(
            DMA_TOO_MANY_CHANNELS, 2, 0, 0, caller,
            "AllocateAdapterChannel while the adapter's channel is still this driver's: one at a time, and not from "
            "within the AdapterControl routine");
    if (MapRegisters > adapter->Registers)
        return STATUS_INSUFFICIENT_RESOURCES;
    request = ExAllocatePoolWithTag(NonPagedPool, sizeof(*request), DMA_TAG);
    if (request == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    *request =
        (WAITING){.Device = Device, .Count = MapRegisters, .Routine = Routine, .Context = Context, .Caller = caller};
    request->Registers = ExAllocatePoolWithTag(NonPagedPool, sizeof(REGISTERS), DMA_TAG);
    if (request->Registers == NULL) {
        ExFreePoolWithTag(request, DMA_TAG);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    *request->Registers = (REGISTERS){.Count = MapRegisters};
    InitializeListHead(&request->Registers->Transfers);
    KeAcquireSpinLockAtDpcLevel(&adapter->Lock);
    InsertTailList(&adapter->Waiting, &request->Link);
    KeReleaseSpinLockFromDpcLevel(&adapter->Lock);
    RunWaiting(adapter);
    return STATUS_SUCCESS;
}

/*
 * IRQL <= DISPATCH_LEVEL. For a device that scatters *Length becomes that of the contiguous run; else it stays, and what is not contiguous is
 * copied. https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nc-wdm-pmap_transfer
 */
PHYSICAL_ADDRESS NTAPI DmaMapTransfer(PDMA_ADAPTER Adapter, PMDL Mdl, PVOID MapRegisterBase, PVOID CurrentVa,
                                      PULONG Length, BOOLEAN WriteToDevice)
{
    PVOID caller = _ReturnAddress();
    ADAPTER *adapter = DmaAdapterOf(Adapter, "MapTransfer", caller);
    REGISTERS *registers = RegistersOf(adapter, MapRegisterBase);
    MDL_PLACE place = DmaPlace(Mdl, CurrentVa, caller);
    ULONG_PTR start = (ULONG_PTR)CurrentVa;
    SCATTER_GATHER_ELEMENT elements[1];
    PHYSICAL_ADDRESS at = {.QuadPart = 0};
    TRANSFER *transfer;
    ULONG pages;
    KIRQL irql;

    IoRequireIrql("MapTransfer", DISPATCH_LEVEL, caller);
    if (registers == NULL)
        DmaStop(DMA_TOO_MANY_REGISTERS, 0, 0, 0, caller,
                "MapTransfer with map registers %p, which AllocateAdapterChannel did not give or which were freed",
                MapRegisterBase);
    if (*Length == 0)
        DmaStop(DMA_ZERO_LENGTH, adapter, 0, 0, caller, "MapTransfer of 0 bytes");
    if (*Length > DmaBytesFrom(place, TRUE))
        DmaStop(DMA_OUTSIDE_MDL, CurrentVa, Mdl, 0, caller,
                "MapTransfer of %u bytes at %p, but the MDL ends after %u: map each MDL of a chain by itself", *Length,
                CurrentVa, DmaBytesFrom(place, TRUE));
    if (adapter->ScatterGather) {
        while (DmaFill(place, *Length, NULL) > 1)
            *Length -= (ULONG)((start + *Length - 1) & (PAGE_SIZE - 1)) + 1; /* without its last page */
    }
    pages = DmaPages(place, *Length);
    if (registers->Used + pages > registers->Count)
        DmaStop(DMA_TOO_MANY_REGISTERS, registers->Used + pages, registers->Count, 0, caller,
                "MapTransfer of %u bytes needs %u map registers, but %u of the %u allocated are in use", *Length, pages,
                registers->Used, registers->Count);
    for (PLIST_ENTRY e = registers->Transfers.Flink; e != &registers->Transfers; e = e->Flink) {
        TRANSFER *each = CONTAINING_RECORD(e, TRANSFER, Link);

        if (each->Mdl == Mdl && start < each->End && each->Start < start + *Length)
            DmaStop(DMA_MAPPED_TWICE, start, start + *Length, each->Start, caller,
                    "MapTransfer of %p to %p, of which %p is mapped already", CurrentVa, (PVOID)(start + *Length),
                    (PVOID)each->Start);
    }
    transfer = ExAllocatePoolWithTag(NonPagedPool, sizeof(*transfer), DMA_TAG);
    if (transfer == NULL)
        return at;
    *transfer = (TRANSFER){.Mdl = Mdl, .Start = start, .End = start + *Length, .Pages = pages};
    if (!adapter->ScatterGather && !DmaBounce(&transfer->Bounce, place, *Length, WriteToDevice)) {
        ExFreePoolWithTag(transfer, DMA_TAG);
        return at;
    }
    registers->Used += pages;
    KeAcquireSpinLock(&adapter->Lock, &irql);
    InsertTailList(&registers->Transfers, &transfer->Link);
    KeReleaseSpinLock(&adapter->Lock, irql);
    if (transfer->Bounce.Copy != NULL)
        return MmGetPhysicalAddress(transfer->Bounce.Copy);
    DmaFill(place, *Length, elements);
    return elements[0].Address;
}

/* IRQL <= DISPATCH_LEVEL. One call may flush what several of MapTransfer mapped. */
BOOLEAN NTAPI DmaFlushAdapterBuffers(PDMA_ADAPTER Adapter, PMDL Mdl, PVOID MapRegisterBase, PVOID CurrentVa,
                                     ULONG Length, BOOLEAN WriteToDevice)
{
    PVOID caller = _ReturnAddress();
    ADAPTER *adapter = DmaAdapterOf(Adapter, "FlushAdapterBuffers", caller);
    REGISTERS *registers = RegistersOf(adapter, MapRegisterBase);
    ULONG_PTR start = (ULONG_PTR)CurrentVa;
    BOOLEAN any = FALSE;

    IoRequireIrql("FlushAdapterBuffers", DISPATCH_LEVEL, caller);
    for (PLIST_ENTRY e = registers != NULL ? registers->Transfers.Flink : NULL;
         registers != NULL && e != &registers->Transfers;) {
        TRANSFER *each = CONTAINING_RECORD(e, TRANSFER, Link);

        e = e->Flink;
        if (each->Mdl == Mdl && each->Start >= start && each->End <= start + Length) {
            any = TRUE;
            RemoveEntryList(&each->Link);
            registers->Used -= each->Pages;
            DmaUnbounce(&each->Bounce);
            ExFreePoolWithTag(each, DMA_TAG);
        }
    }
    if (!any)
        DmaStop(
            DMA_FLUSH_UNMAPPED, MapRegisterBase, CurrentVa, Mdl, caller,
            "FlushAdapterBuffers of %u bytes at %p, which MapTransfer did not map with these map registers (flushed "
            "twice?)",
            Length, CurrentVa);
    return TRUE;
}

/* DISPATCH_LEVEL. Only for a routine that returned KeepObject. */
VOID NTAPI DmaFreeAdapterChannel(PDMA_ADAPTER Adapter)
{
    PVOID caller = _ReturnAddress();
    ADAPTER *adapter = DmaAdapterOf(Adapter, "FreeAdapterChannel", caller);
    REGISTERS *registers;

    DmaRequireDispatch("FreeAdapterChannel", caller);
    if (!adapter->InChannel || IsListEmpty(&adapter->RegisterSets))
        DmaStop(DMA_CHANNEL_TWICE, 1, 0, 0, caller,
                "FreeAdapterChannel, but the channel is not allocated: only after an AdapterControl routine that "
                "returned KeepObject, and once");
    registers = CONTAINING_RECORD(adapter->RegisterSets.Flink, REGISTERS, Link); /* the newest is the channel's */
    CheckFlushed(registers, DMA_NOT_FLUSHED, "FreeAdapterChannel", caller);
    KeAcquireSpinLockAtDpcLevel(&adapter->Lock);
    Free(adapter, registers);
    adapter->InChannel = FALSE;
    KeReleaseSpinLockFromDpcLevel(&adapter->Lock);
    RunWaiting(adapter);
}

/* DISPATCH_LEVEL. Only for a routine that returned DeallocateObjectKeepRegisters. */
VOID NTAPI DmaFreeMapRegisters(PDMA_ADAPTER Adapter, PVOID MapRegisterBase, ULONG MapRegisters)
{
    PVOID caller = _ReturnAddress();
    ADAPTER *adapter = DmaAdapterOf(Adapter, "FreeMapRegisters", caller);
    REGISTERS *registers = RegistersOf(adapter, MapRegisterBase);

    DmaRequireDispatch("FreeMapRegisters", caller);
    if (registers == NULL || adapter->KeptRegisters == 0)
        DmaStop(DMA_REGISTERS_TWICE, MapRegisters, 0, 0, caller,
                "FreeMapRegisters of %p, which are not allocated (freed twice, or returned with DeallocateObject?)",
                MapRegisterBase);
    if (registers->Count != MapRegisters)
        DmaStop(DMA_REGISTERS_TWICE, MapRegisters, registers->Count, 0, caller,
                "FreeMapRegisters of %u map registers, but %u were allocated", MapRegisters, registers->Count);
    CheckFlushed(registers, DMA_STILL_MAPPED, "FreeMapRegisters", caller);
    KeAcquireSpinLockAtDpcLevel(&adapter->Lock);
    Free(adapter, registers);
    adapter->KeptRegisters--;
    KeReleaseSpinLockFromDpcLevel(&adapter->Lock);
    RunWaiting(adapter);
}
