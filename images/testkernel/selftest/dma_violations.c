/* SPDX-License-Identifier: MIT */
/*
 * Broken rules of DMA, by Driver Verifier's DMA verification:
 * https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xe6--driver-verifier-dma-violation
 */
#include "violations.h"

#define REGISTERS 4

static PDMA_ADAPTER Adapter;
static PDEVICE_OBJECT Device;
static UCHAR Buffer[3 * PAGE_SIZE];
static PMDL Mdl; /* of Buffer */
static PVOID Base;
static IO_ALLOCATION_ACTION Action;

/* An adapter with 4 map registers. */
void Prepare(void)
{
    DEVICE_DESCRIPTION description = {.Version = DEVICE_DESCRIPTION_VERSION,
                                      .Master = TRUE,
                                      .ScatterGather = TRUE,
                                      .Dma32BitAddresses = TRUE,
                                      .InterfaceType = PCIBus,
                                      .MaximumLength = (REGISTERS - 1) * PAGE_SIZE};
    ULONG registers;
    Adapter = IoGetDmaAdapter(NULL, &description, &registers);
    IoCreateDevice(Driver, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &Device);
    Mdl = IoAllocateMdl(Buffer, sizeof(Buffer), FALSE, FALSE, NULL);
    MmBuildMdlForNonPagedPool(Mdl);
}

#define DMA Adapter->DmaOperations

static IO_ALLOCATION_ACTION NTAPI Control(PDEVICE_OBJECT Object, PIRP Irp, PVOID MapRegisterBase, PVOID Context)
{
    Base = MapRegisterBase;
    return Action;
}

/* Map registers for the whole buffer, kept. Leaves at DISPATCH_LEVEL. */
static void Channel(IO_ALLOCATION_ACTION Answer)
{
    Action = Answer;
    Raise(DISPATCH_LEVEL);
    DMA->AllocateAdapterChannel(Adapter, Device, REGISTERS, Control, NULL);
}

__attribute__((always_inline)) static inline void Map(ULONG Offset, ULONG Length)
{
    DMA->MapTransfer(Adapter, Mdl, Base, Buffer + Offset, &Length, TRUE);
}

BROKEN(dma_buffer_freed_twice)
{
    PHYSICAL_ADDRESS address;
    PVOID buffer = DMA->AllocateCommonBuffer(Adapter, 64, &address, TRUE);
    DMA->FreeCommonBuffer(Adapter, 64, address, buffer, TRUE);
    DMA->FreeCommonBuffer(Adapter, 64, address, buffer, TRUE);
}

/* The device, or the driver. */
BROKEN(dma_buffer_overrun)
{
    PHYSICAL_ADDRESS address;
    PUCHAR buffer = DMA->AllocateCommonBuffer(Adapter, PAGE_SIZE - 16, &address, TRUE);
    ((volatile UCHAR *)buffer)[PAGE_SIZE] = 1;
    DMA->FreeCommonBuffer(Adapter, PAGE_SIZE - 16, address, buffer, TRUE);
}

BROKEN(dma_adapter_used_after_release)
{
    PHYSICAL_ADDRESS address;
    DMA_OPERATIONS *operations = DMA;
    operations->PutDmaAdapter(Adapter);
    operations->AllocateCommonBuffer(Adapter, 64, &address, TRUE);
}

BROKEN(dma_without_adapter)
{
    DMA->GetDmaAlignment(Adapter);
    DMA->PutDmaAdapter(NULL);
}

BROKEN(dma_channel_at_passive)
{
    DMA->AllocateAdapterChannel(Adapter, Device, 1, Control, NULL);
}

IO_ALLOCATION_ACTION NTAPI BAD(dma_channel_in_channel, _control)(PDEVICE_OBJECT Object, PIRP Irp, PVOID MapRegisterBase,
                                                                 PVOID Context)
{
    DMA->AllocateAdapterChannel(Adapter, Device, 1, Control, NULL);
    return DeallocateObject;
}
BROKEN(dma_channel_in_channel)
{
    Raise(DISPATCH_LEVEL);
    DMA->AllocateAdapterChannel(Adapter, Device, 1, Break_dma_channel_in_channel_control, NULL);
}

BROKEN(dma_channel_freed_twice)
{
    Channel(DeallocateObjectKeepRegisters);
    DMA->FreeAdapterChannel(Adapter);
}

BROKEN(dma_channel_left)
{
    Channel(KeepObject);
    KeLowerIrql(PASSIVE_LEVEL);
    DMA->PutDmaAdapter(Adapter);
}

BROKEN(dma_registers_left)
{
    Channel(DeallocateObjectKeepRegisters);
    KeLowerIrql(PASSIVE_LEVEL);
    DMA->PutDmaAdapter(Adapter);
}

BROKEN(dma_registers_freed_twice)
{
    Channel(DeallocateObjectKeepRegisters);
    DMA->FreeMapRegisters(Adapter, Base, REGISTERS);
    DMA->FreeMapRegisters(Adapter, Base, REGISTERS);
}

BROKEN(dma_registers_other_count)
{
    Channel(DeallocateObjectKeepRegisters);
    DMA->FreeMapRegisters(Adapter, Base, REGISTERS - 1);
}

BROKEN(dma_not_flushed)
{
    Channel(KeepObject);
    Map(0, PAGE_SIZE);
    DMA->FreeAdapterChannel(Adapter);
}

BROKEN(dma_registers_freed_mapped)
{
    Channel(DeallocateObjectKeepRegisters);
    Map(0, PAGE_SIZE);
    DMA->FreeMapRegisters(Adapter, Base, REGISTERS);
}

BROKEN(dma_too_many_registers)
{
    Action = DeallocateObjectKeepRegisters;
    Raise(DISPATCH_LEVEL);
    DMA->AllocateAdapterChannel(Adapter, Device, 1, Control, NULL);
    Map(0, 32);
    Map(2 * PAGE_SIZE, 32);
}

BROKEN(dma_mapped_twice)
{
    Channel(DeallocateObjectKeepRegisters);
    Map(0, 64);
    Map(32, 64);
}

BROKEN(dma_flushed_twice)
{
    Channel(DeallocateObjectKeepRegisters);
    Map(0, 64);
    DMA->FlushAdapterBuffers(Adapter, Mdl, Base, Buffer, 64, TRUE);
    DMA->FlushAdapterBuffers(Adapter, Mdl, Base, Buffer, 64, TRUE);
}

BROKEN(dma_of_nothing)
{
    Channel(DeallocateObjectKeepRegisters);
    Map(0, 0);
}

BROKEN(dma_outside_mdl)
{
    Channel(DeallocateObjectKeepRegisters);
    Map(sizeof(Buffer), 1);
}

BROKEN(dma_of_unlocked_pages)
{
    Mdl = IoAllocateMdl(Buffer, sizeof(Buffer), FALSE, FALSE, NULL);
    Channel(DeallocateObjectKeepRegisters);
    Map(0, 64);
}

static PSCATTER_GATHER_LIST List;
static VOID NTAPI Keep(PDEVICE_OBJECT Object, PIRP Irp, PSCATTER_GATHER_LIST ScatterGather, PVOID Context)
{
    List = ScatterGather;
}

BROKEN(dma_list_put_twice)
{
    Raise(DISPATCH_LEVEL);
    DMA->GetScatterGatherList(Adapter, Device, Mdl, Buffer, 64, Keep, NULL, TRUE);
    DMA->PutScatterGatherList(Adapter, List, TRUE);
    DMA->PutScatterGatherList(Adapter, List, TRUE);
}

BROKEN(dma_of_unknown_version)
{
    DEVICE_DESCRIPTION description = {.Version = 0xA5A5A5A5, .Master = TRUE, .MaximumLength = PAGE_SIZE};
    ULONG registers;
    IoGetDmaAdapter(NULL, &description, &registers);
}
