/* SPDX-License-Identifier: MIT */
/* Private to io/: access checks when a device is opened. */
#ifndef IO_SECURITY_H
#define IO_SECURITY_H
#include "io/io.h"

#define SECURITY_ALL 0x001F01FF /* FILE_ALL_ACCESS */

/* Any IRQL. Generic rights become those of a file object. */
ACCESS_MASK IopMapFileAccess(ACCESS_MASK Access);
/* Any IRQL. What the DACL of an SDDL string grants to the system. Errors: STATUS_INVALID_SECURITY_DESCR. */
NTSTATUS IopParseSddl(PCWSTR Sddl, ACCESS_MASK *Granted);
/*
 * PASSIVE_LEVEL. May a program open DeviceObject with Access? HasTrailingName: the path goes on behind the device's name, which is checked only with
 * FILE_DEVICE_SECURE_OPEN. Errors: STATUS_ACCESS_DENIED.
 */
NTSTATUS IopCheckAccess(PDEVICE_OBJECT DeviceObject, ACCESS_MASK Access, BOOLEAN HasTrailingName);

#endif
