/* SPDX-License-Identifier: MIT */
/*
 * Sending PnP IRPs, in a system thread at PASSIVE_LEVEL with the status preset to STATUS_NOT_SUPPORTED.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/plug-and-play-minor-irps
 */
#include "pnp/internal.h"

NTSTATUS PnpSendIrp(PDEVICE_OBJECT DeviceObject, PIO_STACK_LOCATION Stack, PULONG_PTR Information)
{
    PDEVICE_OBJECT Completer;
    return PnpSendIrpTo(DeviceObject, Stack, Information, &Completer);
}

NTSTATUS PnpSendIrpTo(PDEVICE_OBJECT DeviceObject, PIO_STACK_LOCATION Stack, PULONG_PTR Information,
                      PDEVICE_OBJECT *Completer)
{
    PDEVICE_OBJECT Top = IoGetAttachedDeviceReference(DeviceObject);
    PIRP Irp = IoAllocateIrp(Top->StackSize + 1, FALSE);
    PIO_STACK_LOCATION Next;
    IO_STATUS_BLOCK Iosb;
    NTSTATUS Status;
    if (!Irp) {
        ObfDereferenceObject(Top);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    IoSetNextIrpStackLocation(Irp); /* ours: a driver that skips its own location must not look like the IRP's sender */
    Next = IoGetNextIrpStackLocation(Irp);
    *Next = *Stack;
    Next->MajorFunction = Stack->MajorFunction ? Stack->MajorFunction : IRP_MJ_PNP;
    Next->Control = 0;
    Irp->IoStatus.Status = STATUS_NOT_SUPPORTED;
    Irp->IoStatus.Information = Information ? *Information : 0;
    Irp->RequestorMode = KernelMode;
    *Completer = NULL;
    IopWatchCompleter(Irp, Completer);
    Status = IopCallSynchronously(Top, Irp, &Iosb);
    if (Information) {
        *Information = Iosb.Information;
    }
    ObfDereferenceObject(Top);
    return Status;
}

NTSTATUS PnpSendMinor(PDEVICE_NODE Node, UCHAR Minor)
{
    IO_STACK_LOCATION Stack;
    RtlZeroMemory(&Stack, sizeof(Stack));
    Stack.MinorFunction = Minor;
    return PnpSendIrp(Node->PhysicalDeviceObject, &Stack, NULL);
}

NTSTATUS PnpQueryRelations(PDEVICE_NODE Node, DEVICE_RELATION_TYPE Type, PDEVICE_RELATIONS *Relations)
{
    IO_STACK_LOCATION Stack;
    ULONG_PTR Information = 0;
    NTSTATUS Status;
    RtlZeroMemory(&Stack, sizeof(Stack));
    Stack.MinorFunction = IRP_MN_QUERY_DEVICE_RELATIONS;
    Stack.Parameters.QueryDeviceRelations.Type = Type;
    Status = PnpSendIrp(Node->PhysicalDeviceObject, &Stack, &Information);
    *Relations = NT_SUCCESS(Status) ? (PDEVICE_RELATIONS)Information : NULL;
    return Status;
}

NTSTATUS PnpQueryId(PDEVICE_NODE Node, BUS_QUERY_ID_TYPE Type, PWSTR *Id)
{
    IO_STACK_LOCATION Stack;
    ULONG_PTR Information = 0;
    NTSTATUS Status;
    RtlZeroMemory(&Stack, sizeof(Stack));
    Stack.MinorFunction = IRP_MN_QUERY_ID;
    Stack.Parameters.QueryId.IdType = Type;
    Status = PnpSendIrp(Node->PhysicalDeviceObject, &Stack, &Information);
    *Id = NT_SUCCESS(Status) ? (PWSTR)Information : NULL;
    return Status;
}

NTSTATUS PnpQueryText(PDEVICE_NODE Node, DEVICE_TEXT_TYPE Type, PWSTR *Text)
{
    IO_STACK_LOCATION Stack;
    ULONG_PTR Information = 0;
    NTSTATUS Status;
    RtlZeroMemory(&Stack, sizeof(Stack));
    Stack.MinorFunction = IRP_MN_QUERY_DEVICE_TEXT;
    Stack.Parameters.QueryDeviceText.DeviceTextType = Type;
    Stack.Parameters.QueryDeviceText.LocaleId = 0x409;
    Status = PnpSendIrp(Node->PhysicalDeviceObject, &Stack, &Information);
    *Text = NT_SUCCESS(Status) ? (PWSTR)Information : NULL;
    return Status;
}

NTSTATUS PnpQueryCapabilities(PDEVICE_NODE Node)
{
    IO_STACK_LOCATION Stack;
    DEVICE_CAPABILITIES Capabilities;
    NTSTATUS Status;
    RtlZeroMemory(&Stack, sizeof(Stack));
    RtlZeroMemory(&Capabilities, sizeof(Capabilities));
    Capabilities.Size = sizeof(Capabilities);
    Capabilities.Version = 1;
    Capabilities.Address = (ULONG)-1;
    Capabilities.UINumber = (ULONG)-1;
    Stack.MinorFunction = IRP_MN_QUERY_CAPABILITIES;
    Stack.Parameters.DeviceCapabilities.Capabilities = &Capabilities;
    Status = PnpSendIrp(Node->PhysicalDeviceObject, &Stack, NULL);
    if (NT_SUCCESS(Status)) {
        Node->Capabilities = Capabilities;
    }
    return Status;
}

NTSTATUS PnpStartStack(PDEVICE_NODE Node)
{
    IO_STACK_LOCATION Stack;
    RtlZeroMemory(&Stack, sizeof(Stack));
    Stack.MinorFunction = IRP_MN_START_DEVICE;
    Stack.Parameters.StartDevice.AllocatedResources = Node->RawResources;
    Stack.Parameters.StartDevice.AllocatedResourcesTranslated = Node->TranslatedResources;
    return PnpSendIrp(Node->PhysicalDeviceObject, &Stack, NULL);
}

NTSTATUS PnpQueryState(PDEVICE_NODE Node)
{
    IO_STACK_LOCATION Stack;
    ULONG_PTR Information = 0;
    NTSTATUS Status;
    RtlZeroMemory(&Stack, sizeof(Stack));
    Stack.MinorFunction = IRP_MN_QUERY_PNP_DEVICE_STATE;
    Status = PnpSendIrp(Node->PhysicalDeviceObject, &Stack, &Information);
    if (NT_SUCCESS(Status)) {
        Node->PnpState = (ULONG)Information;
    }
    return Status;
}
