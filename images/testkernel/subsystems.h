/* SPDX-License-Identifier: MIT */
/* What main.c and the agent call of the other subsystems. */
#ifndef TESTKERNEL_SUBSYSTEMS_H
#define TESTKERNEL_SUBSYSTEMS_H
#include "kernel.h"
#include "agent/json.h"

/* io/ (PASSIVE_LEVEL, initial system thread): object manager, registry, I/O, PnP; enumerates the buses and starts the devices. */
NTSTATUS IoInitSystem(VOID);
/*
 * io/irp.c (PASSIVE_LEVEL): the current thread ends; cancels the IRPs that it made and waits until they are completed.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/introduction-to-cancelable-irps
 */
VOID IoRundownThread(VOID);
/* io/irp.c (any IRQL, the memory is mapped): is it an IRP of IoAllocateIrp? */
BOOLEAN IopIsIrp(const VOID *Memory);
/* agent/buddyctl.c (PASSIVE_LEVEL): runs a verb of docs/guest-interface.md, writes one JSON object, returns the exit code. */
int BuddyctlRun(int argc, const char *const *argv, JSON_WRITER *out);
/* po/watchdog.c (IRQL <= DISPATCH_LEVEL): Caller deletes Device; 0x9F if that has a power IRP out. */
VOID PoCheckDelete(PDEVICE_OBJECT Device, PVOID Caller);
/* A device object is being deleted: its idle detection ends. IRQL <= DISPATCH_LEVEL. */
VOID PoForgetDevice(PDEVICE_OBJECT Device);
/* po/ (PASSIVE_LEVEL): sleeps and wakes; returns after resume, or with the veto. */
NTSTATUS PoSuspendSystem(SYSTEM_POWER_STATE State);
/* Why the last PoSuspendSystem was refused, and by whom; "" if it was not. */
PCSTR PoLastVeto(VOID);
/* po/ (PASSIVE_LEVEL): powers the tree down, then PowerActionShutdownOff, …Reset or …Shutdown (halt). Does not return on success. */
NTSTATUS PoShutdownSystem(POWER_ACTION Action);

#endif
