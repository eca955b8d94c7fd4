/* SPDX-License-Identifier: MIT */
/* pci/capabilities.c - IRP_MN_QUERY_CAPABILITIES of a function (Microsoft, DEVICE_CAPABILITIES; PM 3.2.3 for PMC). */
#include "pm.h"

/*
 * The states that PMC names, and the power that each system state leaves to the function: S1 keeps the bus powered, in S2 and deeper the
 * slots have none (there is no _SxD here that could say otherwise). Fields that mean nothing to PCI stay as the caller set them.
 */
VOID PciQueryCapabilities(PCI_FUNCTION *Function, PDEVICE_CAPABILITIES Capabilities)
{
    USHORT pmc = Function->PmSupport;
    BOOLEAN slot = Function->Bus->Slot != NULL, managed = Function->PmCap != 0;

    if (Capabilities->Version != 1 || Capabilities->Size < sizeof(*Capabilities))
        return;
    Capabilities->Address = (ULONG)Function->At.Device << 16 | Function->At.Function;
    Capabilities->UINumber = PciSlotNumber(Function->Bus);
    Capabilities->UniqueID = Function->HasSerial;
    Capabilities->EjectSupported = slot;
    Capabilities->Removable = slot;
    Capabilities->DeviceD1 = (pmc & PMC_D1) != 0;
    Capabilities->DeviceD2 = (pmc & PMC_D2) != 0;
    Capabilities->WakeFromD0 = (pmc & PMC_PME(0)) != 0;
    Capabilities->WakeFromD1 = (pmc & PMC_PME(1)) != 0;
    Capabilities->WakeFromD2 = (pmc & PMC_PME(2)) != 0;
    Capabilities->WakeFromD3 = (pmc & (PMC_PME(3) | PMC_PME(4))) != 0;
    Capabilities->DeviceState[PowerSystemUnspecified] = PowerDeviceUnspecified;
    Capabilities->DeviceState[PowerSystemWorking] = PowerDeviceD0;
    Capabilities->DeviceState[PowerSystemSleeping1] = managed ? PowerDeviceD3 : PowerDeviceD0;
    for (int state = PowerSystemSleeping2; state <= PowerSystemShutdown; state++)
        Capabilities->DeviceState[state] = PowerDeviceD3;
    Capabilities->SystemWake = PciSystemWake(Function);
    Capabilities->DeviceWake = PciDeviceWake(Function);
    /* In units of 100 microseconds (PM 5.6.1, table 5-6). */
    Capabilities->D1Latency = 0;
    Capabilities->D2Latency = 2;
    Capabilities->D3Latency = 100;
}
