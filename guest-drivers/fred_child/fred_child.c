/* SPDX-License-Identifier: MIT */
/* The function driver of a Fred Bus child: reaches its hardware only through the bus driver's direct-call interface. */
#include "fred_child.h"
#include "function_device.h"
#include "exerciser.h"
#include "irp.h"
#include "buddy_ioctl.h"

/* Work that has not ended after this time has lost its interrupt: 2 s, in units of 100 ns, relative. */
#define WORK_TIME_LIMIT (-2000 * 10000LL)
/* The longest self-test: 10 s, in microseconds. */
#define MAX_SELF_TEST 10000000
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
    if (status == STATUS_WAIT_0) {
        status =
            child->Bus.GetWorkCount(child->Bus.Header.Context, &count); /* an error: woken because the child has gone */
    } else {
        status = STATUS_IO_TIMEOUT;
    }
    ExerciserCount(Exerciser, NT_SUCCESS(status));
    if (NT_SUCCESS(status) && Exerciser->Round % TRACE_EVERY == 0) {
        Trace("work-done count=%u device=%u", count, child->Function.Number);
    }
}

enum { SettingTraceDetail, SettingAutoStart, SettingFailStart, SettingSelfTest, SettingCount };

static const SETTING Settings[] = {
    [SettingTraceDetail] = TRACE_DETAIL_SETTING,
    [SettingAutoStart] = {L"ExerciseAtStart", 0, 1},
    [SettingFailStart] = {L"FailStart", 0, 1},
    [SettingSelfTest] = {L"SelfTest", 0, MAX_SELF_TEST},
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

static VOID ReleaseResources(PFUNCTION_DEVICE Device)
{
    PFRED_CHILD child = FredChild(Device);

    child->Bus.Header.InterfaceDereference(child->Bus.Header.Context);
}

/* One piece of work before the device is started; the child may be pulled out while it lasts. PASSIVE_LEVEL. */
static NTSTATUS SelfTest(PFRED_CHILD Child, ULONG Microseconds)
{
    LARGE_INTEGER limit = {.QuadPart = WORK_TIME_LIMIT - 10LL * Microseconds};
    ULONG count;
    NTSTATUS status;

    Trace("self-test device=%u", Child->Function.Number);
    KeClearEvent(&Child->Done);
    Child->Bus.SetDone(Child->Bus.Header.Context, WorkDone, Child);
    status = Child->Bus.StartWork(Child->Bus.Header.Context, Microseconds);
    if (NT_SUCCESS(status)) {
        status = KeWaitForSingleObject(&Child->Done, Executive, KernelMode, FALSE, &limit) == STATUS_SUCCESS
                     ? Child->Bus.GetWorkCount(Child->Bus.Header.Context, &count)
                     : STATUS_IO_TIMEOUT;
    }
    Child->Bus.SetDone(Child->Bus.Header.Context, NULL, NULL);
    return status;
}

/* What may fail once the bus driver's interface is held. */
static NTSTATUS Prepare(PFRED_CHILD Child)
{
    Child->Bus.GetInfo(Child->Bus.Header.Context, &Child->Info);
    if (Child->Function.Settings[SettingFailStart]) {
        return STATUS_DEVICE_CONFIGURATION_ERROR;
    }
    return Child->Function.Settings[SettingSelfTest] ? SelfTest(Child, Child->Function.Settings[SettingSelfTest])
                                                     : STATUS_SUCCESS;
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
        status = Prepare(child);
        if (!NT_SUCCESS(status) && !MUTANT(TOASTER_KEEPS_INTERFACE_OF_FAILED_START)) {
            ReleaseResources(Device);
        }
    }
    return status;
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
