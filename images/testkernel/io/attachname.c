/* SPDX-License-Identifier: MIT */
/* Attaching to a device stack by the name of its device object, as drivers of Windows NT 4 do. */
#include "kernel.h"

/*
 * PASSIVE_LEVEL. Opens the target for attributes, attaches SourceDevice on top of its stack and closes it again.
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioattachdevice
 */
NTSTATUS NTAPI IoAttachDevice(PDEVICE_OBJECT SourceDevice, PUNICODE_STRING TargetDevice, PDEVICE_OBJECT *AttachedDevice)
{
    PFILE_OBJECT File;
    PDEVICE_OBJECT Target;
    NTSTATUS Status;
    *AttachedDevice = NULL;
    Status = IoGetDeviceObjectPointer(TargetDevice, FILE_READ_ATTRIBUTES, &File, &Target);
    if (NT_SUCCESS(Status)) {
        Status = IoAttachDeviceToDeviceStackSafe(SourceDevice, Target, AttachedDevice);
        ObfDereferenceObject(File);
    }
    return Status;
}

/* IRQL <= DISPATCH_LEVEL. Obsolete on Windows, too: it cannot say where it attached. */
NTSTATUS NTAPI IoAttachDeviceByPointer(PDEVICE_OBJECT SourceDevice, PDEVICE_OBJECT TargetDevice)
{
    return IoAttachDeviceToDeviceStack(SourceDevice, TargetDevice) ? STATUS_SUCCESS : STATUS_NO_SUCH_DEVICE;
}
