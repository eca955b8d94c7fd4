/* SPDX-License-Identifier: MIT */
/* The borrower's life as a function driver of its own root-enumerated device, and the entry point. */
#include "borrower.h"

const CHAR TraceDriverName[] = "borrower";

static const SETTING Settings[] = {
    [SettingTraceDetail] = TRACE_DETAIL_SETTING,
    [SettingMechanism] = {L"Mechanism", BUDDY_MECHANISM_IOCTL, BUDDY_MECHANISM_INTERFACE},
    [SettingTalk] = {L"Talk", 0, BUDDY_TALK_SHARED_CONTEXT | BUDDY_TALK_CALLBACK | BUDDY_TALK_EVENT},
    [SettingPattern] = {L"ExercisePattern", BUDDY_PATTERN_MIXED, BUDDY_PATTERN_LAST},
    [SettingAutoStart] = {L"ExerciseAtStart", 0, 1},
    [SettingInterrupt] = {L"Interrupt", BUDDY_INTERRUPT_BY_OWNER, BUDDY_INTERRUPT_BY_LINE},
    [SettingPowerUpMilliseconds] = {L"PowerUpMilliseconds", 0, 5000},
};
C_ASSERT(SettingCount <= MAX_SETTINGS);

/* The owner goes away for good. The open connection learns it by target-device notification; one without an open learns it here. In the owner's callback. */
static VOID OwnerLeft(PHARDWARE Hardware)
{
    PBORROWER borrower = CONTAINING_RECORD(Hardware, BORROWER, Hardware);
    PCONNECTION connection = borrower->Finder.Connection;

    if (connection != NULL && connection->Mechanism == BUDDY_MECHANISM_DIRECT && !MUTANT(BORROWER_MISSES_THE_END)) {
        connection->OwnerLeft = TRUE;
        ExWaitForRundownProtectionRelease(&connection->Waking);
        connection->Finished = TRUE;
        FinderQueueWork(borrower);
    }
}

/* What takes effect with the next borrowing, power callback or exercise. */
static VOID ApplySettings(PBORROWER Borrower)
{
    Borrower->Hardware.User.Exerciser.DefaultPattern = Borrower->Function.Settings[SettingPattern];
    Borrower->Hardware.UseLine = Borrower->Function.Settings[SettingInterrupt] == BUDDY_INTERRUPT_BY_LINE;
    Borrower->Hardware.PowerUpMilliseconds = Borrower->Function.Settings[SettingPowerUpMilliseconds];
}

static NTSTATUS Initialize(PFUNCTION_DEVICE Device)
{
    PBORROWER borrower = Borrower(Device);

    HardwareInitialize(&borrower->Hardware);
    borrower->Hardware.OwnerLeft = OwnerLeft;
    borrower->Hardware.User.Talk = TalkRound;
    borrower->Hardware.User.Exerciser.Wake = FinderWakeOwner;
    ApplySettings(borrower);
    KeInitializeEvent(&borrower->Answered, SynchronizationEvent, FALSE);
    return FinderInitialize(borrower);
}

/* Looking for the owner is not part of starting: there may be none yet, and it may come at any time. */
static VOID Started(PFUNCTION_DEVICE Device)
{
    NTSTATUS status;

    TalkStart(Borrower(Device));
    if (Device->Settings[SettingAutoStart]) {
        ExerciserStart(&Borrower(Device)->Hardware.User.Exerciser, Device->Settings[SettingPattern]);
    }
    status = FinderStart(Borrower(Device));
    if (!NT_SUCCESS(status)) {
        Trace("finder-failed status=%x device=%u", status, Device->Number);
    }
}

static VOID Leaving(PFUNCTION_DEVICE Device)
{
    FinderStop(Borrower(Device));
    TalkStop(Borrower(Device));
}

/* Another mechanism is taken up by letting go of the owner and borrowing again. */
static VOID SettingsChanged(PFUNCTION_DEVICE Device)
{
    PBORROWER borrower = Borrower(Device);

    ApplySettings(borrower);
    borrower->Finder.Reconnect = TRUE;
    FinderQueueWork(borrower);
}

static VOID Uninitialize(PFUNCTION_DEVICE Device)
{
    ExerciserStop(&Borrower(Device)->Hardware.User.Exerciser);
    FinderUninitialize(Borrower(Device));
}

static NTSTATUS DeviceControl(PFUNCTION_DEVICE Device, ULONG Code, PVOID Buffer, ULONG InputLength, ULONG OutputLength,
                              ULONG_PTR *Information)
{
    return ExerciserControl(&Borrower(Device)->Hardware.User.Exerciser, Code, Buffer, InputLength, OutputLength,
                            Information);
}

/* Mutant only: takes the power of its own stack for that of the hardware. */
static VOID OwnPowerUp(PFUNCTION_DEVICE Device)
{
    PHARDWARE hardware = &Borrower(Device)->Hardware;

    if (hardware->User.Page != NULL) {
        PageWrite(&hardware->User, INT_ENABLE, BUDDY_CLIENT__INT_ENABLE__JOB_bm);
        GateOpen(&hardware->User.Gate);
    }
}

/* Mutant only: looks at the hardware when its own stack is put to sleep, long after the owner has said that the power goes. */
static VOID OwnPowerDown(PFUNCTION_DEVICE Device, POWER_DOWN_REASON Reason)
{
    PHARDWARE hardware = &Borrower(Device)->Hardware;

    if (hardware->User.Page != NULL && Reason == PowerDownSleep) {
        ExerciserCount(&hardware->User.Exerciser, PageRead(&hardware->User, ID) == BUDDY_CLIENT__ID__VALUE_reset);
    }
}

const FUNCTION_OPERATIONS FunctionOperations = {
    .ExtensionSize = sizeof(BORROWER),
    .DeviceType = FILE_DEVICE_UNKNOWN,
    .InterfaceClass = &GUID_DEVINTERFACE_BUDDY_BORROWER,
    .Settings = Settings,
    .SettingCount = SettingCount,
    .SettingsChanged = SettingsChanged,
    .Initialize = Initialize,
    .Uninitialize = Uninitialize,
    .Started = Started,
    .Stopping = MUTANT(BORROWER_STAYS_REGISTERED_AT_STOP) ? NULL : Leaving,
    .Leaving = Leaving,
    .PowerUp = MUTANT(BORROWER_USES_OWN_POWER) ? OwnPowerUp : NULL,
    .PowerDown = MUTANT(BORROWER_IGNORES_POWER_DOWN) ? OwnPowerDown : NULL,
    .DeviceControl = DeviceControl,
};

SECTION_INIT NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    return FunctionDriverEntry(DriverObject, RegistryPath);
}
