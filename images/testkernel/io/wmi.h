/* SPDX-License-Identifier: MIT */
#ifndef IO_WMI_H
#define IO_WMI_H
#include "kernel.h"

/* IRQL <= DISPATCH_LEVEL. Is this device object registered with WMI? It must not be when it is deleted: 0xC4/0xDB. */
BOOLEAN IopIsWmiProvider(PVOID Object);

/* IRQL <= DISPATCH_LEVEL. A callback in the image that is registered (WMIREG_FLAG_CALLBACK). */
BOOLEAN IopFindWmiOfImage(PVOID Base, SIZE_T Size, PVOID *Callback);

#endif
