/* SPDX-License-Identifier: MIT */
/* Installing drivers: what install.c, addreg.c, store.c and update.c share. PASSIVE_LEVEL. */
#ifndef PNP_INSTALL_H
#define PNP_INSTALL_H
#include "pnp/internal.h"
#include "cm/registry.h"
#include "pnp/inf.h"

#define INF_WIDE 512 /* characters of a widened INF field */

/* addreg.c */
/* Text as UTF-16 in Wide, which has INF_WIDE characters. */
PCWSTR PnpWiden(PCSTR Text, PWCHAR Wide);
/* All DelReg and AddReg sections that Section names, with HKR = Root. Registry locked. */
VOID PnpAddReg(const INF_FILE *File, PCSTR Section, PCM_KEY Root);

/* store.c: the driver store, which has the INF files of the boot modules and of the packages that were added since. */
/* The best match in the store; Match->Rank is INF_NO_MATCH when there is none. IDs as in InfMatchDevice. Tree locked. */
VOID PnpMatchStore(PCSTR HardwareIds, PCSTR CompatibleIds, INF_MATCH *Match);
/*
 * Adds the INF of a driver package (a boot module "x.inf package=folder", Path is "folder\\x.inf") to the store. Adding it again is no error. Errors:
 * STATUS_OBJECT_NAME_NOT_FOUND, STATUS_INVALID_PARAMETER (no INF), STATUS_INSUFFICIENT_RESOURCES. Tree locked.
 */
NTSTATUS PnpAddToStore(PCSTR Path, const INF_FILE **File);

/* install.c: the ranks and the service of one INF for a device, and making it the device's driver. Tree locked. */
typedef struct _PNP_DRIVER_CHOICE {
    INF_MATCH Match;
    INF_LINE Line;
    CHAR Service[112];
    CHAR Section[80];
    WCHAR Wide[INF_WIDE];
    CHAR HardwareIds[2048];
    CHAR CompatibleIds[2048];
} PNP_DRIVER_CHOICE, *PPNP_DRIVER_CHOICE;
/* FALSE: File (NULL: no INF of the store) has no driver for the device. */
BOOLEAN PnpChooseDriver(PDEVICE_NODE Node, const INF_FILE *File, PPNP_DRIVER_CHOICE Choice);
/* The INF that the device was installed from, or NULL. */
const INF_FILE *PnpInstalledInf(PDEVICE_NODE Node);
/* Writes the service and device keys. The device must not be started. */
NTSTATUS PnpInstall(PDEVICE_NODE Node, PPNP_DRIVER_CHOICE Choice);
/* The INF in the store with that path ("owner.inf", "owner-2\\owner.inf"), or NULL. store.c */
const INF_FILE *PnpFindInStore(PCSTR Path);
/* "owner.inf" or "owner-2\\owner.inf". store.c */
VOID PnpInfPath(const INF_FILE *File, PSTR Path, ULONG Size);

#endif
