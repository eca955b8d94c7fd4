/* SPDX-License-Identifier: MIT */
/*
 * pci/requirements.c - what a function needs: IRP_MN_QUERY_RESOURCE_REQUIREMENTS and IRP_MN_QUERY_RESOURCES.
 *
 * Each BAR is followed by a CmResourceTypeDevicePrivate descriptor with its number, as pci.sys does. Interrupts: Microsoft, "Using
 * Interrupt Resource Descriptors" and "Enabling Message-Signaled Interrupts in the Registry".
 */
#include "pci.h"

#define LIST_HEADER FIELD_OFFSET(IO_RESOURCE_LIST, Descriptors)

static PIO_RESOURCE_DESCRIPTOR PutBar(PIO_RESOURCE_DESCRIPTOR Out, const PCI_FUNCTION *Function, UCHAR Index)
{
    const PCI_BAR *bar = &Function->Bar[Index];

    for (int preferred = bar->Address != 0; preferred >= 0; preferred--) {
        RtlZeroMemory(Out, sizeof(*Out));
        Out->Option = preferred ? IO_RESOURCE_PREFERRED : bar->Address != 0 ? IO_RESOURCE_ALTERNATIVE : 0;
        Out->ShareDisposition = CmResourceShareDeviceExclusive;
        if (bar->Io) {
            Out->Type = CmResourceTypePort;
            Out->Flags = CM_RESOURCE_PORT_IO | CM_RESOURCE_PORT_16_BIT_DECODE | CM_RESOURCE_PORT_POSITIVE_DECODE;
        } else {
            Out->Type = CmResourceTypeMemory;
            Out->Flags = CM_RESOURCE_MEMORY_READ_WRITE | (bar->Prefetch ? CM_RESOURCE_MEMORY_PREFETCHABLE : 0);
        }
        Out->u.Generic.Length = (ULONG)bar->Size;
        Out->u.Generic.Alignment = (ULONG)bar->Size;
        Out->u.Generic.MinimumAddress.QuadPart = preferred ? (LONGLONG)bar->Address : 0;
        Out->u.Generic.MaximumAddress.QuadPart = preferred   ? (LONGLONG)(bar->Address + bar->Size - 1)
                                                 : bar->Io   ? 0xFFFF
                                                 : bar->Wide ? (LONGLONG)~0ull
                                                             : 0xFFFFFFFF;
        Out++;
    }
    RtlZeroMemory(Out, sizeof(*Out));
    Out->Type = CmResourceTypeDevicePrivate;
    Out->u.DevicePrivate.Data[0] = 1;
    Out->u.DevicePrivate.Data[1] = Index;
    return Out + 1;
}

static PIO_RESOURCE_DESCRIPTOR PutInterrupt(PIO_RESOURCE_DESCRIPTOR Out, BOOLEAN Message, ULONG Minimum, ULONG Maximum)
{
    RtlZeroMemory(Out, sizeof(*Out));
    Out->Type = CmResourceTypeInterrupt;
    Out->ShareDisposition = Message ? CmResourceShareDeviceExclusive : CmResourceShareShared;
    Out->Flags =
        Message ? CM_RESOURCE_INTERRUPT_LATCHED | CM_RESOURCE_INTERRUPT_MESSAGE : CM_RESOURCE_INTERRUPT_LEVEL_SENSITIVE;
    Out->u.Interrupt.MinimumVector = Minimum;
    Out->u.Interrupt.MaximumVector = Maximum;
    return Out + 1;
}

static BOOLEAN ReadNumber(HANDLE Key, PCWSTR Name, ULONG *Number)
{
    struct {
        KEY_VALUE_PARTIAL_INFORMATION Info;
        ULONG Space[4];
    } value;
    UNICODE_STRING name;
    ULONG length;

    RtlInitUnicodeString(&name, Name);
    if (!NT_SUCCESS(ZwQueryValueKey(Key, &name, KeyValuePartialInformation, &value, sizeof(value), &length)) ||
        value.Info.Type != REG_DWORD)
        return FALSE;
    RtlCopyMemory(Number, value.Info.Data, sizeof(*Number));
    return TRUE;
}

/*
 * How many messages the function is to get at most: 0 unless the INF's hardware section set MSISupported below the device's
 * hardware key; MessageNumberLimit bounds it. The bus driver itself handles bridges, with one message. PASSIVE_LEVEL.
 */
static ULONG WantedMessages(PCI_FUNCTION *Function)
{
    UNICODE_STRING path;
    OBJECT_ATTRIBUTES attributes;
    HANDLE device, key;
    ULONG supported = 0, limit = PCI_MAX_MESSAGES;

    if (Function->MsiCap == 0 && Function->MsixCap == 0)
        return 0;
    if ((Function->HeaderType & 0x7F) == PCI_BRIDGE_TYPE)
        return 1;
    if (!NT_SUCCESS(IoOpenDeviceRegistryKey(Function->Common.Self, PLUGPLAY_REGKEY_DEVICE, KEY_READ, &device)))
        return 0;
    RtlInitUnicodeString(&path, L"Interrupt Management\\MessageSignaledInterruptProperties");
    InitializeObjectAttributes(&attributes, &path, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, device, NULL);
    if (NT_SUCCESS(ZwOpenKey(&key, KEY_READ, &attributes))) {
        ReadNumber(key, L"MSISupported", &supported);
        ReadNumber(key, L"MessageNumberLimit", &limit);
        ZwClose(key);
    }
    ZwClose(device);
    if (supported != 1 || limit == 0)
        return 0;
    return min(limit, PCI_MAX_MESSAGES);
}

/* How many messages the function has: MSI-X is preferred to MSI, as in Windows. */
static ULONG OfferedMessages(PCI_FUNCTION *Function)
{
    if (Function->MsixCap != 0)
        return Function->MsixCount;
    return Function->MsiCap != 0 ? 1u << min(5, PciRead16(Function->At, Function->MsiCap + 2u) >> 1 & 7) : 0;
}

static PIO_RESOURCE_DESCRIPTOR PutMessages(PIO_RESOURCE_DESCRIPTOR Out, PCI_FUNCTION *Function, ULONG Count)
{
    if (Function->MsixCap == 0) /* one descriptor whose width is the message count */
        return PutInterrupt(Out, TRUE, CM_RESOURCE_INTERRUPT_MESSAGE_TOKEN - Count + 1,
                            CM_RESOURCE_INTERRUPT_MESSAGE_TOKEN);
    for (ULONG i = 0; i < Count; i++) /* one descriptor a table entry */
        Out = PutInterrupt(Out, TRUE, CM_RESOURCE_INTERRUPT_MESSAGE_TOKEN, CM_RESOURCE_INTERRUPT_MESSAGE_TOKEN);
    return Out;
}

/*
 * Alternative lists in falling order of preference: all messages, one message, a line. *Requirements is paged pool that the PnP
 * manager frees; NULL when nothing is needed. PASSIVE_LEVEL.
 */
NTSTATUS PciQueryRequirements(PCI_FUNCTION *Function, PIO_RESOURCE_REQUIREMENTS_LIST *Requirements)
{
    ULONG messages = min(WantedMessages(Function), OfferedMessages(Function));
    BOOLEAN line = PciRead8(Function->At, PCI_INTERRUPT_PIN) != 0;
    ULONG choices[3], lists = 0, size = FIELD_OFFSET(IO_RESOURCE_REQUIREMENTS_LIST, List);
    PIO_RESOURCE_REQUIREMENTS_LIST out;
    PIO_RESOURCE_LIST list;
    ULONG bars = 0;

    *Requirements = NULL;
    while (Function->MsixCap == 0 && (messages & (messages - 1)) != 0)
        messages &= messages - 1; /* MSI counts in powers of two */
    for (UCHAR i = 0; i < Function->BarCount; i++)
        bars += Function->Bar[i].Size != 0;
    if (messages > 1)
        choices[lists++] = messages;
    if (messages > 0)
        choices[lists++] = 1;
    if (line || (lists == 0 && bars != 0))
        choices[lists++] = 0;
    if (lists == 0)
        return STATUS_SUCCESS;

    size += lists * (LIST_HEADER + (3 * bars + max(messages, 1)) * sizeof(IO_RESOURCE_DESCRIPTOR));
    out = ExAllocatePoolWithTag(PagedPool, size, PCI_TAG);
    if (out == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    RtlZeroMemory(out, size);
    out->InterfaceType = PCIBus;
    out->BusNumber = Function->At.Bus;
    out->SlotNumber = (ULONG)Function->At.Function << 5 | Function->At.Device;
    out->AlternativeLists = lists;
    list = out->List;
    for (ULONG i = 0; i < lists; i++) {
        PIO_RESOURCE_DESCRIPTOR descriptor = list->Descriptors;

        list->Version = list->Revision = 1;
        for (UCHAR bar = 0; bar < Function->BarCount; bar++) {
            if (Function->Bar[bar].Size != 0)
                descriptor = PutBar(descriptor, Function, bar);
        }
        if (choices[i] != 0)
            descriptor = PutMessages(descriptor, Function, choices[i]);
        else if (line)
            descriptor = PutInterrupt(descriptor, FALSE, 0, 0xFFFFFFFF);
        list->Count = (ULONG)(descriptor - list->Descriptors);
        list = (PIO_RESOURCE_LIST)descriptor;
    }
    out->ListSize = (ULONG)((PUCHAR)list - (PUCHAR)out);
    *Requirements = out;
    return STATUS_SUCCESS;
}

/* The firmware's assignment, if it is usable; *Resources may be NULL. As PciQueryRequirements. */
NTSTATUS PciQueryBootResources(PCI_FUNCTION *Function, PCM_RESOURCE_LIST *Resources)
{
    ULONG size = sizeof(CM_RESOURCE_LIST) + PCI_TYPE0_ADDRESSES * sizeof(CM_PARTIAL_RESOURCE_DESCRIPTOR);
    PCM_PARTIAL_RESOURCE_LIST partial;
    PCM_RESOURCE_LIST out;

    *Resources = NULL;
    if (!Function->BarsAssigned || (Function->BootCommand & PCI_DECODES) == 0)
        return STATUS_SUCCESS;
    out = ExAllocatePoolWithTag(PagedPool, size, PCI_TAG);
    if (out == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    RtlZeroMemory(out, size);
    out->Count = 1;
    out->List[0].InterfaceType = PCIBus;
    out->List[0].BusNumber = Function->At.Bus;
    partial = &out->List[0].PartialResourceList;
    partial->Version = partial->Revision = 1;
    for (UCHAR i = 0; i < Function->BarCount; i++) {
        const PCI_BAR *bar = &Function->Bar[i];
        PCM_PARTIAL_RESOURCE_DESCRIPTOR descriptor = &partial->PartialDescriptors[partial->Count];

        if (bar->Size == 0)
            continue;
        descriptor->Type = bar->Io ? CmResourceTypePort : CmResourceTypeMemory;
        descriptor->ShareDisposition = CmResourceShareDeviceExclusive;
        descriptor->Flags = bar->Io ? CM_RESOURCE_PORT_IO : CM_RESOURCE_MEMORY_READ_WRITE;
        descriptor->u.Generic.Start.QuadPart = (LONGLONG)bar->Address;
        descriptor->u.Generic.Length = (ULONG)bar->Size;
        partial->Count++;
    }
    *Resources = out;
    return STATUS_SUCCESS;
}
