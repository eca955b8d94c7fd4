/* SPDX-License-Identifier: MIT */
/* The function driver of a Fred Bus child: reaches its hardware only through the bus driver's direct-call interface. */
#include "fred_child.h"
#include "function_device.h"
#include "exerciser.h"
#include "irp.h"
#include "buddy_ioctl.h"

/* Work that has not ended after this time has lost its interrupt: 2 s, in units of 100 ns, relative. */
#define WORK_TIME_LIMIT (-2000 * 10000LL)
/* Every so many pieces of work a trace line. */
#define TRACE_EVERY 16

typedef struct _FRED_CHILD {
    FUNCTION_DEVICE Function; /* first */
    FRED_CHILD_INTERFACE Bus; /* between AcquireResources and ReleaseResources */
    FRED_CHILD_INFO Info;
    HARDWARE_GATE Gate; /* open while the child is in D0 */
    EXERCISER Exerciser;
    KEVENT Done; /* synchronization */
} FRED_CHILD, *PFRED_CHILD;

static PFRED_CHILD FredChild(PFUNCTION_DEVICE Device)
{
    return (PFRED_CHILD)Device;
}

/* DISPATCH_LEVEL. */
static VOID NTAPI WorkDone(PVOID Context)
{
    KeSetEvent(&((PFRED_CHILD)Context)->Done, IO_NO_INCREMENT, FALSE);
}

/* One piece of work, from start to interrupt. Inside the gate, PASSIVE_LEVEL. */
static VOID Work(PEXERCISER Exerciser, PVOID Context)
{
    PFRED_CHILD child = (PFRED_CHILD)Context;
    PVOID events[] = {&child->Done, &child->Gate.Closing};
    LARGE_INTEGER limit = {.QuadPart = WORK_TIME_LIMIT};
    NTSTATUS status;
    ULONG count;

    KeClearEvent(&child->Done);
    status = child->Bus.StartWork(child->Bus.Header.Context, WorkMicroseconds(&child->Info, Exerciser->Round));
    if (!NT_SUCCESS(status)) {
        ExerciserCount(Exerciser, FALSE);
        return;
    }
    status = KeWaitForMultipleObjects(2, events, WaitAny, Executive, KernelMode, FALSE, &limit, NULL);
    if (status == STATUS_WAIT_1) {
        return; /* power is going: the work is lost, which is nobody's error */
    }
    ExerciserCount(Exerciser, status == STATUS_WAIT_0);
    if (status == STATUS_WAIT_0 && Exerciser->Round % TRACE_EVERY == 0 &&
        NT_SUCCESS(child->Bus.GetWorkCount(child->Bus.Header.Context, &count))) {
        Trace("work-done count=%u device=%u", count, child->Function.Number);
    }
}

enum { SettingTraceDetail, SettingAutoStart, SettingCount };

static const SETTING Settings[] = {
    [SettingTraceDetail] = TRACE_DETAIL_SETTING,
    [SettingAutoStart] = {L"ExerciseAtStart", 0, 1},
};

static NTSTATUS Initialize(PFUNCTION_DEVICE Device)
{
    PFRED_CHILD child = FredChild(Device);

    GateInitialize(&child->Gate);
    ExerciserInitialize(&child->Exerciser, &child->Gate, Work, child);
    KeInitializeEvent(&child->Done, SynchronizationEvent, FALSE);
    return STATUS_SUCCESS;
}

static VOID Started(PFUNCTION_DEVICE Device)
{
    if (Device->Settings[SettingAutoStart]) {
        ExerciserStart(&FredChild(Device)->Exerciser, BUDDY_PATTERN_MIXED);
    }
}

static VOID Uninitialize(PFUNCTION_DEVICE Device)
{
    ExerciserStop(&FredChild(Device)->Exerciser);
}

/* The only resource is the bus driver's interface. */
static NTSTATUS AcquireResources(PFUNCTION_DEVICE Device, PCM_RESOURCE_LIST Raw, PCM_RESOURCE_LIST Translated)
{
    PFRED_CHILD child = FredChild(Device);
    NTSTATUS status = QueryInterface(Device->Lower, &GUID_FRED_CHILD_INTERFACE, sizeof(child->Bus),
                                     FRED_CHILD_INTERFACE_VERSION, &child->Bus.Header);

    UNREFERENCED_PARAMETER(Raw);
    UNREFERENCED_PARAMETER(Translated);
    if (NT_SUCCESS(status)) {
        child->Bus.GetInfo(child->Bus.Header.Context, &child->Info);
    }
    return status;
}

static VOID ReleaseResources(PFUNCTION_DEVICE Device)
{
    PFRED_CHILD child = FredChild(Device);

    child->Bus.Header.InterfaceDereference(child->Bus.Header.Context);
}

static VOID PowerUp(PFUNCTION_DEVICE Device)
{
    PFRED_CHILD child = FredChild(Device);

    InterlockedIncrement(&child->Exerciser.PowerUps);
    child->Bus.SetDone(child->Bus.Header.Context, WorkDone, child);
    GateOpen(&child->Gate);
}

static VOID PowerDown(PFUNCTION_DEVICE Device, POWER_DOWN_REASON Reason)
{
    PFRED_CHILD child = FredChild(Device);

    UNREFERENCED_PARAMETER(Reason);
    GateCloseAndWait(&child->Gate);
    child->Bus.SetDone(child->Bus.Header.Context, NULL, NULL);
    InterlockedIncrement(&child->Exerciser.PowerDowns);
}

static NTSTATUS DeviceControl(PFUNCTION_DEVICE Device, ULONG Code, PVOID Buffer, ULONG InputLength, ULONG OutputLength,
                              ULONG_PTR *Information)
{
    return ExerciserControl(&FredChild(Device)->Exerciser, Code, Buffer, InputLength, OutputLength, Information);
}

const FUNCTION_OPERATIONS FunctionOperations = {
    .ExtensionSize = sizeof(FRED_CHILD),
    .DeviceType = FILE_DEVICE_UNKNOWN,
    .InterfaceClass = &GUID_DEVINTERFACE_FRED_CHILD,
    .Settings = Settings,
    .SettingCount = SettingCount,
    .Initialize = Initialize,
    .Started = Started,
    .Uninitialize = Uninitialize,
    .AcquireResources = AcquireResources,
    .ReleaseResources = ReleaseResources,
    .PowerUp = PowerUp,
    .PowerDown = PowerDown,
    .DeviceControl = DeviceControl,
};

SECTION_INIT NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    return FunctionDriverEntry(DriverObject, RegistryPath);
}
