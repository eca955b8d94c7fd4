/* SPDX-License-Identifier: MIT */
/*
 * I/O timers: a routine that is called once a second at DISPATCH_LEVEL while the timer is started.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/using-iotimer-routines--as-dpcs
 */
#include "io/io.h"

struct _IO_TIMER {
    PDEVICE_OBJECT DeviceObject;
    PIO_TIMER_ROUTINE Routine;
    PVOID Context;
    KTIMER Timer;
    KDPC Dpc;
};

static VOID NTAPI Tick(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    PIO_TIMER Timer = Context;
    Timer->Routine(Timer->DeviceObject, Timer->Context);
}

NTSTATUS NTAPI IoInitializeTimer(PDEVICE_OBJECT DeviceObject, PIO_TIMER_ROUTINE TimerRoutine, PVOID Context)
{
    PIO_TIMER Timer;
    if (DeviceObject->Timer) {
        IoStop(DRIVER_VERIFIER_IOMANAGER_VIOLATION_CODE, 0x0A, (ULONG_PTR)DeviceObject, 0, 0, _ReturnAddress(),
               "IoInitializeTimer of a device object whose timer is already initialised");
    }
    Timer = ExAllocatePoolWithTag(NonPagedPool, sizeof(*Timer), IO_TAG);
    if (!Timer) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Timer->DeviceObject = DeviceObject;
    Timer->Routine = TimerRoutine;
    Timer->Context = Context;
    KeInitializeTimer(&Timer->Timer);
    KeInitializeDpc(&Timer->Dpc, Tick, Timer);
    DeviceObject->Timer = Timer;
    return STATUS_SUCCESS;
}

VOID NTAPI IoStartTimer(PDEVICE_OBJECT DeviceObject)
{
    LARGE_INTEGER Due;
    Due.QuadPart = -10000000LL;
    KeSetTimerEx(&DeviceObject->Timer->Timer, Due, 1000, &DeviceObject->Timer->Dpc);
}

VOID NTAPI IoStopTimer(PDEVICE_OBJECT DeviceObject)
{
    KeCancelTimer(&DeviceObject->Timer->Timer);
    KeRemoveQueueDpc(&DeviceObject->Timer->Dpc);
}
