/* SPDX-License-Identifier: MIT */
/*
 * Reinitialization: a routine that is called once more after DriverEntry, and as often as it registers itself again.
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-ioregisterdriverreinitialization
 */
#include "io/driver.h"
#include "io/io.h"

typedef struct _REINITIALIZATION {
    LIST_ENTRY Link;
    PDRIVER_OBJECT Driver;
    PDRIVER_REINITIALIZE Routine;
    PVOID Context;
} REINITIALIZATION, *PREINITIALIZATION;

static LIST_ENTRY Registered = {&Registered, &Registered};
static KSPIN_LOCK Lock;

static VOID Register(PDRIVER_OBJECT DriverObject, PDRIVER_REINITIALIZE Routine, PVOID Context)
{
    PREINITIALIZATION New;
    KIRQL Irql;
    New = ExAllocatePoolWithTag(NonPagedPool, sizeof(*New), IO_TAG);
    if (!New) {
        return; /* there is no way to say so, on Windows neither */
    }
    New->Driver = DriverObject;
    New->Routine = Routine;
    New->Context = Context;
    KeAcquireSpinLock(&Lock, &Irql);
    InsertTailList(&Registered, &New->Link);
    KeReleaseSpinLock(&Lock, Irql);
}

/* PASSIVE_LEVEL, from DriverEntry or from the routine itself. */
VOID NTAPI IoRegisterDriverReinitialization(PDRIVER_OBJECT DriverObject,
                                            PDRIVER_REINITIALIZE DriverReinitializationRoutine, PVOID Context)
{
    Register(DriverObject, DriverReinitializationRoutine, Context);
}

/* As the other one: every driver is a boot driver here. */
VOID NTAPI IoRegisterBootDriverReinitialization(PDRIVER_OBJECT DriverObject,
                                                PDRIVER_REINITIALIZE DriverReinitializationRoutine, PVOID Context)
{
    Register(DriverObject, DriverReinitializationRoutine, Context);
}

static PREINITIALIZATION Take(PDRIVER_OBJECT DriverObject)
{
    PREINITIALIZATION Found = NULL;
    KIRQL Irql;
    KeAcquireSpinLock(&Lock, &Irql);
    for (PLIST_ENTRY Entry = Registered.Flink; Entry != &Registered && !Found; Entry = Entry->Flink) {
        PREINITIALIZATION One = CONTAINING_RECORD(Entry, REINITIALIZATION, Link);
        Found = One->Driver == DriverObject ? One : NULL;
    }
    if (Found) {
        RemoveEntryList(&Found->Link);
    }
    KeReleaseSpinLock(&Lock, Irql);
    return Found;
}

VOID IopReinitialize(PDRIVER_OBJECT DriverObject, BOOLEAN Call)
{
    PREINITIALIZATION One;
    while ((One = Take(DriverObject)) != NULL) {
        if (Call) {
            One->Routine(DriverObject, One->Context, ++DriverObject->DriverExtension->Count);
        }
        ExFreePoolWithTag(One, IO_TAG);
    }
}
