/* SPDX-License-Identifier: MIT */
/* pci/interface.c - IRP_MN_QUERY_INTERFACE of a function: BUS_INTERFACE_STANDARD, PNP_LOCATION_INTERFACE, PCI_DEVICE_PRESENT_INTERFACE. */
#include <initguid.h>
#include "pci.h"
#include <wdmguid.h>

/* Read Length bytes with the widest aligned accesses. Returns how many were read: configuration space ends at 4096. Any IRQL. */
ULONG PciReadFunctionConfig(PCI_FUNCTION *Function, PVOID Buffer, ULONG Offset, ULONG Length)
{
    PUCHAR out = Buffer;
    ULONG end = Offset + Length, at = Offset;

    if (Offset >= PCI_EXTENDED_CONFIG_LENGTH || Length > PCI_EXTENDED_CONFIG_LENGTH - Offset)
        return 0;
    while (at < end) {
        ULONG size = !(at & 3) && end - at >= 4 ? 4 : !(at & 1) && end - at >= 2 ? 2 : 1;
        /* A PDO whose card is gone must not read the card that has taken its place. */
        ULONG value = Function->Present ? PciRead(Function->At, at, size) : 0xFFFFFFFF;

        RtlCopyMemory(out, &value, size);
        out += size;
        at += size;
    }
    return Length;
}

/* As PciReadFunctionConfig. Microsoft leaves the registers that the PnP manager owns (command, BARs) to the driver's honesty; so do we. */
ULONG PciWriteFunctionConfig(PCI_FUNCTION *Function, const VOID *Buffer, ULONG Offset, ULONG Length)
{
    const UCHAR *in = Buffer;
    ULONG end = Offset + Length, at = Offset;

    if (Offset >= PCI_EXTENDED_CONFIG_LENGTH || Length > PCI_EXTENDED_CONFIG_LENGTH - Offset)
        return 0;
    while (at < end && Function->Present) {
        ULONG size = !(at & 3) && end - at >= 4 ? 4 : !(at & 1) && end - at >= 2 ? 2 : 1, value = 0;

        RtlCopyMemory(&value, in, size);
        PciWrite(Function->At, at, size, value);
        in += size;
        at += size;
    }
    return Length;
}

static VOID NTAPI Reference(PVOID Context)
{
    ObReferenceObject(((PCI_FUNCTION *)Context)->Common.Self);
}

static VOID NTAPI Dereference(PVOID Context)
{
    ObDereferenceObject(((PCI_FUNCTION *)Context)->Common.Self);
}

/* PCI addresses are processor addresses here: there is no host-bridge offset on a PC. */
static BOOLEAN NTAPI TranslateAddress(PVOID Context, PHYSICAL_ADDRESS Address, ULONG Length, PULONG Space,
                                      PPHYSICAL_ADDRESS Translated)
{
    *Translated = Address;
    return TRUE;
}

static struct _DMA_ADAPTER *NTAPI GetAdapter(PVOID Context, struct _DEVICE_DESCRIPTION *Description,
                                             PULONG MapRegisters)
{
    return IoGetDmaAdapter(((PCI_FUNCTION *)Context)->Common.Self, Description, MapRegisters);
}

static ULONG NTAPI SetData(PVOID Context, ULONG Type, PVOID Buffer, ULONG Offset, ULONG Length)
{
    return Type == PCI_WHICHSPACE_CONFIG ? PciWriteFunctionConfig(Context, Buffer, Offset, Length) : 0;
}

static ULONG NTAPI GetData(PVOID Context, ULONG Type, PVOID Buffer, ULONG Offset, ULONG Length)
{
    return Type == PCI_WHICHSPACE_CONFIG ? PciReadFunctionConfig(Context, Buffer, Offset, Length) : 0;
}

static NTSTATUS BusInterface(PCI_FUNCTION *Function, PIO_STACK_LOCATION Stack)
{
    PBUS_INTERFACE_STANDARD out = (PBUS_INTERFACE_STANDARD)Stack->Parameters.QueryInterface.Interface;

    if (Stack->Parameters.QueryInterface.Size < sizeof(*out))
        return STATUS_INVALID_PARAMETER;
    *out = (BUS_INTERFACE_STANDARD){sizeof(*out),     1,          Function, Reference, Dereference,
                                    TranslateAddress, GetAdapter, SetData,  GetData};
    Reference(Function);
    return STATUS_SUCCESS;
}

/* "PCI(0100)#PCI(0000)": device and function from here up to the root bus, and the host bridge last (Microsoft, PGET_LOCATION_STRING). */
static NTSTATUS NTAPI LocationString(PVOID Context, PWCHAR *Text)
{
    PCI_FUNCTION *function = Context;
    PWCHAR out = ExAllocatePoolWithTag(PagedPool, 16 * sizeof(WCHAR), PCI_TAG);
    static const WCHAR hex[] = L"0123456789ABCDEF";
    UCHAR parts[2] = {function->At.Device, function->At.Function};
    ULONG at = 0;

    if (out == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    for (PCSTR c = "PCI("; *c != 0; c++)
        out[at++] = (UCHAR)*c;
    for (int i = 0; i < 2; i++) {
        out[at++] = hex[parts[i] >> 4];
        out[at++] = hex[parts[i] & 0xF];
    }
    out[at++] = L')';
    out[at++] = 0;
    out[at] = 0; /* a multi-string of one */
    *Text = out;
    return STATUS_SUCCESS;
}

static NTSTATUS LocationInterface(PCI_FUNCTION *Function, PIO_STACK_LOCATION Stack)
{
    PPNP_LOCATION_INTERFACE out = (PPNP_LOCATION_INTERFACE)Stack->Parameters.QueryInterface.Interface;

    if (Stack->Parameters.QueryInterface.Size < sizeof(*out))
        return STATUS_INVALID_PARAMETER;
    *out = (PNP_LOCATION_INTERFACE){sizeof(*out),  PNP_LOCATION_INTERFACE_VERSION, Function, Reference, Dereference,
                                    LocationString};
    Reference(Function);
    return STATUS_SUCCESS;
}

static BOOLEAN Matches(const PCI_FUNCTION *Function, const PCI_DEVICE_PRESENCE_PARAMETERS *Wanted)
{
    ULONG flags = Wanted->Flags;

    return Function->Present &&
           (!(flags & PCI_USE_VENDEV_IDS) ||
            (Function->VendorId == Wanted->VendorID && Function->DeviceId == Wanted->DeviceID)) &&
           (!(flags & PCI_USE_SUBSYSTEM_IDS) ||
            (Function->SubsystemVendor == Wanted->SubVendorID && Function->Subsystem == Wanted->SubSystemID)) &&
           (!(flags & PCI_USE_REVISION) || Function->Revision == Wanted->RevisionID) &&
           (!(flags & PCI_USE_CLASS_SUBCLASS) ||
            (Function->BaseClass == Wanted->BaseClass && Function->SubClass == Wanted->SubClass)) &&
           (!(flags & PCI_USE_PROGIF) || Function->ProgIf == Wanted->ProgIf);
}

static BOOLEAN NTAPI IsPresentEx(PVOID Context, PPCI_DEVICE_PRESENCE_PARAMETERS Wanted)
{
    PCI_FUNCTION *self = Context;
    BOOLEAN found = FALSE;

    ExAcquireFastMutex(&PciBusesLock);
    for (PLIST_ENTRY b = PciBuses.Flink; b != &PciBuses && !found; b = b->Flink) {
        PCI_BUS *bus = CONTAINING_RECORD(b, PCI_BUS, Link);

        if ((Wanted->Flags & PCI_USE_LOCAL_BUS) && bus != self->Bus)
            continue;
        ExAcquireFastMutex(&bus->Lock);
        for (PLIST_ENTRY e = bus->Functions.Flink; e != &bus->Functions && !found; e = e->Flink) {
            PCI_FUNCTION *function = CONTAINING_RECORD(e, PCI_FUNCTION, Link);

            found = Matches(function, Wanted) &&
                    (!(Wanted->Flags & PCI_USE_LOCAL_DEVICE) || function->At.Device == self->At.Device);
        }
        ExReleaseFastMutex(&bus->Lock);
    }
    ExReleaseFastMutex(&PciBusesLock);
    return found;
}

static BOOLEAN NTAPI IsPresent(USHORT Vendor, USHORT Device, UCHAR Revision, USHORT SubVendor, USHORT SubSystem,
                               ULONG Flags)
{
    PCI_DEVICE_PRESENCE_PARAMETERS wanted = {sizeof(wanted), 0,         Vendor, Device, Revision,
                                             SubVendor,      SubSystem, 0,      0,      0};

    wanted.Flags = PCI_USE_VENDEV_IDS | (Flags & (PCI_USE_SUBSYSTEM_IDS | PCI_USE_REVISION));
    return IsPresentEx(NULL, &wanted);
}

static NTSTATUS PresentInterface(PCI_FUNCTION *Function, PIO_STACK_LOCATION Stack)
{
    PPCI_DEVICE_PRESENT_INTERFACE out = (PPCI_DEVICE_PRESENT_INTERFACE)Stack->Parameters.QueryInterface.Interface;

    if (Stack->Parameters.QueryInterface.Size < sizeof(*out))
        return STATUS_INVALID_PARAMETER;
    *out = (PCI_DEVICE_PRESENT_INTERFACE){
        sizeof(*out), PCI_DEVICE_PRESENT_INTERFACE_VERSION, Function, Reference, Dereference, IsPresent, IsPresentEx};
    Reference(Function);
    return STATUS_SUCCESS;
}

/* The interface is referenced for the caller. An unknown one leaves the status as it came (Unchanged). PASSIVE_LEVEL. */
NTSTATUS PciQueryInterface(PCI_FUNCTION *Function, PIO_STACK_LOCATION Stack, NTSTATUS Unchanged)
{
    static const struct {
        const GUID *Guid;
        NTSTATUS (*Fill)(PCI_FUNCTION *Function, PIO_STACK_LOCATION Stack);
    } known[] = {
        {&GUID_BUS_INTERFACE_STANDARD, BusInterface},
        {&GUID_PNP_LOCATION_INTERFACE, LocationInterface},
        {&GUID_PCI_DEVICE_PRESENT_INTERFACE, PresentInterface},
    };

    for (ULONG i = 0; i < COUNT_OF(known); i++) {
        if (IsEqualGUID(Stack->Parameters.QueryInterface.InterfaceType, known[i].Guid))
            return known[i].Fill(Function, Stack);
    }
    return Unchanged;
}
