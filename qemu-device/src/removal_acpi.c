/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Surprise removal from a slot whose hot-plug ACPI handles (the default of q35 and pc): after the device is gone the guest
 * is sent a Device Check for the slot. It enumerates the slot anew and finds nothing, which is how firmware tells of a
 * removal that nobody asked for (ACPI 6.4, section 5.6.6, notification value 1).
 */
#include "qemu/osdep.h"
#include "hw/acpi/acpi_dev_interface.h"
#include "hw/acpi/pcihp.h"
#include "hw/acpi/piix4.h"
#include "function.h"
#include "removal.h"
#if QEMU_VERSION_MAJOR >= 9
#include "hw/southbridge/ich9.h"
#else
#include "hw/i386/ich9.h"
#endif

static AcpiPciHpState *hotplug_state(Object *handler)
{
    if (object_dynamic_cast(handler, TYPE_ICH9_LPC_DEVICE)) {
        return &ICH9_LPC_DEVICE(handler)->pm.acpi_pci_hotplug;
    }
    if (object_dynamic_cast(handler, TYPE_PIIX4_PM)) {
        return &PIIX4_PM(handler)->acpi_pci_hotplug;
    }
    return NULL;
}

bool removal_acpi_slot(PCIDevice *pci, RemovalAcpiSlot *slot)
{
    DeviceState *dev = DEVICE(pci);
    Object *bus = OBJECT(qdev_get_parent_bus(dev));
    HotplugHandler *handler = qdev_get_hotplug_handler(dev);
    Error *error = NULL;

    slot->handler = NULL;
    if (!handler || !hotplug_state(OBJECT(handler))) {
        return false;
    }
    slot->bsel = object_property_get_uint(bus, ACPI_PCIHP_PROP_BSEL, &error);
    if (error || slot->bsel >= ACPI_PCIHP_MAX_HOTPLUG_BUS) {
        error_free(error);
        return false;
    }
    slot->handler = OBJECT(handler);
    slot->number = PCI_SLOT(pci->devfn);
    return true;
}

void removal_acpi_notify(const RemovalAcpiSlot *slot)
{
    hotplug_state(slot->handler)->acpi_pcihp_pci_status[slot->bsel].up |= 1u << slot->number;
    acpi_send_event(DEVICE(slot->handler), ACPI_PCI_HOTPLUG_STATUS);
}
