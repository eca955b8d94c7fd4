/* SPDX-License-Identifier: MIT */
/*
 * Unified device properties: of devices and device interfaces, by key and language.
 * https://learn.microsoft.com/windows-hardware/drivers/install/unified-device-property-model--windows-vista-and-later-
 * PASSIVE_LEVEL, no lock needed.
 */
#ifndef PNP_PROPERTY_H
#define PNP_PROPERTY_H
#include "pnp/internal.h"
#include <devpropdef.h>

typedef struct _PNP_PROPERTY_KEY {
    const DEVPROPKEY *Key;
    LCID Language;
} PNP_PROPERTY_KEY;

/* Owner: an instance path, or an interface's symbolic link. Type DEVPROP_TYPE_EMPTY, or no data, deletes. Flags: PLUGPLAY_PROPERTY_PERSISTENT. */
NTSTATUS PnpSetProperty(PCUNICODE_STRING Owner, PNP_PROPERTY_KEY Key, ULONG Flags, DEVPROPTYPE Type, ULONG Size,
                        const VOID *Data);
/* STATUS_OBJECT_NAME_NOT_FOUND; STATUS_BUFFER_TOO_SMALL with *Required set. */
NTSTATUS PnpGetProperty(PCUNICODE_STRING Owner, PNP_PROPERTY_KEY Key, ULONG Size, PVOID Data, PULONG Required,
                        PDEVPROPTYPE Type);
/* The owner goes: what is not persistent is forgotten, with Persistent all of it. */
VOID PnpDropProperties(PCUNICODE_STRING Owner, BOOLEAN Persistent);

/* Which devices belong to one piece of equipment. Set while a device is identified. */
VOID PnpSetContainer(PDEVICE_NODE Node, PCWSTR Reported);
/* Uninstalled: all properties that drivers set. */
VOID PnpForgetProperties(PDEVICE_NODE Node);
BOOLEAN PnpGetContainer(PDEVICE_NODE Node, GUID *Container);

#endif
