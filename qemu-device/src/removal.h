/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BUDDY_REMOVAL_H
#define BUDDY_REMOVAL_H

#include "hw/qdev-core.h"

/* Take a device out of its bus and let QEMU send DEVICE_DELETED once nobody refers to it any more. */
void removal_destroy(DeviceState *dev);

#endif
