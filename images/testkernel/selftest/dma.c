/* SPDX-License-Identifier: MIT */
/*
 * DMA as its pages document it: chained MDLs, transfers larger than the map registers, a device that cannot scatter, a channel that is waited for.
 */
#include "check.h"

#define TAG       'tseT'
#define REGISTERS 4

static PDRIVER_OBJECT Driver;
static PDEVICE_OBJECT Device;
static PSCATTER_GATHER_LIST List;
static ULONG Calls;
static PVOID Bases[2];
static IO_ALLOCATION_ACTION Action;

static PDMA_ADAPTER Adapter(BOOLEAN ScatterGather)
{
    DEVICE_DESCRIPTION description = {.Version = DEVICE_DESCRIPTION_VERSION,
                                      .Master = TRUE,
                                      .ScatterGather = ScatterGather,
                                      .Dma64BitAddresses = TRUE,
                                      .InterfaceType = PCIBus,
                                      .MaximumLength = (REGISTERS - 1) * PAGE_SIZE};
    ULONG registers;
    PDMA_ADAPTER adapter = IoGetDmaAdapter(NULL, &description, &registers);
    CHECK(adapter && registers == REGISTERS); /* for a buffer that begins in the middle of a page */
    return adapter;
}

static VOID NTAPI Keep(PDEVICE_OBJECT Object, PIRP Irp, PSCATTER_GATHER_LIST ScatterGather, PVOID Context)
{
    CHECK(KeGetCurrentIrql() == DISPATCH_LEVEL && Object == Device && Context == &List);
    List = ScatterGather;
    Calls++;
}

static IO_ALLOCATION_ACTION NTAPI Control(PDEVICE_OBJECT Object, PIRP Irp, PVOID MapRegisterBase, PVOID Context)
{
    CHECK(KeGetCurrentIrql() == DISPATCH_LEVEL && Object == Device);
    Bases[(ULONG_PTR)Context] = MapRegisterBase;
    Calls++;
    return Action;
}

static PMDL Describe(PVOID Address, ULONG Length)
{
    PMDL mdl = IoAllocateMdl(Address, Length, FALSE, FALSE, NULL);
    MmBuildMdlForNonPagedPool(mdl);
    return mdl;
}

static ULONG Sum(PSCATTER_GATHER_LIST ScatterGather)
{
    ULONG sum = 0;
    for (ULONG i = 0; i < ScatterGather->NumberOfElements; i++) {
        sum += ScatterGather->Elements[i].Length;
    }
    return sum;
}

/* "This routine can handle chained MDLs, provided that the total number of map registers … does not exceed the number … available". */
static void Chains(void)
{
    PDMA_ADAPTER adapter = Adapter(TRUE);
    PUCHAR first = ExAllocatePoolWithTag(NonPagedPool, PAGE_SIZE, TAG),
           second = ExAllocatePoolWithTag(NonPagedPool, 4 * PAGE_SIZE, TAG);
    PMDL mdl = Describe(first + 100, 200);
    ULONG size = 0, registers = 0, too_small;
    KIRQL irql;
    mdl->Next = Describe(second + 8, 2 * PAGE_SIZE);
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    CHECK(adapter->DmaOperations->GetScatterGatherList(adapter, Device, mdl, first + 150, 150 + 2 * PAGE_SIZE, Keep,
                                                       &List, TRUE) == STATUS_SUCCESS);
    CHECK(Calls == 1 && Sum(List) == 150 + 2 * PAGE_SIZE && List->NumberOfElements >= 2);
    CHECK(List->Elements[0].Address.QuadPart == MmGetPhysicalAddress(first + 150).QuadPart);
    CHECK(List->Elements[0].Length == 150);
    CHECK(List->Elements[1].Address.QuadPart == MmGetPhysicalAddress(second + 8).QuadPart);
    adapter->DmaOperations->PutScatterGatherList(adapter, List, TRUE);
    /* longer than the chain; more pages than map registers: the routine is not called */
    CHECK(adapter->DmaOperations->GetScatterGatherList(adapter, Device, mdl, first + 150, 151 + 2 * PAGE_SIZE, Keep,
                                                       &List, TRUE) == STATUS_BUFFER_TOO_SMALL);
    IoFreeMdl(mdl->Next);
    mdl->Next = Describe(second + 8, 3 * PAGE_SIZE);
    CHECK(adapter->DmaOperations->GetScatterGatherList(adapter, Device, mdl, first + 100, 200 + 3 * PAGE_SIZE, Keep,
                                                       &List, TRUE) == STATUS_INSUFFICIENT_RESOURCES);
    CHECK(Calls == 1);
    /* In the driver's own buffer. */
    CHECK(adapter->DmaOperations->CalculateScatterGatherList(adapter, mdl, first + 100, 200 + PAGE_SIZE, &size,
                                                             &registers) == STATUS_SUCCESS);
    CHECK(registers == 3 && size >= FIELD_OFFSET(SCATTER_GATHER_LIST, Elements) + 3 * sizeof(SCATTER_GATHER_ELEMENT));
    PVOID own = ExAllocatePoolWithTag(NonPagedPool, size, TAG);
    too_small = size - 1;
    CHECK(adapter->DmaOperations->BuildScatterGatherList(adapter, Device, mdl, first + 100, 200 + PAGE_SIZE, Keep,
                                                         &List, FALSE, own, too_small) == STATUS_BUFFER_TOO_SMALL);
    CHECK(adapter->DmaOperations->BuildScatterGatherList(adapter, Device, mdl, first + 100, 200 + PAGE_SIZE, Keep,
                                                         &List, FALSE, own, size) == STATUS_SUCCESS);
    CHECK(Calls == 2 && List == own && Sum(List) == 200 + PAGE_SIZE);
    adapter->DmaOperations->PutScatterGatherList(adapter, own, FALSE);
    KeLowerIrql(irql);
    ExFreePoolWithTag(own, TAG);
    IoFreeMdl(mdl->Next);
    IoFreeMdl(mdl);
    adapter->DmaOperations->PutDmaAdapter(adapter);
    ExFreePoolWithTag(second, TAG);
    ExFreePoolWithTag(first, TAG);
}

/*
 * A device without scatter-gather gets each transfer in one piece: "the input and output values of Length are identical". The pages of the buffer
 * are made not to be adjacent.
 */
static void OnePiece(void)
{
    PDMA_ADAPTER adapter = Adapter(FALSE);
    PHYSICAL_ADDRESS low = {.QuadPart = 0}, high = {.QuadPart = 0xFFFFFFFF}, skip = {.QuadPart = 0}, at;
    PMDL source = MmAllocatePagesForMdl(low, high, skip, 3 * PAGE_SIZE);
    PFN_NUMBER first = MmGetMdlPfnArray(source)[0], last = MmGetMdlPfnArray(source)[2];
    PUCHAR pages = MmMapLockedPagesSpecifyCache(source, KernelMode, MmCached, NULL, FALSE, NormalPagePriority);
    PUCHAR gap = ExAllocatePoolWithTag(NonPagedPool, 2 * PAGE_SIZE, TAG);
    PMDL mdl = Describe(gap, 2 * PAGE_SIZE); /* first and third page of the source, as if one behind the other */
    ULONG length = PAGE_SIZE;
    PUCHAR copy;
    KIRQL irql;
    pages[0x800] = 1;
    pages[2 * PAGE_SIZE + 0x7FF] = 2;
    MmGetMdlPfnArray(mdl)[0] = first;
    MmGetMdlPfnArray(mdl)[1] = last;
    Action = DeallocateObjectKeepRegisters;
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    CHECK(adapter->DmaOperations->AllocateAdapterChannel(adapter, Device, 2, Control, NULL) == STATUS_SUCCESS);
    at = adapter->DmaOperations->MapTransfer(adapter, mdl, Bases[0], gap + 0x800, &length, FALSE);
    CHECK(length == PAGE_SIZE && at.QuadPart != 0);
    copy = MmGetVirtualForPhysical(at); /* what the device sees */
    KeLowerIrql(irql);
    CHECK(copy && copy[0] == 1 && copy[PAGE_SIZE - 1] == 2);
    if (copy) {
        copy[0] = 11;
        copy[PAGE_SIZE - 1] = 12;
        CHECK(pages[0x800] == 1); /* not before the flush */
        KeRaiseIrql(DISPATCH_LEVEL, &irql);
        CHECK(adapter->DmaOperations->FlushAdapterBuffers(adapter, mdl, Bases[0], gap + 0x800, PAGE_SIZE, FALSE));
        adapter->DmaOperations->FreeMapRegisters(adapter, Bases[0], 2);
        KeLowerIrql(irql);
        CHECK(pages[0x800] == 11 && pages[2 * PAGE_SIZE + 0x7FF] == 12);
    }
    adapter->DmaOperations->PutDmaAdapter(adapter);
    IoFreeMdl(mdl);
    ExFreePoolWithTag(gap, TAG);
    MmUnmapLockedPages(pages, source);
    MmFreePagesFromMdl(source);
    ExFreePool(source);
}

/* A request that finds too few map registers free waits until they are freed; one for more than there are is refused. */
static void Queue(void)
{
    PDMA_ADAPTER adapter = Adapter(TRUE);
    PUCHAR buffer = ExAllocatePoolWithTag(NonPagedPool, 2 * PAGE_SIZE, TAG);
    PMDL mdl = Describe(buffer, 2 * PAGE_SIZE);
    ULONG length = 2 * PAGE_SIZE, done;
    KIRQL irql;
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    Calls = 0;
    Action = DeallocateObjectKeepRegisters;
    CHECK(adapter->DmaOperations->AllocateAdapterChannel(adapter, Device, REGISTERS + 1, Control, NULL) ==
          STATUS_INSUFFICIENT_RESOURCES);
    CHECK(Calls == 0);
    CHECK(NT_SUCCESS(adapter->DmaOperations->AllocateAdapterChannel(adapter, Device, 3, Control, (PVOID)0)));
    CHECK(NT_SUCCESS(adapter->DmaOperations->AllocateAdapterChannel(adapter, Device, 2, Control, (PVOID)1)));
    CHECK(Calls == 1); /* 3 of 4 are taken */
    for (done = 0; done < 2 * PAGE_SIZE; done += length) {
        length = 2 * PAGE_SIZE - done;
        PHYSICAL_ADDRESS at = adapter->DmaOperations->MapTransfer(adapter, mdl, Bases[0], buffer + done, &length, TRUE);
        CHECK(at.QuadPart == MmGetPhysicalAddress(buffer + done).QuadPart && length > 0);
    }
    CHECK(done == 2 * PAGE_SIZE);
    CHECK(adapter->DmaOperations->FlushAdapterBuffers(adapter, mdl, Bases[0], buffer, 2 * PAGE_SIZE, TRUE));
    adapter->DmaOperations->FreeMapRegisters(adapter, Bases[0], 3);
    CHECK(Calls == 2 && Bases[1] != NULL); /* now it was called */
    adapter->DmaOperations->FreeMapRegisters(adapter, Bases[1], 2);
    Action = DeallocateObject;
    CHECK(NT_SUCCESS(adapter->DmaOperations->AllocateAdapterChannel(adapter, Device, 4, Control, (PVOID)0)));
    CHECK(NT_SUCCESS(adapter->DmaOperations->AllocateAdapterChannel(adapter, Device, 4, Control, (PVOID)0)));
    CHECK(Calls == 4); /* nothing was kept */
    KeLowerIrql(irql);
    adapter->DmaOperations->PutDmaAdapter(adapter);
    IoFreeMdl(mdl);
    ExFreePoolWithTag(buffer, TAG);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    Driver = DriverObject;
    CHECK(NT_SUCCESS(IoCreateDevice(Driver, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &Device)));
    Chains();
    OnePiece();
    Queue();
    IoDeleteDevice(Device);
    return Summary("dma");
}
