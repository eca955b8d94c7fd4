/* SPDX-License-Identifier: MIT */
/* The order in which the kernel comes up. */
#include "kernel.h"
#include "subsystems.h"
#include "agent/agent.h"
#include "boot/loader.h"
#include "boot/modules.h"
#include "boot/multiboot.h"
#include "boot/options.h"
#include "ex/ex.h"
#include "hal/acpi.h"
#include "hal/apic.h"
#include "hal/hal.h"
#include "hal/ioapic.h"
#include "kd/log.h"
#include "ke/bugcheck.h"
#include "ke/dispatch.h"
#include "ke/idle.h"
#include "ke/perturb.h"
#include "ke/processor.h"
#include "ke/threads.h"
#include "mm/mm.h"

static VOID ReadOptions(VOID)
{
    static const PCSTR levels[] = {"error", "warning", "info", "debug"};
    CHAR level[16];
    KeBootOption("log", level, sizeof(level));
    for (ULONG i = 0; i < COUNT_OF(levels); i++) {
        if (level[0] == levels[i][0]) {
            KdLogLevel = (LOG_LEVEL)i;
        }
    }
}

/* The initial system thread: everything that may wait. */
static VOID NTAPI SystemThread(PVOID Context)
{
    ExInitWorkers();
    NTSTATUS status = IoInitSystem();
    if (!NT_SUCCESS(status)) {
        KeBugCheckReason(0x69, (ULONG)status, 0, 0, 0, NULL, "IoInitSystem failed with status 0x%08x", status);
    }
    AgentStart();
    KdLog(LOG_INFO, "ready: %I64u us, %u of %u pages free", HalNanoseconds() / 1000, MiFreePageCount(),
          MiTotalPageCount());
    KdTrace("ready");
    AgentStartScript();
}

/* Entered from boot/entry.S in long mode with interrupts off, on the boot stack, which the idle thread keeps. */
VOID KiStartKernel(ULONG MultibootInformation)
{
    PKTHREAD thread;
    HalSerialInitialize(COM1);
    KiInitializeProcessor();
    KiInitializeIdleThread();
    BootInitialize(MultibootInformation);
    LdrInitialize();
    ReadOptions();
    KdLog(LOG_INFO, "test kernel");
    KdTrace("boot");
    /* Spin locks lower the IRQL to what it was: the boot runs with interrupts off at DISPATCH_LEVEL until all is set up. */
    __writecr8(DISPATCH_LEVEL);
    MmInitialize();
    if (!HalAcpiInitialize()) {
        KeBugCheckReason(0xA5, 0, 0, 0, 0, NULL,
                         "no ACPI tables (RSDP, FADT, MADT); start QEMU with -machine q35 and its SeaBIOS");
    }
    HalApicInitialize();
    HalIoApicInitialize();
    HalAcpiEnable();
    HalClockInitialize();
    KiInitializePerturbation();
    KiInitializeIdle();
    if (!NT_SUCCESS(KiCreateThread("system", 8, SystemThread, NULL, &thread))) {
        KeBugCheckReason(0x69, 0, 0, 0, 0, NULL, "no memory for the first thread");
    }
    KiDereferenceThread(thread);
    _enable();
    KeLowerIrql(PASSIVE_LEVEL);
    KiIdleLoop();
}
