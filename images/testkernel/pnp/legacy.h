/* SPDX-License-Identifier: MIT */
#ifndef PNP_LEGACY_H
#define PNP_LEGACY_H
#include "kernel.h"
#include "pnp/inf.h"

/* install.c: writes the service key that a service-install section describes. Registry locked. */
VOID PnpWriteService(const INF_FILE *File, PCSTR Service, PCSTR Section, INF_LINE *Line);
/* Writes the keys of all services that the AddService lines of Section name. PASSIVE_LEVEL. */
VOID PnpAddServices(const INF_FILE *File, PCSTR Section);
/* Installs what [DefaultInstall.Services] (decorated or not) of the INF asks for. */
VOID PnpInstallServices(const INF_FILE *File);
/*
 * Starts the services without devices, after the first enumeration: those with StartType boot, system or automatic, and those that the boot option
 * load=<service>,... names, as `sc start` would.
 */
VOID PnpStartServices(VOID);

#endif
