/* SPDX-License-Identifier: MIT */
/*
 * io/interrupt.c - connects service routines to the interrupts that a device was given: IoConnectInterrupt[Ex] in all its forms
 * (Microsoft, "Using IoConnectInterruptEx"). The interrupt stays masked at its source while nothing is connected.
 */
#include "kernel.h"
#include "hal/vector.h"
#include "io/verify.h"
#include "ke/interrupt.h"
#include "pci/pci.h"

#define INTERRUPT_TAG 0x746E4F49 /* "IOnt" */

typedef struct _CONNECTION {
    PKSERVICE_ROUTINE Routine;
    PKMESSAGE_SERVICE_ROUTINE MessageRoutine;
    PVOID Context;
    PKSPIN_LOCK Lock;
    KIRQL SynchronizeIrql;
    KINTERRUPT_MODE Mode;
    BOOLEAN Share;
    PVOID Caller;
} CONNECTION;

/* PASSIVE_LEVEL. One interrupt object on one vector. STATUS_INVALID_PARAMETER: no device vector, a SynchronizeIrql below the vector's,
 * or the vector is another driver's and one of the two does not share. */
static NTSTATUS ConnectVector(const CONNECTION *Connection, ULONG Vector, ULONG Message, PKINTERRUPT *Interrupt)
{
    KIRQL irql = HalVectorIrql(Vector);
    PKINTERRUPT object;

    if (irql < DEVICE_IRQL_LOW || irql > DEVICE_IRQL_HIGH || Connection->SynchronizeIrql < irql)
        return STATUS_INVALID_PARAMETER;
    object = ExAllocatePoolWithTag(NonPagedPool, sizeof(*object), INTERRUPT_TAG);
    if (object == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    KiInitializeInterrupt(object, Connection->Routine, Connection->MessageRoutine, Message, Connection->Context,
                          Connection->Lock, Vector, Connection->SynchronizeIrql, Connection->Mode, Connection->Share);
    object->Caller = Connection->Caller;
    if (!KiConnectInterrupt(object)) {
        ExFreePoolWithTag(object, INTERRUPT_TAG);
        return STATUS_INVALID_PARAMETER;
    }
    *Interrupt = object; /* before the first interrupt: the service routine may use it */
    PciMaskVector(Vector, FALSE);
    return STATUS_SUCCESS;
}

static VOID Disconnect(PKINTERRUPT Interrupt)
{
    ULONG vector = Interrupt->Vector;

    /* A line that others share stays open. */
    if (Interrupt->VectorLink.Flink == &Interrupt->VectorLink ||
        Interrupt->VectorLink.Flink == Interrupt->VectorLink.Blink)
        PciMaskVector(vector, TRUE);
    KiDisconnectInterrupt(Interrupt);
    ExFreePoolWithTag(Interrupt, INTERRUPT_TAG);
}

NTSTATUS NTAPI IoConnectInterrupt(PKINTERRUPT *InterruptObject, PKSERVICE_ROUTINE ServiceRoutine, PVOID ServiceContext,
                                  PKSPIN_LOCK SpinLock, ULONG Vector, KIRQL Irql, KIRQL SynchronizeIrql,
                                  KINTERRUPT_MODE InterruptMode, BOOLEAN ShareVector, KAFFINITY ProcessorEnableMask,
                                  BOOLEAN FloatingSave)
{
    CONNECTION connection = {.Routine = ServiceRoutine,
                             .Context = ServiceContext,
                             .Lock = SpinLock,
                             .SynchronizeIrql = SynchronizeIrql,
                             .Mode = InterruptMode,
                             .Share = ShareVector,
                             .Caller = _ReturnAddress()};

    *InterruptObject = NULL;
    if (ServiceRoutine == NULL || ProcessorEnableMask == 0 || Irql != HalVectorIrql(Vector))
        return STATUS_INVALID_PARAMETER;
    return ConnectVector(&connection, Vector, 0, InterruptObject);
}

VOID NTAPI IoDisconnectInterrupt(PKINTERRUPT InterruptObject)
{
    Disconnect(InterruptObject);
}

static NTSTATUS ConnectFullySpecified(PIO_CONNECT_INTERRUPT_PARAMETERS Parameters, PVOID Caller)
{
    PIO_CONNECT_INTERRUPT_FULLY_SPECIFIED_PARAMETERS p = &Parameters->FullySpecified;
    CONNECTION connection = {.Routine = p->ServiceRoutine,
                             .Context = p->ServiceContext,
                             .Lock = p->SpinLock,
                             .SynchronizeIrql = p->SynchronizeIrql,
                             .Mode = p->InterruptMode,
                             .Share = p->ShareVector,
                             .Caller = Caller};

    if (p->PhysicalDeviceObject == NULL || p->ServiceRoutine == NULL || p->ProcessorEnableMask == 0 ||
        p->Irql != HalVectorIrql(p->Vector) || (Parameters->Version == CONNECT_FULLY_SPECIFIED_GROUP && p->Group != 0))
        return STATUS_INVALID_PARAMETER;
    *p->InterruptObject = NULL;
    return ConnectVector(&connection, p->Vector, 0, p->InterruptObject);
}

static NTSTATUS ConnectLine(PDEVICE_OBJECT Pdo, CONNECTION *Connection, PKINTERRUPT *Interrupt)
{
    PCI_FUNCTION *function = PciFunctionOf(Pdo);

    if (function == NULL || function->Interrupt.Kind != PciInterruptLine)
        return STATUS_NOT_FOUND; /* the device has no line interrupt */
    Connection->Mode = LevelSensitive;
    Connection->Share = TRUE;
    if (Connection->SynchronizeIrql == 0)
        Connection->SynchronizeIrql = function->Interrupt.Irql;
    return ConnectVector(Connection, function->Interrupt.Vector[0], 0, Interrupt);
}

static NTSTATUS ConnectLineBased(PIO_CONNECT_INTERRUPT_PARAMETERS Parameters, PVOID Caller)
{
    PIO_CONNECT_INTERRUPT_LINE_BASED_PARAMETERS p = &Parameters->LineBased;
    CONNECTION connection = {.Routine = p->ServiceRoutine,
                             .Context = p->ServiceContext,
                             .Lock = p->SpinLock,
                             .SynchronizeIrql = p->SynchronizeIrql,
                             .Caller = Caller};

    if (p->PhysicalDeviceObject == NULL || p->ServiceRoutine == NULL)
        return STATUS_INVALID_PARAMETER;
    *p->InterruptObject = NULL;
    return ConnectLine(p->PhysicalDeviceObject, &connection, p->InterruptObject);
}

static VOID DisconnectTable(PIO_INTERRUPT_MESSAGE_INFO Table)
{
    for (ULONG i = 0; i < Table->MessageCount; i++) {
        if (Table->MessageInfo[i].InterruptObject != NULL)
            Disconnect(Table->MessageInfo[i].InterruptObject);
    }
    ExFreePoolWithTag(Table, INTERRUPT_TAG);
}

static NTSTATUS ConnectTable(PCI_FUNCTION *Function, CONNECTION *Connection, PIO_INTERRUPT_MESSAGE_INFO *Out)
{
    const PCI_INTERRUPT *interrupt = &Function->Interrupt;
    SIZE_T size = FIELD_OFFSET(IO_INTERRUPT_MESSAGE_INFO, MessageInfo) +
                  interrupt->Count * sizeof(IO_INTERRUPT_MESSAGE_INFO_ENTRY);
    PIO_INTERRUPT_MESSAGE_INFO table = ExAllocatePoolWithTag(NonPagedPool, size, INTERRUPT_TAG);
    NTSTATUS status = STATUS_SUCCESS;

    if (table == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    RtlZeroMemory(table, size);
    table->UnifiedIrql = Connection->SynchronizeIrql;
    table->MessageCount = interrupt->Count;
    Connection->Mode = Latched;
    for (ULONG i = 0; i < interrupt->Count; i++) {
        PIO_INTERRUPT_MESSAGE_INFO_ENTRY entry = &table->MessageInfo[i];
        ULONG vector = interrupt->Vector[i];

        PciDescribeMessage(Function, i, &entry->MessageAddress, &entry->MessageData);
        entry->TargetProcessorSet = 1;
        entry->Vector = vector;
        entry->Irql = HalVectorIrql(vector);
        entry->Mode = Latched;
        entry->Polarity = InterruptActiveHigh;
    }
    /* The caller's pointer is set before any message can come in. */
    *Out = table;
    for (ULONG i = 0; i < interrupt->Count && NT_SUCCESS(status); i++)
        status = ConnectVector(Connection, interrupt->Vector[i], i, &table->MessageInfo[i].InterruptObject);
    if (!NT_SUCCESS(status)) {
        DisconnectTable(table);
        *Out = NULL;
    }
    return status;
}

/* Falls back to the line when the device was given no messages and the driver has a routine for that; Version tells which. */
static NTSTATUS ConnectMessageBased(PIO_CONNECT_INTERRUPT_PARAMETERS Parameters, PVOID Caller)
{
    PIO_CONNECT_INTERRUPT_MESSAGE_BASED_PARAMETERS p = &Parameters->MessageBased;
    PCI_FUNCTION *function = PciFunctionOf(p->PhysicalDeviceObject);
    CONNECTION connection = {
        .Context = p->ServiceContext, .Lock = p->SpinLock, .SynchronizeIrql = p->SynchronizeIrql, .Caller = Caller};

    if (p->PhysicalDeviceObject == NULL || p->MessageServiceRoutine == NULL)
        return STATUS_INVALID_PARAMETER;
    *p->ConnectionContext.Generic = NULL;
    if (function == NULL || function->Interrupt.Kind == PciInterruptNone)
        return STATUS_NOT_FOUND;
    if (function->Interrupt.Kind == PciInterruptLine) {
        if (p->FallBackServiceRoutine == NULL)
            return STATUS_NOT_FOUND;
        connection.Routine = p->FallBackServiceRoutine;
        Parameters->Version = CONNECT_LINE_BASED;
        return ConnectLine(p->PhysicalDeviceObject, &connection, p->ConnectionContext.InterruptObject);
    }
    connection.MessageRoutine = p->MessageServiceRoutine;
    if (connection.SynchronizeIrql == 0)
        connection.SynchronizeIrql = function->Interrupt.Irql;
    return ConnectTable(function, &connection, p->ConnectionContext.InterruptMessageTable);
}

/* On STATUS_NOT_SUPPORTED Version is the newest that is supported. */
NTSTATUS NTAPI IoConnectInterruptEx(PIO_CONNECT_INTERRUPT_PARAMETERS Parameters)
{
    switch (Parameters->Version) {
    case CONNECT_FULLY_SPECIFIED:
    case CONNECT_FULLY_SPECIFIED_GROUP:
        return ConnectFullySpecified(Parameters, _ReturnAddress());
    case CONNECT_LINE_BASED:
        return ConnectLineBased(Parameters, _ReturnAddress());
    case CONNECT_MESSAGE_BASED:
        return ConnectMessageBased(Parameters, _ReturnAddress());
    default:
        Parameters->Version = CONNECT_FULLY_SPECIFIED_GROUP;
        return STATUS_NOT_SUPPORTED;
    }
}

VOID NTAPI IoDisconnectInterruptEx(PIO_DISCONNECT_INTERRUPT_PARAMETERS Parameters)
{
    if (Parameters->Version == CONNECT_MESSAGE_BASED)
        DisconnectTable(Parameters->ConnectionContext.InterruptMessageTable);
    else
        Disconnect(Parameters->ConnectionContext.InterruptObject);
}
