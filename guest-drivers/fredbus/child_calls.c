/* SPDX-License-Identifier: MIT */
/*
 * The direct-call interface (fred_interface.h) and the other things that are done to a slot. All of them under the bus's HardwareLock, which says
 * whether the controller has power and whether the slot still holds this very child.
 *
 * A child's function driver may call as long as it holds the interface, also after its PDO has been reported missing: the PDO's device object is
 * referenced with the interface, so the extension stays.
 */
#include "fredbus.h"

/* May the slot's registers be touched on behalf of Child? HardwareLock held. */
static NTSTATUS Reachable(PCHILD Child)
{
    if (Child->Gone) {
        return STATUS_NO_SUCH_DEVICE;
    }
    return Child->Bus->Powered ? STATUS_SUCCESS : STATUS_DEVICE_POWERED_OFF;
}

VOID ChildSwitch(PCHILD Child, BOOLEAN On)
{
    PBUS bus = Child->Bus;
    KIRQL irql;

    KeAcquireSpinLock(&bus->HardwareLock, &irql);
    if (NT_SUCCESS(Reachable(Child)) && !MUTANT(FREDBUS_FORGETS_TO_SWITCH_ON)) {
        bus->Slots->Switch(bus, Child->Slot, On);
    }
    Child->Powered = On;
    KeReleaseSpinLock(&bus->HardwareLock, irql);
}

VOID ChildAnswerEject(PCHILD Child, BOOLEAN Eject)
{
    PBUS bus = Child->Bus;
    KIRQL irql;

    KeAcquireSpinLock(&bus->HardwareLock, &irql);
    if (NT_SUCCESS(Reachable(Child))) {
        bus->Slots->AnswerEject(bus, Child->Slot, Eject);
    }
    KeReleaseSpinLock(&bus->HardwareLock, irql);
}

/* Done is called with the lock held: that is what lets SetDone promise that the former function is not running when it returns. */
VOID ChildWorkDone(PBUS Bus, ULONG Slot)
{
    KIRQL irql;
    PCHILD child;

    KeAcquireSpinLock(&Bus->HardwareLock, &irql);
    child = Bus->BySlot[Slot];
    if (child != NULL && child->Done != NULL) {
        child->Done(child->DoneContext);
    }
    KeReleaseSpinLock(&Bus->HardwareLock, irql);
}

static VOID NTAPI InterfaceReference(PVOID Context)
{
    PCHILD child = (PCHILD)Context;

    InterlockedIncrement(&child->InterfaceReferences);
    ObReferenceObject(child->Self);
}

static VOID NTAPI InterfaceDereference(PVOID Context)
{
    PCHILD child = (PCHILD)Context;

    InterlockedDecrement(&child->InterfaceReferences);
    ObDereferenceObject(child->Self);
}

static VOID NTAPI GetInfo(PVOID Context, FRED_CHILD_INFO *Info)
{
    PCHILD child = (PCHILD)Context;

    Info->Slot = child->Slot;
    Info->Kind = child->Content.Kind;
    Info->Serial = child->Content.Serial;
    Info->Property = child->Property;
    Info->Colour = child->Colour;
}

static VOID NTAPI SetDone(PVOID Context, FRED_WORK_DONE *Done, PVOID DoneContext)
{
    PCHILD child = (PCHILD)Context;
    KIRQL irql;

    KeAcquireSpinLock(&child->Bus->HardwareLock, &irql);
    child->Done = Done;
    child->DoneContext = DoneContext;
    KeReleaseSpinLock(&child->Bus->HardwareLock, irql);
}

static NTSTATUS NTAPI StartWork(PVOID Context, ULONG Microseconds)
{
    PCHILD child = (PCHILD)Context;
    NTSTATUS status;
    KIRQL irql;

    KeAcquireSpinLock(&child->Bus->HardwareLock, &irql);
    status = Reachable(child);
    if (NT_SUCCESS(status) && !child->Powered) {
        status = STATUS_DEVICE_POWERED_OFF;
    }
    if (NT_SUCCESS(status)) {
        child->Bus->Slots->StartWork(child->Bus, child->Slot, Microseconds);
    }
    KeReleaseSpinLock(&child->Bus->HardwareLock, irql);
    return status;
}

static NTSTATUS NTAPI GetWorkCount(PVOID Context, ULONG *Count)
{
    PCHILD child = (PCHILD)Context;
    NTSTATUS status;
    KIRQL irql;

    KeAcquireSpinLock(&child->Bus->HardwareLock, &irql);
    status = Reachable(child);
    if (NT_SUCCESS(status)) {
        *Count = child->Bus->Slots->WorkCount(child->Bus, child->Slot);
    }
    KeReleaseSpinLock(&child->Bus->HardwareLock, irql);
    return status;
}

NTSTATUS ChildQueryInterface(PCHILD Child, PIO_STACK_LOCATION Stack, NTSTATUS Status)
{
    FRED_CHILD_INTERFACE *calls = (FRED_CHILD_INTERFACE *)Stack->Parameters.QueryInterface.Interface;

    if (!IsEqualGUID(Stack->Parameters.QueryInterface.InterfaceType, &GUID_FRED_CHILD_INTERFACE)) {
        if (MUTANT(FREDBUS_HAS_EVERY_INTERFACE)) {
            return STATUS_SUCCESS;
        }
        return Status;
    }
    if (Stack->Parameters.QueryInterface.Version != FRED_CHILD_INTERFACE_VERSION ||
        Stack->Parameters.QueryInterface.Size < sizeof(*calls)) {
        return STATUS_INVALID_PARAMETER;
    }
    calls->Header.Size = sizeof(*calls);
    calls->Header.Version = FRED_CHILD_INTERFACE_VERSION;
    calls->Header.Context = Child;
    calls->Header.InterfaceReference = InterfaceReference;
    calls->Header.InterfaceDereference = InterfaceDereference;
    calls->GetInfo = GetInfo;
    calls->SetDone = SetDone;
    calls->StartWork = StartWork;
    calls->GetWorkCount = GetWorkCount;
    if (!MUTANT(FREDBUS_DOES_NOT_REFERENCE_INTERFACE)) {
        InterfaceReference(Child);
    }
    return STATUS_SUCCESS;
}
