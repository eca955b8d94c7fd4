/* SPDX-License-Identifier: MIT */
/* System transitions from end to end: sleep, shutdown, reset. */
#include "po/po.h"
#include "ex/callback.h"
#include "hal/acpi.h"
#include "hal/hal.h"
#include "hal/sleep.h"
#include "io/io.h"
#include "kd/log.h"
#include "pci/pci.h"
#include "rtl/format.h"
#include "subsystems.h"

/* First argument of \Callback\PowerState (Microsoft, "Predefined Callback Objects"). */
#define STATE_LOCK PO_CB_SYSTEM_STATE_LOCK

static CHAR Veto[200];

PCSTR PoLastVeto(VOID)
{
    return Veto;
}

/* What woke the machine, as the journal's reader wants it. A wake by QMP's system_wakeup sets no more than the wake status. */
static PCSTR WakeSource(USHORT Status, ULONG Pme)
{
    if (Pme != 0)
        return "pme";
    if (Status & ACPI_PM1_PWRBTN_STS)
        return "power-button";
    if (Status & ACPI_PM1_RTC_STS)
        return "rtc";
    return "platform";
}

static VOID Announce(SYSTEM_POWER_STATE State)
{
    KdTrace("suspend system=S%u", State - PowerSystemWorking);
}

/* HAL_SLEEP_CONTEXT. No event of QEMU's tells of S1: who waits for this line may wake the machine at once, because all is armed. */
static VOID SaveForS1(VOID)
{
    Announce(PowerSystemSleeping1);
    KdLog(LOG_INFO, "power: S1 entered");
}

static NTSTATUS Sleep(SYSTEM_POWER_STATE State)
{
    BOOLEAN inPlace = State == PowerSystemSleeping1;
    HAL_SLEEP_CONTEXT context = {
        .Save = inPlace ? SaveForS1 : PciSaveSystem, .Restore = PciRestoreSystem, .Woken = PciSystemWoken};
    ULONG64 begin = HalNanoseconds(), asleep;
    NTSTATUS status;
    ULONG pme;

    PopSystemState = State;
    ExNotifyPowerState(STATE_LOCK, 0);
    PopSetSystem(State, PowerActionSleep);
    if (!inPlace)
        Announce(State);
    asleep = HalNanoseconds();
    status = HalSleep(State, &context);
    PopSystemState = PowerSystemWorking;
    pme = PciResumeSystem(!inPlace);
    KdTrace("resume status=0x%x wake=%s", status, WakeSource(context.WakeStatus, pme));
    PopSetSystem(PowerSystemWorking, PowerActionSleep);
    ExNotifyPowerState(STATE_LOCK, 1);
    KdLog(LOG_INFO, "power: S%u %s, wake source %s; down %u us, up %u us", State - PowerSystemWorking,
          NT_SUCCESS(status) ? "and back" : "refused by the platform", WakeSource(context.WakeStatus, pme),
          (ULONG)((asleep - begin) / 1000), (ULONG)((HalNanoseconds() - asleep) / 1000));
    return status;
}

/*
 * The whole cycle: query, set, sleep, wake, set. PASSIVE_LEVEL; takes the tree lock, so no PnP operation is half done. Returns after
 * resume; the status of a veto (PoLastVeto says whose); STATUS_NOT_SUPPORTED for a state that the platform lacks, and for S4: there is no
 * disk to hibernate to.
 */
NTSTATUS PoSuspendSystem(SYSTEM_POWER_STATE State)
{
    NTSTATUS status;

    Veto[0] = 0;
    if (State < PowerSystemSleeping1 || State > PowerSystemSleeping3 || !HalSleepStateSupported(State)) {
        RtlFormat(Veto, sizeof(Veto), "S%u is not supported: %s", State - PowerSystemWorking,
                  State == PowerSystemHibernate ? "there is no disk to hibernate to"
                                                : "the firmware has no \\_Sx for it (disable_s3=1?)");
        KdLog(LOG_WARNING, "power: %s", Veto);
        KdTrace("suspend-refused status=0x%x", STATUS_NOT_SUPPORTED);
        return STATUS_NOT_SUPPORTED;
    }
    PopLockTree();
    status = PopQuerySystem(State, PowerActionSleep, Veto, sizeof(Veto));
    if (NT_SUCCESS(status))
        status = Sleep(State);
    else
        KdTrace("suspend-refused status=0x%x", status);
    PnpUnlockTree();
    PciReenumerateSystem();
    return status;
}

/*
 * PASSIVE_LEVEL. Devices get PowerSystemShutdown without a query (Microsoft, "System Set-Power IRPs"), then the power goes, the machine is
 * reset, or the processor stops. Does not return.
 */
NTSTATUS PoShutdownSystem(POWER_ACTION Action)
{
    IopShutdownDevices();
    PopLockTree();
    PopSystemState = PowerSystemShutdown;
    ExNotifyPowerState(STATE_LOCK, 0);
    PopSetSystem(PowerSystemShutdown, Action);
    KdTrace("shutdown action=%u", Action);
    if (Action == PowerActionShutdownReset)
        HalReset();
    if (Action == PowerActionShutdownOff)
        HalPowerOff();
    KdLog(LOG_INFO, "power: the system is halted");
    _disable();
    for (;;)
        __asm__ volatile("hlt");
}
