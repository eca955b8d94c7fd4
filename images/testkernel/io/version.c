/* SPDX-License-Identifier: MIT */
/* Small questions to the I/O manager: WDM version, stack limits, configuration counts. Any IRQL. */
#include "kernel.h"
#include "ke/processor.h"
#include "ke/thread.h"

/* Windows 10 says yes up to 6.0 (Vista's, the last number that WDM got). */
BOOLEAN NTAPI IoIsWdmVersionAvailable(UCHAR MajorVersion, UCHAR MinorVersion)
{
    return MajorVersion < 6 || (MajorVersion == 6 && MinorVersion == 0);
}

VOID NTAPI IoGetStackLimits(PULONG_PTR LowLimit, PULONG_PTR HighLimit)
{
    PKTHREAD Thread = KiCurrentThread();
    *LowLimit = (ULONG_PTR)Thread->StackLimit;
    *HighLimit = (ULONG_PTR)Thread->StackBase;
}

PVOID NTAPI IoGetInitialStack(VOID)
{
    return KiCurrentThread()->StackBase;
}

LOGICAL NTAPI IoWithinStackLimits(ULONG_PTR RegionStart, SIZE_T RegionSize)
{
    ULONG_PTR Low, High;
    IoGetStackLimits(&Low, &High);
    return RegionStart >= Low && RegionStart < High && RegionSize <= High - RegionStart;
}

/* There is no user mode. */
BOOLEAN NTAPI IoIs32bitProcess(PIRP Irp)
{
    return FALSE;
}

NTSTATUS NTAPI IoGetDeviceNumaNode(PDEVICE_OBJECT Pdo, PUSHORT NodeNumber)
{
    *NodeNumber = 0;
    return STATUS_SUCCESS;
}

/* PASSIVE_LEVEL. Drivers count their devices in it themselves. */
PCONFIGURATION_INFORMATION NTAPI IoGetConfigurationInformation(VOID)
{
    static CONFIGURATION_INFORMATION Information = {.Version = sizeof(CONFIGURATION_INFORMATION)};
    return &Information;
}
