/* SPDX-License-Identifier: MIT */
/* The borrower's life as a function driver of its own root-enumerated device, and the entry point. */
#include "borrower.h"

const CHAR TraceDriverName[] = "borrower";

static NTSTATUS Initialize(PFUNCTION_DEVICE Device)
{
    HardwareInitialize(&Borrower(Device)->Hardware);
    return FinderInitialize(Borrower(Device));
}

/* Looking for the owner is not part of starting: there may be none yet, and it may come at any time. */
static VOID Started(PFUNCTION_DEVICE Device)
{
    NTSTATUS status = FinderStart(Borrower(Device));

    if (!NT_SUCCESS(status)) {
        Trace("finder-failed status=%x device=%u", status, Device->Number);
    }
}

static VOID Leaving(PFUNCTION_DEVICE Device)
{
    FinderStop(Borrower(Device));
}

static VOID Uninitialize(PFUNCTION_DEVICE Device)
{
    ExerciserStop(&Borrower(Device)->Hardware.Exerciser);
    FinderUninitialize(Borrower(Device));
}

static NTSTATUS DeviceControl(PFUNCTION_DEVICE Device, ULONG Code, PVOID Buffer, ULONG InputLength, ULONG OutputLength,
                              ULONG_PTR *Information)
{
    return ExerciserControl(&Borrower(Device)->Hardware.Exerciser, Code, Buffer, InputLength, OutputLength,
                            Information);
}

const FUNCTION_OPERATIONS FunctionOperations = {
    .ExtensionSize = sizeof(BORROWER),
    .DeviceType = FILE_DEVICE_UNKNOWN,
    .InterfaceClass = &GUID_DEVINTERFACE_BUDDY_BORROWER,
    .Initialize = Initialize,
    .Uninitialize = Uninitialize,
    .Started = Started,
    .Leaving = Leaving,
    .DeviceControl = DeviceControl,
};

SECTION_INIT NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    return FunctionDriverEntry(DriverObject, RegistryPath);
}
