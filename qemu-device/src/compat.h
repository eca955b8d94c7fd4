/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMU's internal interface has no promise of stability. The differences between the versions that the devices are
 * built for (7.2 and 10.0) are all here, so that the other files are written once.
 */
#ifndef BUDDY_COMPAT_H
#define BUDDY_COMPAT_H

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/bitops.h"
#include "qemu/host-utils.h"
#include "qemu/timer.h"
#include "qemu/units.h"
#include "qemu/main-loop.h"
#include "exec/memory.h"
#include "hw/pci/pci.h"
#include "hw/qdev-properties.h"
#include "hw/qdev-properties-system.h"
#include "hw/resettable.h"
#include "migration/vmstate.h"

/* Property lists are constant and counted since 9.2, and terminated before. */
#if QEMU_VERSION_MAJOR >= 10
typedef const Property PropertyList;
#define PROPERTY_LIST_END
#else
typedef Property PropertyList;
#define PROPERTY_LIST_END DEFINE_PROP_END_OF_LIST(),
#endif

#if QEMU_VERSION_MAJOR >= 8
#include "hw/pci/pci_device.h"
#define unplug_guest_error_compat(id, path) qapi_event_send_device_unplug_guest_error(id, path)
#else
#define unplug_guest_error_compat(id, path) qapi_event_send_device_unplug_guest_error((id) != NULL, id, path)
#endif

#if QEMU_VERSION_MAJOR >= 10
#include "system/runstate.h"
#include "system/reset.h"
#include "system/system.h"
#include "system/cpus.h"
#include "system/cpu-timers.h"
#include "system/qtest.h"
#else
#include "sysemu/runstate.h"
#include "sysemu/reset.h"
#include "sysemu/sysemu.h"
#include "sysemu/cpus.h"
#include "sysemu/cpu-timers.h"
#include "sysemu/qtest.h"
#define device_class_set_legacy_reset(dc, handler) ((dc)->reset = (handler))
#endif

/* QEMU's big lock has had its name since 9.0. */
#if QEMU_VERSION_MAJOR < 9
#define bql_lock()   qemu_mutex_lock_iothread()
#define bql_unlock() qemu_mutex_unlock_iothread()
#endif

/* The slot has its power on. */
static inline bool pci_has_power_compat(const PCIDevice *pci)
{
#if QEMU_VERSION_MAJOR >= 10
    return pci->enabled;
#else
    return pci->has_power;
#endif
}

/* RAM of a device, migrated with it. False and an error if there is no memory for it. */
static inline bool memory_region_init_ram_compat(MemoryRegion *mr, Object *owner, const char *name, uint64_t size,
                                                 Error **errp)
{
    Error *error = NULL;

    memory_region_init_ram(mr, owner, name, size, &error);
    error_propagate(errp, error);
    return !error;
}

#endif
