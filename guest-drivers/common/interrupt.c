/* SPDX-License-Identifier: MIT */
/* Source: Microsoft, "Using the CONNECT_MESSAGE_BASED Version of IoConnectInterruptEx". */
#include "interrupt.h"

/* The message number is not looked at: the device's pending register says who it was for, also when several clients share one message. */
static BOOLEAN NTAPI MessageService(PKINTERRUPT Interrupt, PVOID Context, ULONG MessageId)
{
    PINTERRUPT interrupt = (PINTERRUPT)Context;

    UNREFERENCED_PARAMETER(Interrupt);
    UNREFERENCED_PARAMETER(MessageId);
    return interrupt->Service(interrupt->Context);
}

static BOOLEAN NTAPI LineService(PKINTERRUPT Interrupt, PVOID Context)
{
    PINTERRUPT interrupt = (PINTERRUPT)Context;

    UNREFERENCED_PARAMETER(Interrupt);
    return interrupt->Service(interrupt->Context);
}

NTSTATUS ConnectInterrupt(PINTERRUPT Interrupt, PDEVICE_OBJECT Pdo, INTERRUPT_SERVICE Service, PVOID Context)
{
    IO_CONNECT_INTERRUPT_PARAMETERS parameters;
    NTSTATUS status;

    RtlZeroMemory(&parameters, sizeof(parameters));
    KeInitializeSpinLock(&Interrupt->Lock);
    Interrupt->Service = Service;
    Interrupt->Context = Context;
    parameters.Version = CONNECT_MESSAGE_BASED;
    parameters.MessageBased.PhysicalDeviceObject = Pdo;
    parameters.MessageBased.ConnectionContext.Generic = &Interrupt->Connection.Generic;
    parameters.MessageBased.MessageServiceRoutine = MessageService;
    parameters.MessageBased.FallBackServiceRoutine = LineService;
    parameters.MessageBased.ServiceContext = Interrupt;
    parameters.MessageBased.SpinLock = &Interrupt->Lock;
    status = IoConnectInterruptEx(&parameters);
    /* Version comes back as what was connected: messages, or the line by the fallback routine. */
    Interrupt->Version = NT_SUCCESS(status) ? parameters.Version : 0;
    return status;
}

VOID DisconnectInterrupt(PINTERRUPT Interrupt)
{
    IO_DISCONNECT_INTERRUPT_PARAMETERS parameters;

    if (Interrupt->Version == 0) {
        return;
    }
    parameters.Version = Interrupt->Version;
    parameters.ConnectionContext.Generic = Interrupt->Connection.Generic;
    IoDisconnectInterruptEx(&parameters);
    Interrupt->Version = 0;
}

BOOLEAN SynchronizeWithInterrupt(PINTERRUPT Interrupt, PKSYNCHRONIZE_ROUTINE Routine, PVOID Context)
{
    PKINTERRUPT object;

    if (Interrupt->Version == 0) {
        return Routine(Context);
    }
    object = Interrupt->Version == CONNECT_MESSAGE_BASED
                 ? Interrupt->Connection.Messages->MessageInfo[0].InterruptObject
                 : Interrupt->Connection.Line;
    return KeSynchronizeExecution(object, Routine, Context);
}
