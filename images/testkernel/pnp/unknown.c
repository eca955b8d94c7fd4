/* SPDX-License-Identifier: MIT */
/*
 * As Driver Verifier does: after each start a PnP, a power and a WMI IRP with a minor code that nobody knows must come back untouched.
 * https://learn.microsoft.com/windows-hardware/drivers/devtest/enhanced-i-o-verification
 */
#include "pnp/internal.h"

#define NOBODY_KNOWS 0xFF

static VOID Send(PDEVICE_NODE Node, UCHAR Major, PCSTR Name)
{
    IO_STACK_LOCATION Stack;
    ULONG_PTR Information = 0;
    PDEVICE_OBJECT Completer = NULL;
    PDRIVER_OBJECT Driver;
    NTSTATUS Status;
    RtlZeroMemory(&Stack, sizeof(Stack));
    Stack.MajorFunction = Major;
    Stack.MinorFunction = NOBODY_KNOWS;
    Status = PnpSendIrpTo(Node->PhysicalDeviceObject, &Stack, &Information, &Completer);
    /* A driver above the bus driver that changed them was caught when it passed the IRP down (io/sendcheck.c). */
    if (Status == STATUS_NOT_SUPPORTED && Information == 0) {
        return;
    }
    Driver = Completer ? Completer->DriverObject : Node->PhysicalDeviceObject->DriverObject;
    IoStopRule(Status == STATUS_NOT_SUPPORTED ? 0x214
               : Major == IRP_MJ_POWER        ? 0x23B
                                              : 0x213,
               (PVOID)Driver->MajorFunction[Major], NULL, Completer,
               "%wZ changed the %s of a %s IRP that it cannot know (minor 0xff) to 0x%I64x: leave unknown IRPs as they "
               "are",
               &Driver->DriverName, Status != STATUS_NOT_SUPPORTED ? "status" : "information", Name,
               Status != STATUS_NOT_SUPPORTED ? (ULONG64)(ULONG)Status : (ULONG64)Information);
}

VOID PnpSendUnknown(PDEVICE_NODE Node)
{
    Send(Node, IRP_MJ_PNP, "PnP");
    Send(Node, IRP_MJ_POWER, "power");
    Send(Node, IRP_MJ_SYSTEM_CONTROL, "WMI");
}
