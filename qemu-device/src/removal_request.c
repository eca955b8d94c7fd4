/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Withdrawing a device_del that the guest refused: the QOM property `unplug-requested` of every PCI device.
 *
 *     qom-set path=/machine/peripheral/buddy0 property=unplug-requested value=false
 *
 * A guest that refuses sends QEMU no event, so QEMU refuses the next device_del of the device for five seconds, in case the guest is slow (hw/pci/pcie.c,
 * pending_deleted_expires_ms). Who knows that the guest has refused may say so. The guest sees nothing of it: to a slot it is a button that
 * is pressed again later.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "hw/pci/pci.h"
#include "removal.h"

static bool get_requested(Object *obj, Error **errp)
{
    return DEVICE(obj)->pending_deleted_event;
}

static void set_requested(Object *obj, bool value, Error **errp)
{
    if (value) {
        error_setg(errp, "unplug-requested: only false can be written; device_del makes a request");
        return;
    }
    if (!removal_pending(PCI_DEVICE(obj))) {
        DEVICE(obj)->pending_deleted_event = false;
        DEVICE(obj)->pending_deleted_expires_ms = 0;
    }
}

void removal_request_class_init(ObjectClass *klass)
{
    object_class_property_add_bool(klass, "unplug-requested", get_requested, set_requested);
    object_class_property_set_description(klass, "unplug-requested",
                                          "a device_del waits for the guest; write false when it has refused");
}
