/* SPDX-License-Identifier: MIT */
/*
 * Idle detection: a device that its driver has not reported busy for the time that it registered is sent to the power state that it
 * registered (Microsoft, "PoRegisterDeviceForIdleDetection"). The performance time counts: this machine is always on mains power.
 */
#include "po/po.h"

typedef struct _IDLE {
    LIST_ENTRY Link;
    PDEVICE_OBJECT Device;
    ULONG Counter; /* seconds since the driver last cleared it (PoSetDeviceBusy) */
    LONG Busy;     /* PoStartDeviceBusy calls outstanding */
    ULONG Limit;
    DEVICE_POWER_STATE State;
    BOOLEAN Sent;
} IDLE;

static LIST_ENTRY Devices = {&Devices, &Devices};
static KSPIN_LOCK Lock;
static KTIMER Timer;
static KDPC Dpc;
static BOOLEAN Running;

static IDLE *Find(PDEVICE_OBJECT Device)
{
    for (PLIST_ENTRY e = Devices.Flink; e != &Devices; e = e->Flink) {
        IDLE *idle = CONTAINING_RECORD(e, IDLE, Link);

        if (idle->Device == Device)
            return idle;
    }
    return NULL;
}

/* Once a second; the spin lock is dropped around the request, whose driver may register from it. */
static VOID NTAPI Scan(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    IDLE *due;

    do {
        POWER_STATE state = {.DeviceState = PowerDeviceUnspecified};
        PDEVICE_OBJECT device = NULL;

        due = NULL;
        KeAcquireSpinLockAtDpcLevel(&Lock);
        for (PLIST_ENTRY e = Devices.Flink; e != &Devices && due == NULL; e = e->Flink) {
            IDLE *idle = CONTAINING_RECORD(e, IDLE, Link);

            if (idle->Counter >= idle->Limit && !idle->Sent && idle->Busy == 0)
                due = idle;
        }
        if (due != NULL) {
            due->Sent = TRUE;
            device = due->Device;
            state.DeviceState = due->State;
            ObReferenceObject(device);
        } else {
            for (PLIST_ENTRY e = Devices.Flink; e != &Devices; e = e->Flink) {
                IDLE *idle = CONTAINING_RECORD(e, IDLE, Link);

                if (idle->Counter == 0)
                    idle->Sent = FALSE; /* it was used again */
                idle->Counter++;
            }
        }
        KeReleaseSpinLockFromDpcLevel(&Lock);
        if (due != NULL) {
            PoRequestPowerIrp(device, IRP_MN_SET_POWER, state, NULL, NULL, NULL);
            ObDereferenceObject(device);
        }
    } while (due != NULL);
}

/* "WDM supports this feature for devices of type FILE_DEVICE_DISK and FILE_DEVICE_MASS_STORAGE": the time-out -1, the class's own. */
static BOOLEAN HasClassTime(PDEVICE_OBJECT Device)
{
    return Device->DeviceType == FILE_DEVICE_DISK || Device->DeviceType == FILE_DEVICE_MASS_STORAGE;
}

VOID PoForgetDevice(PDEVICE_OBJECT Device)
{
    IDLE *idle;
    KIRQL irql;

    KeAcquireSpinLock(&Lock, &irql);
    idle = Find(Device);
    if (idle != NULL)
        RemoveEntryList(&idle->Link);
    KeReleaseSpinLock(&Lock, irql);
    if (idle != NULL)
        ExFreePoolWithTag(idle, PO_TAG);
}

/*
 * IRQL <= APC_LEVEL. Both times zero: end the detection. Returns the counter that PoSetDeviceBusy clears; NULL when detection ended or failed, and for
 * the time-out -1 of a device whose type has no time of its own. The storage classes' own time is "never" here.
 */
PULONG NTAPI PoRegisterDeviceForIdleDetection(PDEVICE_OBJECT DeviceObject, ULONG ConservationIdleTime,
                                              ULONG PerformanceIdleTime, DEVICE_POWER_STATE State)
{
    LARGE_INTEGER second = {.QuadPart = -10000000};
    BOOLEAN start = FALSE, end = ConservationIdleTime == 0 && PerformanceIdleTime == 0;
    IDLE *fresh, *idle;
    KIRQL irql;

    if ((ConservationIdleTime == (ULONG)-1 || PerformanceIdleTime == (ULONG)-1) && !HasClassTime(DeviceObject))
        return NULL;
    fresh = end ? NULL : ExAllocatePoolWithTag(NonPagedPool, sizeof(*fresh), PO_TAG);
    KeAcquireSpinLock(&Lock, &irql);
    idle = Find(DeviceObject);
    if (end && idle != NULL) {
        RemoveEntryList(&idle->Link);
    } else if (!end && idle == NULL && fresh != NULL) {
        idle = fresh;
        fresh = NULL;
        RtlZeroMemory(idle, sizeof(*idle));
        idle->Device = DeviceObject;
        InsertTailList(&Devices, &idle->Link);
        start = !Running;
        Running = TRUE;
    }
    if (!end && idle != NULL) {
        idle->Counter = 0;
        idle->Limit = PerformanceIdleTime == 0 || PerformanceIdleTime == (ULONG)-1 ? 0xFFFFFFFF : PerformanceIdleTime;
        idle->State = State;
        idle->Sent = FALSE;
    }
    KeReleaseSpinLock(&Lock, irql);
    if (fresh != NULL)
        ExFreePoolWithTag(fresh, PO_TAG);
    if (end) {
        if (idle != NULL)
            ExFreePoolWithTag(idle, PO_TAG);
        return NULL;
    }
    if (start) {
        KeInitializeTimer(&Timer);
        KeInitializeDpc(&Dpc, Scan, NULL);
        KeSetTimerEx(&Timer, second, 1000, &Dpc);
    }
    return idle != NULL ? &idle->Counter : NULL;
}

/* Any IRQL. The same as the macro PoSetDeviceBusy. */
VOID NTAPI PoSetDeviceBusyEx(PULONG IdlePointer)
{
    *IdlePointer = 0;
}

VOID NTAPI PoStartDeviceBusy(PULONG IdlePointer)
{
    *IdlePointer = 0;
    InterlockedIncrement(&CONTAINING_RECORD(IdlePointer, IDLE, Counter)->Busy);
}

VOID NTAPI PoEndDeviceBusy(PULONG IdlePointer)
{
    *IdlePointer = 0;
    InterlockedDecrement(&CONTAINING_RECORD(IdlePointer, IDLE, Counter)->Busy);
}
