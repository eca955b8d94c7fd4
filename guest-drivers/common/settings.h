/* SPDX-License-Identifier: MIT */
/*
 * Settings: REG_DWORD values under the device's hardware key, put there by the INF (AddReg) and changed by `buddyctl settings`.
 * Read at AddDevice and again on IOCTL_BUDDY_SETTINGS_CHANGED.
 */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "ddk_compat.h"

typedef struct _SETTING {
    PCWSTR Name;
    ULONG Default; /* also taken for a value above Maximum */
    ULONG Maximum;
} SETTING;

/* Values[n] becomes what is stored for Settings[n], or its default. PASSIVE_LEVEL. */
VOID SettingsRead(PDEVICE_OBJECT Pdo, const SETTING *Settings, ULONG Count, ULONG *Values);

#endif
