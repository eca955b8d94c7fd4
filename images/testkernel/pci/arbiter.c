/* SPDX-License-Identifier: MIT */
/*
 * pci/arbiter.c - assigns addresses and interrupt vectors to a function: the first alternative list that fits.
 * Each list element is a group: a descriptor and the ones marked IO_RESOURCE_ALTERNATIVE behind it, of which one is chosen
 * (Microsoft, IO_RESOURCE_DESCRIPTOR). Raw is what the bus sees, translated what the processor does.
 */
#include "pci.h"
#include "hal/vector.h"
#include "kd/log.h"
#include "pnp/resource.h"

typedef struct _ARBITRATION {
    PDEVICE_NODE Node;
    PCI_FUNCTION *Function;
    BOOLEAN Move; /* rebalance: prefer other addresses than the present ones */
    ULONGLONG Old[PCI_TYPE0_ADDRESSES];
    PCM_PARTIAL_RESOURCE_LIST Raw, Translated;
    PCI_INTERRUPT Interrupt;
} ARBITRATION;

/* Give back addresses and vectors. PASSIVE_LEVEL; takes the bus lock. */
VOID PciReleaseResources(PCI_FUNCTION *Function)
{
    ExAcquireFastMutex(&Function->Bus->Lock);
    PciReleaseSpace(Function, FALSE);
    ExReleaseFastMutex(&Function->Bus->Lock);
    PciFreeInterrupt(&Function->Interrupt);
}

static void Append(ARBITRATION *Arbitration, const CM_PARTIAL_RESOURCE_DESCRIPTOR *Raw,
                   const CM_PARTIAL_RESOURCE_DESCRIPTOR *Translated)
{
    Arbitration->Raw->PartialDescriptors[Arbitration->Raw->Count++] = *Raw;
    Arbitration->Translated->PartialDescriptors[Arbitration->Translated->Count++] = *Translated;
}

static NTSTATUS PlaceMemory(ARBITRATION *Arbitration, const IO_RESOURCE_DESCRIPTOR *Wanted, UCHAR Bar)
{
    CM_PARTIAL_RESOURCE_DESCRIPTOR given = {0};
    BOOLEAN io = Wanted->Type == CmResourceTypePort;
    PCI_WINDOW_KIND kind = Bar < PCI_TYPE0_ADDRESSES ? PciBarWindow(&Arbitration->Function->Bar[Bar])
                           : io                      ? PciWindowIo
                                                     : PciWindowMemory;
    ULONGLONG first, minimum = (ULONGLONG)Wanted->u.Generic.MinimumAddress.QuadPart;
    ULONGLONG maximum = (ULONGLONG)Wanted->u.Generic.MaximumAddress.QuadPart;
    ULONGLONG avoid = Arbitration->Move && Bar < PCI_TYPE0_ADDRESSES ? Arbitration->Old[Bar] : 0;
    ULONG alignment = max(Wanted->u.Generic.Alignment, 1);
    NTSTATUS status;

    if (Arbitration->Move && Wanted->Option == IO_RESOURCE_PREFERRED)
        return STATUS_CONFLICTING_ADDRESSES; /* that is where it is now */
    status =
        PciFindSpace(Arbitration->Function, kind, Wanted->u.Generic.Length, alignment, minimum, maximum, avoid, &first);
    if (!NT_SUCCESS(status) && avoid != 0) /* there is no other place: the old one will do */
        status =
            PciFindSpace(Arbitration->Function, kind, Wanted->u.Generic.Length, alignment, minimum, maximum, 0, &first);
    /* Prefetchable memory may always go below a plain window instead (PCIe 7.5.1.3.9). */
    if (!NT_SUCCESS(status) && kind == PciWindowPrefetch)
        status = PciFindSpace(Arbitration->Function, PciWindowMemory, Wanted->u.Generic.Length, alignment, minimum,
                              maximum, avoid, &first);
    if (!NT_SUCCESS(status))
        return status;
    given.Type = Wanted->Type;
    given.ShareDisposition = Wanted->ShareDisposition;
    given.Flags = Wanted->Flags;
    given.u.Generic.Start.QuadPart = (LONGLONG)first;
    given.u.Generic.Length = Wanted->u.Generic.Length;
    Append(Arbitration, &given, &given);
    return STATUS_SUCCESS;
}

static NTSTATUS PlaceMessages(ARBITRATION *Arbitration, const IO_RESOURCE_DESCRIPTOR *Wanted)
{
    PCI_INTERRUPT *interrupt = &Arbitration->Interrupt;
    ULONG count = CM_RESOURCE_INTERRUPT_MESSAGE_TOKEN - Wanted->u.Interrupt.MinimumVector + 1;
    CM_PARTIAL_RESOURCE_DESCRIPTOR raw = {0}, translated = {0};
    ULONG vector;

    if (count > PCI_MAX_MESSAGES - interrupt->Count)
        return STATUS_INVALID_PARAMETER;
    vector = HalAllocateVectors(interrupt->Irql, count);
    if (vector == 0)
        return STATUS_CONFLICTING_ADDRESSES;
    interrupt->Kind = Arbitration->Function->MsixCap != 0 ? PciInterruptMsix : PciInterruptMsi;
    interrupt->Irql = HalVectorIrql(vector); /* further messages at the same IRQL, so that one lock serves all */
    raw.Type = translated.Type = CmResourceTypeInterrupt;
    raw.ShareDisposition = translated.ShareDisposition = CmResourceShareDeviceExclusive;
    raw.Flags = translated.Flags = CM_RESOURCE_INTERRUPT_LATCHED | CM_RESOURCE_INTERRUPT_MESSAGE;
    raw.u.MessageInterrupt.Raw.MessageCount = (USHORT)count;
    raw.u.MessageInterrupt.Raw.Vector = vector;
    raw.u.MessageInterrupt.Raw.Affinity = 1;
    translated.u.MessageInterrupt.Translated.Level = interrupt->Irql;
    translated.u.MessageInterrupt.Translated.Vector = vector;
    translated.u.MessageInterrupt.Translated.Affinity = 1;
    for (ULONG i = 0; i < count; i++)
        interrupt->Vector[interrupt->Count++] = vector + i;
    Append(Arbitration, &raw, &translated);
    return STATUS_SUCCESS;
}

static NTSTATUS PlaceLine(ARBITRATION *Arbitration, const IO_RESOURCE_DESCRIPTOR *Wanted)
{
    PCI_INTERRUPT *interrupt = &Arbitration->Interrupt;
    CM_PARTIAL_RESOURCE_DESCRIPTOR raw = {0}, translated = {0};
    NTSTATUS status = PciRouteLine(Arbitration->Function, interrupt);

    if (!NT_SUCCESS(status))
        return status;
    raw.Type = translated.Type = CmResourceTypeInterrupt;
    raw.ShareDisposition = translated.ShareDisposition = Wanted->ShareDisposition;
    raw.Flags = translated.Flags = CM_RESOURCE_INTERRUPT_LEVEL_SENSITIVE;
    raw.u.Interrupt.Level = raw.u.Interrupt.Vector = interrupt->Gsi;
    raw.u.Interrupt.Affinity = translated.u.Interrupt.Affinity = 1;
    translated.u.Interrupt.Level = interrupt->Irql;
    translated.u.Interrupt.Vector = interrupt->Vector[0];
    Append(Arbitration, &raw, &translated);
    return STATUS_SUCCESS;
}

static NTSTATUS Place(ARBITRATION *Arbitration, const IO_RESOURCE_DESCRIPTOR *Wanted, UCHAR Bar)
{
    CM_PARTIAL_RESOURCE_DESCRIPTOR copy = {0};

    switch (Wanted->Type) {
    case CmResourceTypePort:
    case CmResourceTypeMemory:
        return PlaceMemory(Arbitration, Wanted, Bar);
    case CmResourceTypeInterrupt:
        return Wanted->Flags & CM_RESOURCE_INTERRUPT_MESSAGE ? PlaceMessages(Arbitration, Wanted)
                                                             : PlaceLine(Arbitration, Wanted);
    case CmResourceTypeDevicePrivate:
        copy.Type = CmResourceTypeDevicePrivate;
        RtlCopyMemory(copy.u.DevicePrivate.Data, Wanted->u.DevicePrivate.Data, sizeof(copy.u.DevicePrivate.Data));
        Append(Arbitration, &copy, &copy);
        return STATUS_SUCCESS;
    case CmResourceTypeConfigData: /* its priority only matters to a choice between drivers */
        return STATUS_SUCCESS;
    default:
        return STATUS_NOT_SUPPORTED;
    }
}

/* The BAR that the DevicePrivate descriptor behind this group names. */
static UCHAR BarOfGroup(const IO_RESOURCE_LIST *List, ULONG Next)
{
    const IO_RESOURCE_DESCRIPTOR *marker = &List->Descriptors[Next];

    if (Next >= List->Count || marker->Type != CmResourceTypeDevicePrivate ||
        marker->u.DevicePrivate.Data[1] >= PCI_TYPE0_ADDRESSES)
        return 0xFF;
    return (UCHAR)marker->u.DevicePrivate.Data[1];
}

static NTSTATUS TryList(ARBITRATION *Arbitration, const IO_RESOURCE_LIST *List)
{
    NTSTATUS status = STATUS_SUCCESS;

    Arbitration->Raw->Count = Arbitration->Translated->Count = 0;
    RtlZeroMemory(&Arbitration->Interrupt, sizeof(Arbitration->Interrupt));
    for (ULONG i = 0, next; i < List->Count && NT_SUCCESS(status); i = next) {
        UCHAR bar;

        for (next = i + 1; next < List->Count && (List->Descriptors[next].Option & IO_RESOURCE_ALTERNATIVE);)
            next++;
        bar = BarOfGroup(List, next);
        status = STATUS_CONFLICTING_ADDRESSES;
        for (ULONG choice = i; choice < next && !NT_SUCCESS(status); choice++)
            status = Place(Arbitration, &List->Descriptors[choice], bar);
    }
    if (!NT_SUCCESS(status)) {
        PciReleaseSpace(Arbitration->Function, FALSE);
        PciFreeInterrupt(&Arbitration->Interrupt);
    }
    return status;
}

static PCM_RESOURCE_LIST NewList(const PCI_FUNCTION *Function, ULONG Descriptors)
{
    SIZE_T size = sizeof(CM_RESOURCE_LIST) + Descriptors * sizeof(CM_PARTIAL_RESOURCE_DESCRIPTOR);
    PCM_RESOURCE_LIST list = ExAllocatePoolWithTag(PagedPool, size, PNP_RESOURCE_TAG);

    if (list != NULL) {
        RtlZeroMemory(list, size);
        list->Count = 1;
        list->List[0].InterfaceType = PCIBus;
        list->List[0].BusNumber = Function->At.Bus;
        list->List[0].PartialResourceList.Version = list->List[0].PartialResourceList.Revision = 1;
    }
    return list;
}

static NTSTATUS TryLists(ARBITRATION *Arbitration, PIO_RESOURCE_REQUIREMENTS_LIST Requirements)
{
    PIO_RESOURCE_LIST list = Requirements->List;
    NTSTATUS status = STATUS_CONFLICTING_ADDRESSES;

    ExAcquireFastMutex(&Arbitration->Function->Bus->Lock);
    for (ULONG i = 0; i < Requirements->AlternativeLists && !NT_SUCCESS(status); i++) {
        status = TryList(Arbitration, list);
        list = (PIO_RESOURCE_LIST)&list->Descriptors[list->Count];
    }
    ExReleaseFastMutex(&Arbitration->Function->Bus->Lock);
    return status;
}

/*
 * PNP_ARBITER of every PCI bus (pnp/resource.h). A child of another bus driver (fredbus' children) has no requirements that a PCI bus
 * could meet. A device that is stopped for rebalance gets other addresses if there are any. PASSIVE_LEVEL, tree lock held.
 */
NTSTATUS PciArbitrate(PDEVICE_NODE Node)
{
    ARBITRATION arbitration = {.Node = Node, .Function = PciFunctionOf(Node->PhysicalDeviceObject)};
    PCM_RESOURCE_LIST raw, translated;
    ULONG descriptors = 0;
    PIO_RESOURCE_LIST list;
    NTSTATUS status;

    if (Node->Requirements == NULL || Node->Requirements->AlternativeLists == 0)
        return STATUS_SUCCESS;
    if (arbitration.Function == NULL)
        return STATUS_CONFLICTING_ADDRESSES;
    list = Node->Requirements->List;
    for (ULONG i = 0; i < Node->Requirements->AlternativeLists; i++) {
        descriptors = max(descriptors, list->Count);
        list = (PIO_RESOURCE_LIST)&list->Descriptors[list->Count];
    }
    raw = NewList(arbitration.Function, descriptors);
    translated = NewList(arbitration.Function, descriptors);
    if (raw == NULL || translated == NULL) {
        status = STATUS_INSUFFICIENT_RESOURCES;
        goto fail;
    }
    arbitration.Move = Node->State == DeviceNodeStopped;
    for (UCHAR i = 0; i < arbitration.Function->BarCount; i++)
        arbitration.Old[i] = arbitration.Function->Bar[i].Address;
    arbitration.Raw = &raw->List[0].PartialResourceList;
    arbitration.Translated = &translated->List[0].PartialResourceList;
    PciReleaseResources(arbitration.Function);
    status = TryLists(&arbitration, Node->Requirements);
    if (!NT_SUCCESS(status))
        goto fail;
    arbitration.Function->Interrupt = arbitration.Interrupt;
    PnpFreeResources(Node);
    Node->RawResources = raw;
    Node->TranslatedResources = translated;
    return STATUS_SUCCESS;
fail:
    KdLog(LOG_WARNING, "pci: no resources for %wZ: status %08x", &Node->InstancePath, status);
    if (raw != NULL)
        ExFreePoolWithTag(raw, PNP_RESOURCE_TAG);
    if (translated != NULL)
        ExFreePoolWithTag(translated, PNP_RESOURCE_TAG);
    return status;
}
