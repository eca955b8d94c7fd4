/* SPDX-License-Identifier: MIT */
/*
 * DMA adapters: what io/dma.c (adapters, common buffers), io/dmachannel.c (packet transfers) and io/dmalist.c (scatter-gather lists) share. The rules
 * are Driver Verifier's: https://learn.microsoft.com/windows-hardware/drivers/devtest/dma-verification
 */
#ifndef IO_DMA_H
#define IO_DMA_H
#include "kernel.h"
#include "io/verify.h"

#define DMA_TAG 0x616D4448 /* "HDma" */

typedef struct _ADAPTER {
    DMA_ADAPTER Public;
    ULONG Magic;
    PDEVICE_OBJECT Pdo;
    ULONG Registers;       /* that IoGetDmaAdapter told the driver */
    ULONG RegistersInUse;  /* by channels */
    BOOLEAN ScatterGather; /* else each transfer is one contiguous block: bounced where its pages are not */
    BOOLEAN InChannel;     /* an AdapterControl routine runs, or has kept the channel */
    LONG KeptRegisters;    /* sets of map registers that FreeMapRegisters has not freed yet */
    LIST_ENTRY Buffers, Lists, RegisterSets, Waiting;
    KSPIN_LOCK Lock; /* of the lists and counts */
} ADAPTER;

/* Bug check 0xE6 (DRIVER_VERIFIER_DMA_VIOLATION), first parameter by Microsoft's page. */
#define DMA_BUFFER_TWICE       0x03
#define DMA_CHANNEL_TWICE      0x04
#define DMA_REGISTERS_TWICE    0x05
#define DMA_LIST_TWICE         0x06
#define DMA_BUFFERS_LEFT       0x07 /* when the adapter is released; as are the next three */
#define DMA_CHANNELS_LEFT      0x08
#define DMA_REGISTERS_LEFT     0x09
#define DMA_LISTS_LEFT         0x0A
#define DMA_TOO_MANY_CHANNELS  0x0B
#define DMA_NOT_FLUSHED        0x0D
#define DMA_NOT_LOCKED         0x0E
#define DMA_OUTSIDE_BUFFER     0x0F
#define DMA_STILL_MAPPED       0x10
#define DMA_IRQL               0x13
#define DMA_TOO_MANY_REGISTERS 0x15
#define DMA_RELEASED           0x18
#define DMA_NULL_ADAPTER       0x19
#define DMA_OUTSIDE_MDL        0x1B
#define DMA_MAPPED_TWICE       0x1D
#define DMA_FLUSH_UNMAPPED     0x20
#define DMA_ZERO_LENGTH        0x21
#define DMA_UNKNOWN_VERSION    0x25

#define DmaStop(Rule, P2, P3, P4, Caller, ...)                                                                         \
    IoStop(0xE6, Rule, (ULONG_PTR)(P2), (ULONG_PTR)(P3), (ULONG_PTR)(P4), Caller, __VA_ARGS__)

/* A place in a chain of MDLs. */
typedef struct _MDL_PLACE {
    PMDL Mdl;
    ULONG Offset; /* bytes from the start of that MDL's buffer */
} MDL_PLACE;

/* A transfer whose pages are not contiguous, for a device that cannot scatter: its copy, as map registers make it. */
typedef struct _BOUNCE {
    PVOID Copy; /* NULL: none is needed */
    MDL_PLACE Start;
    ULONG Length;
    BOOLEAN FromDevice;
} BOUNCE;

/* Any IRQL. The adapter, or a stop when there is none or it was released. */
ADAPTER *DmaAdapterOf(PDMA_ADAPTER Adapter, PCSTR Function, PVOID Caller);
/* Stops unless the IRQL is DISPATCH_LEVEL. */
VOID DmaRequireDispatch(PCSTR Function, PVOID Caller);
/* The place of CurrentVa in the first MDL, which must be locked or of nonpaged pool; or a stop. */
MDL_PLACE DmaPlace(PMDL Mdl, PVOID CurrentVa, PVOID Caller);
/* Bytes from Place to the end of the chain; with FirstOnly to the end of its MDL. */
ULONG DmaBytesFrom(MDL_PLACE Place, BOOLEAN FirstOnly);
/* Pages that Length bytes from Place on touch: the map registers that they need. */
ULONG DmaPages(MDL_PLACE Place, ULONG Length);
/* Fills elements that join adjacent pages (NULL: counts only). Returns their number. */
ULONG DmaFill(MDL_PLACE Place, ULONG Length, PSCATTER_GATHER_ELEMENT Elements);
/* IRQL <= DISPATCH_LEVEL. Makes the copy, filled if the device will read it. FALSE: out of memory. */
BOOLEAN DmaBounce(BOUNCE *Bounce, MDL_PLACE Start, ULONG Length, BOOLEAN WriteToDevice);
/* Copies back what the device wrote, and frees the copy. */
VOID DmaUnbounce(BOUNCE *Bounce);

/* The functions of DMA_OPERATIONS that are not io/dma.c's. */
NTSTATUS NTAPI DmaAllocateAdapterChannel(PDMA_ADAPTER Adapter, PDEVICE_OBJECT Device, ULONG MapRegisters,
                                         PDRIVER_CONTROL Routine, PVOID Context);
BOOLEAN NTAPI DmaFlushAdapterBuffers(PDMA_ADAPTER Adapter, PMDL Mdl, PVOID MapRegisterBase, PVOID CurrentVa,
                                     ULONG Length, BOOLEAN WriteToDevice);
VOID NTAPI DmaFreeAdapterChannel(PDMA_ADAPTER Adapter);
VOID NTAPI DmaFreeMapRegisters(PDMA_ADAPTER Adapter, PVOID MapRegisterBase, ULONG MapRegisters);
PHYSICAL_ADDRESS NTAPI DmaMapTransfer(PDMA_ADAPTER Adapter, PMDL Mdl, PVOID MapRegisterBase, PVOID CurrentVa,
                                      PULONG Length, BOOLEAN WriteToDevice);
NTSTATUS NTAPI DmaGetScatterGatherList(PDMA_ADAPTER Adapter, PDEVICE_OBJECT Device, PMDL Mdl, PVOID CurrentVa,
                                       ULONG Length, PDRIVER_LIST_CONTROL Routine, PVOID Context,
                                       BOOLEAN WriteToDevice);
VOID NTAPI DmaPutScatterGatherList(PDMA_ADAPTER Adapter, PSCATTER_GATHER_LIST List, BOOLEAN WriteToDevice);
NTSTATUS NTAPI DmaCalculateScatterGatherList(PDMA_ADAPTER Adapter, PMDL Mdl, PVOID CurrentVa, ULONG Length, PULONG Size,
                                             PULONG MapRegisters);
NTSTATUS NTAPI DmaBuildScatterGatherList(PDMA_ADAPTER Adapter, PDEVICE_OBJECT Device, PMDL Mdl, PVOID CurrentVa,
                                         ULONG Length, PDRIVER_LIST_CONTROL Routine, PVOID Context,
                                         BOOLEAN WriteToDevice, PVOID Buffer, ULONG BufferLength);
NTSTATUS NTAPI DmaBuildMdlFromScatterGatherList(PDMA_ADAPTER Adapter, PSCATTER_GATHER_LIST List, PMDL OriginalMdl,
                                                PMDL *TargetMdl);

#endif
