/* SPDX-License-Identifier: MIT */
/* What drivers tell the power manager: device states, wake sources, and that the system is in use. */
#include "po/po.h"
#include "io/io.h"
#include "kd/log.h"

volatile SYSTEM_POWER_STATE PopSystemState = PowerSystemWorking;

/*
 * IRQL <= DISPATCH_LEVEL. Reports a device power state: after the device is in it on the way up, before on the way down. Returns the
 * state from before (Microsoft, "PoSetPowerState").
 */
POWER_STATE NTAPI PoSetPowerState(PDEVICE_OBJECT DeviceObject, POWER_STATE_TYPE Type, POWER_STATE State)
{
    PDEVICE_NODE node = PnpDevnodeOfDeviceObject(DeviceObject);
    POWER_STATE old = {.DeviceState = PowerDeviceUnspecified};

    if (node == NULL)
        return old;
    if (Type == DevicePowerState) {
        old.DeviceState = node->DevicePowerState;
        node->DevicePowerState = State.DeviceState;
    } else {
        old.SystemState = node->SystemPowerState;
        node->SystemPowerState = State.SystemState;
    }
    return old;
}

/* IRQL <= DISPATCH_LEVEL. Marks a wait/wake IRP as the one that woke the system. */
VOID NTAPI PoSetSystemWake(PIRP Irp)
{
    PO_REQUEST *request;
    KIRQL irql;

    KeAcquireSpinLock(&PopLock, &irql);
    request = PopRequestOfIrp(Irp);
    if (request != NULL)
        request->SystemWake = TRUE;
    KeReleaseSpinLock(&PopLock, irql);
}

BOOLEAN NTAPI PoGetSystemWake(PIRP Irp)
{
    PO_REQUEST *request;
    BOOLEAN wake;
    KIRQL irql;

    KeAcquireSpinLock(&PopLock, &irql);
    request = PopRequestOfIrp(Irp);
    wake = request != NULL && request->SystemWake;
    KeReleaseSpinLock(&PopLock, irql);
    return wake;
}

/*
 * "The system is in use" only keeps Windows from sleeping by itself, which this kernel never does: it sleeps when it is told to, and
 * that is not refused for these (Microsoft, "PoRegisterSystemState").
 */
typedef struct _SYSTEM_STATE {
    EXECUTION_STATE Flags;
} SYSTEM_STATE;

PVOID NTAPI PoRegisterSystemState(PVOID StateHandle, EXECUTION_STATE Flags)
{
    SYSTEM_STATE *state = StateHandle;

    if (state == NULL)
        state = ExAllocatePoolWithTag(NonPagedPool, sizeof(*state), PO_TAG);
    if (state != NULL)
        state->Flags = Flags;
    return state;
}

VOID NTAPI PoUnregisterSystemState(PVOID StateHandle)
{
    ExFreePoolWithTag(StateHandle, PO_TAG);
}

/* Partial: the system never becomes idle by itself, so there is nothing to hold off. */
VOID NTAPI PoSetSystemState(EXECUTION_STATE Flags)
{
}

/* Power requests (PoCreatePowerRequest ...): counted, for the same reason. */
typedef struct _AVAILABILITY {
    LONG Counts[4]; /* display, system, away mode, execution */
} AVAILABILITY;

NTSTATUS NTAPI PoCreatePowerRequest(PVOID *PowerRequest, PDEVICE_OBJECT DeviceObject, PCOUNTED_REASON_CONTEXT Context)
{
    *PowerRequest = ExAllocatePoolWithTag(NonPagedPool, sizeof(AVAILABILITY), PO_TAG);
    if (*PowerRequest == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    RtlZeroMemory(*PowerRequest, sizeof(AVAILABILITY));
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI PoSetPowerRequest(PVOID PowerRequest, POWER_REQUEST_TYPE Type)
{
    if ((ULONG)Type >= COUNT_OF(((AVAILABILITY *)PowerRequest)->Counts))
        return STATUS_INVALID_PARAMETER;
    InterlockedIncrement(&((AVAILABILITY *)PowerRequest)->Counts[Type]);
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI PoClearPowerRequest(PVOID PowerRequest, POWER_REQUEST_TYPE Type)
{
    if ((ULONG)Type >= COUNT_OF(((AVAILABILITY *)PowerRequest)->Counts))
        return STATUS_INVALID_PARAMETER;
    if (InterlockedDecrement(&((AVAILABILITY *)PowerRequest)->Counts[Type]) < 0) {
        InterlockedIncrement(&((AVAILABILITY *)PowerRequest)->Counts[Type]);
        return STATUS_UNSUCCESSFUL;
    }
    return STATUS_SUCCESS;
}

VOID NTAPI PoDeletePowerRequest(PVOID PowerRequest)
{
    ExFreePoolWithTag(PowerRequest, PO_TAG);
}

/* IRQL <= DISPATCH_LEVEL. TRUE while a power IRP of the stack runs under the watchdog. */
BOOLEAN NTAPI PoQueryWatchdogTime(PDEVICE_OBJECT Pdo, PULONG SecondsRemaining)
{
    BOOLEAN found = FALSE;
    KIRQL irql;

    KeAcquireSpinLock(&PopLock, &irql);
    for (PLIST_ENTRY e = PopRequests.Flink; e != &PopRequests && !found; e = e->Flink) {
        PO_REQUEST *request = CONTAINING_RECORD(e, PO_REQUEST, Link);
        LONGLONG left = request->Timer.DueTime.QuadPart - (LONGLONG)KeQueryUnbiasedInterruptTime();

        if (request->Pdo == Pdo && request->Minor != IRP_MN_WAIT_WAKE) {
            *SecondsRemaining = left > 0 ? (ULONG)(left / 10000000) : 0;
            found = TRUE;
        }
    }
    KeReleaseSpinLock(&PopLock, irql);
    return found;
}
