/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BUDDY_REMOVAL_H
#define BUDDY_REMOVAL_H

#include "hw/qdev-core.h"
#include "function.h"

/* Take a device out of its bus and let QEMU send DEVICE_DELETED once nobody refers to it any more. */
void removal_destroy(DeviceState *dev);

/* The device has been yanked, and is not gone yet. */
bool removal_pending(PCIDevice *pci);

/* removal_request.c: the property that withdraws a device_del. */
void removal_request_class_init(ObjectClass *klass);

/* removal_hurry.c: DEVICE_DELETED soon after a removal that is done, or that the caller is in the middle of. */
void removal_hurry(void);
void removal_hurry_later(void);
/* Main loop only: returns when what has been removed is freed. Processors that are busy in the guest's code are made to let it happen. */
void removal_drain(void);

/* removal_acpi.c: where ACPI handles a slot's hot-plug */
typedef struct RemovalAcpiSlot {
    Object *handler;
    uint64_t bsel; /* the bus's number in QEMU's ACPI hot-plug registers */
    unsigned number;
} RemovalAcpiSlot;

/* The device's slot, to be asked before the device is gone. False: not an ACPI slot. */
bool removal_acpi_slot(PCIDevice *pci, RemovalAcpiSlot *slot);
/* Tell the guest to look at the slot. */
void removal_acpi_notify(const RemovalAcpiSlot *slot);

#endif
