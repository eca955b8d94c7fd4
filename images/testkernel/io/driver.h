/* SPDX-License-Identifier: MIT */
/* Private to io/driver.c and those that it asks at load and unload. */
#ifndef IO_DRIVER_H
#define IO_DRIVER_H
#include "io/io.h"
#include "ex/callback.h"
#include "ke/interrupt.h"

#define SERVICE_DISABLED_START 4 /* the service's Start value */

VOID IopInitDrivers(VOID);
NTSTATUS NTAPI IopInvalidDeviceRequest(PDEVICE_OBJECT DeviceObject, PIRP Irp);
/*
 * Stops and unloads a driver that is no PnP driver; put off while its device objects are open or attached to. Errors: STATUS_OBJECT_NAME_NOT_FOUND,
 * STATUS_INVALID_DEVICE_REQUEST (a PnP driver, or one without DriverUnload). PASSIVE_LEVEL.
 */
/* unloadcheck.c: stops when the driver has left something behind. PASSIVE_LEVEL, with the image still mapped. */
VOID IopCheckUnloaded(PDRIVER_DATA Driver);
NTSTATUS IopUnloadService(PCUNICODE_STRING ServiceName);
/* pnp/notify.c: a registration whose callback lies in the image. */
BOOLEAN PnpFindNotificationOfImage(PVOID Base, SIZE_T Size);
/* pnp/event.c: IopUnloadRecheck on the PnP event thread. IRQL <= DISPATCH_LEVEL. */
VOID PnpQueueUnloadRecheck(PCUNICODE_STRING ServiceName);
/* pnp/builtin.c: the entry point of a driver inside the kernel, or NULL. */
PDRIVER_INITIALIZE PnpBuiltinEntry(PCUNICODE_STRING ServiceName);

#endif
