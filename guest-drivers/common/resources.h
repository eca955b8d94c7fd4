/* SPDX-License-Identifier: MIT */
/* Reading a CM_RESOURCE_LIST. */
#ifndef RESOURCES_H
#define RESOURCES_H

#include "ddk_compat.h"

/* The partial descriptors of the first full descriptor: a PCI device has exactly one. NULL, and *Count 0, without resources. */
PCM_PARTIAL_RESOURCE_DESCRIPTOR ResourceDescriptors(PCM_RESOURCE_LIST List, ULONG *Count);

#endif
